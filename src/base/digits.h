/* digits: numbers as decimal text, two digits at a time, into room that the caller has. */
#ifndef BASE_DIGITS_H
#define BASE_DIGITS_H

#include <stdint.h>

enum {
    DIGITS_MAX = 20,         /* of the largest number */
    DIGITS_DECIMAL_MAX = 21, /* the same with a point in it */
    DIGITS_DECIMALS = 18,    /* behind the point, at most */
};

/* Writes the number at `at`; no NUL. Gives the place behind it. */
char *digits_put(char *at, uint64_t value);

/* value / 10^decimals, exactly, without zeros at its end: 1230 and 3 make 1.23. */
char *digits_put_decimal(char *at, uint64_t value, unsigned decimals);

#endif
