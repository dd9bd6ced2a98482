/* tally: what is counted in one round. Times are nanoseconds. */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include "base/histogram.h"
#include "series.h"

#include <stdint.h>

/* How a request ended. From the caller's side: UNANSWERED and REFUSED had not begun to be
 * answered, BROKEN and WRONG had. */
enum outcome {
    OUTCOME_OK,
    OUTCOME_UNANSWERED, /* no connection, or it closed before the first byte */
    OUTCOME_REFUSED,    /* a whole answer, with another status than 2xx */
    OUTCOME_BROKEN,     /* began well, ended early or in an error event */
    OUTCOME_WRONG,      /* ended, but an event is lost, merged, reordered or no JSON */
    OUTCOME_TIMEOUT,
    OUTCOME_LEFT, /* we left, as we had been told to */
};

enum { OUTCOME_COUNT = OUTCOME_LEFT + 1, TALLY_EXAMPLE_SIZE = 120 };

/* Of the processes behind a target. */
struct usage {
    uint64_t cpu_ns;       /* of the round */
    uint64_t instructions; /* in user space, of the round; 0: not counted */
    const char *uncounted; /* why not; NULL: they were, or there is nothing to count */
    uint64_t rss_begin;    /* bytes */
    uint64_t rss_peak;
    uint64_t rss_end;
};

struct tally {
    uint64_t outcomes[OUTCOME_COUNT];
    char examples[OUTCOME_COUNT][TALLY_EXAMPLE_SIZE]; /* the first of each, for people */
    uint64_t begin_ns;
    uint64_t end_ns;
    uint64_t connects;
    uint64_t bytes;  /* of bodies, without their framing */
    uint64_t events; /* of streams, without [DONE] */
    uint64_t tokens;
    uint64_t connections_peak;

    struct histogram whole;    /* to the last byte, of good answers alone */
    struct histogram first;    /* to the first byte, of the same */
    struct histogram refused;  /* to the last byte of an answer that says no */
    struct histogram ttft;     /* to the first token, of all streams, as the next two */
    struct histogram gap;      /* between two tokens */
    struct histogram ttft_way; /* to the first token, without the time that the provider took */
    struct histogram gap_way;  /* how much longer a gap is here than it was there */
    struct histogram delay;    /* from the stamp of a token to its arrival here */
    struct histogram lag;      /* open loop: how late we were ourselves */

    struct series series; /* of one round; rounds are not added up */
    struct usage usage;
};

const char *outcome_name(enum outcome outcome);

/* Requests that ended in any way but OK and LEFT. */
uint64_t tally_failed(const struct tally *tally);

/* Requests that ended. */
uint64_t tally_requests(const struct tally *tally);

void tally_count(struct tally *tally, enum outcome outcome, const char *example);
void tally_merge(struct tally *into, const struct tally *from);

#endif
