/* call_change: what the calls that change settings share.
 *
 *     body = call_json_body(call)              else it has been refused
 *     call->change = change_start(…);
 *     call->awaits = answer;                   answer(): if (call_in_force(call)) write what is in force
 */
#ifndef OPS_CALL_CHANGE_H
#define OPS_CALL_CHANGE_H

#include "base/arena.h"
#include "base/json.h"

#include <stdbool.h>

struct call;

/* The path of a setting as config_changes.h has it, from the arena. The names end with NULL. */
const char *call_setting_path(struct arena *arena, const char *const *names);

/* Gives the body; NULL: the call has been refused. */
struct json_doc *call_json_body(struct call *call);

/* For call->awaits. True, once: what was asked for is in force. Else the call waits on, or has been refused:
 * 409 with the reasons when the configuration would not stand, 503 when it could not be saved. */
bool call_in_force(struct call *call);

#endif
