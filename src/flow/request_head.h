/* request_head: the header lines of a request to a provider, whole, each with its CRLF, as net/fetch.h
 * takes them. */
#ifndef FLOW_REQUEST_HEAD_H
#define FLOW_REQUEST_HEAD_H

#include "base/buf.h"
#include "config/config.h"

#include <stdbool.h>

/* Appends a line, unless there is no room for it. Neither part may break it: whoever read them has seen to
 * that. */
void request_head_add(struct buf *out, struct span name, struct span value);

/* The line with which that provider is shown a key. False: it wants none, or the key is empty. */
bool request_head_add_key(struct buf *out, const struct config_provider *provider,
                          struct span key);

/* Who we are, and what the configuration says of that provider. */
void request_head_add_ours(struct buf *out, const struct config_provider *provider);

/* The version of its language that we know, where it wants to be told: "name: value". */
void request_head_add_kind(struct buf *out, const struct config_provider *provider);

#endif
