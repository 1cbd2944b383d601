#include "tables.h"

#include <math.h>
#include <string.h>

static const double LEVEL_TAU_S = 20.0, OUTFLOW_TAU_S = 5.0, STEP_S = 0.05;

enum { ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3 };

typedef struct {
    Tables *tables;
    const uint8_t *pdu;
    size_t length;
    uint8_t *out;
    int exception;
    bool malformed;
    bool writes;
    unsigned written_to; /* last address that a write touches */
} Call;

void tables_reset(Tables *tables) {
    for (unsigned address = 0; address < ELEMENTS; address++) {
        tables->holding[address] = image_value(address);
        tables->input[address] = (uint16_t)~image_value(address);
        tables->coil[address] = image_value(address) & 1;
        tables->discrete[address] = image_value(address) >> 1 & 1;
    }
    tables->level = tables->outflow = 500.0;
    tables->plant_at = 0;
    for (unsigned index = 0; index < PLANT_REGISTERS; index++) {
        tables->holding[PLANT_FROM + index] = index == 0 ? 500 : 5000; /* measured values have one decimal */
    }
}

void tables_plant(Tables *tables, uint64_t now) {
    double seconds = tables->plant_at == 0 ? 0.0 : (double)(now - tables->plant_at) / 1e9;
    if (tables->plant_at != 0 && seconds < STEP_S) {
        return;
    }
    tables->plant_at = now;
    double set_point = tables->holding[PLANT_FROM] < 1000 ? tables->holding[PLANT_FROM] : 1000;
    tables->outflow += (tables->level - tables->outflow) * (1.0 - exp(-seconds / OUTFLOW_TAU_S));
    tables->level += (set_point - tables->level) * (1.0 - exp(-seconds / LEVEL_TAU_S));
    tables->holding[PLANT_FROM + 1] = (uint16_t)lround(tables->level * 10.0);
    tables->holding[PLANT_FROM + 2] = (uint16_t)lround(tables->outflow * 10.0);
}

/* Address and quantity by the law of the function: first the quantity (03), then the end address (02). */
static bool in_law(Call *call, unsigned first, unsigned count, unsigned most, bool well_formed) {
    if (!well_formed || count == 0 || count > most) {
        call->malformed = true;
        call->exception = ILLEGAL_VALUE;
    } else if (first + count > ELEMENTS) {
        call->exception = ILLEGAL_ADDRESS;
    }
    return call->exception == 0;
}

static size_t put_registers(uint8_t *out, const uint16_t *table, unsigned first, unsigned count) {
    out[0] = (uint8_t)(2 * count);
    for (unsigned index = 0; index < count; index++) {
        put16(out + 1 + 2 * index, table[first + index]);
    }
    return 1 + 2 * (size_t)count;
}

static void take_registers(uint16_t *table, unsigned first, unsigned count, const uint8_t *from) {
    for (unsigned index = 0; index < count; index++) {
        table[first + index] = get16(from + 2 * index);
    }
}

static size_t read_bits(Call *call, const uint8_t *table) {
    unsigned first = call->length >= 5 ? get16(call->pdu + 1) : 0;
    unsigned count = call->length >= 5 ? get16(call->pdu + 3) : 0;
    if (!in_law(call, first, count, 2000, call->length == 5)) {
        return 0;
    }
    unsigned bytes = (count + 7) / 8;
    call->out[1] = (uint8_t)bytes;
    memset(call->out + 2, 0, bytes);
    for (unsigned index = 0; index < count; index++) {
        call->out[2 + index / 8] |= (uint8_t)(table[first + index] << index % 8);
    }
    return 2 + bytes;
}

static size_t read_registers(Call *call, const uint16_t *table) {
    unsigned first = call->length >= 5 ? get16(call->pdu + 1) : 0;
    unsigned count = call->length >= 5 ? get16(call->pdu + 3) : 0;
    if (!in_law(call, first, count, 125, call->length == 5)) {
        return 0;
    }
    return 1 + put_registers(call->out + 1, table, first, count);
}

static size_t echo(Call *call, size_t length) {
    memcpy(call->out + 1, call->pdu + 1, length - 1);
    return length;
}

static size_t write_one(Call *call, bool coil) {
    unsigned value = call->length >= 5 ? get16(call->pdu + 3) : 0;
    call->writes = true;
    if (!in_law(call, 0, 1, 1, call->length == 5 && (!coil || value == 0 || value == 0xFF00))) {
        return 0;
    }
    call->written_to = get16(call->pdu + 1);
    if (coil) {
        call->tables->coil[call->written_to] = value != 0;
    } else {
        call->tables->holding[call->written_to] = (uint16_t)value;
    }
    return echo(call, 5);
}

static size_t write_many(Call *call, bool coils) {
    unsigned first = call->length >= 6 ? get16(call->pdu + 1) : 0;
    unsigned count = call->length >= 6 ? get16(call->pdu + 3) : 0;
    unsigned bytes = coils ? (count + 7) / 8 : 2 * count;
    bool whole = call->length >= 6 && call->pdu[5] == bytes && call->length == 6 + (size_t)bytes;
    call->writes = true;
    if (!in_law(call, first, count, coils ? 1968 : 123, whole)) {
        return 0;
    }
    call->written_to = first + count - 1;
    for (unsigned index = 0; coils && index < count; index++) {
        call->tables->coil[first + index] = call->pdu[6 + index / 8] >> index % 8 & 1;
    }
    if (!coils) {
        take_registers(call->tables->holding, first, count, call->pdu + 6);
    }
    return echo(call, 5);
}

static size_t mask_write(Call *call) {
    call->writes = true;
    if (!in_law(call, 0, 1, 1, call->length == 7)) {
        return 0;
    }
    unsigned and_mask = get16(call->pdu + 3);
    unsigned or_mask = get16(call->pdu + 5);
    call->written_to = get16(call->pdu + 1);
    uint16_t *word = &call->tables->holding[call->written_to];
    *word = (uint16_t)((*word & and_mask) | (or_mask & ~and_mask));
    return echo(call, 7);
}

static size_t read_write(Call *call) { /* AP 6.17: the write comes first */
    bool headed = call->length >= 10;
    unsigned from = headed ? get16(call->pdu + 1) : 0;
    unsigned wanted = headed ? get16(call->pdu + 3) : 0;
    unsigned first = headed ? get16(call->pdu + 5) : 0;
    unsigned count = headed ? get16(call->pdu + 7) : 0;
    bool whole = headed && call->pdu[9] == 2 * count && call->length == 10 + 2 * (size_t)count;
    call->writes = true;
    if (!in_law(call, first, count, 121, whole) || !in_law(call, from, wanted, 125, whole)) {
        return 0;
    }
    call->written_to = first + count - 1;
    take_registers(call->tables->holding, first, count, call->pdu + 10);
    return 1 + put_registers(call->out + 1, call->tables->holding, from, wanted);
}

static size_t serve(Call *call) {
    switch (call->pdu[0]) {
    case 1:
        return read_bits(call, call->tables->coil);
    case 2:
        return read_bits(call, call->tables->discrete);
    case 3:
        return read_registers(call, call->tables->holding);
    case 4:
        return read_registers(call, call->tables->input);
    case 5:
        return write_one(call, true);
    case 6:
        return write_one(call, false);
    case 15:
        return write_many(call, true);
    case 16:
        return write_many(call, false);
    case 22:
        return mask_write(call);
    case 23:
        return read_write(call);
    default:
        call->exception = ILLEGAL_FUNCTION;
        return 0;
    }
}

size_t tables_answer(Tables *tables, Counters *counters, const uint8_t *pdu, size_t length, uint8_t *out) {
    Call call = {.tables = tables, .pdu = pdu, .length = length, .out = out};
    size_t answer = serve(&call);
    counters->requests++;
    counters->by_function[pdu[0]]++;
    counters->malformed += call.malformed;
    counters->writes += call.writes;
    counters->reads += pdu[0] >= 1 && pdu[0] <= 4;
    counters->forbidden += call.exception == ILLEGAL_FUNCTION || (call.writes && call.written_to >= FORBIDDEN_FROM);
    out[0] = pdu[0];
    if (call.exception != 0) {
        counters->exceptions++;
        out[0] |= 0x80;
        out[1] = (uint8_t)call.exception;
        return 2;
    }
    return answer;
}
