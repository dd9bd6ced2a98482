#include "policy/words.h"

void words_percent(uint64_t millionths, struct buf *out)
{
    uint64_t rest = millionths % 10000 / 100;

    (void)buf_add_u64(out, millionths / 10000);
    if (rest % 10)
        (void)buf_printf(out, ".%02u", (unsigned)rest);
    else if (rest)
        (void)buf_printf(out, ".%u", (unsigned)(rest / 10));
    (void)buf_add_text(out, " %");
}

void words_duration(uint64_t ms, struct buf *out)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 } };

    for (unsigned i = 0; i < 3; i++) {
        if (ms < units[i].ms)
            continue;
        (void)buf_printf(out, "%llu%s", (unsigned long long)(ms / units[i].ms), units[i].unit);
        ms %= units[i].ms;
        if (i < 2 && ms >= units[i + 1].ms)
            (void)buf_printf(out, " %llu%s", (unsigned long long)(ms / units[i + 1].ms),
                             units[i + 1].unit);
        return;
    }
    (void)buf_printf(out, "%llums", (unsigned long long)ms);
}

void words_ms(uint64_t us, struct buf *out)
{
    (void)buf_printf(out, "%llu ms", (unsigned long long)((us + 500) / 1000));
}

void words_dollars(uint64_t micros, struct buf *out)
{
    (void)buf_printf(out, "$%llu.%02u", (unsigned long long)(micros / 1000000),
                     (unsigned)(micros % 1000000 / 10000));
}
