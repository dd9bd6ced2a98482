/* command_models: `sluice models --diff`: what the providers of a running gateway offer, against what it
 * has configured. */
#ifndef OPS_COMMAND_MODELS_H
#define OPS_COMMAND_MODELS_H

#include <stdbool.h>

/* Asks the gateway at `url` (without a slash at its end) with that admin key (NULL: none) and prints what
 * it says, as JSON or for people. Returns the exit code: EXIT_DIFFERENCE, EXIT_UNREACHABLE also when no
 * difference was found but a provider could not be asked, else EXIT_FINE. */
int command_models(const char *url, const char *key, bool json);

#endif
