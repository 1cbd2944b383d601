#include "histogram.h"

static unsigned bucket_of(uint64_t us) {
    if (us < 256) {
        return (unsigned)us;
    }
    unsigned shift = 63U - (unsigned)__builtin_clzll(us) - 7U; /* keeps the 8 leading bits */
    unsigned index = 256U + (shift - 1U) * 128U + (unsigned)(us >> shift) - 128U;
    return index < BUCKETS ? index : BUCKETS - 1;
}

/* The middle of a bucket, in microseconds. */
static double middle(unsigned index) {
    if (index < 256) {
        return (double)index;
    }
    unsigned shift = (index - 256U) / 128U + 1U;
    uint64_t low = (uint64_t)((index - 256U) % 128U + 128U) << shift;
    return (double)low + (double)(1ULL << shift) / 2.0;
}

void histogram_add(Histogram *histogram, uint64_t nanoseconds) {
    uint64_t us = (nanoseconds + 500) / 1000;
    histogram->count++;
    histogram->sum_us += us;
    histogram->max_us = us > histogram->max_us ? us : histogram->max_us;
    histogram->bucket[bucket_of(us)]++;
}

double histogram_at(const Histogram *histogram, double share) {
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    for (unsigned index = 0; index < BUCKETS; index++) {
        seen += histogram->bucket[index];
        if (seen > 0 && (double)seen >= wanted) {
            return middle(index);
        }
    }
    return 0.0;
}

void histogram_print(const Histogram *histogram, const char *name, FILE *out) {
    double mean = histogram->count == 0 ? 0.0 : (double)histogram->sum_us / (double)histogram->count;
    fprintf(out, "\"%s\":{\"count\":%llu,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%llu}",
            name, (unsigned long long)histogram->count, mean, histogram_at(histogram, 0.5),
            histogram_at(histogram, 0.9), histogram_at(histogram, 0.99), histogram_at(histogram, 0.999),
            (unsigned long long)histogram->max_us);
}
