#include "flow/stage.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LOG_BYTES_MAX = 64 * 1024 * 1024 };

static struct config *read_config(const char *yaml)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = config_from_text("test.yaml", span_from(yaml), NULL, &report);
    if (config == NULL)
        print_message("%s\n", buf_text(&report.text));
    assert_non_null(config);
    config_report_done(&report);
    return config;
}

struct stage *stage_open(const char *yaml)
{
    struct stage *stage = mem_zero(sizeof(*stage));

    buf_init(&stage->access, LOG_BYTES_MAX);
    buf_init(&stage->events, LOG_BYTES_MAX);
    stage_read_logs(stage); /* nothing of another test */
    buf_reset(&stage->access);
    buf_reset(&stage->events);
    stage->loop = loop_new();
    stage->pool = fetch_pool_new(stage->loop);
    env_init(&stage->env, stage->loop, stage->pool);
    stage->env.random = 1;
    stage->env.config = read_config(yaml);
    key_pools_renew(&stage->env.key_pools, stage->env.config);
    return stage;
}

void stage_reload(struct stage *stage, const char *yaml)
{
    struct config *old = stage->env.config;

    stage->env.config = read_config(yaml);
    stage->env.config->generation = old->generation + 1;
    key_pools_renew(&stage->env.key_pools, stage->env.config);
    config_unref(old);
}

/* Requests by all statuses. */
static uint64_t receipts(struct stage *stage)
{
    static const char head[] = "\nsluice_requests_total{";
    struct buf text;
    struct span rest;
    uint64_t sum = 0;
    size_t at;

    buf_init(&text, LOG_BYTES_MAX);
    metrics_print(stage->env.metrics, &text);
    rest = buf_span(&text);
    while ((at = span_find_text(rest, head)) != SIZE_MAX) {
        struct span line = span_skip(rest, at + 1);
        uint64_t value = 0;

        rest = span_skip(line, sizeof(head) - 2);
        line = span_first(line, span_find(line, '\n'));
        (void)span_cut(&line, '}');
        assert_true(span_u64(span_trim(line), &value));
        sum += value;
    }
    buf_done(&text);
    return sum;
}

static uint64_t lines(const struct buf *log)
{
    struct span rest = buf_span(log);
    uint64_t count = 0;

    for (; rest.size; count++)
        (void)span_cut(&rest, '\n');
    return count;
}

static void check_targets(struct stage *stage)
{
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(&stage->env.targets.by_id, &at)) != NULL)
        assert_int_equal(((struct target_state *)entry->thing)->in_flight, 0);
}

static void check_limits(const struct map *map)
{
    size_t at = 0;
    struct map_entry *entry;

    while ((entry = map_next(map, &at)) != NULL)
        assert_int_equal(((struct limit *)entry->thing)->running, 0);
}

void stage_close(struct stage *stage)
{
    stage_advance(stage, 100); /* an upstream that lingers */
    assert_true(list_empty(&stage->env.exchanges));
    assert_int_equal(stage->env.slots.admission.in_flight, 0);
    assert_int_equal(stage->env.streams, 0);
    check_targets(stage);
    check_limits(&stage->env.limits.by_caller);
    check_limits(&stage->env.limits.by_model);
    assert_int_equal(receipts(stage), stage->asked);
    stage_read_logs(stage);
    if (stage->env.config->log.access)
        assert_int_equal(lines(&stage->access), stage->asked);
    if (stage->http)
        fake_http_free(stage->http);
    config_unref(stage->env.config);
    env_done(&stage->env);
    fetch_pool_free(stage->pool);
    loop_free(stage->loop);
    buf_done(&stage->access);
    buf_done(&stage->events);
    mem_free(stage);
}

/* ---- the client ---- */

void stage_prepare(struct stage *stage, const char *path, const char *body)
{
    if (stage->http)
        fake_http_free(stage->http);
    stage->http = fake_http_new(path);
    fake_http_set_body(stage->http, HTTP_BODY_WHOLE, span_from(body));
}

void stage_start(struct stage *stage)
{
    const struct endpoint *endpoint = endpoint_find(http_request(stage->http)->path);

    assert_non_null(endpoint);
    stage_read_logs(stage); /* before there are so many that they are written by themselves */
    fake_http_set_task(stage->http, exchange_start(&stage->env, stage->http, endpoint));
    stage->asked++;
    fake_loop_settle(stage->loop);
}

void stage_ask(struct stage *stage, const char *body)
{
    stage_prepare(stage, "/v1/chat/completions", body);
    stage_start(stage);
}

void stage_leave(struct stage *stage)
{
    fake_http_leave(stage->http);
    fake_loop_settle(stage->loop);
}

/* ---- the upstreams ---- */

struct fetch *stage_call(struct stage *stage, size_t at)
{
    assert_true(at < fake_fetch_count(stage->pool));
    return fake_fetch_at(stage->pool, at);
}

size_t stage_calls(const struct stage *stage)
{
    return fake_fetch_count(stage->pool);
}

void stage_connect(struct stage *stage, size_t at)
{
    fake_fetch_connect(stage_call(stage, at));
    fake_loop_settle(stage->loop);
}

void stage_head(struct stage *stage, size_t at, unsigned status, const char *type)
{
    char headers[256];

    (void)snprintf(headers, sizeof(headers), "content-type: %s\n", type);
    fake_fetch_head(stage_call(stage, at), status, headers);
    fake_loop_settle(stage->loop);
}

void stage_body(struct stage *stage, size_t at, const char *text)
{
    struct span bytes = span_from(text);

    assert_int_equal(fake_fetch_body(stage_call(stage, at), bytes), bytes.size);
    fake_loop_settle(stage->loop);
}

void stage_end(struct stage *stage, size_t at)
{
    fake_fetch_end(stage_call(stage, at));
    fake_loop_settle(stage->loop);
}

void stage_fail(struct stage *stage, size_t at, enum fetch_failure failure)
{
    fake_fetch_fail(stage_call(stage, at), failure);
    fake_loop_settle(stage->loop);
}

void stage_answer(struct stage *stage, size_t at, unsigned status, const char *type,
                  const char *body)
{
    stage_head(stage, at, status, type);
    stage_body(stage, at, body);
    stage_end(stage, at);
}

void stage_advance(struct stage *stage, uint64_t ms)
{
    fake_loop_advance(stage->loop, ms);
}

/* ---- what came of it ---- */

uint64_t stage_count(struct stage *stage, enum meter id, const char *a, const char *b,
                     const char *c)
{
    struct span labels[METRIC_LABELS_MAX] = { span_from(a), span_from(b), span_from(c) };

    return series_value(metrics_series(stage->env.metrics, id, labels));
}

/* Points `fd` at a file in memory; returns where it pointed before. */
static int divert(int fd, int *ret_file)
{
    int saved = dup(fd);

    *ret_file = memfd_create("log", 0);
    assert_true(saved >= 0 && *ret_file >= 0);
    assert_int_equal(dup2(*ret_file, fd), fd);
    return saved;
}

static void collect(int fd, int saved, int file, struct buf *ret)
{
    char part[4096];
    ssize_t size;

    assert_int_equal(dup2(saved, fd), fd);
    assert_int_equal(close(saved), 0);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    while ((size = read(file, part, sizeof(part))) > 0)
        assert_true(buf_append(ret, part, (size_t)size));
    assert_int_equal(close(file), 0);
}

void stage_read_logs(struct stage *stage)
{
    int access_file;
    int event_file;
    int saved_access;
    int saved_events;

    (void)fflush(stdout);
    (void)fflush(stderr);
    saved_access = divert(STDOUT_FILENO, &access_file);
    saved_events = divert(STDERR_FILENO, &event_file);
    log_flush();
    collect(STDOUT_FILENO, saved_access, access_file, &stage->access);
    collect(STDERR_FILENO, saved_events, event_file, &stage->events);
}

void assert_text(struct span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.at, text, span.size);
}

void assert_holds(struct span span, const char *part)
{
    if (span_find_text(span, part) == SIZE_MAX)
        fail_msg("`%s` is not in `%.*s`", part, SPAN_ARG(span_first(span, 2000)));
}

void assert_lacks(struct span span, const char *part)
{
    if (span_find_text(span, part) != SIZE_MAX)
        fail_msg("`%s` is in `%.*s`", part, SPAN_ARG(span_first(span, 2000)));
}

void assert_reply(const struct stage *stage, unsigned status, const char *part)
{
    if (fake_http_status(stage->http) != status)
        print_message("%.*s\n", SPAN_ARG(fake_http_reply_body(stage->http)));
    assert_int_equal(fake_http_status(stage->http), status);
    assert_holds(fake_http_reply_body(stage->http), part);
}
