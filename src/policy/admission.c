#include "policy/admission.h"

#include <assert.h>

enum { PACE_FREED_MAX = 1024 /* then what is old counts half */ };

static bool has_slot(const struct admission *a, const struct admission_rule *rule)
{
    return rule->in_flight == 0 || a->in_flight < rule->in_flight;
}

/* It has not been empty for as long as one may wait: no burst. */
static bool stands(const struct admission *a, const struct admission_rule *rule,
                   uint64_t now_ms)
{
    return rule->wait_ms && a->waiting && now_ms - a->began_ms >= rule->wait_ms;
}

uint64_t admission_expected_ms(const struct admission *a, uint64_t now_ms)
{
    if (a->waiting == 0 || a->pace_freed == 0)
        return 0;
    return (now_ms - a->pace_ms) * (a->waiting + UINT64_C(1)) / a->pace_freed;
}

static enum admission_verdict judge(const struct admission *a,
                                    const struct admission_rule *rule, uint64_t now_ms)
{
    uint32_t standing_max = rule->in_flight / 2 ? rule->in_flight / 2 : 1;

    if (a->waiting == 0 && has_slot(a, rule))
        return ADMISSION_GO;
    if (a->waiting >= rule->queue)
        return ADMISSION_FULL;
    if (rule->wait_ms && admission_expected_ms(a, now_ms) > rule->wait_ms)
        return ADMISSION_LATE;
    if (stands(a, rule, now_ms) && a->waiting >= standing_max)
        return ADMISSION_LATE;
    return ADMISSION_WAIT;
}

enum admission_verdict admission_ask(struct admission *a, const struct admission_rule *rule,
                                     uint64_t now_ms)
{
    enum admission_verdict verdict = judge(a, rule, now_ms);

    if (verdict == ADMISSION_GO)
        a->in_flight++;
    if (verdict != ADMISSION_WAIT)
        return verdict;
    if (a->waiting++ == 0) {
        a->began_ms = now_ms;
        a->pace_ms = now_ms;
        a->pace_freed = 0;
    }
    return verdict;
}

void admission_leave(struct admission *a)
{
    assert(a->waiting > 0);
    a->waiting--;
}

void admission_free(struct admission *a, uint64_t now_ms)
{
    assert(a->in_flight > 0);
    a->in_flight--;
    if (a->waiting == 0 || ++a->pace_freed < PACE_FREED_MAX)
        return;
    a->pace_freed /= 2;
    a->pace_ms += (now_ms - a->pace_ms) / 2;
}

bool admission_next(struct admission *a, const struct admission_rule *rule)
{
    if (a->waiting == 0 || !has_slot(a, rule))
        return false;
    a->waiting--;
    a->in_flight++;
    return true;
}

bool admission_shed(struct admission *a, uint64_t now_ms)
{
    bool begins = !a->overloaded;

    if (begins) {
        a->overloaded = true;
        a->overload_ms = now_ms;
        a->shed = 0;
    }
    a->shed_ms = now_ms;
    a->shed++;
    return begins;
}

bool admission_calm(struct admission *a, uint64_t now_ms)
{
    if (!a->overloaded || now_ms - a->shed_ms < ADMISSION_CALM_MS)
        return false;
    a->overloaded = false;
    return true;
}

uint32_t admission_retry_ms(const struct admission *a, uint64_t now_ms)
{
    uint64_t expected_ms = admission_expected_ms(a, now_ms);

    if (expected_ms < ADMISSION_RETRY_MS_MIN)
        return ADMISSION_RETRY_MS_MIN;
    return expected_ms < ADMISSION_RETRY_MS_MAX ? (uint32_t)expected_ms
                                                : ADMISSION_RETRY_MS_MAX;
}
