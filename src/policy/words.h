/* words: figures as people read them, in reasons. */
#ifndef POLICY_WORDS_H
#define POLICY_WORDS_H

#include "base/buf.h"

#include <stdint.h>

/* "2.5 %" of millionths; two digits behind the point, cut and not rounded: 2.009 % is not yet 2.01. */
void words_percent(uint64_t millionths, struct buf *out);

/* "2h 5m", "12m 30s", "45s", "300ms": two units at most. */
void words_duration(uint64_t ms, struct buf *out);

/* "1600 ms", rounded. */
void words_ms(uint64_t us, struct buf *out);

/* "$1250.50" of micro-dollars, cut to cents. */
void words_dollars(uint64_t micros, struct buf *out);

#endif
