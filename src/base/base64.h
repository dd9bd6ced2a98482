/* base64: bytes as text (RFC 4648, with padding). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"
#include "base/span.h"

void base64_write(struct span bytes, struct buf *out);

#endif
