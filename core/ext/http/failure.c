/* SPDX-License-Identifier: MIT
 * failure.c - what went wrong, as a code of weft's and one clear line.
 *
 * A line names the host and port where a connection was the trouble, and the
 * URL, without its query, where the answer was. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http.h"

#define MESSAGE_BYTES 1024

weft_error *http__error(int code, const char *format, ...) {
  char message[MESSAGE_BYTES];
  weft_error *error;
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return weft_error_new(code, NULL, message, &error) == WEFT_OK ? error : NULL;
}

int http__status_from_errno(int number) {
  static const struct {
    int number;
    int status;
  } CODES[] = {
      {EACCES, WEFT_EACCES},
      {EADDRNOTAVAIL, WEFT_EADDRNOTAVAIL},
      {EAFNOSUPPORT, WEFT_EAFNOSUPPORT},
      {ECONNABORTED, WEFT_ECONNABORTED},
      {ECONNREFUSED, WEFT_ECONNREFUSED},
      {ECONNRESET, WEFT_ECONNRESET},
      {EHOSTUNREACH, WEFT_EHOSTUNREACH},
      {EISDIR, WEFT_EISDIR},
      {EMFILE, WEFT_EMFILE},
      {ENAMETOOLONG, WEFT_ENAMETOOLONG},
      {ENETDOWN, WEFT_ENETDOWN},
      {ENETUNREACH, WEFT_ENETUNREACH},
      {ENFILE, WEFT_ENFILE},
      {ENOBUFS, WEFT_ENOBUFS},
      {ENOENT, WEFT_ENOENT},
      {ENOMEM, WEFT_ENOMEM},
      {ENOTDIR, WEFT_ENOTDIR},
      {EPERM, WEFT_EPERM},
      {EPIPE, WEFT_EPIPE},
      {ETIMEDOUT, WEFT_ETIMEDOUT_OS},
  };
  for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
    if (CODES[i].number == number)
      return CODES[i].status;
  return WEFT_EOTHER;
}

/* -- What libcurl reports ------------------------------------------------- */

/* The URL up to its query, which may hold what is not for a log. */
static int url_bytes(const struct http_transfer *transfer) {
  return (int)strcspn(transfer->response->url, "?#");
}

static int system_status(const struct http_transfer *transfer,
                         int default_status) {
  long number = 0;
  curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &number);
  return number == 0 ? default_status : http__status_from_errno((int)number);
}

static int of_connection(const struct http_transfer *transfer, int status,
                         weft_error **error) {
  const char *target = transfer->target;
  if (status == WEFT_ECONNREFUSED)
    *error = http__error(status, "%s refused the connection", target);
  else if (status == WEFT_ECONNRESET || status == WEFT_EPIPE)
    *error = http__error(status, "%s broke the connection off", target);
  else if (status == WEFT_EOTHER)
    *error = http__error(status, "%s: %s", target, transfer->error_text);
  else
    *error = http__error(status, "%s: %s", target, weft_strerror(status));
  return status;
}

static int of_early_end(const struct http_transfer *transfer,
                        weft_error **error) {
  const char *url = transfer->response->url;
  size_t came = transfer->response->body_total;
  curl_off_t expected = -1;
  curl_easy_getinfo(transfer->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
                    &expected);
  if (expected >= 0)
    *error = http__error(WEFT_EINCOMPLETE,
                         "the body of %.*s ended after %zu of %lld bytes",
                         url_bytes(transfer), url, came, (long long)expected);
  else
    *error = http__error(WEFT_EINCOMPLETE,
                         "the body of %.*s ended early, after %zu bytes",
                         url_bytes(transfer), url, came);
  return WEFT_EINCOMPLETE;
}

/* The reason is libcurl's, or rather OpenSSL's: "certificate has expired". */
static int of_certificate(const struct http_transfer *transfer,
                          weft_error **error) {
  static const char prefix[] = "SSL certificate problem: ";
  const char *why = transfer->error_text;
  if (strncmp(why, prefix, strlen(prefix)) == 0)
    why += strlen(prefix);
  else if (strstr(why, "target host name") != NULL)
    why = "it is for another host";
  *error = http__error(WEFT_EPROTO, "the certificate of %s is not accepted: %s",
                       transfer->target, why);
  return WEFT_EPROTO;
}

static int of_own(const struct http_transfer *transfer, weft_error **error) {
  if (transfer->own_status == WEFT_EOVERRUN)
    *error =
        http__error(WEFT_EOVERRUN, "the body of %.*s has more than %zu bytes",
                    url_bytes(transfer), transfer->response->url,
                    transfer->request->body_max_bytes);
  return transfer->own_status;
}

static int of_protocol(const struct http_transfer *transfer, const char *what,
                       weft_error **error) {
  *error = http__error(WEFT_EPROTO, "%s %s: %s", transfer->target, what,
                       transfer->error_text);
  return WEFT_EPROTO;
}

/* An exchange that broke in the middle. */
static int of_break(const struct http_transfer *transfer, weft_error **error) {
  if (transfer->response->has_head)
    return of_early_end(transfer, error);
  return of_connection(transfer, system_status(transfer, WEFT_ECONNRESET),
                       error);
}

/* What the server did wrong; NULL if it is not that. */
static const char *breach(CURLcode result) {
  switch (result) {
  case CURLE_SSL_CONNECT_ERROR:
    return "could not agree on TLS";
  case CURLE_BAD_CONTENT_ENCODING:
    return "sent a body that is wrongly encoded";
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_WEIRD_SERVER_REPLY:
    return "gave an answer that is no HTTP";
  case CURLE_HTTP2:
    return "broke the rules of HTTP/2";
  default:
    return NULL;
  }
}

/* In libcurl's own words. */
static int of_other(const struct http_transfer *transfer, CURLcode result,
                    weft_error **error) {
  const char *text = transfer->error_text;
  *error = http__error(WEFT_EOTHER, "%s: %s", transfer->target,
                       *text == '\0' ? curl_easy_strerror(result) : text);
  return WEFT_EOTHER;
}

int http__failure(const struct http_transfer *transfer, CURLcode result,
                  weft_error **error) {
  const char *what = breach(result);
  *error = NULL;
  if (transfer->own_status != WEFT_OK)
    return of_own(transfer, error);
  if (what != NULL)
    return of_protocol(transfer, what, error);
  switch (result) {
  case CURLE_OUT_OF_MEMORY:
    return WEFT_ENOMEM;
  case CURLE_COULDNT_CONNECT:
    return of_connection(transfer, system_status(transfer, WEFT_EOTHER), error);
  case CURLE_OPERATION_TIMEDOUT:
    return of_connection(transfer, WEFT_ETIMEDOUT_OS, error);
  case CURLE_GOT_NOTHING:
    *error = http__error(WEFT_ECONNRESET,
                         "%s closed the connection without an answer",
                         transfer->target);
    return WEFT_ECONNRESET;
  case CURLE_PARTIAL_FILE:
    return of_early_end(transfer, error);
  case CURLE_RECV_ERROR:
  case CURLE_SEND_ERROR:
  case CURLE_HTTP2_STREAM:
    return of_break(transfer, error);
  case CURLE_PEER_FAILED_VERIFICATION:
    return of_certificate(transfer, error);
  case CURLE_SSL_CACERT_BADFILE:
    *error = http__error(WEFT_EINVAL, "no certificates can be read from %s",
                         transfer->session->ca_file);
    return WEFT_EINVAL;
  default:
    return of_other(transfer, result, error);
  }
}

/* -- What did not get that far -------------------------------------------- */

weft_error *http__failure_to_start(const struct http_transfer *transfer,
                                   int status) {
  const char *host = transfer->host_name;
  if (status == WEFT_EHOSTNOTFOUND)
    return http__error(status, "there is no host called %s", host);
  if (status == WEFT_EHOSTTRYAGAIN)
    return http__error(status, "the host %s cannot be looked up just now",
                       host);
  if (status == WEFT_ENOMEM || host == NULL)
    return NULL;
  return http__error(status, "%s: %s", host, weft_strerror(status));
}
