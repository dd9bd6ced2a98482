#include "policy/latency.h"

enum { HALVES_MAX = 40 };

/* us x 2^(-since / half); between two halves along a parabola, which is off by less than a hundredth. */
static uint64_t faded(uint64_t us, uint64_t since_ms)
{
    uint64_t halves = since_ms / LATENCY_HALF_MS;
    double rest = (double)(since_ms % LATENCY_HALF_MS) / LATENCY_HALF_MS;

    if (halves >= HALVES_MAX)
        return 0;
    return (uint64_t)((double)(us >> halves) * (1 - rest * (11 - 3 * rest) / 16));
}

/* Is a request out that has no answer yet, although it is not later than one may expect? */
static bool waits_for_news(const struct latency *latency, uint64_t now_ms)
{
    return latency->asked_ms > latency->seen_ms &&
           now_ms - latency->asked_ms <= 2 * (latency->peak_us / 1000);
}

uint64_t latency_now(const struct latency *latency, uint64_t now_ms)
{
    if (waits_for_news(latency, now_ms))
        return latency->peak_us;
    return faded(latency->peak_us, now_ms - latency->seen_ms);
}

bool latency_wanted(const struct latency *latency, uint64_t now_ms)
{
    bool asking = latency->asked_ms && now_ms - latency->asked_ms < LATENCY_HALF_MS;

    return !asking && latency_now(latency, now_ms) == 0;
}

void latency_asked(struct latency *latency, uint64_t now_ms)
{
    latency->asked_ms = now_ms;
}

void latency_answered(struct latency *latency, uint64_t took_us, uint64_t now_ms)
{
    uint64_t since_ms = now_ms - latency->seen_ms;
    uint64_t old_us = faded(latency->peak_us, since_ms);
    uint64_t gained_us = took_us - faded(took_us, since_ms);

    latency->peak_us = took_us >= old_us + gained_us ? took_us : old_us + gained_us;
    latency->peak_us += latency->peak_us == 0; /* known, and next to nothing */
    latency->seen_ms = now_ms;
}

void latency_waited(struct latency *latency, uint64_t waited_us, uint64_t now_ms)
{
    if (waited_us > latency_now(latency, now_ms))
        latency_answered(latency, waited_us, now_ms);
}
