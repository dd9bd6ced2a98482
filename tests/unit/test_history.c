/* policy/history and policy/tally, beside a model of them that remembers every single attempt. */
#include "policy/history.h"

#include "base/mem.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START  UINT64_C(1800000000123)
#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

/* ---- the model ---- */

struct naive {
    struct tally_fact *facts;
    uint64_t *at_ms;
    size_t count;
    size_t room;
};

static void naive_add(struct naive *naive, const struct tally_fact *fact, uint64_t now_ms)
{
    if (naive->count == naive->room) {
        naive->room = naive->room ? 2 * naive->room : 1024;
        naive->facts = mem_grow(naive->facts, naive->room * sizeof(*naive->facts));
        naive->at_ms = mem_grow(naive->at_ms, naive->room * sizeof(*naive->at_ms));
    }
    naive->facts[naive->count] = *fact;
    naive->at_ms[naive->count++] = now_ms;
}

static void naive_done(struct naive *naive)
{
    mem_free(naive->facts);
    mem_free(naive->at_ms);
}

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a;
    uint64_t other = *(const uint64_t *)b;

    return one < other ? -1 : one > other;
}

/* Every percentile of the spread is within one percent of the true one. */
static void check_spread(const struct spread *spread, uint64_t *values, size_t count)
{
    static const uint32_t wanted[] = { 0, 500, 900, 950, 990, 1000 };
    uint64_t sum = 0;

    assert_int_equal(spread->all.count, count);
    if (count == 0)
        return;
    qsort(values, count, sizeof(*values), compare);
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    assert_int_equal(spread->all.sum, sum);
    assert_int_equal(spread->all.least, values[0]);
    assert_int_equal(spread->all.most, values[count - 1]);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        size_t rank = (count * wanted[i] + 999) / 1000;
        uint64_t truth = values[rank ? rank - 1 : 0];
        uint64_t got = spread_at(spread, wanted[i]);

        assert_true((got > truth ? got - truth : truth - got) * 100 <= truth);
    }
}

/* The sum since `from_ms` is that of the model, attempt by attempt. */
static void check_sum(const struct history *history, const struct naive *naive,
                      uint64_t from_ms)
{
    uint64_t since_ms = history_since(history, from_ms);
    struct tally *is = mem_zero(sizeof(*is));
    struct tally *must = mem_zero(sizeof(*must));
    uint64_t *latencies = mem_alloc((naive->count + 1) * sizeof(*latencies));
    size_t count = 0;

    for (size_t i = 0; i < naive->count; i++) {
        if (naive->at_ms[i] >= from_ms)
            assert_true(since_ms <= naive->at_ms[i]);
        if (naive->at_ms[i] < since_ms)
            continue;
        tally_add(must, &naive->facts[i]);
        if (naive->facts[i].outcome == TALLY_OK)
            latencies[count++] = naive->facts[i].latency_us;
    }
    history_sum(history, from_ms, false, is);
    assert_memory_equal(is, must, sizeof(*is));
    check_spread(&is->latency, latencies, count);
    mem_free(is);
    mem_free(must);
    mem_free(latencies);
}

/* ---- random traffic ---- */

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* From a few milliseconds to a minute, most of them about a second. */
static struct tally_fact random_fact(uint64_t *seed)
{
    struct tally_fact fact = { .outcome = TALLY_OK };
    uint64_t shape = next_random(seed) % 5;

    if (next_random(seed) % 20 == 0)
        fact.outcome = (enum tally_outcome)(next_random(seed) % TALLY_OUTCOMES);
    fact.latency_us = 5000 + next_random(seed) % 1000000;
    for (uint64_t i = 0; i < shape; i++)
        fact.latency_us += next_random(seed) % (fact.latency_us * 2);
    fact.first_us = next_random(seed) % 2 ? fact.latency_us / 5 : 0;
    for (unsigned i = 0; i < TALLY_TOKENS; i++)
        fact.tokens[i] = next_random(seed) % 100000;
    fact.cost_pico = next_random(seed) % 4000000000000; /* up to four dollars */
    fact.estimated = next_random(seed) % 10 == 0;
    fact.unpriced = next_random(seed) % 20 == 0;
    return fact;
}

static void add_both(struct history *history, struct naive *naive, uint64_t now_ms,
                     uint64_t *seed)
{
    struct tally_fact fact = random_fact(seed);

    history_add(history, &fact, now_ms);
    naive_add(naive, &fact, now_ms);
}

static const uint64_t windows[] = { SECOND,      7 * SECOND,  MINUTE,   5 * MINUTE, 10 * MINUTE,
                                    30 * MINUTE, 60 * MINUTE, 3 * HOUR, 24 * HOUR };

static void test_a_day_of_random_traffic_adds_up_attempt_by_attempt(void **state)
{
    uint64_t seed = 88172645463325252u;
    struct history history;
    struct naive naive = { 0 };
    uint64_t now_ms = START;

    (void)state;
    history_init(&history);
    for (unsigned i = 0; i < 40000; i++) {
        /* bursts, quiet minutes, and now and then an hour without anything */
        now_ms += next_random(&seed) % 3000;
        if (next_random(&seed) % 400 == 0)
            now_ms += next_random(&seed) % (10 * MINUTE);
        if (next_random(&seed) % 8000 == 0)
            now_ms += next_random(&seed) % HOUR;
        if (next_random(&seed) % 500 == 0)
            history_cut(&history, now_ms);
        add_both(&history, &naive, now_ms, &seed);
        if (i % 997 == 0)
            for (size_t j = 0; j < sizeof(windows) / sizeof(windows[0]); j++)
                check_sum(&history, &naive, now_ms - windows[j]);
    }
    assert_true(now_ms > START + 20 * HOUR);
    check_sum(&history, &naive, now_ms - 24 * HOUR);
    history_done(&history);
    naive_done(&naive);
}

/* How much longer a window may be than asked for. */
static void test_a_window_is_hardly_longer_than_asked_for(void **state)
{
    static const struct {
        uint64_t window_ms;
        uint64_t more_ms;
    } rows[] = { { MINUTE, SECOND },           { 5 * MINUTE, 10 * SECOND },
                 { 10 * MINUTE, 10 * SECOND }, { 30 * MINUTE, MINUTE },
                 { 60 * MINUTE, MINUTE },      { 24 * HOUR, 10 * MINUTE } };

    uint64_t seed = 42;
    struct history history;

    (void)state;
    history_init(&history);
    for (uint64_t at_ms = 0; at_ms < 26 * HOUR; at_ms += 500) {
        struct tally_fact fact = random_fact(&seed);

        history_add(&history, &fact, START + at_ms);
        if (at_ms % (7 * MINUTE) || at_ms < 25 * HOUR)
            continue;
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            uint64_t from_ms = START + at_ms - rows[i].window_ms;
            uint64_t since_ms = history_since(&history, from_ms);

            assert_true(since_ms <= from_ms);
            assert_true(from_ms - since_ms <= rows[i].more_ms);
        }
    }
    history_done(&history);
}

static void test_a_cut_tells_before_from_after_to_the_millisecond(void **state)
{
    struct tally_fact before = { .outcome = TALLY_TIMEOUT };
    struct tally_fact after = { .outcome = TALLY_OK, .latency_us = 5 };
    struct tally *sum = mem_zero(sizeof(*sum));
    struct history history;

    (void)state;
    history_init(&history);
    for (uint64_t i = 0; i < 100; i++)
        history_add(&history, &before, START + i);
    history_cut(&history, START + 99);
    for (uint64_t i = 0; i < 50; i++)
        history_add(&history, &after, START + 99 + i);
    for (uint64_t later_ms = 0; later_ms <= 23 * HOUR; later_ms += 10 * MINUTE) {
        history_tick(&history, START + later_ms);
        *sum = (struct tally){ 0 };
        history_sum(&history, START + 99, false, sum);
        assert_int_equal(sum->outcomes[TALLY_OK], 50);
        assert_int_equal(sum->outcomes[TALLY_TIMEOUT], 0);
        history_sum(&history, START, false, sum);
        assert_int_equal(sum->outcomes[TALLY_OK], 100);
        assert_int_equal(sum->outcomes[TALLY_TIMEOUT], 100);
    }
    mem_free(sum);
    history_done(&history);
}

static void test_cuts_in_any_number_lose_nothing(void **state)
{
    uint64_t seed = 7;
    struct history history;
    struct naive naive = { 0 };
    uint64_t now_ms = START;

    (void)state;
    history_init(&history);
    for (unsigned i = 0; i < 5000; i++) {
        add_both(&history, &naive, now_ms, &seed);
        history_cut(&history, now_ms);
        now_ms += next_random(&seed) % (i < 3000 ? 20 : 9000);
        for (unsigned tier = 0; tier < HISTORY_TIERS; tier++)
            assert_true(history.tiers[tier].count <= HISTORY_TIER_SLICES + 1);
    }
    check_sum(&history, &naive, START - HOUR);
    check_sum(&history, &naive, now_ms - 5 * MINUTE);
    history_done(&history);
    naive_done(&naive);
}

static void test_after_a_day_nothing_is_left(void **state)
{
    uint64_t seed = 3;
    struct tally_fact fact = random_fact(&seed);
    struct tally *sum = mem_zero(sizeof(*sum));
    struct history history;

    (void)state;
    history_init(&history);
    history_add(&history, &fact, START);
    history_tick(&history, START + 23 * HOUR);
    history_sum(&history, START, false, sum);
    assert_int_equal(sum->outcomes[fact.outcome], 1);
    assert_null(history.open); /* it rests: a few bytes */
    assert_true(history_bytes(&history) < 1000);
    history_tick(&history, START + 25 * HOUR);
    assert_int_equal(history_since(&history, 0), UINT64_MAX);
    mem_free(sum);
    history_done(&history);
}

static void test_several_add_up(void **state)
{
    uint64_t seed = 5;
    struct history blue;
    struct history green;
    struct naive both = { 0 };
    struct tally *is = mem_zero(sizeof(*is));
    struct tally *must = mem_zero(sizeof(*must));

    (void)state;
    history_init(&blue);
    history_init(&green);
    for (uint64_t i = 0; i < 5000; i++)
        add_both(i % 7 ? &blue : &green, &both, START + i * 300, &seed);
    for (size_t i = 0; i < both.count; i++)
        tally_add(must, &both.facts[i]);
    history_sum(&blue, START, false, is);
    history_sum(&green, START, false, is);
    assert_memory_equal(is, must, sizeof(*is));
    *is = (struct tally){ 0 };
    history_sum(&blue, START, true, is);
    history_sum(&green, START, true, is);
    assert_memory_equal(is->outcomes, must->outcomes, sizeof(is->outcomes));
    assert_memory_equal(is->tokens, must->tokens, sizeof(is->tokens));
    assert_int_equal(is->cost_pico, must->cost_pico);
    assert_int_equal(is->estimated, must->estimated);
    assert_int_equal(is->unpriced, must->unpriced);
    assert_memory_equal(&is->latency.all, &must->latency.all, sizeof(is->latency.all));
    history_done(&blue);
    history_done(&green);
    naive_done(&both);
    mem_free(is);
    mem_free(must);
}

static void test_a_busy_day_takes_less_than_a_megabyte(void **state)
{
    uint64_t seed = 11;
    struct history history;
    size_t most = 0;

    (void)state;
    history_init(&history);
    for (uint64_t at_ms = 0; at_ms < 25 * HOUR; at_ms += 20) { /* 50 a second: 4.5 million */
        struct tally_fact fact = random_fact(&seed);

        history_add(&history, &fact, START + at_ms);
        if (at_ms % HOUR == 0 && history_bytes(&history) > most)
            most = history_bytes(&history);
    }
    print_message("%zu bytes\n", most);
    assert_in_range(most, 100000, 1000000);
    history_done(&history);
}

static void test_a_clock_that_goes_back_a_little_loses_nothing(void **state)
{
    struct tally_fact fact = { .outcome = TALLY_OK };
    struct tally *sum = mem_zero(sizeof(*sum));
    struct history history;

    (void)state;
    history_init(&history);
    history_add(&history, &fact, START);
    history_add(&history, &fact, START + MINUTE);
    history_add(&history, &fact, START + SECOND);
    history_cut(&history, START + SECOND);
    history_add(&history, &fact, START + SECOND);
    history_sum(&history, START + MINUTE, false, sum);
    assert_int_equal(sum->outcomes[TALLY_OK],
                     1); /* after the cut, which was at START + MINUTE */
    history_sum(&history, START, false, sum);
    assert_int_equal(sum->outcomes[TALLY_OK], 1 + 4);
    mem_free(sum);
    history_done(&history);
}

static void test_after_a_leap_back_the_future_is_forgotten(void **state)
{
    struct tally_fact fact = { .outcome = TALLY_OK };
    struct tally *sum = mem_zero(sizeof(*sum));
    struct history history;

    (void)state;
    history_init(&history);
    history_add(&history, &fact, START);
    history_add(&history, &fact, START + 5 * HOUR);
    history_cut(&history, START + 5 * HOUR);
    history_add(&history, &fact, START + 5 * HOUR);
    history_add(&history, &fact, START + HOUR);
    history_sum(&history, START, false, sum);
    assert_int_equal(sum->outcomes[TALLY_OK], 2);
    assert_int_equal(history_since(&history, START + MINUTE),
                     START + HOUR); /* windows go on from here */
    mem_free(sum);
    history_done(&history);
}

/* ---- bytes ---- */

static void fill(struct history *history, struct naive *naive, uint64_t count)
{
    uint64_t seed = 99;

    for (uint64_t i = 0; i < count; i++) {
        if (i % 100 == 50)
            history_cut(history, START + i * 700);
        add_both(history, naive, START + i * 700, &seed);
    }
}

static void test_written_and_read_it_is_the_same_and_goes_on(void **state)
{
    struct history history;
    struct history again;
    struct naive naive = { 0 };
    struct buf first;
    struct buf second;
    uint64_t seed = 1;

    (void)state;
    history_init(&history);
    history_init(&again);
    buf_init(&first, HISTORY_WRITTEN_MAX);
    buf_init(&second, HISTORY_WRITTEN_MAX);
    fill(&history, &naive, 20000);
    history_write(&history, &first);
    assert_true(history_read(&again, buf_span(&first)));
    history_write(&again, &second);
    assert_true(span_equal(buf_span(&first), buf_span(&second)));
    for (uint64_t i = 20000; i < 25000; i++)
        add_both(&again, &naive, START + i * 700, &seed);
    check_sum(&again, &naive, START);
    check_sum(&again, &naive, START + 24000 * 700);
    history_done(&history);
    history_done(&again);
    naive_done(&naive);
    buf_done(&first);
    buf_done(&second);
}

static void test_an_empty_one_is_written_and_read_too(void **state)
{
    struct history history;
    struct buf bytes;

    (void)state;
    history_init(&history);
    buf_init(&bytes, HISTORY_WRITTEN_MAX);
    history_write(&history, &bytes);
    assert_true(history_read(&history, buf_span(&bytes)));
    assert_int_equal(history_since(&history, 0), UINT64_MAX);
    history_done(&history);
    buf_done(&bytes);
}

static bool reads(struct span bytes)
{
    struct history history;
    bool read;

    history_init(&history);
    read = history_read(&history, bytes);
    assert_true(read || history_bytes(&history) == sizeof(history));
    history_done(&history);
    return read;
}

static void test_what_is_cut_off_or_damaged_is_refused(void **state)
{
    struct history history;
    struct naive naive = { 0 };
    struct buf bytes;
    char *copy;
    size_t size;

    (void)state;
    history_init(&history);
    buf_init(&bytes, HISTORY_WRITTEN_MAX);
    fill(&history, &naive, 300);
    history_write(&history, &bytes);
    size = buf_size(&bytes);
    copy = mem_copy(buf_span(&bytes).at, size);
    assert_true(reads(span_make(copy, size)));
    for (size_t i = 0; i < size; i++)
        assert_false(reads(span_make(copy, i)));
    for (size_t i = 0; i < size; i++) {
        copy[i] ^= (char)(1 << (i % 8));
        assert_false(reads(span_make(copy, size)));
        copy[i] ^= (char)(1 << (i % 8));
    }
    mem_free(copy);
    buf_done(&bytes);
    naive_done(&naive);
    history_done(&history);
}

/* ---- tallies ---- */

static void test_the_clients_own_errors_are_not_judged(void **state)
{
    struct tally *tally = mem_zero(sizeof(*tally));

    (void)state;
    for (unsigned i = 0; i < TALLY_OUTCOMES; i++) {
        struct tally_fact fact = { .outcome = (enum tally_outcome)i, .latency_us = 1000 };

        for (unsigned j = 0; j <= i; j++)
            tally_add(tally, &fact);
    }
    assert_int_equal(tally_errors(tally), 3 + 4 + 5 + 6 + 7 + 8);
    assert_int_equal(tally_requests(tally), 1 + 3 + 4 + 5 + 6 + 7 + 8);
    assert_int_equal(tally->latency.all.count, 1); /* of those that were fine */
    assert_string_equal(tally_outcome_name(TALLY_TRUNCATED), "truncated");
    assert_string_equal(tally_token_name(TALLY_REASONING), "reasoning");
    mem_free(tally);
}

static void test_a_days_cost_is_projected_from_a_window(void **state)
{
    (void)state;
    assert_int_equal(tally_daily_cost(0, 1000), 0);
    assert_int_equal(tally_daily_cost(UINT64_C(1000000000000), 60 * MINUTE), 24000000);
    assert_int_equal(tally_daily_cost(UINT64_C(3500000000000), 5 * MINUTE), 1008000000);
    assert_int_equal(tally_daily_cost(UINT64_C(7000000000000), 7 * HOUR), 24000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_day_of_random_traffic_adds_up_attempt_by_attempt),
        cmocka_unit_test(test_a_window_is_hardly_longer_than_asked_for),
        cmocka_unit_test(test_a_cut_tells_before_from_after_to_the_millisecond),
        cmocka_unit_test(test_cuts_in_any_number_lose_nothing),
        cmocka_unit_test(test_after_a_day_nothing_is_left),
        cmocka_unit_test(test_several_add_up),
        cmocka_unit_test(test_a_busy_day_takes_less_than_a_megabyte),
        cmocka_unit_test(test_a_clock_that_goes_back_a_little_loses_nothing),
        cmocka_unit_test(test_after_a_leap_back_the_future_is_forgotten),
        cmocka_unit_test(test_written_and_read_it_is_the_same_and_goes_on),
        cmocka_unit_test(test_an_empty_one_is_written_and_read_too),
        cmocka_unit_test(test_what_is_cut_off_or_damaged_is_refused),
        cmocka_unit_test(test_the_clients_own_errors_are_not_judged),
        cmocka_unit_test(test_a_days_cost_is_projected_from_a_window),
    };

    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
