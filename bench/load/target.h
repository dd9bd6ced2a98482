/* target: a server that is measured, "[NAME=]http[s]://HOST[:PORT][/PATH]", and its processes. */
#ifndef LOAD_TARGET_H
#define LOAD_TARGET_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

enum { TARGET_NAME_SIZE = 64, TARGET_TEXT_SIZE = 512, TARGET_PIDS_MAX = 64 };

struct target {
    char name[TARGET_NAME_SIZE];
    char host[TARGET_TEXT_SIZE]; /* as the Host header says it */
    char path[TARGET_TEXT_SIZE]; /* empty: the URL has none */
    struct sockaddr_storage address;
    bool tls;
    pid_t pids[TARGET_PIDS_MAX];
    uint32_t pid_count;
};

/* Reads the text and looks the host up. False, with a reason for people in *ret_why, when that
 * fails. Without NAME= the name is "URL". */
bool target_read(struct target *target, const char *text, const char **ret_why);

/* Adds the processes in "PID[,PID ...]". */
bool target_read_pids(struct target *target, struct span pids);

#endif
