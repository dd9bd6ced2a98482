#include "golden/fixture.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct span fixture_read(const char *name)
{
    char path[4096];
    struct stat about;
    size_t got;
    FILE *file;
    char *bytes;

    (void)snprintf(path, sizeof(path), GOLDEN_DIR "/fixtures/%s", name);
    file = fopen(path, "rb");
    assert(file != NULL);
    assert(fstat(fileno(file), &about) == 0 && about.st_size > 0);
    bytes = mem_alloc((size_t)about.st_size);
    got = fread(bytes, 1, (size_t)about.st_size, file);
    assert(got == (size_t)about.st_size);
    (void)fclose(file);
    return span_make(bytes, got);
}

void fixture_free(struct span fixture)
{
    mem_free((void *)(uintptr_t)fixture.at);
}

struct span fixture_http_body(struct span fixture)
{
    size_t head = span_find_text(fixture, "\r\n\r\n");

    assert(head != SIZE_MAX);
    return span_skip(fixture, head + 4);
}

struct span fixture_copy(struct span bytes)
{
    char *copy = mem_alloc(bytes.size);

    if (bytes.size)
        memcpy(copy, bytes.at, bytes.size);
    return span_make(copy, bytes.size);
}
