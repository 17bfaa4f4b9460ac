/* SPDX-License-Identifier: MIT
 * test_url.c - a URL's text, against libcurl's. */
#include <string.h>

#include "../http.h"
#include "refusing.h"

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
    char *whole;
    CHECK_INT(CURLUE_OK, curl_url_set(url, CURLUPART_URL, URLS[i], 0));
    CHECK_INT(CURLUE_OK, curl_url_get(url, CURLUPART_URL, &whole, 0));
    char *text = http__url_text(url);
    CHECK_TEXT(whole, text);
    free(text);
    curl_free(whole);
    curl_url_cleanup(url);
  }
}

static bool make_text(void *arg) {
  char *text = http__url_text(arg);
  if (text == NULL)
    return false;
  free(text);
  return true;
}

TEST("without memory there is no text, and nothing is left") {
  static const char *const URLS[] = {"http://a:1/b?c#d",
                                     "http://[::1]:1/b?c#d"};
  refusing_install();
  for (size_t i = 0; i < sizeof URLS / sizeof *URLS; i++) {
    CURLU *url = curl_url();
    CHECK_INT(CURLUE_OK, curl_url_set(url, CURLUPART_URL, URLS[i], 0));
    CHECK(refusing_each(make_text, url) >= 6); /* the parts */
    curl_url_cleanup(url);
  }
}
