#include "llm/anthropic.h"

/* The first prefix that fits. What is not listed is newer than this table. */
static const struct anthropic_model models[] = {
    { "claude-2", false, false, false },
    { "claude-instant", false, false, false },
    { "claude-3-7", true, false, false },
    { "claude-3", false, false, false },
    { "claude-sonnet-4-0", true, false, false },
    { "claude-sonnet-4-2025", true, false, false },
    { "claude-opus-4-0", true, false, false },
    { "claude-opus-4-2025", true, false, false },
    { "claude-opus-4-1", true, false, true },
    { "claude-sonnet-4-5", true, false, true },
    { "claude-opus-4-5", true, false, true },
    { "claude-haiku-4-5", true, false, true },
    { "", true, true, true },
};

const struct anthropic_model *anthropic_model_find(struct span name)
{
    const struct anthropic_model *model = models;

    while (!span_starts(name, model->prefix))
        model++;
    return model;
}
