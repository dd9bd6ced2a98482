/* What is printed from the settings table. */
#include "base/json.h"
#include "config/config.h"
#include "config/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HASH "sha256:00000000000000000000000000000000000000000000000000000000000000aa"

static const char rich[] =
    "listen: \"[::1]:8080\"\n"
    "admin: { keys: [topsecret1] }\n"
    "default_model: \"true\"\n"
    "client_keys:\n"
    "  - { name: a, hash: \"" HASH "\", models: [\"x:\", \"de/*\"], expires: 2027-01-01 }\n"
    "  - { name: b, hash: \"sha256:"
    "00000000000000000000000000000000000000000000000000000000000000bb\",\n"
    "      expires: 2027-01-01T01:02:03Z }\n"
    "providers:\n"
    "  openai: { keys: [topsecret2, topsecret3], timeouts: { idle: 1500ms },\n"
    "            proxy: \"http://topsecret4:topsecret5@h:3128\" }\n"
    "  \"off\": { kind: deepseek, keys: [\"${SLUICE_TEST_UNSET:-}\"] }\n"
    "  here: { kind: vllm, base_url: \"http://h/v1\", headers: { X-A: topsecret6 },\n"
    "          proxy: \"http://h:3128\" }\n"
    "  local: { kind: demo }\n"
    "  far: { kind: vllm, regions: [ { name: us, base_url: \"http://us/v1/\", weight: 7 },\n"
    "           { name: eu, base_url: \"http://eu/v1\", enabled: false },\n"
    "           { name: asia, base_url: \"http://asia/v1\" } ] }\n"
    "models:\n"
    "  \"far/*\": { targets: [ { provider: far, weight: 3 }, { provider: here, model: \"*-x\" "
    "} "
    "],\n"
    "              aliases: [\"away/*\"] }\n"
    "  \"*\": { targets: [ { provider: far } ] }\n"
    "  \"true\":\n"
    "    aliases: [\"$$x\", \"a#b\", \"-\", \"'\"]\n"
    "    targets: [ { provider: openai }, { provider: \"off\", priority: 2 } ]\n"
    "    fallbacks: [m]\n"
    "    description: \"$$ ${SLUICE_TEST_UNSET:-}\\\"\\\\ ü: #\"\n"
    "    cost_per_mtok: { input: 1.123456, output: 3 }\n"
    "    hedge: { after: p95 }\n"
    "  \"$m\": { targets: [ { provider: here, model: \"a$$b\" } ], aliases: [m] }\n"
    "limits: { header_bytes: 33000, body_bytes: 3MiB }\n"
    "timeouts: { total: 0 }\n"
    "log: { format: text }\n";

static struct config *read_config(struct span text)
{
    struct config_report report;
    struct config *config;

    config_report_init(&report);
    config = config_from_text("f.yaml", text, NULL, &report);
    if (config == NULL)
        fail_msg("%s\n%.*s", buf_text(&report.text), SPAN_ARG(text));
    config_report_done(&report);
    return config;
}

static void test_a_printed_configuration_reads_back_to_the_same(void **state)
{
    struct config *config = read_config(SPAN_OF(rich));
    struct config *again;
    struct buf first;
    struct buf second;

    (void)state;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    config_print(config, &first);
    again = read_config(buf_span(&first));
    config_print(again, &second);
    assert_string_equal(buf_text(&first), buf_text(&second));
    assert_string_equal(again->models[2].description, "$ \"\\ ü: #");
    assert_string_equal(again->models[2].aliases.items[0], "$x");
    assert_string_equal(again->models[3].targets[0].model, "a$b");
    assert_int_equal(again->models[0].written.count, 2);
    assert_int_equal(again->models[0].target_count, 3);
    assert_string_equal(again->models[0].targets[1].id, "far/*:far@asia");
    assert_string_equal(again->models[0].targets[1].region->base_url, "http://asia/v1");
    assert_int_equal(again->models[0].targets[0].share, config->models[0].targets[0].share);
    assert_string_equal(again->models[0].targets[2].model, "*-x");
    assert_true(config_provider_find(again, SPAN_OF("off"))->off);
    config_unref(config);
    config_unref(again);
    buf_done(&first);
    buf_done(&second);
}

static void test_secrets_are_never_printed(void **state)
{
    struct config *config = read_config(SPAN_OF(rich));
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    config_print(config, &out);
    assert_null(strstr(buf_text(&out), "topsecret"));
    assert_non_null(strstr(buf_text(&out), "admin:\n  keys:\n    - \"***\"\n"));
    assert_non_null(strstr(buf_text(&out), "proxy: \"http://***@h:3128\"\n"));
    assert_non_null(strstr(buf_text(&out), "X-A: \"***\"\n"));
    config_unref(config);
    buf_done(&out);
}

static void test_printing_adds_to_what_is_there(void **state)
{
    struct config *config = read_config(SPAN_OF("listen: 127.0.0.1:1\n"));
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    assert_true(buf_add_text(&out, "# effective\n"));
    config_print(config, &out);
    assert_true(span_starts(buf_span(&out), "# effective\nlisten: \"127.0.0.1:1\"\n"));
    assert_non_null(strstr(buf_text(&out), "\nretry:\n  max_attempts: 5\n"));
    assert_non_null(strstr(buf_text(&out), "\ntimeouts:\n  connect: 2s\n  first_byte: 1m\n"));
    assert_non_null(strstr(buf_text(&out), "\ndrain:\n  seconds: 30\n"));
    assert_null(strstr(buf_text(&out), "tls:")); /* nothing of it was said */
    config_unref(config);
    buf_done(&out);
}

/* Calls back for every row, also those of inner tables. */
static void each_row(const struct setting_table *table, const char *text,
                     void (*check)(const struct setting *row, const char *text))
{
    for (const struct setting *row = table->rows; row->name; row++) {
        check(row, text);
        if (row->table)
            each_row(row->table, text, check);
    }
}

static void check_documented(const struct setting *row, const char *text)
{
    const char *help = row->help ? row->help : "";
    char name[64];

    if (row->kind == SETTING_LATER) {
        assert_null(row->help);
        return;
    }
    if (help[0] == 0 || strchr(help, '|'))
        fail_msg("%s has no help", row->name);
    (void)snprintf(name, sizeof(name), "| `%s` | ", row->name);
    if (!strstr(text, name) || !strstr(text, help))
        fail_msg("%s is not in the reference", row->name);
}

static void test_the_reference_names_every_setting(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    config_print_reference(&out);
    assert_false(out.overflowed);
    each_row(&settings, buf_text(&out), check_documented);
    assert_non_null(strstr(buf_text(&out), "| `OPENAI_API_KEY`"));
    assert_non_null(strstr(buf_text(&out), "| `TIMEOUT_SECONDS` | `timeouts.total` |"));
    assert_non_null(strstr(buf_text(&out), "- `providers.NAME.presets`\n"));
    buf_done(&out);
}

static const struct json *property(const struct json *schema, const char *name)
{
    return json_member(json_member(schema, "properties"), name);
}

static void check_schema(const struct json *schema, const struct setting_table *table)
{
    bool more = true;

    assert_true(json_read_bool(json_member(schema, "additionalProperties"), &more));
    assert_false(more);
    for (const struct setting *row = table->rows; row->name; row++) {
        const struct json *found = property(schema, row->name);

        if (row->kind == SETTING_LATER)
            assert_null(found);
        else
            assert_int_equal(json_kind(json_member(found, "description")), JSON_STRING);
        if (row->kind == SETTING_OBJECT)
            check_schema(found, row->table);
        else if (row->kind == SETTING_LIST && row->element == SETTING_OBJECT)
            check_schema(json_member(found, "items"), row->table);
        else if (row->kind == SETTING_MAP)
            check_schema(json_member(found, "additionalProperties"), row->table);
    }
}

static void test_the_schema_is_json_and_has_every_setting(void **state)
{
    struct json_doc *doc;
    struct buf out;

    (void)state;
    buf_init(&out, 1 << 20);
    config_print_schema(&out);
    assert_false(out.overflowed);
    assert_int_equal(json_parse(buf_span(&out), &doc), ERR_OK);
    check_schema(json_root(doc), &settings);
    json_free(doc);
    buf_done(&out);
}

/* ---- conf/sluice.yaml ---- */

static char *read_sample(void)
{
    FILE *file = fopen(TESTS_DIR "/../conf/sluice.yaml", "rb");
    char *text = calloc(1, 65536);
    size_t size;

    assert_non_null(file);
    assert_non_null(text);
    size = fread(text, 1, 65535, file);
    assert_true(size > 0 && size < 65535);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void check_sampled(const struct setting *row, const char *text)
{
    char name[64];

    (void)snprintf(name, sizeof(name), "%s:", row->name);
    if (row->kind != SETTING_LATER && !strstr(text, name))
        fail_msg("%s is not in conf/sluice.yaml", row->name);
}

static void test_the_sample_file_names_every_setting(void **state)
{
    char *text = read_sample();

    (void)state;
    each_row(&settings, text, check_sampled);
    free(text);
}

/* The part of the print that says nothing of keys, providers and models. */
static const char *general_part(struct config *config, struct buf *out)
{
    buf_init(out, 1 << 20);
    config_print(config, out);
    config_unref(config);
    return strstr(buf_text(out), "\nretry:\n");
}

static void test_the_sample_file_says_the_defaults(void **state)
{
    char *text = read_sample();
    struct buf sampled;
    struct buf standard;

    (void)state;
    assert_string_equal(general_part(read_config(span_from(text)), &sampled),
                        general_part(read_config((struct span){ 0 }), &standard));
    buf_done(&sampled);
    buf_done(&standard);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_printed_configuration_reads_back_to_the_same),
        cmocka_unit_test(test_secrets_are_never_printed),
        cmocka_unit_test(test_printing_adds_to_what_is_there),
        cmocka_unit_test(test_the_reference_names_every_setting),
        cmocka_unit_test(test_the_schema_is_json_and_has_every_setting),
        cmocka_unit_test(test_the_sample_file_names_every_setting),
        cmocka_unit_test(test_the_sample_file_says_the_defaults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
