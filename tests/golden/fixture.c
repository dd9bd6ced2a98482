#include "golden/fixture.h"

#include "base/json.h"
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

/* Are these the same JSON, but for the order of members? */
static bool same(const struct json *a, const struct json *b)
{
    struct span x = { 0 };
    struct span y = { 0 };
    uint64_t m = 0;
    uint64_t n = 0;
    bool p = false;
    bool q = false;

    if (json_kind(a) != json_kind(b) || json_count(a) != json_count(b))
        return false;
    for (size_t i = 0; i < json_count(a); i++) {
        struct span key = { 0 };
        const struct json *item =
            json_kind(a) == JSON_ARRAY ? json_item(a, i) : json_member_at(a, i, &key);
        const struct json *other =
            json_kind(a) == JSON_ARRAY ? json_item(b, i) : json_member(b, key.at);

        if (other == NULL || !same(item, other))
            return false;
    }
    (void)json_read_string(a, &x);
    (void)json_read_string(b, &y);
    (void)json_read_u64(a, &m);
    (void)json_read_u64(b, &n);
    (void)json_read_bool(a, &p);
    (void)json_read_bool(b, &q);
    return span_equal(x, y) && m == n && p == q;
}

bool fixture_same_json(struct span a, struct span b)
{
    struct json_doc *first;
    struct json_doc *second;
    bool equal;

    if (json_parse(a, &first))
        return false;
    if (json_parse(b, &second)) {
        json_free(first);
        return false;
    }
    equal = same(json_root(first), json_root(second));
    json_free(first);
    json_free(second);
    return equal;
}
