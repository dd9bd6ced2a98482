/* dashboard: the live page, one document in the binary, and the stream that it shows.
 *
 * The page holds no secret and asks for the admin key; what it then shows and does goes through the same
 * calls as any operator's. It loads nothing from anywhere else: its Content-Security-Policy allows its own
 * script and style, by their digests, and connections to where it came from. */
#ifndef OPS_DASHBOARD_H
#define OPS_DASHBOARD_H

#include <stddef.h>

struct call;

/* Made from src/ops/dashboard/ when sluice is built. */
extern const unsigned char dashboard_page[];
extern const size_t dashboard_page_bytes;

void dashboard_show(struct call *call);

/* Server-sent events, once a second until the client leaves: `status`, as GET /admin/status has it, and
 * `events`, as GET /admin/events, when there are new ones (`?since=ID`). */
void dashboard_stream(struct call *call);

#endif
