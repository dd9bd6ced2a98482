/* plot_file: a plot as lines of text, for scripts.
 *
 *     title Killed, restarted, slow start of 10 s
 *     x linear seconds                 the scale (linear, log or nines) and the label
 *     y linear % of the requests
 *     mark 8 kill -9                   may be repeated
 *     line killed target               may be repeated; its points follow
 *     1 50.2
 *     2 49.8 */
#ifndef LOAD_PLOT_FILE_H
#define LOAD_PLOT_FILE_H

#include "base/span.h"
#include "plot.h"

/* Reads the text; false, and *ret_line is the number of the line that cannot be read. */
bool plot_read(struct span text, struct plot *ret, uint32_t *ret_line);

#endif
