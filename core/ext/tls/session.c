/* SPDX-License-Identifier: MIT
 * session.c - the sessions that a client may take up again.
 *
 * A list, newest first, shared by the threads that share a context. A session
 * is found by the name and the port of its server, so that what was checked for
 * one name is never taken for another. A ticket of TLS 1.3 goes out once, for
 * who sees it twice on the wire would know the client again; servers send two
 * or more, so a few are kept for each server. */
#include <string.h>

#include "tls.h"

#define COUNT_MAX 256
#define SAME_KEY_MAX 4

struct tls_session {
  struct tls_session *next;
  SSL_SESSION *session;
  char key[];
};

void tls__sessions_open(struct tls_sessions *sessions) {
  pthread_mutex_init(&sessions->lock, NULL);
}

/* Takes the one at [place] out of the list and gives what it held. */
static SSL_SESSION *take_out(struct tls_sessions *sessions,
                             struct tls_session **place) {
  struct tls_session *taken = *place;
  SSL_SESSION *session = taken->session;
  *place = taken->next;
  sessions->count--;
  OPENSSL_free(taken);
  return session;
}

void tls__sessions_close(struct tls_sessions *sessions) {
  while (sessions->newest != NULL)
    SSL_SESSION_free(take_out(sessions, &sessions->newest));
  pthread_mutex_destroy(&sessions->lock);
}

/* Drops what is too much: of those of [key], else of all, the oldest. */
static void trim(struct tls_sessions *sessions, const char *key) {
  struct tls_session **place = &sessions->newest;
  size_t same = 0, count = 0;
  while (*place != NULL) {
    same += strcmp((*place)->key, key) == 0;
    count++;
    bool is_excess = count > COUNT_MAX ||
                     (same > SAME_KEY_MAX && strcmp((*place)->key, key) == 0);
    if (is_excess)
      SSL_SESSION_free(take_out(sessions, place));
    else
      place = &(*place)->next;
  }
}

bool tls__sessions_put(struct tls_sessions *sessions, const char *key,
                       SSL_SESSION *session) {
  size_t key_bytes = strlen(key) + 1;
  struct tls_session *added = OPENSSL_malloc(sizeof *added + key_bytes);
  if (added == NULL)
    return false;
  memcpy(added->key, key, key_bytes);
  added->session = session;
  pthread_mutex_lock(&sessions->lock);
  added->next = sessions->newest;
  sessions->newest = added;
  sessions->count++;
  trim(sessions, key);
  pthread_mutex_unlock(&sessions->lock);
  return true;
}

static SSL_SESSION *find(struct tls_sessions *sessions, const char *key) {
  struct tls_session **place = &sessions->newest;
  while (*place != NULL && strcmp((*place)->key, key) != 0)
    place = &(*place)->next;
  if (*place == NULL)
    return NULL;
  SSL_SESSION *session = (*place)->session;
  if (SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION)
    return take_out(sessions, place);
  SSL_SESSION_up_ref(session);
  return session;
}

SSL_SESSION *tls__sessions_get(struct tls_sessions *sessions, const char *key) {
  pthread_mutex_lock(&sessions->lock);
  SSL_SESSION *session = find(sessions, key);
  pthread_mutex_unlock(&sessions->lock);
  return session;
}
