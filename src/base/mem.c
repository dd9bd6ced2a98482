#include "base/mem.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void mem_trim(void)
{
    (void)malloc_trim(0);
}
