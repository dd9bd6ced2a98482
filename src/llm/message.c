#include "llm/message.h"

#include <stdio.h>
#include <string.h>

struct span signature_mark(const char *language, struct span raw, struct arena *arena)
{
    return span_from(arena_printf(arena, "\"%s:%.*s", language, (int)raw.size - 1, raw.at + 1));
}

bool signature_unmark(const char *language, struct span signature, struct span *ret)
{
    size_t size = strlen(language);

    if (signature.size < size + 3 || !span_starts(span_skip(signature, 1), language) ||
        signature.at[1 + size] != ':')
        return false;
    signature = span_skip(signature, size + 2);
    *ret = span_first(signature, signature.size - 1);
    return true;
}

bool signature_marked(struct span signature)
{
    return span_find(signature, ':') != SIZE_MAX;
}

const char *const param_names[PARAMS] = {
    [PARAM_TEMPERATURE] = "temperature",
    [PARAM_TOP_P] = "top_p",
    [PARAM_TOP_K] = "top_k",
    [PARAM_FREQUENCY_PENALTY] = "frequency_penalty",
    [PARAM_PRESENCE_PENALTY] = "presence_penalty",
    [PARAM_SEED] = "seed",
    [PARAM_N] = "n",
    [PARAM_LOGPROBS] = "logprobs",
    [PARAM_TOP_LOGPROBS] = "top_logprobs",
    [PARAM_SERVICE_TIER] = "service_tier",
};

/* A client chooses some of these names, and they end up in a header. */
static bool printable(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
              (*at >= '0' && *at <= '9') || strchr("_-.[]", *at)))
            return false;
    return name[0] != '\0';
}

static bool named(const struct losses *losses, const char *name)
{
    struct span rest = span_make(losses->names, losses->names_size);

    while (rest.size)
        if (span_is(span_trim(span_cut(&rest, ',')), name))
            return true;
    return false;
}

static void add_name(struct losses *losses, const char *name)
{
    size_t left = LOSSES_BYTES - losses->names_size;
    int size;

    if (!printable(name))
        name = "other";
    if (named(losses, name))
        return;
    size = snprintf(losses->names + losses->names_size, left, "%s%s",
                    losses->names_size ? ", " : "", name);
    if ((size_t)size < left)
        losses->names_size += (size_t)size;
    else
        losses->names[losses->names_size] = '\0'; /* there are too many to name */
}

void losses_add(struct losses *losses, const char *param, const char *why)
{
    if (losses->drop) {
        add_name(losses, param);
        return;
    }
    if (losses->problem.code)
        return;
    losses->problem.code = "invalid_value";
    losses->problem.param = param;
    losses->problem.message = arena_printf(
        losses->arena,
        "`%.128s` cannot be said to %s%s%s. Leave it out, or let the gateway drop such "
        "parameters (drop_params).",
        param, losses->language, why ? ": " : "", why ? why : "");
}

void losses_hint(struct losses *losses, const char *param)
{
    add_name(losses, param);
}
