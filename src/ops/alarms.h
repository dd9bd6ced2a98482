/* alarms: judges the alerts (policy/alert.h), and tells when one is raised or cleared: an event, a line of the
 * log, a metric.
 *
 *     every model of the ledger, one after the other, then all together: a round takes ALERT_EVERY_MS
 *
 * The error rate and the latency are judged for each model, the projected cost for all together. What is
 * raised stays so over a restart, as long as its event is kept. */
#ifndef OPS_ALARMS_H
#define OPS_ALARMS_H

struct alarms;
struct buf;
struct gateway;
struct json_writer;

/* After gateway->recent, and the ledger and the events of an earlier process. */
struct alarms *alarms_new(struct gateway *gateway);
void alarms_free(struct alarms *alarms); /* NULL is fine */

/* The member `alerts`: those that are raised. */
void alarms_write(const struct alarms *alarms, struct json_writer *w);

/* The same for people, a line each. */
void alarms_print(const struct alarms *alarms, struct buf *out);

#endif
