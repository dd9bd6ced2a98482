#include "flow/overrides.h"

#include "base/limits.h"
#include "config/config.h"
#include "config/forms.h"
#include "net/http.h"

enum { SHOWN_BYTES = 64, TIMEOUT_MS_MAX = 24 * 3600 * 1000 };

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
    { "X-Session-Id", "1 to 128 visible ASCII characters", read_session },
    { "X-Sluice-No-Fallback", "1", read_no_fallback },
    { "X-Sluice-Task", "simple, standard, advanced", read_task },
    { "X-Sluice-Timeout-Ms", "a whole number from 1 to 86400000", read_timeout },
};

const char *overrides_read(const struct http_request *request, struct arena *arena,
                           struct overrides *ret)
{
    struct overrides overrides = { 0 };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct span value = http_header(request, rows[i].name);

        if (value.at && !rows[i].read(value, &overrides))
            return arena_printf(arena, "The header %s does not allow \"%.*s\"; allowed: %s.",
                                rows[i].name, SPAN_ARG(span_first(value, SHOWN_BYTES)),
                                rows[i].allowed);
    }
    *ret = overrides;
    return NULL;
}
