/* What Gemini answers with, whole or in pieces: {"candidates": [{"content": {"parts": [...]}}], ...}. */
#include "llm/gemini.h"

#include "base/digest.h"
#include "llm/openai.h"

enum { ID_BYTES_MAX = 32, ID_HEX_DIGITS = 16 };

const struct llm_error gemini_garbled = {
    .class = LLM_SERVER_ERROR,
    .status = 502,
    .message = SPAN("The model wrote a call of a function that cannot be read."),
    .type = SPAN("server_error"),
    .code = SPAN("upstream_error"),
};

static bool is_string(const struct scan_field *field)
{
    return field->raw.at && field->kind == JSON_STRING;
}

/* Fills what the object has; nothing if it is none. */
static void look_into(const struct scan_field *object, struct scan_field *fields, size_t count)
{
    struct scan_result result;

    if (object->raw.at && object->kind == JSON_OBJECT)
        (void)scan_object(object->raw, fields, count, &result);
}

/* ---- usage ---- */

void gemini_read_usage(const struct scan_field *object, struct usage *ret)
{
    enum { PROMPT, TOOLS, CACHED, SAID, THOUGHT, TOTAL, COUNT };
    struct scan_field fields[COUNT] = {
        [PROMPT] = { .name = "promptTokenCount" },
        [TOOLS] = { .name = "toolUsePromptTokenCount" },
        [CACHED] = { .name = "cachedContentTokenCount" },
        [SAID] = { .name = "candidatesTokenCount" },
        [THOUGHT] = { .name = "thoughtsTokenCount" },
        [TOTAL] = { .name = "totalTokenCount" },
    };
    uint64_t counts[COUNT] = { 0 };
    bool known = false;

    look_into(object, fields, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        known = openai_read_count(&fields[i], &counts[i]) || known;
    if (!known)
        return;
    counts[PROMPT] += counts[TOOLS];
    if (counts[CACHED] > counts[PROMPT])
        counts[CACHED] = counts[PROMPT];
    *ret = (struct usage){
        .input = counts[PROMPT] - counts[CACHED],
        .cached = counts[CACHED],
        .output = counts[SAID] + counts[THOUGHT],
        .reasoning = counts[THOUGHT],
        .known = true,
    };
}

/* ---- how it ended ---- */

static enum finish finish_of(struct span raw, bool *ret_garbled)
{
    static const struct {
        const char *raw;
        enum finish finish;
        bool garbled;
    } reasons[] = {
        { "\"STOP\"", FINISH_STOP, false },
        { "\"MAX_TOKENS\"", FINISH_LENGTH, false },
        { "\"SAFETY\"", FINISH_FILTER, false },
        { "\"RECITATION\"", FINISH_FILTER, false },
        { "\"BLOCKLIST\"", FINISH_FILTER, false },
        { "\"PROHIBITED_CONTENT\"", FINISH_FILTER, false },
        { "\"SPII\"", FINISH_FILTER, false },
        { "\"LANGUAGE\"", FINISH_FILTER, false },
        { "\"IMAGE_SAFETY\"", FINISH_FILTER, false },
        { "\"IMAGE_PROHIBITED_CONTENT\"", FINISH_FILTER, false },
        { "\"IMAGE_RECITATION\"", FINISH_FILTER, false },
        { "\"MALFORMED_FUNCTION_CALL\"", FINISH_STOP, true },
        { "\"UNEXPECTED_TOOL_CALL\"", FINISH_STOP, true },
        { "\"TOO_MANY_TOOL_CALLS\"", FINISH_STOP, true },
        { "\"MALFORMED_RESPONSE\"", FINISH_STOP, true },
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (span_is(raw, reasons[i].raw)) {
            *ret_garbled = reasons[i].garbled;
            return reasons[i].finish;
        }
    return FINISH_STOP;
}

static void read_candidate(const struct scan_item *candidate, struct gemini_answer *ret)
{
    enum { CONTENT, REASON, MESSAGE, COUNT };
    struct scan_field fields[COUNT] = {
        [CONTENT] = { .name = "content" },
        [REASON] = { .name = "finishReason" },
        [MESSAGE] = { .name = "finishMessage" },
    };
    struct scan_field object = { .kind = candidate->kind, .raw = candidate->raw };
    struct scan_field parts = { .name = "parts" };

    ret->empty = false;
    look_into(&object, fields, COUNT);
    look_into(&fields[CONTENT], &parts, 1);
    if (parts.raw.at && parts.kind == JSON_ARRAY)
        ret->parts = parts.raw;
    if (is_string(&fields[REASON]))
        ret->finish = finish_of(fields[REASON].raw, &ret->garbled);
    if (ret->finish == FINISH_FILTER)
        ret->refusal = is_string(&fields[MESSAGE]) ? fields[MESSAGE].raw : fields[REASON].raw;
}

static void read_feedback(const struct scan_field *feedback, struct gemini_answer *ret)
{
    struct scan_field fields[] = { { .name = "blockReason" },
                                   { .name = "blockReasonMessage" } };

    look_into(feedback, fields, 2);
    if (!is_string(&fields[0]))
        return;
    ret->empty = false;
    ret->finish = FINISH_FILTER;
    ret->refusal = is_string(&fields[1]) ? fields[1].raw : fields[0].raw;
}

void gemini_read_answer(struct span body, struct gemini_answer *ret)
{
    enum { CANDIDATES, FEEDBACK, USAGE, MODEL, ID, ERROR, COUNT };
    struct scan_field fields[COUNT] = {
        [CANDIDATES] = { .name = "candidates" }, [FEEDBACK] = { .name = "promptFeedback" },
        [USAGE] = { .name = "usageMetadata" },   [MODEL] = { .name = "modelVersion" },
        [ID] = { .name = "responseId" },         [ERROR] = { .name = "error" },
    };
    struct scan_result result;
    struct scan_item item;
    enum err err = scan_object(body, fields, COUNT, &result);
    size_t at = 0;

    *ret = (struct gemini_answer){ .empty = true };
    ret->broken = err && err != ERR_DUPLICATE;
    /* An error may be wrapped in an array. */
    ret->failed = ret->broken ? scan_front(body, &item) && item.kind == JSON_ARRAY &&
                                    scan_value(body, &result) == ERR_OK &&
                                    span_find_text(body, "\"error\"") != SIZE_MAX
                              : openai_is_error(&fields[ERROR]);
    if (ret->broken || ret->failed)
        return;
    if (is_string(&fields[ID]))
        ret->id = fields[ID].raw;
    if (is_string(&fields[MODEL]))
        ret->model = fields[MODEL].raw;
    read_feedback(&fields[FEEDBACK], ret);
    gemini_read_usage(&fields[USAGE], &ret->usage);
    /* Never more than one was asked for. */
    if (fields[CANDIDATES].raw.at && fields[CANDIDATES].kind == JSON_ARRAY &&
        scan_next(fields[CANDIDATES].raw, &at, &item))
        read_candidate(&item, ret);
}

/* ---- parts ---- */

static bool read_call(const struct scan_field *object, struct arena *arena, struct part *ret)
{
    enum { ID, NAME, ARGS, COUNT };
    struct scan_field fields[COUNT] = { { .name = "id" },
                                        { .name = "name" },
                                        { .name = "args" } };

    look_into(object, fields, COUNT);
    if (!is_string(&fields[NAME]))
        return false;
    ret->kind = PART_CALL;
    ret->name = fields[NAME].raw;
    if (is_string(&fields[ID]) && fields[ID].raw.size > 2)
        ret->id = fields[ID].raw;
    ret->input = fields[ARGS].raw.at && fields[ARGS].kind == JSON_OBJECT
                     ? scan_compact(fields[ARGS].raw, arena)
                     : SPAN_OF("{}");
    return true;
}

/* A picture that the model has made, as Markdown has them. */
static bool read_picture(const struct scan_field *object, struct arena *arena, struct part *ret)
{
    struct scan_field fields[] = { { .name = "mimeType" }, { .name = "data" } };

    look_into(object, fields, 2);
    if (!is_string(&fields[0]) || !is_string(&fields[1]))
        return false;
    ret->kind = PART_TEXT;
    ret->text = span_from(arena_printf(arena, "\"![image](data:%.*s;base64,%.*s)\"",
                                       (int)fields[0].raw.size - 2, fields[0].raw.at + 1,
                                       (int)fields[1].raw.size - 2, fields[1].raw.at + 1));
    return true;
}

static bool read_text(const struct scan_field *text, bool thought, struct part *ret)
{
    if (!is_string(text) || text->raw.size <= 2)
        return false;
    ret->kind = thought ? PART_THINKING : PART_TEXT;
    ret->text = text->raw;
    return true;
}

/* That of a text stands behind it, as that of a thought which is not told. */
static bool read_signature(bool any, struct span signature, struct arena *arena,
                           struct part *ret)
{
    struct part *alone = any ? arena_zero(arena, sizeof(*alone)) : ret;

    *alone = (struct part){
        .kind = PART_THINKING,
        .text = SPAN("\"\""),
        .signature = signature,
    };
    if (any)
        ret->next = alone;
    return true;
}

bool gemini_read_part(const struct scan_item *item, struct arena *arena, struct part *ret)
{
    enum { TEXT, THOUGHT, CALL, PICTURE, SIGNATURE, COUNT };
    struct scan_field fields[COUNT] = {
        [TEXT] = { .name = "text" },
        [THOUGHT] = { .name = "thought" },
        [CALL] = { .name = "functionCall" },
        [PICTURE] = { .name = "inlineData" },
        [SIGNATURE] = { .name = "thoughtSignature" },
    };
    struct scan_field object = { .kind = item->kind, .raw = item->raw };
    struct span signature;
    bool any;

    *ret = (struct part){ 0 };
    look_into(&object, fields, COUNT);
    any = read_text(&fields[TEXT], span_is(fields[THOUGHT].raw, "true"), ret) ||
          read_call(&fields[CALL], arena, ret) || read_picture(&fields[PICTURE], arena, ret);
    if (!is_string(&fields[SIGNATURE]) || fields[SIGNATURE].raw.size <= 2)
        return any;
    signature = signature_mark(GEMINI_LANGUAGE, fields[SIGNATURE].raw, arena);
    if (!any || ret->kind == PART_TEXT)
        return read_signature(any, signature, arena, ret);
    ret->signature = signature;
    return true;
}

/* ---- ids ---- */

static bool plain(struct span bare)
{
    for (size_t i = 0; i < bare.size; i++) {
        char c = bare.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return bare.size > 0 && bare.size <= ID_BYTES_MAX;
}

struct span gemini_call_id(const struct gemini_answer *answer, struct span bytes,
                           uint32_t index, struct arena *arena)
{
    struct span bare = { 0 };
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;

    if (answer->id.at)
        bare = span_first(span_skip(answer->id, 1), answer->id.size - 2);
    if (!plain(bare)) {
        digest_sha256(bytes, &digest);
        digest_hex(&digest, hex);
        bare = span_make(hex, ID_HEX_DIGITS);
    }
    return span_from(arena_printf(arena, "\"call_%.*s_%u\"", SPAN_ARG(bare), index));
}
