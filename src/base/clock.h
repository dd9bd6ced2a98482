/* clock: what time it is. Only flow/, ops/, net/ and main ask; policy/ and llm/ are told. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_us(void);      /* monotonic: for durations and deadlines */
uint64_t clock_wall_ms(void); /* since 1970, may jump: for people and for expiry dates */

/* The same as of the kernel's last tick, some milliseconds ago, at a quarter of the price: for what is
 * told in seconds or days, for each request. */
uint64_t clock_wall_coarse_ms(void);

/* "2026-11-21T02:34:43.123Z" into `text`. */
enum { CLOCK_TEXT_SIZE = 25 };

void clock_text(uint64_t wall_ms, char text[CLOCK_TEXT_SIZE]);

#endif
