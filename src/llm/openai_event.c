/* The hot path is an event after the first content: one search for bytes, no parsing.
 *
 *     data ──> [DONE]? ──> {…}, and may it say usage, error or a finish reason? ──no──> LLM_CONTENT
 *                                  │yes, or nothing was sent yet
 *                                  └──> scanned, choice by choice, member by member
 *
 * So of what is no JSON, and comes after the first content, that is noticed which does not end with a
 * brace, as what was cut off does, or holds one of those words. */
#include "base/warmth.h"
#include "llm/openai.h"
#include "llm/scan_walk.h"

#include <string.h>

/* ---- searching ---- */

static struct span skip_blanks(struct span text)
{
    while (text.size && (text.at[0] == ' ' || text.at[0] == '\t' || text.at[0] == '\n'))
        text = span_skip(text, 1);
    return text;
}

/* Does the member whose key's opening quote has just been passed say anything but null? */
static bool says(struct span text, struct span name)
{
    if (text.size < name.size || memcmp(text.at, name.at, name.size) != 0)
        return false;
    text = span_skip(text, name.size);
    if (span_starts(text, ":null"))
        return false;
    text = skip_blanks(text);
    return !span_starts(text, ":") || !span_starts(skip_blanks(span_skip(text, 1)), "null");
}

static bool says_any(struct span key)
{
    switch (key.size ? key.at[0] : 0) {
    case 'u': return says(key, SPAN_OF("usage\""));
    case 'e': return says(key, SPAN_OF("error\""));
    case 'f': return says(key, SPAN_OF("finish_reason\""));
    default: return false;
    }
}

/* Does a chunk look as if it said more than content: usage, an error, a finish reason? Looks for the
 * bytes only: "yes" may be wrong and "no" is not. A word of that spelling inside a string is none: its
 * quotes are escaped. */
static bool may_say_more(struct span data)
{
    for (size_t at; (at = span_find_pair(data, "\"uef")) != SIZE_MAX;) {
        data = span_skip(data, at + 1);
        if (says_any(data))
            return true;
    }
    return false;
}

/* ---- one event ---- */

static bool is_container(const struct scan_item *item)
{
    return item->kind == JSON_OBJECT || item->kind == JSON_ARRAY;
}

/* The member of the top level that a walk is in. */
enum place { ASIDE, IN_CHOICES, IN_USAGE, IN_GROQ };

/* What one walk through a chunk finds. Where a name stands twice, the last counts. */
struct chunk_sight {
    enum place where;

    bool committed;
    bool choices; /* there is such a member, */
    bool filled;  /* and something in it */
    bool content;
    bool finished;
    bool broken; /* the provider finished because something went wrong */
    bool failed; /* looks so; a second look decides */
    struct openai_counts counts;
};

static void see_finish(struct chunk_sight *sight, const struct scan_item *reason)
{
    /* DeepSeek ran out of machines. Another target can still answer if nothing was sent; else the
     * answer is cut short, but the client may keep what it has. */
    bool starved = span_is(reason->raw, "\"insufficient_system_resource\"");

    if (reason->kind == JSON_NULL)
        return;
    if (span_is(reason->raw, "\"error\"") || (starved && !sight->committed))
        sight->broken = true;
    sight->finished = true;
    sight->content = true;
}

static bool is_word(const struct scan_item *item)
{
    return !is_container(item) && !scan_empty(item);
}

/* A member of a choice. True: what it holds matters. */
static bool see_choice(struct chunk_sight *sight, const struct scan_item *item)
{
    if (scan_key_is(item->key, "finish_reason"))
        see_finish(sight, item);
    else if (scan_key_is(item->key, "text")) /* legacy completions */
        sight->content = sight->content || !scan_empty(item);
    else
        return scan_key_is(item->key, "delta") || scan_key_is(item->key, "message");
    return false;
}

/* A delta says something when any of its members does, but for the role: text, refusal, reasoning in
 * all its spellings, tool calls, audio, and whatever comes next year. */
static bool see_choices(struct chunk_sight *sight, const struct scan_item *item, unsigned depth)
{
    sight->filled = true;
    if (depth < 4)
        return depth == 2 || see_choice(sight, item);
    if (depth == 4 && scan_key_is(item->key, "role"))
        return false;
    sight->content = sight->content || depth > 4 || is_word(item);
    return depth == 4;
}

static bool is_counts(const struct scan_item *item)
{
    return item->kind == JSON_OBJECT && scan_key_is(item->key, "usage");
}

/* True: what it holds matters. */
static bool see_top(struct chunk_sight *sight, const struct scan_item *item)
{
    sight->where = ASIDE;
    if (scan_key_is(item->key, "choices")) {
        sight->where = IN_CHOICES;
        sight->choices = true;
        sight->filled = is_word(item);
        sight->content = sight->finished = sight->broken = false;
    } else if (is_counts(item)) {
        sight->where = IN_USAGE;
    } else if (scan_key_is(item->key, "x_groq")) {
        sight->where = IN_GROQ;
    } else if (scan_key_is(item->key, "error")) {
        sight->failed = sight->failed || item->kind != JSON_NULL;
    } else if (scan_key_is(item->key, "object")) {
        sight->failed = sight->failed || span_is(item->raw, "\"error\"");
    }
    return sight->where != ASIDE;
}

/* True: what it holds matters. */
static bool see_chunk(struct chunk_sight *sight, const struct scan_item *item, unsigned depth)
{
    if (depth == 1)
        return see_top(sight, item);
    if (sight->where == IN_CHOICES)
        return see_choices(sight, item, depth);
    if (sight->where == IN_USAGE) {
        openai_count(&sight->counts, item, depth - 1);
        return depth < 4;
    }
    if (depth == 2)
        return is_counts(item);
    openai_count(&sight->counts, item, depth - 2);
    return depth < 5;
}

static enum llm_event_kind kind_of(const struct chunk_sight *sight, bool usage_known)
{
    if (sight->content)
        return LLM_CONTENT;
    if (!sight->choices)
        return usage_known ? LLM_USAGE
                           : LLM_CONTENT; /* strange, but well-formed: for the client */
    return !sight->filled && usage_known ? LLM_USAGE : LLM_NOTHING;
}

bool openai_find_error(const struct sse_event *event, const struct scan_field *error,
                       const struct scan_field *object, struct scan_item *ret)
{
    *ret = (struct scan_item){ .kind = JSON_NULL };
    if (openai_is_error(error))
        *ret = (struct scan_item){ .kind = error->kind, .raw = error->raw };
    else if (span_is(event->type, "error") || span_is(object->raw, "\"error\""))
        *ret = (struct scan_item){ .kind = JSON_OBJECT, .raw = event->data };
    return ret->raw.at != NULL;
}

/* What stands where the error of this event does; false: nowhere. */
static bool find_failure(const struct sse_event *event, struct scan_item *ret)
{
    enum { ERROR, OBJECT, COUNT };
    struct scan_field fields[COUNT] = {
        [ERROR] = { .name = "error" },
        [OBJECT] = { .name = "object" },
    };
    struct scan_result result;

    (void)scan_object(event->data, fields, COUNT, &result);
    return openai_find_error(event, &fields[ERROR], &fields[OBJECT], ret);
}

APART static void read_chunk(const struct sse_event *event, bool committed, struct arena *arena,
                             struct llm_event *ret)
{
    struct chunk_sight sight = { .committed = committed,
                                 .failed = span_is(event->type, "error") };
    struct scan_walk walk = scan_walk(event->data);
    bool valid = walk.depth && walk.objects;
    struct scan_item item;
    unsigned depth;

    while (valid && scan_walk_next(&walk, &item, &depth))
        if (!see_chunk(&sight, &item, depth) && is_container(&item))
            valid = scan_walk_over(&walk);
    if (!valid || !scan_walk_whole(&walk)) {
        ret->kind = LLM_MALFORMED;
        return;
    }
    openai_counted(&sight.counts, &ret->usage);
    ret->finished = sight.finished;
    ret->kind = kind_of(&sight, ret->usage.known);
    item = (struct scan_item){ .kind = JSON_NULL };
    if ((sight.failed && find_failure(event, &item)) || sight.broken) {
        ret->kind = LLM_FAILED;
        openai_read_error_item(200, &item, arena, &ret->error);
    }
}

/* Looks like an object, from outside. */
static bool is_braced(struct span data)
{
    return data.at[0] == '{' && data.at[data.size - 1] == '}';
}

static void read_event(const struct sse_event *event, bool committed, struct arena *arena,
                       struct llm_event *ret)
{
    llm_event_reset(ret);
    if (!event->has_data || event->data.size == 0)
        return;
    if (event->data.at[0] == '[' && span_is(span_trim(event->data), "[DONE]")) {
        ret->kind = LLM_END;
        return;
    }
    if (committed && event->type.at == NULL && is_braced(event->data) &&
        !may_say_more(event->data)) {
        ret->kind = LLM_CONTENT;
        return;
    }
    read_chunk(event, committed, arena, ret);
}

/* ---- a whole answer ---- */

/* Does a choice say that it went wrong? */
static bool holds_broken(const struct scan_field *choices)
{
    struct scan_item item;
    size_t at = 0;

    while (choices->raw.at && scan_next(choices->raw, &at, &item)) {
        struct scan_field reason = { .name = "finish_reason" };
        struct scan_result result;

        if (item.kind == JSON_OBJECT)
            (void)scan_object(item.raw, &reason, 1, &result);
        if (openai_is_broken(reason.raw))
            return true;
    }
    return false;
}

static void read_failure(struct span body, struct arena *arena, struct llm_answer *ret)
{
    enum { ANSWER_ERROR, ANSWER_OBJECT, ANSWER_CHOICES, ANSWER_COUNT };
    struct scan_field fields[ANSWER_COUNT] = {
        [ANSWER_ERROR] = { .name = "error" },
        [ANSWER_OBJECT] = { .name = "object" },
        [ANSWER_CHOICES] = { .name = "choices" },
    };
    struct scan_item error = { .kind = JSON_NULL };
    struct scan_result result;

    (void)scan_object(body, fields, ANSWER_COUNT, &result);
    if (openai_is_error(&fields[ANSWER_ERROR]))
        error = (struct scan_item){ .kind = fields[ANSWER_ERROR].kind,
                                    .raw = fields[ANSWER_ERROR].raw };
    else if (span_is(fields[ANSWER_OBJECT].raw, "\"error\""))
        error = (struct scan_item){ .kind = JSON_OBJECT, .raw = body };
    ret->failed = error.raw.at != NULL || holds_broken(&fields[ANSWER_CHOICES]);
    if (ret->failed)
        openai_read_error_item(200, &error, arena, &ret->error);
}

/* What one walk through an answer finds. */
struct answer_sight {
    enum place where;
    struct openai_counts counts;
    bool failed; /* looks so; a second look decides */
};

/* A member of the answer itself. True: what it holds matters. */
static bool see_member(struct answer_sight *sight, const struct scan_item *item)
{
    sight->where = ASIDE;
    if (scan_key_is(item->key, "error"))
        sight->failed = sight->failed || item->kind != JSON_NULL;
    else if (scan_key_is(item->key, "object"))
        sight->failed = sight->failed || span_is(item->raw, "\"error\"");
    else if (scan_key_is(item->key, "usage"))
        sight->where = IN_USAGE;
    else if (scan_key_is(item->key, "choices"))
        sight->where = IN_CHOICES;
    return sight->where != ASIDE;
}

/* True: what it holds matters. */
static bool see(struct answer_sight *sight, const struct scan_item *item, unsigned depth)
{
    if (depth == 1)
        return see_member(sight, item);
    if (sight->where == IN_USAGE) {
        openai_count(&sight->counts, item, depth - 1);
        return depth < 4;
    }
    if (depth == 3 && item->key.at && scan_key_is(item->key, "finish_reason"))
        sight->failed = sight->failed || openai_is_broken(item->raw);
    return depth < 3;
}

void openai_read_answer(struct span body, struct arena *arena, struct llm_answer *ret)
{
    struct answer_sight sight = { 0 };
    struct scan_walk walk = scan_walk(body);
    struct scan_item item;
    unsigned depth;

    *ret = (struct llm_answer){ .malformed = walk.depth == 0 || walk.objects == 0 };
    while (!ret->malformed && scan_walk_next(&walk, &item, &depth))
        if (!see(&sight, &item, depth) && is_container(&item))
            ret->malformed = !scan_walk_over(&walk);
    ret->malformed = ret->malformed || !scan_walk_whole(&walk);
    if (ret->malformed)
        return;
    openai_counted(&sight.counts, &ret->usage);
    if (sight.failed)
        read_failure(body, arena, ret);
}

/* ---- the dialect ---- */

static void write_error_event(const struct llm_error *error, struct buf *out)
{
    (void)buf_add_text(out, "data: ");
    openai_write_error(error, out);
    (void)buf_add_text(out, "\n\n");
}

static void write_end(struct buf *out)
{
    (void)buf_add_text(out, "data: [DONE]\n\n");
}

static const struct dialect_provider provider = {
    .suffix = "/chat/completions",
    .write_request = openai_write_request,
    .read_reply = openai_read_reply,
    .read_delta = openai_read_delta,
};

static const struct embed_client embed = {
    .read_ask = openai_read_ask,
    .write_reply = openai_write_vectors,
};

static const struct dialect_client client = {
    .id_prefix = "chatcmpl-",
    .read_request = openai_read_request,
    .write_reply = openai_write_reply,
    .write_delta = openai_write_delta,
    .signs_calls = true,
    .embed = &embed,
};

const struct dialect dialect_openai = {
    .name = "openai",
    .usage_on_request = true,
    .read_chat = openai_read_chat,
    .look_ahead = openai_look_ahead,
    .read_ahead = openai_read_ahead,
    .read_event = read_event,
    .read_answer = openai_read_answer,
    .read_answer_tail = openai_read_answer_tail,
    .read_error = openai_read_error,
    .write_error = openai_write_error,
    .write_error_event = write_error_event,
    .write_end = write_end,
    .client = &client,
    .provider = &provider,
};
