/* Latencies in buckets: exact to 1 us below 256 us, to 0.8 % above; constant memory whatever comes. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { BUCKETS = 256 + 128 * 24 }; /* up to 2^32 us; more than an hour lands in the last bucket */

typedef struct {
    uint64_t count;
    uint64_t sum_us;
    uint64_t max_us;
    uint32_t bucket[BUCKETS];
} Histogram;

void histogram_add(Histogram *histogram, uint64_t nanoseconds);
double histogram_at(const Histogram *histogram, double share);
void histogram_print(const Histogram *histogram, const char *name, FILE *out);

#endif
