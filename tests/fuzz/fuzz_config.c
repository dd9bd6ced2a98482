/* Any bytes: refused with a message, or a configuration that prints, and whose print reads back to the
 * same print. */
#include "config/config.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct config *read_config(struct span text)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = config_from_text("fuzz.yaml", text, NULL, &report);
    assert((config == NULL) == (report.errors > 0));
    assert(report.errors == 0 || buf_size(&report.text) > 0);
    assert(!report.text.overflowed);
    config_report_done(&report);
    return config;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span text = span_make((const char *)bytes, size);
    struct config *config;
    struct config *again;
    struct buf first;
    struct buf second;

    if (span_find_text(text, "file:") != SIZE_MAX || size > 65536)
        return 0; /* a device could wait for ever */
    config = read_config(text);
    if (config == NULL)
        return 0;
    buf_init(&first, 1 << 24);
    buf_init(&second, 1 << 24);
    config_print(config, &first);
    again = read_config(buf_span(&first));
    assert(again);
    config_print(again, &second);
    assert(span_equal(buf_span(&first), buf_span(&second)));
    config_unref(config);
    config_unref(again);
    buf_done(&first);
    buf_done(&second);
    return 0;
}
