/* Where something is asked of a provider:
 *
 *     base_url                  suffix                 most: base_url has it all
 *     base_url  prefix          suffix                 an SDK of theirs takes the bare host
 *     base_url  dated_prefix /deployments/MODEL suffix ?api-version=DATE
 */
#include "llm/provider.h"

#include <string.h>

/* With a prefix behind it the bare host is meant likewise. */
static struct span host_of(const struct provider_kind *kind, const char *base_url)
{
    struct span host = span_from(base_url);

    if (kind->prefix == NULL)
        return host;
    while (span_ends(host, "/"))
        host.size--;
    if (span_ends(host, kind->prefix))
        host.size -= strlen(kind->prefix);
    else if (kind->dated_prefix && span_ends(host, kind->dated_prefix))
        host.size -= strlen(kind->dated_prefix);
    return host;
}

/* Nothing in a name may end its segment of the path, or be the way to another one. */
static bool add_segment(struct span name, struct buf *out)
{
    bool dots = true;

    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';

        dots = dots && c == '.';
        if (plain)
            (void)buf_add_byte(out, c);
        else
            (void)buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
    }
    return !dots;
}

static bool is_dated(const char *api_version)
{
    return api_version && api_version[0] >= '0' && api_version[0] <= '9';
}

/* What is about no model, or knows several, is beside the deployments. */
static bool is_deployed(const struct provider_place *place, const char *suffix)
{
    return place->model.at && strcmp(suffix, "/responses") != 0;
}

bool provider_url(const struct provider_kind *kind, const struct provider_place *place,
                  const char *suffix, struct buf *out)
{
    bool dated = kind->dated_prefix && is_dated(place->api_version);
    const char *prefix = dated ? kind->dated_prefix : kind->prefix;
    struct span host = host_of(kind, place->base_url);
    bool fine = true;

    if (prefix && span_starts(span_from(prefix), "/v1") && span_ends(host, "/v1"))
        prefix = NULL; /* a version, and not the usual one */
    (void)buf_add(out, host);
    (void)buf_add_text(out, prefix ? prefix : "");
    if (dated && is_deployed(place, suffix)) {
        (void)buf_add_text(out, "/deployments/");
        fine = add_segment(place->model, out);
    }
    (void)buf_add_text(out, suffix);
    if (kind->dated_prefix && place->api_version)
        (void)buf_add_texts(out, "?api-version=", place->api_version, NULL);
    return fine;
}

bool provider_knows_version(const struct provider_kind *kind, struct span api_version)
{
    static const char form[] = "0000-00-00";

    if (kind->dated_prefix == NULL)
        return false;
    if (span_is(api_version, "v1") || span_is(api_version, "preview") ||
        span_is(api_version, "latest"))
        return true;
    for (size_t i = 0; i + 1 < sizeof(form); i++) {
        if (i >= api_version.size)
            return false;
        if (form[i] == '0' ? api_version.at[i] < '0' || api_version.at[i] > '9'
                           : api_version.at[i] != form[i])
            return false;
    }
    api_version = span_skip(api_version, sizeof(form) - 1);
    return api_version.size == 0 || span_is(api_version, "-preview");
}
