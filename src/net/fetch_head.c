#include "net/fetch_head.h"

#include "base/limits.h"

static const struct span known_names[FETCH_KNOWN] = {
    [FETCH_CONNECTION] = SPAN("connection"),
    [FETCH_CONTENT_TYPE] = SPAN("content-type"),
    [FETCH_CONTENT_LENGTH] = SPAN("content-length"),
    [FETCH_CONTENT_ENCODING] = SPAN("content-encoding"),
    [FETCH_TRANSFER_ENCODING] = SPAN("transfer-encoding"),
};

void fetch_head_init(struct fetch_head *head)
{
    *head = (struct fetch_head){ 0 };
    buf_init(&head->lines, LIMIT_UPSTREAM_HEADER_BYTES);
}

void fetch_head_done(struct fetch_head *head)
{
    buf_done(&head->lines);
    for (size_t i = 0; i < FETCH_KNOWN; i++)
        head->known[i] = (struct fetch_place){ 0 };
}

void fetch_head_reset(struct fetch_head *head)
{
    struct buf lines = head->lines;

    buf_reset(&lines);
    *head = (struct fetch_head){ .lines = lines };
}

/* ---- the first line ---- */

/* libcurl knows later versions, and writes their first line as if they had one. */
static bool take_version(struct fetch_head *head, struct span *rest)
{
    static const struct span versions[] = { SPAN("HTTP/1.1 "), SPAN("HTTP/1.0 "),
                                            SPAN("HTTP/2 "), SPAN("HTTP/3 ") };

    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
        if (span_equal(span_first(*rest, versions[i].size), versions[i])) {
            *rest = span_skip(*rest, versions[i].size);
            head->old = i == 1;
            return true;
        }
    return false;
}

static bool take_status(struct fetch_head *head, struct span text)
{
    struct fetch_head next = { .interim = head->interim, .lines = head->lines };
    struct span rest = text;
    uint64_t status;

    *head = next;
    buf_reset(&head->lines);
    if (!take_version(head, &rest) || rest.size < 3 || (rest.size > 3 && rest.at[3] != ' ') ||
        !span_u64(span_first(rest, 3), &status) || status < 100 || status == 101)
        return false;
    head->status = (unsigned)status;
    return true;
}

/* ---- a header ---- */

/* x: this byte may stand in a name, a token of RFC 9110. */
static const char in_name[256] = "                                "
                                 " x xxxxx  xx xx xxxxxxxxxx      "  /* from the space on */
                                 " xxxxxxxxxxxxxxxxxxxxxxxxxx   xx"  /* from @ on */
                                 "xxxxxxxxxxxxxxxxxxxxxxxxxxx x x "; /* from ` on */

static struct span name_of(struct span text)
{
    size_t size = 0;

    while (size < text.size && in_name[(unsigned char)text.at[size]] == 'x')
        size++;
    return span_first(text, size);
}

static enum fetch_known known_as(struct span name)
{
    size_t i = 0;

    while (i < FETCH_KNOWN && !span_equal_nocase(name, known_names[i]))
        i++;
    return (enum fetch_known)i;
}

static bool has(const struct fetch_head *head, enum fetch_known known)
{
    return head->known[known].at > 0;
}

static void take_connection(struct fetch_head *head, struct span value)
{
    while (value.size) {
        struct span option = span_trim(span_cut(&value, ','));

        head->closes = head->closes || span_is_nocase(option, "close");
        head->stays = head->stays || span_is_nocase(option, "keep-alive");
    }
}

/* One length or one coding, but not both. A tab is blank to some readers, llhttp not among them. */
static bool frames(const struct fetch_head *head, struct span text)
{
    return !has(head, FETCH_CONTENT_LENGTH) && !has(head, FETCH_TRANSFER_ENCODING) &&
           span_find(text, '\t') == SIZE_MAX;
}

static bool take_known(struct fetch_head *head, enum fetch_known known, struct span text,
                       struct span value)
{
    switch (known) {
    case FETCH_CONNECTION: take_connection(head, value); return true;
    case FETCH_CONTENT_LENGTH: return frames(head, text) && span_u64(value, &head->length);
    case FETCH_TRANSFER_ENCODING: return frames(head, text);
    case FETCH_CONTENT_TYPE:
    case FETCH_CONTENT_ENCODING:
    case FETCH_KNOWN: break;
    }
    return true;
}

static bool take_header(struct fetch_head *head, struct span text)
{
    struct span name = name_of(text);
    enum fetch_known known = known_as(name);
    struct span value;

    if (name.size == 0 || name.size == text.size || text.at[name.size] != ':')
        return false;
    if (known == FETCH_KNOWN)
        return true;
    value = span_trim(span_skip(text, name.size + 1));
    if (!take_known(head, known, text, value))
        return false;
    if (!has(head, known)) {
        head->known[known].at =
            (uint32_t)(buf_size(&head->lines) + (size_t)(value.at - text.at));
        head->known[known].size = (uint32_t)value.size;
    }
    return true;
}

/* ---- any line ---- */

/* No control character but the tab: also no CR, no LF and no NUL. */
static bool is_clean(struct span text)
{
    size_t at;

    while ((at = span_find_control(text)) != SIZE_MAX) {
        if (text.at[at] != '\t')
            return false;
        text = span_skip(text, at + 1);
    }
    return true;
}

static enum fetch_failure end(struct fetch_head *head)
{
    if (head->status >= 200) {
        head->complete = true;
        return FETCH_FINE;
    }
    if (head->status == 0)
        return FETCH_PROTOCOL; /* an empty line, and no answer before it */
    head->status = 0;          /* another answer has to begin */
    head->count = 0;
    return ++head->interim > LIMIT_UPSTREAM_INTERIM ? FETCH_PROTOCOL : FETCH_FINE;
}

enum fetch_failure fetch_head_take(struct fetch_head *head, struct span line)
{
    struct span text;

    if (line.size == 0)
        return FETCH_FINE;
    if (!span_ends(line, "\r\n"))
        return FETCH_PROTOCOL;
    text = span_first(line, line.size - 2);
    if (text.size == 0)
        return end(head);
    if (!is_clean(text))
        return FETCH_PROTOCOL;
    if (!(head->count ? take_header(head, text) : take_status(head, text)))
        return FETCH_PROTOCOL;
    if (++head->count > LIMIT_UPSTREAM_HEADERS + 1 || !buf_add(&head->lines, line))
        return FETCH_HEADER_TOO_LARGE;
    return FETCH_FINE;
}

/* ---- what it says ---- */

static struct span known_value(const struct fetch_head *head, enum fetch_known known)
{
    if (!has(head, known))
        return span_make(NULL, 0);
    return span_first(span_skip(buf_span(&head->lines), head->known[known].at),
                      head->known[known].size);
}

struct span fetch_head_value(const struct fetch_head *head, const char *name)
{
    struct span wanted = span_from(name);
    enum fetch_known known = known_as(wanted);
    struct span rest = buf_span(&head->lines);

    if (known != FETCH_KNOWN)
        return known_value(head, known);
    (void)span_cut(&rest, '\n'); /* the status line */
    while (rest.size) {
        struct span line = span_cut(&rest, '\n');
        struct span value = span_skip(line, wanted.size + 1);

        if (line.size > wanted.size && line.at[wanted.size] == ':' &&
            span_equal_nocase(span_first(line, wanted.size), wanted))
            return span_trim(span_first(value, value.size - 1)); /* without the CR */
    }
    return span_make(NULL, 0);
}

enum fetch_framing fetch_head_framing(const struct fetch_head *head)
{
    bool coded = has(head, FETCH_TRANSFER_ENCODING);

    if (coded && !span_is_nocase(known_value(head, FETCH_TRANSFER_ENCODING), "chunked"))
        return FETCH_FRAMED_BADLY;
    if (head->status == 204 || head->status == 304)
        return FETCH_BODY_NONE;
    if (coded)
        return FETCH_BODY_CHUNKED;
    return has(head, FETCH_CONTENT_LENGTH) ? FETCH_BODY_LENGTH : FETCH_BODY_TO_CLOSE;
}

/* Who speaks HTTP/1.0 and sends chunks is not to be trusted with a second request. */
bool fetch_head_keeps(const struct fetch_head *head)
{
    return head->old ? head->stays && !has(head, FETCH_TRANSFER_ENCODING) : !head->closes;
}
