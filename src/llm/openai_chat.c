#include "llm/openai.h"

#include "base/limits.h"
#include "llm/chat_ahead.h"

#include <string.h>

enum {
    MODEL,
    STREAM,
    STREAM_OPTIONS,
    MAX_TOKENS,
    MAX_COMPLETION_TOKENS,
    MAX_OUTPUT_TOKENS,
    METADATA,
    USER,
    SAFETY_IDENTIFIER,
    FIELD_COUNT,
};

/* What the readers below have in common. */
struct reading {
    struct scan_field fields[FIELD_COUNT];
    struct arena *arena;
    struct chat *chat;
    struct chat_problem *problem;
};

static const char *const kind_names[] = {
    [JSON_NULL] = "null",       [JSON_BOOL] = "a boolean", [JSON_NUMBER] = "a number",
    [JSON_STRING] = "a string", [JSON_ARRAY] = "an array", [JSON_OBJECT] = "an object",
};

static enum err invalid_json(const char *message, struct chat_problem *ret)
{
    *ret = (struct chat_problem){ "invalid_json", message, NULL };
    return ERR_SYNTAX;
}

static enum err invalid_value(const char *param, const char *message, struct chat_problem *ret)
{
    *ret = (struct chat_problem){ "invalid_value", message, param };
    return ERR_TYPE;
}

static enum err duplicate_key(const char *param, struct arena *arena, struct chat_problem *ret)
{
    const char *message = arena_printf(
        arena,
        "`%s` stands more than once in the request body; which one counts would depend on "
        "the reader. Send it once.",
        param);

    *ret = (struct chat_problem){ "duplicate_key", message, param };
    return ERR_DUPLICATE;
}

/* ---- the body as a whole ---- */

/* Where an offset is, as an editor shows it. Lines are counted from 1, and so are columns. */
static const char *place(struct span body, size_t offset, struct arena *arena)
{
    struct span rest = span_first(body, offset);
    size_t line = 1;
    size_t end;

    while ((end = span_find(rest, '\n')) != SIZE_MAX) {
        rest = span_skip(rest, end + 1);
        line++;
    }
    return arena_printf(arena, "line %zu, column %zu (byte %zu)", line, rest.size + 1, offset);
}

static enum err syntax_problem(struct span body, size_t at, struct arena *arena,
                               struct chat_problem *ret)
{
    if (body.size == 0)
        return invalid_json("The request body is empty; it must be a JSON object.", ret);
    if (span_starts(body, "\xef\xbb\xbf"))
        return invalid_json(
            "The request body begins with a byte order mark, which JSON does not "
            "allow; send UTF-8 without it.",
            ret);
    if (at >= body.size)
        return invalid_json(arena_printf(arena,
                                         "The request body is not valid JSON: it ends too "
                                         "early, after %zu bytes.",
                                         body.size),
                            ret);
    return invalid_json(arena_printf(arena,
                                     "The request body is not valid JSON: see %s. Strings "
                                     "must be valid UTF-8.",
                                     place(body, at, arena)),
                        ret);
}

static enum err scan_problem(enum err err, struct span body, const struct scan_result *result,
                             struct arena *arena, struct chat_problem *ret)
{
    size_t at = result->error_at;

    if (err == ERR_DUPLICATE)
        return duplicate_key(result->duplicate, arena, ret);
    if (err == ERR_TYPE)
        return invalid_json("The request body must be a JSON object.", ret);
    if (err == ERR_TOO_DEEP)
        return invalid_json(arena_printf(arena,
                                         "The request body is nested more than %d levels "
                                         "deep at %s.",
                                         (int)LIMIT_JSON_DEPTH, place(body, at, arena)),
                            ret);
    if (err == ERR_TOO_BIG)
        return invalid_json(arena_printf(arena,
                                         "The request body holds a number that is too large "
                                         "or has more than %d digits; it ends at %s.",
                                         (int)LIMIT_JSON_NUMBER_BYTES, place(body, at, arena)),
                            ret);
    return syntax_problem(body, at, arena, ret);
}

/* ---- its members ---- */

static enum err read_model(struct reading *reading)
{
    const struct scan_field *field = &reading->fields[MODEL];
    struct span name;
    enum err err;

    if (field->raw.at == NULL)
        return ERR_OK;
    if (field->kind != JSON_STRING)
        return invalid_value("model",
                             arena_printf(reading->arena,
                                          "`model` must be a string that names a "
                                          "model, not %s.",
                                          kind_names[field->kind]),
                             reading->problem);
    name = scan_string(field->raw, reading->arena);
    err = chat_check_model(name, reading->arena, reading->problem);
    if (err)
        return err;
    reading->chat->model = name;
    reading->chat->model_raw = field->raw;
    return ERR_OK;
}

/* A boolean that may be null or missing; both mean false. */
static enum err read_flag(struct reading *reading, const struct scan_field *field,
                          const char *param, bool *ret)
{
    if (field->raw.at && field->kind != JSON_BOOL && field->kind != JSON_NULL)
        return invalid_value(param,
                             arena_printf(reading->arena, "`%s` must be true or false, not %s.",
                                          param, kind_names[field->kind]),
                             reading->problem);
    *ret = span_is(field->raw, "true");
    return ERR_OK;
}

static enum err read_stream_options(struct reading *reading)
{
    const struct scan_field *field = &reading->fields[STREAM_OPTIONS];
    struct scan_field usage = { .name = "include_usage" };
    struct chat *chat = reading->chat;
    struct scan_result result;
    enum err err;

    if (field->raw.at == NULL)
        return ERR_OK;
    if (field->kind != JSON_OBJECT && field->kind != JSON_NULL)
        return invalid_value("stream_options",
                             arena_printf(reading->arena,
                                          "`stream_options` must be an object such "
                                          "as {\"include_usage\": true}, not %s.",
                                          kind_names[field->kind]),
                             reading->problem);
    chat->stream_options_raw = field->raw;
    chat->stream_options_null = field->kind == JSON_NULL;
    if (chat->stream_options_null)
        return ERR_OK;
    err = scan_object(field->raw, &usage, 1, &result);
    if (err == ERR_DUPLICATE)
        return duplicate_key("stream_options.include_usage", reading->arena, reading->problem);
    chat->stream_options_empty = result.empty;
    chat->include_usage_raw = usage.raw;
    return read_flag(reading, &usage, "stream_options.include_usage", &chat->include_usage);
}

/* at == NULL where it is none. */
static struct span string_of(const struct reading *reading, const struct scan_field *field)
{
    if (field->raw.at == NULL || field->kind != JSON_STRING)
        return span_make(NULL, 0);
    return scan_string(field->raw, reading->arena);
}

static enum err read_metadata(struct reading *reading)
{
    const struct scan_field *field = &reading->fields[METADATA];
    struct scan_field fields[] = { { .name = "task" }, { .name = "user_id" } };
    struct scan_result result;

    if (field->raw.at == NULL || field->kind != JSON_OBJECT)
        return ERR_OK;
    if (scan_object(field->raw, fields, 2, &result) == ERR_DUPLICATE)
        return duplicate_key(arena_texts(reading->arena, "metadata.", result.duplicate, NULL),
                             reading->arena, reading->problem);
    reading->chat->task = string_of(reading, &fields[0]);
    reading->chat->user = string_of(reading, &fields[1]);
    return ERR_OK;
}

/* What is odd about the others is for the provider to say; the gateway then just does not know. */
static void read_others(struct reading *reading)
{
    struct span user = string_of(reading, &reading->fields[USER]);

    if (user.size == 0)
        user = string_of(reading, &reading->fields[SAFETY_IDENTIFIER]);
    if (user.size)
        reading->chat->user = user; /* before metadata.user_id */
    for (int i = MAX_TOKENS; i <= MAX_OUTPUT_TOKENS; i++) {
        uint64_t value;

        if (reading->fields[i].raw.at && scan_u64(reading->fields[i].raw, &value) &&
            value > reading->chat->max_tokens)
            reading->chat->max_tokens = value;
    }
}

/* The body has been scanned: what was found there, made sense of. */
static enum err read_fields(struct reading *reading, const struct scan_result *result,
                            struct chat *ret)
{
    struct chat *chat = reading->chat;
    enum err err;

    chat->inside = result->inside;
    chat->empty = result->empty;
    err = read_model(reading);
    if (err == ERR_OK)
        err = read_flag(reading, &reading->fields[STREAM], "stream", &chat->stream);
    if (err == ERR_OK)
        err = read_stream_options(reading);
    if (err == ERR_OK)
        err = read_metadata(reading);
    if (err)
        return err;
    read_others(reading);
    *ret = *chat;
    return ERR_OK;
}

/* What the gateway acts on. */
static const struct scan_field wanted[FIELD_COUNT] = {
    [MODEL] = { .name = "model" },
    [STREAM] = { .name = "stream" },
    [STREAM_OPTIONS] = { .name = "stream_options" },
    [MAX_TOKENS] = { .name = "max_tokens" },
    [MAX_COMPLETION_TOKENS] = { .name = "max_completion_tokens" },
    [MAX_OUTPUT_TOKENS] = { .name = "max_output_tokens" },
    [METADATA] = { .name = "metadata" },
    [USER] = { .name = "user" },
    [SAFETY_IDENTIFIER] = { .name = "safety_identifier" },
};

enum err openai_read_chat(struct span body, struct arena *arena, struct chat *ret,
                          struct chat_problem *ret_problem)
{
    struct chat chat = { .body = body };
    struct reading reading = { .arena = arena, .chat = &chat, .problem = ret_problem };
    struct scan_result result;
    enum err err;

    memcpy(reading.fields, wanted, sizeof(wanted));
    err = scan_object(body, reading.fields, FIELD_COUNT, &result);
    if (err)
        return scan_problem(err, body, &result, arena, ret_problem);
    return read_fields(&reading, &result, ret);
}

/* ---- the same while it comes ---- */

struct chat_ahead *openai_look_ahead(struct chat_ahead *ahead, struct span so_far,
                                     struct arena *arena)
{
    return chat_ahead_look(ahead, so_far, wanted, FIELD_COUNT, arena);
}

enum err openai_read_ahead(struct chat_ahead *ahead, struct span body, struct arena *arena,
                           struct chat *ret, struct chat_problem *ret_problem)
{
    struct chat chat = { .body = body };
    struct reading reading = { .arena = arena, .chat = &chat, .problem = ret_problem };
    struct scan_result result;
    enum err err = scan_long_end(&ahead->scan, body, &result);

    if (err)
        return scan_problem(err, body, &result, arena, ret_problem);
    memcpy(reading.fields, ahead->fields, sizeof(reading.fields));
    return read_fields(&reading, &result, ret);
}

enum err openai_read_body(struct span body, struct arena *arena, struct chat *ret,
                          struct chat_problem *ret_problem)
{
    struct scan_result result;
    enum err err = scan_object(body, NULL, 0, &result);

    if (err)
        return scan_problem(err, body, &result, arena, ret_problem);
    *ret = (struct chat){ .body = body, .inside = result.inside, .empty = result.empty };
    return ERR_OK;
}
