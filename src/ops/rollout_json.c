#include "ops/rollout_json.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A number of a struct; a row for each, so that what is written is what is read. */
struct number {
    const char *name; /* NULL ends a table */
    size_t offset;
    size_t width;
};

#define NUMBER(type, field, title)                                                             \
    {                                                                                          \
        (title), offsetof(struct type, field), sizeof(((struct type *)0)->field)               \
    }
#define END                                                                                    \
    {                                                                                          \
        NULL, 0, 0                                                                             \
    }

static const struct number numbers[] = {
    NUMBER(rollout, state, "state"),
    NUMBER(rollout, phase, "phase"),
    NUMBER(rollout, green, "green"),
    NUMBER(rollout, started_ms, "started_ms"),
    NUMBER(rollout, phase_ms, "phase_ms"),
    NUMBER(rollout, check_ms, "check_ms"),
    NUMBER(rollout, test_ms, "test_ms"),
    NUMBER(rollout, test, "test"),
    NUMBER(rollout, testing, "testing"),
    NUMBER(rollout, base_us, "base_us"),
    NUMBER(rollout, rule.strategy, "strategy"),
    NUMBER(rollout, rule.check_every_ms, "check_every_ms"),
    NUMBER(rollout, rule.phase_count, "phase_count"),
    NUMBER(rollout, rule.target, "target"),
    NUMBER(rollout, rule.step_ms, "step_ms"),
    NUMBER(rollout, rule.promote.min_requests, "promote_min_requests"),
    NUMBER(rollout, rule.promote.window_ms, "promote_window_ms"),
    NUMBER(rollout, rule.promote.max_error_rate, "promote_max_error_rate"),
    NUMBER(rollout, rule.promote.max_latency_increase, "promote_max_latency_increase"),
    NUMBER(rollout, rule.rollback.window_ms, "rollback_window_ms"),
    NUMBER(rollout, rule.rollback.min_requests, "rollback_min_requests"),
    NUMBER(rollout, rule.rollback.error_rate, "rollback_error_rate"),
    NUMBER(rollout, rule.rollback.latency_ms, "rollback_latency_ms"),
    NUMBER(rollout, rule.rollback.to, "rollback_to"),
    END,
};

static const struct number phase_numbers[] = {
    NUMBER(rollout_phase, green, "green"),
    NUMBER(rollout_phase, at_least_ms, "at_least_ms"),
    END,
};

/* ---- writing ---- */

static uint64_t load(const char *at, size_t width)
{
    uint64_t wide;
    uint32_t narrow;

    if (width == sizeof(bool))
        return *(const bool *)at;
    if (width == sizeof(narrow)) {
        memcpy(&narrow, at, width);
        return narrow;
    }
    memcpy(&wide, at, sizeof(wide));
    return wide;
}

static void write_numbers(const struct number *table, const void *base, struct json_writer *w)
{
    for (; table->name; table++)
        json_put_u64(w, table->name, load((const char *)base + table->offset, table->width));
}

static void write_phases(const struct rollout_rule *rule, struct json_writer *w)
{
    uint32_t count = rule->strategy == STRATEGY_STAGED ? rule->phase_count : 0;

    json_key(w, "phases");
    json_begin(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        json_begin(w, '{');
        json_put_text(w, "name", rule->phases[i].name);
        write_numbers(phase_numbers, &rule->phases[i], w);
        json_end(w, '}');
    }
    json_end(w, ']');
}

void rollout_json_write(const struct rollout_kept *kept, struct buf *out)
{
    struct json_writer w = json_writer(out);

    json_begin(&w, '{');
    json_put_text(&w, "release", kept->release);
    write_numbers(numbers, &kept->rollout, &w);
    write_phases(&kept->rollout.rule, &w);
    json_end(&w, '}');
}

/* ---- reading ---- */

static bool store(char *at, size_t width, uint64_t value)
{
    uint32_t narrow = (uint32_t)value;

    if (width == sizeof(bool)) {
        *(bool *)at = value != 0;
        return value <= 1;
    }
    if (width == sizeof(narrow)) {
        memcpy(at, &narrow, width);
        return value <= UINT32_MAX;
    }
    memcpy(at, &value, sizeof(value));
    return true;
}

static bool read_numbers(const struct json *object, const struct number *table, void *base)
{
    uint64_t value;

    for (; table->name; table++)
        if (!json_read_u64(json_member(object, table->name), &value) ||
            !store((char *)base + table->offset, table->width, value))
            return false;
    return true;
}

static bool read_text(const struct json *object, const char *name, char *text, size_t size)
{
    struct span value;

    if (!json_read_string(json_member(object, name), &value) || value.size >= size)
        return false;
    (void)snprintf(text, size, "%.*s", SPAN_ARG(value));
    return true;
}

static bool read_phases(const struct json *phases, struct rollout_rule *rule)
{
    size_t count = json_count(phases);

    if (count > LIMIT_ROLLOUT_PHASES ||
        (rule->strategy == STRATEGY_STAGED && count != rule->phase_count))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct json *phase = json_item(phases, i);

        if (!read_text(phase, "name", rule->phases[i].name, sizeof(rule->phases[i].name)) ||
            !read_numbers(phase, phase_numbers, &rule->phases[i]))
            return false;
    }
    return true;
}

bool rollout_json_read(struct span json, struct rollout_kept *ret)
{
    struct rollout_kept kept = { 0 };
    struct json_doc *doc;
    const struct json *root;
    bool good;

    if (json_parse(json, &doc))
        return false;
    root = json_root(doc);
    good = read_text(root, "release", kept.release, sizeof(kept.release)) &&
           read_numbers(root, numbers, &kept.rollout) &&
           read_phases(json_member(root, "phases"), &kept.rollout.rule) &&
           rollout_valid(&kept.rollout);
    json_free(doc);
    if (good)
        *ret = kept;
    return good;
}
