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

void request_headers(const struct http_request *request, const struct span *names, size_t count,
                     struct span *ret)
{
    for (size_t i = 0; i < count; i++)
        ret[i] = (struct span){ NULL, 0 };
    for (size_t at = 0; at < request->header_count; at++) {
        const struct http_header *header = &request->headers[at];

        for (size_t i = 0; i < count; i++)
            if (header->name.size == names[i].size && ret[i].at == NULL &&
                span_equal_nocase(header->name, names[i]))
                ret[i] = header->value;
    }
}

struct span request_key(const struct http_request *request)
{
    enum { X_API_KEY, API_KEY, X_GOOG_API_KEY, AUTHORIZATION, WAYS };
    static const struct span names[WAYS] = { SPAN("x-api-key"), SPAN("api-key"),
                                             SPAN("x-goog-api-key"), SPAN("authorization") };
    static const struct span bearer = SPAN("bearer ");
    struct span values[WAYS];
    struct span shown;

    request_headers(request, names, WAYS, values);
    for (size_t i = 0; i < AUTHORIZATION; i++)
        if (values[i].at)
            return values[i];
    shown = values[AUTHORIZATION];
    if (shown.size > bearer.size && span_equal_nocase(span_first(shown, bearer.size), bearer))
        return span_trim(span_skip(shown, bearer.size));
    return span_make(NULL, 0);
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
