/* Any page of metrics: it is read to its end in time, the sum is bounded, and one more line of ours adds up
 * to what it says. */
#include "base/buf.h"
#include "base/limits.h"
#include "llm/load.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const struct load_source source = { "/metrics", { "running", "waiting" } };
    struct span page = span_make((const char *)bytes, size);
    uint32_t load = 0;
    uint32_t more = 0;
    struct buf longer;
    bool known = load_read(page, &source, &load);

    assert(load <= LIMIT_LOAD_REQUESTS);
    buf_init(&longer, (size_t)1 << 24);
    (void)buf_add(&longer, page);
    (void)buf_add_text(&longer, "\nwaiting{engine=\"1\"} 7.0\n");
    assert(load_read(buf_span(&longer), &source, &more));
    assert(more == (load + 7 < LIMIT_LOAD_REQUESTS ? load + 7 : LIMIT_LOAD_REQUESTS));
    assert(known || load == 0);
    buf_done(&longer);
    return 0;
}
