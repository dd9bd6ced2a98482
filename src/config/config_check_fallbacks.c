/* config_check_fallbacks: who may stand in for whom. */
#include "config/config_read.h"

#include "base/mem.h"

#include <string.h>

enum { WAY_BYTES_MAX = 4096 };

/* ---- each model ---- */

static void check_stand_ins(struct reading *reading, const struct config_model *model,
                            const struct config_models *others, const struct node *node)
{
    for (size_t i = 0; i < others->count; i++) {
        const struct config_model *other = others->items[i];
        const struct node *child = node_child(node, i);

        if (other == model)
            report_error(reading->reporter, child,
                         "a model cannot stand in for itself; remove it");
        else if (other && other->virtual)
            report_error(reading->reporter, child,
                         "\"%s\" is a virtual model; name one that has targets", other->name);
        for (size_t j = 0; j < i; j++)
            if (other && others->items[j] == other)
                report_error(reading->reporter, child, "\"%s\" stands twice; remove one",
                             other->name);
    }
}

void config_check_fallbacks(struct reading *reading, const struct config_model *model,
                            const struct node *node)
{
    const struct node *by_class = node_member(node, "fallback_on");
    const struct setting *row = settings_fallback_on.rows;

    check_stand_ins(reading, model, &model->fallbacks, node_member(node, "fallbacks"));
    for (; row->name; row++) {
        struct config_models others;

        memcpy(&others, (const char *)&model->fallback_on + row->offset, sizeof(others));
        check_stand_ins(reading, model, &others, node_member(by_class, row->name));
    }
}

/* ---- all of them ---- */

/* The way from the model where the search began to where it is. */
struct way {
    const struct config_model *model;
    const struct way *before;
};

enum seen { NOT_YET, ON_THE_WAY, DONE };

struct search {
    struct reading *reading;
    uint8_t *seen; /* enum seen, of each model in the order of the file */
};

static enum seen seen(const struct search *search, const struct config_model *model)
{
    return (enum seen)search->seen[model - search->reading->config->models];
}

static void mark(struct search *search, const struct config_model *model, enum seen as)
{
    search->seen[model - search->reading->config->models] = (uint8_t)as;
}

static const struct node *fallbacks_of(const struct reading *reading,
                                       const struct config_model *model)
{
    const struct node *node = node_member(reading->root, "models");

    return node_member(node_member(node, model->name), "fallbacks");
}

/* "one -> two -> ", from `back` to the end of the way. */
static void write_way(const struct way *way, const struct config_model *back, struct buf *out)
{
    if (way->model != back && way->before)
        write_way(way->before, back, out);
    (void)buf_printf(out, "%s -> ", way->model->name);
}

static void report_cycle(struct search *search, const struct way *way, size_t at)
{
    const struct config_model *back = way->model->fallbacks.items[at];
    const struct node *node = node_child(fallbacks_of(search->reading, way->model), at);
    struct buf text;

    buf_init(&text, WAY_BYTES_MAX);
    write_way(way, back, &text);
    report_error(search->reading->reporter, node,
                 "the fallbacks go round in a circle: %s%s; remove one of them",
                 buf_text(&text), back->name);
    buf_done(&text);
}

static void follow(struct search *search, const struct way *way)
{
    const struct config_models *others = &way->model->fallbacks;

    mark(search, way->model, ON_THE_WAY);
    for (size_t i = 0; i < others->count; i++) {
        const struct way next = { others->items[i], way };

        if (next.model == NULL || next.model == way->model)
            continue; /* said elsewhere */
        if (seen(search, next.model) == ON_THE_WAY)
            report_cycle(search, way, i);
        else if (seen(search, next.model) == NOT_YET)
            follow(search, &next);
    }
    mark(search, way->model, DONE);
}

void config_check_cycles(struct reading *reading)
{
    const struct config *config = reading->config;
    struct search search = { reading, mem_zero(config->model_count + 1) };

    for (size_t i = 0; i < config->model_count; i++) {
        const struct way first = { &config->models[i], NULL };

        if (seen(&search, first.model) == NOT_YET)
            follow(&search, &first);
    }
    mem_free(search.seen);
}
