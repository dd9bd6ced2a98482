/* scan_parts: one string or one number in a text that is being scanned; for scan.c alone.
 *
 * Both start at *at and leave it behind what they skipped, or where they noticed an error. */
#ifndef LLM_SCAN_PARTS_H
#define LLM_SCAN_PARTS_H

#include "base/err.h"

#include <stdbool.h>

/* *at stands behind the opening quote; afterwards, behind the closing one. */
bool scan_skip_string(const char **at, const char *end);

/* ERR_SYNTAX; ERR_TOO_BIG for too many digits and for what no double can hold. */
enum err scan_skip_number(const char **at, const char *end);

#endif
