#include "plot.h"

#include "base/mem.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

enum {
    LEFT = 64,
    RIGHT = 16,
    TOP = 36,
    BOTTOM = 44,
    GROWTH = 256,
    LEGEND = 16,
    TICKS_MAX = 40
};

/* From figures to pixels. */
struct axis {
    enum plot_scale scale;
    double least;
    double most;
    double from; /* pixels */
    double to;
};

struct frame {
    struct axis x;
    struct axis y;
    double top; /* of this plot in the picture */
};

static const char *const colours[] = { "#1f6fb2", "#d1622b", "#3a8f4d", "#7a4fa3", "#8a6d1f" };

/* ---- filling ---- */

void plot_done(struct plot *plot)
{
    for (uint32_t i = 0; i < plot->line_count; i++)
        mem_free(plot->lines[i].points);
    *plot = (struct plot){ 0 };
}

bool plot_add_line(struct plot *plot, const char *name)
{
    struct plot_line *line;

    if (plot->line_count == PLOT_LINES_MAX)
        return false;
    line = &plot->lines[plot->line_count++];
    *line = (struct plot_line){ 0 };
    (void)snprintf(line->name, sizeof(line->name), "%s", name);
    return true;
}

bool plot_add_mark(struct plot *plot, double x, const char *name)
{
    struct plot_mark *mark;

    if (plot->mark_count == PLOT_MARKS_MAX)
        return false;
    mark = &plot->marks[plot->mark_count++];
    mark->x = x;
    (void)snprintf(mark->name, sizeof(mark->name), "%s", name);
    return true;
}

void plot_add_point(struct plot *plot, double x, double y)
{
    struct plot_line *line;

    assert(plot->line_count > 0);
    line = &plot->lines[plot->line_count - 1];
    if (line->count % GROWTH == 0)
        line->points = mem_grow(line->points, (line->count + GROWTH) * sizeof(*line->points));
    line->points[line->count++] = (struct plot_point){ x, y };
}

/* ---- axes ---- */

static double bend(const struct axis *axis, double value)
{
    switch (axis->scale) {
    case PLOT_LINEAR: return value;
    case PLOT_LOG: return log10(fmax(value, axis->least));
    case PLOT_NINES: return -log10(fmax(1 - value, 1 - axis->most));
    }
    return value;
}

static double pixel(const struct axis *axis, double value)
{
    double low = bend(axis, axis->least);
    double high = bend(axis, axis->most);

    return axis->from + (bend(axis, value) - low) / (high - low) * (axis->to - axis->from);
}

static void stretch(struct axis *axis, double value)
{
    if (axis->scale == PLOT_LOG && value <= 0)
        return;
    axis->most = fmax(axis->most, value);
    if (axis->scale == PLOT_LOG)
        axis->least = axis->least > 0 ? fmin(axis->least, value) : value;
}

/* So that the axis has a length, and the lines some air above them. */
static void round_axis(struct axis *axis, bool air)
{
    switch (axis->scale) {
    case PLOT_LINEAR: axis->most = axis->most > 0 ? axis->most * (air ? 1.2 : 1) : 1; break;
    case PLOT_LOG:
        axis->least = pow(10, floor(log10(axis->least > 0 ? axis->least : 1)));
        axis->most = air ? pow(10, ceil(log10(fmax(axis->most, axis->least)) + 0.01))
                         : fmax(axis->most, axis->least * 10);
        break;
    case PLOT_NINES: axis->most = fmin(fmax(axis->most, 0.9), 0.999999); break;
    }
}

/* Round numbers from 0 on, about `wanted` of them. */
static double step_of(double most, double wanted)
{
    double step = pow(10, floor(log10(most / wanted)));

    if (most / step > wanted * 4)
        return step * 5;
    return most / step > wanted * 1.6 ? step * 2 : step;
}

/* The tick number `at`; false behind the last one. */
static bool tick(const struct axis *axis, double wanted, uint32_t at, double *ret)
{
    switch (axis->scale) {
    case PLOT_LINEAR: *ret = step_of(axis->most, wanted) * at; break;
    case PLOT_LOG: *ret = axis->least * pow(10, at); break;
    case PLOT_NINES: *ret = 1 - pow(10, -(double)at); break;
    }
    return at < TICKS_MAX && *ret <= axis->most * (axis->scale == PLOT_NINES ? 1 : 1.0001);
}

/* ---- writing ---- */

static void write_escaped(struct buf *out, const char *text)
{
    for (const char *at = text; *at; at++)
        if (*at == '<')
            buf_add_text(out, "&lt;");
        else if (*at == '&')
            buf_add_text(out, "&amp;");
        else
            buf_add_byte(out, *at);
}

static void write_text(struct buf *out, double x, double y, const char *style, const char *text)
{
    buf_printf(out, "<text x=\"%.0f\" y=\"%.0f\" %s>", x, y, style);
    write_escaped(out, text);
    buf_add_text(out, "</text>\n");
}

static void write_y_axis(struct buf *out, const struct frame *frame)
{
    double y;
    char text[32];

    for (uint32_t i = 0; tick(&frame->y, 5, i, &y); i++) {
        buf_printf(out, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, pixel(&frame->y, y),
                   PLOT_WIDTH - RIGHT);
        (void)snprintf(text, sizeof(text), "%g", y);
        write_text(out, LEFT - 6, pixel(&frame->y, y) + 4, "text-anchor=\"end\"", text);
    }
}

static void write_x_axis(struct buf *out, const struct frame *frame)
{
    double bottom = frame->top + PLOT_HEIGHT - BOTTOM;
    double x;
    char text[32];

    for (uint32_t i = 0; tick(&frame->x, 9, i, &x); i++) {
        bool nines = frame->x.scale == PLOT_NINES;

        (void)snprintf(text, sizeof(text), nines ? "%.7g%%" : "%g", nines ? x * 100 : x);
        write_text(out, pixel(&frame->x, x), bottom + 16, "text-anchor=\"middle\"", text);
    }
    buf_printf(out, "<path class=\"axis\" d=\"M%d %.0fV%.0fH%d\"/>\n", LEFT, frame->top + TOP,
               bottom, PLOT_WIDTH - RIGHT);
}

static void write_labels(struct buf *out, const struct plot *plot, const struct frame *frame)
{
    double bottom = frame->top + PLOT_HEIGHT;

    write_text(out, PLOT_WIDTH / 2.0, frame->top + 18,
               "text-anchor=\"middle\" font-weight=\"bold\"", plot->title);
    write_text(out, (LEFT + PLOT_WIDTH - RIGHT) / 2.0, bottom - 8, "text-anchor=\"middle\"",
               plot->x_label);
    write_text(out, LEFT - 6, frame->top + TOP - 10, "text-anchor=\"start\"", plot->y_label);
}

static void write_marks(struct buf *out, const struct plot *plot, const struct frame *frame)
{
    for (uint32_t i = 0; i < plot->mark_count; i++) {
        double x = pixel(&frame->x, plot->marks[i].x);

        buf_printf(out, "<path class=\"mark\" d=\"M%.1f %.0fV%.0f\"/>\n", x, frame->top + TOP,
                   frame->top + PLOT_HEIGHT - BOTTOM);
        write_text(out, x + 4, frame->top + TOP + 12, "text-anchor=\"start\"",
                   plot->marks[i].name);
    }
}

static void write_lines(struct buf *out, const struct plot *plot, const struct frame *frame)
{
    for (uint32_t i = 0; i < plot->line_count; i++) {
        const struct plot_line *line = &plot->lines[i];
        const char *colour = colours[i % (sizeof(colours) / sizeof(colours[0]))];
        char style[64];

        buf_printf(out, "<polyline class=\"line\" style=\"stroke:%s\" points=\"", colour);
        for (uint32_t p = 0; p < line->count; p++)
            buf_printf(out, "%s%.1f,%.1f", p ? " " : "", pixel(&frame->x, line->points[p].x),
                       pixel(&frame->y, line->points[p].y));
        buf_add_text(out, "\"/>\n");
        (void)snprintf(style, sizeof(style), "text-anchor=\"start\" style=\"fill:%s\"", colour);
        write_text(out, LEFT + 12, frame->top + TOP + 14 + LEGEND * i, style, line->name);
    }
}

static struct frame frame_of(const struct plot *plot, double top)
{
    struct frame frame = {
        .x = { .scale = plot->x_scale, .from = LEFT, .to = PLOT_WIDTH - RIGHT },
        .y = { .scale = plot->y_scale, .from = top + PLOT_HEIGHT - BOTTOM, .to = top + TOP },
        .top = top,
    };

    for (uint32_t i = 0; i < plot->line_count; i++)
        for (uint32_t p = 0; p < plot->lines[i].count; p++) {
            stretch(&frame.x, plot->lines[i].points[p].x);
            stretch(&frame.y, plot->lines[i].points[p].y);
        }
    round_axis(&frame.x, false);
    round_axis(&frame.y, true);
    return frame;
}

static void write_one(struct buf *out, const struct plot *plot, double top)
{
    struct frame frame = frame_of(plot, top);

    write_y_axis(out, &frame);
    write_x_axis(out, &frame);
    write_labels(out, plot, &frame);
    write_marks(out, plot, &frame);
    write_lines(out, plot, &frame);
}

void plot_write(const struct plot *plots, uint32_t count, struct buf *out)
{
    uint32_t height = count * PLOT_HEIGHT;

    buf_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\">\n",
               PLOT_WIDTH, height);
    buf_add_text(out, "<style>text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}"
                      ".axis,.line{fill:none;stroke:#333}.line{stroke-width:2}"
                      ".mark{stroke:#999;stroke-dasharray:4 3}</style>\n");
    buf_printf(out, "<rect width=\"%d\" height=\"%u\" fill=\"#fff\"/>\n", PLOT_WIDTH, height);
    for (uint32_t i = 0; i < count; i++)
        write_one(out, &plots[i], i * (double)PLOT_HEIGHT);
    buf_add_text(out, "</svg>\n");
}
