/* What processes cost: CPU of all their threads in nanoseconds, and resident memory. */
#ifndef BENCH_USAGE_H
#define BENCH_USAGE_H

#include <stdint.h>
#include <stdio.h>

enum { MAX_GROUPS = 8, MAX_PIDS = 16 };

typedef struct {
    char name[32];
    int pids[MAX_PIDS];
    int count;
    uint64_t cpu_at_start;
    uint64_t cpu_ns;
    uint64_t rss_kb;
} Group;

void group_parse(Group *group, const char *text); /* NAME=PID,PID */
void group_start(Group *group);
void group_stop(Group *group);
void group_print(const Group *group, FILE *out);

#endif
