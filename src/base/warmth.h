/* warmth: what a chunk of a stream does not pass stays out of line. Between two chunks the processor does something
 * else; then it fetches the way of a chunk anew, and with it what lies between its pieces: some 2 % of
 * what a chunk costs. */
#ifndef BASE_WARMTH_H
#define BASE_WARMTH_H

#define APART __attribute__((noinline))       /* once in a request */
#define COLD  __attribute__((cold, noinline)) /* errors, rare forms */

#endif
