/* SPDX-License-Identifier: MIT
 * test_address.c - the addresses of sockets, from text and to text. */
#include <netinet/in.h>
#include <string.h>

#include "../address.h"
#include "check.h"
#include "failing.h"

static const char *round_trip(const char *host, int port) {
  static char text[WEFT__ADDRESS_TEXT];
  struct sockaddr_storage address;
  CHECK_INT(WEFT_OK, weft__address_parse(host, port, &address));
  int length =
      weft__address_write(&address, weft__address_size(&address), text);
  CHECK_INT(strlen(text), length);
  return text;
}

TEST("addresses of both families are read and written") {
  CHECK_TEXT("127.0.0.1:80", round_trip("127.0.0.1", 80));
  CHECK_TEXT("0.0.0.0:0", round_trip("0.0.0.0", 0));
  CHECK_TEXT("[::1]:65535", round_trip("::1", 65535));
  CHECK_TEXT("[2001:db8::1]:1", round_trip("2001:0DB8:0::1", 1));
}

TEST("what is no address is refused") {
  static const char *const texts[] = {"",          "localhost", "127.0.0",
                                      "1.2.3.4.5", "256.1.1.1", "::g",
                                      "[::1]",     "127.0.0.1 "};
  struct sockaddr_storage address;
  for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
    CHECK_INT(WEFT_EINVAL, weft__address_parse(texts[i], 1, &address));
}

static const char *path_trip(const char *path) {
  static char text[WEFT__ADDRESS_TEXT];
  struct sockaddr_storage address = {0};
  struct sockaddr_un *un = (struct sockaddr_un *)&address;
  socklen_t size;
  CHECK_INT(WEFT_OK, weft__address_of_path(path, un, &size));
  int length = weft__address_write(&address, size, text);
  CHECK_INT(strlen(text), length);
  return text;
}

TEST("paths of unix sockets are read and written") {
  char longest[WEFT__UNIX_PATH_MAX + 1], text[WEFT__ADDRESS_TEXT];
  CHECK_TEXT("unix:/tmp/x", path_trip("/tmp/x"));
  CHECK_TEXT("unix:x", path_trip("x"));
  CHECK_TEXT("unix:@name", path_trip("@name"));
  memset(longest, 'x', sizeof(longest));
  longest[WEFT__UNIX_PATH_MAX] = '\0';
  snprintf(text, sizeof(text), "unix:%s", longest);
  CHECK_TEXT(text, path_trip(longest));
  longest[0] = '@';
  snprintf(text, sizeof(text), "unix:%s", longest);
  CHECK_TEXT(text, path_trip(longest));
}

TEST("a path that is empty or too long is refused") {
  char path[WEFT__UNIX_PATH_MAX + 2];
  struct sockaddr_un address;
  socklen_t size;
  memset(path, 'x', sizeof(path));
  path[WEFT__UNIX_PATH_MAX + 1] = '\0';
  CHECK_INT(WEFT_ENAMETOOLONG, weft__address_of_path(path, &address, &size));
  CHECK_INT(WEFT_EINVAL, weft__address_of_path("", &address, &size));
}

TEST("a unix socket without a name is \"unix:\"") {
  char text[WEFT__ADDRESS_TEXT];
  struct sockaddr_storage address = {.ss_family = AF_UNIX};
  CHECK_INT(5, weft__address_write(&address, sizeof(sa_family_t), text));
  CHECK_TEXT("unix:", text);
}

TEST("an address of an unknown family has no text") {
  char text[WEFT__ADDRESS_TEXT];
  struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
  CHECK_INT(0, weft__address_write(&address, sizeof(address), text));
}

TEST("what is no socket has no address") {
  weft_value *value = NULL;
  failing_install();
  CHECK_INT(WEFT_ENOTSOCK, weft__address_text(0, false, &value));
  CHECK(value == NULL);
}
