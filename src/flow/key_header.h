/* key_header: the line with which a provider is shown one of its keys. */
#ifndef FLOW_KEY_HEADER_H
#define FLOW_KEY_HEADER_H

#include "base/buf.h"
#include "config/config.h"

#include <stdbool.h>

/* Writes "Name: value" into `out` with that key. False: the provider wants none, or it is empty. */
bool key_header_write(const struct config_provider *provider, struct span key, struct buf *out);

#endif
