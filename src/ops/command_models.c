#include "ops/command_models.h"

#include "base/json.h"
#include "base/limits.h"
#include "ops/client.h"
#include "ops/command.h"
#include "ops/say.h"

#include <stdio.h>
#include <unistd.h>

/* Each provider has ten seconds, some of them at a time. */
enum { ERROR_BYTES = 256, URL_BYTES = 512, TIMEOUT_MS = 60000, TEXT_BYTES_MAX = 64 << 20 };

static int complain(const char *what)
{
    say(STDERR_FILENO, SPAN_OF("sluice models: "));
    say(STDERR_FILENO, span_from(what));
    say(STDERR_FILENO, SPAN_OF("\n"));
    return EXIT_UNREACHABLE;
}

static void print_names(const struct json *names, char sign, struct buf *out)
{
    struct span name;

    for (size_t i = 0; i < json_count(names); i++)
        if (json_read_string(json_item(names, i), &name))
            (void)buf_printf(out, "  %c %.*s\n", sign, SPAN_ARG(name));
}

static void print_provider(struct span name, const struct json *provider, struct buf *out)
{
    const struct json *fresh = json_member(provider, "new");
    const struct json *gone = json_member(provider, "gone");
    struct span problem;

    if (json_read_string(json_member(provider, "problem"), &problem)) {
        (void)buf_printf(out, "%.*s: not known: %.*s\n", SPAN_ARG(name), SPAN_ARG(problem));
    } else if (json_count(fresh) + json_count(gone) == 0) {
        (void)buf_printf(out, "%.*s: as configured\n", SPAN_ARG(name));
    } else {
        (void)buf_printf(out, "%.*s: %zu new, %zu gone\n", SPAN_ARG(name), json_count(fresh),
                         json_count(gone));
        print_names(fresh, '+', out);
        print_names(gone, '-', out);
    }
}

static void print(const struct json *providers)
{
    struct buf out;
    struct span name;

    buf_init(&out, TEXT_BYTES_MAX);
    for (size_t i = 0; i < json_count(providers); i++) {
        const struct json *provider = json_member_at(providers, i, &name);

        print_provider(name, provider, &out);
    }
    say(STDOUT_FILENO, buf_span(&out));
    buf_done(&out);
}

static int judge(struct span answer, bool json)
{
    struct json_doc *doc = NULL;
    bool differs = false;
    bool complete = false;
    bool read;

    if (json_parse(answer, &doc))
        return complain("what answers there is not a sluice of this version");
    read = json_read_bool(json_member(json_root(doc), "differs"), &differs) &&
           json_read_bool(json_member(json_root(doc), "complete"), &complete);
    if (read && json) {
        say(STDOUT_FILENO, answer);
        say(STDOUT_FILENO, SPAN_OF("\n"));
    } else if (read) {
        print(json_member(json_root(doc), "providers"));
    }
    json_free(doc);
    if (!read)
        return complain("what answers there is not a sluice of this version");
    if (differs)
        return EXIT_DIFFERENCE;
    return complete ? EXIT_FINE : EXIT_UNREACHABLE;
}

int command_models(const char *url, const char *key, bool json)
{
    char whole[URL_BYTES + 32];
    char error[ERROR_BYTES] = "";
    unsigned status = 0;
    struct buf body;
    int code;

    (void)snprintf(whole, sizeof(whole), "%.*s/admin/providers/models", URL_BYTES, url);
    buf_init(&body, TEXT_BYTES_MAX);
    if (!client_get(whole, key, TIMEOUT_MS, &status, &body, error))
        code = complain(error);
    else if (status == 401 || status == 404)
        code = complain("the gateway refuses: give an admin key with --key or in "
                        "SLUICE_ADMIN_KEY, and the address of its admin listener with --url");
    else if (status != 200)
        code = complain("the gateway answers, but not with a list of models");
    else
        code = judge(buf_span(&body), json);
    buf_done(&body);
    return code;
}
