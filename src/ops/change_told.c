#include "ops/change_told.h"

#include "base/clock.h"
#include "base/log.h"
#include "config/config_changes.h"
#include "flow/events.h"
#include "flow/meters.h"
#include "ops/gateway.h"

void change_tell_reload(struct gateway *gateway, const char *actor, struct span notes,
                        uint64_t from)
{
    const struct event event = {
        .kind = EVENT_RELOAD,
        .reason = notes,
        .actor = actor,
        .figures = { { "from_generation", from, 0 },
                     { "to_generation", gateway->env.config->generation, 0 } },
    };

    events_add(&gateway->env.events, &event, clock_wall_ms());
    LOG(LOG_INFO, "reload", { "why", span_from(event.actor) }, { "notes", event.reason });
}

void change_tell_refused(struct gateway *gateway, const char *actor, struct span errors)
{
    uint64_t generation = gateway->env.config->generation;
    const struct event event = {
        .kind = EVENT_RELOAD_REFUSED,
        .reason = errors,
        .actor = actor,
        .figures = { { "from_generation", generation, 0 }, { "to_generation", generation, 0 } },
    };

    series_add(meter(gateway->env.metrics, METER_CONFIG_RELOAD_FAILED), 1);
    LOG(LOG_ERROR, "reload_refused", { "why", span_from(event.actor) },
        { "errors", event.reason });
    events_add(&gateway->env.events, &event, clock_wall_ms());
}

void change_tell(struct gateway *gateway, const struct event *event)
{
    events_add(&gateway->env.events, event, clock_wall_ms());
    LOG(LOG_INFO, "change", { "actor", span_from(event->actor) }, { "what", event->reason },
        { "model", span_from(event->model) }, { "target", span_from(event->target) },
        { "from", span_from(event->from) }, { "to", span_from(event->to) });
}

void change_tell_over(struct gateway *gateway, const struct config_changes *changes,
                      const char *actor)
{
    for (size_t i = 0; i < changes->count; i++) {
        const struct config_change *over = &changes->items[i];
        const struct event event = {
            .kind = EVENT_CHANGE_OVER,
            .reason = span_from(over->path),
            .actor = actor,
        };

        if (!over->over)
            continue;
        events_add(&gateway->env.events, &event, clock_wall_ms());
        LOG(LOG_WARN, "change_over", { "what", event.reason },
            { "why", SPAN_OF("the file says something else there") });
    }
}
