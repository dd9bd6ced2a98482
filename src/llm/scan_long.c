/* One token after the other, each where the state says that it may stand:
 *
 *     FIRST_KEY --"--> COLON --:--> VALUE --{--> FIRST_KEY     VALUE --[--> FIRST_ITEM
 *     KEY -------"--> COLON            |                                        | ] or VALUE
 *      ^                               v                                        |
 *      +---, in an object----------- NEXT --, in an array--> VALUE <------------+
 *                                      +---} or ], the outermost--> NOTHING
 *
 * A pause is possible between two tokens, in white space, and in a string, which is where nearly all of a
 * long text stands. Other tokens are short: half of one is looked at again when the rest has come. */
#include "llm/scan_long.h"

#include "base/limits.h"
#include "llm/scan_parts.h"

#include <assert.h>
#include <string.h>

enum state { FIRST_KEY, KEY, COLON, FIRST_ITEM, VALUE, NEXT, NOTHING };

/* What a step came to. */
enum step {
    STEP_ON,
    STEP_WAIT, /* for more text */
    STEP_LOST, /* nothing that could come would make it right, or it is not for us to say */
};

enum { CHARACTER_MAX = 12 }; /* bytes of one in a string: two surrogates, escaped */

static_assert(LIMIT_JSON_DEPTH <= 64, "what is open is remembered in 64 bits");

void scan_long_begin(struct scan_long *scan, struct scan_field *fields, size_t count)
{
    assert(count <= SCAN_LONG_FIELDS_MAX);
    *scan = (struct scan_long){ .fields = fields, .count = count, .state = VALUE };
}

static size_t skip_space(struct span text, size_t at)
{
    while (at < text.size && (text.at[at] == ' ' || text.at[at] == '\n' ||
                              text.at[at] == '\r' || text.at[at] == '\t'))
        at++;
    return at;
}

static struct span string_of(const struct scan_long *scan, struct span text)
{
    return span_make(text.at + scan->string_at, scan->at - scan->string_at);
}

static void tell_piece(struct scan_long *scan, struct span piece)
{
    if (scan->watch)
        scan->watch->on_piece(scan->watch, piece);
}

static void tell_string(struct scan_long *scan, struct span text)
{
    if (scan->watch)
        scan->watch->on_string(scan->watch, string_of(scan, text), scan->state != VALUE,
                               scan->depth);
}

/* A string, whose opening quote is at `at` or lies behind us. */
static enum step step_string(struct scan_long *scan, struct span text)
{
    const char *end = text.at + text.size;
    const char *from = text.at + scan->at + (scan->in_string ? 0 : 1);
    const char *at = from;
    bool whole = scan_skip_string(&at, end);

    if (!scan->in_string)
        scan->string_at = scan->at;
    scan->at = (size_t)(at - text.at);
    scan->in_string = !whole;
    tell_piece(scan, span_make(from, (size_t)(at - from) - whole));
    if (whole) {
        tell_string(scan, text);
        return STEP_ON;
    }
    /* What looks wrong this near to the end may be half of a character. */
    return end - at < CHARACTER_MAX ? STEP_WAIT : STEP_LOST;
}

/* A number or a word. */
static enum step step_scalar(struct scan_long *scan, struct span text)
{
    struct span rest = span_skip(text, scan->at);
    const char *at = rest.at;
    struct span word = span_from(*at == 't' ? "true" : *at == 'f' ? "false" : "null");
    bool number = *at != 't' && *at != 'f' && *at != 'n';
    enum err err = number ? scan_skip_number(&at, rest.at + rest.size) : ERR_OK;

    if (number && at == rest.at + rest.size) /* it may go on */
        return rest.size > LIMIT_JSON_NUMBER_BYTES ? STEP_LOST : STEP_WAIT;
    if (!number && rest.size < word.size)
        return STEP_WAIT;
    if (err || (!number && !span_equal(span_first(rest, word.size), word)))
        return STEP_LOST;
    scan->at += number ? (size_t)(at - rest.at) : word.size;
    return STEP_ON;
}

/* A member of the top level has ended. */
static void note_member(struct scan_long *scan, struct span text)
{
    size_t i;

    if (scan->watch)
        scan->watch->on_member(scan->watch, scan->at - scan->value_at);
    if (scan->field == NULL)
        return;
    i = (size_t)(scan->field - scan->fields);
    if (scan->end[i])
        scan->lost = true; /* it stands there twice */
    scan->begin[i] = scan->value_at;
    scan->end[i] = scan->at;
    scan->field->kind = scan_kind_of(text.at[scan->value_at]);
}

static enum step end_value(struct scan_long *scan, struct span text)
{
    scan->state = scan->depth ? NEXT : NOTHING;
    if (scan->depth == 1)
        note_member(scan, text);
    return STEP_ON;
}

static enum step step_in(struct scan_long *scan, bool object)
{
    if (scan->depth == LIMIT_JSON_DEPTH)
        return STEP_LOST;
    scan->at++;
    if (scan->depth == 0)
        scan->inside = scan->at;
    scan->objects = scan->objects << 1 | object;
    scan->depth++;
    scan->state = object ? FIRST_KEY : FIRST_ITEM;
    return STEP_ON;
}

static enum step step_out(struct scan_long *scan, struct span text)
{
    scan->at++;
    scan->objects >>= 1;
    scan->depth--;
    return end_value(scan, text);
}

static enum step step_key(struct scan_long *scan, struct span text)
{
    enum step step;

    if (!scan->in_string && text.at[scan->at] != '"')
        return STEP_LOST;
    step = step_string(scan, text);
    if (step != STEP_ON)
        return step;
    scan->state = COLON;
    if (scan->depth == 1)
        scan->field = scan_find_field(scan->fields, scan->count, string_of(scan, text));
    return STEP_ON;
}

static enum step step_value(struct scan_long *scan, struct span text)
{
    char first = (char)(scan->in_string ? '"' : text.at[scan->at]);
    enum step step;

    if (scan->depth == 0 && first != '{')
        return STEP_LOST; /* it is no object */
    if (scan->depth == 1 && !scan->in_string)
        scan->value_at = scan->at;
    if (first == '{' || first == '[')
        return step_in(scan, first == '{');
    step = first == '"' ? step_string(scan, text) : step_scalar(scan, text);
    return step == STEP_ON ? end_value(scan, text) : step;
}

static enum step step_next(struct scan_long *scan, struct span text)
{
    bool object = scan->objects & 1;

    if (text.at[scan->at] == ',') {
        scan->at++;
        scan->state = object ? KEY : VALUE;
        return STEP_ON;
    }
    return text.at[scan->at] == (object ? '}' : ']') ? step_out(scan, text) : STEP_LOST;
}

static enum step step(struct scan_long *scan, struct span text)
{
    char first = text.at[scan->at];

    switch ((enum state)scan->state) {
    case FIRST_KEY:
        if (!scan->in_string && first == '}') {
            scan->empty = scan->depth == 1;
            return step_out(scan, text);
        }
        return step_key(scan, text);
    case KEY: return step_key(scan, text);
    case COLON:
        scan->at++;
        scan->state = VALUE;
        return first == ':' ? STEP_ON : STEP_LOST;
    case FIRST_ITEM: scan->state = VALUE; return first == ']' ? step_out(scan, text) : STEP_ON;
    case VALUE: return step_value(scan, text);
    case NEXT: return step_next(scan, text);
    case NOTHING: break;
    }
    return STEP_LOST;
}

void scan_long_more(struct scan_long *scan, struct span text)
{
    enum step result = STEP_ON;

    assert(scan->at <= text.size);
    while (result == STEP_ON && !scan->lost) {
        if (!scan->in_string)
            scan->at = skip_space(text, scan->at);
        if (scan->at == text.size)
            return;
        result = step(scan, text);
    }
    scan->lost = scan->lost || result == STEP_LOST;
}

enum err scan_long_end(struct scan_long *scan, struct span text, struct scan_result *ret)
{
    scan_long_more(scan, text);
    if (scan->lost || scan->state != NOTHING)
        return scan_object(text, scan->fields, scan->count, ret);
    for (size_t i = 0; i < scan->count; i++)
        scan->fields[i].raw =
            scan->end[i] ? span_make(text.at + scan->begin[i], scan->end[i] - scan->begin[i])
                         : (struct span){ 0 };
    *ret = (struct scan_result){ .inside = scan->inside,
                                 .empty = scan->empty,
                                 .error_at = text.size };
    return ERR_OK;
}
