/* fault_rows: the table of faults. One more fault is one more row. */
#ifndef MOCK_FAULT_ROWS_H
#define MOCK_FAULT_ROWS_H

#include "fault.h"

#include <stddef.h>

extern const struct fault fault_rows[];
extern const size_t fault_row_count;

#endif
