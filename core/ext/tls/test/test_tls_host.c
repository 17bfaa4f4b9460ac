/* SPDX-License-Identifier: MIT
 * test_tls_host.c - servers of several names. */
#include "ends.h"

/* A server's context with a certificate whose subject is [subject]. */
static weft_tls_context *context_of(const struct paper *authority,
                                    const char *subject) {
  struct paper paper;
  weft_tls_context *context;
  paper_make(&paper, (struct wanted){subject, NULL, authority, -1, 2, 0});
  CHECK_INT(WEFT_OK, weft_tls_context_new(WEFT_TLS_SERVER, &context));
  CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(
                         context, paper.pem, paper.key_pem, NULL, NULL));
  paper_free(&paper);
  return context;
}

static void add(struct ends *ends, const char *name, const char *subject) {
  weft_tls_context *other = context_of(&ends->papers.authority, subject);
  CHECK_INT(WEFT_OK,
            weft_tls_context_add_host(ends->server_context, name, other));
  weft_tls_context_unref(other);
}

/* Whose certificate a client gets that asks for [name]. */
static void check_subject(struct ends *ends, const char *name,
                          const char *subject) {
  char text[64];
  open_engines(ends, name);
  shake_hands(ends, SIZE_MAX);
  check_side(&ends->client, WEFT_OK, NULL);
  X509 *certificate = SSL_get0_peer_certificate(ends->client.engine.ssl);
  tls__name_text(X509_get_subject_name(certificate), text, sizeof text);
  CHECK_TEXT(subject, text);
  close_engines(ends);
}

TEST("the name that a client asks for chooses the certificate") {
  struct ends ends;
  open_trusting(&ends);
  weft_tls_context_set_check_name(ends.client_context, 0);
  add(&ends, "*.wild.example", "wild");
  add(&ends, "one.example", "one");
  add(&ends, "two.wild.example", "two");
  check_subject(&ends, "one.example", "CN=one");
  check_subject(&ends, "ONE.Example", "CN=one");
  check_subject(&ends, "two.wild.example", "CN=two");
  check_subject(&ends, "any.wild.example", "CN=wild");
  check_subject(&ends, "a.b.wild.example", "CN=localhost");
  check_subject(&ends, "wild.example", "CN=localhost");
  check_subject(&ends, "other.example", "CN=localhost");
  check_subject(&ends, NULL, "CN=localhost");
  close_contexts(&ends);
}

TEST("a session is taken up under the name it was made for") {
  struct ends ends;
  open_trusting(&ends);
  weft_tls_context_set_check_name(ends.client_context, 0);
  add(&ends, "one.example", "one");
  for (int i = 0; i < 3; i++) {
    open_engines(&ends, "one.example");
    shake_hands(&ends, SIZE_MAX);
    check_side(&ends.client, WEFT_OK, NULL);
    CHECK_INT(i > 0, SSL_session_reused(ends.client.engine.ssl));
    close_engines(&ends);
  }
  close_contexts(&ends);
}

TEST("what cannot be a host's is refused") {
  struct ends ends;
  weft_tls_context *empty;
  open_trusting(&ends);
  weft_tls_context *server = ends.server_context;
  weft_tls_context *other = context_of(&ends.papers.authority, "other");
  static const char *const names[] = {NULL, "",      ".a",  "*",
                                      "*.", "a.*.b", "a.*", "*.*.a"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    CHECK_INT(WEFT_EINVAL, weft_tls_context_add_host(server, names[i], other));
  CHECK_INT(WEFT_OK, weft_tls_context_new(WEFT_TLS_SERVER, &empty));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_add_host(server, "a", empty));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_add_host(server, "a", server));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_add_host(server, "a", NULL));
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_add_host(server, "a", ends.client_context));
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_add_host(ends.client_context, "a", other));
  CHECK_INT(WEFT_OK, weft_tls_context_add_host(server, "a", other));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_add_host(other, "a", server));
  weft_tls_context_unref(empty);
  weft_tls_context_unref(other);
  close_contexts(&ends);
}
