#include "llm/provider.h"

#include "llm/translate.h"

#define OPENAI_ALONE                                                                           \
    {                                                                                          \
        &dialect_openai                                                                        \
    }
#define OPENAI_AND_RESPONSES                                                                   \
    {                                                                                          \
        &dialect_openai, &dialect_responses                                                    \
    }

#define ANTHROPIC_ALONE                                                                        \
    {                                                                                          \
        &dialect_anthropic                                                                     \
    }

const struct provider_kind provider_kinds[] = {
    {
        /* Also everything else that speaks OpenAI's language, by `base_url`. */
        .name = "openai",
        .title = "OpenAI",
        .otel = "openai",
        .base_url = "https://api.openai.com/v1",
        .own_models = true,
        .key_variable = "OPENAI_API_KEY",
        .example = "gpt-4.1-mini",
        .url_variable = "OPENAI_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .dialects = OPENAI_AND_RESPONSES,
    },
    {
        .name = "azure",
        .title = "Azure OpenAI",
        .otel = "azure.ai.openai",
        .key_variable = "AZURE_API_KEY",
        .url_variable = "AZURE_BASE_URL",
        .auth = AUTH_API_KEY,
        .stream_options = true,
        .own_models = true,
    },
    {
        .name = "anthropic",
        .title = "Anthropic",
        .otel = "anthropic",
        .base_url = "https://api.anthropic.com",
        .key_variable = "ANTHROPIC_API_KEY",
        .url_variable = "ANTHROPIC_BASE_URL",
        .prefix = "/v1",
        .header = "anthropic-version: 2023-06-01", /* the last that takes a temperature */
        .passes = "anthropic-beta",
        .auth = AUTH_X_API_KEY,
        .dialects = ANTHROPIC_ALONE,
    },
    {
        .name = "gemini",
        .title = "Google Gemini",
        .otel = "gcp.gemini",
        .base_url = "https://generativelanguage.googleapis.com",
        .key_variable = "GEMINI_API_KEY",
        .url_variable = "GEMINI_BASE_URL",
        .auth = AUTH_NONE, /* x-goog-api-key: comes with its dialect */
    },
    {
        .name = "deepseek",
        .title = "DeepSeek",
        .otel = "deepseek",
        .base_url = "https://api.deepseek.com",
        .key_variable = "DEEPSEEK_API_KEY",
        .example = "deepseek-chat",
        .url_variable = "DEEPSEEK_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .old_max_tokens = true,
        .joins_texts = true,
        .thinking_switch = true,
        .reasoning = "reasoning_content",
        .reasoning_with_calls = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "mistral",
        .title = "Mistral AI",
        .otel = "mistral_ai",
        .base_url = "https://api.mistral.ai/v1",
        .key_variable = "MISTRAL_API_KEY",
        .example = "mistral-small-latest",
        .url_variable = "MISTRAL_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = false, /* usage always comes, on the chunk that finishes */
        .old_max_tokens = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "groq",
        .title = "Groq",
        .otel = "groq",
        .base_url = "https://api.groq.com/openai/v1",
        .key_variable = "GROQ_API_KEY",
        .example = "llama-3.3-70b-versatile",
        .url_variable = "GROQ_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "openrouter",
        .title = "OpenRouter",
        .otel = "openrouter",
        .base_url = "https://openrouter.ai/api/v1",
        .key_variable = "OPENROUTER_API_KEY",
        .example = "openai/gpt-4.1-mini",
        .url_variable = "OPENROUTER_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .top_k = true,
        .reasoning = "reasoning",
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "together",
        .title = "Together AI",
        .otel = "together_ai",
        .base_url = "https://api.together.xyz/v1",
        .key_variable = "TOGETHER_API_KEY",
        .url_variable = "TOGETHER_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .old_max_tokens = true,
        .top_k = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "fireworks",
        .title = "Fireworks AI",
        .otel = "fireworks_ai",
        .base_url = "https://api.fireworks.ai/inference/v1",
        .key_variable = "FIREWORKS_API_KEY",
        .url_variable = "FIREWORKS_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .old_max_tokens = true,
        .top_k = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "xai",
        .title = "xAI",
        .otel = "x_ai",
        .base_url = "https://api.x.ai/v1",
        .key_variable = "XAI_API_KEY",
        .example = "grok-4",
        .url_variable = "XAI_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .dialects = OPENAI_AND_RESPONSES,
    },
    {
        .name = "perplexity",
        .title = "Perplexity",
        .otel = "perplexity",
        .base_url = "https://api.perplexity.ai",
        .key_variable = "PERPLEXITY_API_KEY",
        .example = "sonar",
        .url_variable = "PERPLEXITY_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = false, /* usage always comes, on every chunk */
        .old_max_tokens = true,
        .top_k = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "vllm",
        .title = "vLLM",
        .otel = "vllm",
        .key_variable = "VLLM_API_KEY",
        .url_variable = "VLLM_BASE_URL",
        .auth = AUTH_BEARER,
        .key_optional = true,
        .stream_options = true,
        .load = { "/metrics", { "vllm:num_requests_running", "vllm:num_requests_waiting" } },
        .top_k = true,
        .reasoning = "reasoning_content",
        .dialects = OPENAI_AND_RESPONSES,
    },
    {
        .name = "ollama",
        .title = "Ollama",
        .otel = "ollama",
        .base_url = "http://localhost:11434/v1",
        .key_variable = "OLLAMA_API_KEY",
        .url_variable = "OLLAMA_BASE_URL",
        .auth = AUTH_BEARER,
        .key_optional = true,
        .stream_options = true,
        .old_max_tokens = true,
        .reasoning = "reasoning",
        .dialects = OPENAI_AND_RESPONSES,
    },
    {
        .name = "llamacpp",
        .title = "llama.cpp",
        .otel = "llama_cpp",
        .key_variable = "LLAMACPP_API_KEY",
        .url_variable = "LLAMACPP_BASE_URL",
        .auth = AUTH_BEARER,
        .key_optional = true,
        .stream_options = true,
        .old_max_tokens = true,
        .top_k = true,
        .reasoning = "reasoning_content",
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "holysheep",
        .title = "HolySheep",
        .otel = "holysheep",
        .key_variable = "HOLYSHEEP_API_KEY",
        .url_variable = "HOLYSHEEP_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "demo",
        .title = "sluice demo",
        .otel = "demo",
        .auth = AUTH_NONE,
        .key_optional = true,
        .stream_options = true,
        .built_in = true,
        .dialects = OPENAI_ALONE,
    },
    { 0 },
};

const struct provider_kind *provider_kind_find(struct span name)
{
    for (const struct provider_kind *kind = provider_kinds; kind->name; kind++)
        if (span_is(name, kind->name))
            return kind;
    return NULL;
}

bool provider_speaks(const struct provider_kind *kind, const struct dialect *dialect)
{
    for (size_t i = 0; i < sizeof(kind->dialects) / sizeof(kind->dialects[0]); i++)
        if (kind->dialects[i] == dialect)
            return true;
    return false;
}

const struct dialect *provider_dialect(const struct provider_kind *kind,
                                       const struct dialect *dialect, bool conversation)
{
    if (provider_speaks(kind, dialect))
        return dialect;
    if (!conversation)
        return NULL;
    for (size_t i = 0; i < sizeof(kind->dialects) / sizeof(kind->dialects[0]); i++)
        if (kind->dialects[i] && translate_can(dialect, kind->dialects[i]))
            return kind->dialects[i];
    return NULL;
}

const struct endpoint endpoints[] = {
    {
        .path = "/v1/chat/completions",
        .suffix = "/chat/completions",
        .operation = "chat",
        .dialect = &dialect_openai,
        .usage_on_request = true,
        .conversation = true,
    },
    {
        .path = "/v1/completions",
        .suffix = "/completions",
        .operation = "text_completion",
        .dialect = &dialect_openai,
        .usage_on_request = true,
    },
    {
        .path = "/v1/embeddings",
        .suffix = "/embeddings",
        .operation = "embeddings",
        .dialect = &dialect_openai,
    },
    {
        .path = "/v1/responses",
        .suffix = "/responses",
        .operation = "chat",
        .dialect = &dialect_responses,
    },
    { 0 },
};

const struct endpoint *endpoint_find(struct span path)
{
    for (const struct endpoint *endpoint = endpoints; endpoint->path; endpoint++)
        if (span_is(path, endpoint->path))
            return endpoint;
    return NULL;
}
