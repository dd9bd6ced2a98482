#include "flow/request_head.h"

#include <assert.h>

static bool breaks(struct span text)
{
    return span_find(text, '\r') != SIZE_MAX || span_find(text, '\n') != SIZE_MAX;
}

void request_head_add(struct buf *out, struct span name, struct span value)
{
    assert(!breaks(name) && !breaks(value));
    if (name.size + value.size + 4 > buf_left(out))
        return;
    (void)buf_add(out, name);
    (void)buf_append(out, ": ", 2);
    (void)buf_add(out, value);
    (void)buf_append(out, "\r\n", 2);
}

bool request_head_add_key(struct buf *out, const struct config_provider *provider,
                          struct span key)
{
    static const struct {
        struct span name;
        struct span value; /* begins like this */
    } ways[] = {
        [AUTH_NONE] = { { NULL, 0 }, { NULL, 0 } },
        [AUTH_BEARER] = { SPAN("Authorization"), SPAN("Bearer ") },
        [AUTH_X_API_KEY] = { SPAN("x-api-key"), { NULL, 0 } },
        [AUTH_API_KEY] = { SPAN("api-key"), { NULL, 0 } },
        [AUTH_X_GOOG_API_KEY] = { SPAN("x-goog-api-key"), { NULL, 0 } },
    };
    struct span name = ways[provider->kind->auth].name;

    if (name.size == 0 || key.size == 0)
        return false;
    assert(!breaks(key));
    (void)buf_add(out, name);
    (void)buf_append(out, ": ", 2);
    (void)buf_add(out, ways[provider->kind->auth].value);
    (void)buf_add(out, key);
    (void)buf_append(out, "\r\n", 2);
    return true;
}

void request_head_add_ours(struct buf *out, const struct config_provider *provider)
{
    (void)buf_add(out, SPAN_OF("User-Agent: sluice/" SLUICE_VERSION "\r\n"));
    for (size_t i = 0; i < provider->headers.count; i++)
        request_head_add(out, span_from(provider->headers.items[i].name),
                         span_from(provider->headers.items[i].value));
}

void request_head_add_kind(struct buf *out, const struct config_provider *provider)
{
    if (!config_needs_header(provider))
        return;
    (void)buf_add_text(out, provider->kind->header);
    (void)buf_append(out, "\r\n", 2);
}
