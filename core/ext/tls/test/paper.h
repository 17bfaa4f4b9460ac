/* SPDX-License-Identifier: MIT
 * paper.h - certificates and keys for the tests, made as they are needed. */
#ifndef WEFT_TLS_TEST_PAPER_H
#define WEFT_TLS_TEST_PAPER_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"

#define DAY_S (24L * 60 * 60)

struct paper {
  X509 *certificate;
  EVP_PKEY *key;
  char *pem; /* of the certificate */
  char *key_pem;
};

/* What a certificate is to say. */
struct wanted {
  const char *subject;      /* "localhost" */
  const char *names;        /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
  const struct paper *from; /* its issuer; NULL: itself */
  long begins_days;         /* from now */
  long ends_days;
  int is_authority;
};

/* What a memory BIO holds, as a string. */
static inline char *paper_text(BIO *bio) {
  char *data;
  long length = BIO_get_mem_data(bio, &data);
  char *text = malloc((size_t)length + 1);
  memcpy(text, data, (size_t)length);
  text[length] = '\0';
  BIO_free(bio);
  return text;
}

static inline void paper_extend(X509 *certificate, X509 *issuer, int kind,
                                const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
  CHECK(extension != NULL);
  CHECK_INT(1, X509_add_ext(certificate, extension, -1));
  X509_EXTENSION_free(extension);
}

static inline X509 *paper_certificate(const struct wanted *wanted,
                                      EVP_PKEY *key) {
  static long serial = 0x1000;
  X509 *made = X509_new();
  X509 *issuer = wanted->from == NULL ? made : wanted->from->certificate;
  EVP_PKEY *signer = wanted->from == NULL ? key : wanted->from->key;
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made), wanted->begins_days * DAY_S);
  X509_gmtime_adj(X509_getm_notAfter(made), wanted->ends_days * DAY_S);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             (const unsigned char *)wanted->subject, -1, -1, 0);
  X509_set_issuer_name(made, X509_get_subject_name(issuer));
  X509_set_pubkey(made, key);
  if (wanted->names != NULL)
    paper_extend(made, issuer, NID_subject_alt_name, wanted->names);
  if (wanted->is_authority)
    paper_extend(made, issuer, NID_basic_constraints, "critical,CA:TRUE");
  CHECK(X509_sign(made, signer, EVP_sha256()) > 0);
  return made;
}

static inline void paper_make(struct paper *paper, struct wanted wanted) {
  BIO *text = BIO_new(BIO_s_mem());
  paper->key = EVP_EC_gen("P-256");
  paper->certificate = paper_certificate(&wanted, paper->key);
  PEM_write_bio_X509(text, paper->certificate);
  paper->pem = paper_text(text);
  text = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(text, paper->key, NULL, NULL, 0, NULL, NULL);
  paper->key_pem = paper_text(text);
}

/* The key's PEM, encrypted; the caller's to free. */
static inline char *paper_lock(const struct paper *paper,
                               const char *password) {
  BIO *text = BIO_new(BIO_s_mem());
  CHECK_INT(1, PEM_write_bio_PKCS8PrivateKey(
                   text, paper->key, EVP_aes_256_cbc(), password,
                   (int)strlen(password), NULL, NULL));
  return paper_text(text);
}

/* A revocation list of [authority]'s that names [revoked], NULL for none; the
 * caller's to free. */
static inline char *paper_revoke(const struct paper *authority,
                                 const struct paper *revoked) {
  X509_CRL *list = X509_CRL_new();
  ASN1_TIME *now = X509_gmtime_adj(NULL, -DAY_S);
  ASN1_TIME *next = X509_gmtime_adj(NULL, DAY_S);
  X509_CRL_set_version(list, 1);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->certificate));
  X509_CRL_set1_lastUpdate(list, now);
  X509_CRL_set1_nextUpdate(list, next);
  if (revoked != NULL) {
    X509_REVOKED *entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry,
                                  X509_get_serialNumber(revoked->certificate));
    X509_REVOKED_set_revocationDate(entry, now);
    X509_CRL_add0_revoked(list, entry);
  }
  CHECK(X509_CRL_sign(list, authority->key, EVP_sha256()) > 0);
  BIO *text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(text, list);
  ASN1_TIME_free(now);
  ASN1_TIME_free(next);
  X509_CRL_free(list);
  return paper_text(text);
}

static inline void paper_free(struct paper *paper) {
  X509_free(paper->certificate);
  EVP_PKEY_free(paper->key);
  free(paper->pem);
  free(paper->key_pem);
  *paper = (struct paper){NULL, NULL, NULL, NULL};
}

/* An authority, and a certificate of its for localhost: what most tests need.
 */
struct papers {
  struct paper authority;
  struct paper server;
};

static inline void papers_make(struct papers *papers) {
  paper_make(&papers->authority,
             (struct wanted){"Test authority", NULL, NULL, -1, 2, 1});
  paper_make(&papers->server,
             (struct wanted){"localhost", "DNS:localhost,IP:127.0.0.1",
                             &papers->authority, -1, 2, 0});
}

static inline void papers_free(struct papers *papers) {
  paper_free(&papers->authority);
  paper_free(&papers->server);
}

#endif
