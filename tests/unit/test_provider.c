/* llm/provider: the tables hold together. */
#include "llm/provider.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_every_row_is_complete(void **state)
{
    size_t count = 0;

    (void)state;
    for (const struct provider_kind *kind = provider_kinds; kind->name; kind++, count++) {
        assert_non_null(kind->title);
        assert_non_null(kind->otel);
        assert_ptr_equal(provider_kind_find(span_from(kind->name)), kind); /* no name twice */
        assert_true(kind->built_in || kind->url_variable != NULL);
        assert_true(kind->key_optional || kind->key_variable != NULL);
        if (kind->base_url) {
            assert_true(strncmp(kind->base_url, "http", 4) == 0);
            assert_true(kind->base_url[strlen(kind->base_url) - 1] != '/');
        }
    }
    assert_true(count >= 16);
}

/* The suffix is put behind it, so a public address must be what the provider's own SDK takes. */
static void test_the_address_and_key_of_a_well_known_one(void **state)
{
    const struct provider_kind *kind = provider_kind_find(SPAN_OF("groq"));

    (void)state;
    assert_string_equal(kind->base_url, "https://api.groq.com/openai/v1");
    assert_string_equal(kind->key_variable, "GROQ_API_KEY");
    assert_int_equal(kind->auth, AUTH_BEARER);
    assert_ptr_equal(kind->dialects[0], &dialect_openai);
    assert_null(provider_kind_find(SPAN_OF("Groq")));
    assert_null(provider_kind_find(SPAN_OF("")));
}

static void test_a_conversation_is_translated_where_it_must_be(void **state)
{
    const struct provider_kind *openai = provider_kind_find(SPAN_OF("openai"));
    const struct provider_kind *anthropic = provider_kind_find(SPAN_OF("anthropic"));
    const struct provider_kind *gemini = provider_kind_find(SPAN_OF("gemini"));

    (void)state;
    assert_ptr_equal(provider_dialect(openai, &dialect_openai, SUBJECT_CONVERSATION),
                     &dialect_openai);
    assert_ptr_equal(provider_dialect(openai, &dialect_openai, SUBJECT_EMBEDDINGS),
                     &dialect_openai);
    assert_ptr_equal(provider_dialect(anthropic, &dialect_openai, SUBJECT_CONVERSATION),
                     &dialect_anthropic);
    assert_null(provider_dialect(anthropic, &dialect_openai, SUBJECT_EMBEDDINGS));
    assert_null(provider_dialect(anthropic, &dialect_responses, SUBJECT_CONVERSATION));
    assert_ptr_equal(provider_dialect(gemini, &dialect_openai, SUBJECT_CONVERSATION),
                     &dialect_gemini);
    assert_ptr_equal(provider_dialect(gemini, &dialect_openai, SUBJECT_EMBEDDINGS),
                     &dialect_gemini);
    assert_null(provider_dialect(gemini, &dialect_openai, SUBJECT_OTHER));
    assert_null(provider_dialect(gemini, &dialect_responses, SUBJECT_CONVERSATION));
}

static void test_only_the_demo_is_built_in(void **state)
{
    (void)state;
    for (const struct provider_kind *kind = provider_kinds; kind->name; kind++)
        assert_true(kind->built_in == (strcmp(kind->name, "demo") == 0));
}

static void test_the_endpoints(void **state)
{
    static const struct {
        const char *path;
        const char *suffix;
        const struct dialect *dialect;
        bool usage_on_request;
    } rows[] = {
        { "/v1/chat/completions", "/chat/completions", &dialect_openai, true },
        { "/v1/completions", "/completions", &dialect_openai, true },
        { "/v1/embeddings", "/embeddings", &dialect_openai, false },
        { "/v1/responses", "/responses", &dialect_responses, false },
        { "/v1/messages", "/messages", &dialect_anthropic, false },
        { "/v1/messages/count_tokens", "/messages/count_tokens", &dialect_anthropic, false },
        { "/v1beta/models/a:8b:generateContent", "/models/{model}:generateContent",
          &dialect_gemini, false },
        { "/v1/models/a/b:streamGenerateContent",
          "/models/{model}:streamGenerateContent?alt=sse", &dialect_gemini, false },
        { "/v1beta/models/a%2Fb:countTokens", "/models/{model}:countTokens", &dialect_gemini,
          false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct endpoint *endpoint = endpoint_find(span_from(rows[i].path));

        assert_non_null(endpoint);
        assert_string_equal(endpoint->suffix, rows[i].suffix);
        assert_ptr_equal(endpoint->dialect, rows[i].dialect);
        assert_true(endpoint->usage_on_request == rows[i].usage_on_request);
    }
    assert_null(endpoint_find(SPAN_OF("/v1/chat/completions/")));
    assert_null(endpoint_find(SPAN_OF("/v1/chat")));
    assert_null(endpoint_find(SPAN_OF("/v1/models/:generateContent")));
    assert_null(endpoint_find(SPAN_OF("/v2/models/a:generateContent")));
    assert_null(endpoint_find(SPAN_OF("/v1/models/a")));
    assert_null(endpoint_find(SPAN_OF("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_complete),
        cmocka_unit_test(test_the_address_and_key_of_a_well_known_one),
        cmocka_unit_test(test_a_conversation_is_translated_where_it_must_be),
        cmocka_unit_test(test_only_the_demo_is_built_in),
        cmocka_unit_test(test_the_endpoints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
