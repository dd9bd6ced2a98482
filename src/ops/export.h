/* export: what anybody or a client may ask the gateway: health, readiness, metrics, models,
 * its limits. */
#ifndef OPS_EXPORT_H
#define OPS_EXPORT_H

struct call;

void export_health(struct call *call);
void export_ready(struct call *call);
void export_metrics(struct call *call);
void export_models(struct call *call);
void export_model(struct call *call);
void export_rate_limit(struct call *call);

#endif
