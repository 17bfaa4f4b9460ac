/* SPDX-License-Identifier: MIT
 * test_tls_failure.c - each fault has its code and a clear line. */
#include <time.h>

#include "ends.h"

/* -- Certificates --------------------------------------------------------- */

/* A client that trusts [authority] meets a server with [paper]. */
static void check_refused(const struct paper *paper,
                          const struct paper *authority, const char *name,
                          int status, const char *message) {
  struct ends ends;
  open_contexts(&ends);
  if (authority != NULL)
    CHECK_INT(WEFT_OK, weft_tls_context_add_ca(ends.client_context,
                                               authority->pem, NULL));
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_certificate(ends.server_context, paper->pem,
                                             paper->key_pem, NULL, NULL));
  open_engines(&ends, name);
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, status, message);
  CHECK_INT(WEFT_TLS_ALERT, ends.server.status);
  CHECK(ends.client.error != NULL &&
        weft_error_get_cause(ends.client.error) != NULL);
  close_engines(&ends);
  close_contexts(&ends);
}

static const char *date_text(const ASN1_TIME *when) {
  static char text[64];
  tls__time_text(when, text, sizeof text);
  return text;
}

TEST("a certificate that has expired, or is not valid yet") {
  struct papers papers;
  struct paper old, fresh;
  char message[256];
  papers_make(&papers);
  paper_make(&old, (struct wanted){"localhost", "DNS:localhost",
                                   &papers.authority, -9, -2, 0});
  snprintf(message, sizeof message,
           "the certificate of localhost has expired, on %s",
           date_text(X509_get0_notAfter(old.certificate)));
  check_refused(&old, &papers.authority, "localhost", WEFT_CERT_HAS_EXPIRED,
                message);
  paper_make(&fresh, (struct wanted){"localhost", "DNS:localhost",
                                     &papers.authority, 2, 9, 0});
  snprintf(message, sizeof message,
           "the certificate of localhost is not valid before %s",
           date_text(X509_get0_notBefore(fresh.certificate)));
  check_refused(&fresh, &papers.authority, "localhost", WEFT_CERT_NOT_YET_VALID,
                message);
  paper_free(&old);
  paper_free(&fresh);
  papers_free(&papers);
}

TEST("a certificate that is signed by itself, or by somebody unknown") {
  struct papers papers;
  struct paper own;
  papers_make(&papers);
  paper_make(&own,
             (struct wanted){"localhost", "DNS:localhost", NULL, -1, 2, 0});
  check_refused(&own, NULL, "localhost", WEFT_SELF_SIGNED_CERT,
                "the certificate of localhost is signed by itself, "
                "CN=localhost, and not trusted");
  check_refused(&papers.server, NULL, "localhost", WEFT_UNKNOWN_ISSUER,
                "the certificate of localhost was issued by CN=Test authority, "
                "which is not trusted");
  paper_free(&own);
  papers_free(&papers);
}

TEST("an authority that is sent, but not trusted") {
  struct papers papers;
  papers_make(&papers);
  size_t length = strlen(papers.server.pem) + strlen(papers.authority.pem) + 1;
  char *chain = malloc(length);
  snprintf(chain, length, "%s%s", papers.server.pem, papers.authority.pem);
  struct paper sent = papers.server;
  sent.pem = chain;
  check_refused(&sent, NULL, "localhost", WEFT_UNKNOWN_ISSUER,
                "in the chain of localhost's certificate, that of CN=Test "
                "authority was issued by CN=Test authority, which is not "
                "trusted");
  free(chain);
  papers_free(&papers);
}

TEST("an authority that has expired is told apart from the certificate") {
  struct paper authority, server;
  paper_make(&authority, (struct wanted){"Old", NULL, NULL, -9, -2, 1});
  paper_make(&server, (struct wanted){"localhost", "DNS:localhost", &authority,
                                      -1, 2, 0});
  char message[256];
  snprintf(message, sizeof message,
           "in the chain of localhost's certificate, that of CN=Old has "
           "expired, on %s",
           date_text(X509_get0_notAfter(authority.certificate)));
  check_refused(&server, &authority, "localhost", WEFT_CERT_HAS_EXPIRED,
                message);
  paper_free(&server);
  paper_free(&authority);
}

TEST("a certificate for other names") {
  struct papers papers;
  struct paper nameless, many;
  papers_make(&papers);
  check_refused(&papers.server, &papers.authority, "example.org",
                WEFT_HOSTNAME_MISMATCH,
                "the certificate of example.org is not for that name, but for "
                "localhost, 127.0.0.1");
  check_refused(&papers.server, &papers.authority, "127.0.0.2",
                WEFT_HOSTNAME_MISMATCH,
                "the certificate of 127.0.0.2 is not for that name, but for "
                "localhost, 127.0.0.1");
  /* That the subject is called so is of no importance. */
  paper_make(&nameless,
             (struct wanted){"localhost", NULL, &papers.authority, -1, 2, 0});
  check_refused(&nameless, &papers.authority, "localhost",
                WEFT_HOSTNAME_MISMATCH,
                "the certificate of localhost is not for that name, but for no "
                "name at all");
  char names[2048] = "DNS:a.example";
  for (int i = 0; i < 60; i++)
    snprintf(names + strlen(names), sizeof names - strlen(names),
             ",DNS:name%d.example", i);
  paper_make(&many,
             (struct wanted){"many", names, &papers.authority, -1, 2, 0});
  struct ends ends;
  open_contexts(&ends);
  weft_tls_context_add_ca(ends.client_context, papers.authority.pem, NULL);
  weft_tls_context_set_certificate(ends.server_context, many.pem, many.key_pem,
                                   NULL, NULL);
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  CHECK_INT(WEFT_HOSTNAME_MISMATCH, ends.client.status);
  CHECK(strstr(weft_error_get_message(ends.client.error),
               "but for a.example, name0.example, ") != NULL);
  CHECK(strstr(weft_error_get_message(ends.client.error), ", ...") != NULL);
  close_engines(&ends);
  open_engines(&ends, "name59.example");
  shake_hands(&ends, SIZE_MAX);
  CHECK_INT(WEFT_OK, ends.client.status);
  close_engines(&ends);
  close_contexts(&ends);
  paper_free(&many);
  paper_free(&nameless);
  papers_free(&papers);
}

TEST("a wildcard stands for one label") {
  struct papers papers;
  struct paper wild;
  papers_make(&papers);
  paper_make(&wild, (struct wanted){"wild", "DNS:*.example.org",
                                    &papers.authority, -1, 2, 0});
  struct ends ends;
  open_contexts(&ends);
  weft_tls_context_add_ca(ends.client_context, papers.authority.pem, NULL);
  weft_tls_context_set_certificate(ends.server_context, wild.pem, wild.key_pem,
                                   NULL, NULL);
  static const struct {
    const char *name;
    int status;
  } cases[] = {{"a.example.org", WEFT_OK},
               {"A.EXAMPLE.ORG", WEFT_OK},
               {"example.org", WEFT_HOSTNAME_MISMATCH},
               {"a.b.example.org", WEFT_HOSTNAME_MISMATCH}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    open_engines(&ends, cases[i].name);
    shake_hands(&ends, SIZE_MAX);
    CHECK_INT(cases[i].status, ends.client.status);
    close_engines(&ends);
  }
  close_contexts(&ends);
  paper_free(&wild);
  papers_free(&papers);
}

TEST("a certificate that a list has revoked, or without a list of its issuer") {
  for (int listed = 0; listed < 3; listed++) {
    struct ends ends;
    struct paper other;
    open_trusting(&ends);
    struct paper *authority = &ends.papers.authority;
    paper_make(&other, (struct wanted){"Other", NULL, NULL, -1, 2, 1});
    char *list =
        listed < 2
            ? paper_revoke(authority, listed == 1 ? &ends.papers.server : NULL)
            : paper_revoke(&other, NULL);
    CHECK_INT(WEFT_OK,
              weft_tls_context_add_crl(ends.client_context, list, NULL));
    open_engines(&ends, "localhost");
    shake_hands(&ends, SIZE_MAX);
    if (listed == 0)
      check_side(&ends.client, WEFT_OK, NULL);
    else if (listed == 1)
      check_side(&ends.client, WEFT_CERT_REVOKED,
                 "the certificate of localhost has been revoked");
    else
      check_side(&ends.client, WEFT_CERT_REJECTED,
                 "the certificate of localhost is not accepted: unable to get "
                 "certificate CRL");
    close_engines(&ends);
    free(list);
    paper_free(&other);
    close_contexts(&ends);
  }
}

TEST("a certificate is taken as it is where none of that is asked") {
  struct ends ends;
  struct paper old;
  open_contexts(&ends);
  paper_make(&old, (struct wanted){"old", "DNS:old", NULL, -9, -2, 0});
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_certificate(ends.server_context, old.pem,
                                             old.key_pem, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_verify(ends.client_context,
                                                 WEFT_TLS_VERIFY_NONE));
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, WEFT_OK, NULL);
  close_engines(&ends);
  paper_free(&old);
  close_contexts(&ends);
}

TEST("one certificate may be trusted, and not its issuer's others") {
  struct ends ends;
  struct paper other;
  open_contexts(&ends);
  paper_make(&other, (struct wanted){"other", "DNS:localhost",
                                     &ends.papers.authority, -1, 2, 0});
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(ends.client_context,
                                             ends.papers.server.pem, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(
                         ends.server_context, ends.papers.server.pem,
                         ends.papers.server.key_pem, NULL, NULL));
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, WEFT_OK, NULL);
  close_engines(&ends);
  weft_tls_context_unref(ends.server_context);
  weft_tls_context_new(WEFT_TLS_SERVER, &ends.server_context);
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_certificate(ends.server_context, other.pem,
                                             other.key_pem, NULL, NULL));
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  CHECK_INT(WEFT_UNKNOWN_ISSUER, ends.client.status);
  close_engines(&ends);
  paper_free(&other);
  close_contexts(&ends);
}

TEST("the name alone may go unchecked") {
  struct ends ends;
  open_trusting(&ends);
  CHECK_INT(WEFT_OK, weft_tls_context_set_check_name(ends.client_context, 0));
  open_engines(&ends, "example.org");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, WEFT_OK, NULL);
  close_engines(&ends);
  close_contexts(&ends);
}

/* -- Certificates of clients ---------------------------------------------- */

/* A server that wants [verify] of its clients meets one with [paper]. */
static void meet_client(const struct paper *paper, int verify, int status,
                        const char *message) {
  struct ends ends;
  open_trusting(&ends);
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(ends.server_context,
                                             ends.papers.authority.pem, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_verify(ends.server_context, verify));
  struct paper good;
  paper_make(&good,
             (struct wanted){"ann", NULL, &ends.papers.authority, -1, 2, 0});
  const struct paper *sent = paper == NULL ? NULL : paper;
  if (sent != NULL && sent->pem == NULL)
    sent = &good;
  if (sent != NULL)
    CHECK_INT(WEFT_OK,
              weft_tls_context_set_certificate(ends.client_context, sent->pem,
                                               sent->key_pem, NULL, NULL));
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.server, status, message);
  CHECK_INT(status == WEFT_OK ? WEFT_OK : WEFT_TLS_ALERT, ends.client.status);
  close_engines(&ends);
  paper_free(&good);
  close_contexts(&ends);
}

TEST("a server may ask for its clients' certificates, or insist") {
  static const struct paper good = {NULL, NULL, NULL, NULL};
  struct paper stranger;
  paper_make(&stranger, (struct wanted){"eve", NULL, NULL, -1, 2, 0});
  meet_client(NULL, WEFT_TLS_VERIFY_NONE, WEFT_OK, NULL);
  meet_client(NULL, WEFT_TLS_VERIFY_GIVEN, WEFT_OK, NULL);
  meet_client(NULL, WEFT_TLS_VERIFY_REQUIRED, WEFT_CERT_MISSING,
              "the client has sent no certificate");
  meet_client(&good, WEFT_TLS_VERIFY_GIVEN, WEFT_OK, NULL);
  meet_client(&good, WEFT_TLS_VERIFY_REQUIRED, WEFT_OK, NULL);
  meet_client(&stranger, WEFT_TLS_VERIFY_NONE, WEFT_OK, NULL);
  meet_client(&stranger, WEFT_TLS_VERIFY_GIVEN, WEFT_SELF_SIGNED_CERT,
              "the certificate of the client is signed by itself, CN=eve, and "
              "not trusted");
  paper_free(&stranger);
}

TEST("with a client's certificate sessions are taken up, too") {
  struct ends ends;
  struct paper ann;
  open_trusting(&ends);
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(ends.server_context,
                                             ends.papers.authority.pem, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_verify(ends.server_context,
                                                 WEFT_TLS_VERIFY_REQUIRED));
  paper_make(&ann,
             (struct wanted){"ann", NULL, &ends.papers.authority, -1, 2, 0});
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_certificate(ends.client_context, ann.pem,
                                             ann.key_pem, NULL, NULL));
  for (int i = 0; i < 3; i++) {
    open_engines(&ends, "localhost");
    shake_hands(&ends, SIZE_MAX);
    check_side(&ends.server, WEFT_OK, NULL);
    CHECK_INT(i > 0, SSL_session_reused(ends.server.engine.ssl));
    CHECK(SSL_get0_peer_certificate(ends.server.engine.ssl) != NULL);
    close_engines(&ends);
  }
  paper_free(&ann);
  close_contexts(&ends);
}

/* -- The protocol --------------------------------------------------------- */

TEST("no version in common") {
  struct ends ends;
  open_trusting(&ends);
  weft_tls_context_set_versions(ends.client_context, 13, 13);
  weft_tls_context_set_versions(ends.server_context, 12, 12);
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.server, WEFT_TLS_VERSION_MISMATCH,
             "the client speaks no version of TLS that is allowed here");
  check_side(&ends.client, WEFT_TLS_VERSION_MISMATCH,
             "localhost ended TLS with the alert \"protocol version\"");
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("no cipher in common") {
  struct ends ends;
  open_trusting(&ends);
  weft_tls_context_set_versions(ends.client_context, 12, 12);
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_ciphers(
                ends.client_context, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL));
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_ciphers(
                ends.server_context, "ECDHE-ECDSA-AES256-GCM-SHA384", NULL));
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.server, WEFT_NO_SHARED_CIPHER,
             "the client has no cipher that is allowed here");
  check_side(&ends.client, WEFT_TLS_ALERT,
             "localhost ended TLS with the alert \"handshake failure\"");
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("no application protocol in common") {
  struct ends ends;
  open_trusting(&ends);
  weft_tls_context_add_protocol(ends.client_context, "h2");
  weft_tls_context_add_protocol(ends.server_context, "http/1.1");
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.server, WEFT_NO_SHARED_PROTOCOL,
             "the client offers no application protocol that is spoken here");
  check_side(&ends.client, WEFT_NO_SHARED_PROTOCOL,
             "localhost ended TLS with the alert \"no application protocol\"");
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("a peer that speaks something else, from its first byte on") {
  static const char *const texts[] = {"HTTP/1.1 400 Bad Request\r\n\r\n",
                                      "220 mail.example ESMTP\r\n", "\x16H",
                                      "\x80\x2e\x01", "GET / HTTP/1.1\r\n\r\n"};
  struct ends ends;
  open_trusting(&ends);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    open_engines(&ends, "localhost");
    step(&ends.client);
    tls__engine_receive(&ends.client.engine, texts[i], strlen(texts[i]));
    step(&ends.client);
    check_side(&ends.client, WEFT_NOT_TLS, "localhost does not speak TLS");
    tls__engine_receive(&ends.server.engine, texts[i], strlen(texts[i]));
    step(&ends.server);
    check_side(&ends.server, WEFT_NOT_TLS, "the client does not speak TLS");
    close_engines(&ends);
  }
  close_contexts(&ends);
}

/* Rubbish that looks like TLS at first is a failure of the protocol, whatever
 * it is, and never a crash or a good handshake. */
TEST("rubbish behind a good beginning") {
  struct ends ends;
  unsigned seed = 1;
  open_trusting(&ends);
  for (int i = 0; i < 200; i++) {
    char rubbish[64] = {0x16, 3, 3, 0, 40};
    for (size_t k = 5; k < sizeof rubbish; k++) {
      seed = seed * 1103515245 + 12345;
      rubbish[k] = (char)(seed >> 16);
    }
    open_engines(&ends, "localhost");
    step(&ends.client);
    tls__engine_receive(&ends.client.engine, rubbish, sizeof rubbish);
    step(&ends.client);
    CHECK(ends.client.status < 0);
    tls__engine_receive(&ends.server.engine, rubbish, sizeof rubbish);
    step(&ends.server);
    CHECK(ends.server.status < 0);
    close_engines(&ends);
  }
  close_contexts(&ends);
}

/* One bit of the server's first flight is changed: that must not be agreed on.
 */
TEST("a handshake that is tampered with fails") {
  struct ends ends;
  open_trusting(&ends);
  for (size_t at = 5, size_bytes = SIZE_MAX; at < size_bytes; at += 13) {
    open_engines(&ends, "localhost");
    step(&ends.client);
    pass(&ends.client, &ends.server, SIZE_MAX);
    size_bytes = ends.server.engine.sent_bytes;
    CHECK(size_bytes > 500);
    if (at < size_bytes)
      ends.server.engine.sent[at] ^= 1;
    pass(&ends.server, &ends.client, SIZE_MAX);
    pass(&ends.client, &ends.server, SIZE_MAX);
    CHECK(at >= size_bytes || ends.client.status != WEFT_OK ||
          ends.server.status != WEFT_OK);
    close_engines(&ends);
  }
  close_contexts(&ends);
}
