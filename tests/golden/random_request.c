#include "golden/random_request.h"

#include "base/json.h"

/* xorshift */
static uint64_t roll(struct dice *dice, uint64_t sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return dice->state % sides;
}

static void put_words(struct dice *dice, struct json_writer *w, const char *key)
{
    static const char *const words[] = { "tide",
                                         "na\xc3\xafve",
                                         "\"",
                                         "\\u0041",
                                         "\n\t\x01",
                                         "\xf0\x9f\x8c\x8a",
                                         "[image follows]",
                                         "</s>",
                                         "\xe2\x80\xa8",
                                         "{}" };
    struct buf text;

    buf_init(&text, 4096);
    for (uint64_t n = 1 + roll(dice, 4); n > 0; n--)
        (void)buf_add_text(&text, words[roll(dice, sizeof(words) / sizeof(words[0]))]);
    if (key)
        json_put_string(w, key, buf_span(&text));
    else
        json_string(w, buf_span(&text));
    buf_done(&text);
}

static void put_part(struct dice *dice, struct json_writer *w, bool images)
{
    uint64_t kind = images ? roll(dice, 4) : 0;

    json_begin(w, '{');
    if (kind <= 1) {
        json_put_text(w, "type", "text");
        put_words(dice, w, "text");
    } else {
        json_put_text(w, "type", "image_url");
        json_key(w, "image_url");
        json_begin(w, '{');
        json_put_text(w, "url",
                      kind == 2 ? "data:image/png;base64,iVBORw0KGgo=" : "https://x/y.png?a=b");
        json_end(w, '}');
    }
    json_end(w, '}');
}

static void put_content(struct dice *dice, struct json_writer *w, bool images)
{
    if (roll(dice, 2)) {
        put_words(dice, w, "content");
        return;
    }
    json_key(w, "content");
    json_begin(w, '[');
    for (uint64_t n = 1 + roll(dice, 3); n > 0; n--)
        put_part(dice, w, images);
    json_end(w, ']');
}

static void put_call(struct dice *dice, struct json_writer *w, unsigned number)
{
    static const char *const arguments[] = { "", "{}",
                                             "{ \"n\": 9007199254740993, \"s\": \"a b\" }",
                                             "{\"deep\":{\"list\":[1.50,null,true]}}" };

    json_begin(w, '{');
    json_put_text(w, "id", arena_printf(dice->arena, "call_%u", number));
    json_put_text(w, "type", "function");
    json_key(w, "function");
    json_begin(w, '{');
    json_put_text(w, "name", roll(dice, 2) ? "lookup_tide" : "now");
    json_put_text(w, "arguments", arguments[roll(dice, 4)]);
    json_end(w, '}');
    json_end(w, '}');
}

/* An assistant that calls, and what it gets. */
static void put_calls(struct dice *dice, struct json_writer *w)
{
    uint64_t calls = 1 + roll(dice, 3);

    json_begin(w, '{');
    json_put_text(w, "role", "assistant");
    if (roll(dice, 2))
        put_content(dice, w, false);
    json_key(w, "tool_calls");
    json_begin(w, '[');
    for (uint64_t n = 0; n < calls; n++)
        put_call(dice, w, (unsigned)n);
    json_end(w, ']');
    json_end(w, '}');
    for (uint64_t n = 0; n < calls; n++) {
        json_begin(w, '{');
        json_put_text(w, "role", "tool");
        json_put_text(w, "tool_call_id", arena_printf(dice->arena, "call_%u", (unsigned)n));
        put_content(dice, w, false);
        json_end(w, '}');
    }
}

static void put_messages(struct dice *dice, struct json_writer *w)
{
    static const char *const roles[] = { "system", "developer", "user", "user", "assistant" };

    json_key(w, "messages");
    json_begin(w, '[');
    for (uint64_t n = 1 + roll(dice, 6); n > 0; n--) {
        uint64_t role = roll(dice, 6);

        if (role == 5) {
            put_calls(dice, w);
            continue;
        }
        json_begin(w, '{');
        json_put_text(w, "role", roles[role]);
        put_content(dice, w, role == 2 || role == 3);
        json_end(w, '}');
    }
    json_end(w, ']');
}

static void put_tools(struct dice *dice, struct json_writer *w)
{
    static const char named[] = "{\"type\":\"function\",\"function\":{\"name\":\"now\"}}";
    static const char *const choices[] = { "\"none\"", "\"auto\"", "\"required\"", named };

    json_key(w, "tools");
    json_begin(w, '[');
    for (uint64_t n = 1 + roll(dice, 3); n > 0; n--) {
        json_begin(w, '{');
        json_put_text(w, "type", "function");
        json_key(w, "function");
        json_begin(w, '{');
        json_put_text(w, "name", "now");
        if (roll(dice, 2))
            put_words(dice, w, "description");
        if (roll(dice, 2)) {
            json_key(w, "parameters");
            json_raw(w, SPAN_OF("{\"type\":\"object\",\"properties\":{\"a\":{}}}"));
        }
        json_put_bool(w, "strict", roll(dice, 2));
        json_end(w, '}');
        json_end(w, '}');
    }
    json_end(w, ']');
    if (roll(dice, 2)) {
        json_key(w, "tool_choice");
        json_raw(w, span_from(choices[roll(dice, 4)]));
    }
    json_put_bool(w, "parallel_tool_calls", roll(dice, 2));
}

static void put_others(struct dice *dice, struct json_writer *w)
{
    static const char schema[] =
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\","
        "\"schema\":{\"type\":\"object\"}}}";
    static const char *const members[] = {
        "\"temperature\":0.70",
        "\"top_p\":0.9",
        "\"top_k\":40",
        "\"frequency_penalty\":-1.5",
        "\"presence_penalty\":2e0",
        "\"seed\":-9007199254740993",
        "\"n\":2",
        "\"logprobs\":true",
        "\"top_logprobs\":3",
        "\"service_tier\":\"flex\"",
        "\"max_tokens\":7",
        "\"stop\":\"END\"",
        "\"stop\":[\"a\\n\",\"b\"]",
        "\"reasoning_effort\":\"high\"",
        "\"response_format\":{\"type\":\"json_object\"}",
        schema,
        "\"user\":\"crew \\\"17\\\"\"",
        "\"stream\":true",
    };
    uint64_t chosen = roll(dice, UINT64_C(1) << (sizeof(members) / sizeof(members[0])));

    if ((chosen >> 11 & 3) == 3)
        chosen ^= UINT64_C(1) << 11; /* one `stop`, */
    if ((chosen >> 14 & 3) == 3)
        chosen ^= UINT64_C(1) << 14; /* one `response_format` */
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        if (chosen >> i & 1) {
            (void)buf_add_text(w->out, ",");
            (void)buf_add_text(w->out, members[i]);
        }
}

void random_request(struct dice *dice, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    put_messages(dice, &w);
    if (roll(dice, 2))
        put_tools(dice, &w);
    put_others(dice, &w);
    json_end(&w, '}');
}
