/* demo: a provider inside this process, for a first try without any key.
 *
 * It is an HTTP server on a loopback port of its own, which speaks OpenAI's chat completions; to the
 * rest of the gateway it is a provider row like any other, reached over the same path. It has no
 * model: its answers are a small fixed text. */
#ifndef OPS_DEMO_H
#define OPS_DEMO_H

struct demo;
struct loop;

/* Gives a running demo, or NULL with a sentence in ret_error (256 bytes). */
struct demo *demo_open(struct loop *loop, char *ret_error);
unsigned demo_port(const struct demo *demo);
void demo_close(struct demo *demo);

#endif
