/* SPDX-License-Identifier: MIT
 * session.c - the life and the settings of a session.
 *
 * A session has one multi handle of libcurl's, which pools the connections. It
 * cannot outlive its runtime's loop, so it keeps a timer that never comes due:
 * the runtime drops it at its end, and the session then ends itself. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http.h"

#define TOTAL_MAX 100

/* -- Life ----------------------------------------------------------------- */

/* What is left of a session that has ended is its memory. */
static void end_session(weft_http_session *session, const char *why) {
  while (session->transfers != NULL)
    http__transfer_end(session->transfers, WEFT_ECLOSED,
                       http__error(WEFT_ECLOSED, "%s", why));
  http__host_free_all(session);
  http__loop_close(session);
  http__easy_free_all(session);
  curl_multi_cleanup(session->multi);
  session->multi = NULL;
  session->rt = NULL;
}

static void on_never(weft_runtime *rt, void *arg) {
  (void)rt;
  (void)arg;
}

/* The runtime goes, or the session gave the timer back. */
static void on_runtime_end(void *arg) {
  weft_http_session *session = arg;
  if (session->runtime_end == 0)
    return;
  session->runtime_end = 0;
  end_session(session, "the runtime has ended");
}

static int set_default_user_agent(weft_http_session *session) {
  char text[64];
  snprintf(text, sizeof text, "weft/%s", weft_version());
  return weft_http_session_set_user_agent(session, text);
}

static int open_session(weft_http_session *session) {
  int status = set_default_user_agent(session);
  if (status != WEFT_OK)
    return status;
  session->multi = curl_multi_init();
  if (session->multi == NULL)
    return WEFT_ENOMEM;
  http__loop_open(session);
  status = weft_http_session_set_limits(session, TOTAL_MAX, 0);
  if (status != WEFT_OK)
    return status;
  return weft_call_at(session->rt, UINT64_MAX, on_never, session,
                      on_runtime_end, &session->runtime_end);
}

static void free_session(weft_http_session *session) {
  if (session->multi != NULL)
    curl_multi_cleanup(session->multi);
  curl_slist_free_all(session->usual_lines);
  curl_slist_free_all(session->past_lines);
  free(session->sockets);
  free(session->ca_file);
  free(session);
  curl_global_cleanup();
}

int weft_http_session_new(weft_runtime *rt, weft_http_session **out) {
  uint64_t now_ns;
  *out = NULL;
  int status = weft_now(rt, &now_ns); /* which tells a foreign thread */
  if (status != WEFT_OK)
    return status;
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return WEFT_ENOMEM;
  weft_http_session *session = calloc(1, sizeof *session);
  if (session == NULL) {
    curl_global_cleanup();
    return WEFT_ENOMEM;
  }
  session->rt = rt;
  session->verify = true;
  status = open_session(session);
  if (status == WEFT_OK)
    *out = session;
  else
    free_session(session);
  return status;
}

int weft_http_session_close(weft_http_session *session) {
  if (session == NULL)
    return WEFT_OK;
  if (session->rt != NULL) {
    weft_runtime *rt = session->rt;
    weft_timer runtime_end = session->runtime_end;
    session->runtime_end = 0;
    weft_timer_cancel(rt, runtime_end, NULL);
    end_session(session, "the session was closed");
  }
  free_session(session);
  return WEFT_OK;
}

/* -- Settings ------------------------------------------------------------- */

static bool has_control(const char *text) {
  for (; *text != '\0'; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f)
      return true;
  return false;
}

static int set_text(char **place, const char *text) {
  char *copy = text == NULL ? NULL : strdup(text);
  if (text != NULL && copy == NULL)
    return WEFT_ENOMEM;
  free(*place);
  *place = copy;
  return WEFT_OK;
}

/* Requests under way read the lines where they are. */
static void keep_past_lines(weft_http_session *session) {
  struct curl_slist **at = &session->past_lines;
  if (session->transfers == NULL) {
    curl_slist_free_all(session->past_lines);
    session->past_lines = NULL;
  }
  while (*at != NULL)
    at = &(*at)->next;
  *at = session->usual_lines;
}

int weft_http_session_set_user_agent(weft_http_session *session,
                                     const char *user_agent) {
  struct curl_slist *lines;
  if (user_agent != NULL && has_control(user_agent))
    return WEFT_EINVAL;
  if (!http__easy_make_lines(user_agent, &lines))
    return WEFT_ENOMEM;
  keep_past_lines(session);
  session->usual_lines = lines;
  return WEFT_OK;
}

/* libcurl would only find out at the first connection. */
static int check_readable(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return http__status_from_errno(errno);
  close(fd);
  return WEFT_OK;
}

int weft_http_session_set_ca_file(weft_http_session *session,
                                  const char *path) {
  int status = path == NULL ? WEFT_OK : check_readable(path);
  return status == WEFT_OK ? set_text(&session->ca_file, path) : status;
}

int weft_http_session_set_verify(weft_http_session *session, int on) {
  session->verify = on != 0;
  return WEFT_OK;
}

int weft_http_session_set_limits(weft_http_session *session, size_t total_max,
                                 size_t host_max) {
  if (total_max > INT_MAX || host_max > INT_MAX)
    return WEFT_EINVAL;
  if (session->multi == NULL)
    return WEFT_OK;
  curl_multi_setopt(session->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
                    (long)total_max);
  curl_multi_setopt(session->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                    (long)host_max);
  /* As many may be kept as may be open; libcurl's own rule, four for each
   * request under way, would drop most after a burst. */
  curl_multi_setopt(session->multi, CURLMOPT_MAXCONNECTS,
                    total_max == 0 ? 1000L : (long)total_max);
  return WEFT_OK;
}

int weft_http_session_get_count(const weft_http_session *session,
                                size_t *requests) {
  *requests = 0;
  for (struct http_transfer *at = session->transfers; at != NULL; at = at->next)
    ++*requests;
  return session->rt == NULL ? WEFT_ECLOSED : WEFT_OK;
}
