/* exchange_state: the inside of an exchange, for the files of flow/ alone. */
#ifndef FLOW_EXCHANGE_STATE_H
#define FLOW_EXCHANGE_STATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "flow/clocks.h"
#include "flow/env.h"
#include "flow/exchange.h"
#include "flow/keys.h"
#include "flow/limiting.h"
#include "flow/overrides.h"
#include "flow/refusal.h"
#include "flow/translation.h"
#include "llm/relay.h"
#include "net/fetch.h"
#include "net/http.h"
#include "net/loop.h"
#include "policy/auth.h"
#include "policy/hedge.h"
#include "policy/route.h"

#include <stdalign.h>
#include <stddef.h>

enum { EXCHANGE_ROOM = 512 };

/* What the answer of an attempt turned out to be, once its head was here. */
enum answer_kind {
    ANSWER_UNKNOWN,
    ANSWER_STREAM, /* server-sent events: relayed event by event */
    ANSWER_JSON,   /* held whole while it is small, else passed through */
    ANSWER_BYTES,  /* anything else, from an endpoint that has it: passed through */
    ANSWER_ERROR,  /* an error status: read, then judged */
};

/* One try at one target. It never moves: its fetch borrows from it. */
struct attempt {
    const struct plan_step *step;
    struct breaker_ticket ticket;
    enum answer_kind kind;
    bool key_to_blame; /* it failed by its key, and there is another: no fault of the target */
    bool second;       /* it was started beside another */
    bool connected;
    bool relaying;             /* `relay` is set up */
    struct key_pool *key_pool; /* NULL: nothing is learnt of its key */
    uint64_t key_id;
    struct fetch *fetch;  /* NULL: none runs */
    struct clocks clocks; /* CONNECT, FIRST_BYTE, IDLE, HEDGE */
    struct buf held;      /* role-only and ping events before the commit */
    struct hedge *pace;   /* what is known of its model; NULL: it is not one that is hedged */
    uint64_t started_us;
    uint64_t started_ms; /* the loop's clock */
    uint64_t received;   /* body bytes seen so far: what the idle clock watches */
    struct relay relay;
    struct span pieces[RELAY_PIECES_MAX]; /* of the request */
    size_t piece_count;
    struct translation translation;
};

/* How an attempt ended: the metric's `outcome`, and what the breaker makes of it. */
enum attempt_outcome {
    ATTEMPT_OK,
    ATTEMPT_CLIENT_ERROR,
    ATTEMPT_RATE_LIMIT,
    ATTEMPT_SERVER_ERROR,
    ATTEMPT_TIMEOUT,
    ATTEMPT_CONNECTION_ERROR,
    ATTEMPT_TRUNCATED,
    ATTEMPT_AUTH,
    ATTEMPT_CANCELLED,
};

/* How the exchange ended, for the log and the metrics. */
enum outcome {
    OUTCOME_OK,
    OUTCOME_REFUSED,      /* the gateway said no without asking an upstream */
    OUTCOME_CLIENT_ERROR, /* the upstream said that the request is wrong */
    OUTCOME_FAILED,       /* no upstream could answer */
    OUTCOME_BROKEN,       /* the answer had begun and did not come to its end */
    OUTCOME_CANCELLED,    /* the client left */
};

struct exchange {
    uint32_t magic;
    enum exchange_state state;
    struct task task;
    struct job grave;
    struct list link; /* in env->exchanges */
    struct env *env;
    struct config *config; /* a reference */
    struct http *http;     /* NULL once the reply was ended */
    const struct endpoint *endpoint;
    struct arena arena;
    struct clocks clocks; /* all but those of the attempts */

    /* who, what, where */
    const char *id;
    struct caller caller;
    struct chat chat;
    struct upload *upload;    /* of a form; NULL: the body is JSON */
    struct chat_ahead *ahead; /* of a long body, which is read while it comes; NULL: nothing */
    const struct config_model *model; /* asked for, or meant by it; NULL: not known yet */
    const struct plan_step *plan;     /* in the arena */
    uint32_t plan_count;
    uint32_t plan_at;            /* the next step to try */
    uint32_t left_out;           /* targets that are not in it because their breaker is open */
    enum llm_class left_out_for; /* how the first of these failed last */
    const struct plan_skip *skipped; /* in the arena: for the admin view */
    uint32_t skipped_count;
    bool fallbacks_planned;  /* other models' targets are in it, where there are any */
    bool switched;           /* they come first: the model has been switched away from */
    bool planned;            /* `side` was chosen */
    struct side_choice side; /* of `model` */
    struct overrides overrides;
    struct limiting limiting;

    /* its turn */
    struct list turn;          /* in env->slots while it waits */
    uint64_t turn_us;          /* since when */
    uint64_t queued_us;        /* so long it has waited */
    uint64_t busy;             /* a bit for each step of the plan whose target was full */
    struct target_state *slot; /* of that target; given to it, not used yet */

    /* tries */
    struct attempt *attempt; /* that runs, or ran last; of two the older, or who answers */
    struct attempt first;    /* room for it */
    struct attempt *hedge;   /* that runs beside it, in AWAIT alone; NULL: none */
    bool hedged;             /* there was one: not again */
    const struct hedge *counted_by; /* the last whose budget knows of this request */
    uint32_t attempts;
    uint32_t rounds;            /* times that the whole plan was tried */
    uint32_t attempts_before;   /* those of earlier rounds */
    bool stale_retried;         /* a kept connection was dead once: not again */
    struct llm_error error;     /* of the last attempt, or of the refusal */
    struct llm_error unsayable; /* why a target was passed over; status 0: none was */
    struct span error_body;   /* the upstream's own words, to be passed on; at == NULL: ours */
    uint32_t retry_after_ms;  /* what an upstream asked for, or we do; 0: nothing */
    enum llm_class moved_for; /* why the first target was left */

    /* the reply */
    uint64_t ended_us; /* the reply was complete */
    struct buf tail;   /* the end of an answer too long to be held */
    bool head_sent;    /* status and headers have gone: an error is an event now */
    bool committed;    /* content has gone: no other target may answer */
    bool interrupted;  /* the drain is over: end it */
    bool counted;      /* it has one of the gateway's slots */
    bool streaming;    /* it is in env->streams */
    bool guessed;      /* what is answered is an estimate of ours */
    unsigned status;   /* sent, or 499 */
    uint64_t sent_ms;  /* when the client last got a byte */

    /* the account */
    enum outcome outcome;
    struct usage usage;
    uint64_t prompt_tokens; /* estimated; for a stream whose usage may not come */
    uint64_t received_us;   /* the first byte of the request */
    uint64_t ready_us;      /* its body was whole */
    uint64_t opened_us;     /* the last attempt was started */
    uint64_t content_us;    /* the first content event was here */
    uint64_t committed_us;
    struct span logged_body; /* its beginning, with `log.bodies` alone */
    uint64_t body_bytes;
    uint64_t out_bytes;
    const char *cancelled_in; /* what the client did not wait for: the metric's `phase` */

    /* Where the arena begins; most exchanges need no more. The last member: it is not cleared. */
    alignas(max_align_t) char room[EXCHANGE_ROOM];
};

/* Each looks at the facts and returns the next state; its own means waiting. */
enum exchange_state admit_auth(struct exchange *ex);
enum exchange_state admit_body(struct exchange *ex);
enum exchange_state admit_plan(struct exchange *ex);
enum exchange_state open_step(struct exchange *ex);
enum exchange_state await_step(struct exchange *ex);
enum exchange_state stream_step(struct exchange *ex);
enum exchange_state refuse_step(struct exchange *ex);
enum exchange_state settle_step(struct exchange *ex);

/* Says why the body that was to come is none; EXCHANGE_REFUSE. */
enum exchange_state admit_refuse_body(struct exchange *ex);

/* The loop's clock. */
uint64_t exchange_now_ms(const struct exchange *ex);

/* Remembers why not and returns EXCHANGE_REFUSE. The text is a format, kept in the arena. */
enum exchange_state refuse(struct exchange *ex, enum refusal refusal, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- slots: flow/slots.h says what they are ---- */

/* Takes a slot, or a place in the queue: EXCHANGE_ADMIT. Else EXCHANGE_REFUSE. */
enum exchange_state slots_enter(struct exchange *ex);

/* It has none yet: waits on, or says that it was too long. */
enum exchange_state slots_wait(struct exchange *ex);

/* Everything it has or waits for goes to the others. */
void slots_settle(struct exchange *ex);

/* Must it leave that target to others? Then it is noted in ex->busy. */
bool slots_target_busy(struct exchange *ex, uint32_t at);
void slots_target_take(struct exchange *ex, const struct plan_step *step);
void slots_target_free(struct env *env, struct target_state *state);

/* All that is left of the plan is full. Waits for one of them: EXCHANGE_OPEN with ex->slot when it has
 * one; else EXCHANGE_REFUSE. */
enum exchange_state slots_target_wait(struct exchange *ex);

/* The slot that it was given is of no use to it. */
void slots_target_return(struct exchange *ex);

/* ---- plan ---- */

/* Puts the model that the request's task means in the place of a virtual one. EXCHANGE_PLAN, or
 * EXCHANGE_REFUSE. */
enum exchange_state plan_task(struct exchange *ex);

/* Plans the targets of ex->model. */
void plan_own(struct exchange *ex);

/* "blue" or "green": of the target that answers, or was asked last; else what was chosen. NULL: nothing
 * was. */
const char *plan_side(const struct exchange *ex);

/* They are used up: adds those of other models, once. False: there is nothing new. */
bool plan_fallbacks(struct exchange *ex);

/* Nobody is in the plan, because of their breakers: another one, with those that may be tried early. */
void plan_last_resort(struct exchange *ex);

/* ex->error is one that no other target of the model would answer differently. When `fallback_on` names
 * models for it, goes on behind the model that failed; else false. */
bool plan_skip_model(struct exchange *ex);

/* ---- attempt ---- */

/* The attempt is over: accounts for it, cancels what still runs, keeps nothing. */
void attempt_end(struct exchange *ex, struct attempt *attempt, enum attempt_outcome outcome);
enum attempt_outcome attempt_outcome_of(const struct llm_error *error);

/* After ex->error: may another target be tried, may the same one, after a while? */
bool attempt_may_move(const struct exchange *ex);
bool attempt_may_repeat(const struct exchange *ex);

/* Do we ask this provider for the usage of a stream, which the client did not? */
bool attempt_injects_usage(const struct exchange *ex, const struct config_provider *provider);

/* Remembers an error whose words may lie in what the attempt takes with it. */
void attempt_keep_error(struct exchange *ex, struct llm_error error);

/* Looks at what has come since the last time: runs the clocks of this attempt. */
void attempt_note_bytes(struct exchange *ex, struct attempt *attempt);

/* The error that an expired clock, or a failed transfer, stands for. */
struct llm_error attempt_clock_error(enum clock_name clock);
struct llm_error attempt_fetch_error(const struct attempt *attempt);

/* Starts the attempt at that target, when its breaker lets us in. */
bool attempt_start(struct exchange *ex, struct attempt *attempt, const struct plan_step *step);

/* ---- hedge: a second attempt beside the first, see hedge.c ---- */

/* This attempt has begun at a model that is hedged: when may a second? */
void hedge_arm(struct exchange *ex, struct attempt *attempt);

/* The time has come: starts it, where everything allows. */
void hedge_start(struct exchange *ex);

/* This attempt has content: it is the one that answers, the other is cancelled. */
void hedge_choose(struct exchange *ex, struct attempt *attempt);

/* This one of two has ended: the other goes on alone. */
void hedge_leave(struct exchange *ex, const struct attempt *attempt);

/* Nobody waits for the second any more. */
void hedge_drop(struct exchange *ex);

/* For the receipt of a second attempt. */
void hedge_account(struct exchange *ex, const struct attempt *attempt,
                   enum attempt_outcome outcome);

/* ---- ledger ---- */

/* This attempt has ended: what it came to stands on the page of its target. */
void ledger_attempt(struct exchange *ex, const struct attempt *attempt,
                    enum attempt_outcome outcome);

/* ---- sink ---- */

void sink_start_stream(struct exchange *ex);
void sink_start_json(struct exchange *ex, unsigned status, int64_t length);
void sink_start_bytes(struct exchange *ex, unsigned status, struct span type, int64_t length);
void sink_bytes(struct exchange *ex, struct span bytes);

/* Sends a comment when the client has seen nothing for `sse_comment`; of a stream only. */
void sink_keep_alive(struct exchange *ex);

/* Says ex->error: as a whole reply, or as an event where the head has gone. Ends the reply. */
void sink_error(struct exchange *ex);
void sink_end(struct exchange *ex); /* the reply is complete */
void sink_cut(struct exchange *ex); /* it cannot be completed honestly */
size_t sink_room(const struct exchange *ex);

/* ---- receipt: all that is learnt, each exactly once ---- */

void receipt_attempt(struct exchange *ex, struct attempt *attempt,
                     enum attempt_outcome outcome);
/* An attempt has begun; so has its answer. */
void receipt_asked(const struct exchange *ex, const struct attempt *attempt);
void receipt_content(const struct exchange *ex, const struct attempt *attempt);
void receipt_exchange(struct exchange *ex);
uint64_t receipt_overhead_us(const struct exchange *ex); /* its time in the gateway alone */

#endif
