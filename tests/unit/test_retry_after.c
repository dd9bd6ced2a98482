/* flow/retry_after: every form of fault 35. */
#include "flow/retry_after.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { NOW_S = 1792533600 }; /* Tue, 20 Oct 2026 22:00:00 GMT */

/* Headers as lines "name: value\n". */
static struct span header(const void *headers, const char *name)
{
    struct span rest = span_from(headers);

    while (rest.size) {
        struct span value = span_cut(&rest, '\n');

        if (span_is(span_cut(&value, ':'), name))
            return value;
    }
    return (struct span){ 0 };
}

static uint32_t read_limited(const char *headers, const char *body)
{
    const struct retry_after_answer answer = {
        .header = header, .headers = headers, .body = span_from(body), .limited = true
    };

    return retry_after_read(&answer, (uint64_t)NOW_S * 1000);
}

static uint32_t read_both(const char *ms, const char *plain)
{
    char headers[256];

    (void)snprintf(headers, sizeof(headers), "retry-after-ms:%s\nretry-after:%s\n",
                   ms ? ms : "", plain ? plain : "");
    return read_limited(headers, NULL);
}

static uint32_t read_plain(const char *plain)
{
    return read_both(NULL, plain);
}

static void test_seconds_are_read_also_with_a_fraction(void **state)
{
    (void)state;
    assert_int_equal(read_plain("2"), 2000);
    assert_int_equal(read_plain(" 2 "), 2000);
    assert_int_equal(read_plain("2.5"), 2500);
    assert_int_equal(read_plain("0.001"), 1);
    assert_int_equal(read_plain("1.23456"), 1234);
    assert_int_equal(read_plain("0"), 0);
}

static void test_a_date_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_plain("Tue, 20 Oct 2026 22:00:30 GMT"), 30000);
    assert_int_equal(read_plain("Tue, 20 Oct 2026 22:00:00 GMT"), 0);
    assert_int_equal(read_plain("Tue, 20 Oct 2026 21:59:59 GMT"), 0);
    assert_int_equal(read_plain("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    assert_int_equal(read_plain("Wed, 20 Oct 2027 22:00:00 GMT"), RETRY_AFTER_MAX_MS);
}

static void test_milliseconds_win(void **state)
{
    (void)state;
    assert_int_equal(read_both("1500", "30"), 1500);
    assert_int_equal(read_both("1500.75", "30"), 1500); /* some servers write a fraction */
    assert_int_equal(read_both("soon", "30"), 30000);
    assert_int_equal(read_both("0", "30"), 0);
}

static void test_nonsense_is_nothing(void **state)
{
    static const char *const texts[] = { "",     "-5",  "soon",
                                         "1e3",  ".5",  "2,5",
                                         "0x10", "1 2", "Tue, 99 Foo 2026 22:00:30 GMT" };

    (void)state;
    assert_int_equal(read_plain(NULL), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(read_plain(texts[i]), 0);
}

static void test_nobody_waits_longer_than_the_maximum(void **state)
{
    (void)state;
    assert_int_equal(read_plain("600"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_plain("601"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_plain("600.9"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_plain("100000000000"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_plain("18446744073709551615"), RETRY_AFTER_MAX_MS);
    assert_int_equal(read_both("18446744073709551615", NULL), RETRY_AFTER_MAX_MS);
}

#define OPENAI(name, remaining, reset)                                                         \
    "x-ratelimit-remaining-" name ": " remaining "\nx-ratelimit-reset-" name ": " reset "\n"
#define ANTHROPIC(name, remaining, reset)                                                      \
    "anthropic-ratelimit-" name "-remaining: " remaining "\nanthropic-ratelimit-" name         \
    "-reset: " reset "\n"

static void test_openai_says_when_a_limit_begins_anew(void **state)
{
    static const struct {
        const char *headers;
        uint32_t ms;
    } rows[] = {
        { OPENAI("requests", "0", "1s"), 1000 },
        { OPENAI("tokens", "0", "6m0s"), 360000 },
        { OPENAI("tokens", "0", "12ms"), 12 },
        { OPENAI("tokens", "0", "3.5s"), 3500 },
        { OPENAI("tokens", "0", "1.5ms"), 2 },
        { OPENAI("requests", "0", "1h2m3s"), RETRY_AFTER_MAX_MS },
        { OPENAI("requests", "1", "1s"), 0 },
        { OPENAI("requests", "1", "1s") OPENAI("tokens", "0", "2s"), 2000 },
        { OPENAI("requests", "0", "9s") OPENAI("tokens", "0", "2s"), 9000 },
        { "x-ratelimit-reset-requests: 1s\n", 0 },
        { OPENAI("requests", "0", "soon"), 0 },
        { OPENAI("requests", "0", "-1s"), 0 },
        { OPENAI("requests", "0", "1"), 0 },
        { OPENAI("requests", "0", "s"), 0 },
        { OPENAI("requests", "0", ""), 0 },
        { OPENAI("requests", "0", "99999999999s"), 0 },
        { OPENAI("requests", "0", "99999999h99999999h"), RETRY_AFTER_MAX_MS },
        { "retry-after: 4\n" OPENAI("requests", "0", "1s"), 4000 },
        { "retry-after: soon\n" OPENAI("requests", "0", "1s"), 1000 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(read_limited(rows[i].headers, NULL), rows[i].ms);
}

static void test_anthropic_says_a_timestamp(void **state)
{
    static const struct {
        const char *headers;
        uint32_t ms;
    } rows[] = {
        { ANTHROPIC("requests", "0", "2026-10-20T22:00:07Z"), 7000 },
        { ANTHROPIC("tokens", "0", "2026-10-20T22:00:07.25Z"), 7000 },
        { ANTHROPIC("input-tokens", "0", "2026-10-21T00:00:07+02:00"), 7000 },
        { ANTHROPIC("output-tokens", "0", "2026-10-20T17:00:07-05:00"), 7000 },
        { ANTHROPIC("requests", "5", "2026-10-20T22:00:07Z"), 0 },
        { ANTHROPIC("requests", "0", "2026-10-20T21:59:59Z"), 0 },
        { ANTHROPIC("requests", "0", "2027-10-20T22:00:00Z"), RETRY_AFTER_MAX_MS },
        { ANTHROPIC("requests", "0", "2026-10-20T22:00:07"), 0 },
        { ANTHROPIC("requests", "0", "tomorrow"), 0 },
        { ANTHROPIC("requests", "0", ""), 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(read_limited(rows[i].headers, NULL), rows[i].ms);
}

#define DETAIL(type, delay) "{\"@type\":\"" type "\",\"retryDelay\":" delay "}"
#define INFO(delay)         DETAIL("type.googleapis.com/google.rpc.RetryInfo", delay)
#define GOOGLE(details)     "{\"error\":{\"code\":429,\"details\":[" details "]}}"

static void test_google_says_it_in_the_body(void **state)
{
    static const struct {
        const char *body;
        uint32_t ms;
    } rows[] = {
        { GOOGLE(INFO("\"37s\"")), 37000 },
        { "[" GOOGLE(INFO("\"37s\"")) "]", 37000 },
        { " [ " GOOGLE(INFO("\"37s\"")) " ] ", 37000 },
        { GOOGLE("1,{}," INFO("\"0.5s\"")), 500 },
        { GOOGLE(DETAIL("type.googleapis.com/google.rpc.QuotaFailure", "\"37s\"")), 0 },
        { GOOGLE(INFO("37")), 0 },
        { GOOGLE(INFO("\"\"")), 0 },
        { GOOGLE(INFO("\"99999s\"")), RETRY_AFTER_MAX_MS },
        { GOOGLE(""), 0 },
        { "{\"error\":{\"details\":{}}}", 0 },
        { "{\"error\":\"slow\"}", 0 },
        { "[]", 0 },
        { "<html>", 0 },
        { "", 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(read_limited("", rows[i].body), rows[i].ms);
    assert_int_equal(read_limited(OPENAI("requests", "0", "2s"), GOOGLE(INFO("\"37s\""))),
                     2000);
}

static void test_limits_count_for_a_429_alone(void **state)
{
    const struct retry_after_answer answer = { .header = header,
                                               .headers = OPENAI("requests", "0", "2s"),
                                               .body = SPAN(GOOGLE(INFO("\"37s\""))) };

    (void)state;
    assert_int_equal(retry_after_read(&answer, (uint64_t)NOW_S * 1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seconds_are_read_also_with_a_fraction),
        cmocka_unit_test(test_a_date_is_read),
        cmocka_unit_test(test_milliseconds_win),
        cmocka_unit_test(test_nonsense_is_nothing),
        cmocka_unit_test(test_nobody_waits_longer_than_the_maximum),
        cmocka_unit_test(test_openai_says_when_a_limit_begins_anew),
        cmocka_unit_test(test_anthropic_says_a_timestamp),
        cmocka_unit_test(test_google_says_it_in_the_body),
        cmocka_unit_test(test_limits_count_for_a_429_alone),
    };

    return cmocka_run_group_tests_name("retry_after", tests, NULL, NULL);
}
