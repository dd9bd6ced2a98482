#include "llm/load.h"

#include "base/limits.h"

#include <string.h>

static bool is_digit(struct span text)
{
    return text.size && text.at[0] >= '0' && text.at[0] <= '9';
}

static struct span skip_blanks(struct span text)
{
    while (text.size && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = span_skip(text, 1);
    return text;
}

/* Behind {name="va\"lue",...}; nothing is left when it has no end. */
static struct span skip_labels(struct span text)
{
    bool quoted = false;

    if (text.size == 0 || text.at[0] != '{')
        return text;
    for (size_t i = 1; i < text.size; i++) {
        if (quoted && text.at[i] == '\\')
            i++;
        else if (text.at[i] == '"')
            quoted = !quoted;
        else if (text.at[i] == '}' && !quoted)
            return span_skip(text, i + 1);
    }
    return span_make(NULL, 0);
}

/* The digits at the front, behind those that `value` stands for; enough is enough. */
static double take_digits(struct span *text, double value)
{
    for (; is_digit(*text); *text = span_skip(*text, 1))
        if (value < LIMIT_LOAD_REQUESTS)
            value = value * 10 + (text->at[0] - '0');
    return value;
}

/* "3", "3.0", "1e+03"; a fraction of a request is none. False: anything else, such as NaN. */
static bool read_value(struct span text, double *ret)
{
    double value;
    uint32_t exponent = 0;

    if (!is_digit(text))
        return false;
    value = take_digits(&text, 0);
    if (text.size && text.at[0] == '.') {
        text = span_skip(text, 1);
        (void)take_digits(&text, 0);
    }
    if (text.size && (text.at[0] == 'e' || text.at[0] == 'E')) {
        text = span_skip(text, 1);
        if (text.size && text.at[0] == '+')
            text = span_skip(text, 1);
        if (!is_digit(text))
            return false; /* a negative one: less than a request, or not worth the trouble */
        exponent = (uint32_t)take_digits(&text, 0);
    }
    for (; exponent && value > 0 && value < LIMIT_LOAD_REQUESTS; exponent--)
        value *= 10;
    *ret = value;
    return text.size == 0 || text.at[0] == ' ' || text.at[0] == '\t' || text.at[0] == '\r';
}

/* A line "NAME{labels} VALUE [TIME]" of that name? */
static bool read_line(struct span line, const char *name, double *ret)
{
    struct span rest;

    if (!span_starts(line, name))
        return false;
    rest = span_skip(line, strlen(name));
    if (rest.size == 0 || (rest.at[0] != '{' && rest.at[0] != ' ' && rest.at[0] != '\t'))
        return false; /* a longer name */
    return read_value(skip_blanks(skip_labels(skip_blanks(rest))), ret);
}

bool load_read(struct span text, const struct load_source *source, uint32_t *ret)
{
    double sum = 0;
    bool known = false;

    while (text.size) {
        struct span line = skip_blanks(span_cut(&text, '\n'));
        double value;

        for (size_t i = 0; i < LOAD_FIGURES_MAX && source->figures[i]; i++)
            if (read_line(line, source->figures[i], &value)) {
                known = true;
                sum += value;
            }
        sum = sum < LIMIT_LOAD_REQUESTS ? sum : LIMIT_LOAD_REQUESTS;
    }
    if (known)
        *ret = (uint32_t)sum;
    return known;
}

struct span load_root(struct span base_url)
{
    return span_ends(base_url, "/v1") ? span_first(base_url, base_url.size - 3) : base_url;
}
