/* SPDX-License-Identifier: MIT
 * loop.c - libcurl's sockets and times on the runtime's loop.
 *
 * libcurl says which sockets it waits for and when it wants to be called at the
 * latest; a watch and a timer of the runtime's do that. Its callbacks cannot
 * fail in a way that spares the other transfers of the session, so a failure
 * (no memory) is noted and ends them when libcurl has returned. */
#include <stdlib.h>

#include "http.h"

#define NS_PER_MS ((uint64_t)1000000)

struct http_socket {
  struct http_socket *next;
  struct http_socket **link;
  weft_http_session *session;
  curl_socket_t fd;
  weft_watch watch;
};

static void fail_all(weft_http_session *session) {
  int status = session->loop_status;
  if (status == WEFT_OK)
    return;
  session->loop_status = WEFT_OK;
  while (session->transfers != NULL)
    http__transfer_end(session->transfers, status, NULL);
}

static void set_timer(weft_http_session *session, long timeout_ms);

/* libcurl was called with [fd] or, CURL_SOCKET_TIMEOUT, with none. */
static void act(weft_http_session *session, curl_socket_t fd, int events) {
  int running;
  long timeout_ms = -1;
  curl_multi_socket_action(session->multi, fd, events, &running);
  http__loop_collect(session);
  fail_all(session);
  /* A time that does not change is not told again, though the timer that
   * stood for it is gone (libcurl's clock may be behind the runtime's). */
  curl_multi_timeout(session->multi, &timeout_ms);
  if (session->timer == 0 && timeout_ms >= 0)
    set_timer(session, timeout_ms);
}

void http__loop_collect(weft_http_session *session) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(session->multi, &left)) != NULL) {
    struct http_transfer *transfer;
    CURLcode result = message->data.result;
    if (message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    http__transfer_hop_ended(transfer, result);
  }
}

/* -- Times ---------------------------------------------------------------- */

static void on_time(weft_runtime *rt, void *arg) {
  weft_http_session *session = arg;
  weft_timer_close(rt, session->timer);
  session->timer = 0;
  act(session, CURL_SOCKET_TIMEOUT, 0);
}

static void set_timer(weft_http_session *session, long timeout_ms) {
  uint64_t now_ns;
  if (session->timer != 0)
    weft_timer_cancel(session->rt, session->timer, NULL);
  session->timer = 0;
  if (timeout_ms < 0)
    return;
  weft_now(session->rt, &now_ns);
  int status =
      weft_call_at(session->rt, now_ns + (uint64_t)timeout_ms * NS_PER_MS,
                   on_time, session, NULL, &session->timer);
  if (status != WEFT_OK)
    session->loop_status = status;
}

static int on_timeout(CURLM *multi, long timeout_ms, void *arg) {
  (void)multi;
  set_timer(arg, timeout_ms);
  return 0;
}

/* -- Sockets -------------------------------------------------------------- */

static void on_ready(weft_runtime *rt, void *arg, int status, int events) {
  struct http_socket *socket = arg;
  int what = 0;
  (void)rt;
  if (events & WEFT_READABLE)
    what |= CURL_CSELECT_IN;
  if (events & WEFT_WRITABLE)
    what |= CURL_CSELECT_OUT;
  if (status < 0)
    what |= CURL_CSELECT_ERR;
  act(socket->session, socket->fd, what);
}

static void free_socket(struct http_socket *socket) {
  weft_watch_close(socket->session->rt, socket->watch);
  *socket->link = socket->next;
  if (socket->next != NULL)
    socket->next->link = socket->link;
  free(socket);
}

static int new_socket(weft_http_session *session, curl_socket_t fd,
                      struct http_socket **out) {
  struct http_socket *socket = calloc(1, sizeof *socket);
  if (socket == NULL)
    return WEFT_ENOMEM;
  *socket = (struct http_socket){.session = session, .fd = fd};
  int status =
      weft_watch_new(session->rt, fd, on_ready, socket, NULL, &socket->watch);
  if (status != WEFT_OK) {
    free(socket);
    return status;
  }
  socket->next = session->sockets;
  socket->link = &session->sockets;
  if (socket->next != NULL)
    socket->next->link = &socket->next;
  session->sockets = socket;
  curl_multi_assign(session->multi, fd, socket);
  *out = socket;
  return WEFT_OK;
}

static int watch(weft_http_session *session, struct http_socket *socket,
                 curl_socket_t fd, int what) {
  int events = 0;
  int status = socket != NULL ? WEFT_OK : new_socket(session, fd, &socket);
  if (status != WEFT_OK)
    return status;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
    events |= WEFT_READABLE;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
    events |= WEFT_WRITABLE;
  return weft_watch_set(session->rt, socket->watch, events);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                     void *socket) {
  weft_http_session *session = arg;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (socket != NULL)
      free_socket(socket);
    curl_multi_assign(session->multi, fd, NULL);
    return 0;
  }
  int status = watch(session, socket, fd, what);
  if (status != WEFT_OK)
    session->loop_status = status;
  return 0;
}

/* -- Life ----------------------------------------------------------------- */

int http__loop_open(weft_http_session *session) {
  CURLM *multi = session->multi;
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, session);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, session);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  return WEFT_OK;
}

void http__loop_close(weft_http_session *session) {
  curl_multi_setopt(session->multi, CURLMOPT_SOCKETFUNCTION, NULL);
  curl_multi_setopt(session->multi, CURLMOPT_TIMERFUNCTION, NULL);
  for (struct http_socket *at = session->sockets, *next; at != NULL;
       at = next) {
    next = at->next;
    free_socket(at);
  }
  set_timer(session, -1);
}
