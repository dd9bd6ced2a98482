/* Azure's way to OpenAI's language: a key in `api-key`, and either the v1 API, which is OpenAI's behind
 * another prefix, or a dated one, where a deployment stands in the path, whatever model the body names. */
#include "openai.h"

static bool knows_key(const struct request *request, const char *key)
{
    return span_is(request_field(request, "api-key"), key);
}

static void refuse(const struct refusal *refusal, struct answer *answer)
{
    dialect_openai.refuse(refusal, answer);
}

static void refuse_as(unsigned status, const char *code, struct span message,
                      struct answer *answer)
{
    refuse(&(struct refusal){ .status = status, .code = code, .message = message }, answer);
}

/* The dated API is nowhere without its date. */
static bool check_version(const struct ask *ask, struct answer *answer)
{
    if (request_query(ask->request, "api-version").size)
        return true;
    refuse_as(404, "404", SPAN_OF("Resource not found"), answer);
    return false;
}

static void answer_responses(const struct ask *ask, struct answer *answer)
{
    if (check_version(ask, answer))
        openai_responses(ask, answer);
}

static void answer_models(const struct ask *ask, struct answer *answer)
{
    if (check_version(ask, answer))
        openai_list_models(ask, answer);
}

/* What may stand behind the name of a deployment. */
static const struct path deployed[] = {
    { .path = "/chat/completions", .answer = openai_chat },
    { .path = "/completions", .answer = openai_completions },
    { .path = "/embeddings", .answer = openai_embeddings },
    { .path = NULL },
};

static void answer_deployed(const struct ask *ask, struct answer *answer)
{
    size_t end = span_find(ask->rest, '/');
    struct ask asked = *ask;
    struct span path;

    asked.model = span_first(ask->rest, end);
    path = span_skip(ask->rest, asked.model.size);
    if (!check_version(ask, answer))
        return;
    if (span_starts(asked.model, "missing")) {
        refuse_as(404, "DeploymentNotFound",
                  SPAN_OF("The API deployment for this resource does not exist."), answer);
        return;
    }
    for (const struct path *row = deployed; row->path; row++)
        if (span_is(path, row->path)) {
            row->answer(&asked, answer);
            return;
        }
    refuse_as(404, "404", SPAN_OF("Resource not found"), answer);
}

static const struct path paths[] = {
    { .method = "POST", .path = "/openai/v1/chat/completions", .answer = openai_chat },
    { .method = "POST", .path = "/openai/v1/completions", .answer = openai_completions },
    { .method = "POST", .path = "/openai/v1/embeddings", .answer = openai_embeddings },
    { .method = "POST", .path = "/openai/v1/responses", .answer = openai_responses },
    { .method = "GET", .path = "/openai/v1/models", .answer = openai_list_models },
    { .method = "POST", .path = "/openai/responses", .answer = answer_responses },
    { .method = "GET", .path = "/openai/models", .answer = answer_models },
    { .method = "POST", .path = "/openai/deployments/", .answer = answer_deployed },
    { .method = NULL },
};

const struct dialect dialect_azure = {
    .name = "azure",
    .paths = paths,
    .knows_key = knows_key,
    .refuse = refuse,
};
