#include "llm/openai.h"

const struct openai_model *openai_model_find(struct span name)
{
    static const struct openai_model models[] = {
        /* the longer of two prefixes first */
        { "gpt-5-chat", false }, { "gpt-5", true },    { "gpt-6", true },
        { "o1", true },          { "o3", true },       { "o4", true },
        { "gpt-4", false },      { "gpt-3.5", false }, { "chatgpt-", false },
    };

    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        if (span_starts(name, models[i].prefix))
            return &models[i];
    return NULL;
}
