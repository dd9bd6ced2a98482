/* dialect: what a wire language supplies so that the mock speaks it. One more dialect is one more
 * row of dialects; one more endpoint is one more row of its paths. */
#ifndef MOCK_DIALECT_H
#define MOCK_DIALECT_H

#include "answer.h"
#include "base/span.h"
#include "knobs.h"
#include "request.h"

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

struct form;
struct mock;

/* What is asked for: lent to the functions below while they make an answer. */
struct ask {
    const struct mock *mock;
    const struct request *request;
    yyjson_val *body;          /* NULL for GET */
    const struct form *form;   /* NULL: the body is none */
    struct span model;         /* with its knobs; empty when none is named */
    struct span verb;          /* behind the model's name in the path; empty: there is none */
    struct span rest;          /* of the path, behind that of the row */
    const struct knobs *knobs; /* as turned by this request */
    bool stream;               /* to be answered by one */
    uint64_t number;
};

struct refusal {
    unsigned status;
    const char *type;
    const char *code;  /* NULL: null */
    const char *param; /* NULL: null */
    struct span message;
};

struct path {
    const char *method;
    const char *path; /* one that ends in '/' takes all that begins with it */
    void (*answer)(const struct ask *ask, struct answer *answer);
    bool open;        /* needs no key */
    bool form;        /* the body is multipart/form-data; else a POST's is JSON */
    bool names_model; /* NAME:VERB stands behind it */
};

struct dialect {
    const char *name;
    const struct path *paths; /* the last has no method */
    bool (*knows_key)(const struct request *request, const char *key);
    void (*refuse)(const struct refusal *refusal, struct answer *answer);
};

extern const struct dialect dialect_openai;
extern const struct dialect dialect_anthropic;
extern const struct dialect dialect_azure;
extern const struct dialect dialect_gemini;

/* The row for a request and its dialect; NULL, and the first dialect, when there is none. */
const struct path *dialect_find(struct span method, struct span path,
                                const struct dialect **ret_dialect);

/* The model's name in the path of such a row, decoded into `out`, and the verb behind it. */
struct span dialect_path_model(const struct request *request, struct buf *out,
                               struct span *ret_verb);

/* The key that the request shows in Authorization: Bearer, masked as providers do it. */
void dialect_mask_key(const struct request *request, struct buf *out);

#endif
