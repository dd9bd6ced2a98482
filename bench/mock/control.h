/* control: the paths under /mock/, by which a test turns the mock's knobs and reads what it saw.
 * They need no key, are hit by no fault, and leave no record. */
#ifndef MOCK_CONTROL_H
#define MOCK_CONTROL_H

#include <stdbool.h>

struct conn;

/* Whether the request is for such a path; if so, it is being answered. */
bool control_serve(struct conn *conn);

#endif
