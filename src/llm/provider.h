/* provider: THE table of upstream services. A provider is a row: name, address, dialect, how it wants
 * its key. Adding one is adding a row (and a golden case). */
#ifndef LLM_PROVIDER_H
#define LLM_PROVIDER_H

#include "base/buf.h"
#include "llm/dialect.h"
#include "llm/load.h"

enum provider_auth {
    AUTH_NONE,
    AUTH_BEARER,         /* Authorization: Bearer KEY */
    AUTH_X_API_KEY,      /* x-api-key: KEY */
    AUTH_API_KEY,        /* api-key: KEY */
    AUTH_X_GOOG_API_KEY, /* x-goog-api-key: KEY */
};

struct provider_kind {
    const char *name;         /* `kind` in the configuration */
    const char *title;        /* for people and for owned_by */
    const char *otel;         /* gen_ai.provider.name */
    const char *base_url;     /* NULL: must be configured */
    const char *key_variable; /* environment: NULL when there is none */
    const char *url_variable;
    const char *example; /* a model for the first curl line; NULL: ask its list */
    const char
        *prefix;      /* between base_url and the paths of its API, unless that ends with it or
                            with /v1; NULL: base_url has it */
    const char *list; /* where it lists its models; NULL: /models */
    const char
        *dated_prefix;  /* in its place with an api_version that is a date, where a model has
                                 paths of its own; NULL: it knows no api_version */
    const char *header; /* sent with every request; NULL: none */
    const char *passes; /* a client's headers that begin so go to this provider; NULL: none */
    enum provider_auth auth;
    bool built_in;       /* served by this process: the demo */
    bool key_optional;   /* serves without a key (a server of one's own) */
    bool stream_options; /* understands stream_options.include_usage */

    /* For requests that are translated into OpenAI's language: */
    bool old_max_tokens;  /* knows `max_tokens` alone, not `max_completion_tokens` */
    bool top_k;           /* understands it */
    bool joins_texts;     /* a message that is text alone must be one string */
    bool own_models;      /* they are OpenAI's, which differ (openai_models.c) */
    bool thinking_switch; /* is told {"thinking": {"type": "disabled"}} rather than no effort */
    bool reasoning_with_calls; /* `reasoning` must stand beside calls, even if empty */
    const char *reasoning;     /* where an assistant's thinking goes back; NULL: it does not */

    struct load_source load;           /* how busy it says it is, for least_busy */
    const struct dialect *dialects[4]; /* spoken; NULL: this build does not speak it yet */
};

/* NULL when there is no such kind. */
const struct provider_kind *provider_kind_find(struct span name);

bool provider_speaks(const struct provider_kind *kind, const struct dialect *dialect);

/* What is asked: it decides whether it can be translated. */
enum subject {
    SUBJECT_OTHER, /* for providers of the client's language alone */
    SUBJECT_CONVERSATION,
    SUBJECT_EMBEDDINGS,
};

/* The language in which such a provider is asked what a client says in `dialect`: the same, else one that
 * this build can translate it into; NULL: it cannot be asked. */
const struct dialect *provider_dialect(const struct provider_kind *kind,
                                       const struct dialect *dialect, enum subject subject);

/* Where it is then asked, in a language that is not the client's (llm/place.h). */
const char *provider_suffix(const struct dialect_provider *provider, enum subject subject,
                            bool stream);

/* Where a provider is, as configured, and what is asked of it there. */
struct provider_place {
    const char *base_url;
    const char *api_version; /* NULL: none */
    struct span model;       /* its name there; at == NULL: what is asked concerns none */
};

/* Appends the URL of what ends in `suffix`, such as "/chat/completions". False: no URL can be made of the
 * model's name. */
bool provider_url(const struct provider_kind *kind, const struct provider_place *place,
                  const char *suffix, struct buf *out);

/* Is it one that such a provider could know: a date, a date with "-preview", or a word? */
bool provider_knows_version(const struct provider_kind *kind, struct span api_version);

/* All rows, ended by one whose name is NULL. */
extern const struct provider_kind provider_kinds[];

/* ---- the paths that are served by a model ---- */

struct endpoint {
    const char *path;      /* "/v1/chat/completions", "/v1beta/models/{model}:countTokens" */
    const char *suffix;    /* behind an upstream's base URL: "/chat/completions" */
    const char *operation; /* gen_ai.operation.name */
    const struct dialect *dialect;
    const char *model; /* that OpenAI takes when a request names none; NULL: it must */
    enum subject subject;
    bool usage_on_request; /* stream_options is legal here */
    bool form;             /* the request is multipart/form-data; else JSON */
    bool opaque;   /* the answer may be sound, images, text, events: passed on as it comes */
    bool estimate; /* where no target can be asked, a guess will do */
    bool
        named; /* the model's name stands in the path (llm/place.h), and the path alone says: */
    bool stream; /* the answer is one */
};

extern const struct endpoint endpoints[]; /* ended by one whose path is NULL */
const struct endpoint *endpoint_find(struct span path);

#endif
