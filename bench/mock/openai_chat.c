/* Chat Completions, and the legacy Completions, which differ in the names of things. */
#include "base/json.h"
#include "mock.h"
#include "openai.h"
#include "peek.h"

#include <assert.h>

/* ---- what is said ---- */

static uint64_t limit_of(yyjson_val *body)
{
    uint64_t limit = peek_u64(body, "max_completion_tokens", UINT64_MAX);

    return peek_u64(body, "max_tokens", limit);
}

static bool wants_json(yyjson_val *body)
{
    return span_starts(peek_text(yyjson_obj_get(body, "response_format"), "type"), "json");
}

static void set_choices(struct completion *said, yyjson_val *body)
{
    uint64_t choices = peek_u64(body, "n", 1);

    if (choices >= 1 && choices <= CHOICES_MAX)
        said->choices = (uint32_t)choices;
}

static void say_chat(const struct ask *ask, struct completion *said)
{
    yyjson_val *messages = yyjson_obj_get(ask->body, "messages");
    yyjson_val *user = openai_last_user(messages);

    completion_init(said, ask->model, ask->knobs, ask->number);
    completion_count_prompt(said, messages);
    said->text.json = wants_json(ask->body);
    set_choices(said, ask->body);
    completion_echo(said, openai_message_text(user));
    if (user)
        openai_call_tools(said, ask->body, false);
    completion_limit(said, limit_of(ask->body));
}

/* ---- the plain answer ---- */

static void add_call(const struct completion *said, uint32_t index, struct buf *out)
{
    const struct call *call = &said->calls[index];

    openai_add_id(said, "{\"id\":\"call_", out);
    buf_printf(out, "_%u\",\"type\":\"function\",\"function\":{\"name\":", index);
    json_quote(out, span_from(call->name));
    buf_add_text(out, ",\"arguments\":");
    json_quote(out, buf_span(&call->arguments));
    buf_add_text(out, "}}");
}

static void add_text(const struct completion *said, struct buf *out)
{
    struct buf plain;

    buf_init(&plain, SIZE_MAX / 2);
    text_add_all(&said->text, &plain);
    json_quote(out, buf_span(&plain));
    buf_done(&plain);
}

static void add_message(const struct completion *said, struct buf *out)
{
    buf_add_text(out, "{\"role\":\"assistant\",\"content\":");
    if (!said->call_count)
        add_text(said, out);
    else
        buf_add_text(out, "null,\"tool_calls\":[");
    for (uint32_t i = 0; i < said->call_count; i++) {
        if (i)
            buf_add_byte(out, ',');
        add_call(said, i, out);
    }
    if (said->call_count)
        buf_add_byte(out, ']');
    if (said->aloud)
        buf_add_text(out, ",\"reasoning_content\":\"Let me see.\"");
    buf_add_text(out, ",\"refusal\":null,\"annotations\":[]}");
}

/* "id" to "system_fingerprint"; the object stays open. */
static void add_start(const struct ask *ask, const struct completion *said, const char *prefix,
                      const char *object, struct buf *out)
{
    buf_add_text(out, "{\"id\":\"");
    openai_add_id(said, prefix, out);
    buf_printf(out, "\",\"object\":\"%s\",\"created\":%lld,\"model\":", object,
               (long long)said->created);
    json_quote(out, span_from(said->model));
    buf_add_text(out, ",\"system_fingerprint\":");
    json_quote(out, span_from(ask->mock->name));
}

static void write_plain(const struct completion *said, bool chat, struct buf *out)
{
    buf_add_text(out, ",\"choices\":[");
    for (uint32_t i = 0; i < said->choices; i++) {
        buf_printf(out, "%s{\"index\":%u,", i ? "," : "", i);
        buf_add_text(out, chat ? "\"message\":" : "\"text\":");
        if (chat)
            add_message(said, out);
        else
            add_text(said, out);
        buf_printf(out, ",\"logprobs\":null,\"finish_reason\":\"%s\"}", openai_finish(said));
    }
    buf_add_text(out, "],\"usage\":");
    openai_add_usage(said, out);
    buf_add_text(out, chat ? ",\"service_tier\":\"default\"}" : "}");
}

/* ---- the stream ---- */

/* The deltas of one choice: what was thought aloud; of a text its tokens; of each call its opening, then
 * its fragments. */
static uint32_t delta_count(const struct completion *said)
{
    uint32_t count = said->aloud;

    if (!said->call_count)
        return count + said->text.count;
    for (uint32_t i = 0; i < said->call_count; i++)
        count += 1 + completion_fragments(said, i);
    return count;
}

/* Writes the tool_calls of delta `index`, gives the tokens in it. */
static uint32_t add_call_delta(const struct completion *said, uint32_t index, struct buf *out)
{
    uint32_t call = 0;

    while (index > completion_fragments(said, call)) {
        index -= 1 + completion_fragments(said, call++);
        assert(call < said->call_count);
    }
    buf_printf(out, "{\"tool_calls\":[{\"index\":%u,", call);
    if (index == 0) {
        openai_add_id(said, "\"id\":\"call_", out);
        buf_printf(out, "_%u\",\"type\":\"function\",\"function\":{\"name\":", call);
        json_quote(out, span_from(said->calls[call].name));
        buf_add_text(out, ",\"arguments\":\"\"}}]}");
        return 0;
    }
    buf_add_text(out, "\"function\":{\"arguments\":");
    json_quote(out, completion_fragment(said, call, index - 1));
    buf_add_text(out, "}}]}");
    return 1;
}

static uint32_t add_delta(const struct completion *said, uint32_t index, struct buf *out)
{
    if (said->aloud && index == 0) {
        buf_add_text(out, "{\"content\":null,\"reasoning_content\":\"Let me see.\"}");
        return 0;
    }
    index -= said->aloud;
    if (said->call_count)
        return add_call_delta(said, index, out);
    buf_add_text(out, "{\"content\":");
    openai_add_token(said, index, out);
    buf_add_byte(out, '}');
    return 1;
}

/* Ends the event: its usage is null until the one that tells it. */
static void end_event(const struct answer *answer, struct buf *out)
{
    buf_add_text(out, answer->usage ? ",\"usage\":null}\n\n" : "}\n\n");
}

static uint32_t add_usage_event(const struct answer *answer, struct buf *out)
{
    buf_add_text(out, ",\"choices\":[],\"usage\":");
    openai_add_usage(&answer->said, out);
    buf_add_text(out, "}\n\n");
    return 0;
}

/* Event 0 of each choice, 1, 2, ... of each choice, the usage, [DONE]. Gives true and writes the
 * start when `index` is an event of a choice; else writes all of it. */
static bool begin_event(const struct answer *answer, uint32_t index, struct buf *out)
{
    if (index + 1 == answer->events) {
        buf_add_text(out, "data: [DONE]\n\n");
        return false;
    }
    buf_add(out, buf_span(&answer->body));
    openai_add_stamp(answer, out);
    if (answer->usage && index + 2 == answer->events) {
        (void)add_usage_event(answer, out);
        return false;
    }
    buf_add_text(out, ",\"choices\":[{\"index\":");
    buf_add_u64(out, index % answer->said.choices);
    return true;
}

static uint32_t render_chat(const struct answer *answer, uint32_t index, struct buf *out)
{
    const struct completion *said = &answer->said;
    uint32_t step = index / said->choices;
    uint32_t last = 1 + delta_count(said);
    uint32_t tokens = 0;

    if (!begin_event(answer, index, out))
        return 0;
    buf_add_text(out, ",\"delta\":");
    if (step == 0)
        buf_add_text(out, said->call_count
                              ? "{\"role\":\"assistant\",\"content\":null,\"refusal\":null}"
                              : "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}");
    else if (step < last)
        tokens = add_delta(said, step - 1, out);
    else
        buf_add_text(out, "{}");
    buf_add_text(out, ",\"logprobs\":null,\"finish_reason\":");
    if (step == last)
        buf_printf(out, "\"%s\"}]", openai_finish(said));
    else
        buf_add_text(out, "null}]");
    end_event(answer, out);
    return tokens;
}

static uint32_t render_completion(const struct answer *answer, uint32_t index, struct buf *out)
{
    const struct completion *said = &answer->said;
    uint32_t step = index / said->choices;
    bool ends = step == said->text.count;

    if (!begin_event(answer, index, out))
        return 0;
    buf_add_text(out, ",\"text\":");
    if (ends)
        buf_add_text(out, "\"\"");
    else
        openai_add_token(said, step, out);
    buf_add_text(out, ",\"logprobs\":null,\"finish_reason\":");
    if (ends)
        buf_printf(out, "\"%s\"}]", openai_finish(said));
    else
        buf_add_text(out, "null}]");
    end_event(answer, out);
    return !ends;
}

/* ---- both ---- */

static bool wants_usage(yyjson_val *body)
{
    return peek_true(yyjson_obj_get(body, "stream_options"), "include_usage");
}

static void stream(const struct ask *ask, struct answer *answer, uint32_t events_of_choice,
                   answer_render_fn *render)
{
    answer->stamp = ask->mock->stamp;
    answer->asked_ns = uv_hrtime();
    answer->usage = wants_usage(ask->body);
    answer_set_stream(answer, answer->said.choices * events_of_choice + answer->usage + 1,
                      render);
}

void openai_chat(const struct ask *ask, struct answer *answer)
{
    struct completion *said = &answer->said;

    if (!openai_check(ask, "messages", answer))
        return;
    say_chat(ask, said);
    if (!ask->stream) {
        add_start(ask, said, "chatcmpl-", "chat.completion", &answer->body);
        write_plain(said, true, &answer->body);
        return;
    }
    buf_add_text(&answer->body, "data: ");
    add_start(ask, said, "chatcmpl-", "chat.completion.chunk", &answer->body);
    stream(ask, answer, delta_count(said) + 2, render_chat);
}

void openai_completions(const struct ask *ask, struct answer *answer)
{
    struct completion *said = &answer->said;
    yyjson_val *prompt = yyjson_obj_get(ask->body, "prompt");

    if (!openai_check(ask, "prompt", answer))
        return;
    completion_init(said, ask->model, ask->knobs, ask->number);
    completion_count_prompt(said, prompt);
    set_choices(said, ask->body);
    completion_echo(said, peek_string(prompt));
    completion_limit(said, limit_of(ask->body));
    if (ask->stream)
        buf_add_text(&answer->body, "data: ");
    add_start(ask, said, "cmpl-", "text_completion", &answer->body);
    if (ask->stream)
        stream(ask, answer, said->text.count + 1, render_completion);
    else
        write_plain(said, false, &answer->body);
}
