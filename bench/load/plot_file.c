#include "plot_file.h"

#include <math.h>
#include <stdio.h>

static void copy(char *to, struct span from)
{
    (void)snprintf(to, PLOT_TEXT_SIZE, "%.*s", SPAN_ARG(from));
}

/* "12.75"; no sign and no exponent. */
static bool read_number(struct span text, double *ret)
{
    struct span whole = span_cut(&text, '.');
    uint64_t before = 0;
    uint64_t behind = 0;

    if (!span_u64(whole, &before) || text.size > 15 || (text.size && !span_u64(text, &behind)))
        return false;
    *ret = (double)before + (double)behind / pow(10, (double)text.size);
    return true;
}

static bool read_axis(struct span text, enum plot_scale *ret_scale, char *ret_label)
{
    struct span scale = span_cut(&text, ' ');

    copy(ret_label, text);
    if (span_is(scale, "linear"))
        *ret_scale = PLOT_LINEAR;
    else if (span_is(scale, "log"))
        *ret_scale = PLOT_LOG;
    else if (span_is(scale, "nines"))
        *ret_scale = PLOT_NINES;
    else
        return false;
    return true;
}

static bool read_mark(struct span text, struct plot *plot)
{
    char name[PLOT_TEXT_SIZE];
    double x;

    if (!read_number(span_cut(&text, ' '), &x))
        return false;
    copy(name, text);
    return plot_add_mark(plot, x, name);
}

static bool read_line_name(struct span text, struct plot *plot)
{
    char name[PLOT_TEXT_SIZE];

    copy(name, text);
    return plot_add_line(plot, name);
}

static bool read_point(struct span x_text, struct span y_text, struct plot *plot)
{
    double x;
    double y;

    if (!plot->line_count || !read_number(x_text, &x) || !read_number(y_text, &y))
        return false;
    plot_add_point(plot, x, y);
    return true;
}

static bool read_one(struct span line, struct plot *plot)
{
    struct span rest = line;
    struct span word = span_cut(&rest, ' ');

    if (!line.size)
        return true;
    if (span_is(word, "title")) {
        copy(plot->title, rest);
        return true;
    }
    if (span_is(word, "x"))
        return read_axis(rest, &plot->x_scale, plot->x_label);
    if (span_is(word, "y"))
        return read_axis(rest, &plot->y_scale, plot->y_label);
    if (span_is(word, "mark"))
        return read_mark(rest, plot);
    if (span_is(word, "line"))
        return read_line_name(rest, plot);
    return read_point(word, rest, plot);
}

bool plot_read(struct span text, struct plot *ret, uint32_t *ret_line)
{
    *ret = (struct plot){ 0 };
    for (*ret_line = 1; text.size; ++*ret_line)
        if (!read_one(span_cut(&text, '\n'), ret)) {
            plot_done(ret);
            return false;
        }
    return true;
}
