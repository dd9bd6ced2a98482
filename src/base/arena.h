/* arena: memory that is given piece by piece and taken back all at once.
 *
 * Everything that belongs to one exchange comes from its arena; nothing of it is freed singly. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/span.h"

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *newest;
    char *at;    /* next free byte of the newest block */
    size_t room; /* bytes left in it */
};

void arena_init(struct arena *arena); /* allocates nothing yet */
void arena_done(struct arena *arena);

/* The same with some memory to begin with, which is aligned for anything and the owner's: borrowed until
 * arena_done(). */
void arena_init_in(struct arena *arena, char *room, size_t size);

/* Lends `size` bytes, zeroed, aligned for anything, until arena_done(). */
void *arena_zero(struct arena *arena, size_t size);

/* Lends a copy with a NUL behind it. */
struct span arena_copy(struct arena *arena, struct span bytes);
const char *arena_text(struct arena *arena, struct span bytes);

/* Lends all the texts up to a NULL, one behind the other. */
const char *arena_texts(struct arena *arena, const char *first, ...) __attribute__((sentinel));

/* Lends formatted text. */
const char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
