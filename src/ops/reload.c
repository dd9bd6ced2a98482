#include "ops/reload.h"

#include "base/clock.h"
#include "base/log.h"
#include "flow/meters.h"
#include "net/listen.h"
#include "net/tls.h"
#include "ops/gateway.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { ERROR_BYTES = 256 };

uint64_t reload_stamp(const char *path)
{
    struct stat file;
    uint64_t stamp;

    if (path == NULL || stat(path, &file) != 0)
        return 0;
    stamp = (uint64_t)file.st_mtim.tv_sec * 1000000000u + (uint64_t)file.st_mtim.tv_nsec;
    return stamp ^ ((uint64_t)file.st_ino << 20) ^ (uint64_t)file.st_size;
}

/* By number, as /admin/status shows them. */
static void tell(struct gateway *gateway, enum event_kind kind, uint64_t from, const char *why,
                 struct span reason)
{
    const struct event event = {
        .kind = kind,
        .reason = reason,
        .actor = why,
        .figures = { { "from_generation", from, 0 },
                     { "to_generation", gateway->env.config->generation, 0 } },
    };

    events_add(&gateway->env.events, &event, clock_wall_ms());
}

static bool refused(struct gateway *gateway, const char *why, struct span errors,
                    struct buf *ret_report)
{
    series_add(meter(gateway->env.metrics, METER_CONFIG_RELOAD_FAILED), 1);
    LOG(LOG_ERROR, "reload_refused", { "why", span_from(why) }, { "errors", errors });
    tell(gateway, EVENT_RELOAD_REFUSED, gateway->env.config->generation, why, errors);
    if (ret_report)
        (void)buf_add(ret_report, errors);
    return false;
}

/* A listener's address is bound at start. */
static bool same_doors(const struct config *a, const struct config *b)
{
    bool no_admin = a->admin.listen == NULL && b->admin.listen == NULL;

    return strcmp(a->listen, b->listen) == 0 && !a->tls.certificate == !b->tls.certificate &&
           (no_admin || (a->admin.listen && b->admin.listen &&
                         strcmp(a->admin.listen, b->admin.listen) == 0));
}

static bool put_in_force(struct gateway *gateway, struct config *config, char *ret_error)
{
    struct config *old = gateway->env.config;
    struct tls *tls = NULL;

    if (!same_doors(old, config)) {
        (void)snprintf(ret_error, ERROR_BYTES,
                       "`listen`, `admin.listen`, and TLS on or off, need a restart");
        return false;
    }
    if (config->tls.certificate) {
        tls =
            tls_new(config->tls.certificate, config->tls.key, config->tls.client_ca, ret_error);
        if (tls == NULL)
            return false;
    }
    gateway->env.config = config;
    if (!gateway_apply(gateway, ret_error)) {
        gateway->env.config = old;
        tls_unref(tls);
        return false;
    }
    if (tls)
        listener_set_tls(gateway->main.listener, tls);
    tls_unref(tls);
    config_unref(old);
    return true;
}

bool reload_now(struct gateway *gateway, const char *why, struct buf *ret_report)
{
    const char *path = gateway->env.config->file;
    char error[ERROR_BYTES] = "";
    uint64_t before = gateway->env.config->generation;
    struct config_report report;
    struct config *config;
    bool good;

    if (path == NULL)
        return refused(gateway, why, SPAN_OF("there is no configuration file to read again"),
                       ret_report);
    gateway->file_stamp = reload_stamp(path);
    config_report_init(&report);
    config = config_from_file(path, NULL, &report);
    if (config)
        config->generation = gateway->env.config->generation + 1;
    good = config && put_in_force(gateway, config, error);
    if (good) {
        tell(gateway, EVENT_RELOAD, before, why, buf_span(&report.text));
        LOG(LOG_INFO, "reload", { "why", span_from(why) }, { "notes", buf_span(&report.text) });
    } else {
        (void)refused(gateway, why, config ? span_from(error) : buf_span(&report.text),
                      ret_report);
        config_unref(config);
    }
    config_report_done(&report);
    return good;
}

void reload_if_changed(struct gateway *gateway)
{
    const char *path = gateway->env.config->file;
    uint64_t stamp = reload_stamp(path);

    if (stamp && stamp != gateway->file_stamp)
        (void)reload_now(gateway, "the file has changed", NULL);
}
