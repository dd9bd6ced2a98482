#include "llm/openai.h"

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

/* What is counted, under all its names. */
enum count { PROMPT, COMPLETION, TOTAL, CACHED, CACHE_WRITE, REASONING, COUNTS };

struct counts {
    uint64_t values[COUNTS];
    bool seen[COUNTS];
};

static const struct {
    struct span key;
    const char *inside; /* the object that it stands in; NULL: usage itself */
    const char *or_inside;
    enum count count;
} names[] = {
    { SPAN("\"prompt_tokens\""), NULL, NULL, PROMPT },
    { SPAN("\"input_tokens\""), NULL, NULL, PROMPT }, /* Responses */
    { SPAN("\"completion_tokens\""), NULL, NULL, COMPLETION },
    { SPAN("\"output_tokens\""), NULL, NULL, COMPLETION },
    { SPAN("\"total_tokens\""), NULL, NULL, TOTAL },
    { SPAN("\"prompt_cache_hit_tokens\""), NULL, NULL, CACHED }, /* DeepSeek */
    { SPAN("\"cached_tokens\""), "prompt_tokens_details", "input_tokens_details", CACHED },
    { SPAN("\"cache_write_tokens\""), "prompt_tokens_details", "input_tokens_details",
      CACHE_WRITE },
    { SPAN("\"reasoning_tokens\""), "completion_tokens_details", "output_tokens_details",
      REASONING },
};

static bool stands(struct span inside, size_t name)
{
    if (names[name].inside == NULL)
        return inside.at == NULL;
    return inside.at && (scan_key_is(inside, names[name].inside) ||
                         scan_key_is(inside, names[name].or_inside));
}

/* The keys are compared as they are written: nobody escapes the letters of these. */
static void note(const struct scan_item *item, struct span inside, struct counts *counts)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (item->key.size == names[i].key.size && span_equal(item->key, names[i].key) &&
            stands(inside, i) && read_count(item->raw, &counts->values[names[i].count]))
            counts->seen[names[i].count] = true;
}

static void read_counts(struct span raw, struct counts *ret)
{
    struct scan_walk walk = scan_walk(raw);
    struct span inside = { 0 };
    struct scan_item item;
    unsigned depth;

    while (scan_walk_next(&walk, &item, &depth)) {
        if (depth == 1)
            inside = item.kind == JSON_OBJECT ? item.key : (struct span){ 0 };
        if (depth <= 2 && item.kind == JSON_NUMBER && item.key.at)
            note(&item, inside, ret);
    }
}

void openai_read_usage(struct span raw, struct usage *ret)
{
    struct counts counts = { 0 };
    const uint64_t *values = counts.values;
    struct usage usage = { .known = true };
    uint64_t prompt;

    if (raw.size == 0 || raw.at[0] != '{')
        return;
    read_counts(raw, &counts);
    if (!counts.seen[PROMPT] && !counts.seen[COMPLETION] && !counts.seen[TOTAL])
        return;
    prompt = values[PROMPT];
    if (!counts.seen[PROMPT] && !counts.seen[COMPLETION])
        prompt = values[TOTAL]; /* a ranking has no other figure */
    usage.cached = values[CACHED];
    usage.cache_write = values[CACHE_WRITE];
    usage.reasoning = values[REASONING];
    usage.output = values[COMPLETION];
    usage.input = less(less(prompt, usage.cached), usage.cache_write);
    /* Some (xAI) count reasoning beside the completion; the sum tells. */
    if (counts.seen[TOTAL] && values[TOTAL] == prompt + usage.output + usage.reasoning)
        usage.output += usage.reasoning;
    *ret = usage;
}

void openai_find_usage(struct span tail, void (*read)(struct span raw, struct usage *ret),
                       struct usage *ret)
{
    static const char key[] = "\"usage\"";
    size_t at;

    /* The last one is the answer's own; a word of that spelling inside a string has its quotes
     * escaped and is not found. */
    while ((at = span_find_text(tail, key)) != SIZE_MAX) {
        struct scan_item item;

        tail = span_skip(tail, at + sizeof(key) - 1);
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
    openai_find_usage(tail, openai_read_usage, ret);
}
