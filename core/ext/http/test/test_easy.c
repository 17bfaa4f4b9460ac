/* SPDX-License-Identifier: MIT
 * test_easy.c - the lines of the headers that all requests have. */
#include <string.h>

#include "../http.h"
#include "refusing.h"

static size_t count_lines(const struct curl_slist *lines) {
  size_t count = 0;
  for (; lines != NULL; lines = lines->next)
    count++;
  return count;
}

TEST("the agent comes first, and is left out where it is none") {
  static const char *const NONE[] = {NULL, ""};
  struct curl_slist *lines;
  CHECK(http__easy_make_lines("me/1", &lines));
  CHECK_TEXT("User-Agent: me/1", lines->data);
  size_t others = count_lines(lines) - 1;
  curl_slist_free_all(lines);
  for (size_t i = 0; i < sizeof NONE / sizeof *NONE; i++) {
    CHECK(http__easy_make_lines(NONE[i], &lines));
    CHECK_INT(others, count_lines(lines));
    curl_slist_free_all(lines);
  }
}

static bool make_lines(void *arg) {
  struct curl_slist *lines;
  bool made = http__easy_make_lines(arg, &lines);
  CHECK(made == (lines != NULL));
  curl_slist_free_all(lines);
  return made;
}

TEST("without memory there are no lines, and nothing is left") {
  char agent[] = "me/1";
  refusing_install();
  CHECK(refusing_each(make_lines, agent) >= 2); /* a line and its text */
}
