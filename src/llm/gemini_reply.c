/* A whole answer of Gemini's. */
#include "llm/gemini.h"

/* Gives the last link, which a further part goes into. */
static struct part **add_part(struct part **end, struct part *part)
{
    *end = part;
    while (*end)
        end = &(*end)->next;
    return end;
}

static bool read_parts(const struct gemini_answer *answer, struct span body,
                       struct arena *arena, struct reply *ret)
{
    struct part **end = &ret->parts;
    struct scan_item item;
    uint32_t calls = 0;
    size_t at = 0;

    while (answer->parts.at && scan_next(answer->parts, &at, &item)) {
        struct part *part = arena_zero(arena, sizeof(*part));

        if (!gemini_read_part(&item, arena, part))
            continue;
        if (part->kind == PART_CALL && part->id.at == NULL)
            part->id = gemini_call_id(answer, body, calls, arena);
        calls += part->kind == PART_CALL;
        end = add_part(end, part);
    }
    return calls > 0;
}

void gemini_read_reply(struct span body, struct arena *arena, struct reply *ret)
{
    struct gemini_answer answer;

    gemini_read_answer(body, &answer);
    *ret = (struct reply){ .failed = answer.failed };
    ret->malformed = !answer.failed && (answer.broken || answer.empty);
    if (answer.failed)
        gemini_read_error(200, body, arena, &ret->error);
    if (ret->failed || ret->malformed)
        return;
    if (answer.id.at)
        ret->id = span_from(
            arena_printf(arena, "\"chatcmpl-%.*s", (int)answer.id.size - 1, answer.id.at + 1));
    ret->model = answer.model;
    ret->usage = answer.usage;
    ret->finish = answer.finish;
    ret->refusal = answer.refusal;
    if (read_parts(&answer, body, arena, ret) && ret->finish == FINISH_STOP)
        ret->finish = FINISH_CALLS;
    ret->failed = answer.garbled && ret->parts == NULL;
    if (ret->failed)
        ret->error = gemini_garbled;
}
