/* place: where, behind a provider's base URL, something is asked. Mostly that is a suffix which is the same
 * for all models ("/chat/completions"); in some languages the model's name stands in it:
 * "/models/{model}:generateContent". */
#ifndef LLM_PLACE_H
#define LLM_PLACE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>

/* Does the model's name stand in it? */
bool place_names_model(const char *suffix);

/* The suffix with that name in it, percent-encoded so that it stays one segment of a path. A "models/" that
 * the name begins with, as Google writes it, is left out. */
void place_write(const char *suffix, struct span model, struct buf *out);

/* The other way round: is `path` the one that `pattern` describes? The name is lent as it stands there; it may
 * hold slashes. */
bool place_read(const char *pattern, struct span path, struct span *ret_model);

/* Without its percent-encoding; what is not one stays. The copy comes from the arena. */
struct span place_decode(struct span text, struct arena *arena);

#endif
