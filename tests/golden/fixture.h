/* fixture: bytes as a provider or a client would send them, from tests/golden/fixtures. */
#ifndef GOLDEN_FIXTURE_H
#define GOLDEN_FIXTURE_H

#include "base/span.h"

#include <stdbool.h>

/* Gives the whole file: to be freed with fixture_free(). A file that cannot be read ends the test. */
struct span fixture_read(const char *name);
void fixture_free(struct span fixture);

/* What stands behind the blank line of an HTTP message. */
struct span fixture_http_body(struct span fixture);

/* Gives a copy in a block of exactly its size, so that AddressSanitizer sees a look behind it. */
struct span fixture_copy(struct span bytes);

/* Are these the same JSON, but for the order of members? */
bool fixture_same_json(struct span a, struct span b);

#endif
