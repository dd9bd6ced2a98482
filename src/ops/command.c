#include "ops/command.h"

#include "base/digest.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/prices.h"
#include "flow/meters.h"
#include "ops/call.h"
#include "ops/client.h"
#include "ops/command_models.h"
#include "ops/command_report.h"
#include "ops/gateway.h"
#include "ops/greeting.h"
#include "ops/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { ERROR_BYTES = 256, URL_BYTES = 512, KEY_LETTERS = 43, HEALTH_TIMEOUT_MS = 3000 };

struct options {
    const char *file;
    const char *url;
    const char *key; /* NULL: SLUICE_ADMIN_KEY */
    const char *window;
    bool diff;
    bool json;
    const char *argument; /* the NAME of keygen */
};

struct command {
    const char *name;
    const char *arguments;
    const char *help;
    int (*run)(const struct options *options);
    bool takes_argument;
};

static void say_text(int fd, const char *text)
{
    say(fd, span_from(text));
}

static struct config *read_config(const struct options *options)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = options->file ? config_from_file(options->file, NULL, &report)
                           : config_from_environment(NULL, &report);
    say(STDERR_FILENO, buf_span(&report.text));
    config_report_done(&report);
    return config;
}

/* ---- serve ---- */

/* Each request may need a socket on either side. Keys must not end up in a core file. */
static void prepare_process(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int serve(const struct options *options)
{
    char error[ERROR_BYTES] = "";
    struct config *config = read_config(options);
    struct gateway *gateway;

    if (config == NULL)
        return EXIT_CONFIGURATION;
    prepare_process();
    log_setup(config->log.level, config->log.text);
    gateway = gateway_new(config, error);
    if (gateway == NULL) {
        say_text(STDERR_FILENO, "sluice: ");
        say_text(STDERR_FILENO, error);
        say_text(STDERR_FILENO, "\n");
        return EXIT_NOT_BOUND;
    }
    /* Not `config`: with what was changed in an earlier life another one is in force. */
    greet(gateway->env.config, gateway_port(gateway));
    gateway_run(gateway);
    gateway_free(gateway);
    return EXIT_FINE;
}

/* ---- configuration ---- */

static int check(const struct options *options)
{
    struct config *config;

    if (options->file == NULL) {
        say_text(STDERR_FILENO, "sluice check: which file? sluice check -c FILE\n");
        return EXIT_USAGE;
    }
    config = read_config(options);
    if (config == NULL)
        return EXIT_CONFIGURATION;
    say_text(STDOUT_FILENO, options->file);
    say_text(STDOUT_FILENO, ": fine\n");
    config_unref(config);
    return EXIT_FINE;
}

static int print_config(const struct options *options)
{
    struct config *config = read_config(options);
    struct buf out;

    if (config == NULL)
        return EXIT_CONFIGURATION;
    buf_init(&out, LIMIT_CONFIG_BYTES);
    config_print(config, &out);
    say(STDOUT_FILENO, buf_span(&out));
    buf_done(&out);
    config_unref(config);
    return EXIT_FINE;
}

static int print_schema(const struct options *options)
{
    struct buf out;

    (void)options;
    buf_init(&out, LIMIT_CONFIG_BYTES);
    config_print_schema(&out);
    say(STDOUT_FILENO, buf_span(&out));
    buf_done(&out);
    return EXIT_FINE;
}

static int print_reference(const struct options *options)
{
    struct buf out;

    (void)options;
    buf_init(&out, LIMIT_CONFIG_BYTES);
    config_print_reference(&out);
    (void)buf_add_text(&out,
                       "\n## Paths\n\nThe admin plane is on `admin.listen`, else on the main "
                       "listener; without `admin.keys` it does not exist.\n\n");
    call_print_reference(&out);
    (void)buf_add_text(&out, "\n## Metrics\n\n");
    metrics_print_reference(meters, METERS, &out);
    say(STDOUT_FILENO, buf_span(&out));
    buf_done(&out);
    return EXIT_FINE;
}

static int keygen(const struct options *options)
{
    char key[sizeof("sk-sl-") + KEY_LETTERS] = "sk-sl-";
    char hex[DIGEST_HEX_SIZE];
    struct digest digest;
    struct buf out;

    if (options->argument == NULL) {
        say_text(STDERR_FILENO, "sluice keygen: for whom? sluice keygen NAME\n");
        return EXIT_USAGE;
    }
    random_text(key + 6, KEY_LETTERS);
    digest_sha256(span_from(key), &digest);
    digest_hex(&digest, hex);
    buf_init(&out, 4096);
    (void)buf_printf(&out,
                     "The key, shown this once; give it to %s:\n  %s\n"
                     "The line for client_keys:\n  - { name: %s, hash: \"sha256:%s\" }\n",
                     options->argument, key, options->argument, hex);
    say(STDOUT_FILENO, buf_span(&out));
    buf_wipe(&out);
    mem_wipe(key, sizeof(key));
    return EXIT_FINE;
}

/* ---- a running gateway ---- */

/* The listener that a command on the same machine should ask. */
static bool local_url(const struct options *options, char url[URL_BYTES])
{
    struct config *config;
    struct span address;
    const char *scheme = "http";

    if (options->url || options->file == NULL) {
        (void)snprintf(url, URL_BYTES, "%.400s",
                       options->url ? options->url : "http://127.0.0.1:8080");
        return true;
    }
    config = read_config(options);
    if (config == NULL)
        return false;
    address = span_from(config->admin.listen ? config->admin.listen : config->listen);
    if (config->admin.listen == NULL && config->tls.certificate)
        scheme = "https";
    if (span_starts(address, "0.0.0.0:") || span_starts(address, "[::]:"))
        (void)snprintf(url, URL_BYTES, "%s://127.0.0.1%s", scheme, strrchr(address.at, ':'));
    else
        (void)snprintf(url, URL_BYTES, "%s://%.*s", scheme, SPAN_ARG(address));
    config_unref(config);
    return true;
}

static int healthcheck(const struct options *options)
{
    char url[URL_BYTES];
    char whole[URL_BYTES + 16];
    char error[ERROR_BYTES] = "";
    unsigned status = 0;
    struct buf body;
    bool answered;

    if (!local_url(options, url))
        return EXIT_CONFIGURATION;
    (void)snprintf(whole, sizeof(whole), "%s/health", url);
    buf_init(&body, LIMIT_CALL_BODY_BYTES);
    answered = client_get(whole, NULL, HEALTH_TIMEOUT_MS, &status, &body, error);
    buf_done(&body);
    if (answered && status == 200)
        return EXIT_FINE;
    say_text(STDERR_FILENO, "sluice healthcheck: ");
    say_text(STDERR_FILENO, answered ? "the gateway answers, but not that it is well" : error);
    say_text(STDERR_FILENO, "\n");
    return 1; /* what HEALTHCHECK expects */
}

static int models(const struct options *options)
{
    char url[URL_BYTES];

    if (!options->diff) {
        say_text(STDERR_FILENO, "sluice models: what of them? sluice models --diff\n");
        return EXIT_USAGE;
    }
    if (!local_url(options, url))
        return EXIT_CONFIGURATION;
    return command_models(url, options->key ? options->key : getenv("SLUICE_ADMIN_KEY"),
                          options->json);
}

static int report(const struct options *options)
{
    char url[URL_BYTES];

    if (!local_url(options, url))
        return EXIT_CONFIGURATION;
    return command_report(url, options->key ? options->key : getenv("SLUICE_ADMIN_KEY"),
                          options->window, options->json);
}

static int print_prices(const struct options *options)
{
    (void)options;
    say(STDOUT_FILENO, span_make((const char *)prices_text, prices_text_bytes));
    return EXIT_FINE;
}

static int not_yet(const struct options *options)
{
    (void)options;
    say_text(STDERR_FILENO, "sluice: this build does not have that command yet\n");
    return EXIT_USAGE;
}

/* ---- the table ---- */

static const struct command commands[] = {
    { "check", "-c FILE", "validate; every error with its line; exit 1", check, false },
    { "config", "[-c FILE]", "print the effective configuration, secrets as ***", print_config,
      false },
    { "schema", "", "print the JSON Schema of the configuration, for editors", print_schema,
      false },
    { "reference", "", "print the reference: settings, paths, metrics", print_reference,
      false },
    { "prices", "", "print the prices that are built in, as a `prices_file`", print_prices,
      false },
    { "keygen", "NAME", "print a new client key once, and its configuration line", keygen,
      true },
    { "healthcheck", "[--url U]", "exit 0 when a running gateway is well, else 1", healthcheck,
      false },
    { "import", "FILE", "(not in this build yet)", not_yet, true },
    { "report", "[--url U]",
      "what a gateway did; --window 60m --json --key or SLUICE_ADMIN_KEY", report, false },
    { "models", "--diff [--json]", "what providers offer, against what is configured; exit 3",
      models, false },
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int help(void)
{
    struct buf out;

    buf_init(&out, 8192);
    (void)buf_add_text(&out, "sluice " SLUICE_VERSION ", a self-hosted AI gateway\n\n");
    (void)buf_printf(&out, "  sluice %-24s %s\n", "[-c FILE]",
                     "serve (no file: from the environment, or the demo)");
    for (int i = 0; i < COMMANDS; i++) {
        char words[64];

        (void)snprintf(words, sizeof(words), "%s %s", commands[i].name, commands[i].arguments);
        (void)buf_printf(&out, "  sluice %-24s %s\n", words, commands[i].help);
    }
    (void)buf_add_text(&out,
                       "\nEvery setting: sluice reference, or conf/README.md. A commented "
                       "example: conf/sluice.yaml.\n");
    say(STDOUT_FILENO, buf_span(&out));
    buf_done(&out);
    return EXIT_FINE;
}

static int usage(const char *what, const char *word)
{
    struct buf out;

    buf_init(&out, 1024);
    (void)buf_printf(&out, "sluice: %s: %.200s (sluice --help shows what there is)\n", what,
                     word);
    say(STDERR_FILENO, buf_span(&out));
    buf_done(&out);
    return EXIT_USAGE;
}

static const struct command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Where the value behind that word goes; NULL: it takes none. */
static const char **value_of(const char *word, struct options *options)
{
    if (strcmp(word, "-c") == 0)
        return &options->file;
    if (strcmp(word, "--url") == 0)
        return &options->url;
    if (strcmp(word, "--key") == 0)
        return &options->key;
    return strcmp(word, "--window") == 0 ? &options->window : NULL;
}

/* Reads what follows the command. Returns EXIT_FINE, or EXIT_USAGE after having said why. */
static int read_options(int count, char **words, const struct command *command,
                        struct options *ret)
{
    for (int i = 0; i < count; i++) {
        const char **value = value_of(words[i], ret);

        if (value && i + 1 >= count)
            return usage("a value is missing after", words[i]);
        if (value)
            *value = words[++i];
        else if (strcmp(words[i], "--diff") == 0)
            ret->diff = true;
        else if (strcmp(words[i], "--json") == 0)
            ret->json = true;
        else if (command && command->takes_argument && words[i][0] != '-' && !ret->argument)
            ret->argument = words[i];
        else
            return usage(words[i][0] == '-' ? "no such option" : "no such command", words[i]);
    }
    return EXIT_FINE;
}

int command_run(int count, char **words)
{
    const struct command *command = count > 1 ? find_command(words[1]) : NULL;
    struct options options = { 0 };
    int first = command ? 2 : 1;
    int failed;

    if (count > 1 && (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0))
        return help();
    if (count > 1 && strcmp(words[1], "--version") == 0) {
        say_text(STDOUT_FILENO, "sluice " SLUICE_VERSION "\n");
        return EXIT_FINE;
    }
    failed = read_options(count - first, words + first, command, &options);
    if (failed)
        return failed;
    return command ? command->run(&options) : serve(&options);
}
