/* The conversation as Anthropic wants it.
 *
 *     system turns, wherever they stand ----> system
 *     user and tool turns in a row ---------> one user message: results first, then the rest
 *     assistant turns in a row -------------> one assistant message
 */
#include "llm/anthropic.h"

#include "llm/scan.h"

static const char json_alone[] =
    "\"Answer with one JSON object and nothing else: no explanation, no code fence.\"";

/* Is there nothing in this raw string but white space? */
static bool blank(struct span raw)
{
    for (size_t i = 1; i + 1 < raw.size; i++) {
        char c = raw.at[i];

        if (c == '\\' && i + 2 < raw.size) {
            c = raw.at[++i];
            if (c != 'n' && c != 't' && c != 'r')
                return false;
        } else if (c != ' ') {
            return false;
        }
    }
    return true;
}

/* Anthropic refuses texts without any, and what another provider has thought. */
static bool says(const struct part *part)
{
    if (part->kind == PART_THINKING)
        return !signature_marked(part->signature);
    return part->kind != PART_TEXT || !blank(part->text);
}

static void put_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

static void end_block(const struct part *part, struct json_writer *w)
{
    if (part->cache.at)
        put_raw(w, "cache_control", part->cache);
    json_end(w, '}');
}

/* ---- blocks ---- */

static bool may_be(const struct part *part)
{
    static const char *const media[] = { "image/jpeg", "image/png", "image/gif", "image/webp" };

    if (part->data.at == NULL)
        return true;
    if (part->kind == PART_DOCUMENT)
        return span_is_nocase(part->media, "application/pdf");
    for (size_t i = 0; i < sizeof(media) / sizeof(media[0]); i++)
        if (span_is_nocase(part->media, media[i]))
            return true;
    return false;
}

/* An image or a document: its bytes, or where they are. */
static void write_source(const struct part *part, struct losses *losses, struct json_writer *w)
{
    if (!may_be(part))
        losses_add(losses, "messages",
                   part->kind == PART_IMAGE
                       ? "an image is a JPEG, PNG, GIF or WebP"
                       : "a document is a PDF (data:application/pdf;base64,DATA)");
    json_put_text(w, "type", part->kind == PART_IMAGE ? "image" : "document");
    json_key(w, "source");
    json_begin(w, '{');
    json_put_text(w, "type", part->data.at ? "base64" : "url");
    if (part->data.at) {
        json_put_string(w, "media_type", part->media);
        json_key(w, "data");
        (void)buf_add_byte(w->out, '"'); /* nothing in it needs an escape */
        (void)buf_add(w->out, part->data);
        (void)buf_add_byte(w->out, '"');
        w->comma = true;
    } else {
        put_raw(w, "url", part->text);
    }
    json_end(w, '}');
}

/* The last words of an assistant may not end with white space. */
static void write_trimmed(const struct losses *losses, struct span raw, struct json_writer *w)
{
    struct span text = scan_string(raw, losses->arena);

    while (text.size && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\n' ||
                         text.at[text.size - 1] == '\t' || text.at[text.size - 1] == '\r'))
        text.size--;
    json_put_string(w, "text", text);
}

/* What may stand in a message or in a tool's result. */
static void write_plain(const struct part *part, struct losses *losses, bool trim,
                        struct json_writer *w)
{
    json_begin(w, '{');
    if (part->kind == PART_IMAGE || part->kind == PART_DOCUMENT) {
        write_source(part, losses, w);
    } else {
        json_put_text(w, "type", "text");
        if (trim)
            write_trimmed(losses, part->text, w);
        else
            put_raw(w, "text", part->text);
    }
    end_block(part, w);
}

static void write_result(const struct part *part, struct losses *losses, struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "type", "tool_result");
    put_raw(w, "tool_use_id", part->id);
    if (part->failed)
        json_put_bool(w, "is_error", true);
    json_key(w, "content");
    json_begin(w, '[');
    for (const struct part *inner = part->content; inner; inner = inner->next)
        if (says(inner))
            write_plain(inner, losses, false, w);
    json_end(w, ']');
    end_block(part, w);
}

static void write_own(const struct part *part, struct json_writer *w)
{
    json_begin(w, '{');
    if (part->kind == PART_CALL) {
        json_put_text(w, "type", "tool_use");
        put_raw(w, "id", part->id);
        put_raw(w, "name", part->name);
        put_raw(w, "input", part->input);
    } else if (part->kind == PART_THINKING) {
        json_put_text(w, "type", "thinking");
        put_raw(w, "thinking", part->text);
        put_raw(w, "signature", part->signature);
    } else {
        json_put_text(w, "type", "redacted_thinking");
        put_raw(w, "data", part->text);
    }
    end_block(part, w);
}

static void write_part(const struct part *part, struct losses *losses, bool trim,
                       struct json_writer *w)
{
    switch (part->kind) {
    case PART_TEXT:
    case PART_IMAGE:
    case PART_DOCUMENT: write_plain(part, losses, trim, w); break;
    case PART_RESULT: write_result(part, losses, w); break;
    case PART_CALL:
    case PART_THINKING:
    case PART_REDACTED: write_own(part, w); break;
    }
}

/* ---- turns ---- */

/* Turns of the same side that stand in a row, but for those of the system: [first, end). */
struct run {
    const struct turn *first;
    const struct turn *end;
    bool assistant;
    bool last; /* nothing of either side follows */
};

static const struct turn *skip_system(const struct turn *turn)
{
    while (turn && turn->role == TURN_SYSTEM)
        turn = turn->next;
    return turn;
}

static struct run next_run(const struct turn *turn)
{
    struct run run = { .first = skip_system(turn) };

    run.end = run.first;
    run.assistant = run.first && run.first->role == TURN_ASSISTANT;
    while (run.end && (run.end->role == TURN_ASSISTANT) == run.assistant)
        run.end = skip_system(run.end->next);
    run.last = run.end == NULL;
    return run;
}

static const struct part *last_that_says(const struct run *run)
{
    const struct part *last = NULL;

    for (const struct turn *turn = run->first; turn != run->end; turn = turn->next)
        for (const struct part *part = turn->parts; part && turn->role != TURN_SYSTEM;
             part = part->next)
            if (says(part))
                last = part;
    return last;
}

/* The results of tools, or all but these. */
static void write_parts(const struct run *run, bool results, struct losses *losses,
                        struct json_writer *w)
{
    const struct part *last = run->last && run->assistant ? last_that_says(run) : NULL;

    for (const struct turn *turn = run->first; turn != run->end; turn = turn->next)
        for (const struct part *part = turn->parts; part && turn->role != TURN_SYSTEM;
             part = part->next)
            if (says(part) && (part->kind == PART_RESULT) == results)
                write_part(part, losses, part == last && part->kind == PART_TEXT, w);
}

static void write_run(const struct run *run, struct losses *losses, struct json_writer *w)
{
    json_begin(w, '{');
    json_put_text(w, "role", run->assistant ? "assistant" : "user");
    json_key(w, "content");
    json_begin(w, '[');
    write_parts(run, true, losses, w);
    write_parts(run, false, losses, w);
    json_end(w, ']');
    json_end(w, '}');
}

static void write_system_part(const struct part *part, struct losses *losses, bool *any,
                              struct json_writer *w)
{
    if (!*any) {
        json_key(w, "system");
        json_begin(w, '[');
    }
    *any = true;
    write_plain(part, losses, false, w);
}

static void write_system(const struct conversation *conversation, struct losses *losses,
                         struct json_writer *w)
{
    const struct part json = { .text = { json_alone, sizeof(json_alone) - 1 } };
    bool any = false;

    for (const struct turn *turn = conversation->turns; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part && turn->role == TURN_SYSTEM;
             part = part->next)
            if (part->kind == PART_TEXT && !blank(part->text))
                write_system_part(part, losses, &any, w);
    if (conversation->format == FORMAT_JSON)
        write_system_part(&json, losses, &any, w);
    if (any)
        json_end(w, ']');
}

void anthropic_write_messages(const struct conversation *conversation, struct losses *losses,
                              struct json_writer *w)
{
    const struct turn *turn = conversation->turns;
    bool any = false;

    write_system(conversation, losses, w);
    json_key(w, "messages");
    json_begin(w, '[');
    while (skip_system(turn)) {
        struct run run = next_run(turn);

        if (last_that_says(&run)) {
            write_run(&run, losses, w);
            any = true;
        }
        turn = run.end;
    }
    json_end(w, ']');
    if (any || losses->problem.code)
        return;
    losses->problem = (struct chat_problem){
        "invalid_value", "`messages` must hold something that a user or an assistant has said.",
        "messages"
    };
}

/* Is what the assistant thought before it called these tools still there? */
static bool thought(const struct turn *turn)
{
    for (const struct part *part = turn->parts; part; part = part->next)
        if ((part->kind == PART_THINKING && says(part)) || part->kind == PART_REDACTED)
            return true;
    return false;
}

bool anthropic_thinking_is_lost(const struct conversation *conversation)
{
    bool lost = false;

    for (const struct turn *turn = conversation->turns; turn; turn = turn->next) {
        if (turn->role == TURN_USER)
            lost = false;
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind == PART_CALL)
                lost = lost || !thought(turn);
    }
    return lost;
}
