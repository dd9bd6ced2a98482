/* call_guard: is a call of the admin plane one that a browser was tricked into?
 *
 * A page of another site may send requests to an address that the operator's browser can reach, also under
 * a name of its own that leads there (DNS rebinding). It has no key, so it gets nowhere; it is refused
 * before its key is looked at all the same:
 *
 *     Origin   where there is one, it must name the Host that is asked
 *     Host     an address, `localhost` or one of `admin.hosts`; on a listener that others than this
 *              machine reach, and without `admin.hosts`, any name */
#ifndef OPS_CALL_GUARD_H
#define OPS_CALL_GUARD_H

#include "config/config.h"
#include "net/http.h"

/* NULL: fine. Else the sentence to refuse it with. */
const char *call_guard(const struct http_request *request, const struct config *config);

#endif
