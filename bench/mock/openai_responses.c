/* Responses: a stream of named, numbered events that each carry their place.
 *
 *     created  in_progress  ( item.added  part.added  delta*  text.done  part.done  item.done )
 *                        or ( item.added  arguments.delta*  arguments.done  item.done ) of each call
 *     completed, or incomplete when cut by max_output_tokens */
#include "base/json.h"
#include "mock.h"
#include "openai.h"
#include "peek.h"

#include <assert.h>
#include <inttypes.h>

enum {
    START_EVENTS = 2,      /* created, in_progress */
    TEXT_FRAME_EVENTS = 5, /* around its deltas */
    CALL_FRAME_EVENTS = 3,
};

static bool is_cut(const struct completion *said)
{
    return said->finish == FINISH_LENGTH;
}

/* ---- what is said ---- */

static void say(const struct ask *ask, struct completion *said)
{
    yyjson_val *input = yyjson_obj_get(ask->body, "input");
    yyjson_val *user = openai_last_user(input);
    yyjson_val *format = yyjson_obj_get(yyjson_obj_get(ask->body, "text"), "format");

    completion_init(said, ask->model, ask->knobs, ask->number);
    completion_count_prompt(said, input);
    said->text.json = span_starts(peek_text(format, "type"), "json");
    completion_echo(said, user ? openai_message_text(user) : peek_string(input));
    if (user || yyjson_is_str(input))
        openai_call_tools(said, ask->body, true);
    completion_limit(said, peek_u64(ask->body, "max_output_tokens", UINT64_MAX));
}

/* ---- the parts that plain answer and events share ---- */

static void add_text(const struct completion *said, struct buf *out)
{
    struct buf plain;

    buf_init(&plain, SIZE_MAX / 2);
    text_add_all(&said->text, &plain);
    json_quote(out, buf_span(&plain));
    buf_done(&plain);
}

static void add_part(const struct completion *said, bool full, struct buf *out)
{
    buf_add_text(out, "{\"type\":\"output_text\",\"text\":");
    if (full)
        add_text(said, out);
    else
        buf_add_text(out, "\"\"");
    buf_add_text(out, ",\"annotations\":[],\"logprobs\":[]}");
}

static void add_item_id(const struct completion *said, uint32_t item, struct buf *out)
{
    openai_add_id(said, said->call_count ? "\"fc_" : "\"msg_", out);
    buf_printf(out, "_%u\"", item);
}

static void add_message(const struct completion *said, bool full, struct buf *out)
{
    buf_add_text(out, "{\"type\":\"message\",\"id\":");
    add_item_id(said, 0, out);
    buf_printf(out, ",\"role\":\"assistant\",\"status\":\"%s\",\"content\":[",
               !full          ? "in_progress"
               : is_cut(said) ? "incomplete"
                              : "completed");
    if (full)
        add_part(said, true, out);
    buf_add_text(out, "]}");
}

static void add_call(const struct completion *said, uint32_t item, bool full, struct buf *out)
{
    const struct call *call = &said->calls[item];

    buf_add_text(out, "{\"type\":\"function_call\",\"id\":");
    add_item_id(said, item, out);
    openai_add_id(said, ",\"call_id\":\"call_", out);
    buf_printf(out, "_%u\",\"name\":", item);
    json_quote(out, span_from(call->name));
    buf_add_text(out, ",\"arguments\":");
    json_quote(out, full ? buf_span(&call->arguments) : span_make(NULL, 0));
    buf_printf(out, ",\"status\":\"%s\"}", full ? "completed" : "in_progress");
}

static void add_item(const struct completion *said, uint32_t item, bool full, struct buf *out)
{
    if (said->call_count)
        add_call(said, item, full, out);
    else
        add_message(said, full, out);
}

static void add_usage(const struct completion *said, struct buf *out)
{
    uint64_t output = completion_usage(said);

    buf_printf(out,
               "{\"input_tokens\":%" PRIu64
               ",\"input_tokens_details\":{\"cached_tokens\":%" PRIu64 "},"
               "\"output_tokens\":%" PRIu64
               ",\"output_tokens_details\":{\"reasoning_tokens\":%" PRIu64 "},"
               "\"total_tokens\":%" PRIu64 "}",
               said->prompt_tokens, said->cached_tokens, output, said->reasoning_tokens,
               (said->prompt_tokens + output));
}

/* What is known from the start; the object stays open. Kept in answer->body by a stream. */
static void add_start(const struct ask *ask, const struct completion *said, struct buf *out)
{
    openai_add_id(said, "{\"id\":\"resp_", out);
    buf_printf(out, "\",\"object\":\"response\",\"created_at\":%lld,\"model\":",
               (long long)said->created);
    json_quote(out, span_from(said->model));
    buf_add_text(out, ",\"system_fingerprint\":");
    json_quote(out, span_from(ask->mock->name));
    buf_add_text(out, ",\"error\":null,\"instructions\":null,\"metadata\":{},"
                      "\"parallel_tool_calls\":true,\"temperature\":1.0,\"top_p\":1.0,"
                      "\"tool_choice\":\"auto\",\"tools\":[],\"previous_response_id\":null,"
                      "\"store\":true,\"truncation\":\"disabled\",\"text\":{\"format\":"
                      "{\"type\":\"text\"}}");
}

static void add_end(const struct completion *said, bool full, struct buf *out)
{
    uint32_t items = said->call_count ? said->call_count : 1;

    if (!full) {
        buf_add_text(out, ",\"status\":\"in_progress\",\"incomplete_details\":null,"
                          "\"output\":[],\"usage\":null}");
        return;
    }
    buf_add_text(out, is_cut(said) ? ",\"status\":\"incomplete\",\"incomplete_details\":"
                                     "{\"reason\":\"max_output_tokens\"},\"output\":["
                                   : ",\"status\":\"completed\",\"incomplete_details\":null,"
                                     "\"output\":[");
    for (uint32_t i = 0; i < items; i++) {
        if (i)
            buf_add_byte(out, ',');
        add_item(said, i, true, out);
    }
    buf_add_text(out, "],\"usage\":");
    add_usage(said, out);
    buf_add_byte(out, '}');
}

/* ---- events ---- */

static void begin_event(const struct answer *answer, const char *type, uint32_t index,
                        struct buf *out)
{
    buf_printf(out,
               "event: response.%s\ndata: {\"type\":\"response.%s\",\"sequence_number\":%u",
               type, type, index);
    openai_add_stamp(answer, out);
}

static void add_response_event(const struct answer *answer, const char *type, bool full,
                               uint32_t index, struct buf *out)
{
    begin_event(answer, type, index, out);
    buf_add_text(out, ",\"response\":");
    buf_add(out, buf_span(&answer->body));
    add_end(&answer->said, full, out);
    buf_add_text(out, "}\n\n");
}

static void add_item_event(const struct answer *answer, uint32_t item, bool done,
                           uint32_t index, struct buf *out)
{
    begin_event(answer, done ? "output_item.done" : "output_item.added", index, out);
    buf_printf(out, ",\"output_index\":%u,\"item\":", item);
    add_item(&answer->said, item, done, out);
    buf_add_text(out, "}\n\n");
}

/* item_id and output_index, as each event within an item has them. */
static void add_place(const struct completion *said, uint32_t item, struct buf *out)
{
    buf_add_text(out, ",\"item_id\":");
    add_item_id(said, item, out);
    buf_printf(out, ",\"output_index\":%u", item);
    if (!said->call_count)
        buf_add_text(out, ",\"content_index\":0");
}

static void add_part_event(const struct answer *answer, bool done, uint32_t index,
                           struct buf *out)
{
    begin_event(answer, done ? "content_part.done" : "content_part.added", index, out);
    add_place(&answer->said, 0, out);
    buf_add_text(out, ",\"part\":");
    add_part(&answer->said, done, out);
    buf_add_text(out, "}\n\n");
}

/* Event `at` of the message; its deltas begin at 2. */
static uint32_t add_text_event(const struct answer *answer, uint32_t at, uint32_t index,
                               struct buf *out)
{
    const struct completion *said = &answer->said;
    uint32_t tokens = said->text.count;

    if (at == 0 || at == tokens + 4) {
        add_item_event(answer, 0, at != 0, index, out);
    } else if (at == 1 || at == tokens + 3) {
        add_part_event(answer, at != 1, index, out);
    } else {
        bool done = at == tokens + 2;

        begin_event(answer, done ? "output_text.done" : "output_text.delta", index, out);
        add_place(said, 0, out);
        buf_add_text(out, done ? ",\"text\":" : ",\"delta\":");
        if (done)
            add_text(said, out);
        else
            openai_add_token(said, at - 2, out);
        buf_add_text(out, ",\"logprobs\":[]}\n\n");
        return !done;
    }
    return 0;
}

/* Event `at` of a call; its fragments begin at 1. */
static uint32_t add_call_event(const struct answer *answer, uint32_t item, uint32_t at,
                               uint32_t index, struct buf *out)
{
    const struct completion *said = &answer->said;
    uint32_t fragments = completion_fragments(said, item);
    bool done = at == fragments + 1;

    if (at == 0 || at == fragments + 2) {
        add_item_event(answer, item, at != 0, index, out);
        return 0;
    }
    begin_event(answer, done ? "function_call_arguments.done" : "function_call_arguments.delta",
                index, out);
    add_place(said, item, out);
    buf_add_text(out, done ? ",\"arguments\":" : ",\"delta\":");
    json_quote(out, done ? buf_span(&said->calls[item].arguments)
                         : completion_fragment(said, item, at - 1));
    buf_add_text(out, "}\n\n");
    return !done;
}

static uint32_t item_events(const struct completion *said, uint32_t item)
{
    if (said->call_count)
        return CALL_FRAME_EVENTS + completion_fragments(said, item);
    return TEXT_FRAME_EVENTS + said->text.count;
}

static uint32_t render(const struct answer *answer, uint32_t index, struct buf *out)
{
    const struct completion *said = &answer->said;
    uint32_t at = index - START_EVENTS;
    uint32_t item = 0;

    if (index < START_EVENTS) {
        add_response_event(answer, index ? "in_progress" : "created", false, index, out);
        return 0;
    }
    if (index + 1 == answer->events) {
        add_response_event(answer, is_cut(said) ? "incomplete" : "completed", true, index, out);
        return 0;
    }
    while (at >= item_events(said, item))
        at -= item_events(said, item++);
    if (!said->call_count)
        return add_text_event(answer, at, index, out);
    assert(item < said->call_count);
    return add_call_event(answer, item, at, index, out);
}

void openai_responses(const struct ask *ask, struct answer *answer)
{
    struct completion *said = &answer->said;
    uint32_t events = START_EVENTS + 1;
    uint32_t items;

    if (!openai_check(ask, "input", answer))
        return;
    say(ask, said);
    add_start(ask, said, &answer->body);
    if (!ask->stream) {
        add_end(said, true, &answer->body);
        return;
    }
    items = said->call_count ? said->call_count : 1;
    for (uint32_t i = 0; i < items; i++)
        events += item_events(said, i);
    answer->stamp = ask->mock->stamp;
    answer_set_stream(answer, events, render);
}
