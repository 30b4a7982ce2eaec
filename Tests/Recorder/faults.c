/*
 * Faults on purpose. LARDER_RECORDER_FAULTS is a list, separated by commas, of
 *
 *     OPERATION:K:ACTION     the K-th such operation, counted from 1
 *     OPERATION:K+:ACTION    that one and all after it
 *
 * The words are in README.md. Operations are counted over all processes that
 * share a control file.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAXIMUM 32
#define BIT(operation) (1u << (operation))

struct rule {
    unsigned operations;
    uint64_t first;
    bool on;
    struct fault fault;
};

static const struct { const char *name; unsigned operations; } operation_names[] = {
    {"write", BIT(OPERATION_WRITE)},
    {"sync", BIT(OPERATION_SYNC)},
    {"io", BIT(OPERATION_WRITE) | BIT(OPERATION_SYNC)},
    {"truncate", BIT(OPERATION_TRUNCATE)},
    {"open", BIT(OPERATION_OPEN)},
    {"directory", BIT(OPERATION_DIRECTORY)},
    {"memory", BIT(OPERATION_MEMORY)},
};

static const struct { const char *name; int error; } error_names[] = {
    {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EFBIG", EFBIG},   {"EROFS", EROFS},
    {"EINTR", EINTR},   {"EAGAIN", EAGAIN}, {"EACCES", EACCES}, {"EPERM", EPERM},   {"EMFILE", EMFILE},
    {"ENFILE", ENFILE}, {"ENOMEM", ENOMEM}, {"EINVAL", EINVAL}, {"ENOLCK", ENOLCK},
};

static struct rule rules[MAXIMUM];
static int rule_count;

static void refuse(void) {
    dprintf(STDERR_FILENO, "recorder: LARDER_RECORDER_FAULTS: cannot read '%s'\n", getenv("LARDER_RECORDER_FAULTS"));
    _exit(64);
}

/* How long a slow call takes, in microseconds: others find the time to go on. */
#define SLOW 20000

static struct fault parse_action(const char *word) {
    struct fault fault = {.action = ACT_NORMALLY};
    if (strcmp(word, "slow") == 0) {
        fault.slow = true;
        return fault;
    }
    if (strcmp(word, "kill") == 0) {
        fault.kill = true;
        return fault;
    }
    if (strcmp(word, "stop") == 0) {
        fault.stop = true;
        return fault;
    }
    if (strcmp(word, "short") == 0) {
        fault.action = ACT_SHORT;
        return fault;
    }
    if (strcmp(word, "lie") == 0) {
        fault.action = ACT_LIE;
        return fault;
    }
    char *late = strstr(word, "-late");
    fault.action = late ? ACT_FAIL_LATE : ACT_FAIL;
    if (late) *late = 0;
    for (size_t i = 0; i < sizeof error_names / sizeof *error_names; i++)
        if (strcmp(word, error_names[i].name) == 0) fault.error = error_names[i].error;
    if (fault.error == 0) refuse();
    return fault;
}

static void parse_rule(char *text) {
    char *rest = NULL, *end = NULL;
    char *operation = strtok_r(text, ":", &rest);
    char *number = strtok_r(NULL, ":", &rest);
    char *action = strtok_r(NULL, ":", &rest);
    if (!operation || !number || !action || rule_count == MAXIMUM) refuse();

    struct rule *rule = &rules[rule_count++];
    for (size_t i = 0; i < sizeof operation_names / sizeof *operation_names; i++)
        if (strcmp(operation, operation_names[i].name) == 0) rule->operations = operation_names[i].operations;
    rule->first = strtoull(number, &end, 10);
    rule->on = strcmp(end, "+") == 0;
    if (rule->operations == 0 || rule->first == 0 || (*end && !rule->on)) refuse();
    rule->fault = parse_action(action);
}

void parse_faults(void) {
    const char *given = getenv("LARDER_RECORDER_FAULTS");
    char text[1024], *rest = NULL;
    if (!given) return;
    if (strlen(given) >= sizeof text) refuse();
    strcpy(text, given);
    for (char *rule = strtok_r(text, ",", &rest); rule; rule = strtok_r(NULL, ",", &rest)) parse_rule(rule);
}

struct fault next_fault(enum operation operation) {
    static const enum counter counters[] = {
        COUNT_WRITES, COUNT_SYNCS, COUNT_TRUNCATIONS, COUNT_OPENS, COUNT_DIRECTORY_OPERATIONS,
        COUNT_ALLOCATIONS,
    };
    struct fault result = {.action = ACT_NORMALLY};
    count(counters[operation], 1);
    for (int i = 0; i < rule_count; i++) {
        if (!(rules[i].operations & BIT(operation))) continue;
        uint64_t number = 0;
        for (int other = OPERATION_WRITE; other <= OPERATION_MEMORY; other++)
            if (rules[i].operations & BIT(other)) number += counted(counters[other]);
        if (number == rules[i].first || (rules[i].on && number > rules[i].first)) result = rules[i].fault;
    }
    if (result.slow) {
        /* Nothing of the call has happened yet. */
        end_operation();
        usleep(SLOW);
        begin_operation();
    }
    return result;
}

void finish_fault(struct fault fault) {
    if (fault.kill) syscall(SYS_kill, getpid(), SIGKILL);
    if (fault.stop) {
        /* The others go on while this one stands still. */
        end_operation();
        syscall(SYS_kill, getpid(), SIGSTOP);
        begin_operation();
    }
}
