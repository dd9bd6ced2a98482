#include "config/config.h"

#include "base/limits.h"
#include "base/mem.h"
#include "config/config_changes.h"
#include "config/config_environment.h"
#include "config/config_read.h"
#include "config/config_yaml.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void wipe_keys(struct config_secrets *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        secret_done(&keys->items[i]);
}

static void config_free(struct config *config)
{
    for (size_t i = 0; i < config->provider_count; i++)
        wipe_keys(&config->providers[i].keys);
    wipe_keys(&config->admin.keys);
    secret_done(&config->source);
    for (size_t i = 0; i < config->alerts.webhook_count; i++)
        secret_done(&config->alerts.webhooks[i].secret);
    map_done(&config->models_by_name);
    map_done(&config->providers_by_name);
    map_done(&config->prices_by_name);
    arena_done(&config->arena);
    mem_free(config);
}

static struct config *config_new(const char *file)
{
    struct config *config = mem_zero(sizeof(*config));

    arena_init(&config->arena);
    map_init(&config->models_by_name);
    map_init(&config->providers_by_name);
    map_init(&config->prices_by_name);
    config->references = 1;
    config->generation = 1;
    config->file = file ? arena_text(&config->arena, span_from(file)) : NULL;
    return config;
}

struct config *config_ref(struct config *config)
{
    assert(config->references > 0);
    config->references++;
    return config;
}

void config_unref(struct config *config)
{
    if (config == NULL)
        return;
    assert(config->references > 0);
    if (--config->references == 0)
        config_free(config);
}

/* The snapshot that a tree describes with the changes on top, or NULL when anything is wrong with it. */
static struct config *from_tree(struct node_tree *tree, const char *file,
                                struct config_changes *changes, struct reporter *reporter)
{
    struct reading *reading = mem_zero(sizeof(*reading));
    struct config *config = config_new(file);

    if (changes)
        config_changes_apply(changes, tree, reporter);

    reading->config = config;
    reading->reporter = reporter;
    reading->root = tree->root;
    config_read(reading);
    config_check(reading);
    mem_free(reading);
    if (reporter->report->errors == 0)
        return config;
    config_unref(config);
    return NULL;
}

struct config *config_from_text(const char *path, struct span text,
                                struct config_changes *changes, struct config_report *report)
{
    struct reporter reporter = { report, path };
    struct config *config = NULL;
    struct node_tree tree;

    node_tree_init(&tree);
    if (config_yaml_read(text, &tree, &reporter)) {
        if (tree.root == NULL)
            tree.root = node_make(&tree, NODE_MAP, (struct config_mark){ 1, 1 });
        config = from_tree(&tree, path, changes, &reporter);
    }
    if (config)
        secret_init(&config->source, text);
    node_tree_done(&tree);
    report_finish(&reporter);
    return config;
}

struct config *config_from_environment(struct config_changes *changes,
                                       struct config_report *report)
{
    struct reporter reporter = { report, "environment" };
    struct config *config;
    struct node_tree tree;

    node_tree_init(&tree);
    config_environment_read(&tree, &reporter);
    config = from_tree(&tree, NULL, changes, &reporter);
    node_tree_done(&tree);
    report_finish(&reporter);
    return config;
}

struct config *config_again(const struct config *config, struct config_changes *changes,
                            struct config_report *report)
{
    struct config *next =
        config->file
            ? config_from_text(config->file, secret_reveal(&config->source), changes, report)
            : config_from_environment(changes, report);

    if (next)
        next->generation = config->generation + 1;
    return next;
}

bool config_read_bytes(const char *path, char *bytes, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;
    size_t size = 0;
    int error;

    while (got > 0 && size < CONFIG_BYTES_MAX) {
        got = read(fd, bytes + size, CONFIG_BYTES_MAX - size);
        if (got < 0 && errno == EINTR)
            got = 1;
        else if (got > 0)
            size += (size_t)got;
    }
    error = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = error;
    *ret_size = size;
    return got >= 0;
}

struct config *config_from_file(const char *path, struct config_changes *changes,
                                struct config_report *report)
{
    char *bytes = mem_alloc(CONFIG_BYTES_MAX);
    struct config *config = NULL;
    size_t size;

    if (config_read_bytes(path, bytes, &size)) {
        config = config_from_text(path, span_make(bytes, size), changes, report);
        mem_wipe(bytes, size);
    } else {
        struct reporter reporter = { report, path };

        report_error(&reporter, NULL, "cannot read it: %s; give the path of a file",
                     strerror(errno));
    }
    mem_free(bytes);
    return config;
}

const struct config_model *config_model_find(const struct config *config, struct span name)
{
    return map_find(&config->models_by_name, name);
}

const struct config_provider *config_provider_find(const struct config *config,
                                                   struct span name)
{
    return map_find(&config->providers_by_name, name);
}

const struct price *config_target_price(const struct config_model *model,
                                        const struct config_target *target)
{
    if (target->price.known)
        return &target->price;
    return model->price.known || target->listed == NULL ? &model->price
                                                        : &target->listed->price;
}

bool config_is_loopback(const char *listen)
{
    struct span address = span_from(listen);

    return span_starts(address, "127.") || span_starts(address, "localhost:") ||
           span_starts(address, "[::1]:");
}

bool config_sets_header(const struct config_provider *provider, struct span name)
{
    for (size_t i = 0; i < provider->headers.count; i++)
        if (span_is_nocase(name, provider->headers.items[i].name))
            return true;
    return false;
}

bool config_needs_header(const struct config_provider *provider)
{
    struct span line = span_from(provider->kind->header);
    struct span name = span_cut(&line, ':');

    return name.size > 0 && !config_sets_header(provider, name);
}
