/* SPDX-License-Identifier: MIT
 * test_url.c - a URL's text, against libcurl's. */
#include <string.h>

#include "check.h"
#include "../http.h"

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
