#include "ops/call_guard.h"

#include <string.h>

/* Without the port: "[::1]:9090" is "[::1]". */
static struct span name_of(struct span host)
{
    size_t bracket = span_find(host, ']');

    if (host.size && host.at[0] == '[')
        return span_first(host, bracket == SIZE_MAX ? host.size : bracket + 1);
    return span_first(host, span_find(host, ':'));
}

/* Names begin with a letter, or have one somewhere. */
static bool is_address(struct span name)
{
    for (size_t i = 0; i < name.size && name.at[0] != '['; i++)
        if ((name.at[i] < '0' || name.at[i] > '9') && name.at[i] != '.')
            return false;
    return name.size > 0;
}

static bool is_listed(const struct config *config, struct span name)
{
    for (size_t i = 0; i < config->admin.hosts.count; i++)
        if (span_is_nocase(name, config->admin.hosts.items[i]))
            return true;
    return false;
}

static bool host_is_ours(const struct config *config, struct span host)
{
    const char *listen = config->admin.listen ? config->admin.listen : config->listen;
    struct span name = name_of(host);

    return is_address(name) || span_is_nocase(name, "localhost") || is_listed(config, name) ||
           (config->admin.hosts.count == 0 && !config_is_loopback(listen));
}

/* "https://host:port", where browsers leave out the scheme's own port, as they do in Host. A proxy on the
 * way may ask by another name than the page's, which is why names that are listed will do. */
static bool origin_is_ours(const struct config *config, struct span origin, struct span host)
{
    size_t at = span_find_text(origin, "://");
    struct span place = span_skip(origin, at == SIZE_MAX ? origin.size : at + strlen("://"));

    return span_equal_nocase(place, host) || is_listed(config, name_of(place));
}

const char *call_guard(const struct http_request *request, const struct config *config)
{
    struct span origin = http_header(request, "origin");
    struct span host = http_header(request, "host");

    if (!host_is_ours(config, host))
        return "The admin plane does not go by this name. Ask for it by its address, or list "
               "the "
               "name in admin.hosts.";
    if (origin.at && !origin_is_ours(config, origin, host))
        return "A page of another site (Origin) may not call the admin plane.";
    return NULL;
}
