#include "config/expand.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VARIABLE_BYTES_MAX = 256 };

static const char file_word[] = "file:";

static void put(struct expansion *out, struct span bytes)
{
    if (bytes.size > sizeof(out->bytes) - out->size) {
        out->too_long = true;
        return;
    }
    if (bytes.size)
        memcpy(out->bytes + out->size, bytes.at, bytes.size);
    out->size += bytes.size;
}

static bool is_name(struct span name)
{
    if (name.size == 0 || name.size >= VARIABLE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.at[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

        if (!letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return true;
}

static const char *variable(struct span name)
{
    char text[VARIABLE_BYTES_MAX];

    memcpy(text, name.at, name.size);
    text[name.size] = 0;
    return getenv(text);
}

/* `inside` is what stands between the braces of ${…}. */
static bool put_variable(const struct node *node, struct span inside, struct reporter *reporter,
                         struct expansion *out)
{
    size_t mark = span_find_text(inside, ":-");
    struct span name = span_first(inside, mark);
    const char *value;

    if (!is_name(name)) {
        report_error(reporter, node,
                     "\"${%s}\" names no variable; write ${NAME} or ${NAME:-default}",
                     quoted(inside).text);
        return false;
    }
    value = variable(name);
    if (value == NULL && mark == SIZE_MAX) {
        report_error(reporter, node,
                     "the environment variable %s is not set; set it, or write ${%s:-default}",
                     quoted(name).text, quoted(name).text);
        return false;
    }
    if (mark != SIZE_MAX && (value == NULL || *value == 0))
        put(out, span_skip(inside, mark + 2));
    else
        put(out, span_from(value));
    return true;
}

static bool put_text(const struct node *node, struct reporter *reporter, struct expansion *out)
{
    struct span rest = node_text(node);

    while (rest.size) {
        size_t dollar = span_find(rest, '$');
        size_t end;

        put(out, span_first(rest, dollar));
        if (dollar == SIZE_MAX)
            return true;
        rest = span_skip(rest, dollar + 1);
        if (span_starts(rest, "$")) {
            put(out, SPAN_OF("$"));
            rest = span_skip(rest, 1);
            continue;
        }
        end = span_find(rest, '}');
        if (!span_starts(rest, "{") || end == SIZE_MAX) {
            report_error(reporter, node, "a $ stands alone; write $$ for a dollar, or ${NAME}");
            return false;
        }
        if (!put_variable(node, span_make(rest.at + 1, end - 1), reporter, out))
            return false;
        rest = span_skip(rest, end + 1);
    }
    return true;
}

static bool read_all(int fd, struct expansion *out)
{
    for (;;) {
        size_t room = sizeof(out->bytes) - out->size;
        char more;
        ssize_t got = room ? read(fd, out->bytes + out->size, room) : read(fd, &more, 1);

        if (got < 0 && errno != EINTR)
            return false;
        out->too_long = room == 0 && got > 0;
        if (got == 0 || out->too_long)
            return true;
        if (got > 0)
            out->size += (size_t)got;
    }
}

static void drop_line_break(struct expansion *out)
{
    if (span_ends(expansion_span(out), "\n"))
        out->size--;
    if (span_ends(expansion_span(out), "\r"))
        out->size--;
}

/* `out` holds file:/path, and then what stands in that file. */
static bool put_file(const struct node *node, struct reporter *reporter, struct expansion *out)
{
    struct span named = span_skip(expansion_span(out), strlen(file_word));
    char path[PATH_MAX];
    bool fine;
    int fd;

    if (!span_starts(named, "/") || named.size >= sizeof(path)) {
        report_error(reporter, node,
                     "a file is named by its whole path: file:/run/secrets/NAME");
        return false;
    }
    memcpy(path, named.at, named.size);
    path[named.size] = 0;
    out->size = 0;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    fine = fd >= 0 && read_all(fd, out);
    if (!fine)
        report_error(reporter, node, "cannot read the file \"%s\": %s",
                     quoted(span_from(path)).text, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    drop_line_break(out);
    return fine;
}

bool expand(const struct node *node, struct reporter *reporter, struct expansion *ret)
{
    ret->size = 0;
    ret->too_long = false;
    if (node->literal) {
        put(ret, node_text(node));
    } else {
        bool file = span_starts(node_text(node), file_word);

        if (!put_text(node, reporter, ret))
            return false;
        if (file && !ret->too_long && !put_file(node, reporter, ret))
            return false;
    }
    if (ret->too_long)
        report_error(reporter, node, "longer than %d bytes", EXPANSION_BYTES_MAX);
    return !ret->too_long;
}

struct span expansion_span(const struct expansion *expansion)
{
    return span_make(expansion->bytes, expansion->size);
}

void expansion_wipe(struct expansion *expansion)
{
    mem_wipe(expansion, sizeof(*expansion));
}
