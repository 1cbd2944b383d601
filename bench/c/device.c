/* A fake Modbus/TCP device: many ports, thousands of connections, a fixed delay, and counters of what really arrived.
 *
 *     device [--host 127.0.0.1] --port FIRST [--ports N] [--delay-us D]
 *
 * The counters go to standard output as one line of JSON on SIGUSR1 and at the end (SIGTERM, SIGINT). Each port has
 * tables of its own. SIGSTOP makes it a device that hangs.
 */
#include "tables.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_PORTS = 64,
    MAX_PEERS = 8192,       /* connections; one more is closed at once */
    MAX_LATE = 1 << 16,     /* answers that wait for their delay; beyond, an answer goes without delay and is counted */
    IN = 4096,
    OUT = 65536,            /* a peer that does not read is no longer read from above half of this */
    EVENTS = 512,
};

#define LISTENER 0x40000000U /* tags of epoll: listeners and the signal descriptor beside the peers' indices */
#define SIGNALS 0x80000000U

typedef struct {
    int fd; /* -1: free */
    unsigned port;
    unsigned generation;
    size_t in_length;
    size_t out_length;
    uint32_t interest; /* what epoll watches for */
    uint8_t in[IN];
    uint8_t out[OUT];
} Peer;

typedef struct {
    uint64_t due;
    unsigned peer;
    unsigned generation;
    size_t length;
    uint8_t adu[MAX_ADU];
} Late;

static Peer *peers[MAX_PEERS];
static unsigned free_peers[MAX_PEERS];
static unsigned free_count;
static Tables *tables[MAX_PORTS];
static Late late[MAX_LATE];
static unsigned late_first, late_count;
static Counters counters;
static uint64_t accepted, undelayed, delay_ns;
static int poll_fd;

static void print_counters(void) {
    printf("{\"requests\":%llu,\"reads\":%llu,\"writes\":%llu,\"exceptions\":%llu,\"malformed\":%llu,",
           (unsigned long long)counters.requests, (unsigned long long)counters.reads,
           (unsigned long long)counters.writes, (unsigned long long)counters.exceptions,
           (unsigned long long)counters.malformed);
    printf("\"bad_header\":%llu,\"forbidden\":%llu,\"accepted\":%llu,\"undelayed\":%llu,\"functions\":{",
           (unsigned long long)counters.bad_header, (unsigned long long)counters.forbidden,
           (unsigned long long)accepted, (unsigned long long)undelayed);
    const char *comma = "";
    for (unsigned function = 0; function < 256; function++) {
        if (counters.by_function[function] != 0) {
            printf("%s\"%u\":%llu", comma, function, (unsigned long long)counters.by_function[function]);
            comma = ",";
        }
    }
    puts("}}");
    fflush(stdout);
}

static void drop(unsigned index) {
    Peer *peer = peers[index];
    close(peer->fd);
    peer->fd = -1;
    peer->generation++;
    free_peers[free_count++] = index;
}

static void flush(unsigned index) {
    Peer *peer = peers[index];
    ssize_t sent = peer->out_length == 0 ? 0 : send(peer->fd, peer->out, peer->out_length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        drop(index);
        return;
    }
    if (sent > 0) {
        peer->out_length -= (size_t)sent;
        memmove(peer->out, peer->out + sent, peer->out_length);
    }
    uint32_t interest = peer->out_length < OUT / 2 ? EPOLLIN : 0;
    interest |= peer->out_length > 0 ? (uint32_t)EPOLLOUT : 0U;
    if (interest != peer->interest) {
        peer->interest = interest;
        watch(poll_fd, peer->fd, interest, index, false);
    }
}

static void append(Peer *peer, const uint8_t *adu, size_t length) {
    if (peer->out_length + length <= OUT) { /* else: a peer that never reads loses answers, as from a real device */
        memcpy(peer->out + peer->out_length, adu, length);
        peer->out_length += length;
    }
}

static void answer(unsigned index, const uint8_t *adu, size_t length, uint64_t now) {
    if (delay_ns == 0 || late_count == MAX_LATE) {
        undelayed += delay_ns != 0;
        append(peers[index], adu, length);
        return;
    }
    Late *entry = &late[(late_first + late_count++) % MAX_LATE];
    *entry = (Late){.due = now + delay_ns, .peer = index, .generation = peers[index]->generation, .length = length};
    memcpy(entry->adu, adu, length);
}

/* Answer every whole ADU in the peer's buffer; false where framing is lost. */
static bool serve(unsigned index, uint64_t now) {
    Peer *peer = peers[index];
    size_t at = 0;
    while (peer->in_length - at >= HEADER + 1) {
        const uint8_t *adu = peer->in + at;
        unsigned length = get16(adu + 4);
        if (length < 2 || length > MAX_ADU - 6 || get16(adu + 2) != 0) {
            counters.bad_header++;
            return false;
        }
        if (peer->in_length - at < 6 + (size_t)length) {
            break;
        }
        uint8_t out[HEADER + 256];
        tables_plant(tables[peer->port], now);
        size_t pdu = tables_answer(tables[peer->port], &counters, adu + HEADER, length - 1, out + HEADER);
        memcpy(out, adu, HEADER);
        put16(out + 4, (unsigned)pdu + 1);
        answer(index, out, HEADER + pdu, now);
        at += 6 + length;
    }
    peer->in_length -= at;
    memmove(peer->in, peer->in + at, peer->in_length);
    return true;
}

static void readable(unsigned index) {
    Peer *peer = peers[index];
    ssize_t got = recv(peer->fd, peer->in + peer->in_length, IN - peer->in_length, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        drop(index);
        return;
    }
    if (got > 0) {
        peer->in_length += (size_t)got;
        if (!serve(index, now_ns())) {
            drop(index);
            return;
        }
    }
    flush(index);
}

static void accept_all(int listener, unsigned port) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (free_count == 0) {
            close(fd);
            continue;
        }
        unsigned index = free_peers[--free_count];
        Peer *peer = peers[index];
        if (peer == NULL) {
            peer = peers[index] = calloc(1, sizeof *peer);
            if (peer == NULL) {
                fail("calloc");
            }
        }
        peer->fd = fd;
        peer->port = port;
        peer->in_length = peer->out_length = 0;
        peer->interest = EPOLLIN;
        accepted++;
        watch(poll_fd, fd, EPOLLIN, index, true);
    }
}

/* Send what is due; return how long until the next (a day where nothing waits). */
static struct timespec release(void) {
    uint64_t now = now_ns();
    while (late_count > 0 && late[late_first].due <= now) {
        Late *entry = &late[late_first];
        late_first = (late_first + 1) % MAX_LATE;
        late_count--;
        Peer *peer = peers[entry->peer];
        if (peer->fd >= 0 && peer->generation == entry->generation) {
            append(peer, entry->adu, entry->length);
            flush(entry->peer);
        }
    }
    uint64_t wait = late_count > 0 ? late[late_first].due - now : 86400 * SECOND;
    return (struct timespec){.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
}

static int signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void run(const int *listeners, int signal_fd) {
    struct epoll_event events[EVENTS];
    for (;;) {
        struct timespec wait = release();
        int count = epoll_pwait2(poll_fd, events, EVENTS, &wait, NULL);
        for (int at = 0; at < count; at++) {
            unsigned tag = (unsigned)events[at].data.u64;
            if (tag == SIGNALS) {
                struct signalfd_siginfo info;
                if (read(signal_fd, &info, sizeof info) == sizeof info) {
                    print_counters();
                    if (info.ssi_signo != SIGUSR1) {
                        return;
                    }
                }
            } else if (tag & LISTENER) {
                accept_all(listeners[tag ^ LISTENER], tag ^ LISTENER);
            } else if (peers[tag]->fd >= 0) {
                if (events[at].events & ~(uint32_t)EPOLLOUT) {
                    readable(tag);
                } else {
                    flush(tag);
                }
            }
        }
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"host", 1, 0, 'h'}, {"port", 1, 0, 'p'}, {"ports", 1, 0, 'n'},
                                            {"delay-us", 1, 0, 'd'}, {0, 0, 0, 0}};
    const char *host = "127.0.0.1";
    long port = 0, ports = 1;
    int listeners[MAX_PORTS], option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'h':
            host = optarg;
            break;
        case 'p':
            port = number(optarg, 1, 65535, "--port");
            break;
        case 'n':
            ports = number(optarg, 1, MAX_PORTS, "--ports");
            break;
        case 'd':
            delay_ns = 1000ULL * (uint64_t)number(optarg, 0, 60000000, "--delay-us");
            break;
        default:
            usage("device --port FIRST [--host ADDRESS] [--ports N] [--delay-us D]\n");
        }
    }
    if (port == 0) {
        usage("device --port FIRST [--host ADDRESS] [--ports N] [--delay-us D]\n");
    }
    raise_descriptor_limit();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    int signal_fd = signals();
    watch(poll_fd, signal_fd, EPOLLIN, SIGNALS, true);
    for (unsigned index = MAX_PEERS; index > 0; index--) {
        free_peers[free_count++] = index - 1;
    }
    for (unsigned index = 0; index < (unsigned)ports; index++) {
        tables[index] = malloc(sizeof *tables[index]);
        if (tables[index] == NULL) {
            fail("malloc");
        }
        tables_reset(tables[index]);
        listeners[index] = listen_on(host, (int)port + (int)index);
        watch(poll_fd, listeners[index], EPOLLIN, LISTENER | index, true);
    }
    puts("{\"listening\":true}");
    fflush(stdout);
    run(listeners, signal_fd);
    return 0;
}
