/* What the load generator was asked to do, and what came of it. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "histogram.h"
#include "mix.h"
#include "usage.h"

enum { MAX_DEPTH = 8, MAX_TOLD = 5 };

typedef enum { CLOSED_LOOP, OPEN_LOOP, STORM } Loop;

typedef struct {
    const char *host;
    int port;
    unsigned connections, first_connection, depth;
    Loop loop;
    double rate, seconds, warm_up;
    uint64_t timeout_ns;
    bool print_polls;
    Mix mix;
    Group groups[MAX_GROUPS];
    int group_count;
} Options;

typedef struct {
    Histogram reads, writes, refusals;
    uint64_t completed;
    uint64_t forbidden, passed, exception, forbidden_reset, silent;
    uint64_t wrong, reset, timed_out, unexpected_exception, unsolicited, not_connected;
    uint64_t harmed; /* allowed requests lost on a connection because of a forbidden one on it */
    uint64_t reconnects;
    char told[MAX_TOLD][160];
    unsigned told_count;
} Outcome;

extern Options options;
extern Outcome result;

void options_parse(int argc, char **argv);

/* Print the outcome as one JSON object; false where anything went wrong that should not. */
bool outcome_print(void);

#endif
