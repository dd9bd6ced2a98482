#include "base/mem.h"

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

void *mem_zero(size_t size)
{
    return or_abort(calloc(1, size ? size : 1), size);
}

void *mem_alloc(size_t size)
{
    return or_abort(malloc(size ? size : 1), size);
}

void *mem_grow(void *old, size_t size)
{
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
    free(block);
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
}

uint64_t mem_used(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
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
