/* Without a file the environment speaks. What it says is put into a tree as a file would have said it,
 * so that one reader checks and reports both. */
#include "config/config_environment.h"

#include "base/digest.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES_MIN = 8 };

static const char preferred[] = "holysheep"; /* the default provider, when it is there */
static const char demo_name[] = "demo";

struct environment {
    struct node_tree *tree;
    struct reporter *reporter;
    struct node *root;
    const char *default_provider; /* the first one found: the order of provider_kinds */
};

/* Rows that are one setting each. */
const struct config_variable config_variables[] = {
    { "DEFAULT_MODEL", "default_model",
      "For a request that names none; `provider/name` or a name "
      "for the default provider." },
    { "FALLBACK_MODEL", "fallback_model", "The last resort of every model." },
    { "TIMEOUT_SECONDS", "timeouts.total", "For a whole request with all its attempts." },
    { "MAX_RETRIES", "retry.max_attempts", "N retries are N + 1 attempts." },
    { "HEALTH_CHECK_INTERVAL", "health.interval", "Seconds between two probes; 0: none." },
    { "ENABLE_AUTO_ROLLBACK", "health.auto_switch",
      "true or false: whether a failing model is switched away from." },
    { "LOG_LEVEL", "log.level", "debug, info, warn, error or off." },
    { "SLUICE_LISTEN", "listen", "HOST:PORT." },
    { "SLUICE_ADMIN_KEY", "admin.keys", "Opens the admin plane." },
    { "SLUICE_CLIENT_KEYS", "client_keys",
      "Who may call: NAME=KEY or NAME=sha256:HASH or KEY, separated by commas. A KEY has at "
      "least 8 "
      "characters; one that contains = needs a NAME." },
    { NULL, NULL, NULL },
};

/* NULL when it is not set, or empty. */
static const char *variable(const char *name)
{
    const char *value = name ? getenv(name) : NULL;

    return value && *value ? value : NULL;
}

/* A node that only carries the variable's name into a message. */
static const struct node *about(struct environment *env, const char *name)
{
    struct node *node = node_make(env->tree, NODE_TEXT, (struct config_mark){ 0 });

    node->variable = name;
    return node;
}

static void put(struct environment *env, struct node *map, const char *key, const char *name,
                struct span text)
{
    (void)node_put_text(env->tree, map, key, text, name);
}

/* ---- providers ---- */

static struct node *put_provider(struct environment *env, const char *name, const char *said_by)
{
    struct node *providers = node_put(env->tree, env->root, "providers", NODE_MAP);
    struct node *provider = node_put(env->tree, providers, name, NODE_MAP);

    provider->variable = said_by;
    put(env, provider, "kind", said_by, span_from(name));
    if (env->default_provider == NULL)
        env->default_provider = name;
    return provider;
}

static void put_key(struct environment *env, struct node *provider, const char *name)
{
    struct node *keys = node_put(env->tree, provider, "keys", NODE_LIST);

    keys->variable = name;
    (void)node_add_text(env->tree, keys, span_from(variable(name)), name);
}

/* A key without an address: for a server of one's own the variable may mean something else. */
static void say_no_address(struct environment *env, const struct provider_kind *kind)
{
    const struct node *node = about(env, kind->key_variable);

    if (kind->key_optional)
        report_warning(env->reporter, node, "%s is not set, so this is not used",
                       kind->url_variable);
    else
        report_error(env->reporter, node, "%s is not set; say in it where this key is used",
                     kind->url_variable);
}

/* A provider is there when its key is; one that needs none, when its address is. */
static void add_kind(struct environment *env, const struct provider_kind *kind)
{
    const char *key = variable(kind->key_variable);
    const char *url = variable(kind->url_variable);
    const char *said_by = key ? kind->key_variable : kind->url_variable;
    struct node *provider;

    if (kind->built_in || (key == NULL && url == NULL))
        return;
    if (key == NULL && !kind->key_optional) {
        report_warning(env->reporter, about(env, said_by), "%s is not set, so this is not used",
                       kind->key_variable);
        return;
    }
    if (url == NULL && kind->base_url == NULL) {
        say_no_address(env, kind);
        return;
    }
    provider = put_provider(env, kind->name, said_by);
    if (key)
        put_key(env, provider, kind->key_variable);
    if (url)
        put(env, provider, "base_url", kind->url_variable, span_from(url));
}

static void add_providers(struct environment *env)
{
    struct node *providers;

    for (const struct provider_kind *kind = provider_kinds; kind->name; kind++)
        add_kind(env, kind);
    providers = node_put(env->tree, env->root, "providers", NODE_MAP);
    if (node_member(providers, preferred))
        env->default_provider = preferred;
    if (providers->count == 0 && env->reporter->report->errors == 0)
        (void)put_provider(env, demo_name, NULL);
    if (env->default_provider)
        put(env, env->root, "default_provider", NULL, span_from(env->default_provider));
}

/* ---- models ---- */

/* Lists a model with one target: at the provider that its name begins with, or at the default one. */
static void put_model(struct environment *env, struct span name, const char *said_by)
{
    struct node *models = node_put(env->tree, env->root, "models", NODE_MAP);
    struct node *providers = node_put(env->tree, env->root, "providers", NODE_MAP);
    struct span rest = name;
    struct span provider = span_cut(&rest, '/');
    const char *text = arena_text(&env->tree->arena, name);
    const char *named = arena_text(&env->tree->arena, provider);
    struct node *targets;
    struct node *target;

    if (node_member(models, text))
        return;
    if (rest.size == 0 || node_member(providers, named) == NULL) {
        provider = span_from(env->default_provider);
        rest = name;
    }
    targets =
        node_put(env->tree, node_put(env->tree, models, text, NODE_MAP), "targets", NODE_LIST);
    models->last->variable = said_by;
    target = node_make(env->tree, NODE_MAP, (struct config_mark){ 0 });
    target->variable = said_by;
    node_adopt(env->tree, targets, (struct span){ 0 }, target);
    put(env, target, "provider", said_by, provider);
    put(env, target, "model", said_by, rest);
}

static void add_model(struct environment *env, const char *setting, const char *name)
{
    const char *value = variable(name);

    if (value == NULL || env->default_provider == NULL)
        return;
    put_model(env, span_from(value), name);
    put(env, env->root, setting, name, span_from(value));
}

static void add_models(struct environment *env)
{
    bool demo = env->default_provider && strcmp(env->default_provider, demo_name) == 0;

    if (demo)
        put_model(env, SPAN_OF("demo"), NULL);
    add_model(env, "default_model", "DEFAULT_MODEL");
    add_model(env, "fallback_model", "FALLBACK_MODEL");
    if (demo && !node_member(env->root, "default_model"))
        put(env, env->root, "default_model", NULL, SPAN_OF("demo"));
}

/* ---- client keys ---- */

static void add_client_key(struct environment *env, struct node *keys, struct span entry)
{
    static const char name[] = "SLUICE_CLIENT_KEYS";
    struct span value = entry;
    struct span who = span_cut(&value, '=');
    bool named = who.size < entry.size;
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;
    struct node *key;

    if (!named)
        value = entry;
    key = node_make(env->tree, NODE_MAP, (struct config_mark){ 0 });
    key->variable = name;
    node_adopt(env->tree, keys, (struct span){ 0 }, key);
    put(env, key, "name", name,
        named ? who : span_from(arena_printf(&env->tree->arena, "key-%zu", keys->count)));
    if (span_starts(value, "sha256:")) {
        put(env, key, "hash", name, value);
        return;
    }
    if (value.size < KEY_BYTES_MIN)
        report_error(
            env->reporter, about(env, name),
            "key %zu is shorter than %d characters; a key that contains = needs a name: "
            "NAME=KEY",
            keys->count, KEY_BYTES_MIN);
    digest_sha256(value, &digest);
    digest_hex(&digest, hex);
    put(env, key, "hash", name, span_from(arena_printf(&env->tree->arena, "sha256:%s", hex)));
}

static void add_client_keys(struct environment *env)
{
    struct span rest = span_from(variable("SLUICE_CLIENT_KEYS"));
    struct node *keys;

    if (rest.size == 0)
        return;
    keys = node_put(env->tree, env->root, "client_keys", NODE_LIST);
    keys->variable = "SLUICE_CLIENT_KEYS";
    while (rest.size) {
        struct span entry = span_trim(span_cut(&rest, ','));

        if (entry.size)
            add_client_key(env, keys, entry);
    }
    if (keys->count == 0) /* not the same as saying nothing, which lets everybody call */
        report_error(env->reporter, keys, "holds no key; write NAME=KEY, or remove it");
}

/* ---- the rest ---- */

static void add_number(struct environment *env, const char *name, const char *object,
                       const char *setting,
                       const char *(*write)(struct environment *, uint64_t))
{
    const char *value = variable(name);
    struct node *map;
    uint64_t number;

    if (value == NULL)
        return;
    if (!span_u64(span_from(value), &number) || number > UINT32_MAX) {
        report_error(env->reporter, about(env, name),
                     "\"%s\" is not a whole number; write digits alone, such as 5",
                     quoted(span_from(value)).text);
        return;
    }
    map = node_put(env->tree, env->root, object, NODE_MAP);
    put(env, map, setting, name, span_from(write(env, number)));
}

static const char *write_seconds(struct environment *env, uint64_t seconds)
{
    return arena_printf(&env->tree->arena, "%llus", (unsigned long long)seconds);
}

static const char *write_attempts(struct environment *env, uint64_t retries)
{
    return arena_printf(&env->tree->arena, "%llu", (unsigned long long)retries + 1);
}

static void add_log_level(struct environment *env)
{
    const char *value = variable("LOG_LEVEL");
    enum log_level level;

    if (value == NULL)
        return;
    if (log_level_read(span_from(value), &level))
        value = log_level_name(level);
    put(env, node_put(env->tree, env->root, "log", NODE_MAP), "level", "LOG_LEVEL",
        span_from(value));
}

/* As scripts write it: TRUE, 1. What is neither is left to the reader to complain about. */
static void add_auto_switch(struct environment *env)
{
    static const char name[] = "ENABLE_AUTO_ROLLBACK";
    struct span value = span_from(variable(name));

    if (value.size == 0)
        return;
    if (span_is_nocase(value, "true") || span_is(value, "1"))
        value = SPAN_OF("true");
    else if (span_is_nocase(value, "false") || span_is(value, "0"))
        value = SPAN_OF("false");
    put(env, node_put(env->tree, env->root, "health", NODE_MAP), "auto_switch", name, value);
}

static void add_admin_key(struct environment *env)
{
    const char *value = variable("SLUICE_ADMIN_KEY");
    struct node *admin;

    if (value == NULL)
        return;
    admin = node_put(env->tree, env->root, "admin", NODE_MAP);
    (void)node_add_text(env->tree, node_put(env->tree, admin, "keys", NODE_LIST),
                        span_from(value), "SLUICE_ADMIN_KEY");
}

void config_environment_read(struct node_tree *tree, struct reporter *reporter)
{
    struct environment env = { .tree = tree, .reporter = reporter };

    env.root = node_make(tree, NODE_MAP, (struct config_mark){ 0 });
    tree->root = env.root;
    if (variable("SLUICE_LISTEN"))
        put(&env, env.root, "listen", "SLUICE_LISTEN", span_from(variable("SLUICE_LISTEN")));
    add_providers(&env);
    add_models(&env);
    add_client_keys(&env);
    add_admin_key(&env);
    add_number(&env, "TIMEOUT_SECONDS", "timeouts", "total", write_seconds);
    add_number(&env, "HEALTH_CHECK_INTERVAL", "health", "interval", write_seconds);
    add_number(&env, "MAX_RETRIES", "retry", "max_attempts", write_attempts);
    add_log_level(&env);
    add_auto_switch(&env);
}
