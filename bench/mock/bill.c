#include "bill.h"

#include "base/json.h"
#include "base/mem.h"

struct sums {
    uint64_t requests;
    uint64_t input;
    uint64_t cached;
    uint64_t cache_write;
    uint64_t cache_write_long;
    uint64_t output;
    uint64_t reasoning;
};

struct bill {
    struct sums complete;
    struct sums cut;
};

void bills_init(struct bills *bills)
{
    map_init(&bills->models);
}

void bills_done(struct bills *bills)
{
    struct map_entry *entry;
    size_t at = 0;

    while ((entry = map_next(&bills->models, &at)) != NULL)
        mem_free(entry->thing);
    map_done(&bills->models);
}

static struct bill *bill_of(struct bills *bills, const char *model)
{
    struct bill *bill = map_find(&bills->models, span_from(model));

    if (bill || bills->models.count == BILLS_MAX)
        return bill;
    bill = mem_zero(sizeof(*bill));
    (void)map_put(&bills->models, span_from(model), bill);
    return bill;
}

void bills_add(struct bills *bills, const struct completion *said, uint64_t tokens, bool whole)
{
    struct bill *bill = bill_of(bills, said->model);
    struct sums *sums = bill && whole ? &bill->complete : bill ? &bill->cut : NULL;
    uint64_t reasoning = whole || tokens ? said->choices * said->reasoning_tokens : 0;

    if (sums == NULL)
        return;
    sums->requests++;
    sums->input += said->prompt_tokens - said->cached_tokens;
    sums->cached += said->cached_tokens - said->written_tokens;
    sums->cache_write += said->written_tokens;
    sums->cache_write_long += said->written_long ? said->written_tokens : 0;
    sums->output += whole ? completion_usage(said) : tokens + reasoning;
    sums->reasoning += reasoning;
}

static void write_sums(struct json_writer *w, const char *key, const struct sums *sums)
{
    json_key(w, key);
    json_begin(w, '{');
    json_put_u64(w, "requests", sums->requests);
    json_put_u64(w, "input", sums->input);
    json_put_u64(w, "cached", sums->cached);
    json_put_u64(w, "cache_write", sums->cache_write);
    json_put_u64(w, "cache_write_long", sums->cache_write_long);
    json_put_u64(w, "output", sums->output);
    json_put_u64(w, "reasoning", sums->reasoning);
    json_end(w, '}');
}

void bills_write(const struct bills *bills, struct buf *out)
{
    struct json_writer w = json_writer(out);
    struct map_entry *entry;
    size_t at = 0;

    json_begin(&w, '{');
    while ((entry = map_next(&bills->models, &at)) != NULL) {
        const struct bill *bill = entry->thing;

        json_key_span(&w, span_make(entry->name, entry->name_size));
        json_begin(&w, '{');
        write_sums(&w, "complete", &bill->complete);
        write_sums(&w, "cut", &bill->cut);
        json_end(&w, '}');
    }
    json_end(&w, '}');
}
