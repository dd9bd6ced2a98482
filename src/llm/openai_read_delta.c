/* One chunk of an answer as it comes. It can say several things at once, and its speakers deviate in
 * every way that a client of theirs forgives:
 *
 *     chunk --+-- id, model, the first time ---------> DELTA_START
 *             +-- delta: reasoning in two spellings -> DELTA_THINKING
 *             |          content, refusal -----------> DELTA_TEXT
 *             |          tool_calls -----------------> DELTA_CALL, DELTA_ARGUMENTS
 *             +-- finish_reason ---------------------> DELTA_FINISH
 *             +-- usage: kept, the last one counts
 *     [DONE] ----------------------------------------> DELTA_END, with the usage
 */
#include "llm/openai.h"

struct chunk {
    struct delta_reader *reader;
    struct arena *arena;
    struct delta *first;
    struct delta *last; /* NULL: nothing has been said */
    bool broken;        /* the provider finished because something went wrong */
    bool malformed;
};

static struct delta *say(struct chunk *chunk, enum delta_kind kind)
{
    struct delta *delta = chunk->first;

    if (chunk->last) {
        delta = arena_zero(chunk->arena, sizeof(*delta));
        chunk->last->next = delta;
    }
    chunk->last = delta;
    delta->kind = kind;
    chunk->reader->spoke = chunk->reader->spoke || kind != DELTA_START;
    return delta;
}

static void say_text(struct chunk *chunk, struct span raw)
{
    chunk->reader->block = DELTA_TEXT;
    say(chunk, DELTA_TEXT)->text = raw;
}

static void say_thinking(struct chunk *chunk, struct span raw)
{
    struct delta_reader *reader = chunk->reader;
    struct delta *delta = say(chunk, DELTA_THINKING);

    if (reader->block != DELTA_THINKING)
        reader->thoughts++;
    reader->block = DELTA_THINKING;
    delta->text = raw;
    delta->index = reader->thoughts - 1;
}

static void read_content(struct chunk *chunk, const struct scan_field *content)
{
    struct openai_piece piece;
    size_t at = 0;

    while (openai_next_piece(content, chunk->arena, &at, &piece))
        if (piece.thinking)
            say_thinking(chunk, piece.raw);
        else
            say_text(chunk, piece.raw);
}

/* ---- calls ---- */

/* What a chunk says of one call. */
struct call_words {
    struct scan_field id;
    struct scan_field name;
    struct scan_field arguments;
    uint32_t index; /* CALL_UNNUMBERED: it does not say */
};

static struct call_words read_words(const struct scan_item *item)
{
    enum { ID, INDEX, FUNCTION, COUNT };
    struct scan_field fields[COUNT] = { { .name = "id" },
                                        { .name = "index" },
                                        { .name = "function" } };
    struct scan_field inner[] = { { .name = "name" }, { .name = "arguments" } };
    struct scan_result result;
    uint64_t index;
    struct call_words words;

    (void)scan_object(item->raw, fields, COUNT, &result);
    if (fields[FUNCTION].raw.at && fields[FUNCTION].kind == JSON_OBJECT)
        (void)scan_object(fields[FUNCTION].raw, inner, 2, &result);
    words = (struct call_words){ fields[ID], inner[0], inner[1], CALL_UNNUMBERED };
    if (fields[INDEX].raw.at && scan_u64(fields[INDEX].raw, &index) && index < CALL_UNNUMBERED)
        words.index = (uint32_t)index;
    return words;
}

/* Which of the calls that have begun these words belong to: by index, else by id, else the last one. An
 * index that comes again with another id and a name is a new call: some number all of them 0. */
static bool find_call(const struct delta_reader *reader, const struct call_words *words,
                      uint32_t *ret)
{
    uint64_t id = openai_says(&words->id) ? span_hash(words->id.raw) : 0;
    bool numbered = words->index != CALL_UNNUMBERED;

    for (uint32_t n = reader->calls; n > 0 && reader->calls - n < OPEN_CALLS; n--) {
        const struct open_call *call = &reader->open[(n - 1) % OPEN_CALLS];

        if (numbered && call->index != words->index)
            continue;
        *ret = n - 1;
        if (id == 0 || id == call->id)
            return numbered || id || !openai_says(&words->name);
        if (numbered)
            return !openai_says(&words->name);
    }
    return false;
}

static uint32_t begin_call(struct chunk *chunk, const struct call_words *words)
{
    struct delta_reader *reader = chunk->reader;
    struct delta *delta = say(chunk, DELTA_CALL);
    uint32_t number = reader->calls++;
    bool named = openai_says(&words->id);

    reader->block = DELTA_CALL;
    reader->open[number % OPEN_CALLS] = (struct open_call){
        .id = named ? span_hash(words->id.raw) : 0,
        .index = words->index,
    };
    delta->index = number;
    delta->id = named ? words->id.raw : openai_make_id(reader->seed, number, chunk->arena);
    delta->name = words->name.raw;
    return number;
}

static void read_call(struct chunk *chunk, const struct scan_item *item)
{
    struct call_words words;
    struct span arguments;
    struct delta *delta;
    uint32_t number;

    if (item->kind != JSON_OBJECT)
        return;
    words = read_words(item);
    arguments = openai_arguments(&words.arguments, chunk->arena);
    if (!find_call(chunk->reader, &words, &number)) {
        if (!openai_says(&words.name)) {
            chunk->malformed = chunk->malformed || arguments.at; /* of which call? */
            return;
        }
        number = begin_call(chunk, &words);
    }
    if (arguments.at == NULL)
        return;
    delta = say(chunk, DELTA_ARGUMENTS);
    delta->index = number;
    delta->text = arguments;
}

/* ---- a choice ---- */

static void read_delta(struct chunk *chunk, struct span delta)
{
    enum { CONTENT, REFUSAL, THOUGHT, REASONING, CALLS, COUNT };
    struct scan_field fields[COUNT] = {
        [CONTENT] = { .name = "content" },           [REFUSAL] = { .name = "refusal" },
        [THOUGHT] = { .name = "reasoning_content" }, [REASONING] = { .name = "reasoning" },
        [CALLS] = { .name = "tool_calls" },
    };
    const struct scan_field *reasoning;
    struct scan_result result;
    struct scan_item item;
    size_t at = 0;

    (void)scan_object(delta, fields, COUNT, &result);
    reasoning = openai_reasoning(&fields[THOUGHT], &fields[REASONING]);
    if (reasoning)
        say_thinking(chunk, reasoning->raw);
    read_content(chunk, &fields[CONTENT]);
    if (openai_says(&fields[REFUSAL])) {
        chunk->reader->refused = true;
        say_text(chunk, fields[REFUSAL].raw); /* its words are what the client gets to read */
    }
    if (fields[CALLS].raw.at == NULL || fields[CALLS].kind != JSON_ARRAY)
        return;
    while (scan_next(fields[CALLS].raw, &at, &item))
        read_call(chunk, &item);
}

static void read_finish(struct chunk *chunk, struct span reason)
{
    struct delta_reader *reader = chunk->reader;
    enum finish finish = openai_finish(reason);

    if (finish == FINISH_NONE || reader->finished)
        return;
    reader->finished = true;
    if (finish == FINISH_STOP && reader->calls) /* some finish so all the same */
        finish = FINISH_CALLS;
    else if (finish == FINISH_STOP && reader->refused)
        finish = FINISH_FILTER;
    say(chunk, DELTA_FINISH)->finish = finish;
}

/* Of other choices than the first nobody knows who is translated for. */
static void read_choice(struct chunk *chunk, const struct scan_item *choice)
{
    enum { INDEX, DELTA, MESSAGE, REASON, COUNT };
    struct scan_field fields[COUNT] = {
        [INDEX] = { .name = "index" },
        [DELTA] = { .name = "delta" },
        [MESSAGE] = { .name = "message" },
        [REASON] = { .name = "finish_reason" },
    };
    const struct scan_field *delta = &fields[DELTA];
    struct scan_result result;

    if (choice->kind != JSON_OBJECT)
        return;
    (void)scan_object(choice->raw, fields, COUNT, &result);
    if (fields[INDEX].raw.at && !span_is(fields[INDEX].raw, "0"))
        return;
    if (delta->raw.at == NULL)
        delta = &fields[MESSAGE];
    if (delta->raw.at && delta->kind == JSON_OBJECT)
        read_delta(chunk, delta->raw);
    /* Out of machines: another target can still answer if nothing was said; else the answer is cut
     * short, but the client may keep what it has. */
    chunk->broken =
        chunk->broken || (openai_is_broken(fields[REASON].raw) &&
                          (!chunk->reader->spoke || span_is(fields[REASON].raw, "\"error\"")));
    read_finish(chunk, fields[REASON].raw);
}

/* ---- a chunk ---- */

enum { CHOICES, USAGE, ERROR, OBJECT, GROQ, ID, MODEL, FIELDS };

/* Azure's first chunk is about the prompt, and has neither an id nor a model nor a choice. */
static void read_start(struct chunk *chunk, const struct scan_field *fields)
{
    struct scan_item choices = { .kind = fields[CHOICES].kind, .raw = fields[CHOICES].raw };
    struct delta *start;

    if (chunk->reader->begun || (!openai_says(&fields[ID]) && !openai_says(&fields[MODEL]) &&
                                 (choices.raw.at == NULL || scan_empty(&choices))))
        return;
    chunk->reader->begun = true;
    start = say(chunk, DELTA_START);
    if (openai_says(&fields[ID]))
        start->id = fields[ID].raw;
    if (openai_says(&fields[MODEL]))
        start->name = fields[MODEL].raw;
}

static void read_usage(struct delta_reader *reader, const struct scan_field *fields,
                       struct delta *ret)
{
    struct usage usage = { 0 };

    openai_read_usage(fields[USAGE].raw, &usage);
    openai_read_groq_usage(&fields[GROQ], &usage);
    if (!usage.known)
        return;
    reader->usage = usage;
    ret->usage = usage;
}

static void read_chunk(struct chunk *chunk, const struct sse_event *event,
                       const struct scan_field *fields)
{
    struct scan_item item;
    size_t at = 0;

    if (chunk->reader->seed == 0)
        chunk->reader->seed = span_hash(event->data);
    read_start(chunk, fields);
    while (fields[CHOICES].raw.at && scan_next(fields[CHOICES].raw, &at, &item))
        read_choice(chunk, &item);
    read_usage(chunk->reader, fields, chunk->first);
}

static void fail(const struct scan_item *error, struct arena *arena, struct delta *ret)
{
    *ret = (struct delta){ .kind = DELTA_FAILED, .usage = ret->usage };
    openai_read_error_item(200, error, arena, &ret->error);
}

void openai_read_delta(struct delta_reader *reader, const struct sse_event *event,
                       struct arena *arena, struct delta *ret)
{
    struct scan_field fields[FIELDS] = {
        [CHOICES] = { .name = "choices" }, [USAGE] = { .name = "usage" },
        [ERROR] = { .name = "error" },     [OBJECT] = { .name = "object" },
        [GROQ] = { .name = "x_groq" },     [ID] = { .name = "id" },
        [MODEL] = { .name = "model" },
    };
    struct chunk chunk = { .reader = reader, .arena = arena, .first = ret };
    struct scan_result result;
    struct scan_item error;
    enum err err;

    *ret = (struct delta){ .kind = DELTA_NOTHING };
    if (span_is(span_trim(event->data), "[DONE]")) {
        ret->kind = DELTA_END;
        ret->usage = reader->usage;
        return;
    }
    err = scan_object(event->data, fields, FIELDS, &result);
    if (err && err != ERR_DUPLICATE) {
        ret->kind = DELTA_MALFORMED;
        return;
    }
    if (openai_find_error(event, &fields[ERROR], &fields[OBJECT], &error)) {
        fail(&error, arena, ret);
        return;
    }
    read_chunk(&chunk, event, fields);
    if (chunk.broken)
        fail(&error, arena, ret);
    else if (chunk.malformed)
        *ret = (struct delta){ .kind = DELTA_MALFORMED };
}
