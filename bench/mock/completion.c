#include "completion.h"

#include "base/json.h"
#include "base/mem.h"
#include "peek.h"

#include <string.h>
#include <time.h>

void completion_init(struct completion *said, struct span model, const struct knobs *knobs,
                     uint64_t number)
{
    bool reasons = span_find_text(model, "reason") != SIZE_MAX;

    *said = (struct completion){
        .model = mem_copy(model.at, model.size),
        .number = number,
        .created = time(NULL),
        .choices = 1,
        .reasoning_tokens = reasons ? REASONING_TOKENS : 0,
        .aloud = reasons && span_find_text(model, "deepseek") != SIZE_MAX,
    };
    text_init(&said->text, knobs->tokens, knobs->token_bytes);
}

void completion_done(struct completion *said)
{
    mem_free(said->model);
    text_done(&said->text);
    for (uint32_t i = 0; i < said->call_count; i++) {
        mem_free(said->calls[i].name);
        buf_done(&said->calls[i].arguments);
    }
    *said = (struct completion){ 0 };
}

void completion_count_prompt(struct completion *said, yyjson_val *prompt)
{
    said->prompt_tokens = (peek_string_bytes(prompt) + 3) / 4;
    if (strstr(said->model, "cached"))
        said->cached_tokens = said->prompt_tokens / 2;
}

void completion_embed(struct completion *said, struct span model, uint64_t number,
                      uint64_t tokens)
{
    *said = (struct completion){
        .model = mem_copy(model.at, model.size),
        .number = number,
        .created = time(NULL),
        .prompt_tokens = tokens,
    };
    text_init(&said->text, 0, 0);
}

void completion_echo(struct completion *said, struct span user)
{
    static const char mark[] = "echo:";

    if (span_starts(user, mark))
        text_set_echo(&said->text, span_trim(span_skip(user, sizeof(mark) - 1)));
}

void completion_limit(struct completion *said, uint64_t tokens)
{
    if (said->call_count || tokens >= said->text.count)
        return;
    text_limit(&said->text, tokens);
    said->finish = FINISH_LENGTH;
}

static void add_value(struct buf *out, yyjson_val *schema)
{
    static const struct {
        const char *type;
        const char *json;
    } values[] = {
        { "integer", "7" },
        { "number", "2.5" },
        { "boolean", "true" },
        { "array", "[]" },
        { "object", "{}" },
        { "null", "null" },
        { "string", "\"Oban \\u2693\"" },
    };

    yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(schema, "enum"));
    struct span type = peek_text(schema, "type");

    if (yyjson_is_str(choice)) {
        json_quote(out, peek_string(choice));
        return;
    }
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        if (span_is(type, values[i].type)) {
            buf_add_text(out, values[i].json);
            return;
        }
    buf_add_text(out, "null");
}

void completion_call(struct completion *said, struct span name, yyjson_val *parameters)
{
    struct call *call;
    yyjson_obj_iter properties = yyjson_obj_iter_with(yyjson_obj_get(parameters, "properties"));
    yyjson_val *key;

    if (said->call_count == CALLS_MAX)
        return;
    call = &said->calls[said->call_count++];
    call->name = mem_copy(name.at, name.size);
    buf_init(&call->arguments, SIZE_MAX / 2);
    buf_add_byte(&call->arguments, '{');
    while ((key = yyjson_obj_iter_next(&properties))) {
        if (properties.idx > 1)
            buf_add_byte(&call->arguments, ',');
        json_quote(&call->arguments, peek_string(key));
        buf_add_byte(&call->arguments, ':');
        add_value(&call->arguments, yyjson_obj_iter_get_val(key));
    }
    buf_add_byte(&call->arguments, '}');
    said->finish = FINISH_CALLS;
}

/* Property names may be of several bytes: a fragment never ends inside a UTF-8 sequence. */
static size_t fragment_end(struct span arguments, size_t at)
{
    size_t end = at + CALL_FRAGMENT_BYTES;

    while (end < arguments.size && ((unsigned char)arguments.at[end] & 0xc0) == 0x80)
        end++;
    return end < arguments.size ? end : arguments.size;
}

uint32_t completion_fragments(const struct completion *said, uint32_t index)
{
    struct span arguments = buf_span(&said->calls[index].arguments);
    uint32_t count = 0;

    for (size_t at = 0; at < arguments.size; at = fragment_end(arguments, at))
        count++;
    return count;
}

struct span completion_fragment(const struct completion *said, uint32_t index, uint32_t piece)
{
    struct span arguments = buf_span(&said->calls[index].arguments);
    size_t at = 0;

    while (piece--)
        at = fragment_end(arguments, at);
    return span_first(span_skip(arguments, at), fragment_end(arguments, at) - at);
}

uint64_t completion_tokens(const struct completion *said)
{
    uint64_t tokens = 0;

    if (!said->call_count)
        return said->text.count;
    for (uint32_t i = 0; i < said->call_count; i++)
        tokens += completion_fragments(said, i);
    return tokens;
}

uint64_t completion_usage(const struct completion *said)
{
    return said->choices * (completion_tokens(said) + said->reasoning_tokens);
}
