/* The members of the body: each has a row. The model and whether the answer is a stream are said by the URL
 * (llm/place.h). */
#include "llm/gemini.h"
#include "llm/gemini_read.h"

#include "llm/chat_ahead.h"
#include "llm/estimate.h"
#include "llm/openai.h"

/* ---- what the gateway acts on ---- */

static void read_config(const struct scan_field *config, struct chat *chat)
{
    const struct scan_item object = { .kind = config->kind, .raw = config->raw };
    struct scan_field tokens = { .name = "maxOutputTokens" };

    if (config->raw.at)
        gemini_look(&object, &tokens, 1);
    if (tokens.raw.at)
        (void)scan_u64(tokens.raw, &chat->max_tokens);
}

enum err gemini_read_chat(struct span body, struct arena *arena, struct chat *ret,
                          struct chat_problem *ret_problem)
{
    struct scan_field config = { .name = "generationConfig" };
    const struct scan_item root = { .kind = JSON_OBJECT, .raw = body };
    enum err err = openai_read_body(body, arena, ret, ret_problem);

    if (err)
        return err;
    gemini_look(&root, &config, 1);
    read_config(&config, ret);
    return ERR_OK;
}

struct chat_ahead *gemini_look_ahead(struct chat_ahead *ahead, struct span so_far,
                                     struct arena *arena)
{
    static const struct scan_field configs[] = { { .name = "generationConfig" },
                                                 { .name = "generation_config" } };

    return chat_ahead_look(ahead, so_far, configs, 2, arena);
}

/* One that is said twice, which is allowed, or wrong, is looked at as any other. */
enum err gemini_read_ahead(struct chat_ahead *ahead, struct span body, struct arena *arena,
                           struct chat *ret, struct chat_problem *ret_problem)
{
    const struct scan_field *fields = ahead->fields;
    struct scan_result result;

    if (scan_long_end(&ahead->scan, body, &result) || (fields[0].raw.at && fields[1].raw.at))
        return gemini_read_chat(body, arena, ret, ret_problem);
    *ret = (struct chat){ .body = body, .inside = result.inside, .empty = result.empty };
    read_config(&fields[fields[0].raw.at ? 0 : 1], ret);
    return ERR_OK;
}

/* ---- the others ---- */

/* A filter that is to be switched off is nothing that others have. */
static bool read_safety(struct request_reading *reading, const struct scan_item *value)
{
    struct scan_item item;
    bool off = true;
    size_t at = 0;

    while (gemini_each(value, &at, &item)) {
        struct scan_field threshold = { .name = "threshold" };

        gemini_look(&item, &threshold, 1);
        off = off &&
              (span_is(threshold.raw, "\"BLOCK_NONE\"") || span_is(threshold.raw, "\"OFF\""));
    }
    if (at > 0)
        request_peculiar(reading, "safetySettings", off);
    return true;
}

static bool read_tier(struct request_reading *reading, const struct scan_item *value)
{
    static const char *const tiers[][2] = {
        { "\"standard\"", "\"default\"" },
        { "\"flex\"", "\"flex\"" },
        { "\"priority\"", "\"priority\"" },
    };

    for (size_t i = 0; i < sizeof(tiers) / sizeof(tiers[0]); i++)
        if (span_is_nocase(value->raw, tiers[i][0])) {
            reading->to->params[PARAM_SERVICE_TIER] = span_from(tiers[i][1]);
            return true;
        }
    request_peculiar(reading, "serviceTier", true);
    return true;
}

static const struct member_row rows[] = {
    { "model", .read = request_skip },
    { "contents", .read = gemini_read_contents },
    { "systemInstruction", .read = gemini_read_system },
    { "tools", .read = gemini_read_tools },
    { "toolConfig", .read = gemini_read_choice },
    { "generationConfig", .read = gemini_read_config },
    { "safetySettings", .read = read_safety },
    { "serviceTier", .read = read_tier },
    { "labels", .param = PARAMS, .kind = JSON_OBJECT, .hint = true },
    { "store", .param = PARAMS, .kind = JSON_BOOL, .hint = true, .neutral = { "false" } },
};

static const struct member_table table = {
    .rows = rows,
    .count = sizeof(rows) / sizeof(rows[0]),
    .is = gemini_key_is,
};

static bool somebody_speaks(const struct conversation *conversation)
{
    for (const struct turn *turn = conversation->turns; turn; turn = turn->next)
        if (turn->role != TURN_SYSTEM && turn->parts)
            return true;
    return false;
}

enum err gemini_read_request(const struct chat *chat, struct arena *arena,
                             struct conversation *ret, struct chat_problem *ret_problem)
{
    if (!members_read(chat, &table, arena, ret, ret_problem))
        return ERR_TYPE;
    if (somebody_speaks(ret))
        return ERR_OK;
    *ret_problem = (struct chat_problem){ "invalid_value",
                                          "`contents` must hold at least one content that says "
                                          "something.",
                                          "contents" };
    return ERR_TYPE;
}

/* ---- how long it is ---- */

/* Asked of contents alone, or of a whole request. */
enum err gemini_write_estimate(const struct chat *chat, struct arena *arena, struct buf *out,
                               struct chat_problem *ret_problem)
{
    struct scan_field inner = { .name = "generateContentRequest" };
    const struct scan_item root = { .kind = JSON_OBJECT, .raw = chat->body };
    struct json_writer w = json_writer(out);
    struct conversation conversation;
    struct chat asked = *chat;

    gemini_look(&root, &inner, 1);
    if (inner.raw.at && inner.kind == JSON_OBJECT)
        asked.body = inner.raw;
    if (gemini_read_request(&asked, arena, &conversation, ret_problem))
        return ERR_TYPE;
    json_begin(&w, '{');
    json_put_u64(&w, "totalTokens", estimate_prompt(asked.body));
    json_end(&w, '}');
    return ERR_OK;
}
