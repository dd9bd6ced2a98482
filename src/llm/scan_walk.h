/* scan_walk: a walk through all that an object or array holds, in order; what stands in a container comes right
 * behind it. For the few that must look deeper than one level: each byte is looked at once.
 *
 * Here to be inlined, so that the walk lives in registers: every answer is read with it. */
#ifndef LLM_SCAN_WALK_H
#define LLM_SCAN_WALK_H

#include "llm/scan.h"
#include "llm/scan_token.h"

struct scan_walk {
    struct scan_reader reader;
    uint64_t
        objects;    /* what is open: a bit each, 1 for an object, the innermost is the lowest */
    unsigned depth; /* how many are */
    bool fresh;     /* nothing has come yet of the innermost */
};

/* What is open grows by the container at the reader. */
SCAN_TOKEN void scan_walk_in(struct scan_walk *walk)
{
    walk->objects = walk->objects << 1 | (*walk->reader.at == '{');
    walk->depth++;
    walk->fresh = true;
    walk->reader.at++;
}

/* White space may stand in front. */
SCAN_TOKEN struct scan_walk scan_walk(struct span container)
{
    struct scan_walk walk = { .reader = scan_reader_of(container) };

    scan_skip_space(&walk.reader);
    if (scan_peek(&walk.reader) == '{' || scan_peek(&walk.reader) == '[')
        scan_walk_in(&walk);
    return walk;
}

/* Closes what ends here. False when nothing is left, or what stands here is wrong. */
SCAN_TOKEN bool scan_walk_on(struct scan_walk *walk)
{
    while (walk->depth) {
        if (!walk->fresh && scan_skip_byte(&walk->reader, ','))
            return true;
        if (!scan_skip_byte(&walk->reader, walk->objects & 1 ? '}' : ']'))
            return walk->fresh;
        walk->objects >>= 1;
        walk->depth--;
        walk->fresh = false;
    }
    return false;
}

/* Gives the next, and how deep it stands: 1 for what the outermost holds. Of a container only the kind is known yet,
 * its `raw` is the bracket. False at the end, and at anything that is not valid. */
SCAN_TOKEN bool scan_walk_next(struct scan_walk *walk, struct scan_item *ret,
                               unsigned *ret_depth)
{
    struct scan_reader *r = &walk->reader;
    struct scan_item item = { 0 };
    const char *start;
    char first;

    if (!scan_walk_on(walk) || (walk->objects & 1 && !scan_skip_key(r, &item.key)))
        return false;
    *ret_depth = walk->depth;
    scan_skip_space(r);
    start = r->at;
    first = scan_peek(r);
    if (first != '{' && first != '[') {
        if (scan_skip_scalar(r, &item.kind))
            return false;
        walk->fresh = false;
    } else if (walk->depth < LIMIT_JSON_DEPTH) {
        item.kind = first == '{' ? JSON_OBJECT : JSON_ARRAY;
        scan_walk_in(walk);
    } else {
        return false;
    }
    item.raw = scan_since(r, start);
    *ret = item;
    return true;
}

/* Passes over what the container holds that came last. False: it is not valid. */
SCAN_TOKEN bool scan_walk_over(struct scan_walk *walk)
{
    struct scan_reader *r = &walk->reader;

    assert(walk->fresh && walk->depth);
    walk->objects >>= 1;
    walk->depth--;
    walk->fresh = false;
    if (scan_go_to(r, scan_skip_container(r->at - 1, r->end, walk->depth)) == ERR_OK)
        return true;
    walk->depth = LIMIT_JSON_DEPTH; /* never whole any more */
    return false;
}

/* After the end: everything was valid, and nothing but white space stands behind it. */
SCAN_TOKEN bool scan_walk_whole(struct scan_walk *walk)
{
    scan_skip_space(&walk->reader);
    return walk->depth == 0 && walk->reader.at > walk->reader.start &&
           walk->reader.at == walk->reader.end;
}

#endif
