/* What is asked, and what must be answered: a seeded mix of requests and the check of every byte of every answer. */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include "common.h"

typedef enum { READ, WRITE, READ_BACK, FORBIDDEN } Kind;

typedef struct {
    unsigned unit;
    unsigned poll_set;         /* distinct reads that all connections share, as SCADA polls; 0: each read is drawn anew */
    unsigned writes_per_10k;   /* half single (06), half of 16 registers (16) */
    unsigned forbidden_per_10k;
    bool plant;                /* operate the device's small plant instead: reads of it, writes of its set-point */
    unsigned least, most;      /* registers a read */
    uint64_t seed;
} Mix;

typedef struct {
    Kind kind;
    uint16_t tid;
    uint8_t function;
    uint16_t first;
    uint16_t count;
    uint16_t values[16]; /* of a write and its read-back */
    uint64_t since;      /* planned send time in the open loop, send time in the closed one */
} Request;

/* One connection's place in the mix. */
typedef struct {
    uint64_t state;
    uint16_t next_tid;
    unsigned block; /* first register of its own block */
    bool read_back_due;
    Request last_write;
} Script;

/* How an answer relates to its request. */
typedef enum { RIGHT, EXCEPTION, WRONG } Answer;

void mix_prepare(const Mix *mix);
void mix_print_polls(const Mix *mix); /* the poll set as JSON: [[first, count], ...] */
void script_start(Script *script, const Mix *mix, unsigned connection);

/* Draw the next request and write its ADU into `out`; return the ADU's length. */
size_t script_next(Script *script, const Mix *mix, Request *request, uint8_t *out);

/* Judge a whole ADU against its request; where WRONG, `why` says what. */
Answer mix_check(const Mix *mix, const Request *request, const uint8_t *adu, size_t length, const char **why);

#endif
