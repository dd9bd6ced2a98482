/* trial: one small call of the gateway's own to a provider: a free GET, or a chat completion of one token.
 * For probes, and for the test before a step of a rollout.
 *
 * Embed it, zeroed. The task is woken with every fact of the fetch; whoever has seen enough closes it. */
#ifndef OPS_TRIAL_H
#define OPS_TRIAL_H

#include "base/arena.h"
#include "config/config.h"
#include "net/fetch.h"

#include <stdbool.h>
#include <stdint.h>

struct gateway;

struct trial {
    struct fetch *fetch; /* NULL: none runs */
    struct arena arena;  /* of the call */
    struct span body;
    bool prompt;
    uint64_t started_us;
};

/* Where it goes. */
struct trial_place {
    const struct config_provider *provider;
    const struct config_region *region; /* NULL: the provider is in one place */
};

/* Asks for `path` behind the base URL. False: the address cannot be used. */
bool trial_get(struct trial *trial, struct gateway *gateway, const struct trial_place *place,
               const char *path, struct task *task);

/* Asks that model, as the provider calls it, for one token: this is billed. */
bool trial_prompt(struct trial *trial, struct gateway *gateway, const struct trial_place *place,
                  const char *model, struct task *task);

/* The answer is complete, has failed, or is longer than anybody wants; what came of it is dropped unless
 * `keep`. */
bool trial_answered(struct trial *trial, bool keep);

/* Of an answered one: did it go well? To a GET any answer below 500 is good; to a prompt a good one, or one
 * that finds fault with the prompt. */
bool trial_good(const struct trial *trial);

/* From its start to the first byte of the answer; 0: none came. */
uint32_t trial_took_ms(const struct trial *trial);

void trial_close(struct trial *trial);

#endif
