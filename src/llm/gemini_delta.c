/* One event of an answer as it comes: an answer itself, whose parts go on where the last one's ended.
 * Calls come whole, the usage is of everything so far, and nothing says that this was the last event. So
 * why the answer ends is told at its end: a reason may be said with each of several calls. */
#include "llm/gemini.h"

/* Where the next delta goes: the first is the caller's, the others the arena's. */
struct chain {
    struct delta *first;
    struct delta *last; /* NULL: the first is free */
    struct arena *arena;
};

static struct delta *add(struct chain *chain, enum delta_kind kind)
{
    struct delta *delta = chain->first;

    if (chain->last) {
        delta = arena_zero(chain->arena, sizeof(*delta));
        chain->last->next = delta;
    }
    chain->last = delta;
    delta->kind = kind;
    return delta;
}

static void start(struct delta_reader *reader, const struct gemini_answer *answer,
                  struct chain *chain)
{
    struct delta *delta;

    if (reader->begun)
        return;
    reader->begun = true;
    delta = add(chain, DELTA_START);
    delta->name = answer->model;
    if (answer->id.at)
        delta->id = span_from(arena_printf(chain->arena, "\"chatcmpl-%.*s",
                                           (int)answer->id.size - 1, answer->id.at + 1));
}

/* ---- parts ---- */

static void say_thought(struct delta_reader *reader, const struct part *part, bool ends,
                        struct chain *chain)
{
    bool closing = ends && part->text.size <= 2 &&
                   (reader->block == DELTA_TEXT || reader->block == DELTA_CALL);
    struct delta *delta;

    if (reader->block != DELTA_THINKING || part->text.size <= 2)
        reader->thoughts++; /* a signature stands in a block of its own */
    reader->block = part->signature.at ? DELTA_NOTHING : DELTA_THINKING;
    delta = add(chain, DELTA_THINKING);
    delta->index = reader->thoughts - 1;
    delta->text = part->text;
    delta->closing = closing;
    if (part->signature.at == NULL)
        return;
    delta = add(chain, DELTA_SIGNATURE);
    delta->index = reader->thoughts - 1;
    delta->text = part->signature;
    delta->closing = closing;
}

static void say_call(struct delta_reader *reader, const struct part *part, struct chain *chain)
{
    struct delta *delta = add(chain, DELTA_CALL);
    struct buf text;

    reader->block = DELTA_CALL;
    delta->index = reader->calls++;
    delta->id = part->id;
    delta->name = part->name;
    delta->signature = part->signature;
    buf_init(&text, 8 * part->input.size + 2);
    json_quote(&text, part->input);
    delta->text = arena_copy(chain->arena, buf_span(&text));
    buf_done(&text);
}

/* `ends`: its event says that the answer ends. */
static void say(struct delta_reader *reader, const struct part *part, bool ends,
                struct chain *chain)
{
    if (part->kind == PART_THINKING) {
        say_thought(reader, part, ends, chain);
    } else if (part->kind == PART_CALL) {
        say_call(reader, part, chain);
    } else {
        reader->block = DELTA_TEXT;
        add(chain, DELTA_TEXT)->text = part->text;
    }
}

static void say_parts(struct delta_reader *reader, const struct gemini_answer *answer,
                      struct span data, struct chain *chain)
{
    bool ends = answer->finish != FINISH_NONE;
    struct scan_item item;
    size_t at = 0;

    while (answer->parts.at && scan_next(answer->parts, &at, &item)) {
        struct part part;

        if (!gemini_read_part(&item, chain->arena, &part))
            continue;
        if (part.kind == PART_CALL && part.id.at == NULL)
            part.id = gemini_call_id(answer, data, reader->calls, chain->arena);
        say(reader, &part, ends, chain);
        if (part.next)
            say(reader, part.next, ends, chain);
    }
}

/* ---- the end ---- */

/* Of a filter there is something to be told at once, and nothing follows. */
static void finish(struct delta_reader *reader, const struct gemini_answer *answer,
                   struct chain *chain)
{
    struct delta *delta;

    if (answer->finish == FINISH_NONE)
        return;
    if (answer->garbled && reader->block == DELTA_NOTHING && reader->thoughts == 0) {
        add(chain, DELTA_FAILED)->error = gemini_garbled;
        return;
    }
    delta = add(chain, answer->finish == FINISH_FILTER ? DELTA_FINISH : DELTA_NOTHING);
    delta->finish = answer->finish;
    reader->finish = FINISH_NONE;
    if (answer->finish == FINISH_FILTER)
        delta->text = answer->refusal;
    else
        reader->finish =
            answer->finish == FINISH_STOP && reader->calls ? FINISH_CALLS : answer->finish;
}

void gemini_read_delta(struct delta_reader *reader, const struct sse_event *event,
                       struct arena *arena, struct delta *ret)
{
    struct chain chain = { .first = ret, .arena = arena };
    struct gemini_answer answer;

    gemini_read_answer(event->data, &answer);
    *ret = (struct delta){ .kind = DELTA_NOTHING };
    if (answer.failed) {
        ret->kind = DELTA_FAILED;
        gemini_read_error(200, event->data, arena, &ret->error);
        return;
    }
    if (answer.broken) {
        ret->kind = DELTA_MALFORMED;
        return;
    }
    start(reader, &answer, &chain);
    say_parts(reader, &answer, event->data, &chain);
    finish(reader, &answer, &chain);
    ret->usage = answer.usage;
    ret->begun = answer.usage.output == 0 && answer.finish == FINISH_NONE;
}
