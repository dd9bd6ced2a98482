#include "llm/estimate.h"

#include "llm/scan.h"
#include "llm/scan_parts.h"

#include <string.h>

enum {
    WORD_BYTES = 10, /* beyond its envelope, an event of one token rarely has more */
    FEW_OF_TEN = 8,  /* so many must be that short */
};

/* ---- a prompt ---- */

struct count {
    uint64_t bytes;
    uint64_t media;
};

/* Of the character that \uXXXX stands for, in UTF-8; half of those that take two of them. */
static uint64_t escaped_bytes(const char *digits)
{
    bool low = digits[0] == '0' && digits[1] == '0' && digits[2] < '8';
    bool two = digits[0] == '0' && digits[1] < '8';
    bool half = (digits[0] == 'd' || digits[0] == 'D') && digits[1] >= '8';

    return low ? 1 : two || half ? 2 : 3;
}

uint64_t estimate_string_bytes(struct span raw)
{
    const char *at = raw.at + 1;
    const char *end = raw.at + raw.size - 1;
    uint64_t bytes = 0;

    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        bool character = escape && escape[1] == 'u';

        bytes += (uint64_t)((escape ? escape : end) - at);
        if (escape == NULL)
            break;
        bytes += character ? escaped_bytes(escape + 2) : 1;
        at = escape + (character ? 6 : 2);
    }
    return bytes;
}

static void add_string(struct span raw, struct span key, struct count *count)
{
    if (span_is(key, "\"data\"") || span_starts(span_skip(raw, 1), "data:"))
        count->media++;
    else
        count->bytes += estimate_string_bytes(raw);
}

/* All strings of a value. Walks along the text, so that depth costs nothing;
 * what it is given has been found valid before. */
static void add_strings(struct span value, struct count *count)
{
    const char *at = value.at;
    const char *end = value.at + value.size;
    struct span key = span_make(NULL, 0);

    while ((at = memchr(at, '"', (size_t)(end - at))) != NULL) {
        const char *start = at++;
        struct span raw;

        if (!scan_skip_string(&at, end))
            return;
        raw = span_make(start, (size_t)(at - start));
        while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
            at++;
        if (at < end && *at == ':') {
            key = raw;
            count->bytes += raw.size - 2;
            continue;
        }
        add_string(raw, key, count);
        key = span_make(NULL, 0);
    }
}

uint64_t estimate_prompt(struct span body)
{
    static const char *const told[] = {
        "messages",
        "system",
        "prompt",
        "input",
        "contents",
        "instructions",
        "systemInstruction",
        "system_instruction",
    };
    static const char *const read_whole[] = { "tools", "functions" };
    static const char message[] = "role system content";
    struct count count = { 0 };
    struct scan_item item;
    size_t at = 0;

    body = span_trim(body);
    if (!span_starts(body, "{"))
        return 0;
    while (scan_next(body, &at, &item)) {
        for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
            if (scan_key_is(item.key, told[i]))
                add_strings(item.raw, &count);
        if (scan_key_is(item.key, "system"))
            count.bytes += sizeof(message) - 3; /* without its blanks */
        for (size_t i = 0; i < sizeof(read_whole) / sizeof(read_whole[0]); i++)
            if (scan_key_is(item.key, read_whole[i]))
                count.bytes += item.raw.size;
    }
    return (count.bytes + ESTIMATE_BYTES - 1) / ESTIMATE_BYTES + count.media * ESTIMATE_MEDIUM;
}

/* ---- an answer ---- */

void estimate_add(struct estimate *estimate, uint64_t bytes)
{
    if (!estimate->bare && (estimate->events == 0 || bytes < estimate->least))
        estimate->least = bytes;
    estimate->events++;
    estimate->bytes += bytes;
    estimate->few += bytes <= estimate->least + WORD_BYTES;
}

uint64_t estimate_output(const struct estimate *estimate)
{
    uint64_t text = estimate->bytes - estimate->events * estimate->least;

    if (estimate->few * 10 >= estimate->events * FEW_OF_TEN ||
        text / ESTIMATE_BYTES < estimate->events)
        return estimate->events;
    return text / ESTIMATE_BYTES;
}
