/* client: one connection and the requests on it, one after the other.
 *
 *     FREE -- client_start --> WAITING -- first byte --> ANSWERED -- judged --> FREE
 *                                 \___________ left, or closed ___________________^
 *
 * The connection opens when a request needs it and stays open between requests, unless the
 * answer, the peer, or the rule says otherwise. A new one opens only when the old one is really
 * closed, so `start` may come at any time that the client is FREE. */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H

#include "../clock/dues.h"
#include "answer.h"
#include "base/list.h"
#include "options.h"
#include "seal.h"

#include <stdio.h>
#include <uv.h>

enum { CLIENT_INPUT_BYTES = 64 * 1024 };

struct client;

/* What all clients of a round share. */
struct client_rule {
    uv_loop_t *loop;
    struct dues *dues;
    const struct options *options;
    const struct target *target;
    struct tally *tally;
    struct span request;         /* what they all send, unless they mark their requests */
    struct seal_rule *seal_rule; /* NULL: in the clear */
    FILE *closes;                /* a line for each time one leaves; NULL: none */
    uint64_t marks;              /* given out */
    uint64_t random;             /* state of the dice for those that leave at random; not 0 */
    char input[CLIENT_INPUT_BYTES]; /* of the read that is being handled */
    struct buf clear;               /* the same, when it came sealed */

    /* Called when a client is FREE again; it may start the next request at once. */
    void (*on_free)(struct client *client);
    void *owner; /* for on_free */
};

enum client_state { CLIENT_FREE, CLIENT_WAITING, CLIENT_ANSWERED };

enum client_link { LINK_NONE, LINK_CONNECTING, LINK_GREETING, LINK_OPEN, LINK_CLOSING };

struct client {
    struct client_rule *rule;
    enum client_state state;
    enum client_link link;
    struct list at; /* for the owner: where it keeps the client */
    uv_tcp_t tcp;
    uv_connect_t connect;
    uv_write_t write;
    struct seal *seal;  /* of this connection; NULL: in the clear, or there is none */
    struct buf sealed;  /* what is being sent */
    struct span unsent; /* of the request, when it goes in pieces */
    struct due piece;   /* the next one */
    struct answer answer;
    struct buf marked; /* a request of its own, with its mark */
    uint64_t mark;
    uint64_t due_ns;     /* when the request should have started */
    uint64_t started_ns; /* when it did */
    uint64_t sent_ns;    /* 0: not yet */
    uint64_t first_ns;   /* when the answer began */
    uint64_t leave_ns;   /* at random: when it leaves; 0: it does not */
    uint64_t read_ns;    /* a slow reader: when it reads on; 0: it reads */
    enum outcome last;   /* how the last request ended */
    enum outcome
        giving_up;   /* why the connection is being closed under a request; OK: it is not */
    const char *why; /* the same in words */
};

void client_init(struct client *client, struct client_rule *rule);
void client_done(struct client *client); /* after its connection has closed */

/* Opens the connection of a FREE client ahead of its first request. */
void client_connect(struct client *client);

/* Whether it is still at that. */
bool client_connecting(const struct client *client);

/* Starts a request that was due at `due_ns`. */
void client_start(struct client *client, uint64_t due_ns);

/* Looks whether the request has timed out, or it is time to leave or to read on. */
void client_look(struct client *client, uint64_t now_ns);

/* Closes the connection of a FREE client. */
void client_close(struct client *client);

#endif
