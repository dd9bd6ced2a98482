/* chat: what every wire language has in common, in words of our own.
 *
 * A dialect reads its bytes into these values and writes them from these values. Spans point into the
 * bytes that were read, unless a comment says otherwise. */
#ifndef LLM_CHAT_H
#define LLM_CHAT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- the request, as far as the gateway acts on it ---- */

struct chat {
    struct span body;      /* whole, as the client sent it */
    struct span model;     /* decoded; at == NULL when the request names none */
    struct span model_raw; /* the JSON string in `body`, quotes included; at == NULL likewise */
    bool model_in_path;    /* the URL names it, and the body does not */
    bool stream;
    bool include_usage;             /* stream_options.include_usage is true */
    struct span include_usage_raw;  /* that value in `body`; at == NULL: not there */
    struct span stream_options_raw; /* that value in `body`; at == NULL: not there */
    bool stream_options_null;       /* it says null (else it is an object) */
    bool stream_options_empty;      /* it is {} */
    size_t inside;                  /* offset just behind the opening brace of `body` */
    bool empty;                     /* the object has no member at all */
    struct span task;               /* metadata.task, decoded; at == NULL: none */
    struct span user;    /* decoded: `user`, else its like in this language; at == NULL: none */
    uint64_t max_tokens; /* max_tokens, max_completion_tokens or max_output_tokens; 0 */
};

/* Why a request cannot be served as it stands: becomes a 400 (or what `code` implies). */
struct chat_problem {
    const char *code;    /* of the contract: invalid_json, duplicate_key, invalid_value */
    const char *message; /* a sentence: what is wrong, where, what would be right */
    const char *param;   /* the field, or NULL */
};

/* The name of a model goes into headers, metrics and logs, so it is held to what a name can be. ERR_OK, or
 * `ret_problem` says why not. */
enum err chat_check_model(struct span name, struct arena *arena,
                          struct chat_problem *ret_problem);

/* ---- what an answer costs ---- */

/* Disjoint but for `output`, which includes `reasoning`, and `cache_write`, which includes the long ones. */
struct usage {
    uint64_t input; /* fresh: neither read from nor written to a cache */
    uint64_t cached;
    uint64_t cache_write;
    uint64_t output;
    uint64_t reasoning;
    bool known;     /* the provider said so (or it was estimated) */
    bool estimated; /* counted from what was relayed, because the provider's count never came */
    uint64_t cache_write_long; /* of cache_write: kept for an hour, where that was told */
};

/* ---- errors, whoever makes them ---- */

/* What to do about it hangs on the class; the names are those of `fallback_on`. */
enum llm_class {
    LLM_FINE,
    LLM_RATE_LIMIT,     /* 429, for a while */
    LLM_QUOTA,          /* 429 insufficient_quota: the key is out of money */
    LLM_SERVER_ERROR,   /* 5xx, overloaded, an error inside a 200 */
    LLM_TIMEOUT,        /* 408, 504, or one of our clocks */
    LLM_CONNECTION,     /* refused, reset, TLS, DNS */
    LLM_AUTH,           /* 401, 403: our key, not the client's */
    LLM_CONTEXT_WINDOW, /* the prompt does not fit this model */
    LLM_CONTENT_FILTER, /* the provider will not answer this prompt */
    LLM_NOT_FOUND,      /* 404: this model is not there */
    LLM_CLIENT_ERROR,   /* any other 4xx: the client's making */
};

const char *llm_class_name(enum llm_class class); /* "rate_limit" */

struct llm_error {
    enum llm_class class;
    unsigned status;     /* to answer with, when nothing was sent yet; LLM_AUTH: 502 */
    uint64_t sequence;   /* number of the event, in dialects that count them; else ignored */
    struct span request; /* its id, in dialects that repeat it; at == NULL: not known */
    struct span message; /* for people */
    struct span type;  /* the OpenAI words; at == NULL: from the class, as in other dialects */
    struct span code;  /* at == NULL: null */
    struct span param; /* at == NULL: null */
};

/* ---- the answer ---- */

enum llm_event_kind {
    LLM_NOTHING, /* a comment, a ping, an empty delta, a role alone: shows life, says nothing */
    LLM_CONTENT, /* something that a client may act on: text, a tool call, a finish reason */
    LLM_USAGE,   /* usage and nothing else: OpenAI's chunk with no choices */
    LLM_END,     /* [DONE], message_stop, response.completed */
    LLM_FAILED,  /* an error inside the stream: `error` is filled */
    LLM_MALFORMED, /* not of the dialect: forwarded, counted */
};

struct llm_event {
    enum llm_event_kind kind;
    bool finished;       /* a finish reason stands in it */
    uint64_t text_bytes; /* of what the model says in it, where that was looked at; else 0 */
    struct usage usage;  /* known only if it carries one, whatever its kind */
    bool begun; /* the answer has just begun: only what went in is known of its usage */
    struct llm_error error; /* of LLM_FAILED alone, else not even set */
};

/* One that says nothing. Large and for each event of each stream: only what is looked at is set. */
static inline void llm_event_reset(struct llm_event *event)
{
    event->kind = LLM_NOTHING;
    event->finished = false;
    event->text_bytes = 0;
    event->usage = (struct usage){ 0 };
    event->begun = false;
}

/* A whole JSON answer. */
struct llm_answer {
    bool failed; /* an error in a 200: `error` is filled */
    bool malformed;
    struct usage usage;
    struct llm_error error;
};

#endif
