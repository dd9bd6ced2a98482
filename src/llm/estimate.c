#include "llm/estimate.h"

#include "llm/scan.h"
#include "llm/scan_parts.h"

#include <string.h>

enum {
    WORD_BYTES = 10, /* beyond its envelope, an event of one token rarely has more */
    FEW_OF_TEN = 8,  /* so many must be that short */
};

/* ---- a prompt ---- */

/* What a member of the top level counts for; one that is named `system` is a message. */
enum part { PART_NONE, PART_TOLD, PART_WHOLE };

static enum part begin_member(struct span key, struct estimate_count *count)
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

    if (scan_key_is(key, "system"))
        count->bytes += sizeof(message) - 3; /* without its blanks */
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        if (scan_key_is(key, told[i]))
            return PART_TOLD;
    for (size_t i = 0; i < sizeof(read_whole) / sizeof(read_whole[0]); i++)
        if (scan_key_is(key, read_whole[i]))
            return PART_WHOLE;
    return PART_NONE;
}

/* Of the character that \uXXXX stands for, in UTF-8; half of those that take two of them. */
static uint64_t escaped_bytes(const char *digits)
{
    bool low = digits[0] == '0' && digits[1] == '0' && digits[2] < '8';
    bool two = digits[0] == '0' && digits[1] < '8';
    bool half = (digits[0] == 'd' || digits[0] == 'D') && digits[1] >= '8';

    return low ? 1 : two || half ? 2 : 3;
}

/* The bytes of a string's content, or of a piece of it, decoded. */
static uint64_t content_bytes(struct span text)
{
    const char *at = text.at;
    const char *end = text.at + text.size;
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

uint64_t estimate_string_bytes(struct span raw)
{
    return content_bytes(span_make(raw.at + 1, raw.size - 2));
}

static void add_name(struct span raw, struct estimate_count *count)
{
    count->data = span_is(raw, "\"data\"");
    count->bytes += raw.size - 2;
}

/* `bytes` is what it comes to as a text. */
static void add_string(struct span raw, uint64_t bytes, struct estimate_count *count)
{
    if (count->data || span_starts(span_skip(raw, 1), "data:"))
        count->media++;
    else
        count->bytes += bytes;
    count->data = false;
}

/* All strings of a value. Walks along the text, so that depth costs nothing;
 * what it is given has been found valid before. */
static void add_strings(struct span value, struct estimate_count *count)
{
    const char *at = value.at;
    const char *end = value.at + value.size;

    count->data = false;
    while ((at = memchr(at, '"', (size_t)(end - at))) != NULL) {
        const char *start = at++;
        struct span raw;

        if (!scan_skip_string(&at, end))
            return;
        raw = span_make(start, (size_t)(at - start));
        while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
            at++;
        if (at < end && *at == ':')
            add_name(raw, count);
        else
            add_string(raw, estimate_string_bytes(raw), count);
    }
}

uint64_t estimate_counted(const struct estimate_count *count)
{
    return (count->bytes + ESTIMATE_BYTES - 1) / ESTIMATE_BYTES +
           count->media * ESTIMATE_MEDIUM;
}

uint64_t estimate_prompt(struct span body)
{
    struct estimate_count count = { 0 };
    struct scan_item item;
    size_t at = 0;

    body = span_trim(body);
    if (!span_starts(body, "{"))
        return 0;
    while (scan_next(body, &at, &item)) {
        enum part part = begin_member(item.key, &count);

        if (part == PART_TOLD)
            add_strings(item.raw, &count);
        else if (part == PART_WHOLE)
            count.bytes += item.raw.size;
    }
    return estimate_counted(&count);
}

/* ---- the same while it comes ---- */

static void on_piece(struct scan_watch *watch, struct span piece)
{
    struct estimate_count *count =
        (struct estimate_count *)(void *)watch; /* its first member */

    if (count->part == PART_TOLD)
        count->text += content_bytes(piece);
}

static void on_string(struct scan_watch *watch, struct span raw, bool key, unsigned depth)
{
    struct estimate_count *count = (struct estimate_count *)(void *)watch;

    if (key && depth == 1) {
        count->part = begin_member(raw, count);
        count->data = false;
    } else if (count->part == PART_TOLD && key) {
        add_name(raw, count);
    } else if (count->part == PART_TOLD) {
        add_string(raw, count->text, count);
    }
    count->text = 0;
}

static void on_member(struct scan_watch *watch, size_t size)
{
    struct estimate_count *count = (struct estimate_count *)(void *)watch;

    if (count->part == PART_WHOLE)
        count->bytes += size;
}

struct scan_watch *estimate_watch(struct estimate_count *count)
{
    *count = (struct estimate_count){ .watch = { on_piece, on_string, on_member } };
    return &count->watch;
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
