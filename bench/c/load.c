/* The load generator: N connections, closed or open loop, every register of every answer checked.
 *
 *     load --port P [--connections N] [--depth D] [--rate R | --storm] [--seconds S] [--watch NAME=PID,...] ...
 *
 * Closed loop (default): each connection keeps D requests in flight. Open loop (--rate): each connection sends R
 * requests a second on a fixed plan, and latency counts from the planned moment, so a stall is seen by everyone who
 * would have asked meanwhile. Storm (--storm): all connections at once, one read each, latency from the connect.
 * One JSON object on standard output. Exit status 1 where anything went wrong that should not.
 */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN = 8192, OUT = 4096, EVENTS = 512, SWEEP_NS = 10000000 };

typedef enum { DOWN, CONNECTING, UP, DONE } State;

typedef struct {
    int fd;
    State state;
    Script script;
    uint64_t retry_at;
    uint64_t connect_at;
    uint64_t planned; /* open loop: the next planned send */
    unsigned in_flight;
    Request request[MAX_DEPTH];
    bool busy[MAX_DEPTH];
    size_t in_length, out_length;
    bool wants_out;
    uint8_t in[IN], out[OUT];
} Connection;

static Connection *connections;
static int poll_fd;
static uint64_t begun_at, measure_from, measure_to;
static bool stopping;

static void tell(unsigned index, const Request *request, const char *what) {
    if (result.told_count < MAX_TOLD) {
        snprintf(result.told[result.told_count++], sizeof result.told[0],
                 "connection %u, function %u at %u x %u: %s", index, request->function, request->first,
                 request->count, what);
    }
}

static bool is_measured(uint64_t now) { return now >= measure_from && now < measure_to; }

/* A request whose connection ended or whose time ran out. */
static void lose(unsigned index, const Request *request, bool timed_out, bool beside_forbidden) {
    if (request->kind == FORBIDDEN) {
        result.forbidden++;
        timed_out ? result.silent++ : result.forbidden_reset++;
    } else if (beside_forbidden) {
        result.harmed++;
    } else {
        timed_out ? result.timed_out++ : result.reset++;
        tell(index, request, timed_out ? "no answer in time" : "connection ended");
    }
}

static void disconnect(unsigned index, bool timed_out, uint64_t now) {
    Connection *connection = &connections[index];
    bool beside_forbidden = false;
    for (unsigned slot = 0; slot < MAX_DEPTH; slot++) {
        beside_forbidden |= connection->busy[slot] && connection->request[slot].kind == FORBIDDEN;
    }
    for (unsigned slot = 0; slot < MAX_DEPTH; slot++) {
        if (connection->busy[slot]) {
            lose(index, &connection->request[slot], timed_out, beside_forbidden);
        }
        connection->busy[slot] = false;
    }
    close(connection->fd);
    connection->fd = -1;
    connection->state = DOWN;
    connection->in_flight = 0;
    connection->in_length = connection->out_length = 0;
    connection->script.read_back_due = false; /* whether the write arrived is not known */
    connection->retry_at = now + SECOND / 100;
    result.reconnects++;
}

static void start_connecting(unsigned index, uint64_t now) {
    Connection *connection = &connections[index];
    connection->fd = connect_to(options.host, options.port);
    connection->retry_at = now + SECOND / 20;
    if (connection->fd < 0) {
        return;
    }
    connection->state = CONNECTING;
    connection->connect_at = now;
    connection->wants_out = true;
    watch(poll_fd, connection->fd, EPOLLOUT, index, true);
}

static void flush(unsigned index, uint64_t now) {
    Connection *connection = &connections[index];
    if (connection->out_length > 0) {
        ssize_t sent = send(connection->fd, connection->out, connection->out_length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            disconnect(index, false, now);
            return;
        }
        if (sent > 0) {
            connection->out_length -= (size_t)sent;
            memmove(connection->out, connection->out + sent, connection->out_length);
        }
    }
    bool wants_out = connection->out_length > 0;
    if (wants_out != connection->wants_out) {
        connection->wants_out = wants_out;
        watch(poll_fd, connection->fd, EPOLLIN | (wants_out ? EPOLLOUT : 0U), index, false);
    }
}

static void ask(Connection *connection, uint64_t since) {
    unsigned slot = 0;
    while (connection->busy[slot]) {
        slot++;
    }
    connection->busy[slot] = true;
    connection->in_flight++;
    Request *request = &connection->request[slot];
    connection->out_length +=
        script_next(&connection->script, &options.mix, request, connection->out + connection->out_length);
    request->since = since;
}

/* Ask as much as the loop wants now. */
static void fill(unsigned index, uint64_t now) {
    Connection *connection = &connections[index];
    uint64_t step = options.loop == OPEN_LOOP ? (uint64_t)((double)SECOND / options.rate) : 0;
    while (!stopping && connection->in_flight < options.depth && connection->out_length + MAX_ADU <= OUT) {
        if (options.loop == OPEN_LOOP) {
            if (connection->planned > now) {
                break;
            }
            ask(connection, connection->planned);
            connection->planned += step;
        } else {
            ask(connection, options.loop == STORM ? connection->connect_at : now);
        }
    }
    flush(index, now);
}

static void count_answer(unsigned index, const Request *request, const uint8_t *adu, size_t length, uint64_t now) {
    const char *why;
    Answer answer = mix_check(&options.mix, request, adu, length, &why);
    uint64_t latency = now - request->since;
    bool measured = options.loop == STORM || is_measured(now);
    if (answer == WRONG) {
        result.wrong++;
        tell(index, request, why);
    } else if (request->kind == FORBIDDEN) {
        result.forbidden++;
        answer == EXCEPTION ? result.exception++ : result.passed++;
        if (measured) {
            histogram_add(&result.refusals, latency);
        }
    } else if (answer == EXCEPTION) {
        result.unexpected_exception++;
        tell(index, request, "an exception where an answer was due");
    } else if (measured) {
        histogram_add(request->kind == WRITE ? &result.writes : &result.reads, latency);
    }
    result.completed += measured;
}

static void take(unsigned index, const uint8_t *adu, size_t length, uint64_t now) {
    Connection *connection = &connections[index];
    uint16_t tid = get16(adu);
    for (unsigned slot = 0; slot < MAX_DEPTH; slot++) {
        if (connection->busy[slot] && connection->request[slot].tid == tid) {
            connection->busy[slot] = false;
            connection->in_flight--;
            count_answer(index, &connection->request[slot], adu, length, now);
            return;
        }
    }
    result.unsolicited++;
    tell(index, &(Request){.tid = tid}, "an answer that nobody asked for");
}

/* Take every whole ADU; false where framing is lost. */
static bool take_all(unsigned index, uint64_t now) {
    Connection *connection = &connections[index];
    size_t at = 0;
    while (connection->in_length - at >= HEADER + 1) {
        const uint8_t *adu = connection->in + at;
        size_t length = 6 + (size_t)get16(adu + 4);
        if (get16(adu + 2) != 0 || length < HEADER + 2 || length > MAX_ADU) {
            result.wrong++;
            tell(index, &(Request){.tid = get16(adu)}, "a header that is not Modbus");
            return false;
        }
        if (connection->in_length - at < length) {
            break;
        }
        take(index, adu, length, now);
        at += length;
    }
    connection->in_length -= at;
    memmove(connection->in, connection->in + at, connection->in_length);
    return true;
}

static void readable(unsigned index) {
    Connection *connection = &connections[index];
    ssize_t got = recv(connection->fd, connection->in + connection->in_length, IN - connection->in_length, 0);
    uint64_t now = now_ns();
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        disconnect(index, false, now);
        return;
    }
    connection->in_length += (size_t)got;
    if (!take_all(index, now)) {
        disconnect(index, false, now);
    } else if (options.loop == STORM && connection->in_flight == 0) {
        close(connection->fd);
        connection->state = DONE;
    } else {
        fill(index, now);
    }
}

static void connected(unsigned index) {
    Connection *connection = &connections[index];
    int error = 0;
    socklen_t size = sizeof error;
    uint64_t now = now_ns();
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        close(connection->fd);
        connection->state = DOWN;
        connection->retry_at = now + SECOND / 20;
        return;
    }
    connection->state = UP;
    connection->wants_out = false;
    watch(poll_fd, connection->fd, EPOLLIN, index, false);
    if (options.loop == STORM || begun_at != 0) {
        fill(index, now);
    }
}

/* Time out, reconnect, and send what is planned; return when to look again. */
static uint64_t sweep(uint64_t now) {
    for (unsigned index = 0; index < options.connections; index++) {
        Connection *connection = &connections[index];
        if (connection->state == DOWN && connection->retry_at <= now && !stopping) {
            start_connecting(index, now);
        }
        for (unsigned slot = 0; slot < MAX_DEPTH && connection->state == UP; slot++) {
            if (connection->busy[slot] && now > connection->request[slot].since + options.timeout_ns) {
                disconnect(index, true, now);
            }
        }
    }
    return now + SWEEP_NS;
}

static void handle(const struct epoll_event *event) {
    unsigned index = (unsigned)event->data.u64;
    Connection *connection = &connections[index];
    if (connection->state == CONNECTING) {
        connected(index);
    } else if (connection->state == UP && event->events & ~(uint32_t)EPOLLOUT) {
        readable(index);
    } else if (connection->state == UP) {
        fill(index, now_ns());
    }
}

static void wait_for_events(uint64_t until) {
    struct epoll_event events[EVENTS];
    uint64_t now = now_ns();
    uint64_t wait = until > now ? until - now : 0;
    struct timespec span = {.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
    int count = epoll_pwait2(poll_fd, events, EVENTS, &span, NULL);
    for (int at = 0; at < count; at++) {
        handle(&events[at]);
    }
}

static unsigned in_state(State state) {
    unsigned count = 0;
    for (unsigned index = 0; index < options.connections; index++) {
        count += connections[index].state == state;
    }
    return count;
}

/* Sends of the open loop come in a fixed order, evenly spread over one period. A connection that cannot send at its
 * turn (down, or `depth` in flight) catches up when it can; its latency counts from the plan. */
static uint64_t send_planned(uint64_t now) {
    static uint64_t turn;
    uint64_t step = (uint64_t)(1e9 / options.rate / options.connections);
    while (begun_at + turn * step <= now) {
        unsigned index = (unsigned)(turn++ % options.connections);
        if (connections[index].state == UP) {
            fill(index, now);
        }
    }
    return begun_at + turn * step;
}

static void connect_all(void) {
    uint64_t now = now_ns(), give_up = now + 20 * SECOND;
    for (unsigned index = 0; index < options.connections; index++) {
        connections[index].state = DOWN;
        script_start(&connections[index].script, &options.mix, options.first_connection + index);
        start_connecting(index, now);
    }
    while (in_state(UP) + in_state(DONE) < options.connections && now < give_up) {
        wait_for_events(now + SWEEP_NS);
        now = now_ns();
        sweep(now);
    }
    result.not_connected = options.connections - in_state(UP) - in_state(DONE);
}

static void begin(uint64_t now) {
    begun_at = now;
    measure_from = now + (uint64_t)(options.warm_up * (double)SECOND);
    measure_to = measure_from + (uint64_t)(options.seconds * (double)SECOND);
    for (unsigned index = 0; index < options.connections; index++) {
        double share = (double)index / (double)options.connections;
        connections[index].planned = now + (options.loop == OPEN_LOOP ? (uint64_t)(share / options.rate * 1e9) : 0);
        if (options.loop == CLOSED_LOOP && connections[index].state == UP) {
            fill(index, now);
        }
    }
}

static void run_until(uint64_t end) {
    uint64_t now = now_ns(), next_sweep = now;
    while (now < end) {
        next_sweep = now >= next_sweep ? sweep(now) : next_sweep;
        uint64_t next = options.loop == OPEN_LOOP ? send_planned(now) : next_sweep;
        next = next < next_sweep ? next : next_sweep;
        wait_for_events(next < end ? next : end);
        now = now_ns();
    }
}

static void drain(void) {
    uint64_t now = now_ns(), give_up = now + options.timeout_ns + SWEEP_NS;
    unsigned waiting = 1;
    stopping = true;
    while (waiting > 0 && now < give_up) {
        wait_for_events(now + SWEEP_NS);
        now = now_ns();
        sweep(now);
        waiting = 0;
        for (unsigned index = 0; index < options.connections; index++) {
            waiting += connections[index].in_flight;
        }
    }
}

static void storm(void) {
    uint64_t now = now_ns(), give_up = now + 20 * SECOND;
    while (in_state(DONE) < options.connections && now < give_up) {
        wait_for_events(now + SWEEP_NS);
        now = now_ns();
        sweep(now);
    }
    result.not_connected = options.connections - in_state(DONE);
}

static void measure(void) {
    run_until(measure_from);
    for (int index = 0; index < options.group_count; index++) {
        group_start(&options.groups[index]);
    }
    run_until(measure_to);
    for (int index = 0; index < options.group_count; index++) {
        group_stop(&options.groups[index]);
    }
    drain();
}

int main(int argc, char **argv) {
    options_parse(argc, argv);
    raise_descriptor_limit();
    mix_prepare(&options.mix);
    if (options.print_polls) {
        mix_print_polls(&options.mix);
        return 0;
    }
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(options.connections, sizeof *connections);
    if (connections == NULL || poll_fd < 0) {
        fail("start");
    }
    connect_all();
    if (options.loop == STORM) {
        storm();
    } else if (result.not_connected == 0) {
        begin(now_ns());
        measure();
    }
    return outcome_print() ? 0 : 1;
}
