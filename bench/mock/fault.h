/* fault: the ways in which an answer goes wrong, as data.
 *
 * A fault is a script of steps; the player (play.h) knows the steps and nothing of the faults.
 * Model "fault:NAME" asks for one, or /mock/control lets it hit the next requests. */
#ifndef MOCK_FAULT_H
#define MOCK_FAULT_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum step_kind {
    STEP_OVER,   /* the end of each script */
    STEP_HEAD,   /* status line and headers of the true answer */
    STEP_EVENTS, /* its next `count` events; only EVENTS_ALL sends the body of a plain answer */
    STEP_HALF,   /* the first half of its next event */
    STEP_FINISH, /* what ends the body: the last chunk of a stream */
    STEP_RAW,    /* `text` as it is, `count` times, `ms` apart */
    STEP_BODY,   /* the same, but framed as part of the body */
    STEP_REPLY,  /* a whole response: `status`, header lines `fields`, body `text`; in both,
                    $KEY becomes the masked key of the request and $DATE the date in 5 s */
    STEP_WAIT,   /* `ms` */
    STEP_HOLD,   /* until POST /mock/control {"release": true} */
    STEP_STALL,  /* until the peer closes */
    STEP_DEAF,   /* stop reading what the peer sends */
    STEP_HEAR,   /* read again */
    STEP_CLOSE,  /* FIN */
    STEP_RESET,  /* RST */
    STEP_AWAIT,  /* until the conditions of /mock/wait hold */
};

enum { STEP_KIND_COUNT = STEP_AWAIT + 1 };

enum {
    EVENTS_ALL = 0,
    EVENTS_BUT_LAST = UINT16_MAX, /* all but [DONE] */
    STEP_FOREVER = INT32_MAX,
};

struct step {
    enum step_kind kind;
    uint16_t status;
    uint32_t count;
    uint32_t ms;
    const char *fields;
    struct span text;
};

/* How the lines of a stream look; what is not given is as it should be. */
struct dress {
    const char *start;  /* before the first event */
    const char *before; /* before each event */
    const char *eol;    /* instead of LF */
};

enum force { FORCE_NOTHING, FORCE_JSON, FORCE_STREAM };

struct fault {
    const char *name;
    const char *row; /* in the fault matrix */
    const char *does;
    const struct step *steps;
    struct dress dress;
    uint32_t split; /* as the knobs, when not 0 */
    uint32_t drip_ms;
    enum force force; /* answers in this form, whatever was asked */
    bool only_reused; /* the first request on a connection is answered well */
    bool early;       /* plays before the body has arrived */
};

/* What is played when nothing goes wrong. */
extern const struct step fault_none[];

const struct fault *fault_find(struct span name); /* NULL when there is no such */

/* The fault that error_rate plays, for a random number. */
const struct fault *fault_random_error(uint64_t random);

/* Writes one line for each fault: name, row, what it does. */
void fault_write_list(struct buf *out);

#endif
