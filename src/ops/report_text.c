/* The report for people:
 *
 *     The last 1h: 1,234 requests, 99.18 % successful, $12.34 ($0.20 a minute, $296.16 a day)
 *
 *     model         requests  success     mean      min      max      p50      p95      p99   tokens     cost
 *     gpt-4.1           1200  99.50 %   820 ms    12 ms …
 *       green             60 100.00 %   …
 */
#include "base/buf.h"
#include "ops/report.h"
#include "policy/words.h"

#include <string.h>

enum { NAME_WIDTH_LEAST = 12, NAME_WIDTH_MOST = 40, CELL_WIDTH = 11, CELL_BYTES = 64 };

/* One cell, to the right of its column. */
static void put_cell(struct buf *out, struct buf *cell)
{
    (void)buf_printf(out, "%*s", CELL_WIDTH, buf_text(cell));
    buf_reset(cell);
}

static void put_number(struct buf *out, struct buf *cell, uint64_t value)
{
    (void)buf_add_u64(cell, value);
    put_cell(out, cell);
}

static void put_time(struct buf *out, struct buf *cell, bool known, uint64_t us)
{
    if (known)
        words_ms(us, cell);
    else
        (void)buf_add_byte(cell, '-');
    put_cell(out, cell);
}

static void print_row(const char *name, int name_width, const struct figures *figures,
                      struct buf *out)
{
    const struct spread_figures *latency = &figures->latency;
    const uint64_t times[] = { latency->mean, latency->least, latency->most,
                               latency->p50,  latency->p95,   latency->p99 };
    struct buf cell;

    buf_init(&cell, CELL_BYTES);
    (void)buf_printf(out, "%-*.*s", name_width, name_width, name);
    put_number(out, &cell, figures->requests);
    if (figures->requests)
        words_percent(1000000 - figures_error_rate(figures), &cell);
    else
        (void)buf_add_byte(&cell, '-');
    put_cell(out, &cell);
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        put_time(out, &cell, latency->count, times[i]);
    put_time(out, &cell, figures->first.count, figures->first.p95);
    put_number(out, &cell, figures_all_tokens(figures));
    if (figures_priced(figures))
        words_dollars(figures->cost_pico / 1000000, &cell);
    else
        (void)buf_add_byte(&cell, '-');
    put_cell(out, &cell);
    (void)buf_add_byte(out, '\n');
    buf_done(&cell);
}

static void print_total(const struct report *report, struct buf *out)
{
    const struct figures *total = &report->total;

    (void)buf_add_text(out, "The last ");
    words_duration(report->window_ms, out);
    (void)buf_printf(out, ": %llu requests", (unsigned long long)total->requests);
    if (total->requests) {
        (void)buf_add_text(out, ", ");
        words_percent(1000000 - figures_error_rate(total), out);
        (void)buf_add_text(out, " successful");
    }
    (void)buf_add_text(out, ", ");
    words_dollars(total->cost_pico / 1000000, out);
    (void)buf_add_text(out, " (");
    words_dollars(figures_cost_per_minute(total->cost_pico, report->window_ms), out);
    (void)buf_add_text(out, " a minute, ");
    words_dollars(tally_daily_cost(total->cost_pico, report->window_ms), out);
    (void)buf_add_text(out, " a day at that pace)\n");
    if (total->estimated)
        (void)buf_printf(out, "%llu of the tokens are estimated: of streams that broke off\n",
                         (unsigned long long)total->estimated);
    if (total->unpriced)
        (void)buf_printf(out, "%llu of the tokens have no price, and are not in the cost\n",
                         (unsigned long long)total->unpriced);
    (void)buf_add_byte(out, '\n');
}

static int name_width(const struct report *report)
{
    size_t width = NAME_WIDTH_LEAST;

    for (size_t i = 0; i < report->count; i++)
        if (strlen(report->rows[i].model) > width)
            width = strlen(report->rows[i].model);
    return width < NAME_WIDTH_MOST ? (int)width : NAME_WIDTH_MOST;
}

void report_print(const struct report *report, struct buf *out)
{
    static const char *const heads[] = { "requests", "success", "mean", "min",
                                         "max",      "p50",     "p95",  "p99",
                                         "ttft p95", "tokens",  "cost" };
    int width = name_width(report);

    print_total(report, out);
    (void)buf_printf(out, "%-*s", width, "model");
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        (void)buf_printf(out, "%*s", CELL_WIDTH, heads[i]);
    (void)buf_add_byte(out, '\n');
    for (size_t i = 0; i < report->count; i++) {
        const struct report_row *row = &report->rows[i];

        print_row(row->model, width, &row->all, out);
        if (!row->known[SIDE_GREEN])
            continue;
        print_row("  blue", width, &row->sides[SIDE_BLUE], out);
        print_row("  green", width, &row->sides[SIDE_GREEN], out);
    }
    if (report->count > 1)
        print_row("total", width, &report->total, out);
}
