/* plot: lines over two axes, as SVG that is small enough to be read in a diff. The only writer of
 * plots here: sluice-load's --svg uses it, and bench/run by way of --plot. */
#ifndef LOAD_PLOT_H
#define LOAD_PLOT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PLOT_LINES_MAX = 16,
    PLOT_MARKS_MAX = 16,
    PLOT_TEXT_SIZE = 96,
    PLOT_WIDTH = 720,
    PLOT_HEIGHT = 320,
};

enum plot_scale {
    PLOT_LINEAR, /* from 0 */
    PLOT_LOG,    /* in powers of ten */
    PLOT_NINES, /* x is a share from 0 to 1: 0, 90 %, 99 %, 99.9 % ... as far as the lines go */
};

struct plot_point {
    double x;
    double y;
};

struct plot_line {
    char name[PLOT_TEXT_SIZE];
    struct plot_point *points; /* `count` of them, on the heap */
    uint32_t count;
};

struct plot_mark {
    char name[PLOT_TEXT_SIZE];
    double x;
};

/* All zero is an empty plot. */
struct plot {
    char title[PLOT_TEXT_SIZE];
    char x_label[PLOT_TEXT_SIZE];
    char y_label[PLOT_TEXT_SIZE];
    enum plot_scale x_scale;
    enum plot_scale y_scale;
    struct plot_line lines[PLOT_LINES_MAX];
    uint32_t line_count;
    struct plot_mark marks[PLOT_MARKS_MAX]; /* what happened at an x */
    uint32_t mark_count;
};

void plot_done(struct plot *plot);

/* False when there are too many. */
bool plot_add_line(struct plot *plot, const char *name);
bool plot_add_mark(struct plot *plot, double x, const char *name);

/* To the line that was added last. */
void plot_add_point(struct plot *plot, double x, double y);

/* Writes `count` plots, one below the other. */
void plot_write(const struct plot *plots, uint32_t count, struct buf *out);

#endif
