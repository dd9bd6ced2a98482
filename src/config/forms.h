/* forms: what texts of the configuration may look like. Pure. */
#ifndef CONFIG_FORMS_H
#define CONFIG_FORMS_H

#include "base/span.h"

#include <stdbool.h>

bool form_is_line(struct span text);    /* UTF-8 without control characters */
bool form_is_visible(struct span text); /* ASCII without spaces and control characters */
bool form_is_label(struct span text);   /* the same, as long as the name of a model */
bool form_is_name(struct span text);    /* letters, digits, "-", "_", "."; at most 64 */
bool form_is_token(struct span text);   /* the name of a header */
bool form_is_path(struct span text);
bool form_is_hash(struct span text);    /* sha256: and 64 lower-case hex digits */
bool form_is_address(struct span text); /* HOST:PORT to listen on; port 0 is any */

/* An upstream: no user, no query, no fragment, so that it holds no secret and takes a path. */
bool form_is_url(struct span text);
/* Where events are sent: it may have a query, but no user and no fragment. */
bool form_is_hook(struct span text);
bool form_is_proxy(struct span text); /* may hold USER:PASSWORD@ */

/* What follows http:// or https://; false when neither does. */
bool form_skip_scheme(struct span text, struct span *ret);

#endif
