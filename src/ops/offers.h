/* offers: which models the providers offer now, against those that are configured.
 *
 *     GET /admin/providers/models --> GET base_url/models of each provider, some at a time
 *                                         |
 *             answer <-- new, gone <------+--> event "models_changed", when that is not as the last time
 *
 * A provider with regions is asked in the first that is enabled; one whose keys are all empty is not
 * asked. Nothing here changes what is configured. */
#ifndef OPS_OFFERS_H
#define OPS_OFFERS_H

struct call;
struct gateway;
struct offers;      /* one call's questions */
struct offers_told; /* what was last told of each provider; in memory alone */

void offers_answer(struct call *call);

/* The call ends, perhaps before all have answered. NULL is fine. */
void offers_close(struct offers *offers);

struct offers_told *offers_told_new(void);
void offers_told_free(struct offers_told *told); /* NULL is fine */

#endif
