#include "knobs.h"

#include "base/json.h"
#include "fault.h"
#include "peek.h"
#include "text.h"

#include <stddef.h>

enum knob_kind { KNOB_COUNT, KNOB_RATE };

struct knob {
    const char *name;
    const char *field; /* in JSON */
    const char *help;
    size_t offset;
    uint32_t max;
    enum knob_kind kind;
};

enum { HOUR_MS = 3600000 };

static const struct knob knob_rows[] = {
    { .name = "latency",
      .field = "latency_ms",
      .help = "milliseconds before the first byte",
      .offset = offsetof(struct knobs, latency_ms),
      .max = HOUR_MS },
    { .name = "slow-every",
      .field = "slow_every",
      .help = "each request of so many is slow; 0: none",
      .offset = offsetof(struct knobs, slow_every),
      .max = UINT32_MAX },
    { .name = "slow",
      .field = "slow_ms",
      .help = "milliseconds before the first byte of a slow one",
      .offset = offsetof(struct knobs, slow_ms),
      .max = HOUR_MS },
    { .name = "tokens",
      .field = "tokens",
      .help = "tokens in an answer",
      .offset = offsetof(struct knobs, tokens),
      .max = TEXT_TOKENS_MAX },
    { .name = "interval",
      .field = "interval_ms",
      .help = "milliseconds between the events of a stream",
      .offset = offsetof(struct knobs, interval_ms),
      .max = HOUR_MS },
    { .name = "bytes",
      .field = "token_bytes",
      .help = "smallest size of a token",
      .offset = offsetof(struct knobs, token_bytes),
      .max = TEXT_TOKEN_BYTES_MAX },
    { .name = "split",
      .field = "split",
      .help = "cut events into writes of this many bytes; 0: do not",
      .offset = offsetof(struct knobs, split),
      .max = UINT32_MAX },
    { .name = "drip",
      .field = "drip_ms",
      .help = "milliseconds between the writes of one event",
      .offset = offsetof(struct knobs, drip_ms),
      .max = HOUR_MS },
    { .name = "running",
      .field = "running",
      .help = "requests of others that /metrics says are running",
      .offset = offsetof(struct knobs, running),
      .max = 1000000 },
    { .name = "waiting",
      .field = "waiting",
      .help = "requests of others that /metrics says are waiting",
      .offset = offsetof(struct knobs, waiting),
      .max = 1000000 },
    { .name = "error-rate",
      .field = "error_rate",
      .help = "share of requests, 0 to 1, answered 500 or 503",
      .kind = KNOB_RATE,
      .offset = offsetof(struct knobs, error_rate) },
};

enum { KNOB_COUNT_ALL = sizeof(knob_rows) / sizeof(knob_rows[0]) };

void knobs_init(struct knobs *knobs)
{
    *knobs = (struct knobs){ .tokens = 16 };
}

static uint32_t *count_of(struct knobs *knobs, const struct knob *knob)
{
    return (uint32_t *)(void *)((char *)knobs + knob->offset);
}

static double *rate_of(struct knobs *knobs, const struct knob *knob)
{
    return (double *)(void *)((char *)knobs + knob->offset);
}

static bool turn(struct knobs *knobs, const struct knob *knob, yyjson_val *value)
{
    if (!yyjson_is_num(value))
        return false;
    if (knob->kind == KNOB_RATE) {
        double rate = yyjson_get_num(value);

        if (!(rate >= 0 && rate <= 1))
            return false;
        *rate_of(knobs, knob) = rate;
        return true;
    }
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > knob->max)
        return false;
    *count_of(knobs, knob) = (uint32_t)yyjson_get_uint(value);
    return true;
}

static bool set_fault(struct knobs *knobs, struct span name)
{
    const struct fault *fault = fault_find(name);

    if (!fault)
        return false;
    knobs->fault = fault;
    knobs->fault_count = UINT32_MAX;
    return true;
}

bool knobs_set(struct knobs *knobs, struct span name, struct span value)
{
    const struct knob *knob = NULL;
    yyjson_doc *doc;
    bool turned;

    if (span_is(name, "fault"))
        return set_fault(knobs, value);
    for (size_t i = 0; i < KNOB_COUNT_ALL; i++)
        if (span_is(name, knob_rows[i].name))
            knob = &knob_rows[i];
    if (!knob)
        return false;
    doc = yyjson_read(value.at, value.size, 0);
    turned = turn(knobs, knob, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return turned;
}

static bool read_fault(struct knobs *knobs, yyjson_val *object)
{
    yyjson_val *fault = yyjson_obj_get(object, "fault");

    if (yyjson_is_null(fault))
        knobs->fault = NULL;
    else if (fault && !set_fault(knobs, peek_string(fault)))
        return false;
    if (yyjson_is_uint(yyjson_obj_get(object, "fault_count")))
        knobs->fault_count = (uint32_t)peek_u64(object, "fault_count", 0);
    return true;
}

bool knobs_read(struct knobs *knobs, yyjson_val *object, const char **ret_bad)
{
    struct knobs turned = *knobs;

    for (size_t i = 0; i < KNOB_COUNT_ALL; i++) {
        yyjson_val *value = yyjson_obj_get(object, knob_rows[i].field);

        if (value && !turn(&turned, &knob_rows[i], value)) {
            *ret_bad = knob_rows[i].field;
            return false;
        }
    }
    if (!read_fault(&turned, object)) {
        *ret_bad = "fault";
        return false;
    }
    *knobs = turned;
    return true;
}

struct span knobs_read_model(struct knobs *knobs, struct span model)
{
    struct span rest = model;
    struct span name = span_cut(&rest, '@');

    while (rest.size) {
        struct span value = span_cut(&rest, ',');
        struct span knob = span_cut(&value, '=');

        (void)knobs_set(knobs, knob, value);
    }
    return name;
}

void knobs_write(const struct knobs *knobs, struct buf *out)
{
    struct knobs copy = *knobs;

    buf_add_byte(out, '{');
    for (size_t i = 0; i < KNOB_COUNT_ALL; i++) {
        buf_printf(out, "\"%s\":", knob_rows[i].field);
        if (knob_rows[i].kind == KNOB_RATE)
            buf_printf(out, "%g,", *rate_of(&copy, &knob_rows[i]));
        else
            buf_printf(out, "%u,", *count_of(&copy, &knob_rows[i]));
    }
    buf_add_text(out, "\"fault\":");
    if (knobs->fault)
        json_quote(out, span_from(knobs->fault->name));
    else
        buf_add_text(out, "null");
    buf_printf(out, ",\"fault_count\":%u}", knobs->fault ? knobs->fault_count : 0);
}

void knobs_write_help(struct buf *out)
{
    for (size_t i = 0; i < KNOB_COUNT_ALL; i++)
        buf_printf(out, "  --%-20s %s\n", knob_rows[i].name, knob_rows[i].help);
}
