/* say: what a command prints. */
#ifndef OPS_SAY_H
#define OPS_SAY_H

#include "base/span.h"

/* Writes all of it, or as much as somebody reads. */
void say(int fd, struct span text);

#endif
