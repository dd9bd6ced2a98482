#include "ops/command_report.h"

#include "base/json.h"
#include "ops/client.h"
#include "ops/command.h"
#include "ops/say.h"

#include <stdio.h>
#include <unistd.h>

enum { ERROR_BYTES = 256, URL_BYTES = 512, TIMEOUT_MS = 30000, REPORT_BYTES_MAX = 64 << 20 };

static int complain(const char *what)
{
    say(STDERR_FILENO, SPAN_OF("sluice report: "));
    say(STDERR_FILENO, span_from(what));
    say(STDERR_FILENO, SPAN_OF("\n"));
    return EXIT_UNREACHABLE;
}

/* The message of an error in OpenAI's shape, else the whole body. */
static int complain_refused(unsigned status, struct span body)
{
    struct json_doc *doc = NULL;
    struct span message = body;
    char why[ERROR_BYTES * 2];

    if (json_parse(body, &doc) == 0)
        (void)json_read_string(json_member(json_member(json_root(doc), "error"), "message"),
                               &message);
    message = span_first(message, ERROR_BYTES);
    (void)snprintf(why, sizeof(why), "the gateway answers %u: %.*s%s", status,
                   SPAN_ARG(message),
                   status == 401 || status == 404
                       ? " (an admin key is asked for: --key or SLUICE_ADMIN_KEY; and the "
                         "address of the admin listener: --url)"
                       : "");
    json_free(doc);
    return complain(why);
}

int command_report(const char *url, const char *key, const char *window, bool json)
{
    char whole[URL_BYTES + 128];
    char error[ERROR_BYTES] = "";
    unsigned status = 0;
    struct buf body;
    int code = EXIT_FINE;

    (void)snprintf(whole, sizeof(whole), "%.*s/admin/report?window=%.32s&format=%s", URL_BYTES,
                   url, window ? window : "60m", json ? "json" : "text");
    buf_init(&body, REPORT_BYTES_MAX);
    if (!client_get(whole, key, TIMEOUT_MS, &status, &body, error))
        code = complain(error);
    else if (status != 200)
        code = complain_refused(status, buf_span(&body));
    else
        say(STDOUT_FILENO, buf_span(&body));
    if (code == EXIT_FINE && json)
        say(STDOUT_FILENO, SPAN_OF("\n"));
    buf_done(&body);
    return code;
}
