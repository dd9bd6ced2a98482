#include "base/digest.h"

#include "base/mem.h"

#include <assert.h>
#include <mbedtls/base64.h>
#include <mbedtls/md.h>
#include <mbedtls/sha256.h>
#include <string.h>
#include <sys/random.h>

void digest_sha256(struct span bytes, struct digest *ret)
{
    int failed = mbedtls_sha256((const unsigned char *)bytes.at, bytes.size, ret->bytes, 0);

    assert(failed == 0);
}

void digest_hmac(struct span key, const struct span *parts, size_t count, struct digest *ret)
{
    const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    mbedtls_md_context_t context;
    int failed;

    mbedtls_md_init(&context);
    failed = mbedtls_md_setup(&context, sha256, 1);
    failed |= mbedtls_md_hmac_starts(&context, (const unsigned char *)key.at, key.size);
    for (size_t i = 0; i < count; i++)
        failed |=
            mbedtls_md_hmac_update(&context, (const unsigned char *)parts[i].at, parts[i].size);
    failed |= mbedtls_md_hmac_finish(&context, ret->bytes);
    mbedtls_md_free(&context); /* wipes what it knew of the key */
    assert(failed == 0);
}

static uint64_t word_at(struct span bytes, size_t at, size_t size)
{
    uint64_t word = 0;

    memcpy(&word, bytes.at + at, size);
    return word;
}

bool secret_bytes_equal(struct span a, struct span b)
{
    volatile uint64_t differs = a.size ^ b.size;
    size_t at = 0;

    if (differs)
        return false;
    for (; a.size - at >= sizeof(uint64_t); at += sizeof(uint64_t))
        differs =
            differs | (word_at(a, at, sizeof(uint64_t)) ^ word_at(b, at, sizeof(uint64_t)));
    if (at < a.size)
        differs = differs | (word_at(a, at, a.size - at) ^ word_at(b, at, a.size - at));
    return differs == 0;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return secret_bytes_equal(span_make((const char *)a->bytes, DIGEST_BYTES),
                              span_make((const char *)b->bytes, DIGEST_BYTES));
}

/* `size` digits and a NUL. */
static void write_hex(const struct digest *digest, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < size / 2; i++) {
        text[2 * i] = digits[digest->bytes[i] >> 4];
        text[2 * i + 1] = digits[digest->bytes[i] & 15];
    }
    text[size] = 0;
}

void digest_hex(const struct digest *digest, char text[DIGEST_HEX_SIZE])
{
    write_hex(digest, DIGEST_HEX_SIZE - 1, text);
}

void digest_fingerprint(const struct digest *digest, char text[DIGEST_FINGERPRINT_SIZE])
{
    write_hex(digest, DIGEST_FINGERPRINT_SIZE - 1, text);
}

void digest_base64(const struct digest *digest, char text[DIGEST_BASE64_SIZE])
{
    size_t size;
    int failed = mbedtls_base64_encode((unsigned char *)text, DIGEST_BASE64_SIZE, &size,
                                       digest->bytes, DIGEST_BYTES);

    assert(failed == 0);
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool digest_from_hex(struct span hex, struct digest *ret)
{
    struct digest digest = { 0 };

    if (hex.size != DIGEST_HEX_SIZE - 1)
        return false;
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        int high = nibble(hex.at[2 * i]);
        int low = nibble(hex.at[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        digest.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *ret = digest;
    return true;
}

void random_bytes(void *bytes, size_t size)
{
    char *at = bytes;

    while (size) {
        ssize_t got = getrandom(at, size, 0);

        if (got <= 0)
            continue; /* interrupted */
        at += got;
        size -= (size_t)got;
    }
}

void random_text(char *text, size_t size)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const uint8_t fair = 248; /* the largest multiple of 62 that fits a byte */

    for (size_t i = 0; i < size;) {
        uint8_t pool[64];

        random_bytes(pool, sizeof(pool));
        for (size_t j = 0; j < sizeof(pool) && i < size; j++)
            if (pool[j] < fair)
                text[i++] = letters[pool[j] % 62];
    }
    text[size] = 0;
}

void secret_init(struct secret *secret, struct span value)
{
    secret->hidden = value.size ? mem_copy(value.at, value.size) : NULL;
    secret->size = value.size;
}

void secret_done(struct secret *secret)
{
    if (secret->hidden)
        mem_wipe(secret->hidden, secret->size);
    mem_free(secret->hidden);
    *secret = (struct secret){ 0 };
}

struct span secret_reveal(const struct secret *secret)
{
    return span_make(secret->hidden, secret->size);
}
