#include "seal.h"

#include "base/mem.h"

#include <assert.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/ssl.h>
#include <psa/crypto.h>
#include <string.h>

enum { RECORD_BYTES = 16 * 1024 };

struct seal_rule {
    mbedtls_ssl_config config;
    mbedtls_ctr_drbg_context random;
    mbedtls_entropy_context entropy;
};

struct seal {
    mbedtls_ssl_context ssl;
    struct span in;  /* cipher text that mbedTLS has not taken yet, during one call */
    struct buf *out; /* where it sends to, during one call */
    bool greeted;
};

static const char *const protocols[] = { "http/1.1", NULL };

struct seal_rule *seal_rule_new(void)
{
    struct seal_rule *rule = mem_zero(sizeof(*rule));
    int err = psa_crypto_init();

    assert(err == PSA_SUCCESS);
    mbedtls_ssl_config_init(&rule->config);
    mbedtls_ctr_drbg_init(&rule->random);
    mbedtls_entropy_init(&rule->entropy);
    err = mbedtls_ctr_drbg_seed(&rule->random, mbedtls_entropy_func, &rule->entropy, NULL, 0);
    assert(err == 0);
    err = mbedtls_ssl_config_defaults(&rule->config, MBEDTLS_SSL_IS_CLIENT,
                                      MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    assert(err == 0);
    mbedtls_ssl_conf_authmode(&rule->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&rule->config, mbedtls_ctr_drbg_random, &rule->random);
    err = mbedtls_ssl_conf_alpn_protocols(&rule->config, (const char **)(uintptr_t)protocols);
    assert(err == 0);
    return rule;
}

void seal_rule_free(struct seal_rule *rule)
{
    if (!rule)
        return;
    mbedtls_ssl_config_free(&rule->config);
    mbedtls_ctr_drbg_free(&rule->random);
    mbedtls_entropy_free(&rule->entropy);
    mem_free(rule);
}

static int on_send(void *opaque, const unsigned char *bytes, size_t size)
{
    struct seal *seal = opaque;

    if (!seal->out || !buf_append(seal->out, bytes, size))
        return MBEDTLS_ERR_SSL_WANT_WRITE;
    return (int)size;
}

static int on_receive(void *opaque, unsigned char *bytes, size_t room)
{
    struct seal *seal = opaque;
    struct span part = span_first(seal->in, room);

    if (!part.size)
        return MBEDTLS_ERR_SSL_WANT_READ;
    memcpy(bytes, part.at, part.size);
    seal->in = span_skip(seal->in, part.size);
    return (int)part.size;
}

struct seal *seal_new(struct seal_rule *rule)
{
    struct seal *seal = mem_zero(sizeof(*seal));
    int err;

    mbedtls_ssl_init(&seal->ssl);
    err = mbedtls_ssl_setup(&seal->ssl, &rule->config);
    assert(err == 0);
    mbedtls_ssl_set_bio(&seal->ssl, seal, on_send, on_receive, NULL);
    return seal;
}

void seal_free(struct seal *seal)
{
    if (!seal)
        return;
    mbedtls_ssl_free(&seal->ssl);
    mem_free(seal);
}

static enum seal_state greet(struct seal *seal)
{
    int err = mbedtls_ssl_handshake(&seal->ssl);

    if (err == MBEDTLS_ERR_SSL_WANT_READ)
        return SEAL_GREETING;
    seal->greeted = err == 0;
    return seal->greeted ? SEAL_OPEN : SEAL_FAILED;
}

static enum seal_state read_clear(struct seal *seal, struct buf *clear)
{
    for (;;) {
        char *room = buf_reserve(clear, RECORD_BYTES);
        int size;

        if (!room)
            return SEAL_FAILED;
        size = mbedtls_ssl_read(&seal->ssl, (unsigned char *)room, RECORD_BYTES);
        if (size > 0)
            buf_commit(clear, (size_t)size);
        else if (size == MBEDTLS_ERR_SSL_WANT_READ)
            return SEAL_OPEN;
        else if (size == 0 || size == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
            return SEAL_CLOSED;
        else if (size != MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
            return SEAL_FAILED;
    }
}

enum seal_state seal_read(struct seal *seal, struct span cipher, struct buf *clear,
                          struct buf *out)
{
    enum seal_state state = SEAL_OPEN;

    seal->in = cipher;
    seal->out = out;
    if (!seal->greeted)
        state = greet(seal);
    if (state == SEAL_OPEN)
        state = read_clear(seal, clear);
    seal->out = NULL;
    return state;
}

bool seal_write(struct seal *seal, struct span clear, struct buf *out)
{
    seal->out = out;
    while (clear.size) {
        int size = mbedtls_ssl_write(&seal->ssl, (const unsigned char *)clear.at, clear.size);

        if (size <= 0)
            break;
        clear = span_skip(clear, (size_t)size);
    }
    seal->out = NULL;
    return !clear.size;
}
