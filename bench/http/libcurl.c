/* SPDX-License-Identifier: MIT
 * libcurl.c - a file fetched again and again by libcurl's multi interface.
 *
 *   libcurl FETCHES AT_ONCE
 *
 * From BENCH_URL; so many transfers at once, each handle used again for the
 * next fetch when it is done, and told what spares a program without signals
 * and proxies the system calls and look-ups for them. weft.http is made on
 * libcurl, so this is its floor. Prints the microseconds of one, and of CPU
 * time. */
#define _GNU_SOURCE /* clock_gettime */

#include <curl/curl.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define BYTES 1024

struct client {
  const char *url;
  CURLM *multi;
  CURL **handles;
  size_t *received; /* bytes, of the fetch that each handle does */
  size_t at_once;
};

static void fail(const char *what) {
  fprintf(stderr, "libcurl: %s\n", what);
  exit(1);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t cpu_ns(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return ((uint64_t)used.ru_utime.tv_sec + (uint64_t)used.ru_stime.tv_sec) *
             1000000000u +
         ((uint64_t)used.ru_utime.tv_usec + (uint64_t)used.ru_stime.tv_usec) *
             1000u;
}

static size_t on_data(char *bytes, size_t size, size_t count, void *arg) {
  (void)bytes;
  *(size_t *)arg += size * count;
  return size * count;
}

static void start(struct client *client, CURL *handle) {
  char *received = NULL;
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &received);
  *(size_t *)(void *)received = 0;
  if (curl_multi_add_handle(client->multi, handle) != CURLM_OK)
    fail("cannot add a handle");
}

static void check(CURL *handle, CURLcode result) {
  long status = 0;
  char *received = NULL;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle, CURLINFO_PRIVATE, &received);
  if (result != CURLE_OK || status != 200 ||
      *(size_t *)(void *)received != BYTES)
    fail("wrong answer");
}

static void open_client(struct client *client, size_t at_once) {
  client->url = getenv("BENCH_URL");
  client->at_once = at_once;
  client->multi = curl_multi_init();
  client->handles = calloc(at_once, sizeof(CURL *));
  client->received = calloc(at_once, sizeof(size_t));
  if (client->url == NULL || client->multi == NULL || client->handles == NULL ||
      client->received == NULL)
    fail("no BENCH_URL, or no memory");
  for (size_t i = 0; i < at_once; i++) {
    CURL *handle = client->handles[i] = curl_easy_init();
    curl_easy_setopt(handle, CURLOPT_URL, client->url);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &client->received[i]);
    curl_easy_setopt(handle, CURLOPT_PRIVATE, &client->received[i]);
  }
}

static void close_client(struct client *client) {
  for (size_t i = 0; i < client->at_once; i++)
    curl_easy_cleanup(client->handles[i]);
  curl_multi_cleanup(client->multi);
  free(client->handles);
  free(client->received);
}

/* Takes what is done from libcurl, and starts others while there are any left
 * to be; returns how many were done. */
static size_t collect(struct client *client, size_t *left) {
  size_t done = 0;
  int pending = 0;
  CURLMsg *message = NULL;
  while ((message = curl_multi_info_read(client->multi, &pending)) != NULL) {
    CURL *handle = message->easy_handle;
    check(handle, message->data.result);
    curl_multi_remove_handle(client->multi, handle);
    done++;
    if (*left == 0)
      continue;
    --*left;
    start(client, handle);
  }
  return done;
}

static void fetch(struct client *client, size_t times) {
  size_t left = times, done = 0;
  for (size_t i = 0; i < client->at_once && left > 0; i++, left--)
    start(client, client->handles[i]);
  while (done < times) {
    int running = 0;
    if (curl_multi_perform(client->multi, &running) != CURLM_OK)
      fail("a transfer cannot go on");
    size_t now = collect(client, &left);
    done += now;
    if (now == 0 &&
        curl_multi_poll(client->multi, NULL, 0, 1000, NULL) != CURLM_OK)
      fail("cannot wait");
  }
}

int main(int argc, char **argv) {
  int fetches = argc > 2 ? atoi(argv[1]) : 0;
  int at_once = argc > 2 ? atoi(argv[2]) : 0;
  if (fetches < 1 || at_once < 1)
    fail("usage: libcurl FETCHES AT_ONCE");
  struct client client;
  open_client(&client, (size_t)at_once);
  fetch(&client, (size_t)fetches / 10);
  uint64_t began_ns = now_ns(), cpu_began_ns = cpu_ns();
  fetch(&client, (size_t)fetches);
  printf("fetch %.3f\n", (double)(now_ns() - began_ns) / 1e3 / fetches);
  printf("cpu %.3f\n", (double)(cpu_ns() - cpu_began_ns) / 1e3 / fetches);
  close_client(&client);
  return 0;
}
