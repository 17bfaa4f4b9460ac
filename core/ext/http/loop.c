/* SPDX-License-Identifier: MIT
 * loop.c - libcurl's sockets and times on the runtime's loop.
 *
 * libcurl says which sockets it waits for and when it wants to be called at the
 * latest; a watch and a timer of the runtime's do that. Its callbacks cannot
 * fail in a way that spares the other transfers of the session, so a failure
 * (no memory) is noted and ends them when libcurl has returned.
 *
 * libcurl lets go of a socket at the end of each transfer and takes it again
 * for the next one on that connection. Telling the kernel of both would be
 * several system calls a fetch, so the watch goes on until the socket is
 * closed, or until the session has nothing under way: an idle connection is
 * nothing to wait for. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"

#define NS_PER_MS ((uint64_t)1000000)

struct http_socket {
  weft_http_session *session;
  curl_socket_t fd;
  weft_watch watch;
  int events;   /* what is watched for */
  bool is_idle; /* libcurl has let go of it */
};

static void fail_all(weft_http_session *session) {
  int status = session->loop_status;
  if (status == WEFT_OK)
    return;
  session->loop_status = WEFT_OK;
  while (session->transfers != NULL)
    http__transfer_end(session->transfers, status, NULL);
}

static void ask_for_time(weft_http_session *session);

/* libcurl was called with [fd] or, CURL_SOCKET_TIMEOUT, with none. */
static void act(weft_http_session *session, curl_socket_t fd, int events) {
  int running;
  curl_multi_socket_action(session->multi, fd, events, &running);
  http__loop_collect(session);
  fail_all(session);
  /* A time that does not change is not told again, though the timer that
   * stood for it is gone (libcurl's clock may be behind the runtime's). */
  if (session->timer == 0)
    ask_for_time(session);
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

static void start_timer(weft_http_session *session);

static void on_time(weft_runtime *rt, void *arg) {
  weft_http_session *session = arg;
  uint64_t now_ns;
  weft_timer_close(rt, session->timer);
  session->timer = 0;
  weft_now(rt, &now_ns);
  if (now_ns < session->due_ns) {
    start_timer(session);
    fail_all(session);
  } else {
    act(session, CURL_SOCKET_TIMEOUT, 0);
  }
}

static void start_timer(weft_http_session *session) {
  int status = weft_call_at(session->rt, session->due_ns, on_time, session,
                            NULL, &session->timer);
  session->timer_ns = session->due_ns;
  if (status != WEFT_OK)
    session->loop_status = status;
}

static void stop_timer(weft_http_session *session) {
  if (session->timer != 0)
    weft_timer_cancel(session->rt, session->timer, NULL);
  session->timer = 0;
}

/* libcurl changes its time several times a fetch, mostly to a later one: the
 * timer is left as it is then, and started anew when it comes due too early. */
static void set_timer(weft_http_session *session, long timeout_ms) {
  uint64_t now_ns;
  weft_now(session->rt, &now_ns);
  session->due_ns = now_ns + (uint64_t)timeout_ms * NS_PER_MS;
  if (session->timer != 0 && session->timer_ns <= session->due_ns)
    return;
  stop_timer(session);
  start_timer(session);
}

static void ask_for_time(weft_http_session *session) {
  long timeout_ms = -1;
  curl_multi_timeout(session->multi, &timeout_ms);
  if (timeout_ms >= 0)
    set_timer(session, timeout_ms);
}

static int on_timeout(CURLM *multi, long timeout_ms, void *arg) {
  (void)multi;
  if (timeout_ms < 0)
    stop_timer(arg);
  else
    set_timer(arg, timeout_ms);
  return 0;
}

/* -- Sockets -------------------------------------------------------------- */

/* The sockets stand at their numbers. NULL if it is not watched. */
static struct http_socket *find_socket(weft_http_session *session,
                                       curl_socket_t fd) {
  return (size_t)fd < session->socket_room ? session->sockets[fd] : NULL;
}

static bool make_room(weft_http_session *session, curl_socket_t fd) {
  size_t old = session->socket_room, room = old == 0 ? 64 : old;
  while (room <= (size_t)fd)
    room *= 2;
  if (room == old)
    return true;
  struct http_socket **sockets =
      realloc(session->sockets, room * sizeof(struct http_socket *));
  if (sockets == NULL)
    return false;
  memset(sockets + old, 0, (room - old) * sizeof(struct http_socket *));
  session->sockets = sockets;
  session->socket_room = room;
  return true;
}

static int set_events(struct http_socket *socket, int events) {
  int status = WEFT_OK;
  if (events != socket->events)
    status = weft_watch_set(socket->session->rt, socket->watch, events);
  if (status == WEFT_OK)
    socket->events = events;
  return status;
}

/* An idle connection that has something to say was mostly closed by its server,
 * which libcurl sees when it wants to use it again. */
static void on_ready(weft_runtime *rt, void *arg, int status, int events) {
  struct http_socket *socket = arg;
  int what = 0;
  (void)rt;
  if (socket->is_idle) {
    set_events(socket, 0);
    return;
  }
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
  socket->session->sockets[socket->fd] = NULL;
  free(socket);
}

static int new_socket(weft_http_session *session, curl_socket_t fd,
                      struct http_socket **out) {
  if (!make_room(session, fd))
    return WEFT_ENOMEM;
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
  session->sockets[fd] = socket;
  *out = socket;
  return WEFT_OK;
}

static int watch(weft_http_session *session, curl_socket_t fd, int what) {
  struct http_socket *socket = find_socket(session, fd);
  int events = 0;
  int status = socket != NULL ? WEFT_OK : new_socket(session, fd, &socket);
  if (status != WEFT_OK)
    return status;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
    events |= WEFT_READABLE;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
    events |= WEFT_WRITABLE;
  socket->is_idle = false;
  return set_events(socket, events);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                     void *unused) {
  weft_http_session *session = arg;
  struct http_socket *socket = find_socket(session, fd);
  int status = WEFT_OK;
  (void)easy;
  (void)unused;
  if (what != CURL_POLL_REMOVE)
    status = watch(session, fd, what);
  else if (socket != NULL)
    socket->is_idle = true;
  if (status != WEFT_OK)
    session->loop_status = status;
  return 0;
}

int http__loop_close_socket(void *arg, curl_socket_t fd) {
  struct http_socket *socket = find_socket(arg, fd);
  if (socket != NULL)
    free_socket(socket);
  return close(fd);
}

/* -- Rest ----------------------------------------------------------------- */

static void free_sockets(weft_http_session *session) {
  for (size_t i = 0; i < session->socket_room; i++)
    if (session->sockets[i] != NULL)
      free_socket(session->sockets[i]);
}

static void on_rest(weft_runtime *rt, void *arg) {
  weft_http_session *session = arg;
  weft_timer_close(rt, session->rest);
  session->rest = 0;
  if (session->transfers == NULL)
    free_sockets(session);
}

/* Not at once: the task that has just got its answer may ask again. */
void http__loop_rest(weft_http_session *session) {
  if (session->rest != 0 || session->socket_room == 0)
    return;
  int status =
      weft_call_soon(session->rt, on_rest, session, NULL, &session->rest);
  if (status != WEFT_OK)
    free_sockets(session);
}

/* -- Life ----------------------------------------------------------------- */

void http__loop_open(weft_http_session *session) {
  CURLM *multi = session->multi;
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, session);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, session);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timeout);
}

void http__loop_close(weft_http_session *session) {
  curl_multi_setopt(session->multi, CURLMOPT_SOCKETFUNCTION, NULL);
  curl_multi_setopt(session->multi, CURLMOPT_TIMERFUNCTION, NULL);
  free_sockets(session);
  if (session->rest != 0)
    weft_timer_cancel(session->rt, session->rest, NULL);
  session->rest = 0;
  stop_timer(session);
}
