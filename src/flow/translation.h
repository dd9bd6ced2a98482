/* translation: one attempt at a provider whose language is not the client's (llm/translate.h). An attempt in
 * the client's own language has only its dialect here. */
#ifndef FLOW_TRANSLATION_H
#define FLOW_TRANSLATION_H

#include "base/buf.h"
#include "llm/dialect.h"
#include "policy/route.h"

#include <stdbool.h>

struct attempt;
struct exchange;
struct fetch_request;

struct translation {
    const struct dialect *dialect; /* of the provider */
    bool on;                       /* it is not the client's */
    struct buf body;               /* the request as it goes up; set up when `on` */
    const char *dropped; /* what could not be said there, for the client; NULL: nothing */
};

/* Where the target takes such requests: origin and path. False: its URL cannot be used. */
bool translation_place(struct exchange *ex, const struct plan_step *step,
                       struct fetch_request *ret);

/* Makes the request of the attempt: in its pieces. False: it cannot be said there, and ex->unsayable says
 * why; another target may be able to. */
bool translation_request(struct exchange *ex, struct attempt *attempt,
                         const struct plan_step *step);

/* The upstream has what it needs of the request. */
void translation_forget(struct attempt *attempt);

/* The answer is a stream: readies attempt->relay. */
void translation_stream(struct exchange *ex, struct attempt *attempt);

/* The whole answer: sent to the client unless `ret` says that it is none. */
void translation_answer(struct exchange *ex, struct attempt *attempt, struct span body,
                        struct buf *out, struct llm_answer *ret);

#endif
