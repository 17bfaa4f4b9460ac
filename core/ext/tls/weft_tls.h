/* SPDX-License-Identifier: MIT
 * weft_tls.h - the public ABI of libweft_tls: TLS on any stream. A symbol that
 * is not here is private.
 *
 * The words and rules of weft.h hold. A stream that speaks TLS is the
 * weft_stream it was before: every call on it goes on to work, and gets and
 * gives what is plain. OpenSSL does the protocol, on memory; it never sees a
 * descriptor.
 *
 * An error that is a certificate's or the protocol's has a code of its own, of
 * the class TLSError: WEFT_CERT_HAS_EXPIRED, WEFT_TLS_TRUNCATED, ... Where a
 * weft_error * tells more, its message says which host or file was concerned,
 * and its cause, if it has one, what OpenSSL or the peer has said. */
#ifndef WEFT_TLS_H
#define WEFT_TLS_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- Contexts -------------------------------------------------------------
 * What the connections of a client or of a server have in common: whom to
 * trust, who one is, what is allowed. A context is set first and used then:
 * once a handshake has begun with it, setters return WEFT_ESTATE, and
 * weft_tls_context_replace is the way to change it. It is counted and belongs
 * to no runtime: after it is set, any threads may share it.
 *
 * Where a certificate, a key or the like is asked for, a text that holds
 * "-----BEGIN " is taken for PEM, another for the path of a file of PEM.
 * Setters that read such give, besides the code, an error to be shown, owned
 * (weft_error_unref), NULL on success and for want of memory; [error] may be
 * NULL. */
typedef struct weft_tls_context weft_tls_context;

enum weft_tls_side { WEFT_TLS_CLIENT = 1, WEFT_TLS_SERVER = 2 };

/* Makes a context. A client's trusts the system's authorities and checks the
 * server's certificate and name; a server's has no certificate yet and asks
 * for none. Both speak TLS 1.2 and 1.3. Owned: weft_tls_context_unref.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no such [side]) */
WEFT_API int weft_tls_context_new(int side, weft_tls_context **context);
/* Adds a reference and returns [context]; NULL stays NULL. Any thread.
 * parks: no    errors: none */
WEFT_API weft_tls_context *weft_tls_context_ref(weft_tls_context *context);
/* Drops a reference; NULL is fine. Connections live on. Any thread.
 * parks: no    errors: none */
WEFT_API void weft_tls_context_unref(weft_tls_context *context);

/* Sets the own certificate, followed by the others of its chain, and its key,
 * which [key] NULL means to be in [certificate] too. [password] is the key's,
 * NULL for none; one that is not needed does no harm.
 * parks: no
 * errors: WEFT_ENOMEM, WEFT_ESTATE, WEFT_EINVAL (no PEM, no certificate, no
 * key, an encrypted key without its password, a key that is another
 * certificate's), codes of the system (a file cannot be read) */
WEFT_API int weft_tls_context_set_certificate(weft_tls_context *context,
                                              const char *certificate,
                                              const char *key,
                                              const char *password,
                                              weft_error **error);

/* Has a server give clients that ask for [name], "a.example.org" or
 * "*.example.org", the certificate of [other], which is a server's context too
 * and is not to be set any more; all else is [context]'s. A name comes before a
 * wildcard, the first added before later ones; who asks for none of them gets
 * the certificate of [context]. Taken as it is now: a replacement of [other] is
 * not seen.
 * parks: no
 * errors: WEFT_ENOMEM, WEFT_ESTATE, WEFT_EINVAL (no name, a wildcard elsewhere,
 * a client's context, or [other] has no certificate) */
WEFT_API int weft_tls_context_add_host(weft_tls_context *context,
                                       const char *name,
                                       weft_tls_context *other);

/* Trusts the certificates in [ca], PEM, a file or a directory made by "openssl
 * rehash", and not the system's; they may be those of authorities or of the
 * peer itself. May be called more than once. A server names
 * them to clients whose certificates it asks for, unless they are a
 * directory's.
 * parks: no
 * errors: WEFT_ENOMEM, WEFT_ESTATE, WEFT_EINVAL (no certificate), codes of the
 * system */
WEFT_API int weft_tls_context_add_ca(weft_tls_context *context, const char *ca,
                                     weft_error **error);

/* Refuses certificates that the revocation lists in [crl] name. May be called
 * more than once. A certificate whose issuer has no list is refused, too.
 * parks: no
 * errors: WEFT_ENOMEM, WEFT_ESTATE, WEFT_EINVAL (no list), codes of the
 * system */
WEFT_API int weft_tls_context_add_crl(weft_tls_context *context,
                                      const char *crl, weft_error **error);

/* Whether the peer must have a good certificate. */
enum weft_tls_verify {
  WEFT_TLS_VERIFY_NONE = 0, /* any will do: anyone on the way may be the peer */
  WEFT_TLS_VERIFY_GIVEN = 1, /* a server asks; one that is sent must be good */
  WEFT_TLS_VERIFY_REQUIRED = 2
};

/* Sets one of enum weft_tls_verify. Default: WEFT_TLS_VERIFY_REQUIRED for a
 * client, WEFT_TLS_VERIFY_NONE for a server.
 * parks: no    errors: WEFT_ESTATE, WEFT_EINVAL (none of these, or
 * WEFT_TLS_VERIFY_GIVEN for a client, to whom the server always sends one) */
WEFT_API int weft_tls_context_set_verify(weft_tls_context *context, int verify);

/* Checks that the server's certificate is for its name (1, the default), or
 * only that it is trusted (0).
 * parks: no    errors: WEFT_ESTATE */
WEFT_API int weft_tls_context_set_check_name(weft_tls_context *context, int on);

/* The versions of the protocol that are spoken. */
enum weft_tls_version { WEFT_TLS_1_2 = 12, WEFT_TLS_1_3 = 13 };

/* Sets the lowest and the highest version, each of enum weft_tls_version.
 * Default: WEFT_TLS_1_2 and WEFT_TLS_1_3.
 * parks: no    errors: WEFT_ESTATE, WEFT_EINVAL (none of these, or [min] above
 * [max]) */
WEFT_API int weft_tls_context_set_versions(weft_tls_context *context, int min,
                                           int max);

/* Sets the ciphers allowed, best first, as OpenSSL's list with colons; those
 * of TLS 1.3 are what begins with "TLS_". A version that none is given for
 * keeps its default.
 * parks: no    errors: WEFT_ESTATE, WEFT_ENOMEM, WEFT_EINVAL (a name that is
 * not known, and [error] says which) */
WEFT_API int weft_tls_context_set_ciphers(weft_tls_context *context,
                                          const char *ciphers,
                                          weft_error **error);

/* Adds an application protocol for ALPN, "http/1.1", after those there are:
 * the best first. A server chooses its own first that the client offers, and
 * refuses a client that offers some, but none of these.
 * parks: no    errors: WEFT_ESTATE, WEFT_ENOMEM, WEFT_EINVAL (not of 1 to 255
 * bytes, or too many) */
WEFT_API int weft_tls_context_add_protocol(weft_tls_context *context,
                                           const char *protocol);

/* Remembers sessions (1, the default), so that a client that comes back to the
 * same name and port, and with it its server, need not do all anew; or not (0).
 * A server keeps nothing: tickets tell.
 * parks: no    errors: WEFT_ESTATE */
WEFT_API int weft_tls_context_set_resume(weft_tls_context *context, int on);

/* Takes the end of a connection that the peer has not closed by close_notify
 * for a good one (1), or for WEFT_TLS_TRUNCATED (0, the default): anyone on the
 * way can cut a connection off.
 * parks: no    errors: WEFT_ESTATE */
WEFT_API int weft_tls_context_set_truncation(weft_tls_context *context, int on);

/* Gives [context] the settings of [fresh], which is of the same side, for the
 * handshakes that begin from now on; connections go on as they are. So a
 * certificate is renewed. Sessions are forgotten. Any thread.
 * parks: no    errors: WEFT_EINVAL (NULL, the same, or of the other side) */
WEFT_API int weft_tls_context_replace(weft_tls_context *context,
                                      weft_tls_context *fresh);

/* -- Connections ----------------------------------------------------------
 * What is known of the TLS on a stream; it may outlive that. To be used on the
 * runtime's thread. */
typedef struct weft_tls weft_tls;

/* Makes [stream] speak TLS as the client of a server called [server_name], a
 * name or an address, and waits for the end of the handshake. The name is sent
 * (SNI) unless it is an address; NULL: none is sent, and none can be checked.
 * While it waits others may read, who then get what is plain, but not write.
 * After a failure the stream can only be closed; the peer has been told by an
 * alert where there is one.
 * parks: yes   value: a weft_tls *, owned: weft_tls_close; on failure a
 * weft_error *, owned (weft_error_unref), or 0
 * errors: WEFT_ECANCELLED; WEFT_ECLOSED; WEFT_ENOMEM; WEFT_EINVAL (NULL; a
 * server's [context]; no name, where one is to be checked, or one that can be
 * none); WEFT_ESTATE (it has a filter; there are unread bytes, or a task
 * reads); those of TLSError; codes of the system
 * cancelled: the handshake is given up: reading and writing fail with
 * WEFT_TLS_CANCELLED, and the stream can only be closed */
WEFT_API int weft_tls_client(weft_runtime *rt, weft_stream stream,
                             weft_tls_context *context, const char *server_name,
                             uint64_t *value);

/* Makes [stream] speak TLS as a server, and waits for the end of the handshake;
 * else as weft_tls_client.
 * parks: yes   value: as weft_tls_client
 * errors: as weft_tls_client; WEFT_ESTATE where [context] has no certificate
 * cancelled: as weft_tls_client */
WEFT_API int weft_tls_server(weft_runtime *rt, weft_stream stream,
                             weft_tls_context *context, uint64_t *value);

/* Gives the object back; NULL is fine. The stream is not touched.
 * parks: no    errors: none */
WEFT_API int weft_tls_close(weft_tls *tls);

/* Borrows the version spoken, "TLSv1.3".     parks: no    errors: none */
WEFT_API const char *weft_tls_get_version(const weft_tls *tls);
/* Borrows the cipher's name, "TLS_AES_256_GCM_SHA384".
 * parks: no    errors: none */
WEFT_API const char *weft_tls_get_cipher(const weft_tls *tls);
/* Borrows the protocol agreed on by ALPN, NULL if none was.
 * parks: no    errors: none */
WEFT_API const char *weft_tls_get_protocol(const weft_tls *tls);
/* Borrows the name that the client has sent, or was given; NULL if none.
 * parks: no    errors: none */
WEFT_API const char *weft_tls_get_server_name(const weft_tls *tls);
/* Tells whether a session was taken up again (1) or is a new one (0).
 * parks: no    errors: none */
WEFT_API int weft_tls_is_resumed(const weft_tls *tls);

/* Gives the peer's certificate, NULL if it has none: a map of subject and
 * issuer, "CN=a, O=b"; names, a list: DNS names, addresses and the like;
 * serial, in hexadecimal; not_before and not_after, "2031-01-31 23:59:59 UTC";
 * fingerprint, SHA-256 in hexadecimal; pem. Owned: weft_value_unref.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_tls_get_certificate(const weft_tls *tls, weft_value **value);

/* Borrows, while [tls] is open, the error of what went wrong on the connection
 * after the handshake, of which a read or write has only the code; NULL if
 * nothing did.
 * parks: no    errors: none */
WEFT_API weft_error *weft_tls_get_error(const weft_tls *tls);

#ifdef __cplusplus
}
#endif

#endif
