/* Every wrong file is refused, with the place and what would be right. */
#include "base/limits.h"
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HASH "sha256:00000000000000000000000000000000000000000000000000000000000000aa"

/* A file that is fine, to add something wrong to. */
#define FINE                                                                                   \
    "providers:\n"                                                                             \
    "  a: { kind: openai, keys: [k] }\n"                                                       \
    "models:\n"                                                                                \
    "  m: { targets: [ { provider: a } ] }\n"

struct wrong {
    const char *text;
    const char *said; /* behind "f.yaml:" */
};

static void check(const struct wrong *wrong)
{
    struct config_report report;
    char line[512];

    config_report_init(&report);
    assert_null(config_from_text("f.yaml", span_from(wrong->text), NULL, &report));
    (void)snprintf(line, sizeof(line), "f.yaml:%s", wrong->said);
    if (!strstr(buf_text(&report.text), line) || report.errors != 1)
        fail_msg("text:\n%s\nexpected, alone: %s\nsaid: %s", wrong->text, line,
                 buf_text(&report.text));
    config_report_done(&report);
}

static void check_all(const struct wrong *wrong)
{
    for (; wrong->text; wrong++)
        check(wrong);
}

static void test_what_is_not_a_plain_document_is_refused(void **state)
{
    static const struct wrong rows[] = {
        { "log:\n\tlevel: info\n", "2:1: a tab stands here; YAML is indented with spaces" },
        { "log: {level: info\n", "2:1: this is not YAML: " },
        { "a: b: c\n", "1:5: this is not YAML: " },
        { "log: &x {level: info}\n", "1:6: anchors (&) and aliases (*) are not used here" },
        { "log: *x\n", "1:6: anchors (&) and aliases (*) are not used here" },
        { "listen: &x a:1\n", "1:9: anchors (&)" },
        { "admin: &x [a]\n", "1:8: anchors (&)" },
        { "listen: !!str a:1\n", "1:9: tags (!) are not used here" },
        { "log: {}\n---\nlog: {}\n", "2:1: a second document begins here" },
        { "? [a]\n: b\n", "1:3: a key is a plain text, not a list or map" },
        { "? {a: b}\n: b\n", "1:3: a key is a plain text" },
        { "- a\n", "1:1: is a list; write a map" },
        { "text\n", "1:1: is a single value; write a map" },
        { "listen: \"\xff\"\n", "1:10: this is not text in UTF-8" },
        { "log: {}\nlisten: a\001b\n", "2:10: this is not text in UTF-8" },
        { "listen: a:1\nlog: {}\nlisten: b:1\n",
          "3:1: listen: this key stands twice; remove one (the other is in line 1, column 1)" },
        { "log: { level: info, level: info }\n", "1:21: log.level: this key stands twice" },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

static void test_unknown_settings_are_refused_with_the_nearest_name(void **state)
{
    static const struct wrong rows[] = {
        { "modles: {}\n", "1:1: modles: there is no such setting; did you mean \"models\"?" },
        { "prov: {}\n", "1:1: prov: there is no such setting; did you mean \"providers\"?" },
        { "Listen: a:1\n", "1:1: Listen: there is no such setting; did you mean \"listen\"?" },
        { "\"a\\nb\": 1\n", "1:1: a?b: there is no such setting" },
        { "zzz: 1\n", "1:1: zzz: there is no such setting; conf/README.md lists those" },
        { "log:\n  colour: true\n", "2:3: log.colour: there is no such setting; conf/README" },
        { "providers:\n  a: { kind: openai, keys: [k], base: x }\n",
          "2:33: providers.a.base: there is no such setting; did you mean \"base_url\"?" },
        { "providers:\n  a: { kind: openai, keys: [k], timeouts: { keepalive: 1s } }\n",
          "2:45: providers.a.timeouts.keepalive: there is no such setting" },
        { FINE "  n: { targets: [ { provider: a, wieght: 1 } ] }\n",
          "5:34: models.n.targets[0].wieght: there is no such setting; did you mean "
          "\"weight\"?" },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

static void test_values_of_another_kind_are_refused(void **state)
{
    static const struct wrong rows[] = {
        { "log: { access: yes }\n",
          "1:16: log.access: \"yes\" is not true or false; write true" },
        { "log: { access: Off }\n",
          "1:16: log.access: \"Off\" is not true or false; write false" },
        { "log: { access: TRUE }\n", "1:16: log.access: \"TRUE\" is not true or false; write" },
        { "log: { access: maybe }\n",
          "1:16: log.access: \"maybe\" is not true or false; write true "
          "or false" },
        { "timeouts: { idle: 30 }\n",
          "1:19: timeouts.idle: \"30\" is not a duration; write one such as 30s" },
        { "timeouts: { idle: 1.5s }\n", "1:19: timeouts.idle: \"1.5s\" is not a duration" },
        { "timeouts: { idle: -1s }\n", "1:19: timeouts.idle: \"-1s\" is not a duration" },
        { "timeouts: { idle: 99999999999999999999h }\n", "1:19: timeouts.idle: " },
        { "timeouts: { total: 25h }\n",
          "1:20: timeouts.total: 25h is too much; write at most 24h" },
        { "limits: { body_bytes: 50MB }\n", "1:23: limits.body_bytes: \"50MB\" is not a size; "
                                            "write one such as 64KiB or 50MiB" },
        { "limits: { body_bytes: 2GiB }\n",
          "1:23: limits.body_bytes: 2GiB is too much; write at "
          "most 1GiB" },
        { "retry: { max_attempts: five }\n",
          "1:24: retry.max_attempts: \"five\" is not a whole number; write digits alone" },
        { "retry: { max_attempts: 0 }\n",
          "1:24: retry.max_attempts: 0 is too little; write at least 1" },
        { "retry: { max_attempts: 0x5 }\n", "1:24: retry.max_attempts: \"0x5\" is not" },
        { "retry: { max_attempts: 5.0 }\n", "1:24: retry.max_attempts: \"5.0\" is not" },
        { "retry: { max_attempts: [5] }\n",
          "1:24: retry.max_attempts: is a list; write a single "
          "value" },
        { "retry: { budget: 20% }\n",
          "1:18: retry.budget: \"20%\" is not a share; write one such as 0.2" },
        { "retry: { budget: 10.01 }\n",
          "1:18: retry.budget: 10.01 is too much; write at most 10" },
        { "retry: { retryable_errors: [timeout, timeout] }\n",
          "1:38: retry.retryable_errors[1]: stands twice; remove one" },
        { "retry: { retryable_errors: [rate_limit] }\n",
          "1:29: retry.retryable_errors[0]: \"rate_limit\" is not one of rate_limit_error, "
          "server_error, timeout, connection_error" },
        { "retry: 5\n", "1:8: retry: is a single value; write a map" },
        { "retry:\n", "1:7: retry: has no value; remove it, or write a map" },
        { "client_keys: {}\n", "1:14: client_keys: is a map; write a list" },
        { "listen:\n", "1:8: listen: has no value; remove it, or give it one" },
        { "listen: 8080\n", "1:9: listen: \"8080\" is not an address to listen on; write "
                            "HOST:PORT, such as 127.0.0.1:8080" },
        { "listen: a:70000\n", "1:9: listen: \"a:70000\" is not an address" },
        { "listen: \":8080\"\n", "1:9: listen: \":8080\" is not an address" },
        { "listen: \"::1:8080\"\n", "1:9: listen: \"::1:8080\" is not an address" },
        { "environment: a/b\n", "1:14: environment: \"a/b\" is not a short name" },
        { "log: { level: inof }\n",
          "1:15: log.level: \"inof\" is not one of debug, info, warn, "
          "error, off; did you mean \"info\"?" },
        { "log: { level: loud }\n",
          "1:15: log.level: \"loud\" is not one of debug, info, warn, "
          "error, off; write one of them" },
        { "workers: 2\n",
          "1:10: workers: this build does not implement other values than 1 yet" },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

static void test_variables_and_files_that_are_not_there_are_errors(void **state)
{
    static const struct wrong rows[] = {
        { "environment: ${SLUICE_TEST_UNSET}\n", "1:14: environment: the environment variable "
                                                 "SLUICE_TEST_UNSET is not set; set it, or "
                                                 "write ${SLUICE_TEST_UNSET:-default}" },
        { "environment: a$b\n", "1:14: environment: a $ stands alone; write $$ for a dollar" },
        { "environment: a${b\n", "1:14: environment: a $ stands alone" },
        { "environment: \"${}\"\n", "1:14: environment: \"${}\" names no variable" },
        { "environment: \"${1A}\"\n", "1:14: environment: \"${1A}\" names no variable" },
        { "environment: file:/no/such/file\n",
          "1:14: environment: cannot read the file \"/no/such/file\": No such file" },
        { "environment: file:secret\n",
          "1:14: environment: a file is named by its whole path" },
        { "environment: file:/dev/zero\n", "1:14: environment: longer than 16384 bytes" },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

static void test_wrong_providers_are_refused(void **state)
{
    static const struct wrong rows[] = {
        { "providers: { a: openai }\n", "1:17: providers.a: is a single value; write a map" },
        { "providers: { a: {} }\n", "1:17: providers.a: kind is missing; write openai for" },
        { "providers: { a: { kind: opnai } }\n", "1:25: providers.a.kind: \"opnai\" is not a "
                                                 "kind of provider; did you mean \"openai\"?" },
        { "providers: { a: { kind: foo } }\n",
          "1:25: providers.a.kind: \"foo\" is not a kind" },
        { "providers: { a: { kind: vllm } }\n",
          "1:17: providers.a: base_url is missing; say where it is" },
        { "providers: { a/b: { kind: openai, keys: [k] } }\n",
          "1:14: providers.a/b: \"a/b\" is not a short name" },
        { "providers: { \"\": { kind: openai, keys: [k] } }\n",
          "1:14: providers.: the name is" },
        { "providers: { a: { kind: openai, keys: [k], health: { path: models } } }\n",
          "1:60: providers.a.health.path: begins with a slash, such as /models" },
        { "providers: { a: { kind: openai, keys: [k], health: { timeout: 1ms } } }\n",
          "1:63: providers.a.health.timeout: " },
        { "health: { window: 0 }\n", "1:19: health.window: " },
        { "providers: { a: { kind: openai, keys: [k], api_version: 2024-10-21 } }\n",
          "1:57: providers.a.api_version: a provider of kind openai has none; remove it" },
        { "providers: { a: { kind: azure, base_url: https://x, keys: [k], api_version: 2024 } "
          "}\n",
          "1:77: providers.a.api_version: \"2024\" is no version; write a date such as "
          "2024-10-21" },
        { "providers: { a: { kind: azure, keys: [k] } }\n",
          "1:17: providers.a: base_url is missing" },
        { "providers: { a: { kind: openai, base_url: api.x.com } }\n",
          "1:43: providers.a.base_url: is not the address of an upstream; write http://" },
        { "providers: { a: { kind: openai, base_url: \"ftp://x\" } }\n",
          "1:43: providers.a.base" },
        { "providers: { a: { kind: openai, base_url: \"http://u:p@x\" } }\n",
          "1:43: providers.a" },
        { "providers: { a: { kind: openai, base_url: \"http://x?k=v\" } }\n",
          "1:43: providers.a" },
        { "providers: { a: { kind: openai, base_url: \"http://x/#a\" } }\n",
          "1:43: providers.a" },
        { "providers: { a: { kind: openai, base_url: \"http://\" } }\n",
          "1:43: providers.a.base" },
        { "providers: { a: { kind: openai, base_url: \"http://x:0\" } }\n",
          "1:43: providers.a" },
        { "providers: { a: { kind: openai, base_url: \"http://x:\" } }\n",
          "1:43: providers.a" },
        { "providers: { a: { kind: openai, base_url: \"http://a b\" } }\n",
          "1:43: providers.a" },
        { "providers: { a: { kind: openai, keys: [k], proxy: socks5 } }\n",
          "1:51: providers.a.proxy: is not the address of a proxy" },
        { "providers: { a: { kind: openai, keys: [\"a b\"] } }\n",
          "1:40: providers.a.keys[0]: a key is one word of visible ASCII" },
        { "providers: { a: { kind: openai, keys: k } }\n",
          "1:39: providers.a.keys: is a single value; write a list" },
        { "providers: { a: { kind: demo, keys: [k] } }\n",
          "1:37: providers.a.keys: a provider of kind demo takes no keys; remove them" },
        { "providers: { a: { kind: openai, keys: [k], engine: fast } }\n",
          "1:52: providers.a.engine: \"fast\" is not one of auto, direct, transfer" },
        { "providers: { a: { kind: openai, keys: [k], engine: direct, http2: true } }\n",
          "1:52: providers.a.engine: direct speaks HTTP/1.1 only; write transfer, or http2" },
        { "providers: { a: { kind: openai, keys: [k], ca_file: /no/such/file } }\n",
          "1:53: providers.a.ca_file: cannot read the file \"/no/such/file\": No such file" },
        { "providers: { a: { kind: openai, keys: [k], headers: { Host: x } } }\n",
          "1:55: providers.a.headers.Host: this header is the gateway's own; remove it" },
        { "providers: { a: { kind: openai, keys: [k], headers: { x-api-key: x } } }\n",
          "1:55: providers.a.headers.x-api-key: this header is the gateway's own; remove it "
          "(keys" },
        { "providers: { a: { kind: openai, keys: [k], headers: { \"a b\": x } } }\n",
          "1:55: providers.a.headers.a b: \"a b\" is not the name of a header" },
        { "providers: { a: { kind: openai, keys: [k], headers: { A: x, a: y } } }\n",
          "1:61: providers.a.headers.a: this header stands twice; remove one" },
        { "providers: { a: { kind: openai, keys: [k], headers: { A: \"x\\ny\" } } }\n",
          "1:58: providers.a.headers.A: \"x?y\" is not one line of text" },
        { "providers: { a: { kind: openai, keys: [k], headers: { A: \"x\\0y\" } } }\n",
          "1:58: providers.a.headers.A: " },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

#define US   "{ name: us, base_url: \"http://us/v1\" }"
#define NONE "{ name: us, base_url: \"http://us/v1\", weight: 0 }"
#define OUT  "{ name: us, base_url: \"http://us/v1\", enabled: false }"

static void test_wrong_regions_are_refused(void **state)
{
    static const struct wrong rows[] = {
        { "providers:\n  a:\n    kind: vllm\n    regions: []\n",
          "4:14: providers.a.regions: has 0 items; write from 1 to 32" },
        { "providers:\n  a:\n    kind: vllm\n    regions: { us: x }\n",
          "4:14: providers.a.regions: is a map; write a list" },
        { "providers:\n  a:\n    kind: vllm\n    regions:\n      - { name: us }\n",
          "5:9: providers.a.regions[0]: base_url is missing; add it. Where the provider is" },
        { "providers:\n  a:\n    kind: vllm\n    regions:\n      - " US
          "\n      - { base_url: \"http://x\" }\n",
          "6:9: providers.a.regions[1]: name is missing; add it." },
        { "providers:\n  a:\n    kind: vllm\n    regions:\n      - { name: us, base_url: x }\n",
          "5:31: providers.a.regions[0].base_url: is not the address of an upstream" },
        { "providers:\n  a:\n    kind: vllm\n    regions:\n      - { name: a@b, base_url: "
          "\"http://x\" }\n",
          "5:17: providers.a.regions[0].name: \"a@b\" is not a short name" },
        { "providers:\n  a:\n    kind: vllm\n    regions:\n      - " US "\n      - " OUT "\n",
          "6:9: providers.a.regions[1]: another region of this provider is called \"us\", "
          "line 5; give it a name of its own" },
        { "providers:\n  a:\n    kind: vllm\n    regions:\n      - " NONE "\n",
          "5:7: providers.a.regions: every region in use has weight 0, so none would be used" },
        { "providers:\n  a:\n    kind: vllm\n    regions:\n      - " OUT "\n",
          "5:7: providers.a.regions: no region is enabled, so the provider would be nowhere" },
        { "providers:\n  a:\n    kind: vllm\n    base_url: \"http://x/v1\"\n    regions: [ " US
          " ]\n",
          "4:15: providers.a.base_url: each of the regions has a base_url; remove this one" },
        { "providers:\n  a:\n    kind: demo\n    regions: [ " US " ]\n",
          "4:14: providers.a.regions: a provider of kind demo has none; remove them" },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

/* 33 targets with two regions each are more than a plan can hold. */
static void test_targets_are_counted_in_all_regions(void **state)
{
    char text[4096] = "providers: { a: { kind: vllm, regions: [ " US
                      ", { name: eu, base_url: \"http://eu/v1\" } ] } }\n"
                      "models:\n  m:\n    targets:\n";
    const struct wrong wrong = {
        text, "5:7: models.m.targets: with their regions these are 66 targets; write at most 64"
    };
    size_t size = strlen(text);

    (void)state;
    for (int i = 0; i < 33; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size,
                                 "      - { name: t%d, provider: a }\n", i);
    check(&wrong);
}

static void test_wrong_models_are_refused(void **state)
{
    static const struct wrong rows[] = {
        { FINE "  n: {}\n", "5:6: models.n: targets is missing; add it" },
        { FINE "  n: { targets: [] }\n",
          "5:17: models.n.targets: has 0 items; write from 1 to" },
        { FINE "  n: { targets: [ {} ] }\n", "5:19: models.n.targets[0]: provider is missing" },
        { FINE "  n: { targets: [ a ] }\n",
          "5:19: models.n.targets[0]: is a single value; write" },
        { FINE "  \"a b\": { targets: [ { provider: a } ] }\n",
          "5:3: models.a b: \"a b\" is not a name; write at most 256 visible ASCII" },
        { FINE "  n: { targets: [ { provider: aa } ] }\n",
          "5:31: models.n.targets[0].provider: there is no provider \"aa\"; name one of" },
        { FINE "  n: { targets: [ { provider: bcd } ] }\n",
          "5:31: models.n.targets[0].provider: there is no provider \"bcd\"; name one of" },
        { FINE "  n: { targets: [ { provider: a }, { provider: a } ] }\n",
          "5:36: models.n.targets[1]: another target of this model is called \"a\", line 5" },
        { FINE "  n: { targets: [ { provider: a, weight: 0 }, { provider: a, name: b, weight: "
               "0 } ] }\n",
          "5:17: models.n.targets: every target has weight 0" },
        { FINE "  n: { targets: [ { provider: a, enabled: false } ] }\n",
          "5:17: models.n.targets: every target has weight 0 or is disabled" },
        { FINE "  \"a*b\": { targets: [ { provider: a } ] }\n",
          "5:3: models.a*b: \"a*b\" has a star that is not its end; one star is" },
        { FINE "  \"a**\": { targets: [ { provider: a } ] }\n",
          "5:3: models.a**: \"a**\" has a star that is not its end; one star is" },
        { FINE "  n: { targets: [ { provider: a } ], aliases: [x, \"*y\"] }\n",
          "5:51: models.n.aliases[1]: \"*y\" has a star that is not its end; one star" },
        { FINE "  n: { targets: [ { provider: a, model: \"x*\" } ] }\n",
          "5:41: models.n.targets[0].model: the name n has no star that the one of \"x*\"" },
        { FINE "  \"n*\": { targets: [ { provider: a, model: \"*x*\" } ] }\n",
          "5:44: models.n*.targets[0].model: \"*x*\" has more than one star; write one" },
        { FINE "  \"n*\": { targets: [ { provider: a } ], aliases: [x] }\n",
          "5:51: models.n*.aliases[0]: \"x\" has no star, so nothing says what that of" },
        { FINE "  \"n*\": { targets: [ { provider: a } ], aliases: [\"x*\"] }\n",
          "5:51: models.n*.aliases[0]: a target that says no `model` would make \"n*\" of it" },
        { FINE "  \"n*\": { targets: [ { provider: a } ] }\nfallback_model: \"n*\"\n",
          "6:17: fallback_model: \"n*\" stands for many models; list the one that is meant" },
        { FINE "  n: { targets: [ { provider: a } ], fallbacks: [\"o/*\"] }\n"
               "  \"o/*\": { targets: [ { provider: a } ] }\n",
          "5:50: models.n.fallbacks[0]: \"o/*\" stands for many models; list the one" },
        { FINE "  n: { targets: [ { provider: a, priority: 0 } ] }\n",
          "5:44: models.n.targets[0].priority: 0 is too little; write at least 1" },
        { FINE "  n: { targets: [ { provider: a } ], aliases: [m] }\n",
          "5:48: models.n.aliases[0]: \"m\" is already a name of the model m, line 4" },
        { FINE "  n: { targets: [ { provider: a } ], aliases: [x, x] }\n",
          "5:51: models.n.aliases[1]: \"x\" stands twice; remove one" },
        { FINE "  n: { targets: [ { provider: a } ], aliases: [n] }\n",
          "5:48: models.n.aliases[0]: \"n\" stands twice" },
        { FINE "  n: { targets: [ { provider: a } ], aliases: x }\n",
          "5:47: models.n.aliases: is a single value; write a list" },
        { FINE "  n: { targets: [ { provider: a } ], fallbacks: [n] }\n",
          "5:50: models.n.fallbacks[0]: a model cannot stand in for itself" },
        { FINE "  n: { targets: [ { provider: a } ], fallbacks: [o] }\n"
               "  o: { targets: [ { provider: a } ], fallbacks: [m, p] }\n"
               "  p: { targets: [ { provider: a } ], fallbacks: [n] }\n",
          "7:50: models.p.fallbacks[0]: the fallbacks go round in a circle: n -> o -> p -> n; "
          "remove one of them" },
        { FINE "  n: { targets: [ { provider: a } ], fallbacks: [m, m] }\n",
          "5:53: models.n.fallbacks[1]: \"m\" stands twice; remove one" },
        { FINE "  n: { targets: [ { provider: a } ], fallbacks: [nope] }\n",
          "5:50: models.n.fallbacks[0]: there is no model \"nope\"; list it under models" },
        { FINE "  n: { targets: [ { provider: a } ], fallback_on: { timeout: [n] } }\n",
          "5:63: models.n.fallback_on.timeout[0]: a model cannot stand in for itself" },
        { FINE "  n: { targets: [ { provider: a } ], fallback_on: { timeout: [m, m] } }\n",
          "5:66: models.n.fallback_on.timeout[1]: \"m\" stands twice; remove one" },
        { FINE "  n: { targets: [ { provider: a } ], fallback_on: { timeout: [mm] } }\n",
          "5:63: models.n.fallback_on.timeout[0]: there is no model \"mm\"; list it under "
          "models" },
        { FINE "  n: { targets: [ { provider: a } ], hedge: { budget: 0.1 } }\n",
          "5:45: models.n.hedge: after is missing; add it." },
        { FINE "  n: { targets: [ { provider: a } ], hedge: { after: p100 } }\n",
          "5:54: models.n.hedge.after: \"p100\" is not a percentile or a delay; write one of "
          "p50 to p99, or a duration from 1ms to 10m" },
        { FINE "  n: { targets: [ { provider: a } ], hedge: { after: p95, budget: 0 } }\n",
          "5:67: models.n.hedge.budget: 0 is too little; write at least 0.000001" },
        { FINE "  n: { targets: [ { provider: a } ], hedge: { after: p95, budget: 1.5 } }\n",
          "5:67: models.n.hedge.budget: 1.5 is too much; write at most 1" },
        { FINE "  n: { targets: [ { provider: a } ], fallback_on: { time_out: [m] } }\n",
          "5:53: models.n.fallback_on.time_out: there is no such setting; did you mean "
          "\"timeout\"?" },
        { FINE "  n: { tasks: { standard: m }, targets: [ { provider: a } ] }\n",
          "5:32: models.n.targets: a model with tasks has none of its own" },
        { FINE "  n: { tasks: { standard: m }, fallbacks: [m] }\n",
          "5:32: models.n.fallbacks: a model with tasks has none of its own" },
        { FINE "  n: { tasks: { standard: m }, balance: weighted }\n",
          "5:32: models.n.balance: a model with tasks has none of its own" },
        { FINE "  n: { tasks: { standard: m }, sticky: none }\n",
          "5:32: models.n.sticky: a model with tasks has none of its own" },
        { FINE "  n: { targets: [ { provider: a } ], balance: least_latent }\n",
          "5:47: models.n.balance: \"least_latent\" is not one of weighted, least_latency, "
          "least_busy, least_cost; did you mean \"least_latency\"?" },
        { FINE "  n: { targets: [ { provider: a } ], sticky: yes }\n",
          "5:46: models.n.sticky: \"yes\" is not one of none, key, user, session" },
        { FINE "  n: { balance: least_cost, targets: [ { provider: a, cost_per_mtok: 1 },\n"
               "       { name: b, provider: a } ] }\n",
          "6:8: models.n.targets: has no price, which balance: least_cost needs; give it or "
          "its "
          "model cost_per_mtok" },
        { FINE "  n: { tasks: { standard: m }, requests_per_minute: 5 }\n",
          "5:32: models.n.requests_per_minute: a model with tasks has none of its own" },
        { FINE "rate_limiting: { requests_per_minute: 1000000001 }\n",
          "5:39: rate_limiting.requests_per_minute: 1000000001 is too much; write at most "
          "1000000000" },
        { FINE "  n: { tasks: { standard: m, simple: nope } }\n",
          "5:38: models.n.tasks.simple: there is no model \"nope\"" },
        { FINE "  n: { tasks: { simple: m } }\n",
          "5:15: models.n.tasks: the default task, standard, is not among the tasks" },
        { FINE "  n: { tasks: { standard: m }, default_task: simple }\n",
          "5:46: models.n.default_task: the default task, simple, is not among the tasks" },
        { FINE "  n: { tasks: { standard: m }, default_task: hard }\n",
          "5:46: models.n.default_task: \"hard\" is not one of simple, standard, advanced" },
        { FINE "  n: { targets: [ { provider: a } ], default_task: simple }\n",
          "5:38: models.n.default_task: there are no tasks; remove it" },
        { FINE "  n: { tasks: { standard: n } }\n",
          "5:27: models.n.tasks.standard: \"n\" is a virtual model, too" },
        { FINE "  n: { tasks: { standard: m } }\nfallback_model: n\n",
          "6:17: fallback_model: \"n\" is a virtual model; name one that has targets" },
        { FINE "  n: { tasks: { standard: m } }\n"
               "  o: { targets: [ { provider: a } ], fallbacks: [n] }\n",
          "6:50: models.o.fallbacks[0]: \"n\" is a virtual model; name one" },
        { FINE "  n: {}\n", "5:6: models.n: targets is missing; add it, or tasks" },
        { FINE "  n: { targets: [ { provider: a } ], cost_per_mtok: 1,5 }\n",
          "5:55: models.n.5: there is no such setting" },
        { FINE "  n: { targets: [ { provider: a } ], cost_per_mtok: 0.0000001 }\n",
          "5:53: models.n.cost_per_mtok: \"0.0000001\" is not an amount of dollars" },
        { FINE "  n: { targets: [ { provider: a } ], cost_per_mtok: 1e3 }\n",
          "5:53: models.n.cost_per_mtok: \"1e3\" is not an amount of dollars" },
        { FINE "  n: { targets: [ { provider: a } ], cost_per_mtok: [1, 2] }\n",
          "5:53: models.n.cost_per_mtok: is a list; write a single value" },
        { FINE "  n: { targets: [ { provider: a } ], description: \"a\\nb\" }\n",
          "5:51: models.n.description: \"a?b\" is not one line of text" },
        { FINE "default_model: mm\n",
          "5:16: default_model: there is no model \"mm\"; list it" },
        { FINE "fallback_model: nope\n", "5:17: fallback_model: there is no model \"nope\"" },
        { FINE "default_provider: openai\n", "5:19: default_provider: there is no provider "
                                             "\"openai\"; name one of providers" },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

static void test_wrong_client_keys_are_refused_without_showing_them(void **state)
{
    static const struct wrong rows[] = {
        { "client_keys: [ { hash: \"" HASH "\" } ]\n",
          "1:16: client_keys[0]: name is missing" },
        { "client_keys: [ { name: a } ]\n", "1:16: client_keys[0]: hash is missing" },
        { "client_keys: [ { name: a, hash: \"${SLUICE_TEST_UNSET:-}\" } ]\n",
          "1:16: client_keys[0]: hash is missing" },
        { "client_keys: [ { name: a, hash: sk-plain } ]\n",
          "1:33: client_keys[0].hash: is not a hash; write sha256: and 64 lower-case hex "
          "digits" },
        { "client_keys: [ { name: a b, hash: \"" HASH "\" } ]\n",
          "1:24: client_keys[0].name: \"a b\" is not a short name" },
        { "client_keys: [ { name: a, hash: \"" HASH "\", expires: 2027-02-29 } ]\n",
          "1:117: client_keys[0].expires: \"2027-02-29\" is not a date; write one such as" },
        { "client_keys:\n- { name: a, hash: \"" HASH "\" }\n- { name: b, hash: \"" HASH
          "\" }\n",
          "3:3: client_keys: \"b\" is the same key as \"a\"; remove one" },
        { "client_keys:\n- { name: a, hash: \"" HASH "\" }\n- { name: a, hash: \"sha256:"
          "00000000000000000000000000000000000000000000000000000000000000bb\" }\n",
          "3:3: client_keys: a second key is called \"a\", like that of line 2; rename one" },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

static void test_what_no_single_setting_can_know(void **state)
{
    static const struct wrong rows[] = {
        { "listen: 127.0.0.1:1\nadmin:\n  listen: 127.0.0.1:1\n",
          "3:11: admin.listen: is the main listener's address" },
        { "tls: { certificate: /dev/null }\n",
          "1:6: tls: key is missing; TLS needs certificate" },
        { "tls: { key: /dev/null }\n", "1:6: tls: certificate is missing; TLS needs" },
        { "tls: { client_ca: /dev/null }\n", "1:6: tls: certificate is missing" },
        { "tls: { certificate: /no/such, key: /dev/null }\n",
          "1:21: tls.certificate: cannot read the file \"/no/such\"" },
        { "retry: { initial_delay_ms: 5, max_delay_ms: 4 }\n",
          "1:8: retry: max_delay_ms 4 is less than initial_delay_ms 5" },
        { NULL, NULL },
    };

    (void)state;
    check_all(rows);
}

/* ---- all at once, and how much ---- */

static struct config_report report_of(const char *text, size_t size)
{
    struct config_report report;

    config_report_init(&report);
    assert_null(config_from_text("f.yaml", span_make(text, size), NULL, &report));
    return report;
}

static void test_all_errors_are_said_at_once(void **state)
{
    static const char text[] = "listen: 1\nlog: { level: x, level: y }\nmodles: {}\n"
                               "default_model: m\nsplit: {}\n";
    struct config_report report = report_of(text, strlen(text));

    (void)state;
    assert_int_equal(report.errors, 6);
    assert_non_null(strstr(buf_text(&report.text), "f.yaml:1:9: listen: "));
    assert_non_null(strstr(buf_text(&report.text), "f.yaml:2:18: log.level: this key stands"));
    assert_non_null(strstr(buf_text(&report.text), "f.yaml:2:15: log.level: \"x\" is not"));
    assert_non_null(strstr(buf_text(&report.text), "f.yaml:3:1: modles: "));
    assert_non_null(strstr(buf_text(&report.text), "f.yaml:4:16: default_model: "));
    assert_non_null(strstr(buf_text(&report.text), "f.yaml:5:1: split: "));
    config_report_done(&report);
}

static void test_beyond_the_limit_errors_are_counted(void **state)
{
    struct config_report report;
    struct buf text;
    size_t lines = 0;

    (void)state;
    buf_init(&text, 4096);
    for (unsigned i = 0; i < LIMIT_CONFIG_ERRORS + 3; i++)
        assert_true(buf_printf(&text, "wrong%u: 1\n", i));
    report = report_of(text.bytes, buf_size(&text));
    assert_int_equal(report.errors, LIMIT_CONFIG_ERRORS + 3);
    assert_non_null(strstr(buf_text(&report.text), "f.yaml: and 3 more errors\n"));
    for (const char *c = buf_text(&report.text); *c; c++)
        lines += *c == '\n' && c[1] != 0;
    assert_true(lines <= LIMIT_CONFIG_ERRORS + 2); /* and the warnings */
    config_report_done(&report);
    buf_done(&text);
}

static void test_a_file_that_is_too_long_or_too_deep_is_refused(void **state)
{
    size_t size = LIMIT_CONFIG_BYTES + 1;
    char *text = malloc(size);
    struct config_report report;

    (void)state;
    assert_non_null(text);
    memset(text, '#', size);
    report = report_of(text, size);
    assert_string_equal(buf_text(&report.text), "f.yaml: longer than 4194304 bytes\n");
    config_report_done(&report);
    memset(text, '[', LIMIT_CONFIG_DEPTH + 1);
    report = report_of(text, LIMIT_CONFIG_DEPTH + 1);
    assert_string_equal(buf_text(&report.text),
                        "f.yaml:1:33: this is nested too deeply; no setting is\n");
    config_report_done(&report);
    free(text);
}

static void test_a_list_that_is_too_long_is_refused(void **state)
{
    struct config_report report;
    struct buf text;

    (void)state;
    buf_init(&text, 65536);
    assert_true(buf_add_text(&text, "admin: { keys: ["));
    for (int i = 0; i < 65; i++)
        assert_true(buf_add_text(&text, "key,"));
    assert_true(buf_add_text(&text, "] }\n"));
    report = report_of(text.bytes, buf_size(&text));
    assert_non_null(strstr(buf_text(&report.text),
                           "f.yaml:1:16: admin.keys: has 65 items; write from 0 to 64"));
    config_report_done(&report);
    buf_done(&text);
}

/* Where somebody put a key into the wrong place, it does not go to the log. */
static void test_keys_never_stand_in_messages(void **state)
{
    static const char *const texts[] = {
        "client_keys: [ { name: a, hash: sk-live-1234 } ]\n",
        "providers: { a: { kind: openai, keys: [\"sk-live-1234 \"] } }\n",
        "providers: { a: { kind: openai, base_url: \"http://sk-live-1234@x\" } }\n",
        "providers: { a: { kind: openai, keys: [k], proxy: \"sk-live-1234@x\" } }\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config_report report = report_of(texts[i], strlen(texts[i]));

        assert_null(strstr(buf_text(&report.text), "sk-live"));
        config_report_done(&report);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_a_plain_document_is_refused),
        cmocka_unit_test(test_unknown_settings_are_refused_with_the_nearest_name),
        cmocka_unit_test(test_values_of_another_kind_are_refused),
        cmocka_unit_test(test_variables_and_files_that_are_not_there_are_errors),
        cmocka_unit_test(test_wrong_providers_are_refused),
        cmocka_unit_test(test_wrong_regions_are_refused),
        cmocka_unit_test(test_targets_are_counted_in_all_regions),
        cmocka_unit_test(test_wrong_models_are_refused),
        cmocka_unit_test(test_wrong_client_keys_are_refused_without_showing_them),
        cmocka_unit_test(test_what_no_single_setting_can_know),
        cmocka_unit_test(test_all_errors_are_said_at_once),
        cmocka_unit_test(test_beyond_the_limit_errors_are_counted),
        cmocka_unit_test(test_a_file_that_is_too_long_or_too_deep_is_refused),
        cmocka_unit_test(test_a_list_that_is_too_long_is_refused),
        cmocka_unit_test(test_keys_never_stand_in_messages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
