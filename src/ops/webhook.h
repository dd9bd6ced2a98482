/* webhook: tells others of every event, as it happens: POSTs its JSON to each of `alerts.webhooks`, signed.
 *
 *     events_add --> IDLE --post--> SENDING --2xx--> IDLE, the next one
 *                                    |   ^
 *                    anything else   v   | 1, 2, 4 ... 300 s (policy/delivery.h)
 *                                  BACKING_OFF --after an hour--> given up: the next one
 *
 * To each webhook one at a time, in the order of the events; no request waits for any of it. What waits
 * is not copied: it is what the ring of events (flow/events.h) has after the number that was settled last,
 * so there are never more than LIMIT_EVENTS, and the oldest goes first. With `state.path` that number
 * survives a restart: what was not delivered is, then, with the same X-Sluice-Delivery. A webhook that
 * was not configured before starts with the next event.
 *
 * What goes wrong here is logged and counted, but never an event: that would be one more to send. */
#ifndef OPS_WEBHOOK_H
#define OPS_WEBHOOK_H

#include <stdbool.h>

struct gateway;
struct webhooks;

/* Reads what an earlier process had settled; before anything is put into the store. */
struct webhooks *webhooks_new(struct gateway *gateway);

/* The configuration in force is another. */
void webhooks_renew(struct webhooks *webhooks);

/* Sets the gauge. */
void webhooks_measure(struct webhooks *webhooks);

/* The process is about to end: tries again at once what waits for its time. */
void webhooks_hurry(struct webhooks *webhooks);

/* Nothing is being sent, or about to be. */
bool webhooks_settled(struct webhooks *webhooks);

/* Cancels what runs. NULL is fine. */
void webhooks_free(struct webhooks *webhooks);

#endif
