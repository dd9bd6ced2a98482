#include "flow/key_header.h"

bool key_header_write(const struct config_provider *provider, struct span key, struct buf *out)
{
    static const char *const beginnings[] = {
        [AUTH_NONE] = NULL,
        [AUTH_BEARER] = "Authorization: Bearer ",
        [AUTH_X_API_KEY] = "x-api-key: ",
        [AUTH_API_KEY] = "api-key: ",
        [AUTH_X_GOOG_API_KEY] = "x-goog-api-key: ",
    };
    const char *beginning = beginnings[provider->kind->auth];

    if (beginning == NULL || key.size == 0)
        return false;
    buf_reset(out);
    (void)buf_add_text(out, beginning);
    (void)buf_add(out, key);
    return true;
}
