/* fake_http: net/http.h with a client that does what the test says.
 *
 * The reply is kept as the client would see it. Broken promises stop the test: a second reply, a body
 * that is not as long as announced, anything after the end. With the end the request is really gone,
 * so that a span kept too long is found by the address sanitizer, and by its nonsense without. */
#ifndef FAKE_HTTP_H
#define FAKE_HTTP_H

#include "net/http.h"

/* ---- the request ---- */

/* A POST to `path` without headers and body, which is taken as whole. Both sides use it: the exchange
 * until its end, the test until fake_http_free(). */
struct http *fake_http_new(const char *path);
void fake_http_free(struct http *http);

void fake_http_set_method(struct http *http, enum http_method method);
void fake_http_add_header(struct http *http, const char *name, const char *value);
void fake_http_set_body(struct http *http, enum http_body_state state, struct span body);
void fake_http_set_length(struct http *http, uint64_t bytes); /* Content-Length; else chunked */

/* More of the body comes. */
void fake_http_add_body(struct http *http, enum http_body_state state, struct span bytes);
void fake_http_set_task(struct http *http, struct task *task); /* woken by every later fact */

/* ---- facts ---- */

void fake_http_leave(struct http *http); /* the client has gone */

/* The client reads so much more and no more; at first it reads without end. */
void fake_http_let_read(struct http *http, size_t bytes);

/* ---- what the client got ---- */

unsigned fake_http_status(const struct http *http); /* 0: no reply yet */
struct span fake_http_reply_head(const struct http *http);
struct span fake_http_reply_header(const struct http *http, const char *name);
struct span fake_http_reply_body(const struct http *http);
bool fake_http_continued(const struct http *http);
size_t fake_http_body_waits(const struct http *http); /* bytes that nobody has consumed */

enum fake_http_end { FAKE_HTTP_RUNNING, FAKE_HTTP_KEPT, FAKE_HTTP_CLOSED, FAKE_HTTP_ABORTED };
enum fake_http_end fake_http_end(const struct http *http);

#endif
