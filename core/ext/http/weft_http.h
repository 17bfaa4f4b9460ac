/* SPDX-License-Identifier: MIT
 * weft_http.h - the public ABI of libweft_http, the HTTP client. A symbol that
 * is not here is private.
 *
 * The words and rules of weft.h hold. libcurl's multi interface does the
 * protocol on the runtime's own loop; there is no thread but libuv's, in which
 * names are looked up. Time is limited by scopes, so nothing here takes a
 * timeout.
 *
 * Requests and responses are plain objects. Everything is to be used on the
 * runtime's thread; using an object after its close is an error that cannot be
 * detected.
 *
 * When a parking call fails, its value is a weft_error *, owned
 * (weft_error_unref), whose one-line message says what happened to which host
 * or URL; it is 0 for WEFT_ECANCELLED, and where the code says it all. */
#ifndef WEFT_HTTP_H
#define WEFT_HTTP_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- Sessions -------------------------------------------------------------
 * A session keeps the connections that its requests have used, so that later
 * ones need not connect again, and bounds their number. Settings apply to the
 * requests that are performed afterwards. */
typedef struct weft_http_session weft_http_session;

/* Makes a session in [rt]. Owned: weft_http_session_close. One that is still
 * open when its runtime is freed is ended with it, and is still to be closed.
 * parks: no    errors: WEFT_ENOMEM */
WEFT_API int weft_http_session_new(weft_runtime *rt,
                                   weft_http_session **session);

/* Aborts what is under way, which ends with WEFT_ECLOSED, closes the
 * connections and frees the session; NULL is fine. Responses live on.
 * parks: no    errors: none */
WEFT_API int weft_http_session_close(weft_http_session *session);

/* Sets the User-Agent header of requests that do not bring their own; NULL
 * sends none. Default "weft/" and weft_version().
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (a control character) */
WEFT_API int weft_http_session_set_user_agent(weft_http_session *session,
                                              const char *user_agent);

/* Trusts the certificates in the PEM file [path] instead of the system's; NULL,
 * the default, is the system's.
 * parks: no    errors: WEFT_ENOMEM, codes of the system (it cannot be read) */
WEFT_API int weft_http_session_set_ca_file(weft_http_session *session,
                                           const char *path);

/* Checks the server's certificate and that it is for the host asked (1, the
 * default), or neither (0): then anyone on the way can read and change all.
 * parks: no    errors: none */
WEFT_API int weft_http_session_set_verify(weft_http_session *session, int on);

/* Has at most [total_max] connections open at once, and [host_max] to one host
 * and port, 0 for any number; a request beyond that waits for a place. Default
 * 100 and 0.
 * parks: no    errors: WEFT_EINVAL (more than an int holds) */
WEFT_API int weft_http_session_set_limits(weft_http_session *session,
                                          size_t total_max, size_t host_max);

/* Gives the number of requests under way, of which some may be responses that
 * are still being read.
 * parks: no    errors: WEFT_ECLOSED (it ended with its runtime) */
WEFT_API int weft_http_session_get_count(const weft_http_session *session,
                                         size_t *requests);

/* -- Requests -------------------------------------------------------------
 * What to ask, in no runtime. A request may be performed any number of times;
 * while one is, setters return WEFT_EBUSY. What they are given is copied. */
typedef struct weft_http_request weft_http_request;

/* Makes a request of [method], an HTTP token, for [url], http or https. A user
 * and password in the URL become weft_http_request_set_basic; what may not
 * stand in a URL, as a space, is encoded; a host's name beyond ASCII is read as
 * the process's locale has it. Owned: weft_http_request_close.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EINVAL (no method, or no such URL) */
WEFT_API int weft_http_request_new(const char *method, const char *url,
                                   weft_http_request **request);

/* Gives the request back; NULL is fine. One under way goes on.
 * parks: no    errors: none */
WEFT_API int weft_http_request_close(weft_http_request *request);

/* Adds a header after those there are. A name may be added more than once.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EBUSY, WEFT_EINVAL ([name] is no
 * token, or Content-Length or Transfer-Encoding, which follow from the body;
 * [value] has a control character) */
WEFT_API int weft_http_request_add_header(weft_http_request *request,
                                          const char *name, const char *value);

/* Adds name=value, both encoded, to the URL's query.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EBUSY, WEFT_EINVAL (NULL) */
WEFT_API int weft_http_request_add_param(weft_http_request *request,
                                         const char *name, const char *value);

/* Adds name=value, both encoded, to a body that is a form.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EBUSY, WEFT_EINVAL (NULL), WEFT_ESTATE
 * (the body is of weft_http_request_set_body) */
WEFT_API int weft_http_request_add_field(weft_http_request *request,
                                         const char *name, const char *value);

/* Sets the body. Default none.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EBUSY, WEFT_EINVAL (NULL with a size),
 * WEFT_ESTATE (it is a form) */
WEFT_API int weft_http_request_set_body(weft_http_request *request,
                                        const void *data, size_t size_bytes);

/* Sends [user] and [password] by HTTP's basic scheme. Default none.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EBUSY, WEFT_EINVAL (NULL; a colon in
 * the user's name) */
WEFT_API int weft_http_request_set_basic(weft_http_request *request,
                                         const char *user,
                                         const char *password);

/* Sends "Authorization: Bearer [token]". Default none.
 * parks: no    errors: WEFT_ENOMEM, WEFT_EBUSY, WEFT_EINVAL */
WEFT_API int weft_http_request_set_bearer(weft_http_request *request,
                                          const char *token);

/* Follows at most [redirects_max] redirects; one more is a WEFT_EPROTO. With 0
 * none is followed and the redirect is the response. Default 10.
 *
 * 303 makes a GET of what is no GET or HEAD, 301 and 302 of a POST; the body
 * then is dropped, and headers that begin with "Content-". 307 and 308 repeat
 * the request. Where scheme, host or port change, Authorization, Cookie, Host
 * and the basic and bearer credentials are dropped for good.
 * parks: no    errors: WEFT_EBUSY */
WEFT_API int weft_http_request_set_redirects_max(weft_http_request *request,
                                                 size_t redirects_max);

/* Fails with WEFT_EOVERRUN once the body, decoded, has more than
 * [size_max_bytes]; 0, the default, is no limit.
 * parks: no    errors: WEFT_EBUSY */
WEFT_API int weft_http_request_set_body_max(weft_http_request *request,
                                            size_t size_max_bytes);

/* Asks for a compressed body and decodes it (1, the default), or leaves it as
 * it comes (0). The headers stay those that were sent.
 * parks: no    errors: WEFT_EBUSY */
WEFT_API int weft_http_request_set_decode(weft_http_request *request, int on);

/* Has weft_http_perform return as soon as the headers are there (1), the body
 * being read by weft_http_response_fill, or with all of it (0, the default).
 * parks: no    errors: WEFT_EBUSY */
WEFT_API int weft_http_request_set_stream(weft_http_request *request, int on);

/* -- Performing ----------------------------------------------------------- */
typedef struct weft_http_response weft_http_response;

/* Performs [request] and waits for the response. Any status of HTTP is a
 * response, no error.
 * parks: yes
 * value: a weft_http_response *, owned: weft_http_response_close; or an error
 * errors: WEFT_ECANCELLED; WEFT_ECLOSED (the session); WEFT_EINVAL (NULL, or a
 * HEAD with a body); WEFT_EHOSTNOTFOUND, WEFT_EHOSTTRYAGAIN; WEFT_EINCOMPLETE
 * (the body ended early); WEFT_EOVERRUN (the body is too large); WEFT_EPROTO
 * (TLS, a certificate that is not accepted, an answer that is no HTTP, a
 * redirect that cannot be followed); WEFT_ENOMEM; codes of the system
 * cancelled: the transfer is aborted and its connection closed; whether the
 * server got the request is not known */
WEFT_API int weft_http_perform(weft_runtime *rt, weft_http_session *session,
                               weft_http_request *request, uint64_t *value);

/* -- Responses ------------------------------------------------------------ */

/* Frees the response, aborting one that is still coming; NULL is fine. Who
 * waits in weft_http_response_fill gets WEFT_ECLOSED.
 * parks: no    errors: none */
WEFT_API int weft_http_response_close(weft_http_response *response);

/* Returns the status, 200.                     parks: no  errors: none */
WEFT_API int weft_http_response_get_status(const weft_http_response *response);
/* Returns HTTP's version, 10, 11, 20 or 30.    parks: no  errors: none */
WEFT_API int weft_http_response_get_version(const weft_http_response *response);
/* Borrows the words after the status, "" if there were none, as in HTTP/2.
 * parks: no    errors: none */
WEFT_API const char *
weft_http_response_get_reason(const weft_http_response *response);
/* Borrows the URL that answered, after redirects, without user and password.
 * parks: no    errors: none */
WEFT_API const char *
weft_http_response_get_url(const weft_http_response *response);
/* Returns the number of redirects followed.    parks: no  errors: none */
WEFT_API size_t
weft_http_response_get_redirects(const weft_http_response *response);

/* Returns the number of headers.               parks: no  errors: none */
WEFT_API size_t
weft_http_response_get_header_count(const weft_http_response *response);
/* Borrows the [index]th header's name as it was sent, NULL past the end. Names
 * and values are one text, from the first name to the zero byte of the last
 * value: behind the zero byte of each name is its value, then the next name.
 * parks: no    errors: none */
WEFT_API const char *
weft_http_response_get_header_name(const weft_http_response *response,
                                   size_t index);
/* Borrows the [index]th header's value, NULL past the end.
 * parks: no    errors: none */
WEFT_API const char *
weft_http_response_get_header_value(const weft_http_response *response,
                                    size_t index);
/* Borrows the value of the first header called [name] in whatever case, NULL if
 * there is none.
 * parks: no    errors: none */
WEFT_API const char *
weft_http_response_get_header(const weft_http_response *response,
                              const char *name);

/* Points of a request's time; but for the total they are those of the last
 * redirect's hop, and 0 where a connection was used again. */
enum weft_http_time {
  WEFT_HTTP_TIME_TOTAL = 0,     /* from the call to the last byte so far */
  WEFT_HTTP_TIME_CONNECTED = 1, /* the connection stands */
  WEFT_HTTP_TIME_SECURED = 2,   /* TLS stands */
  WEFT_HTTP_TIME_FIRST_BYTE = 3 /* the answer begins */
};

/* Returns the time of [point] in nanoseconds, 0 for what is no point.
 * parks: no    errors: none */
WEFT_API uint64_t
weft_http_response_get_time(const weft_http_response *response, int point);

/* Waits until some of the body is there to be taken; one that came whole is.
 * One reader at a time. At most about 64 KiB are read ahead: then the server
 * is kept waiting.
 * parks: yes   value: 0, or an error
 * errors: WEFT_ECANCELLED; WEFT_EEND (that was all); WEFT_ECLOSED; WEFT_EBUSY
 * (another task reads); those of weft_http_perform
 * cancelled: no byte is lost */
WEFT_API int weft_http_response_fill(weft_runtime *rt,
                                     weft_http_response *response,
                                     uint64_t *value);
/* Borrows, until the next call on the response, what of the body is there and
 * was not consumed; a zero byte follows that is not counted.
 * parks: no    errors: none */
WEFT_API int weft_http_response_peek(const weft_http_response *response,
                                     const char **data, size_t *size_bytes);
/* Takes [size_bytes] off the front of what is there.
 * parks: no    errors: WEFT_EINVAL (more than is there) */
WEFT_API int weft_http_response_consume(weft_http_response *response,
                                        size_t size_bytes);

#ifdef __cplusplus
}
#endif

#endif
