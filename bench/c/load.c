/* The load generator: N connections, closed or open loop, every register of every answer checked.
 *
 *     load --port P [--connections N] [--depth D] [--rate R | --storm] [--seconds S] [--watch NAME=PID,...] ...
 *
 * Closed loop (default): each connection keeps D requests in flight. Open loop (--rate): each connection sends R
 * requests a second on a fixed plan, and latency counts from the planned moment, so a stall is seen by everyone who
 * would have asked meanwhile. Storm (--storm): all connections at once, one read each, latency from the connect.
 * One JSON object on standard output. Exit status 1 where anything went wrong that should not.
 */
#include "histogram.h"
#include "mix.h"
#include "usage.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_DEPTH = 8, IN = 8192, OUT = 4096, EVENTS = 512, MAX_TOLD = 5, SWEEP_NS = 10000000 };

typedef enum { CLOSED_LOOP, OPEN_LOOP, STORM } Loop;
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

static struct {
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
} options = {.host = "127.0.0.1", .connections = 1, .depth = 1, .seconds = 3, .warm_up = 1, .timeout_ns = SECOND,
             .mix = {.unit = 1, .poll_set = 64, .writes_per_10k = 1000, .least = 10, .most = 100, .seed = 1}};

static struct {
    Histogram reads, writes, refusals;
    uint64_t completed;
    uint64_t forbidden, passed, exception, forbidden_reset, silent;
    uint64_t wrong, reset, timed_out, unexpected_exception, unsolicited, not_connected;
    uint64_t harmed; /* allowed requests lost on a connection because of a forbidden one on it */
    uint64_t reconnects;
    char told[MAX_TOLD][160];
    unsigned told_count;
} result;

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

static bool print_result(void) {
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

static const char HELP[] =
    "load --port P [--host A] [--connections N] [--first-connection K] [--depth 1..8] [--rate PER_SECOND | --storm]\n"
    "     [--seconds S] [--warm-up S] [--timeout-ms T] [--unit U] [--poll-set N] [--writes SHARE] [--forbidden SHARE]\n"
    "     [--least REGISTERS] [--most REGISTERS] [--seed N] [--plant] [--polls] [--watch NAME=PID,PID]...\n";

static double share_of(const char *text, double most, const char *name) {
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= most)) {
        fprintf(stderr, "%s: %s is not a number from 0 to %g\n", name, text, most);
        exit(2);
    }
    return value;
}

static void take_option(int option) {
    switch (option) {
    case 'H': options.host = optarg; break;
    case 'p': options.port = (int)number(optarg, 1, 65535, "--port"); break;
    case 'c': options.connections = (unsigned)number(optarg, 1, MAX_CONNECTIONS, "--connections"); break;
    case 'k': options.first_connection = (unsigned)number(optarg, 0, MAX_CONNECTIONS, "--first-connection"); break;
    case 'd': options.depth = (unsigned)number(optarg, 1, MAX_DEPTH, "--depth"); break;
    case 'r': options.rate = share_of(optarg, 1e6, "--rate"); options.loop = OPEN_LOOP; break;
    case 'S': options.loop = STORM; break;
    case 's': options.seconds = share_of(optarg, 86400, "--seconds"); break;
    case 'w': options.warm_up = share_of(optarg, 3600, "--warm-up"); break;
    case 't': options.timeout_ns = (uint64_t)number(optarg, 1, 600000, "--timeout-ms") * 1000000; break;
    case 'u': options.mix.unit = (unsigned)number(optarg, 0, 255, "--unit"); break;
    case 'P': options.mix.poll_set = (unsigned)number(optarg, 0, 4096, "--poll-set"); break;
    case 'W': options.mix.writes_per_10k = (unsigned)(share_of(optarg, 1, "--writes") * 10000); break;
    case 'f': options.mix.forbidden_per_10k = (unsigned)(share_of(optarg, 1, "--forbidden") * 10000); break;
    case 'L': options.mix.plant = true; break;
    case 'q': options.print_polls = true; break;
    case 'l': options.mix.least = (unsigned)number(optarg, 1, 125, "--least"); break;
    case 'm': options.mix.most = (unsigned)number(optarg, 1, 125, "--most"); break;
    case 'x': options.mix.seed = (uint64_t)number(optarg, 0, INT32_MAX, "--seed"); break;
    case 'g':
        if (options.group_count == MAX_GROUPS) {
            usage("too many --watch\n");
        }
        group_parse(&options.groups[options.group_count++], optarg);
        break;
    default: usage(HELP);
    }
}

static void parse(int argc, char **argv) {
    static const struct option table[] = {
        {"host", 1, 0, 'H'},     {"port", 1, 0, 'p'},       {"connections", 1, 0, 'c'}, {"first-connection", 1, 0, 'k'},
        {"depth", 1, 0, 'd'},    {"rate", 1, 0, 'r'},       {"storm", 0, 0, 'S'},       {"seconds", 1, 0, 's'},
        {"warm-up", 1, 0, 'w'},  {"timeout-ms", 1, 0, 't'}, {"unit", 1, 0, 'u'},        {"poll-set", 1, 0, 'P'},
        {"writes", 1, 0, 'W'},   {"forbidden", 1, 0, 'f'},  {"least", 1, 0, 'l'},       {"most", 1, 0, 'm'},
        {"seed", 1, 0, 'x'},     {"watch", 1, 0, 'g'},      {"plant", 0, 0, 'L'},      {"polls", 0, 0, 'q'},          {0, 0, 0, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
        take_option(option);
    }
    if ((options.port == 0 && !options.print_polls) || options.mix.least > options.mix.most || options.seconds <= 0 ||
        (options.loop == OPEN_LOOP && options.rate <= 0) ||
        options.first_connection + options.connections > MAX_CONNECTIONS) {
        usage(HELP);
    }
    if (options.loop == STORM) { /* one read each */
        options.depth = 1;
        options.mix.writes_per_10k = options.mix.forbidden_per_10k = 0;
    }
}

int main(int argc, char **argv) {
    parse(argc, argv);
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
    return print_result() ? 0 : 1;
}
