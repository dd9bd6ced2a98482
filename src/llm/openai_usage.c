#include "llm/openai.h"

/* More tokens than any model can see; what is beyond is nonsense, and would only overflow sums. */
#define TOKENS_MAX UINT64_C(1000000000000)

bool openai_read_count(const struct scan_field *field, uint64_t *ret)
{
    uint64_t value;

    if (field->raw.at == NULL || !scan_u64(field->raw, &value) || value > TOKENS_MAX)
        return false;
    *ret = value;
    return true;
}

/* Fills the fields that the object has; whether something is wrong with it is not the question
 * here. */
static void read_fields(const struct scan_field *object, struct scan_field *fields,
                        size_t count)
{
    struct scan_result result;

    if (object->raw.at && object->kind == JSON_OBJECT)
        (void)scan_object(object->raw, fields, count, &result);
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static void read_prompt_details(const struct scan_field *details, struct usage *usage)
{
    enum { CACHED, CACHE_WRITE, COUNT };
    struct scan_field fields[COUNT] = {
        [CACHED] = { .name = "cached_tokens" },
        [CACHE_WRITE] = { .name = "cache_write_tokens" },
    };

    read_fields(details, fields, COUNT);
    (void)openai_read_count(&fields[CACHED], &usage->cached);
    (void)openai_read_count(&fields[CACHE_WRITE], &usage->cache_write);
}

static void read_output_details(const struct scan_field *details, struct usage *usage)
{
    struct scan_field reasoning = { .name = "reasoning_tokens" };

    read_fields(details, &reasoning, 1);
    (void)openai_read_count(&reasoning, &usage->reasoning);
}

void openai_read_usage(struct span raw, struct usage *ret)
{
    enum {
        PROMPT,
        INPUT,
        COMPLETION,
        OUTPUT,
        TOTAL,
        HIT,
        PROMPT_DETAILS,
        INPUT_DETAILS,
        COMPLETION_DETAILS,
        OUTPUT_DETAILS,
        COUNT
    };
    struct scan_field fields[COUNT] = {
        [PROMPT] = { .name = "prompt_tokens" },
        [INPUT] = { .name = "input_tokens" }, /* Responses */
        [COMPLETION] = { .name = "completion_tokens" },
        [OUTPUT] = { .name = "output_tokens" },
        [TOTAL] = { .name = "total_tokens" },
        [HIT] = { .name = "prompt_cache_hit_tokens" }, /* DeepSeek */
        [PROMPT_DETAILS] = { .name = "prompt_tokens_details" },
        [INPUT_DETAILS] = { .name = "input_tokens_details" },
        [COMPLETION_DETAILS] = { .name = "completion_tokens_details" },
        [OUTPUT_DETAILS] = { .name = "output_tokens_details" },
    };
    struct scan_field object = { .kind = JSON_OBJECT, .raw = raw };
    struct usage usage = { 0 };
    uint64_t prompt = 0;
    uint64_t total = 0;

    if (raw.size == 0 || raw.at[0] != '{')
        return;
    read_fields(&object, fields, COUNT);
    usage.known = openai_read_count(&fields[PROMPT], &prompt) ||
                  openai_read_count(&fields[INPUT], &prompt);
    if (openai_read_count(&fields[COMPLETION], &usage.output) ||
        openai_read_count(&fields[OUTPUT], &usage.output))
        usage.known = true;
    if (!usage.known && openai_read_count(&fields[TOTAL], &prompt))
        usage.known = true; /* a ranking has no other figure */
    if (!usage.known)
        return;
    (void)openai_read_count(&fields[HIT], &usage.cached);
    read_prompt_details(&fields[PROMPT_DETAILS], &usage);
    read_prompt_details(&fields[INPUT_DETAILS], &usage);
    read_output_details(&fields[COMPLETION_DETAILS], &usage);
    read_output_details(&fields[OUTPUT_DETAILS], &usage);
    usage.input = less(less(prompt, usage.cached), usage.cache_write);
    /* Some (xAI) count reasoning beside the completion; the sum tells. */
    if (openai_read_count(&fields[TOTAL], &total) &&
        total == prompt + usage.output + usage.reasoning)
        usage.output += usage.reasoning;
    *ret = usage;
}

void openai_read_answer_tail(struct span tail, struct usage *ret)
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
            openai_read_usage(item.raw, ret);
    }
}
