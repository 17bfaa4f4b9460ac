/* SPDX-License-Identifier: MIT
 * http.h - what the files of the HTTP client share.
 *
 * The path of a request, and the file of each part of it:
 *
 *   perform (transfer.c) -> addresses (host.c) -> an easy handle (easy.c) is
 *     told what to ask (hop.c) -> libcurl, its sockets and times on the loop
 *     (loop.c) -> head and body (response.c) -> the hop has ended (transfer.c)
 *     -> the next hop (redirect.c), the response, or a failure (failure.c)
 *
 * A transfer lives from perform until the body has come, or all is aborted.
 * None of libcurl's callbacks runs code of a task: they wake tasks, which run
 * later. So no call of a user can arrive inside libcurl. */
#ifndef WEFT_HTTP_PRIVATE_H
#define WEFT_HTTP_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <curl/curl.h>

#include "weft_http.h"

#define HTTP__READ_AHEAD ((size_t)64 * 1024)
/* How many of libcurl's handles are kept for later requests. */
#define HTTP__SPARES_MAX 64

/* -- Sessions (session.c) and their loop (loop.c) ------------------------- */

struct http_transfer;
struct http_host;
struct http_socket;

struct weft_http_session {
  weft_runtime *rt; /* NULL once it has ended */
  CURLM *multi;
  struct http_transfer *transfers; /* all under way, newest first */
  struct http_socket **sockets;    /* those that are watched, by number */
  size_t socket_room;
  struct http_host *hosts;        /* names looked up or being looked up */
  weft_timer timer;               /* for libcurl's next time; 0: none */
  uint64_t timer_ns;              /* when it is due, no later than due_ns */
  uint64_t due_ns;                /* libcurl's next time */
  weft_timer rest;                /* a call that is to come; 0: none */
  weft_timer runtime_end;         /* never due, dropped with the runtime */
  CURL *spares[HTTP__SPARES_MAX]; /* easy handles that nobody uses */
  size_t spare_count;
  int loop_status; /* negative: a watch or a timer could not be made */
  struct curl_slist *usual_lines; /* headers of requests without others */
  struct curl_slist *past_lines;  /* were usual, and may still be in use */
  char *ca_file;                  /* NULL: the system's */
  bool verify;
};

/* Connects the multi handle with the runtime's loop. */
void http__loop_open(weft_http_session *session);
/* Ends the watches and the timer, while the sockets are still open. */
void http__loop_close(weft_http_session *session);
/* For libcurl, to close a socket: ends its watch first. */
int http__loop_close_socket(void *session, curl_socket_t fd);
/* Nothing is under way any more: soon no connection is watched. */
void http__loop_rest(weft_http_session *session);
/* Deals with the hops that libcurl has finished. */
void http__loop_collect(weft_http_session *session);

/* -- Easy handles (easy.c) ------------------------------------------------ */

static inline bool http__set_long(CURL *easy, CURLoption option, long value) {
  return curl_easy_setopt(easy, option, value) == CURLE_OK;
}
static inline bool http__set_text(CURL *easy, CURLoption option,
                                  const char *text) {
  return curl_easy_setopt(easy, option, text) == CURLE_OK;
}

/* One that knows all but what is asked, and of whom; NULL: no memory. */
CURL *http__easy_take(weft_http_session *session);
/* Makes the lines of the headers that requests have unless they bring their
 * own; false: no memory. */
bool http__easy_make_lines(const char *user_agent, struct curl_slist **lines);
/* Has it forget what it was asked; false: no memory. */
bool http__easy_forget(weft_http_session *session, CURL *easy);
void http__easy_give(weft_http_session *session, CURL *easy);
void http__easy_free_all(weft_http_session *session);

/* -- Hosts (host.c) ------------------------------------------------------- */

struct http_host {
  struct http_host *next;
  weft_http_session *session;
  char *name;
  char *addresses;     /* with commas between; NULL while not known */
  uint64_t expires_ns; /* when the addresses are to be looked up again */
  weft_resolve lookup; /* 0 unless under way */
  struct http_transfer *waiting; /* by next_waiting, in the order of coming */
};

/* Borrows the addresses of [name] if they are known; WEFT_PARKED if [transfer]
 * will be told by http__transfer_resolved. */
int http__host_find(struct http_transfer *transfer, const char *name,
                    const char **addresses);
/* Takes [transfer] out of those that wait for [host]. */
void http__host_leave(struct http_host *host, struct http_transfer *transfer);
void http__host_free_all(weft_http_session *session);

/* -- Headers (headers.c) and requests (request.c) ------------------------- */

/* Where the name and the value begin in the text. */
struct http_header {
  size_t name_at;
  size_t value_at;
};

struct http_headers {
  struct http_header *items;
  size_t count;
  size_t capacity;
  char *text;
  size_t text_bytes;
  size_t text_capacity;
};

int http__headers_add(struct http_headers *headers, const char *name,
                      size_t name_bytes, const char *value, size_t value_bytes);
/* Has the last value go on, after a space. */
int http__headers_extend(struct http_headers *headers, const char *text,
                         size_t size_bytes);
/* NULL where there is none. */
const char *http__headers_name(const struct http_headers *headers,
                               size_t index);
const char *http__headers_value(const struct http_headers *headers,
                                size_t index);
const char *http__headers_find(const struct http_headers *headers,
                               const char *name);
void http__headers_clear(struct http_headers *headers);
/* realloc, which for a block that is still NULL is dearer than malloc. */
void *http__grow(void *block, size_t size_bytes);
char *http__copy_bytes(const char *text, size_t size_bytes);

enum http_body { BODY_NONE, BODY_BYTES, BODY_FORM };

struct weft_http_request {
  size_t references; /* the caller's and one of each transfer */
  char *method;
  CURLU *url; /* without user and password */
  struct http_headers headers;
  enum http_body body_kind;
  char *body;
  size_t body_bytes;
  char *user; /* NULL: no basic credentials */
  char *password;
  char *bearer;
  size_t redirects_max;
  size_t body_max_bytes; /* 0: no limit */
  bool decode;
  bool stream;
};

void http__request_unref(weft_http_request *request);
/* Reads off a URL that has no user its text, the host without brackets, which
 * is libcurl's to free, and "host:port"; false: no memory. The three are NULL,
 * or the caller's, also then. */
bool http__url_read(CURLU *url, char **text, char **host,
                    char **target); /* url.c */
/* Turns all but ASCII in the host's name into its form for the network. */
bool http__url_normalize(CURLU *url);

/* -- Responses (response.c) ----------------------------------------------- */

struct weft_http_response {
  struct http_transfer *transfer; /* NULL once the body has ended */
  weft_task reader;               /* parked in fill; 0: none */
  int outcome;                    /* WEFT_EEND, or what ended the body early */
  weft_error *error;              /* which goes with that; may be NULL */
  int status;
  int version;
  char *reason;
  char *url;
  struct http_headers headers;
  bool has_head; /* of an answer that is not merely provisional */
  size_t redirects;
  uint64_t times_ns[4]; /* by enum weft_http_time */
  char *body;           /* a zero byte follows */
  size_t body_first;    /* where what was not consumed begins */
  size_t body_bytes;    /* of what was not consumed */
  size_t body_capacity;
  size_t body_total; /* all that came, consumed or not */
};

weft_http_response *http__response_new(void);
void http__response_reset(weft_http_response *response);
/* Takes one line of the head; false: no memory. */
bool http__response_add_line(weft_http_response *response, const char *line,
                             size_t size_bytes);
/* Appends to the body; false: no memory. */
bool http__response_add_body(weft_http_response *response, const char *data,
                             size_t size_bytes);
/* Some of the body has come. */
void http__response_wake(weft_http_response *response);
/* The transfer is over; takes over the reference to [error]. */
void http__response_end(weft_http_response *response, weft_runtime *rt,
                        int outcome, weft_error *error);

/* -- Transfers (transfer.c, hop.c, redirect.c) ---------------------------- */

struct http_transfer {
  struct http_transfer *next;         /* in session->transfers */
  struct http_transfer **link;        /* what points to this one there */
  struct http_transfer *next_waiting; /* in host->waiting */
  struct http_host *host; /* whose addresses it waits for, or NULL */
  weft_http_session *session;
  weft_http_request *request;   /* a reference */
  weft_http_response *response; /* own until it was given to the task */
  weft_task task;               /* parked in perform; 0 once it has its due */
  uint64_t began_ns;

  /* What the hop under way asks. */
  CURLU *url;      /* the request's, or one that a redirect made */
  char *host_name; /* as in the URL, without brackets; libcurl's to free */
  char *target;    /* "host:port", for messages */
  const char *method;
  bool has_body;
  bool has_credentials;
  size_t redirects;

  /* How it is asked. */
  CURL *easy;
  bool added;    /* to the multi handle */
  bool is_plain; /* what the handle was told, the next hop tells it anew */
  struct curl_slist *header_lines;
  struct curl_slist *resolve_lines;
  bool is_redirect; /* the answer will be followed, its body is not wanted */
  bool paused;      /* libcurl was told to wait until there is room */
  int own_status;   /* why a callback of ours stopped the hop; else WEFT_OK */
  char error_text[CURL_ERROR_SIZE];
};

/* Goes on with the hop: looks up the host, or begins. WEFT_OK, or a code with
 * the transfer unchanged but for a message in error_text. */
int http__transfer_start_hop(struct http_transfer *transfer);
/* Called once the host's addresses are known, or are not to be known. */
void http__transfer_resolved(struct http_transfer *transfer, int status,
                             const char *addresses);
/* Called when libcurl has finished the hop. */
void http__transfer_hop_ended(struct http_transfer *transfer, CURLcode result);
/* The answer's head is there: a streaming task gets its response. */
void http__transfer_head_came(struct http_transfer *transfer);
/* Ends the transfer and frees it; takes over the reference to [error]. */
void http__transfer_end(struct http_transfer *transfer, int status,
                        weft_error *error);
/* Frees it without a word to anyone. */
void http__transfer_abort(struct http_transfer *transfer);

/* Prepares the easy handle and gives it to libcurl; [addresses] NULL: the host
 * is one already. */
int http__hop_begin(struct http_transfer *transfer, const char *addresses);
void http__hop_end(struct http_transfer *transfer);
/* What each handle is told once (easy.c). */
bool http__hop_set_callbacks(CURL *easy);
void http__hop_read_times(struct http_transfer *transfer);
/* Lets the body come again. */
void http__hop_resume(struct http_transfer *transfer);

/* Whether the answer is a redirect to be followed (or to be refused). */
bool http__redirect_is(const struct http_transfer *transfer);
/* Sets up the next hop; a code with an error if there is none. */
int http__redirect_follow(struct http_transfer *transfer, weft_error **error);
/* Whether a header of the request belongs into this hop. */
bool http__redirect_keeps(const struct http_transfer *transfer,
                          const char *header_name);

/* -- Failures (failure.c) ------------------------------------------------- */

/* Makes an error of [code] and a message in printf's manner, NULL if there is
 * no memory, which all callers can live with. */
weft_error *http__error(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Says what a hop that libcurl ended with [result] failed of. */
int http__failure(const struct http_transfer *transfer, CURLcode result,
                  weft_error **error);
/* Says so of one that did not get to libcurl. */
weft_error *http__failure_to_start(const struct http_transfer *transfer,
                                   int status);
/* The code for a number of errno's. */
int http__status_from_errno(int number);

#endif
