#include "fault.h"

#include "fault_rows.h"

const struct step fault_none[] = {
    { .kind = STEP_HEAD },
    { .kind = STEP_EVENTS },
    { .kind = STEP_FINISH },
    { .kind = STEP_OVER },
};

const struct fault *fault_find(struct span name)
{
    for (size_t i = 0; i < fault_row_count; i++)
        if (span_is(name, fault_rows[i].name))
            return &fault_rows[i];
    return NULL;
}

const struct fault *fault_random_error(uint64_t random)
{
    return fault_find(random & 1 ? SPAN_OF("503") : SPAN_OF("500"));
}

void fault_write_list(struct buf *out)
{
    for (size_t i = 0; i < fault_row_count; i++)
        buf_printf(out, "%-26s %-3s %s\n", fault_rows[i].name, fault_rows[i].row,
                   fault_rows[i].does);
}
