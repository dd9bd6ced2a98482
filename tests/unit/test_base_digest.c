/* base/digest: SHA-256, randomness, secrets. */
#include "base/digest.h"

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void assert_sha256(struct span bytes, const char *hex)
{
    struct digest digest;
    char text[DIGEST_HEX_SIZE];

    digest_sha256(bytes, &digest);
    digest_hex(&digest, text);
    assert_string_equal(text, hex);
}

/* FIPS 180-4's own examples. */
static void test_sha256_is_sha256(void **state)
{
    (void)state;
    assert_sha256(SPAN_OF("abc"),
                  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sha256((struct span){ 0 },
                  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_sha256(SPAN_OF("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void assert_hmac(struct span key, const struct span *parts, size_t count,
                        const char *hex)
{
    struct digest digest;
    char text[DIGEST_HEX_SIZE];

    digest_hmac(key, parts, count, &digest);
    digest_hex(&digest, text);
    assert_string_equal(text, hex);
}

/* RFC 4231, cases 2 and 6; the first also in pieces. */
static void test_hmac_is_hmac(void **state)
{
    const struct span whole[] = { SPAN("what do ya want for nothing?") };
    const struct span pieces[] = { SPAN("what do"), SPAN(""), SPAN(" ya want for nothing?") };
    const struct span other[] = { SPAN(
        "Test Using Larger Than Block-Size Key - Hash Key First") };
    static const char hex[] =
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    char key[131];

    (void)state;
    memset(key, 0xaa, sizeof(key));
    assert_hmac(SPAN_OF("Jefe"), whole, 1, hex);
    assert_hmac(SPAN_OF("Jefe"), pieces, 3, hex);
    assert_hmac(span_make(key, sizeof(key)), other, 1,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void test_hex_is_read_back(void **state)
{
    struct digest digest;
    struct digest again;
    char text[DIGEST_HEX_SIZE];

    (void)state;
    digest_sha256(SPAN_OF("x"), &digest);
    digest_hex(&digest, text);
    assert_true(digest_from_hex(span_from(text), &again));
    assert_true(digest_equal(&digest, &again));
    again.bytes[31] ^= 1;
    assert_false(digest_equal(&digest, &again));
    again.bytes[31] ^= 1;
    again.bytes[0] ^= 0x80;
    assert_false(digest_equal(&digest, &again));
}

static void test_other_hex_is_refused_and_leaves_things_alone(void **state)
{
    struct digest digest = { { 7 } };
    char text[DIGEST_HEX_SIZE + 1];

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_false(digest_from_hex(span_make(text, 63), &digest));
    assert_false(digest_from_hex(span_make(text, 65), &digest));
    text[63] = 'A';
    assert_false(digest_from_hex(span_make(text, 64), &digest));
    text[63] = 'g';
    assert_false(digest_from_hex(span_make(text, 64), &digest));
    assert_int_equal(digest.bytes[0], 7);
}

static void test_random_text_uses_every_letter_and_nothing_else(void **state)
{
    static char text[20001];
    int seen[256] = { 0 };
    int kinds = 0;

    (void)state;
    random_text(text, 20000);
    assert_int_equal(strlen(text), 20000);
    for (size_t i = 0; i < 20000; i++)
        seen[(unsigned char)text[i]]++;
    for (int c = 0; c < 256; c++) {
        bool letter =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        assert_true(letter || seen[c] == 0);
        kinds += seen[c] > 150; /* 322 are expected; so few of any would be 9 sigma off */
    }
    assert_int_equal(kinds, 62);
}

static void test_random_bytes_fill_all_of_it_and_differ(void **state)
{
    unsigned char a[64] = { 0 };
    unsigned char b[64] = { 0 };

    (void)state;
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 32, b + 32, 32);
}

static void test_a_secret_is_kept_and_given_up(void **state)
{
    char value[] = "sk-1";
    struct secret secret;

    (void)state;
    secret_init(&secret, span_from(value));
    value[0] = 'X';
    assert_true(span_is(secret_reveal(&secret), "sk-1"));
    secret_done(&secret);
    assert_int_equal(secret_reveal(&secret).size, 0);
    secret_init(&secret, (struct span){ 0 });
    assert_null(secret.hidden);
    secret_done(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256_is_sha256),
        cmocka_unit_test(test_hmac_is_hmac),
        cmocka_unit_test(test_hex_is_read_back),
        cmocka_unit_test(test_other_hex_is_refused_and_leaves_things_alone),
        cmocka_unit_test(test_random_text_uses_every_letter_and_nothing_else),
        cmocka_unit_test(test_random_bytes_fill_all_of_it_and_differ),
        cmocka_unit_test(test_a_secret_is_kept_and_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
