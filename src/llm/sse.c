/* Nearly every block is one line of data, and stands there whole. Any other is found first (its lines are
 * only counted), and read when it is whole:
 *
 *     bytes ──> read_common: is it such a one? ──────────────────────────> struct sse_event
 *                 │no                                                          ^
 *                 └──> find_end: looks at each byte once ──> read_block: fields
 */
#include "llm/sse.h"

#include "base/warmth.h"

#include <assert.h>
#include <string.h>

#define BOM "\xef\xbb\xbf"

enum { BOM_BYTES = sizeof(BOM) - 1 };

void sse_init(struct sse *sse)
{
    *sse = (struct sse){ 0 };
    /* What is joined is never longer than the block, and the caller bounds that. */
    buf_init(&sse->joined, SIZE_MAX / 2);
}

void sse_done(struct sse *sse)
{
    buf_done(&sse->joined);
}

/* ---- finding the end of a block ---- */

static bool is_end_byte(char c)
{
    return c == '\n' || c == '\r';
}

/* Position of the first LF or CR at or behind `from`; bytes.size when there is none. */
static size_t find_line_end(struct span bytes, size_t from)
{
    size_t at = span_find_line_end(span_skip(bytes, from));

    return at == SIZE_MAX ? bytes.size : from + at;
}

/* Behind the line end at `at`, which may be a pair. */
static size_t skip_line_end(struct span bytes, size_t at)
{
    bool pair = bytes.at[at] == '\r' && at + 1 < bytes.size && bytes.at[at + 1] == '\n';

    return at + (pair ? 2 : 1);
}

/* Behind the blank line that ends the block which begins at `begin`, or 0. `looked` goes on where it
 * stopped last time, which may be between the two bytes of a CRLF. */
static size_t find_end(struct span bytes, size_t begin, size_t *looked)
{
    size_t at = *looked > begin ? *looked : begin;

    while (at < bytes.size) {
        bool line_start = at == begin || is_end_byte(bytes.at[at - 1]);

        if (at > begin && bytes.at[at - 1] == '\r' && bytes.at[at] == '\n') {
            at++;
            continue;
        }
        if (line_start && is_end_byte(bytes.at[at]))
            return skip_line_end(bytes, at);
        at = find_line_end(bytes, at);
        if (at < bytes.size)
            at = skip_line_end(bytes, at);
    }
    *looked = at;
    return 0;
}

/* ---- reading a block ---- */

/* What stands in a block besides what the event shows. */
struct block {
    unsigned data_lines;
    bool other; /* a field that is not to be forwarded */
    bool cr;    /* a line end that is not LF alone */
};

static void add_data(struct sse *sse, struct span value, struct block *block,
                     struct sse_event *ret)
{
    block->data_lines++;
    ret->has_data = true;
    if (block->data_lines == 1) {
        ret->data = value;
        return;
    }
    if (block->data_lines == 2) {
        buf_reset(&sse->joined);
        (void)buf_add(&sse->joined, ret->data);
    }
    (void)buf_add_byte(&sse->joined, '\n');
    (void)buf_add(&sse->joined, value);
    ret->data = buf_span(&sse->joined);
}

static void read_line(struct sse *sse, struct span line, struct block *block,
                      struct sse_event *ret)
{
    struct span value = line;
    struct span name = span_cut(&value, ':');

    if (line.at[0] == ':') {
        ret->has_comment = true;
        return;
    }
    if (value.size && value.at[0] == ' ')
        value = span_skip(value, 1);
    if (span_is(name, "data"))
        add_data(sse, value, block, ret);
    else if (span_is(name, "event"))
        ret->type = value.size ? value : (struct span){ 0 };
    else
        block->other = true;
}

COLD static void read_block(struct sse *sse, struct sse_event *ret)
{
    struct block block = { 0 };
    size_t at = 0;

    while (at < ret->raw.size) {
        size_t end = find_line_end(ret->raw, at);

        if (end > at)
            read_line(sse, span_make(ret->raw.at + at, end - at), &block, ret);
        if (end < ret->raw.size && ret->raw.at[end] == '\r')
            block.cr = true;
        at = end < ret->raw.size ? skip_line_end(ret->raw, end) : end;
    }
    ret->plain = ret->whole && !block.other &&
                 (ret->has_data ? block.data_lines == 1 && !ret->has_comment
                                : ret->has_comment && ret->type.at == NULL);
    ret->plain_crlf = ret->plain && block.cr;
    ret->plain = ret->plain && !block.cr;
}

/* ---- the block that nearly all are ---- */

/* Takes a line `NAME: VALUE LF` that begins at *at. */
static bool take_field(struct span bytes, size_t *at, struct span name, struct span *ret)
{
    size_t begin = *at + name.size;
    size_t end;

    if (begin >= bytes.size || bytes.at[*at] != name.at[0] ||
        memcmp(bytes.at + *at, name.at, name.size) != 0)
        return false;
    end = find_line_end(bytes, begin);
    if (end == bytes.size || bytes.at[end] != '\n')
        return false;
    if (bytes.at[begin] == ' ')
        begin++;
    *ret = span_make(bytes.at + begin, end - begin);
    *at = end + 1;
    return true;
}

/* One line of data, perhaps the name of the event before it, LF: all in one look. False: something else,
 * or not whole yet. */
static bool read_common(struct span bytes, size_t begin, struct sse_event *ret)
{
    struct span type = { 0 };
    struct span data;
    size_t at = begin;

    (void)take_field(bytes, &at, SPAN_OF("event:"), &type);
    if (!take_field(bytes, &at, SPAN_OF("data:"), &data) || at == bytes.size ||
        bytes.at[at] != '\n')
        return false;
    at++;
    *ret = (struct sse_event){
        .consumed = at,
        .raw = span_make(bytes.at + begin, at - begin),
        .type = type.size ? type : (struct span){ 0 },
        .data = data,
        .has_data = true,
        .whole = true,
        .plain = true,
    };
    return true;
}

/* ---- the stream ---- */

/* Where the next block begins: behind a BOM, or behind the LF of a CRLF that was cut in two. False
 * when more bytes are needed to tell. */
static bool find_begin(const struct sse *sse, struct span bytes, bool ended, size_t *ret)
{
    bool bom = span_starts(bytes, BOM);

    if (sse->started) {
        *ret = sse->skip_lf && bytes.size && bytes.at[0] == '\n';
        return true;
    }
    if (!ended && bytes.size < BOM_BYTES &&
        (bytes.size == 0 || memcmp(bytes.at, BOM, bytes.size) == 0))
        return false;
    *ret = bom ? BOM_BYTES : 0;
    return true;
}

bool sse_next(struct sse *sse, struct span bytes, bool ended, struct sse_event *ret)
{
    size_t begin;
    size_t end;

    assert(sse->looked <= bytes.size);
    if (!find_begin(sse, bytes, ended, &begin))
        return false;
    if (sse->looked == 0 && read_common(bytes, begin, ret)) {
        sse->started = true;
        sse->skip_lf = false;
        return true;
    }
    end = find_end(bytes, begin, &sse->looked);
    if (end == 0 && (!ended || begin >= bytes.size))
        return false;
    *ret = (struct sse_event){ .whole = end > 0 };
    if (end == 0)
        end = bytes.size;
    ret->consumed = end;
    ret->raw = span_make(bytes.at + begin, end - begin);
    sse->started = true;
    sse->skip_lf = bytes.at[end - 1] == '\r';
    sse->looked = 0;
    read_block(sse, ret);
    return true;
}

/* ---- writing ---- */

/* The value of a field: one line, valid UTF-8. */
static void write_value(struct span value, struct buf *out)
{
    while (value.size) {
        size_t run = 0;
        size_t size;

        while (run < value.size && (size = span_utf8(span_skip(value, run))) > 0 &&
               value.at[run] != '\n')
            run += size;
        (void)buf_add(out, span_first(value, run));
        if (run < value.size)
            (void)buf_add_text(out, value.at[run] == '\n' ? " " : "\xef\xbf\xbd");
        value = span_skip(value, run + 1);
    }
}

void sse_write(const struct sse_event *event, struct buf *out)
{
    if (!event->has_data) {
        (void)buf_add_text(out, ":\n\n");
        return;
    }
    if (event->type.at) {
        (void)buf_add_text(out, "event: ");
        write_value(event->type, out);
        (void)buf_add_byte(out, '\n');
    }
    (void)buf_add_text(out, "data: ");
    write_value(event->data, out);
    (void)buf_add_text(out, "\n\n");
}
