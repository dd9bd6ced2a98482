#include "ops/call_path.h"

#include <assert.h>

/* The place in `path` that `literal`, the text behind an open place, leaves in front of its last
 * occurrence; SIZE_MAX: it does not occur. */
static size_t find_last(struct span path, struct span literal)
{
    for (size_t at = path.size; at-- > 1;)
        if (span_equal(span_first(span_skip(path, at), literal.size), literal))
            return at;
    return SIZE_MAX;
}

/* What follows an open place, up to the next one. */
static struct span next_literal(struct span *pattern)
{
    size_t open = span_find(*pattern, '{');
    struct span literal = span_first(*pattern, open == SIZE_MAX ? pattern->size : open);

    *pattern = span_skip(*pattern, literal.size);
    return literal;
}

bool call_path_fits(const char *pattern, struct span path,
                    struct span ret_places[CALL_PLACES_MAX])
{
    struct span rest = span_from(pattern);
    struct span literal = next_literal(&rest);
    size_t count = 0;

    if (!span_equal(span_first(path, literal.size), literal))
        return false;
    path = span_skip(path, literal.size);
    while (rest.size) {
        size_t end;

        assert(count < CALL_PLACES_MAX);
        (void)span_cut(&rest, '}');
        literal = next_literal(&rest);
        if (rest.size == 0) /* the last one: it has to be the tail */
            end = path.size > literal.size ? path.size - literal.size : SIZE_MAX;
        else
            end = find_last(path, literal);
        if (end == SIZE_MAX ||
            !span_equal(span_first(span_skip(path, end), literal.size), literal))
            return false;
        ret_places[count++] = span_first(path, end);
        path = span_skip(path, end + literal.size);
    }
    return path.size == 0;
}
