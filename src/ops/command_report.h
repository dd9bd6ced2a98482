/* command_report: `sluice report`: what a running gateway did, for people or as JSON. */
#ifndef OPS_COMMAND_REPORT_H
#define OPS_COMMAND_REPORT_H

#include <stdbool.h>

/* Asks the gateway at `url` (without a slash at its end) with that admin key (NULL: none) for its report over
 * `window` (NULL: an hour) and prints that. Returns the exit code. */
int command_report(const char *url, const char *key, const char *window, bool json);

#endif
