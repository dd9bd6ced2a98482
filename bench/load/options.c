#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum kind {
    KIND_FLAG,
    KIND_COUNT,
    KIND_THOUSANDTHS, /* a decimal number, kept times 1000: seconds as ms, and the rate */
    KIND_TEXT,
    KIND_HEADER,
    KIND_TARGET,
    KIND_PIDS,
    KIND_LEAVE,
};

struct row {
    const char *name;
    const char *short_name;
    const char *value; /* what the help calls it */
    const char *help;
    enum kind kind;
    size_t offset;
    uint64_t max;
    uint64_t min;
};

#define AT(field) .offset = offsetof(struct options, field)

enum { DAY_MS = 86400000, BODY_BYTES_MAX = 64 * 1024 * 1024 };

static const struct row rows[] = {
    { "--model", "-m", "NAME", "asked for (gpt-4.1)", KIND_TEXT, AT(model) },
    { "--key", NULL, "KEY", "sent as Authorization: Bearer", KIND_TEXT, AT(key) },
    { "--stream", NULL, NULL, "ask for SSE and check every stream", KIND_FLAG, AT(stream) },
    { "--usage", NULL, NULL, "ask a stream for its usage, too", KIND_FLAG, AT(usage) },
    { "--body", NULL, "FILE", "send this instead of a chat completion", KIND_TEXT,
      AT(body_file) },
    { "--body-bytes", NULL, "N", "size of the chat completion (1024)", KIND_COUNT,
      AT(body_bytes), BODY_BYTES_MAX },
    { "--path", NULL, "PATH", "where the URL has none (/v1/chat/completions)", KIND_TEXT,
      AT(path) },
    { "--header", "-H", "'NAME: VALUE'", "one more header; may be repeated", KIND_HEADER,
      AT(headers) },
    { "--connections", "-c", "N", "at once (1); with --rate: at most (1000)", KIND_COUNT,
      AT(connections), CONNECTIONS_MAX, 1 },
    { "--requests", "-n", "N", "in a round", KIND_COUNT, AT(requests), UINT32_MAX, 1 },
    { "--seconds", "-d", "S", "for a round (10, unless -n is given)", KIND_THOUSANDTHS,
      AT(round_ms), DAY_MS, 1 },
    { "--rate", NULL, "R", "open loop: R requests a second; time counts from when each is due",
      KIND_THOUSANDTHS, AT(rate_milli), 1000000000, 1 },
    { "--poisson", NULL, NULL, "the rate's requests come at random, not evenly", KIND_FLAG,
      AT(poisson) },
    { "--connection-per-request", NULL, NULL, "none is used twice", KIND_FLAG,
      AT(connection_per_request) },
    { "--connect-first", NULL, NULL, "all connections are open before the first request",
      KIND_FLAG, AT(connect_first) },
    { "--ramp", NULL, "S", "closed loop: the connections start at random within S",
      KIND_THOUSANDTHS, AT(ramp_ms), DAY_MS },
    { "--rounds", "-r", "N", "for each URL (1; several URLs: 5)", KIND_COUNT, AT(rounds),
      ROUNDS_MAX, 1 },
    { "--warmup", NULL, "S", "first, for each URL, without counting (0)", KIND_THOUSANDTHS,
      AT(warmup_ms), DAY_MS },
    { "--timeout", NULL, "S", "for a request (60)", KIND_THOUSANDTHS, AT(timeout_ms), DAY_MS,
      1 },
    { "--compare", NULL, "NAME=URL ...", "several URLs, in turns; the first is the measure",
      KIND_TARGET, AT(targets) },
    { "--pid", NULL, "NAME=PID[,PID]", "watch CPU and memory of these", KIND_PIDS,
      AT(targets) },
    { "--expect-tokens", NULL, "N", "of each stream, numbered as sluice-mock does", KIND_COUNT,
      AT(tokens), UINT32_MAX, 1 },
    { "--read-rate", NULL, "B", "slow readers: each connection takes B bytes a second",
      KIND_COUNT, AT(read_rate), UINT32_MAX, 1 },
    { "--write-rate", NULL, "B", "as over a network: each connection sends B bytes a second",
      KIND_COUNT, AT(write_rate), UINT32_MAX, 1 },
    { "--disconnect", NULL, "PHASE", "leave in phase headers, stream or wait, or at random",
      KIND_LEAVE, AT(leave) },
    { "--hold", NULL, "S", "leave so long after sending; at random: within it (0.05)",
      KIND_THOUSANDTHS, AT(hold_ms), DAY_MS, 1 },
    { "--closes", NULL, "FILE", "a JSON line for each time it left", KIND_TEXT,
      AT(closes_file) },
    { "--json", NULL, "FILE", "all figures; - is stdout", KIND_TEXT, AT(json_file) },
    { "--series", NULL, "S", "with --json: what began and ended in each S seconds",
      KIND_THOUSANDTHS, AT(slot_ms), DAY_MS, 1 },
    { "--svg", NULL, "FILE", "a plot of all percentiles", KIND_TEXT, AT(svg_file) },
    { "--plot", NULL, "FILE", "measure nothing, draw this file's lines as --svg (plot_file.h)",
      KIND_TEXT, AT(plot_file) },
    { "--quiet", "-q", NULL, "no progress line", KIND_FLAG, AT(quiet) },
    { "--allow-failures", NULL, NULL, "exit 0 all the same", KIND_FLAG, AT(allow_failures) },
};

enum {
    ROW_COUNT = sizeof(rows) / sizeof(rows[0]),
    HEADERS_BYTES_MAX = 64 * 1024,
    WORD_SIZE = 256,
    OPEN_CONNECTIONS = 1000,
};

void options_init(struct options *options)
{
    *options = (struct options){
        .model = "gpt-4.1",
        .path = "/v1/chat/completions",
        .body_bytes = 1024,
        .timeout_ms = 60000,
        .hold_ms = 50,
    };
    buf_init(&options->headers, HEADERS_BYTES_MAX);
}

void options_done(struct options *options)
{
    buf_done(&options->headers);
}

/* "1.25" as 1250; digits behind the third are refused. */
static bool read_thousandths(struct span text, uint64_t *ret)
{
    struct span whole = span_cut(&text, '.');
    uint64_t thousands = 0;
    uint64_t rest = 0;

    if (!span_u64(whole, &thousands) || thousands > UINT32_MAX)
        return false;
    if (text.size > 3 || (text.size && !span_u64(text, &rest)))
        return false;
    for (size_t i = text.size; i < 3; i++)
        rest *= 10;
    *ret = thousands * 1000 + rest;
    return true;
}

static bool read_leave(struct span text, enum leave *ret)
{
    static const char *const phases[] = {
        [LEAVE_NOT] = "",      [LEAVE_HEADERS] = "headers", [LEAVE_STREAM] = "stream",
        [LEAVE_WAIT] = "wait", [LEAVE_RANDOM] = "random",
    };

    for (uint32_t i = LEAVE_HEADERS; i <= LEAVE_RANDOM; i++)
        if (span_is(text, phases[i])) {
            *ret = (enum leave)i;
            return true;
        }
    return false;
}

static bool refuse(const char *word, const char *why)
{
    (void)fprintf(stderr, "sluice-load: %s: %s; see --help\n", word, why);
    return false;
}

static const struct target *find_target(const struct options *options, const char *name)
{
    for (uint32_t i = 0; i < options->target_count; i++)
        if (strcmp(options->targets[i].name, name) == 0)
            return &options->targets[i];
    return NULL;
}

static bool add_target(struct options *options, const char *text)
{
    const char *why = "at most 16 URLs";
    struct target target;

    if (options->target_count == TARGETS_MAX || !target_read(&target, text, &why))
        return refuse(text, why);
    if (find_target(options, target.name))
        return refuse(text, "give each URL a name of its own: NAME=URL");
    options->targets[options->target_count++] = target;
    return true;
}

/* "NAME=PID,PID"; the name may be left out when there is one URL only. */
static bool add_pids(struct options *options, const char *text)
{
    struct span pids = span_from(text);
    struct span name = SPAN_OF("URL");

    if (span_find(pids, '=') != SIZE_MAX)
        name = span_cut(&pids, '=');
    for (uint32_t i = 0; i < options->target_count; i++)
        if (span_is(name, options->targets[i].name))
            return target_read_pids(&options->targets[i], pids);
    return false;
}

static bool read_header(struct options *options, struct span line)
{
    size_t colon = span_find(line, ':');

    if (colon == 0 || colon == SIZE_MAX || span_find(line, '\n') != SIZE_MAX)
        return false;
    return buf_printf(&options->headers, "%.*s\r\n", SPAN_ARG(line));
}

static bool read_value(struct options *options, const struct row *row, const char *value)
{
    char *place = (char *)options + row->offset;
    uint64_t *number = (uint64_t *)(void *)place;

    switch (row->kind) {
    case KIND_FLAG: *(bool *)place = true; return true;
    case KIND_COUNT:
        return span_u64(span_from(value), number) && *number >= row->min && *number <= row->max;
    case KIND_THOUSANDTHS:
        return read_thousandths(span_from(value), number) && *number >= row->min &&
               *number <= row->max;
    case KIND_TEXT: *(const char **)(void *)place = value; return value[0] != '\0';
    case KIND_HEADER: return read_header(options, span_from(value));
    case KIND_TARGET: return add_target(options, value);
    case KIND_PIDS: return true; /* read_pids(), once all targets are known */
    case KIND_LEAVE: return read_leave(span_from(value), &options->leave);
    }
    return false;
}

/* What would have been right. */
static bool refuse_value(const struct row *row, const char *value)
{
    char word[WORD_SIZE];
    char why[WORD_SIZE];

    (void)snprintf(word, sizeof(word), "%s %s", row->name, value);
    switch (row->kind) {
    case KIND_COUNT:
        (void)snprintf(why, sizeof(why), "a whole number from %llu to %llu is wanted",
                       (unsigned long long)row->min, (unsigned long long)row->max);
        return refuse(word, why);
    case KIND_THOUSANDTHS:
        (void)snprintf(why, sizeof(why),
                       "a number from %g to %g with at most three decimals is wanted",
                       (double)row->min / 1e3, (double)row->max / 1e3);
        return refuse(word, why);
    case KIND_HEADER: return refuse(word, "'NAME: VALUE' is wanted");
    case KIND_LEAVE: return refuse(word, "headers, stream, wait or random is wanted");
    case KIND_TARGET: return false; /* add_target() has said it */
    case KIND_FLAG:
    case KIND_TEXT:
    case KIND_PIDS: break;
    }
    return refuse(word, "a value that is not empty is wanted");
}

static const struct row *find_row(const char *word)
{
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (strcmp(word, rows[i].name) == 0 ||
            (rows[i].short_name && strcmp(word, rows[i].short_name) == 0))
            return &rows[i];
    return NULL;
}

static bool refuse_option(const char *word)
{
    const struct row *nearest = &rows[0];
    char why[WORD_SIZE];

    for (size_t i = 1; i < ROW_COUNT; i++)
        if (span_distance(span_from(word), span_from(rows[i].name)) <
            span_distance(span_from(word), span_from(nearest->name)))
            nearest = &rows[i];
    (void)snprintf(why, sizeof(why), "no such option; the nearest is %s", nearest->name);
    return refuse(word, why);
}

static bool refuse_missing(const struct row *row)
{
    char why[WORD_SIZE];

    (void)snprintf(why, sizeof(why), "%s is missing behind it", row->value);
    return refuse(row->name, why);
}

static bool read_words(struct options *options, int count, char **words)
{
    for (int i = 1; i < count; i++) {
        const struct row *row = find_row(words[i]);
        const char *value = i + 1 < count ? words[i + 1] : "";

        if (!row && words[i][0] == '-')
            return refuse_option(words[i]);
        if (!row && !add_target(options, words[i]))
            return false;
        if (!row)
            continue;
        if (row->value && i + 1 == count)
            return refuse_missing(row);
        if (!read_value(options, row, value))
            return refuse_value(row, value);
        i += row->value ? 1 : 0;
    }
    return true;
}

static bool read_pids(struct options *options, int count, char **words)
{
    for (int i = 1; i + 1 < count; i++)
        if (strcmp(words[i], "--pid") == 0 && !add_pids(options, words[++i]))
            return refuse(words[i], "NAME=PID[,PID] with the name of a URL is wanted");
    return true;
}

/* What makes sense only beside something else. */
static bool check_pairs(const struct options *options)
{
    if (options->poisson && !options->rate_milli)
        return refuse("--poisson", "is for --rate R");
    if (options->ramp_ms && options->rate_milli)
        return refuse("--ramp", "is for the closed loop, without --rate");
    if (options->connect_first && options->connection_per_request)
        return refuse("--connect-first", "is for connections that are kept");
    if (options->tokens && !options->stream)
        return refuse("--expect-tokens", "is for --stream");
    if (options->usage && !options->stream)
        return refuse("--usage", "is for --stream");
    if (options->closes_file && !options->leave)
        return refuse("--closes", "is for --disconnect PHASE");
    if (options->slot_ms && !options->json_file)
        return refuse("--series", "is for --json FILE");
    if (options->leave && options->body_file)
        return refuse("--disconnect", "marks its requests and cannot send a --body");
    return true;
}

static void fill_gaps(struct options *options)
{
    if (!options->connections)
        options->connections = options->rate_milli ? OPEN_CONNECTIONS : 1;
    if (!options->requests && !options->round_ms)
        options->round_ms = 10000;
    if (!options->rounds)
        options->rounds = options->target_count > 1 ? 5 : 1;
}

bool options_read(struct options *options, int count, char **words)
{
    if (!read_words(options, count, words) || !read_pids(options, count, words))
        return false;
    if (options->plot_file)
        return options->svg_file || refuse("--plot", "is drawn to --svg FILE");
    if (!options->target_count)
        return refuse("URL", "is missing: http[s]://HOST[:PORT][/PATH]");
    if (options->leave == LEAVE_HEADERS || options->leave == LEAVE_STREAM)
        options->stream = true;
    if (options->leave == LEAVE_WAIT)
        options->stream = false;
    fill_gaps(options);
    return check_pairs(options);
}

void options_print_help(void)
{
    printf("usage: sluice-load [OPTION ...] [NAME=]URL ...\n\n");
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        char left[64];

        (void)snprintf(left, sizeof(left), "%s%s%s %s", row->short_name ? row->short_name : "",
                       row->short_name ? ", " : "", row->name, row->value ? row->value : "");
        printf("  %-30s %s\n", left, row->help);
    }
    printf("\nThe page to read is bench/README.md.\n");
}
