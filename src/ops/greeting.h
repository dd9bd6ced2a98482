/* greeting: what a person at a terminal sees when the gateway has started. */
#ifndef OPS_GREETING_H
#define OPS_GREETING_H

#include "config/config.h"

/* Logs the start; without a configuration file also prints what is served and a curl line that works. */
void greet(const struct config *config, unsigned port);

#endif
