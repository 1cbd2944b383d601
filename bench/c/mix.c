#include "mix.h"

#include <stdio.h>
#include <string.h>

enum { MAX_POLLS = 4096, READABLE = PLANT_FROM }; /* reads of the mix stay below: nobody ever writes there */

static uint8_t image[2 * ELEMENTS]; /* the known image as it stands on the wire */
static struct {
    uint16_t first, count;
} polls[MAX_POLLS];

static uint64_t draw(uint64_t *state) { /* xorshift64*: seeded, quick, good enough for a mix */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 2685821657736338717ULL >> 16;
}

static unsigned below(uint64_t *state, unsigned end) { return (unsigned)(draw(state) % end); }

static void draw_read(const Mix *mix, uint64_t *state, uint16_t *first, uint16_t *count) {
    *count = (uint16_t)(mix->least + below(state, mix->most - mix->least + 1));
    *first = (uint16_t)below(state, READABLE - *count);
}

void mix_prepare(const Mix *mix) {
    uint64_t state = mix->seed * 0x9E3779B97F4A7C15ULL + 1;
    for (unsigned address = 0; address < ELEMENTS; address++) {
        put16(image + 2 * address, image_value(address));
    }
    for (unsigned index = 0; index < mix->poll_set && index < MAX_POLLS; index++) {
        draw_read(mix, &state, &polls[index].first, &polls[index].count);
    }
}

void mix_print_polls(const Mix *mix) {
    putchar('[');
    for (unsigned index = 0; index < mix->poll_set; index++) {
        printf("%s[%u,%u]", index == 0 ? "" : ",", polls[index].first, polls[index].count);
    }
    puts("]");
}

void script_start(Script *script, const Mix *mix, unsigned connection) {
    *script = (Script){.state = (mix->seed + 1) * 0x9E3779B97F4A7C15ULL + connection * 0xBF58476D1CE4E5B9ULL + 1,
                       .block = WRITABLE_FROM + connection * BLOCK};
    for (int index = 0; index < 8; index++) {
        draw(&script->state);
    }
    script->next_tid = (uint16_t)draw(&script->state);
}

static size_t finish(const Mix *mix, const Request *request, uint8_t *out, size_t pdu) {
    put16(out, request->tid);
    put16(out + 2, 0);
    put16(out + 4, (unsigned)pdu + 1);
    out[6] = (uint8_t)mix->unit;
    return HEADER + pdu;
}

static size_t put_read(Request *request, uint8_t *pdu) {
    request->function = pdu[0] = 3;
    put16(pdu + 1, request->first);
    put16(pdu + 3, request->count);
    return 5;
}

static size_t put_write_one(Request *request, uint8_t *pdu) {
    request->function = pdu[0] = 6;
    request->count = 1;
    put16(pdu + 1, request->first);
    put16(pdu + 3, request->values[0]);
    return 5;
}

static size_t put_write_many(Request *request, uint8_t *pdu) {
    request->function = pdu[0] = 16;
    request->count = 16;
    put16(pdu + 1, request->first);
    put16(pdu + 3, 16);
    pdu[5] = 32;
    for (int index = 0; index < 16; index++) {
        put16(pdu + 6 + 2 * index, request->values[index]);
    }
    return 38;
}

static size_t put_plant(Script *script, const Mix *mix, Request *request, uint8_t *pdu) {
    bool writes = below(&script->state, 10000) < mix->writes_per_10k;
    request->kind = writes ? WRITE : READ;
    request->first = PLANT_FROM;
    request->count = PLANT_REGISTERS;
    request->values[0] = (uint16_t)(400 + below(&script->state, 201));
    return writes ? put_write_one(request, pdu) : put_read(request, pdu);
}

static size_t put_write(Script *script, Request *request, uint8_t *pdu) {
    uint64_t dice = draw(&script->state);
    bool many = dice & 1;
    for (int index = 0; index < 16; index++) {
        request->values[index] = (uint16_t)draw(&script->state);
    }
    script->read_back_due = dice >> 1 & 1;
    request->first = (uint16_t)(script->block + (many ? 0 : 16 + (dice >> 2) % 16));
    size_t length = many ? put_write_many(request, pdu) : put_write_one(request, pdu);
    script->last_write = *request;
    return length;
}

/* One breach of each of the rules that every guard of the comparison is given. */
static size_t put_forbidden(Script *script, Request *request, uint8_t *pdu) {
    uint64_t dice = draw(&script->state);
    request->first = (uint16_t)(FORBIDDEN_FROM + dice % 4096);
    request->count = 1;
    switch (dice >> 20 & 3) {
    case 0:
        return put_write_one(request, pdu);
    case 1:
        return put_write_many(request, pdu);
    case 2:
        request->function = pdu[0] = 5;
        put16(pdu + 1, request->first);
        put16(pdu + 3, dice >> 22 & 1 ? 0xFF00 : 0);
        return 5;
    default: /* diagnostics: force listen only would silence a device, so restart communications */
        request->function = pdu[0] = 8;
        put16(pdu + 1, 1);
        put16(pdu + 3, 0);
        return 5;
    }
}

size_t script_next(Script *script, const Mix *mix, Request *request, uint8_t *out) {
    *request = (Request){.tid = script->next_tid++};
    unsigned dice = below(&script->state, 10000);
    uint8_t *pdu = out + HEADER;
    if (mix->plant) {
        return finish(mix, request, out, put_plant(script, mix, request, pdu));
    }
    if (script->read_back_due) {
        script->read_back_due = false;
        *request = script->last_write;
        request->tid = (uint16_t)(script->next_tid - 1);
        request->kind = READ_BACK;
        return finish(mix, request, out, put_read(request, pdu));
    }
    if (dice < mix->forbidden_per_10k) {
        request->kind = FORBIDDEN;
        return finish(mix, request, out, put_forbidden(script, request, pdu));
    }
    if (dice < mix->forbidden_per_10k + mix->writes_per_10k) {
        request->kind = WRITE;
        return finish(mix, request, out, put_write(script, request, pdu));
    }
    request->kind = READ;
    if (mix->poll_set > 0) {
        unsigned index = below(&script->state, mix->poll_set);
        request->first = polls[index].first;
        request->count = polls[index].count;
    } else {
        draw_read(mix, &script->state, &request->first, &request->count);
    }
    return finish(mix, request, out, put_read(request, pdu));
}

static bool is_read_right(const Request *request, const uint8_t *pdu, size_t length) {
    if (length != 2 + 2 * (size_t)request->count || pdu[1] != 2 * request->count) {
        return false;
    }
    if (request->first == PLANT_FROM) { /* it moves: only what it can never be is wrong */
        return get16(pdu + 2) <= PLANT_MOST && get16(pdu + 4) <= PLANT_MOST && get16(pdu + 6) <= PLANT_MOST;
    }
    if (request->kind == READ) {
        return memcmp(pdu + 2, image + 2 * request->first, 2 * (size_t)request->count) == 0;
    }
    for (unsigned index = 0; index < request->count; index++) {
        if (get16(pdu + 2 + 2 * index) != request->values[index]) {
            return false;
        }
    }
    return true;
}

static bool is_echo_right(const Request *request, const uint8_t *pdu, size_t length) {
    unsigned second = request->function == 16 ? request->count : request->values[0];
    return length == 5 && get16(pdu + 1) == request->first && get16(pdu + 3) == second;
}

Answer mix_check(const Mix *mix, const Request *request, const uint8_t *adu, size_t length, const char **why) {
    const uint8_t *pdu = adu + HEADER;
    size_t pdu_length = length - HEADER;
    *why = NULL;
    if (adu[6] != mix->unit) {
        *why = "another unit";
    } else if ((pdu[0] & 0x7F) != request->function) {
        *why = "another function";
    } else if (pdu[0] & 0x80) {
        *why = pdu_length == 2 ? NULL : "an exception of a wrong length";
        return pdu_length == 2 ? EXCEPTION : WRONG;
    } else if (request->kind == FORBIDDEN) {
        return RIGHT; /* it passed: what it says does not matter any more */
    } else if (request->function == 3) {
        *why = is_read_right(request, pdu, pdu_length) ? NULL : "other registers than the image has";
    } else {
        *why = is_echo_right(request, pdu, pdu_length) ? NULL : "an echo of another write";
    }
    return *why == NULL ? RIGHT : WRONG;
}
