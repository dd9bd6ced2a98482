#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Small, because ten thousand streams hold one each; most exchanges fit into the first block. */
enum { BLOCK_BYTES = 512 - 32 };

struct arena_block {
    struct arena_block *older;
    alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena)
{
    *arena = (struct arena){ 0 };
}

void arena_init_in(struct arena *arena, char *room, size_t size)
{
    *arena = (struct arena){ .at = room, .room = size };
}

void arena_done(struct arena *arena)
{
    struct arena_block *block = arena->newest;

    while (block) {
        struct arena_block *older = block->older;

        mem_free(block);
        block = older;
    }
    arena_init(arena);
}

static void add_block(struct arena *arena, size_t least)
{
    size_t room = least > BLOCK_BYTES ? least : BLOCK_BYTES;
    struct arena_block *block = mem_alloc(sizeof(*block) + room);

    block->older = arena->newest;
    arena->newest = block;
    arena->at = block->bytes;
    arena->room = room;
}

static void *take(struct arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    void *at;

    if (arena->room < rounded)
        add_block(arena, rounded);
    at = arena->at;
    arena->at += rounded;
    arena->room -= rounded;
    return at;
}

void *arena_zero(struct arena *arena, size_t size)
{
    return memset(take(arena, size), 0, size);
}

struct span arena_copy(struct arena *arena, struct span bytes)
{
    char *copy = take(arena, bytes.size + 1);

    if (bytes.size)
        memcpy(copy, bytes.at, bytes.size);
    copy[bytes.size] = 0;
    return span_make(copy, bytes.size);
}

const char *arena_text(struct arena *arena, struct span bytes)
{
    return arena_copy(arena, bytes).at;
}

const char *arena_texts(struct arena *arena, const char *first, ...)
{
    va_list args;
    size_t size = 0;
    char *joined;
    char *at;

    va_start(args, first);
    for (const char *text = first; text; text = va_arg(args, const char *))
        size += strlen(text);
    va_end(args);
    joined = take(arena, size + 1);
    at = joined;
    va_start(args, first);
    for (const char *text = first; text; text = va_arg(args, const char *)) {
        memcpy(at, text, strlen(text));
        at += strlen(text);
    }
    va_end(args);
    *at = 0;
    return joined;
}

const char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    char *text;
    int size;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = take(arena, (size_t)size + 1);
    (void)vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return text;
}
