/* mem: the only place that calls malloc and its friends.
 *
 * Running out of memory aborts: everything that a client can make grow is a struct buf with a
 * maximum or is counted in limits.h, so an abort here is a bug or a machine too small for its
 * configuration, and neither is mended by going on. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Gives zeroed memory. */
void *mem_zero(size_t size);

/* Gives memory with undefined content. */
void *mem_alloc(size_t size);

/* Takes `old` (may be NULL), gives a block of `size` bytes with its content. */
void *mem_grow(void *old, size_t size);

/* Gives a copy of `size` bytes with a NUL behind them. */
char *mem_copy(const void *bytes, size_t size);

/* Takes `block`; NULL is fine. */
void mem_free(void *block);

/* Overwrites `size` bytes in a way that the compiler may not remove: for secrets. */
void mem_wipe(void *block, size_t size);

/* Sets the allocator up for a small, long-lived, mostly single-threaded process; the thread that calls it
 * keeps some of the blocks that it frees at hand. Call once, first thing in main(). */
void mem_setup(void);

/* Of the allocator's memory, as far as it is not free. Walks over all free blocks. */
uint64_t mem_used(void);

/* Hands memory that is free back to the system, about `bytes` of it: some 50 us a megabyte. Call it again,
 * with other work in between, until it returns false: little is left to find. What was found is held until
 * mem_trim_end(), which does the rest and costs about a millisecond. */
bool mem_trim_step(size_t bytes);
void mem_trim_end(void);

#endif
