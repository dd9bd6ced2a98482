#include "ops/greeting.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GREETING_BYTES = 16 * 1024 };

static bool only_demo(const struct config *config)
{
    for (size_t i = 0; i < config->provider_count; i++)
        if (!config->providers[i].kind->built_in && !config->providers[i].off)
            return false;
    return true;
}

static void add_warning(const struct config *config, struct buf *out)
{
    if (only_demo(config))
        (void)buf_add_text(
            out, "\n  *** DEMO *** No provider key was found, so the built-in demo answers:\n"
                 "  a fixed text, no model. Set OPENAI_API_KEY (or another provider's key) "
                 "or give -c FILE.\n");
}

static const char *example_model(const struct config *config)
{
    if (config->default_model)
        return config->default_model->name;
    if (config->model_count)
        return config->models[0].name;
    return config->default_provider && config->default_provider->kind->example
               ? config->default_provider->kind->example
               : "MODEL";
}

static void add_example(const struct config *config, unsigned port, struct buf *out)
{
    (void)buf_printf(
        out,
        "\n  Try it:\n\n    curl -N %s://127.0.0.1:%u/v1/chat/completions "
        "-H 'Content-Type: application/json'%s -d '{\"model\":\"%s\",\"stream\":true,"
        "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n\n",
        config->tls.certificate ? "https" : "http", port,
        config->client_key_count ? " -H \"Authorization: Bearer $YOUR_KEY\"" : "",
        example_model(config));
}

/* `sluice check` said so, but who reads that every time? */
static void warn_of_prompts(const struct config *config)
{
    for (size_t i = 0; i < config->provider_count; i++)
        if (config->providers[i].health.prompt && !config->providers[i].off &&
            config->providers[i].health.interval)
            LOG(LOG_WARN, "probes_prompt", { "provider", span_from(config->providers[i].name) },
                { "message", SPAN_OF("each probe is a prompt, and costs tokens") });
}

void greet(const struct config *config, unsigned port)
{
    struct buf out;
    struct span text;
    char number[8];

    (void)snprintf(number, sizeof(number), "%u", port % 65536);
    LOG(LOG_INFO, "start", { "version", SPAN_OF(SLUICE_VERSION) },
        { "listen", span_from(config->listen) }, { "port", span_from(number) },
        { "file", span_from(config->file) });
    warn_of_prompts(config);
    (void)log_flush();
    buf_init(&out, GREETING_BYTES);
    if (config->file == NULL)
        (void)buf_printf(&out, "\n  sluice %s on %s\n", SLUICE_VERSION, config->listen);
    add_warning(config, &out);
    if (config->file == NULL)
        add_example(config, port, &out);
    text = buf_span(&out);
    if (text.size && write(STDERR_FILENO, text.at, text.size) < 0)
        text.size = 0; /* nobody is there to read it */
    buf_done(&out);
}
