#include "usage.h"

#include "common.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

void group_parse(Group *group, const char *text) {
    const char *equals = strchr(text, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - text);
    if (length == 0 || length >= sizeof group->name) {
        usage("--watch takes NAME=PID,PID\n");
    }
    memcpy(group->name, text, length);
    char *pids = strdup(equals + 1), *rest = pids;
    for (char *pid = strsep(&rest, ","); pid != NULL && group->count < MAX_PIDS; pid = strsep(&rest, ",")) {
        group->pids[group->count++] = (int)number(pid, 1, INT32_MAX, "--watch");
    }
    free(pids);
}

/* The first field of schedstat: time on a CPU, ns. Summed over the threads that live. */
static uint64_t cpu_of(int pid) {
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *tasks = opendir(path);
    uint64_t sum = 0;
    for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", pid, task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "re");
        unsigned long long ns = 0;
        if (file != NULL) {
            sum += fscanf(file, "%llu", &ns) == 1 ? ns : 0;
            fclose(file);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return sum;
}

static uint64_t rss_of(int pid) {
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    unsigned long long kb = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmRSS: %llu", &kb) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kb;
}

static uint64_t cpu_of_all(const Group *group) {
    uint64_t sum = 0;
    for (int index = 0; index < group->count; index++) {
        sum += cpu_of(group->pids[index]);
    }
    return sum;
}

void group_start(Group *group) { group->cpu_at_start = cpu_of_all(group); }

void group_stop(Group *group) {
    group->cpu_ns = cpu_of_all(group) - group->cpu_at_start;
    group->rss_kb = 0;
    for (int index = 0; index < group->count; index++) {
        group->rss_kb += rss_of(group->pids[index]);
    }
}

void group_print(const Group *group, FILE *out) {
    fprintf(out, "\"%s\":{\"cpu_ns\":%llu,\"rss_kb\":%llu}", group->name, (unsigned long long)group->cpu_ns,
            (unsigned long long)group->rss_kb);
}
