/* Where each provider takes chat completions, and how it is shown a key. One row for each row of
 * llm/provider.c that speaks OpenAI's language or Anthropic's. */
#include "config/config.h"
#include "flow/request_head.h"
#include "llm/provider.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* For those that have no address of their own. */
static const char elsewhere[] = "http://127.0.0.1:9/v1";

static const struct {
    const char *kind;
    const char *url;
    const char *header; /* with the key k; NULL: it wants none */
} rows[] = {
    { "openai", "https://api.openai.com/v1/chat/completions", "Authorization: Bearer k" },
    { "azure", "http://127.0.0.1:9/v1/openai/v1/chat/completions", "api-key: k" },
    { "anthropic", "https://api.anthropic.com/v1/messages", "x-api-key: k" },
    { "gemini",
      "https://generativelanguage.googleapis.com/v1beta/models/{model}:generateContent",
      "x-goog-api-key: k" },
    { "deepseek", "https://api.deepseek.com/chat/completions", "Authorization: Bearer k" },
    { "mistral", "https://api.mistral.ai/v1/chat/completions", "Authorization: Bearer k" },
    { "groq", "https://api.groq.com/openai/v1/chat/completions", "Authorization: Bearer k" },
    { "openrouter", "https://openrouter.ai/api/v1/chat/completions",
      "Authorization: Bearer k" },
    { "together", "https://api.together.xyz/v1/chat/completions", "Authorization: Bearer k" },
    { "fireworks", "https://api.fireworks.ai/inference/v1/chat/completions",
      "Authorization: Bearer k" },
    { "xai", "https://api.x.ai/v1/chat/completions", "Authorization: Bearer k" },
    { "perplexity", "https://api.perplexity.ai/chat/completions", "Authorization: Bearer k" },
    { "cerebras", "https://api.cerebras.ai/v1/chat/completions", "Authorization: Bearer k" },
    { "sambanova", "https://api.sambanova.ai/v1/chat/completions", "Authorization: Bearer k" },
    { "nvidia", "https://integrate.api.nvidia.com/v1/chat/completions",
      "Authorization: Bearer k" },
    { "deepinfra", "https://api.deepinfra.com/v1/openai/chat/completions",
      "Authorization: Bearer k" },
    { "hyperbolic", "https://api.hyperbolic.xyz/v1/chat/completions",
      "Authorization: Bearer k" },
    { "novita", "https://api.novita.ai/openai/v1/chat/completions", "Authorization: Bearer k" },
    { "nebius", "https://api.tokenfactory.nebius.com/v1/chat/completions",
      "Authorization: Bearer k" },
    { "siliconflow", "https://api.siliconflow.com/v1/chat/completions",
      "Authorization: Bearer k" },
    { "moonshot", "https://api.moonshot.ai/v1/chat/completions", "Authorization: Bearer k" },
    { "zai", "https://api.z.ai/api/paas/v4/chat/completions", "Authorization: Bearer k" },
    { "dashscope", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
      "Authorization: Bearer k" },
    { "minimax", "https://api.minimax.io/v1/chat/completions", "Authorization: Bearer k" },
    { "cohere", "https://api.cohere.ai/compatibility/v1/chat/completions",
      "Authorization: Bearer k" },
    { "github", "https://models.github.ai/inference/chat/completions",
      "Authorization: Bearer k" },
    { "vllm", "http://127.0.0.1:9/v1/chat/completions", "Authorization: Bearer k" },
    { "ollama", "http://localhost:11434/v1/chat/completions", "Authorization: Bearer k" },
    { "llamacpp", "http://127.0.0.1:9/v1/chat/completions", "Authorization: Bearer k" },
    { "sglang", "http://localhost:30000/v1/chat/completions", "Authorization: Bearer k" },
    { "lmstudio", "http://localhost:1234/v1/chat/completions", "Authorization: Bearer k" },
    { "tgi", "http://127.0.0.1:9/v1/chat/completions", "Authorization: Bearer k" },
    { "holysheep", "http://127.0.0.1:9/v1/chat/completions", "Authorization: Bearer k" },
    { "demo", "http://127.0.0.1:9/v1/chat/completions", NULL },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static void check_row(size_t i)
{
    const struct provider_kind *kind = provider_kind_find(span_from(rows[i].kind));
    const struct config_provider provider = { .kind = kind };
    const struct provider_place place = { kind->base_url ? kind->base_url : elsewhere, NULL,
                                          SPAN_OF("m") };
    const struct dialect *dialect =
        provider_dialect(kind, &dialect_openai, SUBJECT_CONVERSATION);
    struct buf text;

    buf_init(&text, 1024);
    assert_true(provider_url(kind, &place, dialect->provider->suffix, &text));
    assert_string_equal(buf_text(&text), rows[i].url);
    buf_reset(&text);
    assert_true(request_head_add_key(&text, &provider, SPAN_OF("k")) ==
                (rows[i].header != NULL));
    assert_true(rows[i].header == NULL || span_ends(buf_span(&text), "\r\n"));
    text.end -= rows[i].header ? 2 : 0;
    assert_string_equal(buf_text(&text), rows[i].header ? rows[i].header : "");
    buf_done(&text);
}

static void test_where_each_takes_chat_completions_and_its_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        assert_non_null(provider_kind_find(span_from(rows[i].kind)));
        check_row(i);
    }
}

static void test_no_provider_is_without_a_row(void **state)
{
    (void)state;
    for (const struct provider_kind *kind = provider_kinds; kind->name; kind++) {
        size_t i = 0;

        while (i < ROWS && strcmp(rows[i].kind, kind->name) != 0)
            i++;
        if (i == ROWS)
            fail_msg("%s has no row here", kind->name);
    }
}

/* ---- Azure: the model is part of the address, or not ---- */

static void assert_azure(const char *base, const char *version, const char *model,
                         const char *suffix, const char *url)
{
    const struct provider_kind *kind = provider_kind_find(SPAN_OF("azure"));
    const struct provider_place place = { base, version, span_from(model) };
    struct buf text;

    buf_init(&text, 1024);
    assert_true(provider_url(kind, &place, suffix, &text) == (url != NULL));
    if (url)
        assert_string_equal(buf_text(&text), url);
    buf_done(&text);
}

#define X    "https://x.openai.azure.com"
#define CHAT "/chat/completions"

static void test_the_addresses_of_azure(void **state)
{
    (void)state;
    assert_azure(X, NULL, "gpt", CHAT, X "/openai/v1/chat/completions");
    assert_azure(X "/", NULL, "gpt", CHAT, X "/openai/v1/chat/completions");
    assert_azure(X "/openai/v1/", NULL, "gpt", CHAT, X "/openai/v1/chat/completions");
    assert_azure(X, "preview", "gpt", CHAT,
                 X "/openai/v1/chat/completions?api-version=preview");
    assert_azure(X, NULL, "gpt", "/responses", X "/openai/v1/responses");
    assert_azure(X, "2024-10-21", "my-gpt_4.1", CHAT,
                 X "/openai/deployments/my-gpt_4.1/chat/completions?api-version=2024-10-21");
    assert_azure(X "/openai", "2024-10-21", "gpt", "/embeddings",
                 X "/openai/deployments/gpt/embeddings?api-version=2024-10-21");
    assert_azure(X "/openai/v1", "2024-10-21", NULL, "/models",
                 X "/openai/models?api-version=2024-10-21");
    assert_azure(X, "2025-04-01-preview", "gpt", "/responses",
                 X "/openai/responses?api-version=2025-04-01-preview");
}

/* A client may choose the name of a model. */
static void test_a_name_does_not_lead_anywhere_else(void **state)
{
    (void)state;
    assert_azure(X, "2024-10-21", "../a?b#c%2f/\xc3\xa9", CHAT,
                 X "/openai/deployments/..%2Fa%3Fb%23c%252f%2F%C3%A9/chat/completions"
                   "?api-version=2024-10-21");
    assert_azure(X, "2024-10-21", "..", CHAT, NULL);
    assert_azure(X, "2024-10-21", ".", CHAT, NULL);
    assert_azure(X, "2024-10-21", "", CHAT, NULL);
    assert_azure(X, NULL, "..", CHAT, X "/openai/v1/chat/completions");
}

static void test_which_versions_azure_knows(void **state)
{
    static const char *const good[] = { "2024-10-21", "2025-04-01-preview", "v1", "preview",
                                        "latest" };
    static const char *const bad[] = { "",           "2024",        "2024-10-2",
                                       "24-10-2100", "2024-10-21x", "2024-10-21&a",
                                       "x",          "2024/10/21" };
    const struct provider_kind *azure = provider_kind_find(SPAN_OF("azure"));

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(provider_knows_version(azure, span_from(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(provider_knows_version(azure, span_from(bad[i])));
    assert_false(
        provider_knows_version(provider_kind_find(SPAN_OF("openai")), SPAN_OF("2024-10-21")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_each_takes_chat_completions_and_its_key),
        cmocka_unit_test(test_no_provider_is_without_a_row),
        cmocka_unit_test(test_the_addresses_of_azure),
        cmocka_unit_test(test_a_name_does_not_lead_anywhere_else),
        cmocka_unit_test(test_which_versions_azure_knows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
