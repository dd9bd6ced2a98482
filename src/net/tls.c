#include "net/tls.h"

#include "base/mem.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    ERROR_BYTES = 256,
    PATH_SHOWN = 120,
    RECORD_BYTES = 16 * 1024,
    TICKET_LIFETIME_S = 3600,
};

struct tls {
    size_t references;
    uint64_t not_after;
    mbedtls_ssl_config config;
    mbedtls_x509_crt certificate;
    mbedtls_x509_crt client_ca;
    mbedtls_pk_context key;
    mbedtls_ssl_ticket_context tickets;
    mbedtls_ctr_drbg_context random;
    mbedtls_entropy_context entropy;
};

struct tls_session {
    struct tls *tls;
    mbedtls_ssl_context ssl;
    struct span in;  /* cipher text that mbedTLS has not taken yet, during one call */
    struct buf *out; /* where it sends to, during one call */
};

static const char *const protocols[] = { "http/1.1", NULL };

/* Forward secrecy and authenticated encryption, nothing else. ChaCha20 first: in mbedTLS it is the
 * fast one. */
static const int ciphersuites[] = {
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    0,
};

/* ---- files, and sentences about them ---- */

static bool say(char *ret_error, const char *path, const char *what, const char *why)
{
    char sentence[ERROR_BYTES];

    (void)snprintf(sentence, sizeof(sentence), "%.*s: %s%s%s", PATH_SHOWN, path, what,
                   why[0] ? ": " : "", why);
    memcpy(ret_error, sentence, sizeof(sentence));
    return false;
}

static const char *reason(int error)
{
    const char *high = mbedtls_high_level_strerr(error);
    const char *low = mbedtls_low_level_strerr(error);

    return high ? high : low ? low : "";
}

static bool can_read(const char *path, char *ret_error)
{
    char why[96];

    if (access(path, R_OK) == 0)
        return true;
    (void)snprintf(why, sizeof(why), "%s", strerror(errno));
    why[0] = (char)tolower((unsigned char)why[0]);
    return say(ret_error, path, why, "");
}

static bool read_certificates(const char *path, mbedtls_x509_crt *certificates, char *ret_error)
{
    int error;

    if (!can_read(path, ret_error))
        return false;
    error = mbedtls_x509_crt_parse_file(certificates, path);
    if (error > 0)
        return say(ret_error, path, "contains a certificate that cannot be read", "");
    if (error < 0)
        return say(ret_error, path, "is not a certificate in PEM", reason(error));
    return true;
}

static uint64_t unix_seconds(const mbedtls_x509_time *when)
{
    struct tm date = {
        .tm_year = when->year - 1900,
        .tm_mon = when->mon - 1,
        .tm_mday = when->day,
        .tm_hour = when->hour,
        .tm_min = when->min,
        .tm_sec = when->sec,
    };

    return (uint64_t)timegm(&date);
}

static bool check_dates(const struct tls *tls, const char *path, char *ret_error)
{
    const mbedtls_x509_time *end = &tls->certificate.valid_to;
    char date[32];

    if (!mbedtls_x509_time_is_past(end))
        return true;
    (void)snprintf(date, sizeof(date), "%04d-%02d-%02d", end->year, end->mon, end->day);
    return say(ret_error, path, "the certificate has expired", date);
}

static bool read_pair(struct tls *tls, const char *certificate, const char *key,
                      char *ret_error)
{
    int error;

    if (!read_certificates(certificate, &tls->certificate, ret_error) ||
        !check_dates(tls, certificate, ret_error) || !can_read(key, ret_error))
        return false;
    error =
        mbedtls_pk_parse_keyfile(&tls->key, key, NULL, mbedtls_ctr_drbg_random, &tls->random);
    if (error)
        return say(ret_error, key, "is not a private key in PEM", reason(error));
    error = mbedtls_pk_check_pair(&tls->certificate.pk, &tls->key, mbedtls_ctr_drbg_random,
                                  &tls->random);
    if (error)
        return say(ret_error, key, "does not belong to the certificate", certificate);
    tls->not_after = unix_seconds(&tls->certificate.valid_to);
    return true;
}

/* ---- one certificate with its settings ---- */

static bool set_up(struct tls *tls)
{
    mbedtls_ssl_config *config = &tls->config;

    if (mbedtls_ssl_config_defaults(config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT))
        return false;
    mbedtls_ssl_conf_rng(config, mbedtls_ctr_drbg_random, &tls->random);
    mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_tls13_key_exchange_modes(
        config, MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
    mbedtls_ssl_conf_ciphersuites(config, ciphersuites);
    mbedtls_ssl_conf_renegotiation(config, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
    mbedtls_ssl_conf_legacy_renegotiation(config, MBEDTLS_SSL_LEGACY_NO_RENEGOTIATION);
    mbedtls_ssl_conf_session_tickets_cb(config, mbedtls_ssl_ticket_write,
                                        mbedtls_ssl_ticket_parse, &tls->tickets);
    return mbedtls_ssl_conf_alpn_protocols(config, (const char **)(uintptr_t)protocols) == 0 &&
           mbedtls_ssl_ticket_setup(&tls->tickets, mbedtls_ctr_drbg_random, &tls->random,
                                    MBEDTLS_CIPHER_AES_256_GCM, TICKET_LIFETIME_S) == 0 &&
           mbedtls_ssl_conf_own_cert(config, &tls->certificate, &tls->key) == 0;
}

static bool set_client_ca(struct tls *tls, const char *path, char *ret_error)
{
    if (path == NULL)
        return true;
    if (!read_certificates(path, &tls->client_ca, ret_error))
        return false;
    mbedtls_ssl_conf_authmode(&tls->config, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ca_chain(&tls->config, &tls->client_ca, NULL);
    return true;
}

static bool seed(struct tls *tls)
{
    return psa_crypto_init() == PSA_SUCCESS &&
           mbedtls_ctr_drbg_seed(&tls->random, mbedtls_entropy_func, &tls->entropy, NULL, 0) ==
               0;
}

struct tls *tls_new(const char *certificate, const char *key, const char *client_ca,
                    char *ret_error)
{
    struct tls *tls = mem_zero(sizeof(*tls));

    tls->references = 1;
    mbedtls_ssl_config_init(&tls->config);
    mbedtls_x509_crt_init(&tls->certificate);
    mbedtls_x509_crt_init(&tls->client_ca);
    mbedtls_pk_init(&tls->key);
    mbedtls_ssl_ticket_init(&tls->tickets);
    mbedtls_ctr_drbg_init(&tls->random);
    mbedtls_entropy_init(&tls->entropy);
    if (!seed(tls)) {
        (void)say(ret_error, certificate, "the system gives no randomness", "");
        goto failed;
    }
    if (!read_pair(tls, certificate, key, ret_error))
        goto failed;
    if (!set_up(tls)) {
        (void)say(ret_error, certificate, "cannot be used for a TLS server", "");
        goto failed;
    }
    if (set_client_ca(tls, client_ca, ret_error))
        return tls;
failed:
    tls_unref(tls);
    return NULL;
}

struct tls *tls_ref(struct tls *tls)
{
    tls->references++;
    return tls;
}

void tls_unref(struct tls *tls)
{
    if (tls == NULL || --tls->references > 0)
        return;
    mbedtls_ssl_config_free(&tls->config);
    mbedtls_x509_crt_free(&tls->certificate);
    mbedtls_x509_crt_free(&tls->client_ca);
    mbedtls_pk_free(&tls->key);
    mbedtls_ssl_ticket_free(&tls->tickets);
    mbedtls_ctr_drbg_free(&tls->random);
    mbedtls_entropy_free(&tls->entropy);
    mem_free(tls);
}

uint64_t tls_not_after(const struct tls *tls)
{
    return tls->not_after;
}

/* ---- one connection ---- */

static int on_receive(void *opaque, unsigned char *into, size_t size)
{
    struct tls_session *session = opaque;

    if (session->in.size == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (size > session->in.size)
        size = session->in.size;
    memcpy(into, session->in.at, size);
    session->in = span_skip(session->in, size);
    return (int)size;
}

/* Takes everything: how much is in flight is bounded above TLS. */
static int on_send(void *opaque, const unsigned char *bytes, size_t size)
{
    struct tls_session *session = opaque;

    if (session->out == NULL || !buf_append(session->out, bytes, size))
        return MBEDTLS_ERR_SSL_CONN_EOF;
    return (int)size;
}

struct tls_session *tls_session_new(struct tls *tls)
{
    struct tls_session *session = mem_zero(sizeof(*session));
    int failed;

    session->tls = tls_ref(tls);
    mbedtls_ssl_init(&session->ssl);
    failed = mbedtls_ssl_setup(&session->ssl, &tls->config);
    assert(failed == 0); /* but for lack of memory, which is fatal here as everywhere */
    mbedtls_ssl_set_bio(&session->ssl, session, on_send, on_receive, NULL);
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (session == NULL)
        return;
    mbedtls_ssl_free(&session->ssl);
    tls_unref(session->tls);
    mem_free(session);
}

static enum tls_state state_of(int result)
{
    if (result == MBEDTLS_ERR_SSL_WANT_READ)
        return TLS_OPEN;
    if (result == 0 || result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return TLS_CLOSED;
    return TLS_FAILED;
}

/* One record at a time, until mbedTLS wants more cipher text. */
static enum tls_state read_records(struct tls_session *session, struct buf *clear)
{
    for (;;) {
        char *into = buf_reserve(clear, RECORD_BYTES);
        int size;

        if (into == NULL)
            return TLS_FAILED;
        size = mbedtls_ssl_read(&session->ssl, (unsigned char *)into, RECORD_BYTES);
        if (size <= 0)
            return state_of(size);
        buf_commit(clear, (size_t)size);
    }
}

enum tls_state tls_session_read(struct tls_session *session, struct span cipher,
                                struct buf *clear, struct buf *cipher_out)
{
    enum tls_state state = TLS_OPEN;

    session->in = cipher;
    session->out = cipher_out;
    if (tls_session_greets(session)) {
        int result = mbedtls_ssl_handshake(&session->ssl);

        if (result == MBEDTLS_ERR_SSL_WANT_READ)
            state = TLS_HANDSHAKE;
        else if (result != 0)
            state = TLS_FAILED;
    }
    if (state == TLS_OPEN)
        state = read_records(session, clear);
    session->in = (struct span){ NULL, 0 };
    session->out = NULL;
    return state;
}

bool tls_session_write(struct tls_session *session, struct span clear, struct buf *cipher_out)
{
    bool sent = true;

    session->out = cipher_out;
    while (sent && clear.size) {
        int size =
            mbedtls_ssl_write(&session->ssl, (const unsigned char *)clear.at, clear.size);

        sent = size > 0;
        if (sent)
            clear = span_skip(clear, (size_t)size);
    }
    session->out = NULL;
    return sent;
}

void tls_session_close(struct tls_session *session, struct buf *cipher_out)
{
    session->out = cipher_out;
    (void)mbedtls_ssl_close_notify(&session->ssl);
    session->out = NULL;
}

bool tls_session_greets(const struct tls_session *session)
{
    return mbedtls_ssl_is_handshake_over((mbedtls_ssl_context *)(uintptr_t)&session->ssl) == 0;
}
