/* SPDX-License-Identifier: MIT
 * test_tls_interop.c - with the openssl program at the other end, over TCP. */
#define _GNU_SOURCE

#include <signal.h>
#include <sys/prctl.h>

#include "secure.h"

/* -- The openssl program -------------------------------------------------- */

struct program {
  pid_t pid;
  int in;  /* what it reads */
  int out; /* what it says */
  char directory[32];
};

static void write_file(const struct program *program, const char *name,
                       const char *text) {
  char path[64];
  snprintf(path, sizeof path, "%s/%s", program->directory, name);
  FILE *file = fopen(path, "w");
  CHECK(file != NULL);
  CHECK(fputs(text, file) >= 0);
  fclose(file);
}

/* A directory with the papers. */
static void make_directory(struct program *program) {
  strcpy(program->directory, "/tmp/weft-tls-XXXXXX");
  CHECK(mkdtemp(program->directory) != NULL);
  write_file(program, "ca.pem", secure.papers.authority.pem);
  write_file(program, "cert.pem", secure.papers.server.pem);
  write_file(program, "key.pem", secure.papers.server.key_pem);
}

static void remove_directory(struct program *program) {
  static const char *const names[] = {"ca.pem", "cert.pem", "key.pem"};
  char path[64];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", program->directory, names[i]);
    CHECK_INT(0, unlink(path));
  }
  CHECK_INT(0, rmdir(program->directory));
}

static void start(struct program *program, char *const arguments[]) {
  int in[2], out[2];
  make_directory(program);
  CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
  program->pid = fork();
  if (program->pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in[0], 0);
    dup2(out[1], 1);
    dup2(open("/dev/null", O_WRONLY), 2);
    if (chdir(program->directory) == 0)
      execvp("openssl", arguments);
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  program->in = in[1];
  program->out = out[0];
}

/* Ends the program, and returns how it has ended by itself, else -1. */
static int stop(struct program *program, bool kills) {
  int status = -1;
  if (kills)
    kill(program->pid, SIGKILL);
  CHECK_INT(program->pid, waitpid(program->pid, &status, 0));
  close(program->in);
  close(program->out);
  remove_directory(program);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* -- weft's client -------------------------------------------------------- */

static int port_said(const struct program *program) {
  char line[256];
  int port = 0;
  FILE *out = fdopen(dup(program->out), "r");
  while (port == 0 && fgets(line, sizeof line, out) != NULL)
    sscanf(line, "ACCEPT 127.0.0.1:%d", &port);
  fclose(out);
  CHECK(port != 0);
  return port;
}

/* The server turns lines round. */
static int ask(weft_runtime *rt, int port, const char *version) {
  uint64_t stream, value;
  CHECK_INT(WEFT_OK, weft_tcp_connect(rt, "127.0.0.1", port, &stream));
  CHECK_INT(WEFT_OK,
            weft_tls_client(rt, stream, secure.client, "localhost", &value));
  weft_tls *tls = (weft_tls *)(uintptr_t)value;
  CHECK_TEXT(version, weft_tls_get_version(tls));
  CHECK_TEXT("turn", weft_tls_get_protocol(tls));
  int resumed = weft_tls_is_resumed(tls);
  send_text(rt, stream, "hello\n");
  expect_text(rt, stream, "olleh\n");
  weft_tls_close(tls);
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  return resumed;
}

static void meet_server(weft_runtime *rt, char *option, const char *version) {
  struct program program;
  char *arguments[] = {"openssl", "s_server", "-accept", "127.0.0.1:0",
                       "-cert",   "cert.pem", "-key",    "key.pem",
                       "-rev",    "-alpn",    "turn",    "-serverpref",
                       option,    NULL};
  secure_open();
  CHECK_INT(WEFT_OK, weft_tls_context_add_protocol(secure.client, "turn"));
  start(&program, arguments);
  int port = port_said(&program);
  CHECK_INT(0, ask(rt, port, version));
  CHECK_INT(1, ask(rt, port, version));
  CHECK_INT(1, ask(rt, port, version));
  stop(&program, true);
  secure_close();
}

TASK_TEST("weft's client speaks with openssl's server, in TLS 1.3") {
  meet_server(rt, "-tls1_3", "TLSv1.3");
}

TASK_TEST("weft's client speaks with openssl's server, in TLS 1.2") {
  meet_server(rt, "-tls1_2", "TLSv1.2");
}

/* -- weft's server -------------------------------------------------------- */

static void meet_client(weft_runtime *rt, char *option, const char *version) {
  struct program program;
  char address[32];
  int port;
  uint64_t stream, value;
  weft_listener listener = listen_here(rt, &port);
  snprintf(address, sizeof address, "127.0.0.1:%d", port);
  char *arguments[] = {"openssl",   "s_client",
                       "-connect",  address,
                       "-CAfile",   "ca.pem",
                       "-quiet",    "-servername",
                       "localhost", "-verify_hostname",
                       "localhost", "-verify_return_error",
                       "-cert",     "cert.pem",
                       "-key",      "key.pem",
                       option,      NULL};
  secure_open();
  CHECK_INT(WEFT_OK, weft_tls_context_add_ca(
                         secure.server, secure.papers.authority.pem, NULL));
  CHECK_INT(WEFT_OK, weft_tls_context_set_verify(secure.server,
                                                 WEFT_TLS_VERIFY_REQUIRED));
  start(&program, arguments);
  CHECK_INT(WEFT_OK, weft_listener_accept(rt, listener, &stream));
  CHECK_INT(WEFT_OK, weft_tls_server(rt, stream, secure.server, &value));
  weft_tls *tls = (weft_tls *)(uintptr_t)value;
  CHECK_TEXT(version, weft_tls_get_version(tls));
  CHECK_TEXT("localhost", weft_tls_get_server_name(tls));
  weft_tls_close(tls);
  CHECK_INT(5, write(program.in, "ping\n", 5));
  expect_text(rt, stream, "ping\n");
  send_text(rt, stream, "pong\n");
  CHECK_INT(WEFT_OK, weft_stream_close(rt, stream));
  char said[8] = "";
  CHECK_INT(5, read(program.out, said, sizeof said - 1));
  CHECK_TEXT("pong\n", said);
  CHECK_INT(0, stop(&program, false));
  CHECK_INT(WEFT_OK, weft_listener_close(rt, listener));
  secure_close();
}

TASK_TEST("openssl's client speaks with weft's server, in TLS 1.3") {
  meet_client(rt, "-tls1_3", "TLSv1.3");
}

TASK_TEST("openssl's client speaks with weft's server, in TLS 1.2") {
  meet_client(rt, "-tls1_2", "TLSv1.2");
}
