/* web: a server on a loop of its own with clients on the same loop, for the tests of net/.
 *
 * The server either answers every request with what was asked (`echoes`), or leaves the exchange to
 * the test, which then takes the steps of http.h between two turns of the loop. Nothing sleeps: a
 * test runs turns until what it waits for is so, and fails after ten seconds. */
#ifndef TESTS_WEB_H
#define TESTS_WEB_H

#include "base/buf.h"
#include "base/list.h"
#include "net/http.h"
#include "net/listen.h"
#include "net/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct tls;

struct web_exchange {
    struct task task;
    struct http *http;
    struct web *web;
    unsigned wakes;
};

struct web {
    struct loop *loop;
    struct http_config config;
    struct listener_config listening;
    struct listener *listener;
    bool echoes;
    struct web_exchange *exchange; /* the last that began and has not ended */
    unsigned heads;                /* exchanges begun */
    unsigned errors;               /* requests refused before */
    uv_timer_t guard;
    bool late;
};

/* Sensible settings, which a test may change before web_open(). */
void web_init(struct web *web);
void web_open(struct web *web);
void web_done(struct web *web); /* closes everything and checks that nothing is left */

void web_turn(struct web *web);

#define WEB_WAIT(web, condition)                                                               \
    while (!(condition))                                                                       \
    web_turn(web)

/* The running exchange's http; waits for one when there is none. */
struct http *web_http(struct web *web);
void web_end(struct web *web, bool keep); /* http_end(), and the exchange is forgotten */
void web_abort(struct web *web);
void web_reply(struct web *web, const char *body); /* 200, and keeps the connection */

/* ---- clients ---- */

struct client {
    struct web *web;
    int fd;
    uv_poll_t poll;
    struct buf in; /* what the server sent and the test has not looked at */
    bool ended;    /* the server closed */
    bool reset;
};

void client_open(struct client *client, struct web *web);
void client_close(struct client *client); /* twice is fine */
void client_cut(struct client *client);   /* with a reset */

void client_listen(struct client *client, bool on); /* reads what comes, as it does at first */

void client_send(struct client *client, struct span bytes);
void client_say(struct client *client, const char *text);
/* Sends as much as the sockets take; returns how much. */
size_t client_push(struct client *client, struct span bytes);

/* The next bytes are `text`; their Date lines are looked at and left out. */
void client_expect(struct client *client, const char *text);
void client_expect_end(struct client *client); /* nothing more, and the end */

#endif
