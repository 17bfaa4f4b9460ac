/* SPDX-License-Identifier: MIT
 * test_http_tls.c - certificates that are accepted, and those that are not.
 *
 * The openssl program makes the certificates and serves them; all of it lives
 * in a directory of the test's own, and ends with it. */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#include "client.h"

#define SERVED_PAGE "s_server"

struct tls {
  char directory[32];
  pid_t server;
  int port;
};

static struct tls tls; /* each test is a process of its own */

/* -- The openssl program -------------------------------------------------- */

/* Runs [script] in the test's directory. */
static void run_script(const char *script) {
  char command[2048];
  snprintf(command, sizeof command, "cd %s && { %s; } >log 2>&1", tls.directory,
           script);
  if (system(command) != 0) {
    printf("  failed: %s\n", script);
    check_failures++;
  }
}

static void stop(void) {
  if (tls.server > 0) {
    kill(tls.server, SIGKILL);
    waitpid(tls.server, NULL, 0);
  }
  run_script("rm -f *");
  rmdir(tls.directory);
}

static void start_process(int out) {
  tls.server = fork();
  if (tls.server != 0)
    return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(open("/dev/null", O_RDWR), 0);
  dup2(0, 2);
  dup2(out, 1);
  if (chdir(tls.directory) == 0)
    execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-www",
           "-cert", "cert.pem", "-key", "key.pem", (char *)NULL);
  _exit(127);
}

/* Makes key.pem and cert.pem by [script] and serves them. */
static void start(const char *script) {
  char line[256];
  int ends[2];
  strcpy(tls.directory, "/tmp/weft-tls-XXXXXX");
  if (mkdtemp(tls.directory) == NULL || pipe(ends) != 0)
    abort();
  atexit(stop);
  run_script("openssl genpkey -algorithm EC "
             "-pkeyopt ec_paramgen_curve:prime256v1 -out key.pem");
  run_script(script);
  start_process(ends[1]);
  close(ends[1]);
  FILE *out = fdopen(ends[0], "r");
  while (tls.port == 0 && fgets(line, sizeof line, out) != NULL)
    sscanf(line, "ACCEPT 127.0.0.1:%d", &tls.port);
  CHECK(tls.port != 0);
}

#define FOR_LOCALHOST                                                          \
  "openssl req -x509 -key key.pem -out cert.pem -days 2 -subj /CN=localhost "  \
  "-addext subjectAltName=DNS:localhost"

#define EXPIRED                                                                \
  "touch index && echo 01 >serial && printf '%s\\n' '[ca]' 'default_ca=c' "    \
  "'[c]' 'new_certs_dir=.' 'database=index' 'serial=serial' 'policy=p' "       \
  "'default_md=sha256' 'x509_extensions=e' '[p]' 'commonName=supplied' "       \
  "'[e]' 'subjectAltName=DNS:localhost' >ca.conf && "                          \
  "openssl req -new -key key.pem -subj /CN=localhost -out request.pem && "     \
  "openssl ca -batch -config ca.conf -selfsign -notext -keyfile key.pem "      \
  "-in request.pem -out cert.pem -startdate 20200101000000Z "                  \
  "-enddate 20200102000000Z"

/* -- The client ----------------------------------------------------------- */

static int fetch(struct client *client, const char *host) {
  weft_http_request *request;
  char url[128];
  snprintf(url, sizeof url, "https://%s:%d/", host, tls.port);
  CHECK_INT(WEFT_OK, weft_http_request_new("GET", url, &request));
  return client_fetch(client, request);
}

static void trust(struct client *client, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "%s/%s", tls.directory, name);
  CHECK_INT(WEFT_OK, weft_http_session_set_ca_file(client->session, path));
}

static void check_refused(struct client *client, const char *host,
                          const char *why) {
  char expected[256];
  CHECK_INT(WEFT_EPROTO, fetch(client, host));
  snprintf(expected, sizeof expected,
           "the certificate of %s:%d is not accepted: %s", host, tls.port, why);
  CHECK_TEXT(expected, client->message);
}

static int trust_file(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  check_refused(client, "localhost", "self-signed certificate");
  trust(client, "cert.pem");
  CHECK_INT(WEFT_OK, fetch(client, "localhost"));
  CHECK(client_has(client, SERVED_PAGE));
  CHECK(weft_http_response_get_time(client->response, WEFT_HTTP_TIME_SECURED) >
        0);
  check_refused(client, "127.0.0.1", "it is for another host");
  return WEFT_OK;
}

TEST("a certificate must be trusted, and be for the host") {
  start(FOR_LOCALHOST);
  client_run(trust_file);
}

static int accept_any(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_OK, weft_http_session_set_verify(client->session, 0));
  CHECK_INT(WEFT_OK, fetch(client, "127.0.0.1"));
  CHECK(client_has(client, SERVED_PAGE));
  CHECK_INT(WEFT_OK, weft_http_session_set_verify(client->session, 1));
  check_refused(client, "localhost", "self-signed certificate");
  return WEFT_OK;
}

TEST("checking can be turned off, and on again") {
  start(FOR_LOCALHOST);
  client_run(accept_any);
}

static int refuse_expired(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  trust(client, "cert.pem");
  check_refused(client, "localhost", "certificate has expired");
  return WEFT_OK;
}

TEST("an expired certificate is refused as that") {
  start(EXPIRED);
  client_run(refuse_expired);
}

static int trust_nonsense(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  (void)rt;
  CHECK_INT(WEFT_ENOENT,
            weft_http_session_set_ca_file(client->session, "/no/such/file"));
  check_refused(client, "localhost", "self-signed certificate");
  trust(client, "serial");
  CHECK_INT(WEFT_EINVAL, fetch(client, "localhost"));
  CHECK(strstr(client->message, "no certificates can be read from") != NULL);
  return WEFT_OK;
}

TEST("a file that holds no certificates is named") {
  start("echo 01 >serial; " FOR_LOCALHOST);
  client_run(trust_nonsense);
}

static int speak_plainly(weft_runtime *rt, void *arg) {
  struct client *client = arg;
  weft_http_request *request;
  char url[64];
  (void)rt;
  snprintf(url, sizeof url, "https://127.0.0.1:%d/", client->server->port);
  CHECK_INT(WEFT_OK, weft_http_request_new("GET", url, &request));
  CHECK_INT(WEFT_EPROTO, client_fetch(client, request));
  CHECK(strstr(client->message, "could not agree on TLS") != NULL);
  return WEFT_OK;
}

TEST("a server that speaks no TLS is an error of TLS") {
  client_run(speak_plainly);
}
