#include "ops/demo.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/list.h"
#include "base/mem.h"
#include "flow/refusal.h"
#include "llm/dialect.h"
#include "net/http.h"
#include "net/listen.h"
#include "net/loop.h"

#include <string.h>

enum {
    TOKEN_MS = 25,
    PROMPT_BYTES_PER_TOKEN = 4,
    BODY_BYTES_MAX = 50 * 1024 * 1024,
    ANSWER_BYTES_MAX = 16 * 1024,
};

/* One token each. */
static const char *const tokens[] = {
    "This",   " is",        " sluice's", " demo",  " provider", ":",      " no",
    " model", " was",       " asked",    ",",      " no",       " key",   " was",
    " used",  ".",          " The",      " bytes", " took",     " the",   " same",
    " path",  " that",      " a",        " real",  " answer",   " takes", ":",
    " plan",  ",",          " attempt",  ",",      " relay",    ",",      " receipt",
    ".",      " Configure", " a",        " real",  " one",      " with",  " OPENAI_API_KEY",
    " or",    " with",      " a",        " file",  ".",
};

enum { TOKENS = sizeof(tokens) / sizeof(tokens[0]) };

struct demo {
    struct loop *loop;
    struct listener *listener;
    struct http_config http;
};

/* One answer. */
struct performance {
    struct task task;
    struct job grave;
    struct demo *demo;
    struct http *http;
    struct arena arena;
    struct chat chat;
    size_t at; /* the next token */
    bool begun;
};

static void bury(struct job *grave)
{
    struct performance *show = LIST_OWNER(grave, struct performance, grave);

    arena_done(&show->arena);
    mem_free(show);
}

static void end(struct performance *show)
{
    http_end(show->http, true);
    task_done(&show->task);
    loop_later(show->demo->loop, LOOP_REAP, &show->grave);
}

static void refuse(struct performance *show, enum refusal refusal, const char *message)
{
    struct llm_error error = refusal_error(refusal, message);
    struct buf body;

    buf_init(&body, 4096);
    dialect_openai.write_error(&error, &body);
    http_reply(show->http, error.status, SPAN_OF("Content-Type: application/json\r\n"),
               (int64_t)buf_size(&body));
    http_write(show->http, buf_span(&body));
    buf_done(&body);
    end(show);
}

/* ---- the words ---- */

static void write_usage(const struct performance *show, struct json_writer *w)
{
    uint64_t prompt =
        (show->chat.body.size + PROMPT_BYTES_PER_TOKEN - 1) / PROMPT_BYTES_PER_TOKEN;

    json_key(w, "usage");
    json_begin(w, '{');
    json_put_u64(w, "prompt_tokens", prompt);
    json_put_u64(w, "completion_tokens", TOKENS);
    json_put_u64(w, "total_tokens", prompt + TOKENS);
    json_end(w, '}');
}

static void begin_object(const struct performance *show, const char *object,
                         struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "id", "chatcmpl-demo");
    json_put_text(w, "object", object);
    json_put_u64(w, "created", clock_wall_ms() / 1000);
    json_put_string(w, "model", show->chat.model);
    json_key(w, "choices");
    json_begin(w, '[');
}

static void begin_choice(const char *what, struct json_writer *w)
{
    json_begin(w, '{');
    json_put_u64(w, "index", 0);
    json_key(w, what);
    json_begin(w, '{');
}

static void end_choice(const char *finish, struct json_writer *w)
{
    json_end(w, '}');
    json_put_text(w, "finish_reason", finish);
    json_end(w, '}');
}

static void write_text(struct json_writer *w)
{
    struct buf text;

    buf_init(&text, 4096);
    for (size_t i = 0; i < TOKENS; i++)
        (void)buf_add_text(&text, tokens[i]);
    json_put_string(w, "content", buf_span(&text));
    buf_done(&text);
}

static void answer_whole(struct performance *show)
{
    struct buf body;
    struct json_writer w = json_writer(&body);

    buf_init(&body, ANSWER_BYTES_MAX);
    begin_object(show, "chat.completion", &w);
    begin_choice("message", &w);
    json_put_text(&w, "role", "assistant");
    write_text(&w);
    end_choice("stop", &w);
    json_end(&w, ']');
    write_usage(show, &w);
    json_end(&w, '}');
    http_reply(show->http, 200, SPAN_OF("Content-Type: application/json\r\n"),
               (int64_t)buf_size(&body));
    http_write(show->http, buf_span(&body));
    buf_done(&body);
    end(show);
}

/* ---- the stream ---- */

enum chunk { CHUNK_ROLE, CHUNK_TOKEN, CHUNK_FINISH, CHUNK_USAGE };

static void send_chunk(struct performance *show, enum chunk chunk)
{
    struct buf event;
    struct json_writer w = json_writer(&event);

    buf_init(&event, ANSWER_BYTES_MAX);
    (void)buf_add_text(&event, "data: ");
    begin_object(show, "chat.completion.chunk", &w);
    if (chunk != CHUNK_USAGE) {
        begin_choice("delta", &w);
        if (chunk == CHUNK_ROLE) {
            json_put_text(&w, "role", "assistant");
        }
        if (chunk != CHUNK_FINISH) {
            json_put_text(&w, "content", chunk == CHUNK_ROLE ? "" : tokens[show->at]);
        }
        end_choice(chunk == CHUNK_FINISH ? "stop" : NULL, &w);
    }
    json_end(&w, ']');
    if (chunk == CHUNK_USAGE)
        write_usage(show, &w);
    json_end(&w, '}');
    (void)buf_add_text(&event, "\n\n");
    http_write(show->http, buf_span(&event));
    buf_done(&event);
}

static void stream_on(struct performance *show)
{
    if (!show->begun) {
        show->begun = true;
        http_reply(show->http, 200, SPAN_OF("Content-Type: text/event-stream\r\n"),
                   HTTP_LENGTH_UNKNOWN);
        send_chunk(show, CHUNK_ROLE);
    } else if (show->at < TOKENS) {
        send_chunk(show, CHUNK_TOKEN);
        show->at++;
    } else {
        send_chunk(show, CHUNK_FINISH);
        if (show->chat.include_usage)
            send_chunk(show, CHUNK_USAGE);
        http_write(show->http, SPAN_OF("data: [DONE]\n\n"));
        end(show);
        return;
    }
    task_alarm(&show->task, loop_now_ms(show->demo->loop) + TOKEN_MS);
}

/* ---- the list of models, which probes ask for ---- */

static void answer_models(struct performance *show)
{
    struct span body = SPAN("{\"object\":\"list\",\"data\":[{\"id\":\"demo\","
                            "\"object\":\"model\",\"created\":0,"
                            "\"owned_by\":\"sluice\"}]}");

    http_reply(show->http, 200, SPAN_OF("Content-Type: application/json\r\n"),
               (int64_t)body.size);
    http_write(show->http, body);
    end(show);
}

/* ---- facts ---- */

static void begin(struct performance *show)
{
    const struct http_request *request = http_request(show->http);
    struct chat_problem problem = { 0 };

    if (span_is(request->path, "/v1/models") && request->method == HTTP_GET)
        answer_models(show);
    else if (!span_is(request->path, "/v1/chat/completions"))
        refuse(show, REFUSE_NOT_FOUND,
               "The demo provider only answers chat completions and the list of models.");
    else if (dialect_openai.read_chat(http_body(show->http), &show->arena, &show->chat,
                                      &problem))
        refuse(show, REFUSE_INVALID_JSON, problem.message);
    else if (show->chat.stream)
        stream_on(show);
    else
        answer_whole(show);
}

static void run(struct task *task)
{
    struct performance *show = LIST_OWNER(task, struct performance, task);

    if (http_gone(show->http) || (http_body_state(show->http) != HTTP_BODY_WHOLE &&
                                  http_body_state(show->http) != HTTP_BODY_COMING))
        end(show);
    else if (show->begun && task->alarm_ms == 0)
        stream_on(show);
    else if (!show->begun && http_body_state(show->http) == HTTP_BODY_WHOLE)
        begin(show);
}

static struct task *on_head(void *context, struct http *http)
{
    struct demo *demo = context;
    struct performance *show = mem_zero(sizeof(*show));

    show->demo = demo;
    show->http = http;
    show->grave.run = bury;
    arena_init(&show->arena);
    task_init(&show->task, demo->loop, run);
    task_wake(&show->task);
    return &show->task;
}

static void on_error(void *context, const char *peer, unsigned status, const char *code,
                     const char *message, struct buf *ret_body)
{
    struct llm_error error = refusal_error(refusal_find(code), message);

    (void)context;
    (void)peer;
    (void)status;
    dialect_openai.write_error(&error, ret_body);
}

struct demo *demo_open(struct loop *loop, char *ret_error)
{
    struct demo *demo = mem_zero(sizeof(*demo));
    struct listener_config listener = {
        .address = SPAN_OF("127.0.0.1:0"),
        .http = &demo->http,
        .connections_max = 8192,
    };

    demo->loop = loop;
    demo->http = (struct http_config){
        .header_bytes_max = LIMIT_HEADER_BYTES,
        .body_bytes_max = BODY_BYTES_MAX,
        .header_ms = 10000,
        .body_ms = 60000,
        .write_ms = 60000,
        .keepalive_ms = 75000,
        .on_head = on_head,
        .write_error = on_error,
        .context = demo,
    };
    demo->listener = listener_open(loop, &listener, ret_error);
    if (demo->listener == NULL) {
        mem_free(demo);
        return NULL;
    }
    return demo;
}

unsigned demo_port(const struct demo *demo)
{
    return listener_port(demo->listener);
}

void demo_close(struct demo *demo)
{
    listener_close(demo->listener);
    loop_settle(demo->loop); /* its connections borrow what is freed now */
    mem_free(demo);
}
