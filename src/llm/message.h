/* message: a conversation, an answer, and the pieces of an answer as they come, in words of our own.
 * Whatever is translated from one wire language into another passes through these:
 *
 *     the client's request --read--> conversation --write--> the provider's request
 *     the client's answer <--write-- reply, delta <--read--- the provider's answer
 *
 * All these languages are JSON. So a text is kept as the JSON string that it stood in, with quotes and
 * escapes ("raw"): it goes from one body into the other without being decoded, and numbers keep all
 * their digits. A raw span with at == NULL says that there was none. Everything lies in the bytes that
 * were read or in the arena that was given. */
#ifndef LLM_MESSAGE_H
#define LLM_MESSAGE_H

#include "base/arena.h"
#include "base/span.h"
#include "llm/chat.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- a conversation ---- */

enum part_kind {
    PART_TEXT,     /* text */
    PART_IMAGE,    /* data and media, or text: its URL */
    PART_DOCUMENT, /* likewise */
    PART_CALL,     /* id, name, input */
    PART_RESULT,   /* id, content */
    PART_THINKING, /* text, signature */
    PART_REDACTED, /* text: thinking that only its provider can read */
};

struct part {
    struct part *next;
    enum part_kind kind;
    struct span text;      /* raw string */
    struct span media;     /* decoded: "image/png" */
    struct span data;      /* base64, without anything that JSON would escape */
    struct span id;        /* raw string: what joins a call and its result */
    struct span name;      /* raw string */
    struct span input;     /* raw object */
    struct span signature; /* raw string; see below */
    struct part *content;  /* texts and images */
    bool failed;           /* a result: the tool says that it failed */
    struct span cache;     /* raw object: cache_control as Anthropic writes it */
};

/* A signature is a provider's proof that a thought or a call is its own: it wants it back, and no other
 * does. Anthropic's stand as they came; another's begins with the name of its language: "gemini:AbC=". */
struct span signature_mark(const char *language, struct span raw, struct arena *arena);

/* Without the name and without quotes; false: it is another's. */
bool signature_unmark(const char *language, struct span signature, struct span *ret);
bool signature_marked(struct span signature); /* with whosever name */

enum turn_role { TURN_SYSTEM, TURN_USER, TURN_ASSISTANT, TURN_TOOL };

struct turn {
    struct turn *next;
    enum turn_role role;
    struct part *parts;
};

struct tool {
    struct tool *next;
    struct span name;        /* raw string */
    struct span description; /* raw string */
    struct span schema;      /* raw object */
    struct span cache;       /* as in a part */
    bool strict;
};

enum tool_choice {
    CHOICE_UNSAID,
    CHOICE_AUTO,
    CHOICE_NONE,
    CHOICE_REQUIRED, /* some tool */
    CHOICE_NAMED,    /* this one */
};

/* Plain values that more than one language knows. */
enum param {
    PARAM_TEMPERATURE,
    PARAM_TOP_P,
    PARAM_TOP_K,
    PARAM_FREQUENCY_PENALTY,
    PARAM_PRESENCE_PENALTY,
    PARAM_SEED,
    PARAM_N,
    PARAM_LOGPROBS,
    PARAM_TOP_LOGPROBS,
    PARAM_SERVICE_TIER,
    PARAMS,
};

extern const char *const param_names[PARAMS]; /* as OpenAI spells them */

/* Something that only the client's own language knows. */
struct peculiar {
    struct peculiar *next;
    const char *name;
    bool hint; /* leaving it out changes nothing of the answer */
};

struct text {
    struct text *next;
    struct span raw;
};

enum answer_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

struct conversation {
    struct turn *turns;
    struct tool *tools;
    enum tool_choice choice;
    struct span choice_name;    /* raw string */
    bool one_call;              /* no parallel calls */
    struct span params[PARAMS]; /* raw; at == NULL: not said, or as good as not */
    uint64_t max_tokens;        /* 0: not said */
    struct text *stops;
    enum answer_format format;
    struct span schema; /* raw object */
    struct span effort; /* decoded: how hard to think; at == NULL: not said */
    uint64_t budget;    /* the same in tokens; 0: not said so */
    struct span user;   /* decoded */
    bool stream;
    struct peculiar *peculiar;
};

/* ---- what a language cannot say ---- */

enum { LOSSES_BYTES = 256 };

/* Nothing is lost in silence: either the request is refused by the name of the parameter, or its name
 * stands in `names`. */
struct losses {
    const char *language;        /* "Anthropic's API": for the sentence */
    bool drop;                   /* the operator wants that rather than a refusal */
    struct arena *arena;         /* of the sentence */
    struct chat_problem problem; /* the first that may not be dropped; code == NULL: none */
    char names[LOSSES_BYTES];    /* with commas between; "": none */
    size_t names_size;
};

/* It cannot be said: `why`, when it is not NULL, is a clause such as "it goes from 0 to 1". */
void losses_add(struct losses *losses, const char *param, const char *why);

/* It makes no difference to the answer: never a reason to refuse. */
void losses_hint(struct losses *losses, const char *param);

/* ---- an answer ---- */

enum finish {
    FINISH_NONE,
    FINISH_STOP,
    FINISH_LENGTH,
    FINISH_CALLS,
    FINISH_FILTER, /* the provider would not */
};

struct reply {
    bool failed; /* an error in a 200: `error` is filled */
    bool malformed;
    struct span id;      /* raw string */
    struct span model;   /* raw string */
    struct part *parts;  /* text, calls, thinking */
    struct span refusal; /* raw string: why the provider would not */
    enum finish finish;
    struct usage usage;
    struct llm_error error;
};

/* ---- an answer as it comes ---- */

enum delta_kind {
    DELTA_NOTHING,   /* not worth a word to the client */
    DELTA_PING,      /* shows life */
    DELTA_START,     /* id, name: of the model */
    DELTA_TEXT,      /* text */
    DELTA_THINKING,  /* text, of block `index` */
    DELTA_SIGNATURE, /* text, of block `index` */
    DELTA_REDACTED,  /* text, of block `index` */
    DELTA_CALL,      /* a call begins: id, name, of call `index` */
    DELTA_ARGUMENTS, /* text: a fragment of its JSON */
    DELTA_FINISH,    /* finish; text: the refusal, if any */
    DELTA_END,       /* the answer is whole; usage: all of it */
    DELTA_FAILED,    /* error */
    DELTA_MALFORMED, /* not of the language */
};

struct delta {
    struct delta *next; /* what else the same event says; NULL: nothing */
    enum delta_kind kind;
    uint32_t index;        /* of thinking blocks and of calls, each counted from 0 */
    struct span text;      /* raw string */
    struct span id;        /* raw string */
    struct span name;      /* raw string */
    struct span signature; /* of a call; raw string */
    bool closing;       /* a thought without words, for the signature of what was said last */
    enum finish finish; /* said here; the client may be told later */
    struct usage usage; /* known only if it says something new; of an event's first delta */
    bool begun;         /* of the usage only what went in is known yet */
    struct llm_error error;
};

/* A call whose arguments may still be coming, as its provider names it. */
struct open_call {
    uint64_t id;    /* a hash of it; 0: it has none */
    uint32_t index; /* CALL_UNNUMBERED: it has none */
};

enum { OPEN_CALLS = 8 };

#define CALL_UNNUMBERED UINT32_MAX

/* What the reader of a stream must remember between events. All zero at its beginning. */
struct delta_reader {
    struct usage usage;
    enum delta_kind
        block;      /* that is open: DELTA_TEXT, DELTA_THINKING, DELTA_CALL; or DELTA_NOTHING */
    bool silent;    /* it is a call whose arguments have not begun */
    uint32_t calls; /* begun so far */
    uint32_t thoughts;                 /* likewise */
    struct open_call open[OPEN_CALLS]; /* the last that began: call N in N % OPEN_CALLS */
    uint64_t seed;                     /* what ids are made of where there are none */
    bool begun;                        /* DELTA_START has been said */
    bool spoke;                        /* likewise something that may have been sent */
    bool refused;                      /* the provider would not */
    bool finished;                     /* DELTA_FINISH has been said */
    enum finish finish;                /* known, and not yet said: more may follow */
};

/* How far a call's arguments have come, which are JSON in pieces. */
struct arguments {
    uint32_t depth; /* open brackets */
    bool string;    /* inside a string */
    bool escaped;   /* behind its backslash */
    bool whole;     /* what was open is closed */
};

/* What the writer of a stream must remember. Set up before the first delta; `envelope` begins empty. */
struct delta_writer {
    const char *fallback_id; /* plain text, for an answer that comes without an id */
    struct span model;       /* decoded, likewise */
    uint64_t created_s;      /* when the answer began, in seconds since 1970 */
    uint64_t input;          /* about so many tokens went in; 0: not known */
    bool usage;              /* the client wants to be told */
    bool begun;
    struct buf *envelope; /* what every event begins with; or deltas that must wait */
    size_t begins;        /* of it: where both stand there, deltas behind this */
    bool garbled;         /* the model wrote something that is no call */

    /* of languages that tell where a block begins and ends */
    enum delta_kind open;       /* DELTA_TEXT, DELTA_THINKING, DELTA_CALL; or DELTA_NOTHING */
    uint32_t open_index;        /* as in the deltas */
    uint32_t blocks;            /* begun so far */
    bool signed_off;            /* the open one is thinking, and has its signature */
    bool called;                /* a tool */
    uint32_t waiting;           /* calls that wait for the open one */
    struct arguments arguments; /* of the open call */
    enum finish finish;
};

#endif
