/* peek: reading members of a parsed request without caring whether they are there. */
#ifndef MOCK_PEEK_H
#define MOCK_PEEK_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

/* The string that `value` is, lent by its document; empty when it is none. */
struct span peek_string(yyjson_val *value);

/* The string member `name` of `object`; empty when there is none. */
struct span peek_text(yyjson_val *object, const char *name);

/* The unsigned member `name`; `otherwise` when it is absent or something else. */
uint64_t peek_u64(yyjson_val *object, const char *name, uint64_t otherwise);

/* Whether the member `name` is `true`. */
bool peek_true(yyjson_val *object, const char *name);

/* The bytes of all strings in `value`, keys included: the mock's measure of a prompt. */
uint64_t peek_string_bytes(yyjson_val *value);

#endif
