/* request: the bytes of a request. */
#ifndef LOAD_REQUEST_H
#define LOAD_REQUEST_H

#include "base/buf.h"
#include "options.h"
#include "target.h"

#include <stdbool.h>

/* The content of a file; false when it cannot be read or does not fit. */
bool request_add_file(const char *path, struct buf *out);

/* The body: the file, or a chat completion of the wanted size. With `mark` (1 and up) its
 * "user" is "load-MARK", which the log of sluice-mock then shows. False when the file cannot be
 * read. */
bool request_write_body(const struct options *options, uint64_t mark, struct buf *out);

/* Head and body. */
void request_write(const struct options *options, const struct target *target, struct span body,
                   struct buf *out);

#endif
