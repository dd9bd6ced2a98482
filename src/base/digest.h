/* digest: SHA-256 and HMAC over it, comparison in constant time, randomness, and secrets. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum { DIGEST_BYTES = 32, DIGEST_HEX_SIZE = 65, DIGEST_BASE64_SIZE = 45 /* with the NUL */ };

/* The first 8 hex digits: by which people tell keys apart. */
enum { DIGEST_FINGERPRINT_SIZE = 9 };

struct digest {
    uint8_t bytes[DIGEST_BYTES];
};

void digest_sha256(struct span bytes, struct digest *ret);

/* HMAC-SHA256 (RFC 2104) of the parts, one behind the other. */
void digest_hmac(struct span key, const struct span *parts, size_t count, struct digest *ret);
bool digest_equal(const struct digest *a, const struct digest *b); /* in constant time */

/* The same for any two secrets; only whether their sizes differ can be told from the time. */
bool secret_bytes_equal(struct span a, struct span b);
void digest_hex(const struct digest *digest, char text[DIGEST_HEX_SIZE]);
void digest_fingerprint(const struct digest *digest, char text[DIGEST_FINGERPRINT_SIZE]);
void digest_base64(const struct digest *digest, char text[DIGEST_BASE64_SIZE]);
bool digest_from_hex(struct span hex, struct digest *ret); /* 64 lower-case digits */

/* `size` bytes from the system's generator. */
void random_bytes(void *bytes, size_t size);

/* `size` random letters and digits and a NUL: text holds size + 1. */
void random_text(char *text, size_t size);

/* A key or password. Printed as *** by the log and by JSON; wiped when freed. Opaque enough that
 * nobody prints it by accident. */
struct secret {
    char *hidden; /* NULL: none */
    size_t size;
};

void secret_init(struct secret *secret, struct span value);
void secret_done(struct secret *secret);
/* Lends the value: for the wire, nothing else. */
struct span secret_reveal(const struct secret *secret);

#endif
