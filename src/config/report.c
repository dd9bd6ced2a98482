#include "config/report.h"

#include "base/limits.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    REPORT_BYTES = 256 * 1024,
    SENTENCE_BYTES = 1024,
    WARNINGS_MAX = 100,  /* written out */
    EDITS_MAX = 2,       /* a name that is further away was not meant */
    BEGINNING_BYTES = 3, /* a beginning that is shorter means nothing */
};

void config_report_init(struct config_report *report)
{
    *report = (struct config_report){ 0 };
    buf_init(&report->text, REPORT_BYTES);
}

void config_report_done(struct config_report *report)
{
    buf_done(&report->text);
}

/* "models.gpt-4.1.targets[0].weight"; nothing for the root. */
static void write_path(const struct node *node, struct buf *out)
{
    const struct node *way[LIMIT_CONFIG_DEPTH];
    size_t depth = 0;

    for (; node && node->parent && depth < LIMIT_CONFIG_DEPTH; node = node->parent)
        way[depth++] = node;
    while (depth--) {
        const struct node *step = way[depth];

        if (step->parent->kind == NODE_LIST)
            (void)buf_printf(out, "[%zu]", step->index);
        else
            (void)buf_printf(out, "%s%s", step->parent->parent ? "." : "",
                             quoted(step->key).text);
    }
}

static void write_line(struct reporter *reporter, struct config_mark mark,
                       const struct node *node, const char *before, const char *sentence)
{
    struct buf *out = &reporter->report->text;
    size_t start;

    if (node && node->variable)
        (void)buf_printf(out, "environment: %s%s: ", before, node->variable);
    else if (mark.line)
        (void)buf_printf(out, "%s:%u:%u: %s", reporter->file, mark.line, mark.column, before);
    else
        (void)buf_printf(out, "%s: %s", reporter->file, before);
    start = out->end;
    if (node && !node->variable)
        write_path(node, out);
    (void)buf_printf(out, "%s%s\n", out->end > start ? ": " : "", sentence);
}

static void write_error(struct reporter *reporter, struct config_mark mark,
                        const struct node *node, const char *sentence)
{
    if (++reporter->report->errors <= LIMIT_CONFIG_ERRORS)
        write_line(reporter, mark, node, "", sentence);
}

/* The sentence of a printf-like function, into `text`. */
#define SENTENCE(text, format)                                                                 \
    do {                                                                                       \
        va_list args;                                                                          \
                                                                                               \
        va_start(args, format);                                                                \
        (void)vsnprintf(text, sizeof(text), format, args);                                     \
        va_end(args);                                                                          \
    } while (0)

void report_error(struct reporter *reporter, const struct node *node, const char *format, ...)
{
    char sentence[SENTENCE_BYTES];

    SENTENCE(sentence, format);
    write_error(reporter, node ? node->mark : (struct config_mark){ 0 }, node, sentence);
}

void report_key_error(struct reporter *reporter, const struct node *node, const char *format,
                      ...)
{
    char sentence[SENTENCE_BYTES];

    SENTENCE(sentence, format);
    write_error(reporter, node->key_mark.line ? node->key_mark : node->mark, node, sentence);
}

void report_error_at(struct reporter *reporter, struct config_mark mark,
                     const struct node *node, const char *format, ...)
{
    char sentence[SENTENCE_BYTES];

    SENTENCE(sentence, format);
    write_error(reporter, mark, node, sentence);
}

void report_warning(struct reporter *reporter, const struct node *node, const char *format, ...)
{
    char sentence[SENTENCE_BYTES];

    SENTENCE(sentence, format);
    if (++reporter->report->warnings <= WARNINGS_MAX)
        write_line(reporter, node ? node->mark : (struct config_mark){ 0 }, node,
                   "warning: ", sentence);
}

void report_finish(struct reporter *reporter)
{
    struct config_report *report = reporter->report;

    if (report->errors > LIMIT_CONFIG_ERRORS)
        (void)buf_printf(&report->text, "%s: and %u more errors\n", reporter->file,
                         report->errors - LIMIT_CONFIG_ERRORS);
    if (report->warnings > WARNINGS_MAX)
        (void)buf_printf(&report->text, "%s: and %u more warnings\n", reporter->file,
                         report->warnings - WARNINGS_MAX);
}

/* ---- words for messages ---- */

struct quote quoted(struct span text)
{
    struct quote quote;
    size_t at = 0;

    for (size_t i = 0; i < text.size && at < sizeof(quote.text) - 8; i++)
        quote.text[at++] = (char)(iscntrl((unsigned char)text.at[i]) ? '?' : text.at[i]);
    if (at < text.size) {
        while (at && ((unsigned char)quote.text[at - 1] & 0xc0) == 0x80)
            at--; /* do not end inside a character */
        if (at && (unsigned char)quote.text[at - 1] >= 0xc0)
            at--;
        (void)snprintf(quote.text + at, sizeof(quote.text) - at, "...");
        return quote;
    }
    quote.text[at] = 0;
    return quote;
}

struct nearest nearest_to(struct span name)
{
    return (struct nearest){ .name = name, .distance = EDITS_MAX + 1 };
}

void nearest_offer(struct nearest *nearest, struct span candidate)
{
    uint32_t distance = span_distance(nearest->name, candidate);
    bool begun = nearest->name.size >= BEGINNING_BYTES && candidate.size > nearest->name.size &&
                 span_equal_nocase(span_first(candidate, nearest->name.size), nearest->name);

    if (begun && distance > EDITS_MAX)
        distance = EDITS_MAX;
    if (distance < nearest->distance && distance < candidate.size) {
        nearest->distance = distance;
        nearest->best = candidate;
    }
}

struct quote nearest_hint(const struct nearest *nearest, const char *otherwise)
{
    struct quote hint;

    if (nearest->best.size)
        (void)snprintf(hint.text, sizeof(hint.text), "; did you mean \"%.*s\"?",
                       (int)(nearest->best.size < 48 ? nearest->best.size : 48),
                       nearest->best.at);
    else
        (void)snprintf(hint.text, sizeof(hint.text), "%s", otherwise);
    return hint;
}
