/* Gemini's answers on their way to a client that speaks it, too: nothing is changed, usage and errors are read
 * on the way past. Nearly every event holds the usage of everything so far, so each is looked into. */
#include "llm/gemini.h"

#include "llm/openai.h"

/* A part that holds a signature alone is nothing that a person or a program acts on. */
static bool says_something(const struct gemini_answer *answer)
{
    struct scan_item part;
    size_t at = 0;

    while (answer->parts.at && scan_next(answer->parts, &at, &part)) {
        struct scan_item member;
        size_t inside = 0;

        while (scan_next(part.raw, &inside, &member))
            if (!scan_key_is(member.key, "thoughtSignature") &&
                !scan_key_is(member.key, "thought") && !scan_empty(&member))
                return true;
    }
    return false;
}

void gemini_read_event(const struct sse_event *event, bool committed, struct arena *arena,
                       struct llm_event *ret)
{
    struct gemini_answer answer;

    (void)committed;
    llm_event_reset(ret);
    if (!event->has_data || event->data.size == 0)
        return;
    gemini_read_answer(event->data, &answer);
    ret->usage = answer.usage;
    ret->begun = answer.usage.output == 0 && answer.finish == FINISH_NONE;
    ret->finished = answer.finish != FINISH_NONE;
    if (answer.failed) {
        ret->kind = LLM_FAILED;
        gemini_read_error(200, event->data, arena, &ret->error);
    } else if (answer.broken) {
        ret->kind = LLM_MALFORMED;
    } else if (ret->finished || says_something(&answer)) {
        ret->kind = LLM_CONTENT;
    }
}

/* ---- a whole answer ---- */

void gemini_read_whole(struct span body, struct arena *arena, struct llm_answer *ret)
{
    struct gemini_answer answer;

    gemini_read_answer(body, &answer);
    *ret = (struct llm_answer){
        .failed = answer.failed,
        .malformed = !answer.failed && answer.broken,
        .usage = answer.usage,
    };
    if (ret->failed)
        gemini_read_error(200, body, arena, &ret->error);
}

static void read_raw_usage(struct span raw, struct usage *ret)
{
    const struct scan_field object = { .kind = JSON_OBJECT, .raw = raw };

    gemini_read_usage(&object, ret);
}

void gemini_read_tail(struct span tail, struct usage *ret)
{
    openai_find_usage(tail, "\"usageMetadata\"", read_raw_usage, ret);
}
