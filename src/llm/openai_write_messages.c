/* The conversation as OpenAI's language has it. What a tool has found is a message of its own there, and
 * text alone; its images go into the user's message that follows.
 *
 *     system turn ----------------> system
 *     user turn, tool turn -------> a tool message for each result, then what else there is, as user
 *     assistant turn -------------> assistant: its texts joined, its calls, and its thinking where that
 *                                   is taken back
 */
#include "llm/openai.h"
#include "llm/provider.h"

struct writing {
    const struct provider_kind *kind;
    struct losses *losses;
    struct json_writer *w;
    const struct turn *images; /* the first whose results have some that are not written yet */
};

static void put_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

static void begin_message(struct writing *writing, const char *role)
{
    json_begin(writing->w, '{');
    json_put_text(writing->w, "role", role);
}

static bool holds(const struct part *parts, enum part_kind kind)
{
    for (; parts; parts = parts->next)
        if (parts->kind == kind)
            return true;
    return false;
}

/* ---- texts as one string ---- */

/* What is between the quotes of raw strings only needs joining. */
static void add_raw(struct json_writer *w, struct span raw, const char *between, bool *any)
{
    if (*any)
        (void)buf_add_text(w->out, between);
    (void)buf_append(w->out, raw.at + 1, raw.size - 2);
    *any = true;
}

static void put_joined(struct json_writer *w, const char *key, const struct part *parts,
                       enum part_kind kind, const char *between)
{
    bool any = false;

    json_key(w, key);
    (void)buf_add_byte(w->out, '"');
    for (; parts; parts = parts->next)
        if (parts->kind == kind)
            add_raw(w, parts->text, between, &any);
    (void)buf_add_byte(w->out, '"');
    w->comma = true;
}

/* ---- parts ---- */

static void note_cache(struct writing *writing, const struct part *part)
{
    if (part->cache.at)
        losses_hint(writing->losses, "cache_control");
}

/* What comes as bytes as a data URL; anything that would need an escape is no media type. */
static void put_url(struct writing *writing, const char *key, const struct part *part)
{
    struct buf *out = writing->w->out;

    if (part->data.at == NULL) {
        put_raw(writing->w, key, part->text);
        return;
    }
    json_key(writing->w, key);
    (void)buf_add_text(out, "\"data:");
    for (size_t i = 0; i < part->media.size; i++)
        if (part->media.at[i] > ' ' && part->media.at[i] < 0x7f && part->media.at[i] != '"' &&
            part->media.at[i] != '\\')
            (void)buf_add_byte(out, part->media.at[i]);
    (void)buf_add_text(out, ";base64,");
    (void)buf_add(out, part->data);
    (void)buf_add_byte(out, '"');
    writing->w->comma = true;
}

static void write_image(struct writing *writing, const struct part *part)
{
    struct json_writer *w = writing->w;

    json_put_text(w, "type", "image_url");
    json_key(w, "image_url");
    json_begin(w, '{');
    put_url(writing, "url", part);
    json_end(w, '}');
}

static void write_document(struct writing *writing, const struct part *part)
{
    struct json_writer *w = writing->w;

    if (part->data.at == NULL)
        losses_add(writing->losses, "messages",
                   "a document is given as its bytes, not by its address");
    json_put_text(w, "type", "file");
    json_key(w, "file");
    json_begin(w, '{');
    json_put_text(w, "filename", "document.pdf"); /* one is asked for */
    put_url(writing, "file_data", part);
    json_end(w, '}');
}

static void write_part(struct writing *writing, const struct part *part)
{
    struct json_writer *w = writing->w;

    note_cache(writing, part);
    json_begin(w, '{');
    if (part->kind == PART_IMAGE) {
        write_image(writing, part);
    } else if (part->kind == PART_DOCUMENT) {
        write_document(writing, part);
    } else {
        json_put_text(w, "type", "text");
        put_raw(w, "text", part->text);
    }
    json_end(w, '}');
}

/* ---- what a user and a system say ---- */

static bool is_shown(const struct part *part)
{
    return part->kind == PART_IMAGE || part->kind == PART_DOCUMENT;
}

/* Does this stand in a message of its own side? */
static bool is_said(const struct part *part)
{
    return part->kind == PART_TEXT || is_shown(part);
}

static bool shows_results(const struct turn *turn)
{
    for (const struct part *part = turn->parts; part; part = part->next)
        for (const struct part *inner = part->content; inner; inner = inner->next)
            if (is_shown(inner))
                return true;
    return false;
}

/* The images of the results in [first, end). */
static void write_shown(struct writing *writing, const struct turn *first,
                        const struct turn *end)
{
    for (; first != end; first = first->next)
        for (const struct part *part = first->parts; part; part = part->next)
            for (const struct part *inner = part->content; inner; inner = inner->next)
                if (is_shown(inner))
                    write_part(writing, inner);
}

/* Some take no other content than one string. */
static bool is_one_string(const struct writing *writing, const struct part *parts)
{
    size_t texts = 0;

    for (; parts; parts = parts->next) {
        if (is_shown(parts))
            return false;
        texts += parts->kind == PART_TEXT;
    }
    return texts <= 1 || (writing->kind && writing->kind->joins_texts);
}

static void write_content(struct writing *writing, const struct turn *turn)
{
    json_key(writing->w, "content");
    json_begin(writing->w, '[');
    if (writing->images)
        write_shown(writing, writing->images, turn->next);
    writing->images = NULL;
    for (const struct part *part = turn->parts; part; part = part->next)
        if (is_said(part))
            write_part(writing, part);
    json_end(writing->w, ']');
}

static void write_said(struct writing *writing, const char *role, const struct turn *turn)
{
    begin_message(writing, role);
    if (writing->images == NULL && is_one_string(writing, turn->parts)) {
        for (const struct part *part = turn->parts; part; part = part->next)
            note_cache(writing, part);
        put_joined(writing->w, "content", turn->parts, PART_TEXT, "\\n\\n");
    } else {
        write_content(writing, turn);
    }
    json_end(writing->w, '}');
}

/* Images of results that no word of the user's follows. */
static void flush_images(struct writing *writing, const struct turn *end)
{
    if (writing->images == NULL)
        return;
    begin_message(writing, "user");
    json_key(writing->w, "content");
    json_begin(writing->w, '[');
    write_shown(writing, writing->images, end);
    json_end(writing->w, ']');
    json_end(writing->w, '}');
    writing->images = NULL;
}

/* ---- what a tool has found ---- */

static void write_result(struct writing *writing, const struct part *result)
{
    struct json_writer *w = writing->w;
    bool any = false;

    note_cache(writing, result);
    begin_message(writing, "tool");
    put_raw(w, "tool_call_id", result->id);
    json_key(w, "content");
    (void)buf_add_text(w->out, result->failed ? "\"Error: " : "\"");
    for (const struct part *part = result->content; part; part = part->next)
        if (part->kind == PART_TEXT)
            add_raw(w, part->text, "\\n", &any);
        else if (part->kind == PART_IMAGE)
            add_raw(w, SPAN_OF("\"[image follows]\""), "\\n", &any);
        else if (part->kind == PART_DOCUMENT)
            add_raw(w, SPAN_OF("\"[document follows]\""), "\\n", &any);
    (void)buf_add_byte(w->out, '"');
    w->comma = true;
    json_end(w, '}');
}

static void write_user(struct writing *writing, const struct turn *turn)
{
    bool said = turn->parts == NULL && turn->role == TURN_USER;

    for (const struct part *part = turn->parts; part; part = part->next)
        if (part->kind == PART_RESULT)
            write_result(writing, part);
        else
            said = said || is_said(part);
    if (writing->images == NULL && shows_results(turn))
        writing->images = turn;
    if (said)
        write_said(writing, "user", turn);
}

/* ---- what an assistant says ---- */

static void write_calls(struct writing *writing, const struct part *parts)
{
    struct json_writer *w = writing->w;

    json_key(w, "tool_calls");
    json_begin(w, '[');
    for (; parts; parts = parts->next) {
        if (parts->kind != PART_CALL)
            continue;
        json_begin(w, '{');
        put_raw(w, "id", parts->id);
        json_put_text(w, "type", "function");
        json_key(w, "function");
        json_begin(w, '{');
        put_raw(w, "name", parts->name);
        json_put_string(w, "arguments", scan_compact(parts->input, writing->losses->arena));
        json_end(w, '}');
        json_end(w, '}');
    }
    json_end(w, ']');
}

/* Only those that made it take it back; DeepSeek even insists when it called tools. Signatures are
 * nobody else's business. */
static void write_thinking(struct writing *writing, const struct part *parts)
{
    const struct provider_kind *kind = writing->kind;
    bool any = holds(parts, PART_THINKING);

    if (kind && kind->reasoning &&
        (any || (kind->reasoning_with_calls && holds(parts, PART_CALL))))
        put_joined(writing->w, kind->reasoning, parts, PART_THINKING, "");
    else if (any)
        losses_hint(writing->losses, "messages.thinking");
}

static void write_assistant(struct writing *writing, const struct turn *turn)
{
    bool calls = holds(turn->parts, PART_CALL);

    for (const struct part *part = turn->parts; part; part = part->next)
        note_cache(writing, part);
    begin_message(writing, "assistant");
    if (calls && !holds(turn->parts, PART_TEXT)) {
        json_key(writing->w, "content");
        json_null(writing->w);
    } else {
        put_joined(writing->w, "content", turn->parts, PART_TEXT, "");
    }
    write_thinking(writing, turn->parts);
    if (calls)
        write_calls(writing, turn->parts);
    json_end(writing->w, '}');
}

void openai_write_messages(const struct conversation *conversation,
                           const struct provider_kind *kind, struct losses *losses,
                           struct json_writer *w)
{
    struct writing writing = { .kind = kind, .losses = losses, .w = w };

    json_key(w, "messages");
    json_begin(w, '[');
    for (const struct turn *turn = conversation->turns; turn; turn = turn->next) {
        if (turn->role == TURN_SYSTEM || turn->role == TURN_ASSISTANT)
            flush_images(&writing, turn);
        switch (turn->role) {
        case TURN_SYSTEM: write_said(&writing, "system", turn); break;
        case TURN_USER:
        case TURN_TOOL: write_user(&writing, turn); break;
        case TURN_ASSISTANT: write_assistant(&writing, turn); break;
        }
    }
    flush_images(&writing, NULL);
    json_end(w, ']');
}
