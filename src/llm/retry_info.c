#include "llm/retry_info.h"

#include "llm/scan.h"

/* The text of a string without its quotes. One with escapes is none of the values that are wanted. */
static struct span plain(const struct scan_field *field)
{
    if (field->raw.at == NULL || field->kind != JSON_STRING)
        return (struct span){ 0 };
    return span_first(span_skip(field->raw, 1), field->raw.size - 2);
}

/* The value of a member; kind JSON_NULL: it is not there. */
static struct scan_field member(struct span object, const char *name)
{
    struct scan_field field = { .name = name };
    struct scan_result result;

    if (scan_object(object, &field, 1, &result))
        field.raw = (struct span){ 0 };
    if (field.raw.at == NULL)
        field.kind = JSON_NULL;
    return field;
}

static struct span delay_of(struct span detail)
{
    struct scan_field type = member(detail, "@type");
    struct scan_field delay = member(detail, "retryDelay");

    return span_ends(plain(&type), "/google.rpc.RetryInfo") ? plain(&delay)
                                                            : (struct span){ 0 };
}

struct span retry_info_delay(struct span body)
{
    struct scan_item item;
    struct scan_field error;
    struct scan_field details;
    size_t at = 0;

    if (scan_front(body, &item) && item.kind == JSON_ARRAY && scan_next(item.raw, &at, &item))
        body = item.raw;
    error = member(body, "error");
    if (error.kind != JSON_OBJECT)
        return (struct span){ 0 };
    details = member(error.raw, "details");
    if (details.kind != JSON_ARRAY)
        return (struct span){ 0 };
    at = 0;
    for (int i = 0; i < RETRY_INFO_DETAILS_MAX && scan_next(details.raw, &at, &item); i++) {
        struct span delay = item.kind == JSON_OBJECT ? delay_of(item.raw) : (struct span){ 0 };

        if (delay.size)
            return delay;
    }
    return (struct span){ 0 };
}
