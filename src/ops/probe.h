/* probe: asks each provider that a listed model uses for something free, now and then, in each of its
 * regions, so that one that nobody calls at the moment is known, too: `health.path` is a GET, the list of
 * models by default. A prompt, which costs tokens, is sent with `health.prompt: true` alone.
 *
 *     wait --interval, +-10 %--> ask --status below 500--> good, so fast --> ask how busy, where it says so
 *      ^                          +--no answer, 5xx------> bad                        |
 *      +----------------------------------+-------------------------------------------+
 *
 * What comes of it goes to the health of all targets of the provider in that region, where live traffic
 * outweighs it; a breaker is neither opened nor closed by it. To a GET an answer like 401 or 404 is good:
 * the provider is there, and not every one has such a list. A prompt has to be answered, or refused by
 * the model. How busy it is is asked for models with `balance: least_busy` alone. */
#ifndef OPS_PROBE_H
#define OPS_PROBE_H

struct gateway;
struct probes;

/* Gives the probes of the configuration in force; the first come after one interval. */
struct probes *probes_new(struct gateway *gateway);

/* The configuration has changed. */
void probes_renew(struct probes *probes);

/* Cancels what runs. NULL is fine. */
void probes_free(struct probes *probes);

#endif
