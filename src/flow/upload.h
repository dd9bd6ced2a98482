/* upload: a form (multipart/form-data) on its way from the client to a target, while it comes.
 *
 *     client --> http inbox --> form ----------------> fetch_feed() --> upstream
 *                                |  as it came, but for the name of the model
 *                                +-- multipart: where does `model` stand?
 *
 * Files flow through: what is kept of a form are its first LIMIT_FORM_KEPT_BYTES, for as long as no
 * more than that has come, so that another target can be tried; afterwards a window, and this attempt
 * is the last. Only what stands in front of `model` has to be held, up to LIMIT_FORM_HELD_BYTES, because
 * nobody knows yet where to send it.
 *
 * An upstream that reads slowly lets the form fill, which stops reading from the client; a client that
 * sends slowly is for its own clock. An exchange whose endpoint takes JSON has no upload. */
#ifndef FLOW_UPLOAD_H
#define FLOW_UPLOAD_H

#include "base/span.h"
#include "flow/exchange.h"

#include <stdbool.h>

struct attempt;
struct exchange;
struct fetch_request;
struct plan_step;

/* For ADMIT, in place of waiting for the whole body: EXCHANGE_PLAN once ex->chat.model is known. */
enum exchange_state upload_admit(struct exchange *ex);

/* The form goes to this target, from its beginning. */
void upload_start(struct exchange *ex, const struct plan_step *step,
                  struct fetch_request *request);

/* "Content-Type: multipart/form-data; boundary=...", in the arena. */
struct span upload_content_type(const struct exchange *ex);

/* Moves on what has come. False: the form turned out to be wrong, and ex->error says how. */
bool upload_go_on(struct exchange *ex, struct attempt *attempt);

/* Is its beginning still here? */
bool upload_may_restart(const struct exchange *ex);

/* Has all of it come? */
bool upload_is_whole(const struct exchange *ex);

/* Nobody needs it any more. */
void upload_forget(struct exchange *ex);
void upload_free(struct exchange *ex);

#endif
