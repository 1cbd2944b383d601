/* What the load generator, the fake device and the relay share: clock, sockets, big-endian words, the known image. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HEADER = 7,         /* MBAP header: transaction, protocol, length, unit (AP/TCP guide 3.1.3) */
    MAX_ADU = 260,      /* header and a PDU of 253 bytes */
    ELEMENTS = 65536,   /* elements of each table (AP 4.3) */
    FORBIDDEN_FROM = 60000, /* writes from this address on are what the six rules forbid */
    WRITABLE_FROM = 10000,  /* each connection owns a block of BLOCK registers from here on */
    BLOCK = 32,
    PLANT_FROM = 9900,      /* set-point, level and outflow of the device's small plant; reads of the mix stay below */
    PLANT_REGISTERS = 3,
    PLANT_MOST = 10000,     /* no register of the plant is ever above */
    MAX_CONNECTIONS = 1500, /* WRITABLE_FROM + 1500 * BLOCK stays below FORBIDDEN_FROM */
};

#define SECOND 1000000000ULL

uint64_t now_ns(void);
_Noreturn void fail(const char *what);
_Noreturn void usage(const char *text);
int listen_on(const char *host, int port);
int connect_to(const char *host, int port);
void watch(int poll, int fd, uint32_t events, uint64_t tag, bool is_new);
void raise_descriptor_limit(void);
long number(const char *text, long low, long high, const char *name);

static inline uint16_t get16(const uint8_t *at) { return (uint16_t)(at[0] << 8 | at[1]); }

static inline void put16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* The value that every holding register has until somebody writes it. Input registers hold its complement. */
static inline uint16_t image_value(unsigned address) { return (uint16_t)(address * 40503U + 12345U); }

#endif
