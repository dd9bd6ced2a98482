#include "base/mem.h"

#include <assert.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *or_abort(void *block, size_t size)
{
    if (block == NULL) {
        (void)fprintf(stderr, "sluice: out of memory (%zu bytes wanted)\n", size);
        abort();
    }
    return block;
}

/* ---- blocks at hand ----
 *
 * In one turn of the loop dozens of requests end and dozens begin, and all need blocks of the same few
 * sizes. The allocator has seven of a size at hand; what goes beyond them it merges and splits
 * again, which costs ten times as much. So the thread of the loop keeps some of what it frees, by
 * size. */

enum {
    KEPT_STEP = 16, /* in which the allocator's sizes grow, behind the 8 bytes of its own */
    KEPT_BLOCK_MAX = 2048,
    KEPT_BYTES_MAX = 512 * 1024,
};

struct kept_block {
    struct kept_block *next;
};

struct kept {
    bool on;
    size_t bytes;
    struct kept_block *lists[KEPT_BLOCK_MAX / KEPT_STEP + 1];
};

static _Thread_local struct kept kept; /* `on` in one thread alone */

/* The list whose blocks have room for `size`, which is at most KEPT_BLOCK_MAX. */
static struct kept_block **list_for(size_t size)
{
    return &kept.lists[(size + KEPT_STEP - 9) / KEPT_STEP];
}

/* The list for whose sizes a block of `room` bytes has room, or NULL. */
static struct kept_block **list_of(size_t room)
{
    bool keeps = kept.on && room >= KEPT_STEP + 8 && room <= KEPT_BLOCK_MAX &&
                 kept.bytes + room <= KEPT_BYTES_MAX;

    return keeps ? &kept.lists[(room - 8) / KEPT_STEP] : NULL;
}

/* NULL: there is none at hand. */
static void *take_kept(size_t size)
{
    struct kept_block **list = size <= KEPT_BLOCK_MAX ? list_for(size) : NULL;
    struct kept_block *block = list ? *list : NULL;

    if (block == NULL)
        return NULL;
    *list = block->next;
    kept.bytes -= malloc_usable_size(block);
    return block;
}

static void let_kept_go(void)
{
    for (size_t i = 0; i < sizeof(kept.lists) / sizeof(kept.lists[0]); i++) {
        while (kept.lists[i]) {
            struct kept_block *block = kept.lists[i];

            kept.lists[i] = block->next;
            free(block);
        }
    }
    kept.bytes = 0;
}

/* ---- */

void *mem_zero(size_t size)
{
    void *block = take_kept(size);

    if (block)
        return memset(block, 0, size);
    return or_abort(calloc(1, size ? size : 1), size);
}

void *mem_alloc(size_t size)
{
    void *block = take_kept(size);

    return block ? block : or_abort(malloc(size ? size : 1), size);
}

void *mem_grow(void *old, size_t size)
{
    if (old == NULL)
        return mem_alloc(size);
    return or_abort(realloc(old, size ? size : 1), size);
}

char *mem_copy(const void *bytes, size_t size)
{
    char *copy = mem_alloc(size + 1);

    if (size)
        memcpy(copy, bytes, size);
    copy[size] = 0;
    return copy;
}

void mem_free(void *block)
{
    size_t room = block ? malloc_usable_size(block) : 0;
    struct kept_block **list = list_of(room);
    struct kept_block *free_block = block;

    if (list == NULL) {
        free(block);
        return;
    }
    assert(*list != free_block); /* freed twice */
    free_block->next = *list;
    *list = free_block;
    kept.bytes += room;
}

void mem_wipe(void *block, size_t size)
{
    explicit_bzero(block, size);
}

void mem_setup(void)
{
    /* The resolver's threads would otherwise each bring an arena of their own. The fixed thresholds
     * keep glibc from learning from one large body that it should hold on to megabytes. */
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_TRIM_THRESHOLD, 512 * 1024);
    (void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
#ifndef __SANITIZE_ADDRESS__ /* which wants to see each of them freed */
    kept.on = true;
#endif
}

uint64_t mem_used(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd - kept.bytes;
}

/* ---- trim ----
 *
 * malloc_trim() alone would stop the loop for ten milliseconds after a peak of 200 MB. So free memory is
 * taken from the allocator in pieces, and the pages of each are handed back while we hold it, which
 * leaves little for malloc_trim() to do. */

enum { PIECE_BYTES = 64 * 1024 - 64 };

struct piece {
    struct piece *next;
};

static struct piece *pieces;

/* Was there nothing free that is large enough, so that the heap was made larger for this one? */
static bool is_new(const void *block, const void *old_end)
{
    return (uintptr_t)block + PIECE_BYTES > (uintptr_t)old_end;
}

bool mem_trim_step(size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    let_kept_go();
    for (size_t done = 0; done < bytes; done += PIECE_BYTES) {
        const void *old_end = sbrk(0);
        struct piece *piece = mem_alloc(PIECE_BYTES);
        char *bytes_of_it = (char *)piece;
        uintptr_t first = ((uintptr_t)(piece + 1) + page - 1) / page * page;
        uintptr_t end = ((uintptr_t)piece + PIECE_BYTES) / page * page;

        if (is_new(piece, old_end)) {
            mem_free(piece);
            return false;
        }
        (void)madvise(bytes_of_it + (first - (uintptr_t)piece), end - first, MADV_DONTNEED);
        piece->next = pieces;
        pieces = piece;
    }
    return true;
}

void mem_trim_end(void)
{
    while (pieces) {
        struct piece *next = pieces->next;

        mem_free(pieces);
        pieces = next;
    }
    (void)malloc_trim(0);
}
