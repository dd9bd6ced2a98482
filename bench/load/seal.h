/* seal: the client's side of TLS, in memory: no socket here. The server's certificate is not looked at:
 * what is measured is its work, not who it is. Sessions are not resumed, so that each connection costs
 * a whole handshake. */
#ifndef LOAD_SEAL_H
#define LOAD_SEAL_H

#include "base/buf.h"

#include <stdbool.h>

struct seal_rule; /* what all connections of a round share */
struct seal;      /* of one connection */

struct seal_rule *seal_rule_new(void);
void seal_rule_free(struct seal_rule *rule); /* NULL is fine */

struct seal *seal_new(struct seal_rule *rule);
void seal_free(struct seal *seal); /* NULL is fine */

enum seal_state {
    SEAL_GREETING, /* wants more cipher text */
    SEAL_OPEN,
    SEAL_CLOSED, /* the peer said goodbye */
    SEAL_FAILED,
};

/* Takes cipher text that has arrived, none at the begin; appends clear text to `clear` and what must
 * be sent to `out`. */
enum seal_state seal_read(struct seal *seal, struct span cipher, struct buf *clear,
                          struct buf *out);

/* Encrypts all of `clear` behind `out`; false when it cannot. */
bool seal_write(struct seal *seal, struct span clear, struct buf *out);

#endif
