/* SPDX-License-Identifier: MIT
 * certificate.c - what a certificate says, as text and as a value. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/pem.h>

#include "tls.h"

#define TEXT_BYTES 512
/* One line, in the order of the certificate, with UTF-8 as it is. */
#define NAME_FLAGS                                                             \
  ((XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ) |               \
   ASN1_STRFLGS_UTF8_CONVERT)

/* -- Texts ---------------------------------------------------------------- */

void tls__time_text(const ASN1_TIME *time, char *text, size_t size_bytes) {
  struct tm parts;
  if (ASN1_TIME_to_tm(time, &parts) != 1 ||
      strftime(text, size_bytes, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0)
    snprintf(text, size_bytes, "an unreadable date");
}

/* What a BIO holds, as far as there is room. */
static void copy_text(BIO *bio, char *text, size_t size_bytes) {
  char *data;
  long length = BIO_get_mem_data(bio, &data);
  snprintf(text, size_bytes, "%.*s", (int)length, length > 0 ? data : "");
}

void tls__name_text(const X509_NAME *name, char *text, size_t size_bytes) {
  BIO *bio = BIO_new(BIO_s_mem());
  text[0] = '\0';
  if (bio != NULL && X509_NAME_print_ex(bio, name, 0, NAME_FLAGS) >= 0)
    copy_text(bio, text, size_bytes);
  if (text[0] == '\0')
    snprintf(text, size_bytes, "nobody");
  BIO_free(bio);
}

/* A name of a certificate as text, cut off at a zero byte, which none that is
 * honest has; false for a kind that has no text here. */
static bool general_text(const GENERAL_NAME *name, char *text,
                         size_t size_bytes) {
  const ASN1_STRING *string;
  if (name->type == GEN_IPADD) {
    string = name->d.iPAddress;
    int length = ASN1_STRING_length(string);
    int family = length == 4 ? AF_INET : AF_INET6;
    return (length == 4 || length == 16) &&
           inet_ntop(family, ASN1_STRING_get0_data(string), text,
                     (socklen_t)size_bytes) != NULL;
  }
  if (name->type != GEN_DNS && name->type != GEN_EMAIL && name->type != GEN_URI)
    return false;
  string = name->d.ia5;
  snprintf(text, size_bytes, "%.*s", ASN1_STRING_length(string),
           (const char *)ASN1_STRING_get0_data(string));
  return true;
}

static GENERAL_NAMES *names_of(const X509 *certificate) {
  return X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

void tls__names_text(const X509 *certificate, char *text, size_t size_bytes) {
  GENERAL_NAMES *names = names_of(certificate);
  char one[TEXT_BYTES];
  size_t length = 0;
  text[0] = '\0';
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    if (!general_text(sk_GENERAL_NAME_value(names, i), one, sizeof one))
      continue;
    const char *gap = length == 0 ? "" : ", ";
    if (length + strlen(gap) + strlen(one) + sizeof ", ..." > size_bytes) {
      snprintf(text + length, size_bytes - length, "%s...", gap);
      break;
    }
    length +=
        (size_t)snprintf(text + length, size_bytes - length, "%s%s", gap, one);
  }
  if (text[0] == '\0')
    snprintf(text, size_bytes, "no name at all");
  GENERAL_NAMES_free(names);
}

/* -- Values --------------------------------------------------------------- */

enum field {
  SUBJECT,
  ISSUER,
  NAMES,
  SERIAL,
  NOT_BEFORE,
  NOT_AFTER,
  FINGERPRINT,
  PEM,
  FIELDS
};

static const char *const field_names[FIELDS] = {
    "subject",    "issuer",    "names",       "serial",
    "not_before", "not_after", "fingerprint", "pem"};

static int text_value(const char *text, weft_value **value) {
  return weft_value_new_bytes(text, strlen(text), value);
}

static int name_value(const X509_NAME *name, weft_value **value) {
  char text[TEXT_BYTES];
  tls__name_text(name, text, sizeof text);
  return text_value(text, value);
}

static int time_value(const ASN1_TIME *time, weft_value **value) {
  char text[64];
  tls__time_text(time, text, sizeof text);
  return text_value(text, value);
}

static int serial_value(X509 *certificate, weft_value **value) {
  BIGNUM *number =
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
  char *text = number == NULL ? NULL : BN_bn2hex(number);
  int status = text == NULL ? WEFT_ENOMEM : text_value(text, value);
  OPENSSL_free(text);
  BN_free(number);
  return status;
}

static int fingerprint_value(const X509 *certificate, weft_value **value) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  char text[2 * EVP_MAX_MD_SIZE + 1] = "";
  unsigned length;
  if (X509_digest(certificate, EVP_sha256(), digest, &length) != 1)
    return WEFT_ENOMEM;
  for (unsigned i = 0; i < length; i++)
    snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
  return text_value(text, value);
}

static int pem_value(X509 *certificate, weft_value **value) {
  BIO *bio = BIO_new(BIO_s_mem());
  char *data;
  int status = WEFT_ENOMEM;
  if (bio != NULL && PEM_write_bio_X509(bio, certificate) == 1) {
    long length = BIO_get_mem_data(bio, &data);
    status = weft_value_new_bytes(data, (size_t)length, value);
  }
  BIO_free(bio);
  return status;
}

static void unref_all(weft_value **values, size_t count) {
  for (size_t i = 0; i < count; i++)
    weft_value_unref(values[i]);
}

/* Fills [texts], for as many as there are [names]; gives the number. */
static int name_texts(GENERAL_NAMES *names, weft_value **texts, size_t *count) {
  char text[TEXT_BYTES];
  int status = WEFT_OK;
  *count = 0;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && status == WEFT_OK; i++) {
    if (!general_text(sk_GENERAL_NAME_value(names, i), text, sizeof text))
      continue;
    status = text_value(text, &texts[*count]);
    *count += status == WEFT_OK;
  }
  return status;
}

static int names_value(const X509 *certificate, weft_value **value) {
  GENERAL_NAMES *names = names_of(certificate);
  size_t most = names == NULL ? 0 : (size_t)sk_GENERAL_NAME_num(names);
  weft_value **texts = OPENSSL_malloc((most + 1) * sizeof *texts);
  size_t count = 0;
  int status = texts == NULL ? WEFT_ENOMEM : name_texts(names, texts, &count);
  if (status == WEFT_OK)
    status = weft_value_new_list(texts, count, value);
  if (texts != NULL)
    unref_all(texts, count);
  OPENSSL_free(texts);
  GENERAL_NAMES_free(names);
  return status;
}

static int field_value(X509 *certificate, enum field field,
                       weft_value **value) {
  switch (field) {
  case SUBJECT:
    return name_value(X509_get_subject_name(certificate), value);
  case ISSUER:
    return name_value(X509_get_issuer_name(certificate), value);
  case NAMES:
    return names_value(certificate, value);
  case SERIAL:
    return serial_value(certificate, value);
  case NOT_BEFORE:
    return time_value(X509_get0_notBefore(certificate), value);
  case NOT_AFTER:
    return time_value(X509_get0_notAfter(certificate), value);
  case FINGERPRINT:
    return fingerprint_value(certificate, value);
  default:
    return pem_value(certificate, value);
  }
}

int tls__certificate_value(X509 *certificate, weft_value **value) {
  weft_value *keys[FIELDS] = {NULL}, *values[FIELDS] = {NULL};
  int status = WEFT_OK;
  *value = NULL;
  for (int i = 0; i < FIELDS && status == WEFT_OK; i++) {
    status = text_value(field_names[i], &keys[i]);
    if (status == WEFT_OK)
      status = field_value(certificate, (enum field)i, &values[i]);
  }
  if (status == WEFT_OK)
    status = weft_value_new_map(keys, values, FIELDS, value);
  unref_all(keys, FIELDS);
  unref_all(values, FIELDS);
  ERR_clear_error();
  return status;
}
