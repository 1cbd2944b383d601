/* The fake device's memory and its answers: one PDU in, one PDU out. No sockets here. */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include "common.h"

typedef struct {
    uint16_t holding[ELEMENTS];
    uint16_t input[ELEMENTS];
    uint8_t coil[ELEMENTS];
    uint8_t discrete[ELEMENTS];
    uint64_t plant_at; /* when the plant was moved last; 0 before */
    double level, outflow; /* per mille */
} Tables;

/* What really arrived: a request that a guard stopped is in none of these. */
typedef struct {
    uint64_t requests;
    uint64_t by_function[256];
    uint64_t reads;
    uint64_t writes;
    uint64_t exceptions;
    uint64_t malformed; /* a known function whose PDU breaks its own law */
    uint64_t bad_header; /* protocol identifier or length of the MBAP header */
    uint64_t forbidden; /* what the six rules forbid: writes from FORBIDDEN_FROM on, diagnostics, unknown functions */
} Counters;

void tables_reset(Tables *tables);

/* Move the small plant to `now`: a tank whose level follows its set-point, and an outflow that follows the level. */
void tables_plant(Tables *tables, uint64_t now);

/* Write the answer to `pdu` into `out` (at least 253 bytes); return its length. */
size_t tables_answer(Tables *tables, Counters *counters, const uint8_t *pdu, size_t length, uint8_t *out);

#endif
