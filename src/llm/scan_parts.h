/* scan_parts: what the files of scan have in common. */
#ifndef LLM_SCAN_PARTS_H
#define LLM_SCAN_PARTS_H

#include "base/err.h"
#include "llm/scan.h"

#include <stdbool.h>

/* One string, or one number: they start at *at and leave it behind what they skipped, or where they
 * noticed an error. */

/* *at stands behind the opening quote; afterwards, behind the closing one. */
bool scan_skip_string(const char **at, const char *end);

/* ERR_SYNTAX; ERR_TOO_BIG for too many digits and for what no double can hold. */
enum err scan_skip_number(const char **at, const char *end);

/* What kind of value begins with this byte. */
enum json_kind scan_kind_of(char first);

/* The one that has this name; NULL: none. `key` is raw, with its quotes. */
struct scan_field *scan_find_field(struct scan_field *fields, size_t count, struct span key);

#endif
