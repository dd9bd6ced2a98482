/* call_path: the paths of the calls, with their open places.
 *
 *     /admin/providers/{name}/keys
 *     /admin/models/{model}/targets/{target}
 *
 * An open place takes at least one byte, and as many segments as stand before what follows it in the
 * pattern, because the names of models may hold slashes: of several ways the longest first place. */
#ifndef OPS_CALL_PATH_H
#define OPS_CALL_PATH_H

#include "base/span.h"

#include <stdbool.h>

enum { CALL_PLACES_MAX = 2 }; /* open places of one pattern */

/* Is `path` of this pattern? What stands in its open places is lent in ret_places, as it came. */
bool call_path_fits(const char *pattern, struct span path,
                    struct span ret_places[CALL_PLACES_MAX]);

#endif
