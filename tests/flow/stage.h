/* stage: what the flow tests share. A gateway without sockets: one configuration, one environment, one
 * client at a time, and upstreams that wait for the test to move them.
 *
 *     struct stage *stage = stage_open(TWO_TARGETS);
 *     stage_ask(stage, CHAT);
 *     stage_answer(stage, 0, 200, "application/json", ANSWER);
 *     assert_int_equal(fake_http_status(stage->http), 200);
 *     stage_close(stage);                                          settled, exactly one receipt
 */
#ifndef FLOW_STAGE_H
#define FLOW_STAGE_H

#include "fake/fake_fetch.h"
#include "fake/fake_http.h"
#include "fake/fake_loop.h"
#include "flow/env.h"
#include "flow/exchange.h"
#include "flow/meters.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct stage {
    struct loop *loop;
    struct fetch_pool *pool;
    struct env env;
    struct http *http; /* of the last request */
    uint64_t asked;    /* requests so far */
    struct buf access; /* their lines of the access log */
    struct buf events; /* the other log */
};

/* `yaml` has to be right. */
struct stage *stage_open(const char *yaml);

/* Checks that everything has settled: a receipt for each request, every counter back at 0. */
void stage_close(struct stage *stage);

/* Another configuration for the requests to come. */
void stage_reload(struct stage *stage, const char *yaml);

/* ---- the client ---- */

/* A request for /v1/chat/completions, and the first steps of its exchange. */
void stage_ask(struct stage *stage, const char *body);

/* The same in steps: make it, add to stage->http, start it. */
void stage_prepare(struct stage *stage, const char *path, const char *body);
void stage_start(struct stage *stage);
void stage_leave(struct stage *stage); /* the client goes */

/* ---- the upstreams: call number `at` since the stage was opened ---- */

struct fetch *stage_call(struct stage *stage, size_t at);
size_t stage_calls(const struct stage *stage);
void stage_connect(struct stage *stage, size_t at);
void stage_head(struct stage *stage, size_t at, unsigned status, const char *type);
void stage_body(struct stage *stage, size_t at, const char *text);
void stage_end(struct stage *stage, size_t at);
void stage_fail(struct stage *stage, size_t at, enum fetch_failure failure);

/* All of it at once: a whole answer. */
void stage_answer(struct stage *stage, size_t at, unsigned status, const char *type,
                  const char *body);

void stage_advance(struct stage *stage, uint64_t ms);

/* ---- what came of it ---- */

/* The value of a metric's series; the labels stand in the order of meters.c. */
uint64_t stage_count(struct stage *stage, enum meter id, const char *a, const char *b,
                     const char *c);

/* Reads what was logged since into stage->access and stage->events. */
void stage_read_logs(struct stage *stage);

void assert_text(struct span span, const char *text);
void assert_holds(struct span span, const char *part);
void assert_lacks(struct span span, const char *part);

/* The reply: status, then a part of its body. */
void assert_reply(const struct stage *stage, unsigned status, const char *part);

#endif
