#include "load.h"

Outcome result;

bool outcome_print(void) {
    static const char *const loops[] = {"closed", "open", "storm"};
    uint64_t errors = result.wrong + result.reset + result.timed_out + result.unexpected_exception +
                      result.unsolicited + result.not_connected;
    printf("{\"connections\":%u,\"depth\":%u,\"loop\":\"%s\",\"rate\":%.1f,\"seconds\":%.3f,\"seed\":%llu,",
           options.connections, options.depth, loops[options.loop], options.rate, options.seconds,
           (unsigned long long)options.mix.seed);
    printf("\"completed\":%llu,\"per_second\":%.1f,", (unsigned long long)result.completed,
           (double)result.completed / options.seconds);
    histogram_print(&result.reads, "reads", stdout);
    putchar(',');
    histogram_print(&result.writes, "writes", stdout);
    putchar(',');
    histogram_print(&result.refusals, "refusals", stdout);
    printf(",\"forbidden\":{\"sent\":%llu,\"passed\":%llu,\"exception\":%llu,\"reset\":%llu,\"silent\":%llu}",
           (unsigned long long)result.forbidden, (unsigned long long)result.passed,
           (unsigned long long)result.exception, (unsigned long long)result.forbidden_reset,
           (unsigned long long)result.silent);
    printf(",\"harmed\":%llu,\"reconnects\":%llu,\"errors\":{\"total\":%llu,\"wrong\":%llu,\"reset\":%llu,"
           "\"timed_out\":%llu,\"exception\":%llu,\"unsolicited\":%llu,\"not_connected\":%llu},\"told\":[",
           (unsigned long long)result.harmed, (unsigned long long)result.reconnects, (unsigned long long)errors,
           (unsigned long long)result.wrong, (unsigned long long)result.reset, (unsigned long long)result.timed_out,
           (unsigned long long)result.unexpected_exception, (unsigned long long)result.unsolicited,
           (unsigned long long)result.not_connected);
    for (unsigned index = 0; index < result.told_count; index++) {
        printf("%s\"%s\"", index == 0 ? "" : ",", result.told[index]);
    }
    printf("],\"usage\":{");
    for (int index = 0; index < options.group_count; index++) {
        printf("%s", index == 0 ? "" : ",");
        group_print(&options.groups[index], stdout);
    }
    puts("}}");
    return errors == 0;
}
