#include "config/values.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "config/config.h"
#include "config/forms.h"
#include "config/report.h"
#include "config/units.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- kinds that are neither a number nor a text ---- */

static bool read_enum(const struct setting *row, struct span text, void *slot,
                      struct buf *problem)
{
    struct nearest nearest = nearest_to(text);
    uint64_t value = 0;

    for (; row->words[value]; value++) {
        if (span_is(text, row->words[value])) {
            value_store(slot, row->width, value);
            return true;
        }
        nearest_offer(&nearest, span_from(row->words[value]));
    }
    (void)buf_printf(problem, "\"%s\" is not one of", quoted(text).text);
    for (size_t i = 0; row->words[i]; i++)
        (void)buf_printf(problem, "%s %s", i ? "," : "", row->words[i]);
    (void)buf_add_text(problem, nearest_hint(&nearest, "; write one of them").text);
    return false;
}

static void print_enum(const struct setting *row, const void *slot, struct buf *out)
{
    (void)buf_add_text(out, row->words[value_load(slot, row->width)]);
}

static bool read_hash(const struct setting *row, struct span text, void *slot,
                      struct buf *problem)
{
    (void)row;
    if (form_is_hash(text))
        return digest_from_hex(span_skip(text, 7), slot);
    (void)buf_add_text(problem, "is not a hash; write sha256: and 64 lower-case hex digits, as "
                                "`sluice keygen` prints it");
    return false;
}

static void print_hash(const struct setting *row, const void *slot, struct buf *out)
{
    char hex[DIGEST_HEX_SIZE];

    (void)row;
    digest_hex(slot, hex);
    (void)buf_printf(out, "sha256:%s", hex);
}

static bool read_secret(const struct setting *row, struct span text, void *slot,
                        struct buf *problem)
{
    (void)row;
    if (form_is_visible(text) && text.size <= 4096) {
        secret_init(slot, text);
        return true;
    }
    (void)buf_add_text(problem, "a key is one word of visible ASCII, without line breaks");
    return false;
}

static void print_secret(const struct setting *row, const void *slot, struct buf *out)
{
    const struct secret *secret = slot;

    (void)row;
    if (secret->size)
        (void)buf_add_text(out, "\"***\"");
}

static bool read_kind(const struct setting *row, struct span text, void *slot,
                      struct buf *problem)
{
    const struct provider_kind *kind = provider_kind_find(text);
    struct nearest nearest = nearest_to(text);

    (void)row;
    if (kind) {
        *(const struct provider_kind **)slot = kind;
        return true;
    }
    (void)buf_printf(problem, "\"%s\" is not a kind of provider", quoted(text).text);
    for (kind = provider_kinds; kind->name; kind++)
        nearest_offer(&nearest, span_from(kind->name));
    (void)buf_add_text(problem,
                       nearest_hint(&nearest, "; write openai for anything that speaks its "
                                              "language")
                           .text);
    return false;
}

static void print_kind(const struct setting *row, const void *slot, struct buf *out)
{
    const struct provider_kind *kind = *(const struct provider_kind *const *)slot;

    (void)row;
    if (kind)
        value_print_text(span_from(kind->name), out);
}

/* A reference is read by config_read, which knows what there is; here it is only written. Providers
 * and models both say their name. */
static void print_provider(const struct setting *row, const void *slot, struct buf *out)
{
    const struct config_provider *provider = *(const struct config_provider *const *)slot;

    (void)row;
    if (provider)
        value_print_text(span_from(provider->name), out);
}

static void print_model(const struct setting *row, const void *slot, struct buf *out)
{
    const struct config_model *model = *(const struct config_model *const *)slot;

    (void)row;
    if (model)
        value_print_text(span_from(model->name), out);
}

/* What comes before the @ of http://user:password@host is nobody's business. */
static void print_proxy(const struct setting *row, const void *slot, struct buf *out)
{
    const char *text;
    struct span rest;
    size_t user;

    (void)row;
    memcpy(&text, slot, sizeof(text));
    if (text == NULL)
        return;
    (void)form_skip_scheme(span_from(text), &rest);
    user = span_find(rest, '@');
    if (user == SIZE_MAX)
        value_print_text(span_from(text), out);
    else
        (void)buf_printf(out, "\"%.*s***%s\"", (int)(rest.at - text), text, rest.at + user);
}

/* What follows the host may be all that the receiver asks for. */
static void print_hook(const struct setting *row, const void *slot, struct buf *out)
{
    const char *text;
    struct span rest;
    size_t host;

    (void)row;
    memcpy(&text, slot, sizeof(text));
    if (text == NULL)
        return;
    (void)form_skip_scheme(span_from(text), &rest);
    host = strcspn(rest.at, "/?");
    if (host == rest.size)
        value_print_text(span_from(text), out);
    else
        (void)buf_printf(out, "\"%.*s/***\"", (int)((size_t)(rest.at - text) + host), text);
}

/* ---- the rows ---- */

#define ANY_NAME "^[A-Za-z0-9._-]{1,64}$"

static const struct value_kind kinds[] = {
    [SETTING_BOOL] = { .title = "boolean",
                       .article = "true or false",
                       .right = "write true or false",
                       .plain = "boolean",
                       .read_number = units_read_bool,
                       .print_number = units_print_bool },
    [SETTING_COUNT] = { .title = "number",
                        .article = "a whole number",
                        .right = "write digits alone, such as 5",
                        .pattern = "^[0-9]+$",
                        .plain = "integer",
                        .read_number = units_read_count,
                        .print_number = units_print_count },
    [SETTING_DURATION] = { .title = "duration",
                           .article = "a duration",
                           .right = "write one such as 30s, 500ms, 5m or 1h; 0 for none",
                           .pattern = "^([0-9]+(ms|s|m|h)|0)$",
                           .plain = "integer",
                           .read_number = units_read_duration,
                           .print_number = units_print_duration },
    [SETTING_DELAY] = { .title = "percentile or duration",
                        .article = "a percentile or a delay",
                        .right = "write one of p50 to p99, or a duration from 1ms to 10m",
                        .pattern = "^(p[5-9][0-9]|[0-9]+(ms|s|m))$",
                        .read_number = units_read_delay,
                        .print_number = units_print_delay },
    [SETTING_SIZE] = { .title = "size",
                       .article = "a size",
                       .right = "write one such as 64KiB or 50MiB",
                       .pattern = "^[0-9]+(B|KiB|MiB|GiB)?$",
                       .plain = "integer",
                       .read_number = units_read_size,
                       .print_number = units_print_size },
    [SETTING_MONEY] = { .title = "dollars",
                        .article = "an amount of dollars",
                        .right =
                            "write one such as 8.00, with at most six digits behind the point",
                        .pattern = "^[0-9]+(\\.[0-9]{1,6})?$",
                        .plain = "number",
                        .read_number = units_read_money,
                        .print_number = units_print_money },
    [SETTING_SHARE] = { .title = "share",
                        .article = "a share",
                        .right =
                            "write one such as 0.2, with at most six digits behind the point",
                        .pattern = "^[0-9]+(\\.[0-9]{1,6})?$",
                        .plain = "number",
                        .read_number = units_read_money,
                        .print_number = units_print_share },
    [SETTING_DATE] = { .title = "date",
                       .article = "a date",
                       .right = "write one such as 2027-01-01 or 2027-01-01T12:00:00Z",
                       .pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$",
                       .read_number = units_read_date,
                       .print_number = units_print_date },
    [SETTING_TEXT] = { .title = "text",
                       .article = "one line of text",
                       .right = "write it without control characters",
                       .fits = form_is_line },
    [SETTING_LABEL] = { .title = "name",
                        .article = "a name",
                        .right = "write at most 256 visible ASCII characters, without spaces",
                        .pattern = "^[!-~]{1,256}$",
                        .fits = form_is_label },
    [SETTING_NAME] = { .title = "short name",
                       .article = "a short name",
                       .right = "write at most 64 letters, digits, and any of - _ .",
                       .pattern = ANY_NAME,
                       .fits = form_is_name },
    [SETTING_ADDRESS] = { .title = "address",
                          .article = "an address to listen on",
                          .right = "write HOST:PORT, such as 127.0.0.1:8080 or [::]:8080",
                          .pattern = "^(\\[[0-9a-fA-F:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$",
                          .fits = form_is_address },
    [SETTING_URL] = { .title = "URL",
                      .article = "the address of an upstream",
                      .right = "write http:// or https://, a host and perhaps a path, without "
                               "user, query or "
                               "fragment; keys go under keys",
                      .pattern = "^https?://[^@?#]+$",
                      .hidden = true,
                      .fits = form_is_url },
    [SETTING_HOOK] = { .title = "URL",
                       .article = "the address of a webhook",
                       .right = "write http:// or https://, a host, and perhaps a path and a "
                                "query",
                       .pattern = "^https?://[^@#]+$",
                       .hidden = true,
                       .fits = form_is_hook,
                       .print = print_hook },
    [SETTING_PROXY] = { .title = "URL",
                        .article = "the address of a proxy",
                        .right = "write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT",
                        .pattern = "^https?://.+$",
                        .hidden = true,
                        .fits = form_is_proxy,
                        .print = print_proxy },
    [SETTING_FILE] = { .title = "file",
                       .article = "a path",
                       .right = "name a file",
                       .fits = form_is_path },
    [SETTING_ENUM] = { .title = "word", .read = read_enum, .print = print_enum },
    [SETTING_HASH] = { .title = "hash",
                       .pattern = "^sha256:[0-9a-f]{64}$",
                       .hidden = true,
                       .read = read_hash,
                       .print = print_hash },
    [SETTING_SECRET] = { .title = "key",
                         .hidden = true,
                         .read = read_secret,
                         .print = print_secret },
    [SETTING_PROVIDER_KIND] = { .title = "kind", .read = read_kind, .print = print_kind },
    [SETTING_PROVIDER] = { .title = "provider", .print = print_provider },
    [SETTING_MODEL] = { .title = "model", .print = print_model },
};

const struct value_kind *value_kind(enum setting_kind kind)
{
    return kind < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[kind] : NULL;
}

/* ---- numbers in their fields ---- */

void value_store(void *slot, size_t width, uint64_t value)
{
    uint8_t one = (uint8_t)value;
    uint32_t four = (uint32_t)value;

    assert(width == 1 || width == 4 || width == 8);
    memcpy(slot,
           width == 1   ? (void *)&one
           : width == 4 ? (void *)&four
                        : (void *)&value,
           width);
}

uint64_t value_load(const void *slot, size_t width)
{
    uint8_t one = 0;
    uint32_t four = 0;
    uint64_t value = 0;

    assert(width == 1 || width == 4 || width == 8);
    memcpy(width == 1   ? (void *)&one
           : width == 4 ? (void *)&four
                        : (void *)&value,
           slot, width);
    return value + four + one;
}

bool value_inherited(const void *slot, size_t width)
{
    return value_load(slot, width) == SETTING_INHERITED >> (64 - 8 * width);
}

/* ---- reading ---- */

static void add_hint(struct span text, struct buf *problem)
{
    static const char *const truths[] = { "yes", "on", "y", "1", NULL };
    static const char *const lies[] = { "no", "off", "n", "0", NULL };

    for (size_t i = 0; truths[i]; i++) {
        if (span_is_nocase(text, truths[i]) || span_is_nocase(text, "true"))
            (void)buf_add_text(problem, "write true");
        else if (span_is_nocase(text, lies[i]) || span_is_nocase(text, "false"))
            (void)buf_add_text(problem, "write false");
        else
            continue;
        return;
    }
    (void)buf_add_text(problem, "write true or false");
}

static void say_misfit(enum setting_kind kind, struct span text, struct buf *problem)
{
    if (kinds[kind].hidden)
        (void)buf_printf(problem, "is not %s; ", kinds[kind].article);
    else
        (void)buf_printf(problem, "\"%s\" is not %s; ", quoted(text).text, kinds[kind].article);
    if (kind == SETTING_BOOL)
        add_hint(text, problem);
    else
        (void)buf_add_text(problem, kinds[kind].right);
}

static bool read_number(enum setting_kind kind, const struct setting *row, struct span text,
                        void *slot, struct buf *problem)
{
    uint64_t max = row->max ? row->max : UINT64_MAX - 1;
    uint64_t value;

    if (!kinds[kind].read_number(text, &value)) {
        say_misfit(kind, text, problem);
        return false;
    }
    if (value < row->min || value > max) {
        (void)buf_printf(problem, "%s is too %s; write at %s ", quoted(text).text,
                         value > max ? "much" : "little", value > max ? "most" : "least");
        kinds[kind].print_number(value > max ? max : row->min, problem);
        return false;
    }
    value_store(slot, row->width, value);
    return true;
}

static bool read_text(enum setting_kind kind, const struct setting *row, struct span text,
                      struct arena *arena, void *slot, struct buf *problem)
{
    const char *copy;

    if (!kinds[kind].fits(text)) {
        say_misfit(kind, text, problem);
        return false;
    }
    if (kind == SETTING_TEXT && row->max && text.size > row->max) {
        (void)buf_printf(problem, "is longer than %llu bytes; write less",
                         (unsigned long long)row->max);
        return false;
    }
    while (kind == SETTING_URL && span_ends(text, "/"))
        text.size--;
    copy = arena_text(arena, text);
    if (kind == SETTING_FILE && access(copy, R_OK) != 0) {
        (void)buf_printf(problem, "cannot read the file \"%s\": %s; name one that is there",
                         quoted(text).text, strerror(errno));
        return false;
    }
    memcpy(slot, &copy, sizeof(copy));
    return true;
}

bool value_read(enum setting_kind kind, const struct setting *row, struct span text,
                struct arena *arena, void *slot, struct buf *ret_problem)
{
    const struct value_kind *is = value_kind(kind);

    assert(is);
    if (is->read_number)
        return read_number(kind, row, text, slot, ret_problem);
    if (is->fits)
        return read_text(kind, row, text, arena, slot, ret_problem);
    assert(is->read);
    return is->read(row, text, slot, ret_problem);
}

/* ---- printing ---- */

/* Texts that other readers of YAML could take for something else, or that we would expand. */
static bool needs_quotes(struct span text)
{
    static const char *const words[] = {
        "true", "false", "null", "yes", "no", "on", "off", NULL
    };

    if (text.size == 0 || !((text.at[0] | 32) >= 'a' && (text.at[0] | 32) <= 'z') ||
        span_ends(text, ":"))
        return true;
    for (size_t i = 0; words[i]; i++)
        if (span_is_nocase(text, words[i]))
            return true;
    for (size_t i = 0; i < text.size; i++)
        if (!form_is_name(span_make(text.at + i, 1)) && !strchr("/:@+", text.at[i]))
            return true;
    return false;
}

void value_print_key(struct span text, struct buf *out)
{
    if (needs_quotes(text))
        json_quote(out, text);
    else
        (void)buf_add(out, text);
}

void value_print_text(struct span text, struct buf *out)
{
    struct buf escaped;

    if (!needs_quotes(text)) {
        (void)buf_add(out, text);
        return;
    }
    buf_init(&escaped, SIZE_MAX / 2);
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '$')
            (void)buf_add_byte(&escaped, '$');
        (void)buf_add_byte(&escaped, text.at[i]);
    }
    json_quote(out, buf_span(&escaped));
    buf_done(&escaped);
}

void value_print(enum setting_kind kind, const struct setting *row, const void *slot,
                 struct buf *out)
{
    const struct value_kind *is = value_kind(kind);
    const char *text;

    assert(is);
    if (is->print) {
        is->print(row, slot, out);
    } else if (is->print_number) {
        is->print_number(value_load(slot, row->width), out);
    } else {
        memcpy(&text, slot, sizeof(text));
        if (text)
            value_print_text(span_from(text), out);
    }
}
