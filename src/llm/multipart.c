/*     IN_DATA --CRLF--B--> IN_BOUNDARY --CRLF--> IN_HEADER --blank line--> IN_DATA
 *                               |
 *                              "--" ------------> BEHIND
 *
 * In data only CR is looked for, and what follows one is compared: as no boundary holds a CR, a
 * comparison that fails can only begin anew at the byte where it failed. */
#include "llm/multipart.h"

#include <assert.h>
#include <string.h>

/* ---- words of headers ---- */

static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static struct span take_token(struct span *rest)
{
    struct span taken;
    size_t size = 0;

    while (size < rest->size && is_token(rest->at[size]))
        size++;
    taken = span_first(*rest, size);
    *rest = span_skip(*rest, size);
    return taken;
}

/* A value without quotes, as far as it goes: some write there what is no token. */
static struct span take_plain(struct span *rest)
{
    struct span taken;
    size_t size = 0;

    while (size < rest->size && !strchr(";\" \t", rest->at[size]))
        size++;
    taken = span_first(*rest, size);
    *rest = span_skip(*rest, size);
    return taken;
}

/* A quoted string without its quotes; escapes stay as they are. False: it does not end. */
static bool take_quoted(struct span *rest, struct span *ret)
{
    for (size_t at = 1; at < rest->size; at++) {
        if (rest->at[at] == '\\')
            at++;
        else if (rest->at[at] == '"') {
            *ret = span_make(rest->at + 1, at - 1);
            *rest = span_skip(*rest, at + 1);
            return true;
        }
    }
    return false;
}

/* Takes `; name=value` off the front. False: there is none, or what is there is something else, which
 * a rest that is not empty tells. */
static bool take_parameter(struct span *rest, struct span *ret_name, struct span *ret_value)
{
    struct span text = span_trim(*rest);

    *rest = text;
    if (!span_starts(text, ";"))
        return false;
    text = span_trim(span_skip(text, 1));
    if (text.size == 0) { /* one ';' too many is a habit of some */
        *rest = text;
        return false;
    }
    *ret_name = take_token(&text);
    if (ret_name->size == 0 || !span_starts(text, "="))
        return false;
    text = span_skip(text, 1);
    if (span_starts(text, "\"")) {
        if (!take_quoted(&text, ret_value))
            return false;
    } else {
        *ret_value = take_plain(&text);
    }
    *rest = text;
    return true;
}

bool multipart_boundary(struct span content_type, struct span *ret)
{
    struct span rest = content_type;
    struct span essence = span_trim(span_cut(&rest, ';'));
    struct span boundary = { NULL, 0 };
    struct span name;
    struct span value;

    if (!span_is_nocase(essence, "multipart/form-data"))
        return false;
    rest = span_skip(content_type, span_find(content_type, ';'));
    while (take_parameter(&rest, &name, &value)) {
        if (!span_is_nocase(name, "boundary"))
            continue;
        if (boundary.at)
            return false;
        boundary = value;
    }
    if (rest.size || boundary.size == 0 || boundary.size > MULTIPART_BOUNDARY_BYTES ||
        span_ends(boundary, " "))
        return false;
    for (size_t i = 0; i < boundary.size; i++)
        if (!is_token(boundary.at[i]) && !strchr("()/:=?, ", boundary.at[i]))
            return false;
    *ret = boundary;
    return true;
}

/* ---- one byte at a time: boundaries and headers ---- */

static void lose(struct multipart *form, struct multipart_event *ret)
{
    form->state = MULTIPART_LOST;
    ret->kind = MULTIPART_BAD;
}

/* `name` of Content-Disposition. False: it has none, or two, or cannot be read. */
static bool read_disposition(struct multipart *form, struct span value)
{
    struct span rest = span_trim(value);
    struct span name;
    struct span text;

    if (form->named || !span_is_nocase(take_token(&rest), "form-data"))
        return false;
    while (take_parameter(&rest, &name, &text)) {
        if (!span_is_nocase(name, "name"))
            continue;
        if (form->named)
            return false;
        form->named = true;
        form->name_size = text.size;
        if (text.size)
            memcpy(form->name, text.at, span_first(text, sizeof(form->name)).size);
    }
    return form->named && rest.size == 0;
}

static bool read_header(struct multipart *form)
{
    struct span rest = span_make(form->line, form->line_size);
    struct span name = take_token(&rest);

    if (name.size == 0 || !span_starts(rest, ":"))
        return false; /* folded, or no header at all */
    if (!span_is_nocase(name, "content-disposition"))
        return true;
    return read_disposition(form, span_skip(rest, 1));
}

static void begin_headers(struct multipart *form)
{
    form->state = MULTIPART_IN_HEADER;
    form->line_size = 0;
    form->header_bytes = 0;
    form->named = false;
}

/* The line behind a boundary, or a header, is complete. */
static void end_line(struct multipart *form, struct multipart_event *ret)
{
    if (form->state == MULTIPART_IN_BOUNDARY) {
        for (size_t i = 0; i < form->line_size; i++)
            if (form->line[i] != ' ' && form->line[i] != '\t') {
                lose(form, ret);
                return;
            }
        begin_headers(form);
    } else if (form->line_size) {
        if (!read_header(form))
            lose(form, ret);
        form->line_size = 0;
    } else if (!form->named || ++form->parts > LIMIT_FORM_PARTS) {
        lose(form, ret);
    } else {
        form->state = MULTIPART_IN_DATA;
        form->in_part = true;
        form->begun = form->at;
        form->matched = 2; /* so that a boundary without a CRLF of its own is noticed */
        ret->kind = MULTIPART_BEGIN;
        ret->at = form->at;
        ret->name = span_first(span_make(form->name, form->name_size), sizeof(form->name));
    }
}

static void read_line_byte(struct multipart *form, char byte, struct multipart_event *ret)
{
    bool after_cr = form->line_size && form->line[form->line_size - 1] == '\r';

    if (form->state == MULTIPART_IN_BOUNDARY && form->line_size == 1 && form->line[0] == '-' &&
        byte == '-') {
        form->state = MULTIPART_BEHIND;
        ret->kind = MULTIPART_END;
        ret->at = form->at;
    } else if (after_cr && byte == '\n') {
        form->line_size--;
        end_line(form, ret);
    } else if (after_cr || byte == '\n' || byte == '\0' ||
               form->line_size == sizeof(form->line) ||
               ++form->header_bytes > LIMIT_FORM_HEADER_BYTES) {
        lose(form, ret);
    } else {
        form->line[form->line_size++] = byte;
    }
}

/* ---- many bytes at a time: data ---- */

static void end_data(struct multipart *form, struct multipart_event *ret)
{
    uint64_t end = form->at - form->boundary_size; /* may wrap in front of the first */

    form->state = MULTIPART_IN_BOUNDARY;
    form->matched = 0;
    form->line_size = 0;
    form->header_bytes = 0;
    if (!form->in_part) {
        form->first = end + 2; /* the CRLF in front of it may not be there */
    } else if (end < form->begun) {
        lose(form, ret); /* the CRLF of the blank line is not that of the boundary */
    } else {
        ret->kind = MULTIPART_CLOSE;
        ret->at = end;
    }
}

/* Takes bytes up to a CR, or of a boundary that has begun; returns how many. */
static size_t read_data(struct multipart *form, struct span bytes, struct multipart_event *ret)
{
    size_t size = 0;

    if (form->matched == 0) {
        size = span_find(bytes, '\r');
        size = size == SIZE_MAX ? bytes.size : size + 1;
        form->matched = bytes.at[size - 1] == '\r';
        form->at += size;
        return size;
    }
    while (size < bytes.size && form->matched < form->boundary_size &&
           bytes.at[size] == form->boundary[form->matched]) {
        form->matched++;
        size++;
    }
    form->at += size;
    if (form->matched == form->boundary_size)
        end_data(form, ret);
    else if (size < bytes.size)
        form->matched = 0;
    return size;
}

/* ---- the form ---- */

void multipart_init(struct multipart *form, struct span boundary)
{
    assert(boundary.size && boundary.size <= MULTIPART_BOUNDARY_BYTES);
    form->state = MULTIPART_IN_DATA;
    form->at = 0;
    form->first = 0;
    form->begun = 0;
    memcpy(form->boundary, "\r\n--", 4);
    memcpy(form->boundary + 4, boundary.at, boundary.size);
    form->boundary_size = boundary.size + 4;
    form->matched = 2; /* the first needs no CRLF in front of it */
    form->line_size = 0;
    form->header_bytes = 0;
    form->name_size = 0;
    form->named = false;
    form->in_part = false;
    form->parts = 0;
}

size_t multipart_next(struct multipart *form, struct span bytes, struct multipart_event *ret)
{
    size_t taken = 0;

    *ret = (struct multipart_event){ .kind = MULTIPART_MORE };
    while (taken < bytes.size && ret->kind == MULTIPART_MORE) {
        if (form->state == MULTIPART_IN_DATA) {
            taken += read_data(form, span_skip(bytes, taken), ret);
        } else if (form->state == MULTIPART_BEHIND || form->state == MULTIPART_LOST) {
            break;
        } else {
            form->at++;
            read_line_byte(form, bytes.at[taken++], ret);
        }
    }
    if (form->state == MULTIPART_LOST)
        ret->kind = MULTIPART_BAD;
    if (form->state != MULTIPART_BEHIND && form->state != MULTIPART_LOST)
        return taken;
    form->at += bytes.size - taken;
    return bytes.size;
}
