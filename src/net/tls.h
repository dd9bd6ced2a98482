/* tls: turns cipher text into clear text and back, by mbedTLS, in memory: no socket here.
 *
 * A `struct tls` is one certificate with its settings and ticket keys, shared by reference: a reload
 * makes a new one and connections that live keep the old. A `struct tls_session` is one connection's
 * state between two bufs. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;
struct tls_session;

/* TLS 1.2 and 1.3, session tickets, ALPN http/1.1; with client_ca, clients must show a certificate
 * that it signed. Gives NULL with a sentence in ret_error (256 bytes). */
struct tls *tls_new(const char *certificate, const char *key, const char *client_ca,
                    char *ret_error);
struct tls *tls_ref(struct tls *tls);
void tls_unref(struct tls *tls); /* NULL is fine */

/* Seconds since 1970 at which the certificate ends. */
uint64_t tls_not_after(const struct tls *tls);

struct tls_session *tls_session_new(struct tls *tls);
void tls_session_free(struct tls_session *session);

enum tls_state {
    TLS_HANDSHAKE, /* wants more cipher text */
    TLS_OPEN,
    TLS_CLOSED, /* the peer said goodbye */
    TLS_FAILED,
};

/* Takes cipher text that has arrived; appends clear text to `clear` and what must be sent (also
 * alerts) to `cipher_out`. */
enum tls_state tls_session_read(struct tls_session *session, struct span cipher,
                                struct buf *clear, struct buf *cipher_out);

/* Encrypts all of `clear` behind cipher_out. */
bool tls_session_write(struct tls_session *session, struct span clear, struct buf *cipher_out);

/* Appends close_notify. */
void tls_session_close(struct tls_session *session, struct buf *cipher_out);

/* True while the next read would do the expensive part of a handshake. */
bool tls_session_greets(const struct tls_session *session);

#endif
