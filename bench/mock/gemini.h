/* gemini: the parts that Gemini's methods share. */
#ifndef MOCK_GEMINI_H
#define MOCK_GEMINI_H

#include "dialect.h"

#define GEMINI_SIGNATURE                                                                       \
    "c2lnbmF0dXJlIG9mIHRoZSBtb2Nr" /* of calls, and of what was said after thinking */

/* Refuses with Google's words for the status; always false. */
bool gemini_refuse(unsigned status, const char *message, struct answer *answer);

/* Refuses, and answers false, what the real one does not take: fields that it does not know, turns that are
 * empty, calls without their signature, results that do not fit the calls before them. */
bool gemini_check(const struct ask *ask, struct answer *answer);

#endif
