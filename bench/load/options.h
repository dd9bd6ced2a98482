/* options: what the command line asks for. One row each, see options.c; --help prints them. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "base/buf.h"
#include "target.h"

#include <stdbool.h>
#include <stdint.h>

enum { TARGETS_MAX = 16, CONNECTIONS_MAX = 100000, ROUNDS_MAX = 1000 };

/* Leaving before the answer is complete, on purpose. */
enum leave {
    LEAVE_NOT,
    LEAVE_HEADERS, /* a stream, before its head */
    LEAVE_STREAM,  /* a stream, at its third token */
    LEAVE_WAIT,    /* a plain answer, before its head */
    LEAVE_RANDOM,  /* at a random moment within the hold, half of them by a reset */
};

struct options {
    struct target targets[TARGETS_MAX];
    uint32_t target_count;

    /* What is sent. */
    const char *model;
    const char *key;
    const char *body_file;
    const char *path;
    struct buf headers; /* whole lines */
    uint64_t body_bytes;
    bool stream;
    bool usage;

    /* How much, how fast. */
    uint64_t connections;
    uint64_t requests; /* in a round; 0: as many as fit into its time */
    uint64_t round_ms;
    uint64_t rate_milli; /* requests in 1000 s; 0: closed loop */
    bool poisson;
    bool connection_per_request;
    bool connect_first;
    uint64_t ramp_ms;
    uint64_t rounds;
    uint64_t warmup_ms;
    uint64_t timeout_ms;

    /* What is looked at. */
    uint64_t tokens; /* each stream must bring tokens numbered 0 to this; 0: not looked at */
    enum leave leave;
    uint64_t hold_ms; /* then it leaves, except mid-stream */
    const char *closes_file;
    uint64_t read_rate;  /* bytes a second that each connection takes; 0: all that come */
    uint64_t write_rate; /* the same of what it sends */

    /* What comes out. */
    const char *json_file;
    const char *svg_file;
    const char *plot_file; /* draw what this says, instead of measuring */
    uint64_t slot_ms;      /* of the series in it; 0: none */
    bool quiet;
    bool allow_failures;
};

void options_init(struct options *options);
void options_done(struct options *options);

/* Reads the command line; false, after saying why on stderr, when it makes no sense. */
bool options_read(struct options *options, int count, char **words);

void options_print_help(void);

#endif
