/* SPDX-License-Identifier: MIT
 * test_tls_session.c - sessions that are taken up again, and that are not. */
#include "ends.h"

/* Whether a handshake for [name] took up a session. */
static int is_resumed(struct ends *ends, const char *name) {
  open_engines(ends, name);
  shake_hands(ends, SIZE_MAX);
  check_side(&ends->client, WEFT_OK, NULL);
  int client = SSL_session_reused(ends->client.engine.ssl);
  CHECK_INT(client, SSL_session_reused(ends->server.engine.ssl));
  close_engines(ends);
  return client;
}

static size_t kept(struct ends *ends) {
  struct tls_settings *settings;
  CHECK_INT(WEFT_OK, tls__context_use(ends->client_context, &settings));
  size_t count = settings->sessions.count;
  tls__settings_unref(settings);
  return count;
}

TEST("a session is taken up by who comes back, in either version") {
  for (int version = WEFT_TLS_1_2; version <= WEFT_TLS_1_3; version++) {
    struct ends ends;
    open_trusting(&ends);
    weft_tls_context_set_versions(ends.client_context, version, version);
    CHECK_INT(0, is_resumed(&ends, "localhost"));
    for (int i = 0; i < 10; i++)
      CHECK_INT(1, is_resumed(&ends, "localhost"));
    CHECK(kept(&ends) <= 4);
    close_contexts(&ends);
  }
}

TEST("a ticket of TLS 1.3 is used once") {
  struct ends ends;
  open_trusting(&ends);
  CHECK_INT(0, is_resumed(&ends, "localhost"));
  size_t count = kept(&ends);
  CHECK_INT(2, count);
  for (size_t left = count; left > 0; left--) {
    open_engine(&ends.client, ends.client_context, "localhost");
    CHECK_INT(left - 1, kept(&ends));
    close_engine(&ends.client);
  }
  CHECK_INT(0, is_resumed(&ends, "localhost"));
  close_contexts(&ends);
}

TEST("a session is its server's name's and port's alone") {
  struct ends ends;
  open_trusting(&ends);
  CHECK_INT(0, is_resumed(&ends, "localhost"));
  CHECK_INT(0, is_resumed(&ends, "127.0.0.1"));
  CHECK_INT(1, is_resumed(&ends, "127.0.0.1"));
  CHECK_INT(1, is_resumed(&ends, "localhost"));
  struct tls_settings *settings;
  CHECK_INT(WEFT_OK, tls__context_use(ends.client_context, &settings));
  CHECK(tls__sessions_get(&settings->sessions, "localhost:444") == NULL);
  SSL_SESSION *session =
      tls__sessions_get(&settings->sessions, "localhost:443");
  CHECK(session != NULL);
  SSL_SESSION_free(session);
  tls__settings_unref(settings);
  close_contexts(&ends);
}

TEST("either side may want no sessions") {
  for (int side = 0; side < 2; side++) {
    for (int version = WEFT_TLS_1_2; version <= WEFT_TLS_1_3; version++) {
      struct ends ends;
      open_trusting(&ends);
      weft_tls_context_set_versions(ends.client_context, version, version);
      weft_tls_context_set_resume(
          side == 0 ? ends.client_context : ends.server_context, 0);
      CHECK_INT(0, is_resumed(&ends, "localhost"));
      CHECK_INT(0, kept(&ends));
      CHECK_INT(0, is_resumed(&ends, "localhost"));
      close_contexts(&ends);
    }
  }
}

TEST("replacing either context forgets the sessions") {
  for (int side = 0; side < 2; side++) {
    struct ends ends, fresh;
    open_trusting(&ends);
    CHECK_INT(0, is_resumed(&ends, "localhost"));
    CHECK_INT(1, is_resumed(&ends, "localhost"));
    open_contexts(&fresh);
    CHECK_INT(WEFT_OK,
              weft_tls_context_add_ca(fresh.client_context,
                                      ends.papers.authority.pem, NULL));
    CHECK_INT(WEFT_OK, weft_tls_context_set_certificate(
                           fresh.server_context, ends.papers.server.pem,
                           ends.papers.server.key_pem, NULL, NULL));
    if (side == 0)
      CHECK_INT(WEFT_OK, weft_tls_context_replace(ends.client_context,
                                                  fresh.client_context));
    else
      CHECK_INT(WEFT_OK, weft_tls_context_replace(ends.server_context,
                                                  fresh.server_context));
    CHECK_INT(0, is_resumed(&ends, "localhost"));
    CHECK_INT(1, is_resumed(&ends, "localhost"));
    close_contexts(&fresh);
    close_contexts(&ends);
  }
}

TEST("at most 256 sessions are kept, the newest") {
  struct tls_sessions sessions = {.newest = NULL};
  tls__sessions_open(&sessions);
  for (int i = 0; i < 300; i++) {
    char key[24];
    snprintf(key, sizeof key, "host%d:1", i);
    CHECK(tls__sessions_put(&sessions, key, SSL_SESSION_new()));
  }
  CHECK_INT(256, sessions.count);
  CHECK(tls__sessions_get(&sessions, "host43:1") == NULL);
  SSL_SESSION *session = tls__sessions_get(&sessions, "host44:1");
  CHECK(session != NULL);
  SSL_SESSION_free(session);
  tls__sessions_close(&sessions);
}
