/* mock: the fake provider as a whole, and the connections to it.
 *
 *     bytes -> request (request.h)
 *                 |  serve (serve.h): who is asked, by the dialect's table of paths
 *                 v
 *              answer (answer.h) + script (fault.h)
 *                 |  play (play.h): step by step, at the pace that the knobs give
 *                 v
 *              bytes, and a record of it (record.h)
 *
 * One thread, one loop. A connection serves one request at a time; what comes meanwhile waits in
 * its backlog. */
#ifndef MOCK_MOCK_H
#define MOCK_MOCK_H

#include "../clock/dues.h"
#include "answer.h"
#include "base/buf.h"
#include "base/list.h"
#include "bill.h"
#include "fault.h"
#include "knobs.h"
#include "record.h"
#include "request.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <uv.h>

enum {
    INPUT_BYTES = 64 * 1024,
    BACKLOG_BYTES_MAX = 1024 * 1024, /* of pipelined requests */
    CONDITIONS_MAX = 8,
    BLACKHOLE_SOCKETS = 3,
};

enum { KEY_TEXT_BYTES = 1024, MODELS_TEXT_BYTES = 256 * 1024 };

struct mock {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_timer_t reopen; /* the listener, after /mock/control {"accept": false} */
    uv_prepare_t turn; /* looks whether what somebody waits for has come */
    struct dues dues;  /* players that wait for their time */
    uv_signal_t stops[2];
    struct sockaddr_storage address;
    bool listening;
    bool accept_wanted; /* again, once the listener has closed */
    int blackhole[BLACKHOLE_SOCKETS];
    uint16_t blackhole_port;

    const char *name;               /* the system_fingerprint */
    const char *key;                /* accepted ones, with commas between; NULL: any */
    char key_text[KEY_TEXT_BYTES];  /* where `key` points once control has changed it */
    char models[MODELS_TEXT_BYTES]; /* listed, with commas between */
    const char *files;              /* directory of file:NAME; NULL: none */
    bool stamp;
    FILE *log; /* a line for each request; NULL: none */

    struct knobs knobs;
    struct journal journal;
    struct bills bills;
    struct list conns;
    struct list waiters; /* those of them that stand in /mock/wait */
    uint64_t random;
    uint64_t conn_count;

    struct buf out;          /* what this turn of a player writes */
    char input[INPUT_BYTES]; /* of the read that is being handled */
};

/* The player's place in a script. */
struct play {
    const struct step *step;
    struct dress dress;
    uint32_t round;         /* how often a repeated step was done */
    uint32_t event;         /* the next of the answer */
    uint64_t tokens;        /* in those before it */
    struct buf event_bytes; /* of the event that is being sent */
    uint64_t due_ns;        /* when the next event is; 0: not paced yet */
    uint32_t budget;        /* writes left in this turn */
    bool paced;             /* the interval before the next event is over */
    bool ready;             /* nothing is being waited for */
    bool blocked;           /* waits for the kernel to take bytes */
    bool ended;             /* the framing of the body has been closed */
};

struct condition {
    const uint64_t *figure;
    uint64_t bound;
    bool at_most; /* else at least */
};

enum conn_state {
    CONN_READING, /* a request */
    CONN_PLAYING, /* the answer to it */
    CONN_CLOSED,  /* waits for libuv to let go */
};

struct conn {
    uv_tcp_t tcp;
    uv_shutdown_t shutdown;
    struct due due; /* when the player goes on */
    struct list link;
    struct mock *mock;
    enum conn_state state;
    bool gone; /* the peer has closed or reset */

    uint64_t number; /* of this connection */
    uint64_t served; /* requests before this one */
    struct request request;
    struct buf backlog;

    uint64_t record; /* number of the record; 0: none is open */
    struct knobs knobs;
    const struct fault *fault;
    struct answer answer;
    struct play play;
    struct list waiter;
    struct condition conditions[CONDITIONS_MAX]; /* of /mock/wait */
    uint32_t condition_count;
    uint64_t await_ms; /* and then it gives up, with 504 */
};

/* ---- conn.c ---- */

/* Accepts one connection and starts to read. */
void conn_accept(struct mock *mock);

/* Sends `bytes`; what the kernel does not take at once is copied. When the peer is gone it only
 * notes that, for conn_pump() to find. */
void conn_write(struct conn *conn, struct span bytes);

/* Whether the kernel has not yet taken all that was written. */
bool conn_backed_up(const struct conn *conn);

/* Closes at once; with `reset`, by RST. */
void conn_close(struct conn *conn, bool reset);

/* Sends FIN, then closes. */
void conn_finish(struct conn *conn);

void conn_stop_reading(struct conn *conn);
void conn_start_reading(struct conn *conn);

/* Goes on: plays what is ready, then reads the next request, for as long as there is something to
 * do. The only door to play_run(). */
void conn_pump(struct conn *conn);

/* Ends the record of the request in flight, if it is open. */
void conn_settle(struct conn *conn, enum record_state state);

/* Closes all connections that wait for a request: by FIN ("close"), by RST ("reset"), or sends
 * garbage first ("garbage"). False when `how` is none of them. */
bool conn_end_idle(struct mock *mock, struct span how);

/* Lets all go on that stand at STEP_HOLD. */
void conn_release(struct mock *mock);

#endif
