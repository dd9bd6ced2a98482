/* record: the mock remembers what it was asked, what it sent, and how it ended.
 *
 *     OPEN --- all was sent ---> COMPLETE
 *      |  \--- a fault cut it --> BROKEN
 *      \------ the peer closed -> CANCELLED
 *
 * The journal is a ring of the last requests. A record is named by its number, as it may be
 * overwritten while its request is still in flight. */
#ifndef MOCK_RECORD_H
#define MOCK_RECORD_H

#include "base/buf.h"
#include "request.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JOURNAL_RECORDS = 10000,
    JOURNAL_BODY_BYTES = 64 * 1024,        /* kept of one body */
    JOURNAL_BYTES_MAX = 128 * 1024 * 1024, /* kept of all, at most */
};

enum record_state { RECORD_OPEN, RECORD_COMPLETE, RECORD_CANCELLED, RECORD_BROKEN };

struct record {
    uint64_t number;
    uint64_t time_ms;     /* since 1970 */
    uint64_t received_ns; /* CLOCK_MONOTONIC, as all _ns */
    uint64_t ended_ns;    /* 0 while open */
    uint64_t closed_ns;   /* when the peer was seen to close; 0: it was not, before the end */
    uint64_t connection;
    bool reused; /* not the first request on the connection */
    enum record_state state;
    unsigned status; /* of the answer */
    bool stream;
    uint64_t tokens; /* handed to the kernel */
    uint64_t events;
    char *method;
    char *target;
    char *model;
    char *fault; /* NULL: none */
    char *fields;
    size_t fields_size;
    char *body;
    size_t body_kept;
    size_t body_bytes;
};

/* What /mock/stats tells; all but the gauges only grow. */
struct stats {
    uint64_t connections_open; /* gauge */
    uint64_t connections_total;
    uint64_t requests;
    uint64_t posts;     /* of them: what a provider would bill */
    uint64_t in_flight; /* gauge */
    uint64_t complete;
    uint64_t cancelled;
    uint64_t broken;
    uint64_t tokens_sent;
    uint64_t events_sent;
};

struct journal {
    struct record *ring[JOURNAL_RECORDS];
    uint64_t next;  /* number of the next record; the first is 1 */
    uint64_t first; /* number of the oldest that is kept */
    uint64_t epoch; /* number of the first after the last reset */
    size_t bytes;
    struct stats stats;
    bool changed; /* since somebody looked, see wait.h */
};

void journal_init(struct journal *journal);
void journal_done(struct journal *journal);

/* Forgets all records and counts from zero; how requests end that are in flight now will not be
 * counted. */
void journal_reset(struct journal *journal);

/* Remembers a request, lends its record until the next call. */
struct record *journal_open(struct journal *journal, const struct request *request);

/* NULL when it is forgotten. */
struct record *journal_find(const struct journal *journal, uint64_t number);

void journal_count(struct journal *journal, uint64_t number, uint32_t tokens);

/* Ends record `number`; call once for each. Lends it, NULL when it is forgotten. */
struct record *journal_settle(struct journal *journal, uint64_t number, enum record_state state,
                              uint64_t now_ns);

void record_write(const struct record *record, struct buf *out);

/* The records from number `since` on as a JSON array. */
void journal_write(const struct journal *journal, uint64_t since, struct buf *out);

void stats_write(const struct journal *journal, struct buf *out);

/* The figure `name`; NULL when there is none of that name. */
const uint64_t *stats_find(const struct stats *stats, struct span name);

#endif
