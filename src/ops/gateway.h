/* gateway: the composition root. It makes the parts, hands each what it needs, and takes them down
 * in order. Everything that is decided is decided elsewhere.
 *
 *     main listener  --on_head--> a model's path --> exchange (flow/)
 *                            +--> any other path --> call     (call.h)
 *     admin listener --on_head---------------------> call
 */
#ifndef OPS_GATEWAY_H
#define OPS_GATEWAY_H

#include "flow/env.h"
#include "net/http.h"
#include "net/loop.h"

#include <stdbool.h>

struct alarms;
struct changes;
struct demo;
struct keeper;
struct listener;
struct probes;
struct offers_told;
struct recent;
struct rollouts;
struct state;
struct trimmer;
struct webhooks;

enum plane { PLANE_MAIN = 1, PLANE_ADMIN = 2 };

/* One listener with what its callbacks are given. */
struct door {
    struct gateway *gateway;
    enum plane planes; /* what is answered here; both, when there is no admin listener */
    struct http_config http;
    struct listener *listener;
};

struct gateway {
    struct loop *loop;
    struct env env;
    struct door main;
    struct door admin; /* its listener is NULL when the main one does both */
    struct demo *demo; /* NULL: not needed */
    char demo_url[64];
    struct probes *probes;
    struct state *state;     /* what survives a restart */
    struct keeper *keeper;   /* of the ledger, into it */
    struct changes *changes; /* of the configuration */
    struct webhooks *webhooks;
    struct offers_told *offers_told;
    struct recent *recent; /* figures of the last minutes */
    struct alarms *alarms; /* judges them */
    struct rollouts *rollouts;
    struct trimmer *trimmer; /* of memory, after a peak */
    struct task janitor;  /* looks at the configuration file, at the health, and at the drain */
    struct task logger;   /* writes the log a little later */
    uint64_t file_stamp;  /* what the configuration file looked like when it was read */
    uint64_t drain_by_ms; /* 0: not draining */
    bool drain_over;
    uint64_t
        news_by_ms; /* what the webhooks have not had by then they do not get; 0: not yet */
    uint64_t started_ms;
};

/* Takes the configuration; opens the listeners. Gives a gateway, or NULL with a sentence in ret_error
 * (256 bytes). */
struct gateway *gateway_new(struct config *config, char *ret_error);

/* The port of the main listener. */
unsigned gateway_port(const struct gateway *gateway);

/* Serves until SIGTERM or SIGINT and the drain that follows. */
void gateway_run(struct gateway *gateway);
void gateway_free(struct gateway *gateway);

/* Puts env.config in force where it is not looked at anew each time: limits, clocks, the log, the
 * demo. False with a sentence when something cannot be had. */
bool gateway_apply(struct gateway *gateway, char *ret_error);

/* Starts the built-in provider when the configuration names it. */
bool gateway_ensure_demo(struct gateway *gateway, char *ret_error);

/* Stops accepting, lets running requests end; a second call ends them at once. */
void gateway_drain(struct gateway *gateway);

#endif
