/* client: one request of a command (`sluice healthcheck`, `sluice models`) to a running gateway. */
#ifndef OPS_CLIENT_H
#define OPS_CLIENT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* GETs `url`, waits at most `timeout_ms`. True: an answer came; its status, and its body appended to
 * `ret_body`. False: a sentence in ret_error (256 bytes). */
bool client_get(const char *url, const char *key, uint32_t timeout_ms, unsigned *ret_status,
                struct buf *ret_body, char *ret_error);

#endif
