#include "serve.h"

#include "base/mem.h"
#include "control.h"
#include "dialect.h"
#include "file.h"
#include "form.h"
#include "mock.h"
#include "peek.h"
#include "play.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum {
    DATE_AHEAD_S = 5,
    EARLY_BYTES = 4096, /* of a body, in which an early fault must be named */
};

static const struct step bad_request[] = {
    { .kind = STEP_REPLY,
      .status = 400,
      .fields = "connection: close\r\n",
      .text = SPAN("{\"error\":{\"message\":\"This is no HTTP request.\",\"type\":"
                   "\"invalid_request_error\",\"param\":null,\"code\":null}}") },
    { .kind = STEP_CLOSE },
};

/* xorshift64*: the same errors for the same --seed. */
static uint64_t random_next(struct mock *mock)
{
    mock->random ^= mock->random >> 12;
    mock->random ^= mock->random << 25;
    mock->random ^= mock->random >> 27;
    return mock->random * 0x2545f4914f6cdd1d;
}

static uint64_t wall_ms(void)
{
    struct timeval now;

    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
}

static struct record *open_record(struct conn *conn)
{
    struct record *record = journal_open(&conn->mock->journal, &conn->request);

    record->time_ms = wall_ms();
    record->received_ns = uv_hrtime();
    record->connection = conn->number;
    record->reused = conn->served > 0;
    conn->record = record->number;
    return record;
}

/* ---- which fault ---- */

/* The fault that /mock/control has in store for the next request. */
static const struct fault *take_turned(struct mock *mock)
{
    struct knobs *knobs = &mock->knobs;

    if (!knobs->fault || !knobs->fault_count)
        return NULL;
    if (knobs->fault_count != UINT32_MAX)
        knobs->fault_count--;
    return knobs->fault;
}

static const struct fault *draw_error(struct mock *mock, double rate)
{
    uint64_t random = random_next(mock);

    if ((double)(random >> 11) >= rate * (double)(UINT64_C(1) << 53))
        return NULL;
    return fault_random_error(random);
}

static const struct fault *pick_fault(struct conn *conn, struct span name)
{
    static const char prefix[] = "fault:";
    struct mock *mock = conn->mock;
    const struct fault *fault;

    if (span_starts(name, prefix))
        fault = fault_find(span_skip(name, sizeof(prefix) - 1));
    else if (conn->knobs.fault != mock->knobs.fault)
        fault = conn->knobs.fault; /* by the model's knobs */
    else
        fault = take_turned(mock);
    if (!fault && conn->knobs.error_rate > 0)
        fault = draw_error(mock, conn->knobs.error_rate);
    if (fault && fault->only_reused && !conn->served)
        return NULL;
    return fault;
}

static void wear_fault(struct conn *conn, const struct fault *fault)
{
    conn->fault = fault;
    if (fault && fault->split)
        conn->knobs.split = fault->split;
    if (fault && fault->drip_ms)
        conn->knobs.drip_ms = fault->drip_ms;
}

static void slow_down(struct conn *conn, uint64_t number)
{
    if (conn->knobs.slow_every && number % conn->knobs.slow_every == 0)
        conn->knobs.latency_ms = conn->knobs.slow_ms;
}

static bool wants_stream(const struct fault *fault, const struct ask *ask)
{
    if (fault && fault->force != FORCE_NOTHING)
        return fault->force == FORCE_STREAM;
    return peek_true(ask->body, "stream") || span_starts(ask->verb, "stream");
}

/* ---- which answer ---- */

static void add_common_fields(struct conn *conn)
{
    buf_printf(&conn->answer.fields,
               "x-request-id: req_%s_%" PRIu64 "\r\nopenai-version: 2020-10-01\r\n"
               "openai-processing-ms: %u\r\n",
               conn->mock->name, conn->record, conn->knobs.latency_ms);
}

static void refuse_key(struct conn *conn, const struct dialect *dialect)
{
    struct buf message;

    buf_init(&message, SIZE_MAX / 2);
    buf_add_text(&message, "Incorrect API key provided: ");
    dialect_mask_key(&conn->request, &message);
    buf_add_text(&message, ". You can find your API key in the settings.");
    dialect->refuse(&(struct refusal){ .status = 401,
                                       .type = "invalid_request_error",
                                       .code = "invalid_api_key",
                                       .message = buf_span(&message) },
                    &conn->answer);
    buf_done(&message);
}

static bool knows_one(const struct dialect *dialect, const struct request *request,
                      const char *keys)
{
    struct span rest = span_from(keys);

    while (rest.size) {
        char key[KEY_TEXT_BYTES] = "";
        struct span one = span_first(span_cut(&rest, ','), sizeof(key) - 1);

        memcpy(key, one.at, one.size);
        if (dialect->knows_key(request, key))
            return true;
    }
    return false;
}

static void make_answer(struct conn *conn, const struct ask *ask)
{
    const struct request *request = ask->request;
    const struct dialect *dialect;
    struct span path = request_path(request);
    const struct path *row = dialect_find(buf_span(&request->method), path, &dialect);
    const char *key = conn->mock->key;
    struct ask asked = *ask;

    if (key && !(row && row->open) && !knows_one(dialect, request, key)) {
        refuse_key(conn, dialect);
        return;
    }
    if (!row) {
        dialect->refuse(&(struct refusal){ .status = 404,
                                           .type = "invalid_request_error",
                                           .message = SPAN("There is nothing at this URL.") },
                        &conn->answer);
        return;
    }
    if (span_is(buf_span(&request->method), "POST") &&
        (row->form ? !ask->form : !yyjson_is_obj(ask->body))) {
        const char *message = row->form ? "The body is not multipart/form-data."
                                        : "The body is not a JSON object.";

        dialect->refuse(&(struct refusal){ .status = 400,
                                           .type = "invalid_request_error",
                                           .message = span_from(message) },
                        &conn->answer);
        return;
    }
    asked.rest = span_skip(path, strlen(row->path));
    if (!file_answer(&asked, &conn->answer))
        row->answer(&asked, &conn->answer);
}

static void describe(struct conn *conn, struct record *record, struct span model)
{
    record->status = conn->answer.status;
    record->stream = conn->answer.stream;
    record->model = model.size ? mem_copy(model.at, model.size) : NULL;
    record->fault = conn->fault ? mem_copy(conn->fault->name, strlen(conn->fault->name)) : NULL;
}

static struct span path_model(struct conn *conn, struct buf *decoded, struct span *ret_verb)
{
    buf_init(decoded, SIZE_MAX / 2);
    return dialect_path_model(&conn->request, decoded, ret_verb);
}

/* Takes the body apart where it stands: a copy of a large one would cost as much as receiving it. */
static yyjson_doc *parse_body(struct buf *body)
{
    static const char padding[YYJSON_PADDING_SIZE];
    size_t size = buf_size(body);

    if (!size || !buf_append(body, padding, sizeof(padding)))
        return NULL;
    return yyjson_read_opts(body->bytes + body->start, size, YYJSON_READ_INSITU, NULL, NULL);
}

static void serve_dialect(struct conn *conn)
{
    struct record *record = open_record(conn);
    struct form form;
    bool is_form = form_read(&conn->request, &form);
    yyjson_doc *doc = is_form ? NULL : parse_body(&conn->request.body);
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct buf decoded;
    struct span verb;
    struct span named = path_model(conn, &decoded, &verb);
    struct span said = is_form ? form_text(&form, "model") : peek_text(root, "model");
    struct span model = named.size ? named : said;
    struct span name = knobs_read_model(&conn->knobs, model);
    struct ask ask = {
        .mock = conn->mock,
        .request = &conn->request,
        .body = root,
        .form = is_form ? &form : NULL,
        .model = model,
        .verb = verb,
        .knobs = &conn->knobs,
        .number = record->number,
    };

    slow_down(conn, record->number);
    wear_fault(conn, pick_fault(conn, name));
    ask.stream = wants_stream(conn->fault, &ask);
    add_common_fields(conn);
    make_answer(conn, &ask);
    describe(conn, record, model);
    buf_done(&decoded);
    yyjson_doc_free(doc);
    play_start(conn, conn->answer.script ? conn->answer.script
                     : conn->fault       ? conn->fault->steps
                                         : fault_none);
}

void serve_request(struct conn *conn)
{
    conn->knobs = conn->mock->knobs;
    if (control_serve(conn))
        return;
    serve_dialect(conn);
}

static const struct fault *find_marked(struct span start, const char *mark, char end)
{
    size_t at = span_find_text(start, mark);
    struct span name;

    if (at == SIZE_MAX)
        return NULL;
    name = span_skip(start, at + strlen(mark));
    if (span_find(name, end) == SIZE_MAX)
        return NULL;
    return fault_find(span_cut(&name, end));
}

/* The fault named by a body whose start is here, JSON or a form; NULL unless the whole name is. */
static const struct fault *find_early(struct span start)
{
    const struct fault *fault = find_marked(start, "\"fault:", '"');

    return fault ? fault : find_marked(start, "\r\n\r\nfault:", '\r');
}

void serve_early(struct conn *conn)
{
    struct mock *mock = conn->mock;
    struct span start = span_first(buf_span(&conn->request.body), EARLY_BYTES);
    const struct fault *fault = find_early(start);

    if (mock->knobs.fault && mock->knobs.fault->early)
        fault = take_turned(mock);
    if (!fault || !fault->early)
        return;
    conn->knobs = mock->knobs;
    conn->request.keep_alive = false;
    conn->fault = fault;
    describe(conn, open_record(conn), span_make(NULL, 0));
    play_start(conn, fault->steps);
}

void serve_bad_request(struct conn *conn)
{
    conn->knobs = conn->mock->knobs;
    conn->request.keep_alive = false;
    describe(conn, open_record(conn), span_make(NULL, 0));
    play_start(conn, bad_request);
}

void serve_over(struct conn *conn)
{
    bool again =
        conn->play.ended && conn->request.keep_alive && conn->request.state == REQUEST_COMPLETE;

    conn_settle(conn, RECORD_BROKEN);
    if (!again) {
        conn_finish(conn);
        return;
    }
    conn->served++;
    conn->fault = NULL;
    answer_done(&conn->answer);
    answer_init(&conn->answer);
    request_reset(&conn->request);
    conn->state = CONN_READING;
}

/* ---- STEP_REPLY ---- */

/* Writes `text` with $KEY and $DATE replaced. */
static void add_filled_in(const struct conn *conn, struct span text, struct buf *out)
{
    while (text.size) {
        if (span_starts(text, "$KEY")) {
            dialect_mask_key(&conn->request, out);
            text = span_skip(text, 4);
        } else if (span_starts(text, "$DATE")) {
            time_t then = time(NULL) + DATE_AHEAD_S;
            struct tm tm;
            char date[64];

            gmtime_r(&then, &tm);
            strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
            buf_add_text(out, date);
            text = span_skip(text, 5);
        } else {
            buf_add_byte(out, text.at[0]);
            text = span_skip(text, 1);
        }
    }
}

void serve_write_reply(const struct conn *conn, const struct step *step, struct buf *out)
{
    struct span fields = span_from(step->fields);
    struct buf body;

    buf_init(&body, SIZE_MAX / 2);
    add_filled_in(conn, step->text, &body);
    buf_printf(out, "HTTP/1.1 %u %s\r\ncontent-length: %zu\r\n", (unsigned)step->status,
               answer_reason(step->status), buf_size(&body));
    if (span_find_text(fields, "content-type") == SIZE_MAX)
        buf_add_text(out, "content-type: application/json\r\n");
    if (!conn->request.keep_alive && span_find_text(fields, "connection:") == SIZE_MAX)
        buf_add_text(out, "connection: close\r\n");
    buf_printf(out, "x-request-id: req_%s_%" PRIu64 "\r\n", conn->mock->name, conn->record);
    add_filled_in(conn, fields, out);
    buf_add_text(out, "\r\n");
    buf_add(out, buf_span(&body));
    buf_done(&body);
}

bool serve_awaited(const struct conn *conn)
{
    for (uint32_t i = 0; i < conn->condition_count; i++) {
        const struct condition *condition = &conn->conditions[i];
        uint64_t value = *condition->figure;

        if (condition->at_most ? value > condition->bound : value < condition->bound)
            return false;
    }
    return true;
}
