/* serve: decides what a request gets: which answer, and which script plays it. */
#ifndef MOCK_SERVE_H
#define MOCK_SERVE_H

#include "base/buf.h"

#include <stdbool.h>

struct conn;
struct step;

/* The request is complete: makes the answer and starts its script. */
void serve_request(struct conn *conn);

/* Its body is still coming: starts the script of an early fault, if one is asked for. */
void serve_early(struct conn *conn);

/* What came is no request. */
void serve_bad_request(struct conn *conn);

/* The script is over: the connection reads its next request or is closed. */
void serve_over(struct conn *conn);

/* Writes the response that a STEP_REPLY describes. */
void serve_write_reply(const struct conn *conn, const struct step *step, struct buf *out);

/* Whether all that /mock/wait asked for has come to be. */
bool serve_awaited(const struct conn *conn);

#endif
