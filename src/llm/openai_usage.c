#include "llm/openai.h"
#include "llm/scan_walk.h"

#include <string.h>

/* More tokens than any model can see; what is beyond is nonsense, and would only overflow sums. */
#define TOKENS_MAX UINT64_C(1000000000000)

static bool read_count(struct span raw, uint64_t *ret)
{
    uint64_t value;

    if (!scan_u64(raw, &value) || value > TOKENS_MAX)
        return false;
    *ret = value;
    return true;
}

bool openai_read_count(const struct scan_field *field, uint64_t *ret)
{
    return read_count(field->raw, ret);
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static const struct {
    struct span key;
    enum openai_place place;
    enum openai_count count;
} names[] = {
    { SPAN("\"prompt_tokens\""), OPENAI_USAGE, OPENAI_PROMPT },
    { SPAN("\"input_tokens\""), OPENAI_USAGE, OPENAI_PROMPT }, /* Responses */
    { SPAN("\"completion_tokens\""), OPENAI_USAGE, OPENAI_COMPLETION },
    { SPAN("\"output_tokens\""), OPENAI_USAGE, OPENAI_COMPLETION },
    { SPAN("\"total_tokens\""), OPENAI_USAGE, OPENAI_TOTAL },
    { SPAN("\"prompt_cache_hit_tokens\""), OPENAI_USAGE, OPENAI_CACHED }, /* DeepSeek */
    { SPAN("\"cached_tokens\""), OPENAI_OF_PROMPT, OPENAI_CACHED },
    { SPAN("\"cache_write_tokens\""), OPENAI_OF_PROMPT, OPENAI_CACHE_WRITE },
    { SPAN("\"reasoning_tokens\""), OPENAI_OF_COMPLETION, OPENAI_REASONING },
};

static enum openai_place place_of(struct span key)
{
    if (scan_key_is(key, "prompt_tokens_details") || scan_key_is(key, "input_tokens_details"))
        return OPENAI_OF_PROMPT;
    if (scan_key_is(key, "completion_tokens_details") ||
        scan_key_is(key, "output_tokens_details"))
        return OPENAI_OF_COMPLETION;
    return OPENAI_ELSEWHERE;
}

/* The keys are compared as they are written: nobody escapes the letters of these. */
void openai_count(struct openai_counts *counts, const struct scan_item *item, unsigned depth)
{
    if (depth == 1)
        counts->place = item->kind == JSON_OBJECT ? place_of(item->key) : OPENAI_USAGE;
    if (depth > 2 || item->kind != JSON_NUMBER || item->key.at == NULL)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (item->key.size != names[i].key.size || counts->place != names[i].place ||
            memcmp(item->key.at, names[i].key.at, item->key.size) != 0)
            continue;
        if (read_count(item->raw, &counts->values[names[i].count]))
            counts->seen[names[i].count] = true;
        return;
    }
}

void openai_counted(const struct openai_counts *counts, struct usage *ret)
{
    const uint64_t *values = counts->values;
    const bool *seen = counts->seen;
    struct usage usage = { .known = true };
    uint64_t prompt = values[OPENAI_PROMPT];

    if (!seen[OPENAI_PROMPT] && !seen[OPENAI_COMPLETION] && !seen[OPENAI_TOTAL])
        return;
    if (!seen[OPENAI_PROMPT] && !seen[OPENAI_COMPLETION])
        prompt = values[OPENAI_TOTAL]; /* a ranking has no other figure */
    usage.cached = values[OPENAI_CACHED];
    usage.cache_write = values[OPENAI_CACHE_WRITE];
    usage.reasoning = values[OPENAI_REASONING];
    usage.output = values[OPENAI_COMPLETION];
    usage.input = less(less(prompt, usage.cached), usage.cache_write);
    /* Some (xAI) count reasoning beside the completion; the sum tells. */
    if (seen[OPENAI_TOTAL] && values[OPENAI_TOTAL] == prompt + usage.output + usage.reasoning)
        usage.output += usage.reasoning;
    *ret = usage;
}

void openai_read_usage(struct span raw, struct usage *ret)
{
    struct openai_counts counts = { 0 };
    struct scan_walk walk = scan_walk(raw);
    struct scan_item item;
    unsigned depth;

    if (raw.size == 0 || raw.at[0] != '{')
        return;
    while (scan_walk_next(&walk, &item, &depth))
        openai_count(&counts, &item, depth);
    openai_counted(&counts, ret);
}

void openai_read_groq_usage(const struct scan_field *field, struct usage *ret)
{
    struct scan_field usage = { .name = "usage" };
    struct scan_result result;

    if (field->raw.at == NULL || field->kind != JSON_OBJECT)
        return;
    (void)scan_object(field->raw, &usage, 1, &result);
    openai_read_usage(usage.raw, ret);
}

void openai_find_usage(struct span tail, const char *key,
                       void (*read)(struct span raw, struct usage *ret), struct usage *ret)
{
    size_t at;

    /* The last one is the answer's own; a word of that spelling inside a string has its quotes
     * escaped and is not found. */
    while ((at = span_find_text(tail, key)) != SIZE_MAX) {
        struct scan_item item;

        tail = span_skip(tail, at + strlen(key));
        at = 0;
        while (at < tail.size && (tail.at[at] == ' ' || tail.at[at] == '\n' ||
                                  tail.at[at] == '\r' || tail.at[at] == '\t'))
            at++;
        if (at < tail.size && tail.at[at] == ':' && scan_front(span_skip(tail, at + 1), &item))
            read(item.raw, ret);
    }
}

void openai_read_answer_tail(struct span tail, struct usage *ret)
{
    openai_find_usage(tail, "\"usage\"", openai_read_usage, ret);
}
