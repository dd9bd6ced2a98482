#include "llm/openai.h"

#include "llm/scrub.h"

/* A longer message says nothing more; it also ends up in a log line. */
enum { MESSAGE_BYTES_MAX = 2048, WORD_BYTES_MAX = 128 };

/* What an error says, before it is judged. */
struct words {
    struct span message;
    struct span type;
    struct span code;
    struct span param;
    unsigned
        number; /* `code` or `status` as a number, which compatible servers write; 0: none */
    bool moderated; /* OpenRouter: `metadata` gives reasons of a moderation */
};

/* What a `type` or `code` means. The strong ones are right whatever the HTTP status; the others are
 * only asked when there is none, because the error stood in a 200. */
struct meaning {
    const char *word;
    enum llm_class class;
    bool strong;
    unsigned status;
};

static const struct meaning meanings[] = {
    { "insufficient_quota", LLM_QUOTA, true, 429 },
    { "credit_balance_exhausted", LLM_QUOTA, true, 429 },
    { "billing_hard_limit_reached", LLM_QUOTA, true, 429 },
    { "billing_not_active", LLM_QUOTA, true, 429 },
    { "context_length_exceeded", LLM_CONTEXT_WINDOW, true, 400 },
    { "exceed_context_size_error", LLM_CONTEXT_WINDOW, true, 400 },
    { "content_filter", LLM_CONTENT_FILTER, true, 400 },
    { "content_policy_violation", LLM_CONTENT_FILTER, true, 400 },
    { "model_not_found", LLM_NOT_FOUND, true, 404 },
    { "DeploymentNotFound", LLM_NOT_FOUND, true, 404 },
    { "rate_limit_exceeded", LLM_RATE_LIMIT, false, 429 },
    { "rate_limit_error", LLM_RATE_LIMIT, false, 429 },
    { "slow_down", LLM_RATE_LIMIT, false, 429 },
    { "server_is_overloaded", LLM_SERVER_ERROR, false, 503 },
    { "service_unavailable_error", LLM_SERVER_ERROR, false, 503 },
    { "overloaded_error", LLM_SERVER_ERROR, false, 503 },
    { "unavailable_error", LLM_SERVER_ERROR, false, 503 },
    { "server_error", LLM_SERVER_ERROR, false, 500 },
    { "timeout", LLM_TIMEOUT, false, 504 },
    { "timeout_error", LLM_TIMEOUT, false, 504 },
    { "invalid_api_key", LLM_AUTH, false, 401 },
    { "authentication_error", LLM_AUTH, false, 401 },
    { "permission_error", LLM_AUTH, false, 403 },
    { "invalid_prompt", LLM_CLIENT_ERROR, false, 400 },
    { "invalid_request_error", LLM_CLIENT_ERROR, false, 400 },
    { "BadRequestError", LLM_CLIENT_ERROR, false, 400 },
};

/* ---- reading words ---- */

static struct span clip(struct span text, size_t max)
{
    while (max && max < text.size && ((unsigned char)text.at[max] & 0xc0) == 0x80)
        max--; /* not inside a character */
    return span_first(text, max);
}

/* A field that is text; what is not stays as JSON, so that nothing is lost. */
static struct span read_text(const struct scan_field *field, struct arena *arena)
{
    if (field->raw.at == NULL || field->kind == JSON_NULL)
        return (struct span){ 0 };
    return field->kind == JSON_STRING ? scan_string(field->raw, arena) : field->raw;
}

static struct span read_word(const struct scan_field *field, struct arena *arena)
{
    struct span word;

    if (field->raw.at == NULL || field->kind != JSON_STRING)
        return (struct span){ 0 };
    word = scan_string(field->raw, arena);
    return word.size ? clip(word, WORD_BYTES_MAX) : (struct span){ 0 };
}

static unsigned read_number(const struct scan_field *field)
{
    uint64_t number;

    if (field->raw.at == NULL || !scan_u64(field->raw, &number))
        return 0;
    return number >= 400 && number < 600 ? (unsigned)number : 0;
}

/* FastAPI: {"detail": "text"}, or a list of {"loc", "msg", "type"}. */
static struct span read_detail(const struct scan_field *field, struct arena *arena)
{
    struct scan_field message = { .name = "msg" };
    struct scan_result result;
    struct scan_item item;
    size_t at = 0;

    if (field->raw.at && field->kind == JSON_ARRAY && scan_next(field->raw, &at, &item) &&
        item.kind == JSON_OBJECT) {
        (void)scan_object(item.raw, &message, 1, &result);
        return read_text(&message, arena);
    }
    return read_text(field, arena);
}

static bool is_moderation(const struct scan_field *metadata)
{
    struct scan_field reasons = { .name = "reasons" };
    struct scan_result result;

    if (metadata->raw.at == NULL || metadata->kind != JSON_OBJECT)
        return false;
    (void)scan_object(metadata->raw, &reasons, 1, &result);
    return reasons.raw.at != NULL;
}

static struct words read_words(const struct scan_item *item, struct arena *arena)
{
    enum { MESSAGE, DETAIL, TYPE, CODE, PARAM, STATUS, METADATA, COUNT };
    struct scan_field fields[COUNT] = {
        [MESSAGE] = { .name = "message" },   [DETAIL] = { .name = "detail" },
        [TYPE] = { .name = "type" },         [CODE] = { .name = "code" },
        [PARAM] = { .name = "param" },       [STATUS] = { .name = "status" },
        [METADATA] = { .name = "metadata" },
    };
    struct scan_result result;
    struct words words = { 0 };

    if (item->kind == JSON_STRING)
        words.message = scan_string(item->raw, arena);
    if (item->kind != JSON_OBJECT)
        return words;
    (void)scan_object(item->raw, fields, COUNT, &result);
    words.message = read_text(&fields[MESSAGE], arena);
    if (words.message.size == 0)
        words.message = read_detail(&fields[DETAIL], arena);
    words.type = read_word(&fields[TYPE], arena);
    words.code = read_word(&fields[CODE], arena);
    words.param = read_word(&fields[PARAM], arena);
    words.number = read_number(&fields[CODE]);
    if (words.number == 0)
        words.number = read_number(&fields[STATUS]);
    words.moderated = is_moderation(&fields[METADATA]);
    return words;
}

/* ---- judging ---- */

static const struct meaning *find_meaning(struct span word)
{
    for (size_t i = 0; word.size && i < sizeof(meanings) / sizeof(meanings[0]); i++)
        if (span_is(word, meanings[i].word))
            return &meanings[i];
    return NULL;
}

static const struct meaning *meaning_of(const struct words *words)
{
    const struct meaning *code = find_meaning(words->code);
    const struct meaning *type = find_meaning(words->type);

    if (code && (code->strong || type == NULL || !type->strong))
        return code;
    return type;
}

static enum llm_class class_of_status(unsigned status)
{
    switch (status) {
    case 401:
    case 403: return LLM_AUTH;
    case 402: return LLM_QUOTA;
    case 404: return LLM_NOT_FOUND;
    case 408:
    case 504: return LLM_TIMEOUT;
    case 409: return LLM_SERVER_ERROR; /* a lock was taken: gone at the next try */
    case 429: return LLM_RATE_LIMIT;
    default: return status >= 400 && status < 500 ? LLM_CLIENT_ERROR : LLM_SERVER_ERROR;
    }
}

/* vLLM and others say it in the message alone. */
static bool speaks_of_context(struct span message)
{
    return span_find_text(message, "maximum context length") != SIZE_MAX ||
           span_find_text(message, "context window") != SIZE_MAX ||
           span_find_text(message, "available context size") != SIZE_MAX;
}

static unsigned status_to_answer(enum llm_class class, unsigned status)
{
    switch (class) {
    case LLM_RATE_LIMIT:
    case LLM_QUOTA: return 429;
    case LLM_SERVER_ERROR:
        if (status == 529 || status == 409)
            return 503;
        return status >= 500 && status < 600 ? status : 502;
    case LLM_TIMEOUT: return 504;
    case LLM_CONTEXT_WINDOW:
    case LLM_CONTENT_FILTER: return 400;
    case LLM_NOT_FOUND: return 404;
    case LLM_CLIENT_ERROR: return status >= 400 && status < 500 ? status : 400;
    case LLM_AUTH:
    case LLM_CONNECTION:
    case LLM_FINE: return 502;
    }
    return 502;
}

static void judge(unsigned status, const struct words *words, struct llm_error *ret)
{
    const struct meaning *meaning = meaning_of(words);

    if (status < 400)
        status = words->number;
    if (status == 0 && meaning)
        status = meaning->status;
    ret->class = meaning && meaning->strong ? meaning->class : class_of_status(status);
    if (words->moderated && ret->class == LLM_AUTH)
        ret->class = LLM_CONTENT_FILTER;
    if (ret->class == LLM_CLIENT_ERROR && speaks_of_context(words->message))
        ret->class = LLM_CONTEXT_WINDOW;
    ret->status = status_to_answer(ret->class, status);
}

/* What is said when the provider did not say anything that can be passed on. */
static void explain(unsigned status, bool web_page, struct arena *arena, struct llm_error *ret)
{
    if (status < 400)
        ret->message = span_from("The provider reported an error without saying which.");
    else
        ret->message = span_from(
            arena_printf(arena, "The provider answered with status %u and %s.", status,
                         web_page ? "something that is not an API's error" : "no explanation"));
    if (ret->code.at == NULL)
        ret->code = span_from("upstream_error");
}

static void finish(unsigned status, const struct words *words, bool web_page,
                   struct arena *arena, struct llm_error *ret)
{
    struct llm_error error = {
        .type = words->type,
        .code = words->code,
        .param = words->param,
    };

    judge(status, words, &error);
    if (words->message.size)
        error.message = scrub_text(clip(words->message, MESSAGE_BYTES_MAX), arena);
    else
        explain(status, web_page, arena, &error);
    *ret = error;
}

void openai_read_error_item(unsigned status, const struct scan_item *item, struct arena *arena,
                            struct llm_error *ret)
{
    struct words words = read_words(item, arena);

    finish(status, &words, false, arena, ret);
}

bool openai_is_error(const struct scan_field *field)
{
    struct scan_item item = { .kind = field->kind, .raw = field->raw };

    return field->raw.at && !scan_empty(&item) && !span_is(field->raw, "false");
}

void openai_read_error(unsigned status, struct span body, struct arena *arena,
                       struct llm_error *ret)
{
    struct scan_field inner = { .name = "error" };
    struct scan_item item = { .kind = JSON_OBJECT, .raw = body };
    struct words words = { 0 };
    struct scan_result result;
    size_t at = 0;
    enum err err;

    if (scan_value(body, &result) == ERR_OK && scan_front(body, &item) &&
        item.kind == JSON_ARRAY && !scan_next(item.raw, &at, &item))
        item.raw = (struct span){ 0 }; /* Gemini's compatible API wraps its error in an array */
    err = scan_object(item.raw, &inner, 1, &result);
    if (err && err != ERR_DUPLICATE) {
        finish(status, &words, body.size > 0, arena, ret);
        return;
    }
    if (openai_is_error(&inner))
        item = (struct scan_item){ .kind = inner.kind, .raw = inner.raw };
    openai_read_error_item(status, &item, arena, ret);
}
