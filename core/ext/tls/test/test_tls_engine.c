/* SPDX-License-Identifier: MIT
 * test_tls_engine.c - the protocol on memory. */
#include "ends.h"

TEST("two engines shake hands, speak, and end") {
  struct ends ends;
  weft_error *error;
  char room[16];
  size_t count;
  open_trusting(&ends);
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, WEFT_OK, NULL);
  check_side(&ends.server, WEFT_OK, NULL);
  CHECK_TEXT("TLSv1.3", SSL_get_version(ends.client.engine.ssl));
  say(&ends.client, &ends.server, "hello");
  say(&ends.server, &ends.client, "well");
  tls__engine_shutdown(&ends.client.engine);
  tls__engine_receive(&ends.server.engine, ends.client.engine.sent,
                      ends.client.engine.sent_bytes);
  CHECK_INT(WEFT_EEND, tls__engine_read(&ends.server.engine, room, sizeof room,
                                        &count, &error));
  tls__engine_clear_sent(&ends.client.engine);
  say(&ends.server, &ends.client, "still here");
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("a handshake may come in pieces of any size") {
  struct ends ends;
  open_trusting(&ends);
  for (size_t piece_bytes = 1; piece_bytes <= 7; piece_bytes += 2) {
    open_engines(&ends, "localhost");
    shake_hands(&ends, piece_bytes);
    check_side(&ends.client, WEFT_OK, NULL);
    check_side(&ends.server, WEFT_OK, NULL);
    close_engines(&ends);
  }
  close_contexts(&ends);
}

TEST("what is to be sent takes little room once it is gone") {
  struct ends ends;
  weft_error *error;
  static char block[48 * 1024];
  open_trusting(&ends);
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  CHECK_INT(WEFT_OK, tls__engine_write(&ends.client.engine, block, sizeof block,
                                       &error));
  CHECK(ends.client.engine.sent_bytes > sizeof block);
  CHECK_INT(64 * 1024, ends.client.engine.sent_capacity);
  tls__engine_clear_sent(&ends.client.engine);
  CHECK_INT(0, ends.client.engine.sent_capacity);
  close_engines(&ends);
  close_contexts(&ends);
}

static void check_name_refused(struct ends *ends, const char *name) {
  struct tls_settings *settings;
  struct tls_engine engine;
  CHECK_INT(WEFT_OK, tls__context_use(ends->client_context, &settings));
  CHECK_INT(WEFT_EINVAL, tls__engine_open(&engine, settings, name, NULL));
  tls__engine_close(&engine);
}

TEST("what can be no host's name is refused") {
  struct ends ends;
  char long_name[256];
  memset(long_name, 'a', 254);
  long_name[254] = '\0';
  open_trusting(&ends);
  check_name_refused(&ends, "");
  check_name_refused(&ends, ".");
  check_name_refused(&ends, "a b");
  check_name_refused(&ends, "ex\xc3\xa4mple.org");
  check_name_refused(&ends, "host:443");
  check_name_refused(&ends, "1:2:3");
  check_name_refused(&ends, "a%eth0");
  check_name_refused(&ends, long_name);
  close_contexts(&ends);
}

TEST("a name may end with a dot, and may be an address") {
  struct ends ends;
  open_trusting(&ends);
  open_engines(&ends, "localhost.");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, WEFT_OK, NULL);
  CHECK_TEXT("localhost", SSL_get_servername(ends.server.engine.ssl,
                                             TLSEXT_NAMETYPE_host_name));
  close_engines(&ends);
  open_engines(&ends, "127.0.0.1");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, WEFT_OK, NULL);
  CHECK(SSL_get_servername(ends.server.engine.ssl, TLSEXT_NAMETYPE_host_name) ==
        NULL);
  close_engines(&ends);
  open_engines(&ends, "fe80::1%eth0");
  CHECK_TEXT("fe80::1", ends.client.engine.server_name);
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("the server's first protocol that the client offers is agreed on") {
  struct ends ends;
  const unsigned char *protocol;
  unsigned length;
  open_trusting(&ends);
  weft_tls_context_add_protocol(ends.client_context, "three");
  weft_tls_context_add_protocol(ends.client_context, "one");
  weft_tls_context_add_protocol(ends.server_context, "two");
  weft_tls_context_add_protocol(ends.server_context, "one");
  weft_tls_context_add_protocol(ends.server_context, "three");
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, WEFT_OK, NULL);
  SSL_get0_alpn_selected(ends.client.engine.ssl, &protocol, &length);
  CHECK(length == 3 && memcmp(protocol, "one", 3) == 0);
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("TLS 1.2 is spoken where it must be") {
  struct ends ends;
  open_trusting(&ends);
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_versions(ends.server_context, 12, 12));
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  check_side(&ends.client, WEFT_OK, NULL);
  CHECK_TEXT("TLSv1.2", SSL_get_version(ends.server.engine.ssl));
  say(&ends.client, &ends.server, "hello");
  /* Nobody may begin anew. */
  CHECK(SSL_renegotiate(ends.client.engine.ssl) == 0);
  ERR_clear_error();
  close_engines(&ends);
  close_contexts(&ends);
}

TEST("the ciphers set are those used") {
  struct ends ends;
  open_trusting(&ends);
  CHECK_INT(WEFT_OK,
            weft_tls_context_set_ciphers(ends.server_context,
                                         "TLS_CHACHA20_POLY1305_SHA256:"
                                         "ECDHE-ECDSA-AES128-GCM-SHA256",
                                         NULL));
  open_engines(&ends, "localhost");
  shake_hands(&ends, SIZE_MAX);
  CHECK_TEXT("TLS_CHACHA20_POLY1305_SHA256",
             SSL_get_cipher_name(ends.client.engine.ssl));
  close_engines(&ends);
  close_contexts(&ends);
}
