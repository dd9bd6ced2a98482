/* rollout_json: a rollout as the store keeps it, and back. */
#ifndef OPS_ROLLOUT_JSON_H
#define OPS_ROLLOUT_JSON_H

#include "base/digest.h"
#include "base/json.h"
#include "policy/rollout.h"

#include <stdbool.h>

/* A rollout, and of which release it is: a digest of the model's green targets and its split. */
struct rollout_kept {
    struct rollout rollout;
    char release[DIGEST_HEX_SIZE];
};

void rollout_json_write(const struct rollout_kept *kept, struct buf *out);

/* False: it is none that could be ours. */
bool rollout_json_read(struct span json, struct rollout_kept *ret);

#endif
