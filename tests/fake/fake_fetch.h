/* fake_fetch: net/fetch.h with upstreams that do what the test says.
 *
 * Every call is kept until the pool is freed, so that a test can look at what was asked, and so that a
 * call that is used after fetch_close(), or never closed, stops the test. */
#ifndef FAKE_FETCH_H
#define FAKE_FETCH_H

#include "net/fetch.h"

/* ---- what was asked ---- */

size_t fake_fetch_count(const struct fetch_pool *pool);
struct fetch *fake_fetch_at(const struct fetch_pool *pool,
                            size_t at); /* in the order of starting */

const char *fake_fetch_url(const struct fetch *fetch);
struct span fake_fetch_sent_body(const struct fetch *fetch); /* its pieces joined */

/* Of a body that is fed: its length as it was announced, and whether all of it has come. */
int64_t fake_fetch_fed_length(const struct fetch *fetch);
bool fake_fetch_fed_whole(const struct fetch *fetch);

/* The headers, a line each, with LF. */
struct span fake_fetch_sent_headers(const struct fetch *fetch);
bool fake_fetch_is_closed(const struct fetch *fetch);
bool fake_fetch_is_cancelled(const struct fetch *fetch); /* closed before it had ended */

/* Forgets all calls; they must be closed. */
void fake_fetch_forget(struct fetch_pool *pool);

/* ---- what the upstream does; each wakes the owner ---- */

void fake_fetch_connect(struct fetch *fetch);

/* Status and headers: "content-type: application/json\nretry-after: 2\n". Connects if need be. */
void fake_fetch_head(struct fetch *fetch, unsigned status, const char *headers);

/* Bytes of the body. Returns how many found room in the inbox: the others stay with the upstream. */
size_t fake_fetch_body(struct fetch *fetch, struct span bytes);
void fake_fetch_end(struct fetch *fetch);
void fake_fetch_fail(struct fetch *fetch, enum fetch_failure failure);
void fake_fetch_fail_stale(struct fetch *fetch); /* a kept connection that was dead */

/* The upstream takes the request slowly: until it is closed, the bytes lent to it are read. */
void fake_fetch_upload_slowly(struct fetch *fetch);

/* It takes so much more of what it is fed, and no more; at first it takes all. */
void fake_fetch_let_feed(struct fetch *fetch, size_t bytes);

#endif
