/* sluice-load: puts load on HTTP servers that speak OpenAI's chat completions, and measures
 * them. bench/README.md says how to read what it prints, `sluice-load --help` what it can do.
 *
 *     options -> round (x targets x rounds, in turns) -> tally -> figures -> report */
#include "base/mem.h"
#include "plot_file.h"
#include "report.h"
#include "request.h"
#include "round.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    EXIT_FINE = 0,
    EXIT_FAILURES = 1,
    EXIT_USAGE = 2,
    TITLE_SIZE = 128,
    PLOT_BYTES_MAX = 16 << 20
};

/* Ten thousand streams need ten thousand descriptors. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool run_one(const struct round_order *order, const char *what, struct tally *tally)
{
    bool quiet = order->options->quiet || !isatty(STDERR_FILENO);
    struct round_order titled = *order;
    char title[TITLE_SIZE];

    (void)snprintf(title, sizeof(title), "%s, %s", order->target->name, what);
    titled.title = quiet ? NULL : title;
    if (round_run(&titled, tally))
        return true;
    (void)fprintf(stderr, "sluice-load: cannot read %s\n", order->options->body_file);
    return false;
}

static bool warm_up(const struct options *options)
{
    struct tally *unread = mem_alloc(sizeof(*unread));
    bool fine = true;

    for (uint32_t t = 0; t < options->target_count && fine && options->warmup_ms; t++) {
        struct round_order order = {
            .options = options,
            .target = &options->targets[t],
            .round_ms = options->warmup_ms,
        };

        memset(unread, 0, sizeof(*unread));
        fine = run_one(&order, "warm-up", unread);
        series_done(&unread->series);
    }
    mem_free(unread);
    return fine;
}

/* In turns, so that what changes on the machine meanwhile meets all targets alike; each round
 * begins with the next of them. */
static bool run_rounds(const struct options *options, struct results *results, FILE *closes)
{
    for (uint64_t r = 0; r < options->rounds; r++) {
        char what[TITLE_SIZE / 2];

        (void)snprintf(what, sizeof(what), "round %llu", (unsigned long long)r + 1);
        for (uint32_t i = 0; i < options->target_count; i++) {
            uint32_t t = (uint32_t)((i + r) % options->target_count);
            struct round_order order = {
                .options = options,
                .target = &options->targets[t],
                .round_ms = options->round_ms,
                .requests = options->requests,
                .closes = closes,
            };

            if (!run_one(&order, what, results_round(results, t, r)))
                return false;
        }
    }
    return true;
}

/* Takes the text. */
static bool write_file(const char *path, struct buf *text)
{
    FILE *file = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    bool written = false;

    if (file) {
        written = fwrite(buf_span(text).at, 1, buf_size(text), file) == buf_size(text);
        if (file != stdout)
            written = fclose(file) == 0 && written;
    }
    if (!written)
        (void)fprintf(stderr, "sluice-load: cannot write %s\n", path);
    buf_done(text);
    return written;
}

static bool write_results(const struct results *results)
{
    const struct options *options = results->options;
    struct buf json;
    struct buf svg;
    bool written = true;

    buf_init(&json, SIZE_MAX / 2);
    buf_init(&svg, SIZE_MAX / 2);
    if (options->json_file) {
        report_write_json(results, &json);
        written = write_file(options->json_file, &json);
    }
    if (options->svg_file) {
        report_write_svg(results, &svg);
        written = write_file(options->svg_file, &svg) && written;
    }
    return written;
}

static int draw(const struct options *options)
{
    struct plot *plot = mem_alloc(sizeof(*plot));
    struct buf text;
    struct buf svg;
    uint32_t line;
    int code = EXIT_USAGE;

    buf_init(&text, PLOT_BYTES_MAX);
    buf_init(&svg, SIZE_MAX / 2);
    if (!request_add_file(options->plot_file, &text)) {
        (void)fprintf(stderr, "sluice-load: cannot read %s\n", options->plot_file);
    } else if (!plot_read(buf_span(&text), plot, &line)) {
        (void)fprintf(stderr,
                      "sluice-load: %s:%u: not a line of a plot (bench/load/plot_file.h)\n",
                      options->plot_file, line);
    } else {
        plot_write(plot, 1, &svg);
        code = write_file(options->svg_file, &svg) ? EXIT_FINE : EXIT_USAGE;
        plot_done(plot);
    }
    buf_done(&text);
    mem_free(plot);
    return code;
}

static int measure(const struct options *options, FILE *closes)
{
    struct results results;
    uint64_t failed = 0;
    int code = EXIT_USAGE;

    results_init(&results, options);
    if (warm_up(options) && run_rounds(options, &results, closes)) {
        results_sum(&results);
        if (!options->json_file || strcmp(options->json_file, "-") != 0)
            report_print(&results);
        for (uint32_t t = 0; t < options->target_count; t++)
            failed += tally_failed(&results.sums[t]);
        code = failed && !options->allow_failures ? EXIT_FAILURES : EXIT_FINE;
        if (!write_results(&results))
            code = EXIT_USAGE;
    }
    results_done(&results);
    return code;
}

int main(int argc, char **argv)
{
    struct options options;
    FILE *closes = NULL;
    int code = EXIT_USAGE;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        options_print_help();
        return EXIT_FINE;
    }
    mem_setup();
    (void)signal(SIGPIPE, SIG_IGN);
    raise_limits();
    options_init(&options);
    if (options_read(&options, argc, argv)) {
        if (options.closes_file)
            closes = fopen(options.closes_file, "we");
        if (options.plot_file)
            code = draw(&options);
        else if (options.closes_file && !closes)
            (void)fprintf(stderr, "sluice-load: cannot write %s\n", options.closes_file);
        else
            code = measure(&options, closes);
    }
    if (closes && fclose(closes))
        code = EXIT_USAGE;
    options_done(&options);
    return code;
}
