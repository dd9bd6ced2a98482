/* base64: bytes as text (RFC 4648, with padding). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>

void base64_write(struct span bytes, struct buf *out);

/* Appends what such a text stands for, in either of the RFC's alphabets, padded or not. False: it is none,
 * and part of it may have been appended. */
bool base64_read(struct span text, struct buf *out);

#endif
