/* trimmer: hands memory back after a peak, in steps so short that no stream notices. policy/trim.h says
 * when, base/mem.h how. */
#ifndef OPS_TRIMMER_H
#define OPS_TRIMMER_H

struct gateway;
struct trimmer;

struct trimmer *trimmer_new(struct gateway *gateway);
void trimmer_free(struct trimmer *trimmer);

/* Is there too much? Call it about once a second. */
void trimmer_look(struct trimmer *trimmer);

#endif
