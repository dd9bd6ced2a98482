/* resident: what the process has in memory, as the system counts it. */
#ifndef BASE_RESIDENT_H
#define BASE_RESIDENT_H

#include <stdint.h>

/* Of memory that is no file's: heap, stack, data that was written to. Costs some microseconds; 0: not
 * known here. */
uint64_t resident_own_bytes(void);

/* All of it, with code and constants. */
uint64_t resident_bytes(void);

/* Lets go of the pages of code and constants, ours and the libraries': much of it serves only the start.
 * What is needed again comes back from the page cache by itself. Pages that are not as in their file
 * (breakpoints, probes, relocations) stay. Costs less than a millisecond. */
void resident_drop_code(void);

#endif
