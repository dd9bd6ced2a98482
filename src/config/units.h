/* units: numbers as people write them. Pure; a reader leaves *ret untouched when it answers false. */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include "base/buf.h"
#include "base/span.h"

/* "true", "false" and nothing else. */
bool units_read_bool(struct span text, uint64_t *ret);
void units_print_bool(uint64_t value, struct buf *out);

/* "1500" */
bool units_read_count(struct span text, uint64_t *ret);
void units_print_count(uint64_t value, struct buf *out);

/* "500ms" "30s" "5m" "1h" "0"; milliseconds. */
bool units_read_duration(struct span text, uint64_t *ret);
void units_print_duration(uint64_t ms, struct buf *out);

/* "p50" to "p99", flagged; or a duration from "1ms" to "10m". */
bool units_read_delay(struct span text, uint64_t *ret);
void units_print_delay(uint64_t delay, struct buf *out);

/* "64KiB" "50MiB" "1GiB" "512B", or bytes alone. */
bool units_read_size(struct span text, uint64_t *ret);
void units_print_size(uint64_t bytes, struct buf *out);

/* "8.00" with up to six digits behind the point; micro-dollars. */
bool units_read_money(struct span text, uint64_t *ret);
void units_print_money(uint64_t micros, struct buf *out);

/* "0.2", read as money is. */
void units_print_share(uint64_t millionths, struct buf *out);

/* "2027-01-01" (begins at 00:00 UTC) or "2027-01-01T12:30:00Z"; milliseconds since 1970. */
bool units_read_date(struct span text, uint64_t *ret);
void units_print_date(uint64_t wall_ms, struct buf *out);

#endif
