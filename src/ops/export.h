/* export: what anybody or a client may ask the gateway: health, readiness, metrics, models,
 * its limits. */
#ifndef OPS_EXPORT_H
#define OPS_EXPORT_H

struct call;
struct config_model;

void export_health(struct call *call);
void export_ready(struct call *call);
void export_metrics(struct call *call);
void export_models(struct call *call);
void export_model(struct call *call);
void export_rate_limit(struct call *call);

/* The listed model, or the pattern, that the call names in its path and its key allows. NULL: there is
 * none, and the call has been refused. */
const struct config_model *export_named_model(struct call *call);

#endif
