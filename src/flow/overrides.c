#include "flow/overrides.h"

#include "base/limits.h"
#include "config/config.h"
#include "config/forms.h"
#include "net/http.h"

enum { SHOWN_BYTES = 64, TIMEOUT_MS_MAX = 24 * 3600 * 1000 };

/* ---- sides: `auto` is what a request without them gets ---- */

static bool read_environment(struct span value, struct overrides *overrides)
{
    if (span_is(value, "auto"))
        return true;
    overrides->side = (struct side_wish){ .kind = SIDE_WISH_FORCED };
    overrides->side.side = span_is(value, "green") ? SIDE_GREEN : SIDE_BLUE;
    return span_is(value, "blue") || span_is(value, "green");
}

static bool read_blue_weight(struct span value, struct overrides *overrides)
{
    uint64_t blue;

    if (!span_u64(value, &blue) || blue > 100)
        return false;
    overrides->side =
        (struct side_wish){ .kind = SIDE_WISH_SPLIT, .green = 100 - (uint32_t)blue };
    return true;
}

static bool read_canary(struct span value, struct overrides *overrides)
{
    overrides->side = (struct side_wish){ .kind = SIDE_WISH_FORCED, .side = SIDE_GREEN };
    return span_is(value, "enabled");
}

/* ---- others ---- */

static bool read_no_fallback(struct span value, struct overrides *overrides)
{
    overrides->no_fallback = true;
    return span_is(value, "1");
}

static bool read_timeout(struct span value, struct overrides *overrides)
{
    uint64_t ms;

    if (!span_u64(value, &ms) || ms < 1 || ms > TIMEOUT_MS_MAX)
        return false;
    overrides->timeout_ms = (uint32_t)ms;
    return true;
}

static bool read_task(struct span value, struct overrides *overrides)
{
    overrides->task = value;
    for (size_t i = 0; config_task_names[i]; i++)
        if (span_is(value, config_task_names[i]))
            return true;
    return false;
}

static bool read_session(struct span value, struct overrides *overrides)
{
    overrides->session = value;
    return value.size && value.size <= LIMIT_SESSION_BYTES && form_is_visible(value);
}

static const struct row {
    const char *name;
    const char *allowed;
    bool (*read)(struct span value, struct overrides *overrides);
} rows[] = {
    { "X-Blue-Weight", "a whole number from 0 to 100", read_blue_weight },
    { "X-Canary", "enabled", read_canary },
    { "X-Deployment-Environment", "auto, blue, green", read_environment },
    { "X-Session-Id", "1 to 128 visible ASCII characters", read_session },
    { "X-Sluice-No-Fallback", "1", read_no_fallback },
    { "X-Sluice-Task", "simple, standard, advanced", read_task },
    { "X-Sluice-Timeout-Ms", "a whole number from 1 to 86400000", read_timeout },
};

static bool same_wish(const struct side_wish *a, const struct side_wish *b)
{
    return a->kind == b->kind && a->green == b->green && a->side == b->side;
}

/* The row that has already said something else of the side than this one does; NULL: none. */
static const struct row *contradicted(const struct http_request *request, const struct row *row,
                                      const struct overrides *now)
{
    for (const struct row *earlier = rows; earlier < row; earlier++) {
        struct span value = http_header(request, earlier->name);
        struct overrides said = { 0 };

        if (value.at && earlier->read(value, &said) && said.side.kind != SIDE_WISH_AUTO &&
            !same_wish(&said.side, &now->side))
            return earlier;
    }
    return NULL;
}

static const char *contradiction(const struct http_request *request, const struct row *row,
                                 const struct row *other, struct arena *arena)
{
    return arena_printf(arena,
                        "The headers %s: %.*s and %s: %.*s contradict each other; send one of "
                        "them.",
                        other->name, SPAN_ARG(http_header(request, other->name)), row->name,
                        SPAN_ARG(http_header(request, row->name)));
}

/* Most requests say nothing: one look at their headers, not one for each row. */
static bool says_anything(const struct http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        struct span name = request->headers[i].name;

        if (name.size && (name.at[0] == 'X' || name.at[0] == 'x'))
            return true;
    }
    return false;
}

const char *overrides_read(const struct http_request *request, struct arena *arena,
                           struct overrides *ret)
{
    struct overrides overrides = { 0 };
    const struct row *other;

    if (!says_anything(request)) {
        *ret = overrides;
        return NULL;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span value = http_header(request, rows[i].name);
        bool wished = overrides.side.kind != SIDE_WISH_AUTO;

        if (value.at && !rows[i].read(value, &overrides))
            return arena_printf(arena, "The header %s does not allow \"%.*s\"; allowed: %s.",
                                rows[i].name, SPAN_ARG(span_first(value, SHOWN_BYTES)),
                                rows[i].allowed);
        other = value.at && wished ? contradicted(request, &rows[i], &overrides) : NULL;
        if (other)
            return contradiction(request, &rows[i], other, arena);
    }
    *ret = overrides;
    return NULL;
}
