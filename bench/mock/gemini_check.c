/* What may be asked of Gemini. */
#include "gemini.h"
#include "peek.h"

/* Google's own word for a signature that was lost, in base64. */
#define ESCAPE "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

static bool is_one_of(struct span name, const char *const *names)
{
    for (; *names; names++)
        if (span_is(name, *names))
            return true;
    return false;
}

static bool check_fields(yyjson_val *object, const char *const *known, struct answer *answer)
{
    yyjson_obj_iter walk = yyjson_obj_iter_with(object);
    yyjson_val *key;
    struct buf message;

    while ((key = yyjson_obj_iter_next(&walk)) != NULL) {
        if (is_one_of(peek_string(key), known))
            continue;
        buf_init(&message, SIZE_MAX / 2);
        buf_add_texts(&message, "Invalid JSON payload received. Unknown name \"",
                      yyjson_get_str(key), "\": Cannot find field.", NULL);
        (void)gemini_refuse(400, buf_text(&message), answer);
        buf_done(&message);
        return false;
    }
    return true;
}

/* ---- contents ---- */

static bool check_signature(yyjson_val *part, struct answer *answer)
{
    struct span signature = peek_text(part, "thoughtSignature");

    if (signature.size == 0)
        return gemini_refuse(
            400, "Function call is missing a thought_signature in functionCall parts.", answer);
    if (!span_is(signature, GEMINI_SIGNATURE) && !span_is(signature, ESCAPE))
        return gemini_refuse(400, "Corrupted thought signature.", answer);
    return true;
}

/* The next part of that name behind `part`; NULL `part`: the first. */
static yyjson_val *next_of(yyjson_val *parts, const char *name, size_t *at)
{
    while (*at < yyjson_arr_size(parts)) {
        yyjson_val *inner = yyjson_obj_get(yyjson_arr_get(parts, (*at)++), name);

        if (inner)
            return inner;
    }
    return NULL;
}

static bool check_results(yyjson_val *calls, yyjson_val *results, struct answer *answer)
{
    size_t call_at = 0;
    size_t result_at = 0;

    for (;;) {
        yyjson_val *call = next_of(calls, "functionCall", &call_at);
        yyjson_val *result = next_of(results, "functionResponse", &result_at);

        if (!call && !result)
            return true;
        if (!call || !result ||
            !span_equal(peek_text(call, "name"), peek_text(result, "name")) ||
            !span_equal(peek_text(call, "id"), peek_text(result, "id")))
            return gemini_refuse(400,
                                 "Please ensure that the number of function response parts is "
                                 "equal to the number of function call parts of the function "
                                 "call turn.",
                                 answer);
        if (!yyjson_is_obj(yyjson_obj_get(result, "response")))
            return gemini_refuse(400, "Invalid value at function_response.response.", answer);
    }
}

static bool check_part(yyjson_val *part, struct answer *answer)
{
    static const char *const known[] = {
        "text",    "inlineData",       "fileData", "functionCall", "functionResponse",
        "thought", "thoughtSignature", NULL
    };
    yyjson_val *call = yyjson_obj_get(part, "functionCall");
    yyjson_val *bytes = yyjson_obj_get(part, "inlineData");

    if (call && !yyjson_is_obj(yyjson_obj_get(call, "args")))
        return gemini_refuse(400, "Invalid value at function_call.args.", answer);
    if (bytes && ((!peek_text(bytes, "mimeType").size && !peek_text(bytes, "mime_type").size) ||
                  !peek_text(bytes, "data").size))
        return gemini_refuse(400, "Invalid value at inline_data.", answer);
    return check_fields(part, known, answer);
}

static bool check_content(yyjson_val *content, yyjson_val *before, struct answer *answer)
{
    yyjson_val *parts = yyjson_obj_get(content, "parts");
    bool model = span_is(peek_text(content, "role"), "model");
    size_t first = 0;

    if (!model && !span_is(peek_text(content, "role"), "user"))
        return gemini_refuse(400, "Please use a valid role: user, model.", answer);
    if (yyjson_arr_size(parts) == 0)
        return gemini_refuse(400,
                             "Unable to submit request because it must have a text "
                             "parameter.",
                             answer);
    for (size_t i = 0; i < yyjson_arr_size(parts); i++)
        if (!check_part(yyjson_arr_get(parts, i), answer))
            return false;
    if (!model)
        return check_results(yyjson_obj_get(before, "parts"), parts, answer);
    return !next_of(parts, "functionCall", &first) ||
           check_signature(yyjson_arr_get(parts, first - 1), answer);
}

static bool check_contents(yyjson_val *contents, struct answer *answer)
{
    yyjson_val *before = NULL;
    yyjson_arr_iter walk = yyjson_arr_iter_with(contents);
    yyjson_val *content;

    if (yyjson_arr_size(contents) == 0)
        return gemini_refuse(400, "contents is not specified", answer);
    while ((content = yyjson_arr_iter_next(&walk)) != NULL) {
        if (before && span_equal(peek_text(before, "role"), peek_text(content, "role")))
            return gemini_refuse(400, "Turns of the same role follow each other.", answer);
        if (!check_content(content, before, answer))
            return false;
        before = content;
    }
    return true;
}

/* ---- the rest ---- */

static bool check_tools(yyjson_val *tools, struct answer *answer)
{
    yyjson_val *functions = yyjson_obj_get(yyjson_arr_get_first(tools), "functionDeclarations");

    for (size_t i = 0; i < yyjson_arr_size(functions); i++) {
        yyjson_val *function = yyjson_arr_get(functions, i);
        yyjson_val *schema = yyjson_obj_get(function, "parameters");

        if (!peek_text(function, "name").size)
            return gemini_refuse(400, "A function has no name.", answer);
        if (schema && yyjson_obj_get(function, "parametersJsonSchema"))
            return gemini_refuse(400, "Only one of parameters may be set.", answer);
        if (schema && yyjson_obj_get(schema, "additionalProperties"))
            return gemini_refuse(400, "Unknown name \"additionalProperties\".", answer);
    }
    return true;
}

bool gemini_check(const struct ask *ask, struct answer *answer)
{
    static const char *const known[] = { "contents",
                                         "systemInstruction",
                                         "tools",
                                         "toolConfig",
                                         "generationConfig",
                                         "safetySettings",
                                         "cachedContent",
                                         "model",
                                         "generateContentRequest",
                                         NULL };
    static const char *const config_known[] = { "temperature",
                                                "topP",
                                                "topK",
                                                "candidateCount",
                                                "maxOutputTokens",
                                                "stopSequences",
                                                "seed",
                                                "presencePenalty",
                                                "frequencyPenalty",
                                                "responseMimeType",
                                                "responseSchema",
                                                "responseJsonSchema",
                                                "responseLogprobs",
                                                "logprobs",
                                                "responseModalities",
                                                "thinkingConfig",
                                                "mediaResolution",
                                                "speechConfig",
                                                NULL };
    yyjson_val *config = yyjson_obj_get(ask->body, "generationConfig");
    yyjson_val *thinking = yyjson_obj_get(config, "thinkingConfig");

    if (yyjson_obj_get(thinking, "thinkingBudget") && yyjson_obj_get(thinking, "thinkingLevel"))
        return gemini_refuse(400, "You can only set one of thinking budget and thinking level.",
                             answer);
    if (yyjson_get_num(yyjson_obj_get(config, "temperature")) > 2)
        return gemini_refuse(400, "temperature must be in the range [0.0, 2.0].", answer);
    return check_fields(ask->body, known, answer) &&
           check_fields(config, config_known, answer) &&
           check_contents(yyjson_obj_get(ask->body, "contents"), answer) &&
           check_tools(yyjson_obj_get(ask->body, "tools"), answer);
}
