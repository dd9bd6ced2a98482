/* TLS between an mbedTLS client and the server, over real sockets; certificates are made by the
 * openssl program when the tests begin. Fault 76. */
#include "base/limits.h"
#include "net/http.h"
#include "net/tls.h"
#include "web.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define GET    "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nGET /\n"

static char folder[] = "/tmp/sluice-test-tls-XXXXXX";
static mbedtls_ctr_drbg_context random_source;
static mbedtls_entropy_context entropy;

/* ---- certificates ---- */

static void run(const char *command)
{
    char line[512];

    (void)snprintf(line, sizeof(line), "cd %s && (%s) >log 2>&1", folder, command);
    if (system(line) != 0)
        fail_msg("%s", line);
}

static const char *path(const char *name, char *text, size_t size)
{
    (void)snprintf(text, size, "%s/%s", folder, name);
    return text;
}

/* old.crt, of one.key: the openssl program does not make certificates that have ended. */
static void make_old_certificate(void)
{
    unsigned char serial = 1;
    char file[128];
    char pem[2048];
    mbedtls_x509write_cert writer;
    mbedtls_pk_context key;
    FILE *out;

    mbedtls_pk_init(&key);
    assert_int_equal(mbedtls_pk_parse_keyfile(&key, path("one.key", file, sizeof(file)), NULL,
                                              mbedtls_ctr_drbg_random, &random_source),
                     0);
    mbedtls_x509write_crt_init(&writer);
    mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&writer, &key);
    mbedtls_x509write_crt_set_issuer_key(&writer, &key);
    (void)mbedtls_x509write_crt_set_subject_name(&writer, "CN=old");
    (void)mbedtls_x509write_crt_set_issuer_name(&writer, "CN=old");
    (void)mbedtls_x509write_crt_set_serial_raw(&writer, &serial, 1);
    (void)mbedtls_x509write_crt_set_validity(&writer, "20200101000000", "20210203000000");
    assert_int_equal(mbedtls_x509write_crt_pem(&writer, (unsigned char *)pem, sizeof(pem),
                                               mbedtls_ctr_drbg_random, &random_source),
                     0);
    mbedtls_x509write_crt_free(&writer);
    mbedtls_pk_free(&key);
    out = fopen(path("old.crt", file, sizeof(file)), "w");
    assert_non_null(out);
    (void)fputs(pem, out);
    assert_int_equal(fclose(out), 0);
}

static int make_certificates(void **state)
{
#define EC "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
    (void)state;
    assert_non_null(mkdtemp(folder));
    run("openssl req -x509 " EC "-keyout one.key -out one.crt -days 30 -subj /CN=one");
    run("openssl req -x509 " EC "-keyout two.key -out two.crt -days 30 -subj /CN=two");
    run("openssl req -x509 -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.crt -days 30 -subj "
        "/CN=rsa");
    run("openssl req -x509 " EC "-keyout ca.key -out ca.crt -days 30 -subj /CN=ca");
    run("openssl req -new " EC "-keyout client.key -out client.csr -subj /CN=client");
    run("openssl x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 "
        "-out client.crt");
    run("echo nonsense >bad.crt");
    assert_int_equal(psa_crypto_init(), PSA_SUCCESS);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random_source);
    assert_int_equal(
        mbedtls_ctr_drbg_seed(&random_source, mbedtls_entropy_func, &entropy, NULL, 0), 0);
    make_old_certificate();
    return 0;
}

static int remove_certificates(void **state)
{
    char line[128];

    (void)state;
    mbedtls_ctr_drbg_free(&random_source);
    mbedtls_entropy_free(&entropy);
    mbedtls_psa_crypto_free();
    (void)snprintf(line, sizeof(line), "rm -r %s", folder);
    return system(line);
}

/* NULL with a sentence when it cannot be used. `client_ca` may be NULL. */
static struct tls *load(const char *certificate, const char *key, const char *client_ca,
                        char *ret_error)
{
    char paths[3][128];

    return tls_new(path(certificate, paths[0], 128), path(key, paths[1], 128),
                   client_ca ? path(client_ca, paths[2], 128) : NULL, ret_error);
}

/* ---- the client ---- */

struct tls_client {
    struct client raw;
    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    mbedtls_x509_crt certificate;
    mbedtls_pk_context key;
    size_t received; /* cipher text */
    bool drips;      /* sends byte by byte */
};

static int on_send(void *opaque, const unsigned char *bytes, size_t size)
{
    struct tls_client *client = opaque;
    size_t step = client->drips ? 1 : size;

    for (size_t at = 0; at < size; at += step) {
        client_send(&client->raw, span_make((const char *)bytes + at, step));
        if (client->drips)
            web_turn(client->raw.web);
    }
    return (int)size;
}

static int on_receive(void *opaque, unsigned char *into, size_t size)
{
    struct tls_client *client = opaque;
    struct buf *in = &client->raw.in;

    if (buf_size(in) == 0)
        return client->raw.ended ? 0 : MBEDTLS_ERR_SSL_WANT_READ;
    if (size > buf_size(in))
        size = buf_size(in);
    memcpy(into, buf_span(in).at, size);
    buf_consume(in, size);
    client->received += size;
    return (int)size;
}

static void tls_client_open(struct tls_client *client, struct web *web,
                            mbedtls_ssl_protocol_version version)
{
    memset(client, 0, sizeof(*client));
    client_open(&client->raw, web);
    mbedtls_x509_crt_init(&client->certificate);
    mbedtls_pk_init(&client->key);
    mbedtls_ssl_init(&client->ssl);
    mbedtls_ssl_config_init(&client->config);
    assert_int_equal(mbedtls_ssl_config_defaults(&client->config, MBEDTLS_SSL_IS_CLIENT,
                                                 MBEDTLS_SSL_TRANSPORT_STREAM,
                                                 MBEDTLS_SSL_PRESET_DEFAULT),
                     0);
    mbedtls_ssl_conf_authmode(&client->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&client->config, mbedtls_ctr_drbg_random, &random_source);
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &client->config, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    mbedtls_ssl_conf_min_tls_version(&client->config, version);
    mbedtls_ssl_conf_max_tls_version(&client->config, version);
}

static void tls_client_show(struct tls_client *client, const char *certificate, const char *key)
{
    char text[128];

    assert_int_equal(mbedtls_x509_crt_parse_file(&client->certificate,
                                                 path(certificate, text, sizeof(text))),
                     0);
    assert_int_equal(mbedtls_pk_parse_keyfile(&client->key, path(key, text, sizeof(text)), NULL,
                                              mbedtls_ctr_drbg_random, &random_source),
                     0);
    assert_int_equal(
        mbedtls_ssl_conf_own_cert(&client->config, &client->certificate, &client->key), 0);
}

/* The configuration is complete; `session` may be NULL. */
static void tls_client_ready(struct tls_client *client, const mbedtls_ssl_session *session)
{
    assert_int_equal(mbedtls_ssl_setup(&client->ssl, &client->config), 0);
    mbedtls_ssl_set_bio(&client->ssl, client, on_send, on_receive, NULL);
    if (session)
        assert_int_equal(mbedtls_ssl_set_session(&client->ssl, session), 0);
}

/* Returns 0, or why it failed. */
static int tls_client_greet(struct tls_client *client)
{
    int result;

    while ((result = mbedtls_ssl_handshake(&client->ssl)) == MBEDTLS_ERR_SSL_WANT_READ)
        web_turn(client->raw.web);
    return result;
}

static void tls_client_close(struct tls_client *client)
{
    client_close(&client->raw);
    mbedtls_ssl_free(&client->ssl);
    mbedtls_ssl_config_free(&client->config);
    mbedtls_x509_crt_free(&client->certificate);
    mbedtls_pk_free(&client->key);
}

static void tls_client_say(struct tls_client *client, struct span bytes)
{
    while (bytes.size) {
        int size = mbedtls_ssl_write(&client->ssl, (const unsigned char *)bytes.at, bytes.size);

        assert_true(size > 0);
        bytes = span_skip(bytes, (size_t)size);
    }
}

/* Reads up to `size` bytes; returns what ended it: 0, or mbedTLS's reason. Session tickets on the
 * way go to `ret_session`, which may be NULL. */
static int tls_client_read(struct tls_client *client, size_t size, struct buf *ret,
                           mbedtls_ssl_session *ret_session)
{
    while (buf_size(ret) < size) {
        unsigned char bytes[4096];
        size_t left = size - buf_size(ret);
        int got =
            mbedtls_ssl_read(&client->ssl, bytes, left < sizeof(bytes) ? left : sizeof(bytes));

        if (got > 0)
            (void)buf_append(ret, bytes, (size_t)got);
        else if (got == MBEDTLS_ERR_SSL_WANT_READ)
            web_turn(client->raw.web);
        else if (got != MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
            return got;
        else if (ret_session)
            assert_int_equal(mbedtls_ssl_get_session(&client->ssl, ret_session), 0);
    }
    return 0;
}

/* The answer to GET, Date left out. */
static void tls_client_expect(struct tls_client *client, mbedtls_ssl_session *ret_session)
{
    static const size_t date = sizeof("Date: Sat, 21 Nov 2026 02:34:43 GMT\r\n") - 1;
    static const size_t status = sizeof("HTTP/1.1 200 OK\r\n") - 1;
    struct buf got;

    buf_init(&got, 4096);
    assert_int_equal(tls_client_read(client, sizeof(ANSWER) - 1 + date, &got, ret_session), 0);
    assert_string_equal(buf_text(&got) + status + date, &ANSWER[status]);
    buf_done(&got);
}

static void tls_client_get(struct tls_client *client)
{
    tls_client_say(client, SPAN_OF(GET));
    tls_client_expect(client, NULL);
}

/* ---- scenes ---- */

static int set_up(void **state)
{
    static struct web web;
    char error[256];

    web_init(&web);
    web.listening.tls = load("one.crt", "one.key", NULL, error);
    assert_non_null(web.listening.tls);
    *state = &web;
    return 0;
}

static int tear_down(void **state)
{
    struct web *web = *state;

    web_done(web);
    tls_unref(web->listening.tls);
    return 0;
}

static void use(struct web *web, const char *certificate, const char *key,
                const char *client_ca)
{
    char error[256];

    tls_unref(web->listening.tls);
    web->listening.tls = load(certificate, key, client_ca, error);
    assert_non_null(web->listening.tls);
}

/* ---- requests ---- */

static void expect_version(struct web *web, mbedtls_ssl_protocol_version version,
                           const char *name)
{
    struct tls_client client;

    tls_client_open(&client, web, version);
    tls_client_ready(&client, NULL);
    assert_int_equal(tls_client_greet(&client), 0);
    assert_string_equal(mbedtls_ssl_get_version(&client.ssl), name);
    tls_client_get(&client);
    tls_client_get(&client);
    tls_client_close(&client);
}

static void test_requests_are_answered_in_TLS_1_2_and_1_3(void **state)
{
    struct web *web = *state;

    web_open(web);
    expect_version(web, MBEDTLS_SSL_VERSION_TLS1_2, "TLSv1.2");
    expect_version(web, MBEDTLS_SSL_VERSION_TLS1_3, "TLSv1.3");
    assert_int_equal(web->heads, 4);
}

static void test_an_RSA_certificate_works_too(void **state)
{
    struct web *web = *state;

    use(web, "rsa.crt", "rsa.key", NULL);
    web_open(web);
    expect_version(web, MBEDTLS_SSL_VERSION_TLS1_2, "TLSv1.2");
    expect_version(web, MBEDTLS_SSL_VERSION_TLS1_3, "TLSv1.3");
}

static void test_large_bodies_pass_both_ways(void **state)
{
    enum { SIZE = 2 * 1024 * 1024, HEAD = 88 };
    struct web *web = *state;
    struct tls_client client;
    struct buf body;
    struct buf got;
    char *bytes;

    web_open(web);
    buf_init(&body, SIZE);
    buf_init(&got, 2 * SIZE);
    bytes = buf_reserve(&body, SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)('a' + i * 7 % 26);
    buf_commit(&body, SIZE);
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_3);
    tls_client_ready(&client, NULL);
    assert_int_equal(tls_client_greet(&client), 0);
    tls_client_say(&client,
                   SPAN_OF("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2097152\r\n\r\n"));
    tls_client_say(&client, buf_span(&body));
    assert_int_equal(tls_client_read(&client, HEAD + SIZE, &got, NULL), 0);
    assert_memory_equal(buf_span(&got).at + buf_size(&got) - SIZE, bytes, SIZE);
    tls_client_close(&client);
    buf_done(&body);
    buf_done(&got);
}

static void test_cipher_text_may_come_byte_by_byte(void **state)
{
    struct web *web = *state;
    struct tls_client client;

    web_open(web);
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_2);
    client.drips = true;
    tls_client_ready(&client, NULL);
    assert_int_equal(tls_client_greet(&client), 0);
    tls_client_get(&client);
    tls_client_close(&client);
}

/* ---- ALPN ---- */

static int greet_with_protocol(struct web *web, const char *protocol)
{
    const char *protocols[] = { protocol, NULL };
    struct tls_client client;
    int result;

    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_2);
    assert_int_equal(mbedtls_ssl_conf_alpn_protocols(&client.config, protocols), 0);
    tls_client_ready(&client, NULL);
    result = tls_client_greet(&client);
    if (result == 0)
        assert_string_equal(mbedtls_ssl_get_alpn_protocol(&client.ssl), protocol);
    tls_client_close(&client);
    return result;
}

static void test_only_http_1_1_is_offered(void **state)
{
    struct web *web = *state;

    web_open(web);
    assert_int_equal(greet_with_protocol(web, "http/1.1"), 0);
    assert_int_equal(greet_with_protocol(web, "h2"), MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
}

/* ---- session tickets ---- */

/* Greets, and returns how many bytes the server needed for it: few when it resumed `session`. Keeps
 * the session in `ret_session`. */
static size_t greeting_size(struct web *web, mbedtls_ssl_protocol_version version,
                            const mbedtls_ssl_session *session,
                            mbedtls_ssl_session *ret_session)
{
    struct tls_client client;
    size_t size;

    tls_client_open(&client, web, version);
    tls_client_ready(&client, session);
    assert_int_equal(tls_client_greet(&client), 0);
    size = client.received;
    tls_client_say(&client, SPAN_OF(GET));
    tls_client_expect(&client, ret_session);
    if (version == MBEDTLS_SSL_VERSION_TLS1_2 && ret_session)
        assert_int_equal(mbedtls_ssl_get_session(&client.ssl, ret_session), 0);
    tls_client_close(&client);
    return size;
}

static void expect_resumption(struct web *web, mbedtls_ssl_protocol_version version)
{
    mbedtls_ssl_session session;
    size_t whole;
    size_t resumed;

    mbedtls_ssl_session_init(&session);
    whole = greeting_size(web, version, NULL, &session);
    resumed = greeting_size(web, version, &session, NULL);
    assert_true(resumed + 300 < whole); /* no certificate, no signature */
    mbedtls_ssl_session_free(&session);
}

static void test_sessions_are_resumed_by_ticket(void **state)
{
    struct web *web = *state;

    web_open(web);
    expect_resumption(web, MBEDTLS_SSL_VERSION_TLS1_2);
    expect_resumption(web, MBEDTLS_SSL_VERSION_TLS1_3);
}

/* ---- client certificates ---- */

static void test_with_client_ca_a_certificate_is_needed(void **state)
{
    struct web *web = *state;
    struct tls_client client;

    use(web, "one.crt", "one.key", "ca.crt");
    web_open(web);
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_2);
    tls_client_ready(&client, NULL);
    assert_int_not_equal(tls_client_greet(&client), 0);
    tls_client_close(&client);
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_2);
    tls_client_show(&client, "two.crt", "two.key"); /* of nobody that we know */
    tls_client_ready(&client, NULL);
    assert_int_not_equal(tls_client_greet(&client), 0);
    tls_client_close(&client);
    assert_int_equal(web->heads, 0);
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_3);
    tls_client_show(&client, "client.crt", "client.key");
    tls_client_ready(&client, NULL);
    assert_int_equal(tls_client_greet(&client), 0);
    tls_client_get(&client);
    tls_client_close(&client);
}

/* ---- ends ---- */

static void test_the_end_is_announced_and_a_cut_is_not(void **state)
{
    struct web *web = *state;
    struct tls_client client;
    struct buf got;

    web_open(web);
    web->echoes = false;
    buf_init(&got, 4096);
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_3);
    tls_client_ready(&client, NULL);
    assert_int_equal(tls_client_greet(&client), 0);
    tls_client_say(&client,
                   SPAN_OF("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET));
    web_reply(web, "x");
    assert_int_equal(tls_client_read(&client, 4096, &got, NULL),
                     MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
    tls_client_close(&client);
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_3);
    tls_client_ready(&client, NULL);
    assert_int_equal(tls_client_greet(&client), 0);
    tls_client_say(&client, SPAN_OF(GET));
    http_reply(web_http(web), 200, SPAN_OF(""), HTTP_LENGTH_UNKNOWN);
    web_abort(web);
    assert_int_equal(tls_client_read(&client, 4096, &got, NULL), 0); /* an end, not a goodbye */
    tls_client_close(&client);
    buf_done(&got);
}

static void test_a_goodbye_during_an_exchange_means_gone(void **state)
{
    struct web *web = *state;
    struct tls_client client;

    web_open(web);
    web->echoes = false;
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_3);
    tls_client_ready(&client, NULL);
    assert_int_equal(tls_client_greet(&client), 0);
    tls_client_say(&client, SPAN_OF(GET));
    (void)web_http(web);
    assert_int_equal(mbedtls_ssl_close_notify(&client.ssl), 0);
    WEB_WAIT(web, http_gone(web_http(web)));
    web_end(web, false);
    tls_client_close(&client);
}

static void expect_cut(struct web *web, struct span bytes)
{
    struct client client;

    client_open(&client, web);
    client_send(&client, bytes);
    WEB_WAIT(web, client.ended);
    client_close(&client);
    WEB_WAIT(web, listener_connections(web->listener) == 0);
}

static void test_what_is_not_TLS_is_closed(void **state)
{
    static char junk[4096];
    struct web *web = *state;

    web_open(web);
    expect_cut(web, SPAN_OF(GET));
    for (size_t i = 0; i < sizeof(junk); i++)
        junk[i] = (char)(i * 31 + i / 7);
    expect_cut(web, span_make(junk, sizeof(junk)));
    expect_cut(web, SPAN_OF("\x16\x03\x01\xff\xff\x01\x02\x03"));
    assert_int_equal(web->heads, 0);
    assert_int_equal(web->errors, 0);
}

static void test_a_greeting_that_stalls_is_closed(void **state)
{
    struct web *web = *state;

    web->config.header_ms = 30;
    web_open(web);
    expect_cut(web, SPAN_OF(""));
    expect_cut(web, SPAN_OF("\x16\x03\x01\x01"));
    assert_int_equal(web->errors, 0);
}

static void test_a_connection_too_many_is_closed(void **state)
{
    struct web *web = *state;
    struct tls_client client;
    struct client second;

    web->listening.connections_max = 1;
    web_open(web);
    tls_client_open(&client, web, MBEDTLS_SSL_VERSION_TLS1_3);
    tls_client_ready(&client, NULL);
    assert_int_equal(tls_client_greet(&client), 0);
    client_open(&second, web);
    client_expect_end(&second);
    client_close(&second);
    tls_client_close(&client);
}

/* ---- many greetings at once ---- */

static void test_a_turn_does_a_few_steps_of_handshakes_only(void **state)
{
    enum { CLIENTS = 5 * LIMIT_TLS_HANDSHAKES_PER_TURN };
    static struct tls_client clients[CLIENTS];
    struct web *web = *state;
    size_t answered = 0;

    web_open(web);
    for (int i = 0; i < CLIENTS; i++) {
        tls_client_open(&clients[i], web, MBEDTLS_SSL_VERSION_TLS1_2);
        tls_client_ready(&clients[i], NULL);
        (void)mbedtls_ssl_handshake(&clients[i].ssl); /* the ClientHello is on its way */
    }
    while (answered < CLIENTS) {
        size_t now = 0;

        web_turn(web);
        for (int i = 0; i < CLIENTS; i++)
            now += buf_size(&clients[i].raw.in) > 0;
        assert_true(now - answered <= LIMIT_TLS_HANDSHAKES_PER_TURN);
        answered = now;
    }
    for (int i = 0; i < CLIENTS; i++)
        assert_int_equal(tls_client_greet(&clients[i]), 0);
    for (int i = 0; i < CLIENTS; i++) {
        tls_client_get(&clients[i]);
        tls_client_close(&clients[i]);
    }
}

static void test_clients_may_leave_while_they_wait_to_greet(void **state)
{
    enum { CLIENTS = 5 * LIMIT_TLS_HANDSHAKES_PER_TURN };
    static struct tls_client clients[CLIENTS];
    struct web *web = *state;

    web_open(web);
    for (int i = 0; i < CLIENTS; i++) {
        tls_client_open(&clients[i], web, MBEDTLS_SSL_VERSION_TLS1_2);
        tls_client_ready(&clients[i], NULL);
        (void)mbedtls_ssl_handshake(&clients[i].ssl);
    }
    WEB_WAIT(web, listener_connections(web->listener) == CLIENTS);
    for (int i = 0; i < CLIENTS; i++)
        tls_client_close(&clients[i]);
    WEB_WAIT(web, listener_connections(web->listener) == 0);
}

/* ---- reload ---- */

static void expect_name(struct tls_client *client, const char *name)
{
    char text[64];

    assert_true(mbedtls_x509_dn_gets(text, sizeof(text),
                                     &mbedtls_ssl_get_peer_cert(&client->ssl)->subject) > 0);
    assert_string_equal(text, name);
}

static void test_a_reload_is_for_new_connections(void **state)
{
    struct web *web = *state;
    struct tls_client before;
    struct tls_client after;

    web_open(web);
    tls_client_open(&before, web, MBEDTLS_SSL_VERSION_TLS1_3);
    tls_client_ready(&before, NULL);
    assert_int_equal(tls_client_greet(&before), 0);
    expect_name(&before, "CN=one");
    use(web, "two.crt", "two.key",
        NULL); /* the listener and the connection still hold the first */
    listener_set_tls(web->listener, web->listening.tls);
    tls_client_open(&after, web, MBEDTLS_SSL_VERSION_TLS1_3);
    tls_client_ready(&after, NULL);
    assert_int_equal(tls_client_greet(&after), 0);
    expect_name(&after, "CN=two");
    tls_client_get(&before);
    tls_client_get(&after);
    tls_client_close(&before);
    tls_client_close(&after);
}

/* ---- files that cannot be used ---- */

static void expect_sentence(const char *certificate, const char *key, const char *client_ca,
                            const char *about, const char *what)
{
    char error[256];
    char sentence[256];

    assert_null(load(certificate, key, client_ca, error));
    (void)snprintf(sentence, sizeof(sentence), "%s/%s: %s", folder, about, what);
    if (strncmp(error, sentence, strlen(sentence)) != 0)
        fail_msg("\"%s\" instead of \"%s\"", error, sentence);
}

static void test_what_is_wrong_with_the_files_is_said(void **state)
{
    (void)state;
    expect_sentence("none.crt", "one.key", NULL, "none.crt", "no such file or directory");
    expect_sentence("one.crt", "none.key", NULL, "none.key", "no such file or directory");
    expect_sentence("one.crt", "one.key", "none.crt", "none.crt", "no such file or directory");
    expect_sentence("bad.crt", "one.key", NULL, "bad.crt", "is not a certificate in PEM");
    expect_sentence("one.crt", "bad.crt", NULL, "bad.crt", "is not a private key in PEM");
    expect_sentence("one.crt", "one.key", "bad.crt", "bad.crt", "is not a certificate in PEM");
    expect_sentence("one.crt", "two.key", NULL, "two.key",
                    "does not belong to the certificate");
    expect_sentence("old.crt", "one.key", NULL, "old.crt",
                    "the certificate has expired: 2021-02-03");
}

static void test_the_end_of_a_certificate_is_known(void **state)
{
    char error[256];
    struct tls *tls = load("one.crt", "one.key", NULL, error);
    uint64_t in_30_days = (uint64_t)time(NULL) + 30u * 24 * 3600;

    (void)state;
    assert_non_null(tls);
    assert_in_range(tls_not_after(tls), in_30_days - 3600, in_30_days);
    tls_unref(tls_ref(tls));
    tls_unref(tls);
    tls_unref(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(test_requests_are_answered_in_TLS_1_2_and_1_3),
        TEST(test_an_RSA_certificate_works_too),
        TEST(test_large_bodies_pass_both_ways),
        TEST(test_cipher_text_may_come_byte_by_byte),
        TEST(test_only_http_1_1_is_offered),
        TEST(test_sessions_are_resumed_by_ticket),
        TEST(test_with_client_ca_a_certificate_is_needed),
        TEST(test_the_end_is_announced_and_a_cut_is_not),
        TEST(test_a_goodbye_during_an_exchange_means_gone),
        TEST(test_what_is_not_TLS_is_closed),
        TEST(test_a_greeting_that_stalls_is_closed),
        TEST(test_a_connection_too_many_is_closed),
        TEST(test_a_turn_does_a_few_steps_of_handshakes_only),
        TEST(test_clients_may_leave_while_they_wait_to_greet),
        TEST(test_a_reload_is_for_new_connections),
        cmocka_unit_test(test_what_is_wrong_with_the_files_is_said),
        cmocka_unit_test(test_the_end_of_a_certificate_is_known),
    };

    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
