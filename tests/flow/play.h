/* play: a random story of one exchange, for test_random.c. */
#ifndef FLOW_PLAY_H
#define FLOW_PLAY_H

#include "base/limits.h"
#include "flow/stage.h"

#define PLAY_NONE SIZE_MAX

enum {
    PLAY_CALLS = 32, /* of an exchange: more than any configuration of the test allows */
    PLAY_LONG_BYTES = LIMIT_ANSWER_HELD_BYTES + 50000,
};

/* What one upstream call has to say. */
struct script {
    struct buf words;  /* not delivered yet */
    struct buf json;   /* the whole JSON answer, if it is one */
    uint32_t contents; /* content events among all words so far */
    bool events;       /* it has answered with a stream */
    bool finished;     /* a finish reason is among the words */
    bool done;         /* [DONE] is among the words: what follows does not count */
};

struct play {
    uint64_t random;
    bool loud;
    bool has_total; /* the total clock runs, so that time alone settles everything */
    bool stream;
    bool form;       /* the request is one with a file, in pieces */
    struct buf body; /* what it will have been */
    size_t body_sent;
    bool left;
    size_t calls_then; /* made when it left */
    struct stage *stage;
    struct script scripts[PLAY_CALLS];
};

uint32_t play_draw(struct play *play, uint32_t below);
bool play_chance(struct play *play, uint32_t percent);
void play_say(const struct play *play, const char *what, uint64_t number); /* when it is loud */

/* Empties all scripts: for the next exchange. */
void play_forget(struct play *play);

/* A call that runs, either of them where there are two; PLAY_NONE: none. */
size_t play_running(struct play *play);
bool play_is_over(const struct fetch *fetch);

/* The upstream of a call that runs does something: fails, connects, answers, says more, ends. */
void play_upstream(struct play *play);
void play_failure(struct play *play, struct fetch *fetch);

#endif
