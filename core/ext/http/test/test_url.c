/* SPDX-License-Identifier: MIT
 * test_url.c - what is read off a URL, against libcurl's parts. */
#include <string.h>

#include "../http.h"
#include "refusing.h"

struct reading {
  char *text;
  char *host;
  char *target;
};

static bool read_url(CURLU *url, struct reading *got) {
  return http__url_read(url, &got->text, &got->host, &got->target);
}

static void forget(struct reading *got) {
  free(got->text);
  curl_free(got->host);
  free(got->target);
}

/* The text that is read off [url] is what libcurl makes of [same]. */
static void check_url(CURLU *url, CURLU *same) {
  char *whole;
  struct reading got = {NULL, NULL, NULL};
  CHECK_INT(CURLUE_OK, curl_url_get(same, CURLUPART_URL, &whole, 0));
  CHECK(read_url(url, &got));
  CHECK_TEXT(whole, got.text);
  forget(&got);
  curl_free(whole);
}

TEST("the text is libcurl's, whatever parts there are") {
  static const char *const URLS[] = {
      "http://a",
      "http://a.example/",
      "https://a:443/b",
      "http://a:8080/b/c?d=e&f",
      "http://a/b#c",
      "http://a/b?c#d",
      "http://a/%20b?%26",
      "http://a?b",
      "http://a/?",
      "http://a/#",
      "http://a/?#",
      "http://127.0.0.1:1/",
      "http://[::1]/",
      "http://[::1]:80/a?b#c",
      "http://[fe80::1%25lo]:80/a",
  };
  for (size_t i = 0; i < sizeof URLS / sizeof *URLS; i++) {
    CURLU *url = curl_url();
    CHECK_INT(CURLUE_OK, curl_url_set(url, CURLUPART_URL, URLS[i], 0));
    check_url(url, url);
    curl_url_cleanup(url);
  }
}

TEST("host and target, with the port that goes without saying") {
  static const char *const CASES[][3] = {
      {"http://a.example/b", "a.example", "a.example:80"},
      {"https://a?b", "a", "a:443"},
      {"HTTPS://a/", "a", "a:443"},
      {"http://a:80/", "a", "a:80"},
      {"https://127.0.0.1:8080", "127.0.0.1", "127.0.0.1:8080"},
      {"http://[::1]/", "::1", "[::1]:80"},
      {"https://[fe80::1%25lo]:1/", "fe80::1", "[fe80::1]:1"},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    CURLU *url = curl_url();
    struct reading got = {NULL, NULL, NULL};
    CHECK_INT(CURLUE_OK, curl_url_set(url, CURLUPART_URL, CASES[i][0], 0));
    CHECK(read_url(url, &got));
    CHECK_TEXT(CASES[i][1], got.host);
    CHECK_TEXT(CASES[i][2], got.target);
    forget(&got);
    curl_url_cleanup(url);
  }
}

TEST("what a URL cannot have is encoded as libcurl does it, the rest stays") {
  static const char *const URLS[] = {
      "http://a/b c?d e#f",
      "http://a/\xc3\xa9?\xc3\xa9#\xc3\xa9",
      "http://a/%c3%A9?%zz&%",
      "http://a/-._~:/?#[]@!$&'()*+,;=",
      "http://a/\"<>\\^`{|}?\"<>",
      "http://a/b\x7f",
      "http://a/b\tc",
      "http://a/../b/./c?+",
      "http://127.1?",
  };
  for (size_t i = 0; i < sizeof URLS / sizeof *URLS; i++) {
    CURLU *url = curl_url();
    weft_http_request *request;
    CURLUcode result =
        curl_url_set(url, CURLUPART_URL, URLS[i], CURLU_URLENCODE);
    CHECK_INT(result == CURLUE_OK ? WEFT_OK : WEFT_EINVAL,
              weft_http_request_new("GET", URLS[i], &request));
    if (request != NULL)
      check_url(request->url, url);
    weft_http_request_close(request);
    curl_url_cleanup(url);
  }
}

static bool read_and_forget(void *arg) {
  struct reading got = {NULL, NULL, NULL};
  bool read = read_url(arg, &got);
  forget(&got);
  return read;
}

TEST("without memory nothing is read, and nothing is left") {
  static const char *const URLS[] = {"http://a:1/b?c#d",
                                     "http://[::1]:1/b?c#d"};
  refusing_install();
  for (size_t i = 0; i < sizeof URLS / sizeof *URLS; i++) {
    CURLU *url = curl_url();
    CHECK_INT(CURLUE_OK, curl_url_set(url, CURLUPART_URL, URLS[i], 0));
    CHECK(refusing_each(read_and_forget, url) >= 6); /* the parts */
    curl_url_cleanup(url);
  }
}
