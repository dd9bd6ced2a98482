/* fetch_shard: libcurl's turns. Calls are spread over several multi handles, the shards, because
 * libcurl looks through all busy connections of a host for each new call: the first shard with few
 * calls in flight takes it, which keeps connections warm while there are few and the search short
 * while there are many.
 *
 *     fetch_seat_take --> [ libcurl works: callbacks of the easy handle ] --> on_end
 *            |                                                                   |
 *            +--------------------------------- at any time ---------------------+--> fetch_seat_leave
 */
#ifndef NET_FETCH_SHARD_H
#define NET_FETCH_SHARD_H

#include "base/list.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct fetch_seat;
struct fetch_shard;
struct fetch_shards;
struct fetch_sockets;
struct loop;

struct fetch_shards_config {
    unsigned shards;
    unsigned calls; /* in flight in one before the next is used */
    long idle_max;  /* connections that each keeps */
};

/* Nothing is made of a shard before it is needed. */
struct fetch_shards *fetch_shards_new(struct loop *loop, struct fetch_sockets *sockets,
                                      const struct fetch_shards_config *config);
void fetch_shards_free(struct fetch_shards *shards); /* every seat must be left */

/* Frees those that have no call, with the connections that libcurl keeps there. */
void fetch_shards_tidy(struct fetch_shards *shards);

/* libcurl is through with the call. Its seat is still taken. */
typedef void (*fetch_end_fn)(struct fetch_seat *seat, CURLcode result);

/* The place of one call in a shard. Embed it by value. */
struct fetch_seat {
    uint32_t magic;
    bool paused; /* a fact: the call's body callback has answered CURL_WRITEFUNC_PAUSE */
    int socket;  /* the last that was opened or waited for: the connection, once there is one */
    CURL *easy;
    fetch_end_fn on_end;
    struct fetch_shard *shard; /* NULL: not taken */
    struct list link;          /* in shard->resumes */
};

/* Borrows `easy` for the life of the seat. */
void fetch_seat_init(struct fetch_seat *seat, CURL *easy, fetch_end_fn on_end);

/* libcurl starts with its next turn. */
void fetch_seat_take(struct fetch_seat *seat, struct fetch_shards *shards);
void fetch_seat_leave(struct fetch_seat *seat);

/* A paused call goes on with libcurl's next turn. Nothing happens to one that is not paused. */
void fetch_seat_resume(struct fetch_seat *seat);

#endif
