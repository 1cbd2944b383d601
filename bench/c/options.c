#include "load.h"

#include <getopt.h>
#include <stdlib.h>

Options options = {.host = "127.0.0.1", .connections = 1, .depth = 1, .seconds = 3, .warm_up = 1, .timeout_ns = SECOND,
                   .mix = {.unit = 1, .poll_set = 64, .writes_per_10k = 1000, .least = 10, .most = 100, .seed = 1}};

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

void options_parse(int argc, char **argv) {
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
