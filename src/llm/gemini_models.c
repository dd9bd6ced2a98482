#include "llm/gemini.h"

/* The first prefix that fits. What is not listed is newer than this table. */
static const struct gemini_model models[] = {
    { "gemini-1", THINKS_NOT, 0, false },
    { "gemini-2.0", THINKS_NOT, 0, false },
    { "gemma", THINKS_NOT, 0, false },
    { "gemini-2.5-flash-image", THINKS_NOT, 0, true },
    { "gemini-2.5-pro", THINKS_BUDGET, 128, true },
    { "gemini-2.5", THINKS_BUDGET, 0, true },
    { "", THINKS_LEVEL, 0, true },
};

const struct gemini_model *gemini_model_find(struct span name)
{
    const struct gemini_model *model = models;

    while (!span_starts(name, model->prefix))
        model++;
    return model;
}

const char *gemini_level(struct span model, struct span effort)
{
    bool pro = span_find_text(model, "-pro") != SIZE_MAX;

    if (span_is(effort, "none") || span_is(effort, "minimal"))
        return pro ? "LOW" : "MINIMAL";
    if (span_is(effort, "low"))
        return "LOW";
    if (span_is(effort, "medium") && !span_starts(model, "gemini-3-pro"))
        return "MEDIUM";
    return "HIGH";
}
