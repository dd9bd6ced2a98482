#include "flow/request.h"

#include "base/limits.h"
#include "net/http.h"
#include "policy/route.h"

#include <stdbool.h>
#include <string.h>

enum { ID_LETTERS = 26, LETTERS_PER_DRAW = 12, LETTER_BITS = 5 };

static const char prefix[] = "req_";

static bool visible(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] <= 0x20 || text.at[i] >= 0x7f)
            return false;
    return text.size > 0;
}

/* Fills `text` with letters and digits, of which there are 32, so that each takes five bits. */
static void draw_letters(char *text, size_t size, uint64_t *random)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

    for (size_t i = 0; i < size; i += LETTERS_PER_DRAW) {
        uint64_t bits = route_random_bits(random);

        for (size_t at = i; at < size && at < i + LETTERS_PER_DRAW; at++) {
            text[at] = letters[bits % (1u << LETTER_BITS)];
            bits >>= LETTER_BITS;
        }
    }
}

const char *request_id(const struct http_request *request, struct arena *arena,
                       uint64_t *random)
{
    struct span given = http_header(request, "x-request-id");
    char *id;

    if (visible(given) && given.size <= LIMIT_CLIENT_REQUEST_ID_BYTES)
        return arena_text(arena, given);
    id = arena_zero(arena, sizeof(prefix) + ID_LETTERS);
    memcpy(id, prefix, sizeof(prefix));
    draw_letters(id + sizeof(prefix) - 1, ID_LETTERS, random);
    return id;
}

struct span request_key(const struct http_request *request)
{
    struct span bearer = http_header(request, "authorization");
    struct span key = http_header(request, "x-api-key");

    if (key.at == NULL)
        key = http_header(request, "api-key");
    if (key.at == NULL)
        key = http_header(request, "x-goog-api-key");
    if (key.at == NULL && bearer.size > 7 && span_is_nocase(span_first(bearer, 7), "bearer "))
        key = span_trim(span_skip(bearer, 7));
    return key;
}

struct span request_query(const struct http_request *request, const char *name)
{
    struct span rest = request->query;

    while (rest.size) {
        struct span value = span_cut(&rest, '&');

        if (span_is(span_cut(&value, '='), name))
            return value;
    }
    return span_make(NULL, 0);
}
