/* SPDX-License-Identifier: MIT
 * test_tls_context.c - contexts: certificates, keys, and what is refused. */
#include <sys/stat.h>

#include "check.h"
#include "memory.h"
#include "paper.h"
#include "weft_tls.h"

static weft_tls_context *new_context(int side) {
  weft_tls_context *context;
  CHECK_INT(WEFT_OK, weft_tls_context_new(side, &context));
  return context;
}

/* A file of the test's own with [text], which ends with the test. */
static const char *file_of(const char *text) {
  static char path[64];
  strcpy(path, "/tmp/weft-tls-XXXXXX");
  int fd = mkstemp(path);
  CHECK_INT(strlen(text), write(fd, text, strlen(text)));
  close(fd);
  return path;
}

static void check_error(weft_error *error, int status, const char *message) {
  CHECK(error != NULL);
  if (error == NULL)
    return;
  CHECK_INT(status, weft_error_get_code(error));
  CHECK_TEXT(message, weft_error_get_message(error));
  weft_error_unref(error);
}

/* -- Certificates --------------------------------------------------------- */

static void check_refused(const char *certificate, const char *key,
                          const char *password, int status,
                          const char *message) {
  weft_tls_context *context = new_context(WEFT_TLS_SERVER);
  weft_error *error;
  CHECK_INT(status, weft_tls_context_set_certificate(context, certificate, key,
                                                     password, &error));
  check_error(error, status, message);
  CHECK_INT(status, weft_tls_context_set_certificate(context, certificate, key,
                                                     password, NULL));
  CHECK_INT(0, ERR_peek_error());
  weft_tls_context_unref(context);
}

static void check_taken(const char *certificate, const char *key,
                        const char *password) {
  weft_tls_context *context = new_context(WEFT_TLS_SERVER);
  weft_error *error;
  CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(context, certificate, key,
                                                      password, &error));
  CHECK(error == NULL);
  weft_tls_context_unref(context);
}

static char *join(const char *first, const char *second) {
  char *joined = malloc(strlen(first) + strlen(second) + 1);
  strcpy(joined, first);
  return strcat(joined, second);
}

TEST("a certificate and its key come as text or as files, apart or together") {
  struct papers papers;
  papers_make(&papers);
  struct paper *server = &papers.server;
  check_taken(server->pem, server->key_pem, NULL);
  check_taken(server->pem, server->key_pem, "of no use");
  char *both = join(server->key_pem, server->pem);
  check_taken(both, NULL, NULL);
  const char *path = file_of(both);
  check_taken(path, NULL, NULL);
  check_taken(path, path, NULL);
  unlink(path);
  char *chain = join(server->pem, papers.authority.pem);
  check_taken(chain, server->key_pem, NULL);
  free(both);
  free(chain);
  papers_free(&papers);
}

TEST("a key that is another certificate's is refused") {
  struct papers papers;
  papers_make(&papers);
  check_refused(papers.server.pem, papers.authority.key_pem, NULL, WEFT_EINVAL,
                "the key in the PEM text is not the key of the certificate in "
                "the PEM text");
  papers_free(&papers);
}

TEST("an encrypted key needs its password") {
  struct papers papers;
  papers_make(&papers);
  char *locked = paper_lock(&papers.server, "sesame");
  check_taken(papers.server.pem, locked, "sesame");
  check_refused(papers.server.pem, locked, NULL, WEFT_EINVAL,
                "the key in the PEM text is encrypted: it needs its password");
  check_refused(papers.server.pem, locked, "simsim", WEFT_EINVAL,
                "the password of the key in the PEM text is wrong");
  free(locked);
  papers_free(&papers);
}

TEST("what is missing, broken or unreadable is named") {
  struct papers papers;
  papers_make(&papers);
  struct paper *server = &papers.server;
  check_refused("/no/such.pem", server->key_pem, NULL, WEFT_ENOENT,
                "/no/such.pem cannot be read: no such file or directory");
  check_refused("/tmp", server->key_pem, NULL, WEFT_EISDIR,
                "/tmp cannot be read: is a directory");
  check_refused(server->pem, "/no/such.key", NULL, WEFT_ENOENT,
                "/no/such.key cannot be read: no such file or directory");
  check_refused(server->key_pem, server->key_pem, NULL, WEFT_EINVAL,
                "there is no certificate in the PEM text");
  check_refused(server->pem, NULL, NULL, WEFT_EINVAL,
                "there is no private key in the PEM text");
  check_refused("-----BEGIN CERTIFICATE-----\nrubbish\n", server->key_pem, NULL,
                WEFT_EINVAL, "a certificate in the PEM text is broken");
  papers_free(&papers);
}

TEST("a certificate that is too weak is refused") {
  struct paper weak;
  weft_error *error;
  weft_tls_context *context = new_context(WEFT_TLS_SERVER);
  paper_make(&weak, (struct wanted){"weak", NULL, NULL, -1, 2, 0});
  EVP_PKEY *key = EVP_RSA_gen(1024);
  X509_set_pubkey(weak.certificate, key);
  X509_sign(weak.certificate, key, EVP_sha256());
  BIO *text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(text, weak.certificate);
  PEM_write_bio_PKCS8PrivateKey(text, key, NULL, NULL, 0, NULL, NULL);
  char *pem = paper_text(text);
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_set_certificate(context, pem, NULL, NULL, &error));
  check_error(error, WEFT_EINVAL,
              "the certificate cannot be used: ee key too small");
  free(pem);
  EVP_PKEY_free(key);
  paper_free(&weak);
  weft_tls_context_unref(context);
}

/* -- Whom to trust -------------------------------------------------------- */

TEST("authorities come as text, as a file or as a directory") {
  struct papers papers;
  weft_error *error;
  papers_make(&papers);
  weft_tls_context *context = new_context(WEFT_TLS_CLIENT);
  CHECK_INT(WEFT_OK,
            weft_tls_context_add_ca(context, papers.authority.pem, &error));
  const char *path = file_of(papers.authority.pem);
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(context, path, &error));
  unlink(path);
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(context, "/tmp", &error));
  CHECK_INT(WEFT_ENOENT, weft_tls_context_add_ca(context, path, &error));
  weft_error_unref(error);
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_add_ca(context, papers.server.key_pem, &error));
  check_error(error, WEFT_EINVAL, "there is no certificate in the PEM text");
  weft_tls_context_unref(context);
  papers_free(&papers);
}

TEST("a revocation list must be one") {
  struct papers papers;
  weft_error *error;
  papers_make(&papers);
  weft_tls_context *context = new_context(WEFT_TLS_CLIENT);
  char *list = paper_revoke(&papers.authority, NULL);
  CHECK_INT(WEFT_OK, weft_tls_context_add_crl(context, list, &error));
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_add_crl(context, papers.server.pem, &error));
  check_error(error, WEFT_EINVAL,
              "there is no revocation list in the PEM text");
  free(list);
  weft_tls_context_unref(context);
  papers_free(&papers);
}

/* -- What is allowed ------------------------------------------------------ */

TEST("arguments out of range change nothing") {
  weft_tls_context *client = new_context(WEFT_TLS_CLIENT), *none;
  char long_name[257];
  memset(long_name, 'x', 256);
  long_name[256] = '\0';
  CHECK_INT(WEFT_EINVAL, weft_tls_context_new(0, &none));
  CHECK(none == NULL);
  CHECK_INT(WEFT_EINVAL, weft_tls_context_new(3, &none));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_set_verify(client, 3));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_set_verify(client, -1));
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_set_verify(client, WEFT_TLS_VERIFY_GIVEN));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_set_versions(client, 11, 13));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_set_versions(client, 12, 14));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_set_versions(client, 13, 12));
  CHECK_INT(WEFT_OK, weft_tls_context_set_versions(client, 13, 13));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_add_protocol(client, ""));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_add_protocol(client, NULL));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_add_protocol(client, long_name));
  CHECK_INT(WEFT_OK, weft_tls_context_add_protocol(client, long_name + 1));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_add_ca(client, NULL, NULL));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_add_crl(client, NULL, NULL));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_set_ciphers(client, NULL, NULL));
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_set_certificate(client, NULL, NULL, NULL, NULL));
  weft_tls_context_unref(client);
  weft_tls_context_unref(NULL);
  CHECK(weft_tls_context_ref(NULL) == NULL);
}

TEST("a cipher that is not known is named") {
  weft_tls_context *context = new_context(WEFT_TLS_CLIENT);
  weft_error *error;
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_ciphers(context,
                                         "ECDHE-ECDSA-AES128-GCM-SHA256:HIGH:"
                                         "!aNULL:TLS_AES_128_GCM_SHA256",
                                         &error));
  CHECK_INT(WEFT_OK, weft_tls_context_set_ciphers(
                         context, "TLS_AES_128_GCM_SHA256", &error));
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_set_ciphers(context, "HIGH:ROT13", &error));
  check_error(error, WEFT_EINVAL, "there is no cipher called ROT13");
  CHECK_INT(WEFT_EINVAL,
            weft_tls_context_set_ciphers(context, "TLS_ROT_13", &error));
  check_error(error, WEFT_EINVAL, "there is no cipher called TLS_ROT_13");
  CHECK_INT(WEFT_EINVAL, weft_tls_context_set_ciphers(context, "", &error));
  check_error(error, WEFT_EINVAL, "no cipher is left");
  weft_tls_context_unref(context);
}

/* -- Replacing ------------------------------------------------------------ */

TEST("a context takes over the settings of another of its side") {
  weft_tls_context *one = new_context(WEFT_TLS_CLIENT);
  weft_tls_context *two = new_context(WEFT_TLS_CLIENT);
  weft_tls_context *server = new_context(WEFT_TLS_SERVER);
  CHECK_INT(WEFT_EINVAL, weft_tls_context_replace(one, NULL));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_replace(NULL, one));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_replace(one, one));
  CHECK_INT(WEFT_EINVAL, weft_tls_context_replace(one, server));
  CHECK_INT(WEFT_OK, weft_tls_context_replace(one, two));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_set_verify(one, 0));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_set_verify(two, 0));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_set_check_name(two, 0));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_set_resume(two, 0));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_set_truncation(two, 0));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_set_versions(two, 12, 13));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_add_protocol(two, "x"));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_add_ca(two, "x", NULL));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_add_crl(two, "x", NULL));
  CHECK_INT(WEFT_ESTATE, weft_tls_context_set_ciphers(two, "x", NULL));
  CHECK_INT(WEFT_ESTATE,
            weft_tls_context_set_certificate(two, "x", NULL, NULL, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_replace(one, two));
  weft_tls_context_unref(two);
  weft_tls_context_unref(one);
  weft_tls_context_unref(server);
}

/* -- Memory --------------------------------------------------------------- */

static int set_all(const struct papers *papers) {
  weft_tls_context *context;
  weft_error *error;
  int status = weft_tls_context_new(WEFT_TLS_SERVER, &context);
  if (status != WEFT_OK)
    return status;
  status = weft_tls_context_set_certificate(
      context, papers->server.pem, papers->server.key_pem, NULL, &error);
  weft_error_unref(error);
  if (status == WEFT_OK)
    status = weft_tls_context_add_ca(context, papers->authority.pem, &error);
  if (status == WEFT_OK)
    status = weft_tls_context_add_protocol(context, "http/1.1");
  if (status == WEFT_OK)
    status = weft_tls_context_set_ciphers(context, "HIGH", &error);
  weft_tls_context_unref(context);
  return status;
}

/* OpenSSL does not always say that it was memory it had none of; but it fails,
 * does not crash, and leaks nothing. */
TEST("without memory a context is not half made") {
  struct papers papers;
  memory_install();
  papers_make(&papers);
  CHECK_INT(WEFT_OK, set_all(&papers));
  CHECK_INT(WEFT_OK, set_all(&papers));
  long failures = 0, told = 0;
  for (long nth = 1;; nth += 1 + nth / 16) {
    long live = memory_live();
    memory_after(nth);
    int status = set_all(&papers);
    bool failed = memory_after(0);
    CHECK_INT(0, ERR_peek_error());
    CHECK_INT(live, memory_live());
    if (!failed)
      break;
    failures++;
    told += status == WEFT_ENOMEM;
  }
  CHECK(failures > 50 && told > 5);
  papers_free(&papers);
}
