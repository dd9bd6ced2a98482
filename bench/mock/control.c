#include "control.h"

#include "base/json.h"
#include "mock.h"
#include "peek.h"
#include "play.h"
#include "server.h"

#include <string.h>

enum { WAIT_MS_DEFAULT = 10000 };

static const struct step waiting[] = {
    { .kind = STEP_AWAIT },  { .kind = STEP_HEAD }, { .kind = STEP_EVENTS },
    { .kind = STEP_FINISH }, { .kind = STEP_OVER },
};

static void fail(struct conn *conn, const char *what, struct span which)
{
    struct json_writer w = json_writer(&conn->answer.body);

    conn->answer.status = 400;
    json_begin(&w, '{');
    json_put_text(&w, "error", what);
    json_put_string(&w, "at", which);
    json_end(&w, '}');
}

static void show_knobs(struct conn *conn)
{
    knobs_write(&conn->mock->knobs, &conn->answer.body);
}

/* {"key": "A,B"}: these from now on; null: any. */
static bool set_key(struct mock *mock, yyjson_val *value)
{
    struct span text = peek_string(value);

    if (yyjson_is_null(value)) {
        mock->key = NULL;
        return true;
    }
    if (!yyjson_is_str(value) || text.size >= sizeof(mock->key_text))
        return false;
    memcpy(mock->key_text, text.at, text.size);
    mock->key_text[text.size] = 0;
    mock->key = mock->key_text;
    return true;
}

/* {"models": "A,B"}: GET /v1/models lists these from now on. */
static bool set_models(struct mock *mock, yyjson_val *value)
{
    struct span text = peek_string(value);

    if (!yyjson_is_str(value) || text.size >= sizeof(mock->models))
        return false;
    memcpy(mock->models, text.at, text.size);
    mock->models[text.size] = 0;
    return true;
}

/* What a control object can order beside the knobs; false when it makes no sense. */
static bool obey(struct mock *mock, yyjson_val *orders)
{
    yyjson_val *accept = yyjson_obj_get(orders, "accept");
    yyjson_val *idle = yyjson_obj_get(orders, "idle");
    yyjson_val *key = yyjson_obj_get(orders, "key");
    yyjson_val *models = yyjson_obj_get(orders, "models");

    if (key && !set_key(mock, key))
        return false;
    if (models && !set_models(mock, models))
        return false;
    if (idle && !conn_end_idle(mock, peek_string(idle)))
        return false;
    if (peek_true(orders, "release"))
        conn_release(mock);
    if (yyjson_is_false(accept))
        server_refuse(mock, peek_u64(orders, "accept_after_ms", 0));
    if (yyjson_is_true(accept))
        server_accept(mock);
    return true;
}

static void turn_knobs(struct conn *conn)
{
    struct span body = buf_span(&conn->request.body);
    yyjson_doc *doc = body.size ? yyjson_read(body.at, body.size, 0) : NULL;
    yyjson_val *orders = yyjson_doc_get_root(doc);
    const char *bad = "idle, key or models";

    if (!yyjson_is_obj(orders))
        fail(conn, "not a JSON object", body);
    else if (!knobs_read(&conn->mock->knobs, orders, &bad) || !obey(conn->mock, orders))
        fail(conn, "wrong value", span_from(bad));
    else
        show_knobs(conn);
    yyjson_doc_free(doc);
}

static void show_log(struct conn *conn)
{
    uint64_t since = 0;

    (void)span_u64(request_query(&conn->request, "since"), &since);
    journal_write(&conn->mock->journal, since, &conn->answer.body);
}

static void show_stats(struct conn *conn)
{
    stats_write(&conn->mock->journal, &conn->answer.body);
}

static void show_bills(struct conn *conn)
{
    bills_write(&conn->mock->bills, &conn->answer.body);
}

static void show_faults(struct conn *conn)
{
    conn->answer.type = "text/plain; charset=utf-8";
    fault_write_list(&conn->answer.body);
}

static void reset(struct conn *conn)
{
    journal_reset(&conn->mock->journal);
    bills_done(&conn->mock->bills);
    buf_add_text(&conn->answer.body, "{}");
}

static void dig_blackhole(struct conn *conn)
{
    buf_printf(&conn->answer.body, "{\"url\":\"http://127.0.0.1:%u\"}",
               server_blackhole(conn->mock));
}

/* Reads FIGURE_min=N or FIGURE_max=N. */
static bool read_condition(struct conn *conn, struct span name, struct span value)
{
    struct condition *condition = &conn->conditions[conn->condition_count];

    if (conn->condition_count == CONDITIONS_MAX || name.size < 4)
        return false;
    *condition = (struct condition){ .at_most = span_ends(name, "_max") };
    if (!condition->at_most && !span_ends(name, "_min"))
        return false;
    condition->figure = stats_find(&conn->mock->journal.stats, span_first(name, name.size - 4));
    if (!condition->figure || !span_u64(value, &condition->bound))
        return false;
    conn->condition_count++;
    return true;
}

static void wait_for(struct conn *conn)
{
    struct span query = buf_span(&conn->request.target);

    conn->condition_count = 0;
    conn->await_ms = WAIT_MS_DEFAULT;
    (void)span_cut(&query, '?');
    while (query.size) {
        struct span value = span_cut(&query, '&');
        struct span name = span_cut(&value, '=');

        if (span_is(name, "timeout_ms") && span_u64(value, &conn->await_ms))
            continue;
        if (!read_condition(conn, name, value)) {
            fail(conn, "no such condition", name);
            return;
        }
    }
    buf_add_text(&conn->answer.body, "{}");
    conn->answer.script = waiting;
    list_append(&conn->mock->waiters, &conn->waiter);
}

static const struct {
    const char *method;
    const char *path;
    void (*answer)(struct conn *conn);
} paths[] = {
    { "GET", "/mock/control", show_knobs },
    { "POST", "/mock/control", turn_knobs },
    { "GET", "/mock/log", show_log },
    { "GET", "/mock/stats", show_stats },
    { "GET", "/mock/bills", show_bills },
    { "GET", "/mock/faults", show_faults },
    { "GET", "/mock/wait", wait_for },
    { "POST", "/mock/reset", reset },
    { "POST", "/mock/blackhole", dig_blackhole },
};

bool control_serve(struct conn *conn)
{
    struct span path = request_path(&conn->request);
    size_t count = sizeof(paths) / sizeof(paths[0]);
    size_t i = 0;

    if (!span_starts(path, "/mock/"))
        return false;
    while (i < count && !(span_is(buf_span(&conn->request.method), paths[i].method) &&
                          span_is(path, paths[i].path)))
        i++;
    knobs_init(&conn->knobs); /* not slowed down, whatever was turned */
    conn->fault = NULL;
    if (i < count) {
        paths[i].answer(conn);
    } else {
        fail(conn, "no such path", path);
        conn->answer.status = 404;
    }
    play_start(conn, conn->answer.script ? conn->answer.script : fault_none);
    return true;
}
