/* key_header: the line with which a provider is shown one of its keys. */
#ifndef FLOW_KEY_HEADER_H
#define FLOW_KEY_HEADER_H

#include "base/buf.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>

/* Writes "Name: value" into `out` with key number `at`. False: it wants none, or has none. */
bool key_header_write(const struct config_provider *provider, size_t at, struct buf *out);

#endif
