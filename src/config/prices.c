#include "config/prices.h"

#include "base/limits.h"

#include <string.h>

enum { KEY_BYTES = 2 * LIMIT_MODEL_NAME_BYTES + 2 };

static bool is_digits(struct span text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    return text.size > 0;
}

/* -2024-08-06, -20240806 or @20240806 at its end. */
static struct span without_date(struct span name)
{
    const char *end = name.at + name.size;

    if (name.size > 9 && (end[-9] == '-' || end[-9] == '@') && is_digits(span_make(end - 8, 8)))
        return span_first(name, name.size - 9);
    if (name.size > 11 && end[-11] == '-' && end[-6] == '-' && end[-3] == '-' &&
        is_digits(span_make(end - 10, 4)) && is_digits(span_make(end - 5, 2)) &&
        is_digits(span_make(end - 2, 2)))
        return span_first(name, name.size - 11);
    return name;
}

static const struct config_price *find_at(const struct config *config, const char *place,
                                          struct span name)
{
    char key[KEY_BYTES];
    struct span prefix = span_from(place);

    if (prefix.size + 1 + name.size > sizeof(key))
        return NULL;
    memcpy(key, prefix.at, prefix.size);
    key[prefix.size] = '/';
    memcpy(key + prefix.size + 1, name.at, name.size);
    return map_find(&config->prices_by_name, span_make(key, prefix.size + 1 + name.size));
}

static const struct config_price *find(const struct config *config,
                                       const struct config_provider *provider, struct span name)
{
    const struct config_price *price = find_at(config, provider->name, name);

    if (price == NULL)
        price = find_at(config, provider->kind->name, name);
    if (price)
        return price;
    price = map_find(&config->prices_by_name, name);
    return price && price->built_in && provider->kind->key_optional ? NULL : price;
}

static struct span behind_slash(struct span name)
{
    while (span_find(name, '/') != SIZE_MAX)
        (void)span_cut(&name, '/');
    return name;
}

const struct config_price *config_price_find(const struct config *config,
                                             const struct config_provider *provider,
                                             struct span name)
{
    struct span plain = without_date(name);
    const struct config_price *price = find(config, provider, name);

    if (price == NULL && plain.size < name.size)
        price = find(config, provider, plain);
    if (price == NULL && behind_slash(plain).size < plain.size)
        price = find(config, provider, behind_slash(plain));
    return price;
}

const struct price *config_model_price(const struct config_model *model)
{
    return model->price.known || model->target_count == 0
               ? &model->price
               : config_target_price(model, &model->targets[0]);
}

const struct config_price *config_model_listed(const struct config_model *model)
{
    return model->target_count ? model->targets[0].listed : NULL;
}
