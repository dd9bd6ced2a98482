/* knobs: what can be turned on the mock, and the four places to turn it.
 *
 *     command line        --latency 50                  for all requests
 *     POST /mock/control  {"latency_ms": 50}            for all requests from now on
 *     model name          gpt-4.1@latency=50,tokens=9   for this request
 *     model name          fault:NAME                    a fault for this request */
#ifndef MOCK_KNOBS_H
#define MOCK_KNOBS_H

#include "base/buf.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <yyjson.h>

struct fault;

struct knobs {
    uint32_t latency_ms;  /* before the first byte */
    uint32_t slow_every;  /* each request of so many is slow; 0: none */
    uint32_t slow_ms;     /* its latency */
    uint32_t tokens;      /* in an answer */
    uint32_t interval_ms; /* between the events of a stream */
    uint32_t token_bytes; /* smallest size of a token */
    uint32_t split;       /* bytes a write; 0: each event is one write */
    uint32_t drip_ms;     /* between the writes of one event */
    uint32_t running;     /* requests of others, in /metrics */
    uint32_t waiting;     /* likewise */
    double error_rate;    /* of the requests fail with 500 or 503 */

    const struct fault *fault;
    uint32_t fault_count; /* how many more requests it hits */
};

void knobs_init(struct knobs *knobs);

/* Turns the knob `name` (as on the command line, without dashes) to what `value` says; false when
 * there is no such knob or it cannot be turned so far. */
bool knobs_set(struct knobs *knobs, struct span name, struct span value);

/* Turns each knob that the object names ("latency_ms", "fault", ...); other members are left to
 * the caller. False, and *ret_bad is the member's name, when a value is wrong. */
bool knobs_read(struct knobs *knobs, yyjson_val *object, const char **ret_bad);

/* Turns the knobs that follow the last '@' in a model name; a part that is no knob is ignored, as
 * it may belong to the name. Gives the name without them. */
struct span knobs_read_model(struct knobs *knobs, struct span model);

/* Writes them as a JSON object, as /mock/control takes it. */
void knobs_write(const struct knobs *knobs, struct buf *out);

/* Writes one line of help for each. */
void knobs_write_help(struct buf *out);

#endif
