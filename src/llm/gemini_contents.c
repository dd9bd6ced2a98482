/* The conversation as Gemini wants it.
 *
 *     system turns, wherever they stand ----> systemInstruction
 *     user and tool turns in a row ---------> one content of the user: results first, in the order of
 *                                             the calls that they answer, then the rest
 *     assistant turns in a row -------------> one content of the model
 *
 * A result says the name of its function, and not the id of its call: so the calls are kept sorted by id. */
#include "llm/gemini.h"

#include <stdlib.h>

/* What is said in place of a signature that is not there: Google's own word for that, in base64. */
#define NO_SIGNATURE "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

struct call {
    const struct part *part;
    const struct part *result; /* of the run that is being written; NULL: not answered there */
    size_t number;
};

struct contents {
    const struct conversation *from;
    struct losses *losses;
    struct json_writer *w;
    struct call *calls;   /* in the order of the conversation */
    struct call **sorted; /* by id, and those of one id in that order */
    size_t count;
    size_t seen; /* calls that were written */
    size_t step; /* the first of them that the last content of the model holds */
};

static void put_raw(struct json_writer *w, const char *key, struct span raw)
{
    json_key(w, key);
    json_raw(w, raw);
}

static void begin(struct json_writer *w, const char *key, char bracket)
{
    json_key(w, key);
    json_begin(w, bracket);
}

/* Content that needs no escape, in quotes. */
static void put_quoted(struct json_writer *w, const char *key, struct span bare)
{
    json_key(w, key);
    (void)buf_add_byte(w->out, '"');
    (void)buf_add(w->out, bare);
    (void)buf_add_byte(w->out, '"');
    w->comma = true;
}

/* ---- calls and their results ---- */

static int compare(const void *a, const void *b)
{
    const struct call *left = *(struct call *const *)a;
    const struct call *right = *(struct call *const *)b;
    int by_id = span_compare(left->part->id, right->part->id);

    if (by_id)
        return by_id;
    return left->number < right->number ? -1 : 1;
}

static void gather_calls(struct contents *contents)
{
    struct arena *arena = contents->losses->arena;
    size_t count = 0;

    for (const struct turn *turn = contents->from->turns; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next)
            count += part->kind == PART_CALL;
    contents->calls = arena_zero(arena, (count + 1) * sizeof(*contents->calls));
    contents->sorted = arena_zero(arena, (count + 1) * sizeof(struct call *));
    for (const struct turn *turn = contents->from->turns; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->kind == PART_CALL) {
                struct call *call = &contents->calls[contents->count];

                *call = (struct call){ .part = part, .number = contents->count };
                contents->sorted[contents->count++] = call;
            }
    if (count)
        qsort(contents->sorted, count, sizeof(struct call *), compare);
}

/* The last call with that id which was written before; NULL: there is none. */
static struct call *find_call(const struct contents *contents, struct span id)
{
    size_t from = 0;
    size_t to = contents->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const struct call *call = contents->sorted[middle];
        int by_id = span_compare(call->part->id, id);

        if (by_id < 0 || (by_id == 0 && call->number < contents->seen))
            from = middle + 1;
        else
            to = middle;
    }
    if (from == 0 || !span_equal(contents->sorted[from - 1]->part->id, id))
        return NULL;
    return contents->sorted[from - 1];
}

/* Ids that Gemini did not give itself mean nothing to it. */
static bool own_id(struct span id)
{
    return id.size > 2 && !span_starts(id, "\"call_") && !span_starts(id, "\"toolu_");
}

/* ---- parts ---- */

static void write_bytes(const struct part *part, struct json_writer *w)
{
    json_begin(w, '{');
    begin(w, part->data.at ? "inlineData" : "fileData", '{');
    if (part->data.at) {
        json_put_string(w, "mimeType", part->media);
        put_quoted(w, "data", part->data);
    } else {
        put_raw(w, "fileUri", part->text);
    }
    json_end(w, '}');
    json_end(w, '}');
}

/* A text, perhaps with the signature that belongs to it. */
static void write_text(struct span raw, struct span signature, struct json_writer *w)
{
    json_begin(w, '{');
    put_raw(w, "text", raw);
    if (signature.at)
        put_quoted(w, "thoughtSignature", signature);
    json_end(w, '}');
}

/* `first` of its content: Gemini refuses it without a signature. */
static void write_call(const struct part *part, struct span signature, bool first,
                       struct json_writer *w)
{
    json_begin(w, '{');
    begin(w, "functionCall", '{');
    if (own_id(part->id))
        put_raw(w, "id", part->id);
    put_raw(w, "name", part->name);
    put_raw(w, "args", part->input);
    json_end(w, '}');
    if (signature.at)
        put_quoted(w, "thoughtSignature", signature);
    else if (first)
        put_quoted(w, "thoughtSignature", SPAN_OF(NO_SIGNATURE));
    json_end(w, '}');
}

/* All texts of a result, as one. */
static void write_output(const struct part *result, struct json_writer *w)
{
    bool any = false;

    json_key(w, result->failed ? "error" : "output");
    (void)buf_add_byte(w->out, '"');
    for (const struct part *part = result->content; part; part = part->next) {
        if (part->kind != PART_TEXT)
            continue;
        if (any)
            (void)buf_add_text(w->out, "\\n");
        (void)buf_add(w->out, span_first(span_skip(part->text, 1), part->text.size - 2));
        any = true;
    }
    (void)buf_add_byte(w->out, '"');
    w->comma = true;
}

/* A result that is one text, and that an object: as that. */
static bool read_object(const struct part *result, struct arena *arena, struct span *ret)
{
    const struct part *only = result->content;
    struct scan_result end;
    struct scan_item item;
    struct span text;

    if (only == NULL || only->next || only->kind != PART_TEXT)
        return false;
    text = scan_string(only->text, arena);
    if (!scan_front(text, &item) || item.kind != JSON_OBJECT || scan_value(text, &end))
        return false;
    *ret = item.raw;
    return true;
}

static void write_response(const struct part *result, struct arena *arena,
                           struct json_writer *w)
{
    struct span object;

    json_key(w, "response");
    if (!result->failed && read_object(result, arena, &object)) {
        json_raw(w, object);
        return;
    }
    json_begin(w, '{');
    write_output(result, w);
    json_end(w, '}');
}

static void write_result(const struct call *call, const struct part *result,
                         struct contents *contents)
{
    struct json_writer *w = contents->w;

    json_begin(w, '{');
    begin(w, "functionResponse", '{');
    if (own_id(call->part->id))
        put_raw(w, "id", call->part->id);
    put_raw(w, "name", call->part->name);
    write_response(result, contents->losses->arena, w);
    json_end(w, '}');
    json_end(w, '}');
}

/* ---- what follows each other ---- */

/* Turns of the same side that stand in a row, but for those of the system: [first, end). */
struct run {
    const struct turn *first;
    const struct turn *end;
    bool model;
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
    run.model = run.first && run.first->role == TURN_ASSISTANT;
    while (run.end && (run.end->role == TURN_ASSISTANT) == run.model)
        run.end = skip_system(run.end->next);
    return run;
}

/* The next part of the run; *turn starts as its first and `part` as NULL. */
static const struct part *next_part(const struct run *run, const struct turn **turn,
                                    const struct part *part)
{
    if (part && part->next)
        return part->next;
    if (part)
        *turn = skip_system((*turn)->next);
    while (*turn != run->end && (*turn)->parts == NULL)
        *turn = skip_system((*turn)->next);
    return *turn == run->end ? NULL : (*turn)->parts;
}

/* What the model said. A signature that stands alone belongs to what comes next, or ends the content as
 * that of an empty text. */
static void write_model_parts(struct contents *contents, const struct run *run)
{
    const struct turn *turn = run->first;
    struct span waiting = { 0 };
    bool first = true;

    contents->step = contents->seen;
    for (const struct part *part = NULL; (part = next_part(run, &turn, part)) != NULL;) {
        struct span signature = { 0 };

        if (part->kind == PART_THINKING || part->kind == PART_CALL)
            (void)signature_unmark(GEMINI_LANGUAGE, part->signature, &signature);
        if (waiting.at && signature.at) {
            write_text(SPAN_OF("\"\""), waiting, contents->w);
            waiting = (struct span){ 0 };
        }
        if (signature.at == NULL)
            signature = waiting;
        if (part->kind == PART_THINKING) {
            waiting = signature;
        } else if (part->kind == PART_TEXT) {
            write_text(part->text, signature, contents->w);
            waiting = (struct span){ 0 };
        } else if (part->kind == PART_CALL) {
            write_call(part, signature, first, contents->w);
            waiting = (struct span){ 0 };
            contents->seen++;
            first = false;
        }
    }
    if (waiting.at)
        write_text(SPAN_OF("\"\""), waiting, contents->w);
}

static void unknown_call(struct losses *losses, struct span id)
{
    if (losses->problem.code)
        return;
    losses->problem = (struct chat_problem){
        "invalid_value",
        arena_printf(losses->arena,
                     "A message with the result of a tool answers the call %.*s, which no "
                     "assistant has made before it.",
                     id.size < 100 ? (int)id.size : 100, id.at),
        "messages",
    };
}

/* Notes which call each result answers. */
static void pair_results(struct contents *contents, const struct run *run)
{
    const struct turn *turn = run->first;

    for (const struct part *part = NULL; (part = next_part(run, &turn, part)) != NULL;) {
        struct call *call;

        if (part->kind != PART_RESULT)
            continue;
        call = find_call(contents, part->id);
        if (call == NULL)
            unknown_call(contents->losses, part->id);
        else if (call->number >= contents->step && call->result == NULL)
            call->result = part;
    }
}

/* Those of calls that are long answered, and second ones. */
static void write_late_results(struct contents *contents, const struct run *run)
{
    const struct turn *turn = run->first;

    for (const struct part *part = NULL; (part = next_part(run, &turn, part)) != NULL;) {
        const struct call *call =
            part->kind == PART_RESULT ? find_call(contents, part->id) : NULL;

        if (call && call->result != part)
            write_result(call, part, contents);
    }
}

static void write_others(struct contents *contents, const struct part *part)
{
    for (const struct part *inner = part->kind == PART_RESULT ? part->content : NULL; inner;
         inner = inner->next)
        if (inner->kind == PART_IMAGE || inner->kind == PART_DOCUMENT)
            write_bytes(inner, contents->w);
    if (part->kind == PART_TEXT)
        write_text(part->text, (struct span){ 0 }, contents->w);
    else if (part->kind == PART_IMAGE || part->kind == PART_DOCUMENT)
        write_bytes(part, contents->w);
}

static void write_user_parts(struct contents *contents, const struct run *run)
{
    const struct turn *turn = run->first;

    pair_results(contents, run);
    for (size_t i = contents->step; i < contents->seen; i++)
        if (contents->calls[i].result)
            write_result(&contents->calls[i], contents->calls[i].result, contents);
    write_late_results(contents, run);
    contents->step = contents->seen;
    for (const struct part *part = NULL; (part = next_part(run, &turn, part)) != NULL;)
        write_others(contents, part);
}

/* Is there anything in it that Gemini could be told? */
static bool says(const struct run *run)
{
    const struct turn *turn = run->first;
    struct span signature;

    for (const struct part *part = NULL; (part = next_part(run, &turn, part)) != NULL;)
        if ((part->kind != PART_THINKING && part->kind != PART_REDACTED) ||
            signature_unmark(GEMINI_LANGUAGE, part->signature, &signature))
            return true;
    return false;
}

static void write_run(struct contents *contents, const struct run *run)
{
    json_begin(contents->w, '{');
    json_put_text(contents->w, "role", run->model ? "model" : "user");
    begin(contents->w, "parts", '[');
    if (run->model)
        write_model_parts(contents, run);
    else
        write_user_parts(contents, run);
    json_end(contents->w, ']');
    json_end(contents->w, '}');
}

static void write_system(struct contents *contents)
{
    struct json_writer *w = contents->w;
    bool any = false;

    for (const struct turn *turn = contents->from->turns; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part && turn->role == TURN_SYSTEM;
             part = part->next) {
            if (part->kind != PART_TEXT)
                continue;
            if (!any) {
                begin(w, "systemInstruction", '{');
                begin(w, "parts", '[');
            }
            any = true;
            write_text(part->text, (struct span){ 0 }, w);
        }
    if (!any)
        return;
    json_end(w, ']');
    json_end(w, '}');
}

static void tell_marks(struct contents *contents)
{
    for (const struct turn *turn = contents->from->turns; turn; turn = turn->next)
        for (const struct part *part = turn->parts; part; part = part->next)
            if (part->cache.at) {
                losses_hint(contents->losses, "cache_control");
                return;
            }
}

void gemini_write_contents(const struct conversation *conversation, struct losses *losses,
                           struct json_writer *w)
{
    struct contents contents = { .from = conversation, .losses = losses, .w = w };
    const struct turn *turn = conversation->turns;
    bool any = false;

    gather_calls(&contents);
    write_system(&contents);
    begin(w, "contents", '[');
    while (skip_system(turn)) {
        struct run run = next_run(turn);

        if (says(&run)) {
            write_run(&contents, &run);
            any = true;
        }
        turn = run.end;
    }
    json_end(w, ']');
    tell_marks(&contents);
    if (any || losses->problem.code)
        return;
    losses->problem = (struct chat_problem){
        "invalid_value", "`messages` must hold something that a user or an assistant has said.",
        "messages"
    };
}
