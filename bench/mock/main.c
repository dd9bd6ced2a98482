/* sluice-mock: a fake provider of language models, for tests and for measurements. README.md says
 * what it can do, `sluice-mock --help` how to start it. */
#include "base/mem.h"
#include "mock.h"
#include "server.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_FINE = 0, EXIT_USAGE = 2, EXIT_BIND = 4 };

static void print_buf(struct buf *buf)
{
    (void)fwrite(buf_span(buf).at, 1, buf_size(buf), stdout);
    buf_done(buf);
}

static int print_faults(void)
{
    struct buf list;

    buf_init(&list, SIZE_MAX / 2);
    fault_write_list(&list);
    print_buf(&list);
    return EXIT_FINE;
}

static int print_help(void)
{
    struct buf knobs;

    printf(
        "usage: sluice-mock [--OPTION VALUE ...]\n\n"
        "  --listen HOST:PORT     127.0.0.1:9001; port 0: any that is free\n"
        "  --key KEY              answer 401 to all other keys\n"
        "  --name NAME            the system_fingerprint, to tell mocks apart\n"
        "  --files DIR            where model file:NAME finds its answers\n"
        "  --log FILE             one JSON line a request; - is stdout\n"
        "  --seed N               of --error-rate\n"
        "  --stamp                put the time of sending into each event: \"sent_ns\"\n"
        "  --list-faults          print the names for model fault:NAME\n\n"
        "and for each request (also as MODEL@NAME=VALUE,... and by POST /mock/control):\n\n");
    buf_init(&knobs, SIZE_MAX / 2);
    knobs_write_help(&knobs);
    print_buf(&knobs);
    printf("\nThe page to read is bench/mock/README.md.\n");
    return EXIT_FINE;
}

static bool read_address(struct span text, struct sockaddr_storage *ret)
{
    char host[256];
    uint64_t port;
    size_t colon = text.size;

    while (colon && text.at[colon - 1] != ':')
        colon--;
    if (!colon || colon > sizeof(host) || !span_u64(span_skip(text, colon), &port) ||
        port > UINT16_MAX)
        return false;
    memcpy(host, text.at, colon - 1);
    host[colon - 1] = '\0';
    return !uv_ip4_addr(host, (int)port, (struct sockaddr_in *)ret) ||
           !uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)ret);
}

static bool open_log(struct mock *mock, const char *path)
{
    mock->log = strcmp(path, "-") == 0 ? stdout : fopen(path, "a");
    return mock->log;
}

static bool read_seed(struct mock *mock, const char *text)
{
    uint64_t seed;

    if (!span_u64(span_from(text), &seed))
        return false;
    mock->random = seed * 2 + 1; /* never 0, where a xorshift stays for ever */
    return true;
}

/* One option with a value; false when there is no such option or its value is wrong. */
static bool read_option(struct mock *mock, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **place;
    } texts[] = {
        { "key", &mock->key },
        { "name", &mock->name },
        { "files", &mock->files },
    };

    if (strcmp(name, "listen") == 0)
        return read_address(span_from(value), &mock->address);
    if (strcmp(name, "log") == 0)
        return open_log(mock, value);
    if (strcmp(name, "seed") == 0)
        return read_seed(mock, value);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].place = value;
            return true;
        }
    return knobs_set(&mock->knobs, span_from(name), span_from(value));
}

static bool read_options(struct mock *mock, int count, char **options)
{
    for (int i = 1; i < count; i++) {
        if (strcmp(options[i], "--stamp") == 0) {
            mock->stamp = true;
            continue;
        }
        if (strncmp(options[i], "--", 2) != 0 || i + 1 == count ||
            !read_option(mock, options[i] + 2, options[i + 1])) {
            (void)fprintf(stderr, "sluice-mock: %s %s: no such option or value; see --help\n",
                          options[i], i + 1 < count ? options[i + 1] : "");
            return false;
        }
        i++;
    }
    return true;
}

static int serve(struct mock *mock)
{
    bool ipv6 = mock->address.ss_family == AF_INET6;
    uint16_t port;
    char host[64];

    server_init(mock);
    if (!server_listen(mock, &port)) {
        (void)fprintf(stderr, "sluice-mock: cannot listen there; is the port in use?\n");
        server_stop(mock);
        server_run(mock);
        return EXIT_BIND;
    }
    if (ipv6)
        uv_ip6_name((struct sockaddr_in6 *)&mock->address, host, sizeof(host));
    else
        uv_ip4_name((struct sockaddr_in *)&mock->address, host, sizeof(host));
    printf("sluice-mock listening on http://%s%s%s:%u\n", ipv6 ? "[" : "", host,
           ipv6 ? "]" : "", (unsigned)port);
    (void)fflush(stdout);
    server_run(mock);
    return EXIT_FINE;
}

int main(int argc, char **argv)
{
    struct mock *mock;
    int code = EXIT_USAGE;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return print_help();
    if (argc == 2 && strcmp(argv[1], "--list-faults") == 0)
        return print_faults();
    mem_setup();
    mock = mem_zero(sizeof(*mock));
    mock->name = "mock";
    (void)snprintf(mock->models, sizeof(mock->models), "%s",
                   "mock-large,mock-small,mock-cached,mock-reason");
    knobs_init(&mock->knobs);
    (void)read_seed(mock, "1");
    (void)read_address(SPAN_OF("127.0.0.1:9001"), &mock->address);
    if (read_options(mock, argc, argv))
        code = serve(mock);
    if (mock->log && mock->log != stdout)
        (void)fclose(mock->log);
    mem_free(mock);
    return code;
}
