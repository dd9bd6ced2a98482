#include "policy/limit.h"

#include "base/limits.h"

#include <assert.h>

#define WHOLE     UINT64_C(60000) /* milliseconds of a minute, and parts of a request */
#define DAY_MS    UINT64_C(86400000)
#define PICO      UINT64_C(1000000)   /* in a micro-dollar */
#define MOST      (UINT64_C(1) << 61) /* more cannot be taken, so no sum overflows */
#define COUNT_MAX (MOST / WHOLE)

enum { SLOT_WAIT_MS = 1000 /* nobody knows when a slot gets free */ };

const char *limit_kind_name(enum limit_kind kind)
{
    static const char *const names[] = {
        [LIMIT_REQUESTS] = "requests",
        [LIMIT_TOKENS] = "tokens",
        [LIMIT_CONCURRENT] = "concurrent_requests",
        [LIMIT_BUDGET] = "budget",
    };

    assert(kind < LIMIT_KINDS);
    return names[kind];
}

bool limit_any(const struct config_rates *rates)
{
    return rates->requests_per_minute || rates->tokens_per_minute ||
           rates->concurrent_requests || rates->budget_usd_per_day;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t divide_up(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* ---- buckets ---- */

struct pace {
    uint32_t rate; /* a minute */
    uint32_t size;
};

static struct pace of_requests(const struct config_rates *rates)
{
    return (struct pace){ rates->requests_per_minute, rates->burst_size };
}

static struct pace of_tokens(const struct config_rates *rates)
{
    return (struct pace){ rates->tokens_per_minute, rates->tokens_per_minute };
}

static uint64_t rescaled(uint64_t taken, uint32_t from, uint32_t to)
{
    uint64_t whole;

    static_assert((uint64_t)LIMIT_RATE * LIMIT_RATE < MOST, "the rest fits");
    if (__builtin_mul_overflow(taken / from, (uint64_t)to, &whole))
        return MOST;
    return least(whole, MOST) + taken % from * to / from;
}

/* The bucket as it is now. */
static struct limit_bucket filled(const struct limit_bucket *bucket, struct pace pace,
                                  uint64_t now_ms)
{
    uint64_t passed_ms = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;
    struct limit_bucket now = { .at_ms = now_ms, .rate = pace.rate, .size = pace.size };

    assert(pace.rate > 0 && pace.size > 0);
    if (bucket->rate == 0 || passed_ms > bucket->taken / bucket->rate)
        return now;
    now.taken = bucket->taken - passed_ms * bucket->rate;
    if (pace.size != bucket->size)
        now.taken = rescaled(now.taken, bucket->size, pace.size);
    return now;
}

static void take(struct limit_bucket *bucket, struct pace pace, uint64_t count, uint64_t now_ms)
{
    *bucket = filled(bucket, pace, now_ms);
    bucket->taken = least(bucket->taken + least(count, COUNT_MAX) * WHOLE, MOST);
}

/* Until there is one in it; 0: there is. */
static uint64_t wait_ms(struct limit_bucket *bucket, struct pace pace, uint64_t now_ms)
{
    uint64_t most = (pace.size - 1) * WHOLE; /* taken, for one to be there */

    *bucket = filled(bucket, pace, now_ms);
    return bucket->taken > most ? divide_up(bucket->taken - most, pace.rate) : 0;
}

/* ---- the budget ---- */

static uint64_t budget(const struct config_rates *rates)
{
    return rates->budget_usd_per_day * PICO;
}

/* A clock that is set back by less than a day, or over midnight, does not give a day's money twice. */
static bool other_day(const struct limit *limit, uint64_t day)
{
    return day > limit->day || day + 1 < limit->day;
}

static uint64_t spent(const struct limit *limit, uint64_t wall_ms)
{
    return other_day(limit, wall_ms / DAY_MS) ? 0 : limit->spent;
}

static uint64_t until_midnight(uint64_t wall_ms)
{
    return DAY_MS - wall_ms % DAY_MS;
}

/* ---- in and out ---- */

static void consider(struct limit_verdict *verdict, enum limit_kind kind, uint64_t ms)
{
    if (ms > verdict->wait_ms)
        *verdict = (struct limit_verdict){ kind, ms };
}

struct limit_verdict limit_look(struct limit *limit, const struct config_rates *rates,
                                struct limit_time time)
{
    struct limit_verdict verdict = { LIMIT_KINDS, 0 };

    if (rates->requests_per_minute)
        consider(&verdict, LIMIT_REQUESTS,
                 wait_ms(&limit->requests, of_requests(rates), time.now_ms));
    if (rates->tokens_per_minute)
        consider(&verdict, LIMIT_TOKENS,
                 wait_ms(&limit->tokens, of_tokens(rates), time.now_ms));
    if (rates->concurrent_requests && limit->running >= rates->concurrent_requests)
        consider(&verdict, LIMIT_CONCURRENT, SLOT_WAIT_MS);
    if (rates->budget_usd_per_day && spent(limit, time.wall_ms) >= budget(rates))
        consider(&verdict, LIMIT_BUDGET, until_midnight(time.wall_ms));
    return verdict;
}

void limit_enter(struct limit *limit, const struct config_rates *rates, struct limit_time time)
{
    if (rates->requests_per_minute)
        take(&limit->requests, of_requests(rates), 1, time.now_ms);
    limit->running++;
}

void limit_leave(struct limit *limit, bool served)
{
    assert(limit->running > 0);
    limit->running--;
    if (!served)
        limit->requests.taken -= least(limit->requests.taken, WHOLE);
}

void limit_charge(struct limit *limit, const struct config_rates *rates, uint64_t tokens,
                  uint64_t cost, struct limit_time time)
{
    uint64_t day = time.wall_ms / DAY_MS;

    if (rates->tokens_per_minute)
        take(&limit->tokens, of_tokens(rates), tokens, time.now_ms);
    if (rates->budget_usd_per_day == 0)
        return;
    if (other_day(limit, day)) {
        limit->day = day;
        limit->spent = 0;
    }
    limit->spent = least(limit->spent + least(cost, MOST), MOST);
}

/* ---- figures ---- */

static struct limit_figure bucket_figure(const struct limit_bucket *bucket, struct pace pace,
                                         uint64_t now_ms)
{
    struct limit_bucket now = filled(bucket, pace, now_ms);
    uint64_t used = divide_up(now.taken, WHOLE);

    return (struct limit_figure){
        .limit = pace.rate,
        .burst = pace.size,
        .used = used,
        .remaining = used < pace.size ? pace.size - used : 0,
        .reset_ms = divide_up(now.taken, pace.rate),
        .window_s = 60,
    };
}

static struct limit_figure slot_figure(const struct limit *limit, uint64_t slots)
{
    return (struct limit_figure){
        .limit = slots,
        .burst = slots,
        .used = limit->running,
        .remaining = limit->running < slots ? slots - limit->running : 0,
    };
}

static struct limit_figure budget_figure(const struct limit *limit, uint64_t whole,
                                         uint64_t wall_ms)
{
    uint64_t used = spent(limit, wall_ms);

    return (struct limit_figure){
        .limit = whole,
        .burst = whole,
        .used = used,
        .remaining = used < whole ? whole - used : 0,
        .reset_ms = until_midnight(wall_ms),
        .window_s = DAY_MS / 1000,
    };
}

bool limit_figure(const struct limit *limit, const struct config_rates *rates,
                  enum limit_kind kind, struct limit_time time, struct limit_figure *ret)
{
    struct limit_figure figure = { 0 };

    switch (kind) {
    case LIMIT_REQUESTS:
        if (rates->requests_per_minute)
            figure = bucket_figure(&limit->requests, of_requests(rates), time.now_ms);
        break;
    case LIMIT_TOKENS:
        if (rates->tokens_per_minute)
            figure = bucket_figure(&limit->tokens, of_tokens(rates), time.now_ms);
        break;
    case LIMIT_CONCURRENT: figure = slot_figure(limit, rates->concurrent_requests); break;
    case LIMIT_BUDGET: figure = budget_figure(limit, budget(rates), time.wall_ms); break;
    case LIMIT_KINDS: break;
    }
    if (figure.limit)
        *ret = figure;
    return figure.limit > 0;
}
