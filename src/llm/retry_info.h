/* retry_info: google.rpc.RetryInfo, with which Google's APIs say in the body of an error how long to wait:
 * {"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"37s"}]}}, also
 * wrapped in an array of one. */
#ifndef LLM_RETRY_INFO_H
#define LLM_RETRY_INFO_H

#include "base/span.h"

enum { RETRY_INFO_DETAILS_MAX = 32 }; /* looked at, of one error */

/* The delay as it stands, "37s"; at == NULL: none. Lent from `body`. */
struct span retry_info_delay(struct span body);

#endif
