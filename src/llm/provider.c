#include "llm/provider.h"

#include "llm/place.h"
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

#define GEMINI_ALONE                                                                           \
    {                                                                                          \
        &dialect_gemini                                                                        \
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
        .prefix = "/openai/v1",
        .dated_prefix = "/openai",
        .dialects = OPENAI_AND_RESPONSES,
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
        .passes = "anthropic-",
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
        .example = "gemini-2.5-flash",
        .prefix = "/v1beta",
        .list = "/models?pageSize=1000", /* it would stop after fifty */
        .auth = AUTH_X_GOOG_API_KEY,
        .dialects = GEMINI_ALONE,
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
        .name = "cerebras",
        .title = "Cerebras",
        .otel = "cerebras",
        .base_url = "https://api.cerebras.ai/v1",
        .key_variable = "CEREBRAS_API_KEY",
        .example = "gpt-oss-120b",
        .url_variable = "CEREBRAS_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "sambanova",
        .title = "SambaNova",
        .otel = "sambanova",
        .base_url = "https://api.sambanova.ai/v1",
        .key_variable = "SAMBANOVA_API_KEY",
        .url_variable = "SAMBANOVA_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .top_k = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "nvidia",
        .title = "NVIDIA",
        .otel = "nvidia",
        .base_url = "https://integrate.api.nvidia.com/v1",
        .key_variable = "NVIDIA_API_KEY",
        .url_variable = "NVIDIA_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "deepinfra",
        .title = "DeepInfra",
        .otel = "deepinfra",
        .base_url = "https://api.deepinfra.com/v1/openai",
        .key_variable = "DEEPINFRA_API_KEY",
        .url_variable = "DEEPINFRA_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .top_k = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "hyperbolic",
        .title = "Hyperbolic",
        .otel = "hyperbolic",
        .base_url = "https://api.hyperbolic.xyz/v1",
        .key_variable = "HYPERBOLIC_API_KEY",
        .url_variable = "HYPERBOLIC_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .top_k = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "novita",
        .title = "Novita AI",
        .otel = "novita",
        .base_url = "https://api.novita.ai/openai/v1",
        .key_variable = "NOVITA_API_KEY",
        .url_variable = "NOVITA_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .top_k = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "nebius",
        .title = "Nebius Token Factory",
        .otel = "nebius",
        .base_url = "https://api.tokenfactory.nebius.com/v1",
        .key_variable = "NEBIUS_API_KEY",
        .url_variable = "NEBIUS_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .top_k = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "siliconflow",
        .title = "SiliconFlow",
        .otel = "siliconflow",
        .base_url = "https://api.siliconflow.com/v1",
        .key_variable = "SILICONFLOW_API_KEY",
        .url_variable = "SILICONFLOW_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .top_k = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "moonshot",
        .title = "Moonshot AI",
        .otel = "moonshot_ai",
        .base_url = "https://api.moonshot.ai/v1",
        .key_variable = "MOONSHOT_API_KEY",
        .url_variable = "MOONSHOT_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .reasoning = "reasoning_content",
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "zai",
        .title = "Z.ai",
        .otel = "zai",
        .base_url = "https://api.z.ai/api/paas/v4",
        .key_variable = "ZAI_API_KEY",
        .url_variable = "ZAI_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .reasoning = "reasoning_content",
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "dashscope",
        .title = "Alibaba Model Studio (Qwen)",
        .otel = "dashscope",
        .base_url = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        .key_variable = "DASHSCOPE_API_KEY",
        .url_variable = "DASHSCOPE_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .top_k = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "minimax",
        .title = "MiniMax",
        .otel = "minimax",
        .base_url = "https://api.minimax.io/v1",
        .key_variable = "MINIMAX_API_KEY",
        .url_variable = "MINIMAX_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "cohere",
        .title = "Cohere",
        .otel = "cohere",
        .base_url = "https://api.cohere.ai/compatibility/v1",
        .key_variable = "COHERE_API_KEY",
        .url_variable = "COHERE_BASE_URL",
        .auth = AUTH_BEARER,
        .old_max_tokens = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "github",
        .title = "GitHub Models",
        .otel = "github",
        .base_url = "https://models.github.ai/inference",
        .key_variable = "GITHUB_API_KEY",
        .example = "openai/gpt-4.1",
        .url_variable = "GITHUB_BASE_URL",
        .auth = AUTH_BEARER,
        .stream_options = true,
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
        .name = "sglang",
        .title = "SGLang",
        .otel = "sglang",
        .base_url = "http://localhost:30000/v1",
        .key_variable = "SGLANG_API_KEY",
        .url_variable = "SGLANG_BASE_URL",
        .auth = AUTH_BEARER,
        .key_optional = true,
        .old_max_tokens = true,
        .top_k = true,
        .reasoning = "reasoning_content",
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "lmstudio",
        .title = "LM Studio",
        .otel = "lmstudio",
        .base_url = "http://localhost:1234/v1",
        .key_variable = "LMSTUDIO_API_KEY",
        .url_variable = "LMSTUDIO_BASE_URL",
        .auth = AUTH_BEARER,
        .key_optional = true,
        .old_max_tokens = true,
        .stream_options = true,
        .dialects = OPENAI_ALONE,
    },
    {
        .name = "tgi",
        .title = "Text Generation Inference",
        .otel = "tgi",
        .key_variable = "TGI_API_KEY",
        .url_variable = "TGI_BASE_URL",
        .auth = AUTH_BEARER,
        .key_optional = true,
        .old_max_tokens = true,
        .stream_options = true,
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

static bool can(enum subject subject, const struct dialect *client,
                const struct dialect *provider)
{
    switch (subject) {
    case SUBJECT_CONVERSATION: return translate_can(client, provider);
    case SUBJECT_EMBEDDINGS: return embed_can(client, provider);
    case SUBJECT_OTHER: break;
    }
    return false;
}

const struct dialect *provider_dialect(const struct provider_kind *kind,
                                       const struct dialect *dialect, enum subject subject)
{
    if (provider_speaks(kind, dialect))
        return dialect;
    for (size_t i = 0; i < sizeof(kind->dialects) / sizeof(kind->dialects[0]); i++)
        if (kind->dialects[i] && can(subject, dialect, kind->dialects[i]))
            return kind->dialects[i];
    return NULL;
}

const char *provider_suffix(const struct dialect_provider *provider, enum subject subject,
                            bool stream)
{
    if (subject == SUBJECT_EMBEDDINGS)
        return provider->embed->suffix;
    return stream && provider->stream_suffix ? provider->stream_suffix : provider->suffix;
}

/* What Google answers under several versions. */
#define GENERATE(version)                                                                      \
    {                                                                                          \
        .path = version "/models/{model}:generateContent",                                     \
        .suffix = "/models/{model}:generateContent", .operation = "generate_content",          \
        .dialect = &dialect_gemini, .subject = SUBJECT_CONVERSATION, .named = true,            \
    }
#define GENERATE_STREAM(version)                                                               \
    {                                                                                          \
        .path = version "/models/{model}:streamGenerateContent",                               \
        .suffix = "/models/{model}:streamGenerateContent?alt=sse",                             \
        .operation = "generate_content", .dialect = &dialect_gemini,                           \
        .subject = SUBJECT_CONVERSATION, .named = true, .stream = true,                        \
    }
#define COUNT_TOKENS(version)                                                                  \
    {                                                                                          \
        .path = version "/models/{model}:countTokens",                                         \
        .suffix = "/models/{model}:countTokens", .operation = "count_tokens",                  \
        .dialect = &dialect_gemini, .estimate = true, .named = true,                           \
    }

const struct endpoint endpoints[] = {
    {
        .path = "/v1/chat/completions",
        .suffix = "/chat/completions",
        .operation = "chat",
        .dialect = &dialect_openai,
        .usage_on_request = true,
        .subject = SUBJECT_CONVERSATION,
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
        .subject = SUBJECT_EMBEDDINGS,
    },
    {
        .path = "/v1/responses",
        .suffix = "/responses",
        .operation = "chat",
        .dialect = &dialect_responses,
    },
    {
        .path = "/v1/moderations",
        .suffix = "/moderations",
        .operation = "moderation",
        .dialect = &dialect_openai,
        .model = "omni-moderation-latest",
    },
    {
        .path = "/v1/rerank",
        .suffix = "/rerank",
        .operation = "rerank",
        .dialect = &dialect_openai,
    },
    {
        .path = "/v1/images/generations",
        .suffix = "/images/generations",
        .operation = "image_generation",
        .dialect = &dialect_openai,
        .opaque = true,
    },
    {
        .path = "/v1/images/edits",
        .suffix = "/images/edits",
        .operation = "image_edit",
        .dialect = &dialect_openai,
        .form = true,
        .opaque = true,
    },
    {
        .path = "/v1/images/variations",
        .suffix = "/images/variations",
        .operation = "image_variation",
        .dialect = &dialect_openai,
        .form = true,
        .opaque = true,
    },
    {
        .path = "/v1/audio/speech",
        .suffix = "/audio/speech",
        .operation = "speech",
        .dialect = &dialect_openai,
        .opaque = true,
    },
    {
        .path = "/v1/audio/transcriptions",
        .suffix = "/audio/transcriptions",
        .operation = "transcription",
        .dialect = &dialect_openai,
        .form = true,
        .opaque = true,
    },
    {
        .path = "/v1/audio/translations",
        .suffix = "/audio/translations",
        .operation = "translation",
        .dialect = &dialect_openai,
        .form = true,
        .opaque = true,
    },
    {
        .path = "/v1/messages",
        .suffix = "/messages",
        .operation = "chat",
        .dialect = &dialect_anthropic,
        .subject = SUBJECT_CONVERSATION,
    },
    {
        .path = "/v1/messages/count_tokens",
        .suffix = "/messages/count_tokens",
        .operation = "count_tokens",
        .dialect = &dialect_anthropic,
        .estimate = true,
    },
    GENERATE("/v1beta"),
    GENERATE_STREAM("/v1beta"),
    COUNT_TOKENS("/v1beta"),
    GENERATE("/v1"),
    GENERATE_STREAM("/v1"),
    COUNT_TOKENS("/v1"),
    { 0 },
};

const struct endpoint *endpoint_find(struct span path)
{
    struct span model;

    for (const struct endpoint *endpoint = endpoints; endpoint->path; endpoint++)
        if (endpoint->named ? place_read(endpoint->path, path, &model)
                            : span_is(path, endpoint->path))
            return endpoint;
    return NULL;
}
