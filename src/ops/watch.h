/* watch: looks at the health of all targets once a second and tells when one has changed its level.
 * The weights follow the health by themselves; this is for those who want to know. */
#ifndef OPS_WATCH_H
#define OPS_WATCH_H

struct gateway;

void watch_health(struct gateway *gateway);

#endif
