/* report: the results as a table and as plots for people, and as JSON for scripts. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include "base/buf.h"
#include "figures.h"

void report_print(const struct results *results);
void report_write_json(const struct results *results, struct buf *out);
void report_write_svg(const struct results *results, struct buf *out);

#endif
