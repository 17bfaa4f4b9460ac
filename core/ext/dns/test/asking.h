/* SPDX-License-Identifier: MIT
 * asking.h - what the tests of the resolver share: a task in a runtime with the
 * real clock, a name server, and a resolver that asks it. */
#ifndef WEFT_ASKING_H
#define WEFT_ASKING_H

#include <dirent.h>

#include "check.h"
#include "../dns.h"
#include "name_server.h"

struct asking {
  struct name_server *server;
  weft_runtime *rt;
  weft_dns *dns;
};

static inline int count_fds(void) {
  DIR *dir = opendir("/proc/self/fd");
  int count = 0;
  while (readdir(dir) != NULL)
    count++;
  closedir(dir);
  return count;
}

/* The descriptors that libuv keeps come with the first runtime. */
static inline int count_fds_warm(void) {
  weft_runtime *rt;
  CHECK_INT(WEFT_OK, weft_runtime_new(&rt));
  CHECK_INT(WEFT_OK, weft_runtime_free(rt));
  return count_fds();
}

/* The resolver's servers, as text, good until the next call. */
static inline const char *servers_text(int port) {
  static char text[64];
  snprintf(text, sizeof text, "127.0.0.1:%d", port);
  return text;
}

static inline void asking_run(weft_task_fn body) {
  struct asking asking = {.server = name_server_start()};
  weft_task task;
  alarm(60);
  int fds = count_fds_warm();
  CHECK_INT(WEFT_OK, weft_runtime_new(&asking.rt));
  CHECK_INT(WEFT_OK, weft_dns_new(asking.rt, &asking.dns));
  CHECK_INT(WEFT_OK, weft_dns_set_servers(asking.dns,
                                          servers_text(asking.server->port)));
  CHECK_INT(WEFT_OK, weft_dns_install(asking.dns));
  CHECK_INT(WEFT_OK, weft_spawn(asking.rt, 0, body, &asking, NULL, &task));
  CHECK_INT(WEFT_OK, weft_set_main(asking.rt, task));
  CHECK_INT(WEFT_OK, weft_run(asking.rt));
  weft_task_close(asking.rt, task);
  CHECK_INT(WEFT_OK, weft_dns_close(asking.dns));
  CHECK_INT(WEFT_OK, weft_runtime_free(asking.rt));
  CHECK_INT(fds, count_fds());
}

#define ASKING_TEST(sentence)                                                  \
  static void CHECK_JOIN(body_, __LINE__)(struct asking * asking);             \
  static int CHECK_JOIN(task_, __LINE__)(weft_runtime * rt, void *arg) {       \
    (void)rt;                                                                  \
    CHECK_JOIN(body_, __LINE__)(arg);                                          \
    return WEFT_OK;                                                            \
  }                                                                            \
  TEST(sentence) {                                                             \
    asking_run(CHECK_JOIN(task_, __LINE__));                                   \
  }                                                                            \
  static void CHECK_JOIN(body_, __LINE__)(struct asking * asking)

/* -- Values as text ------------------------------------------------------- */

struct text {
  char data[4096];
  size_t size;
};

static inline void add(struct text *text, const char *data, size_t size) {
  if (size > sizeof text->data - 1 - text->size)
    size = sizeof text->data - 1 - text->size;
  memcpy(text->data + text->size, data, size);
  text->size += size;
  text->data[text->size] = '\0';
}

static inline void write_value(struct text *text, weft_value *value) {
  const char *data;
  char number[32];
  int64_t integer;
  size_t size, count = 0;
  bool is_map = weft_value_get_type(value) == WEFT_MAP;
  if (weft_value_get_bytes(value, &data, &size) == WEFT_OK) {
    add(text, data, size);
    return;
  }
  if (weft_value_get_int(value, &integer) == WEFT_OK) {
    snprintf(number, sizeof number, "%lld", (long long)integer);
    add(text, number, strlen(number));
    return;
  }
  weft_value_get_count(value, &count);
  for (size_t i = 0; i < count; i++) {
    weft_value *item;
    if (i > 0)
      add(text, is_map ? " " : ", ", is_map ? 1 : 2);
    if (is_map && weft_value_get_key(value, i, &item) == WEFT_OK) {
      write_value(text, item);
      add(text, "=", 1);
    }
    weft_value_get_item(value, i, &item);
    write_value(text, item);
  }
}

/* The value, which is consumed, as text, good until the next call. */
static inline const char *take_value(uint64_t value) {
  static struct text text;
  text.size = 0;
  text.data[0] = '\0';
  write_value(&text, (weft_value *)(uintptr_t)value);
  weft_value_unref((weft_value *)(uintptr_t)value);
  return text.data;
}

/* -- Asking --------------------------------------------------------------- */

static inline int lookup(struct asking *asking, const char *host, int family,
                         const char **text) {
  uint64_t value;
  int status = weft_dns_lookup_family(asking->rt, host, family, &value);
  CHECK((status == WEFT_OK) == (value != 0));
  *text = status == WEFT_OK ? take_value(value) : NULL;
  return status;
}

static inline int query(struct asking *asking, const char *name,
                        const char *kind, const char **text) {
  uint64_t value;
  int status = weft_dns_query(asking->rt, asking->dns, name, kind, &value);
  CHECK((status == WEFT_OK) == (value != 0));
  *text = status == WEFT_OK ? take_value(value) : NULL;
  return status;
}

/* A task that looks a name up. */
struct seeker {
  const char *host;
  weft_task task;
  bool done;
  int status;
};

static inline int seek(weft_runtime *rt, void *arg) {
  struct seeker *seeker = arg;
  uint64_t value;
  seeker->status = weft_dns_lookup(rt, seeker->host, &value);
  weft_value_unref((weft_value *)(uintptr_t)value);
  seeker->done = true;
  return WEFT_OK;
}

static inline void start_seeker(weft_runtime *rt, struct seeker *seeker,
                                const char *host) {
  *seeker = (struct seeker){.host = host};
  CHECK_INT(WEFT_OK, weft_spawn(rt, 0, seek, seeker, NULL, &seeker->task));
  CHECK_INT(WEFT_OK, weft_yield(rt));
}

static inline int join_seeker(weft_runtime *rt, struct seeker *seeker) {
  CHECK_INT(WEFT_OK, weft_task_await(rt, seeker->task));
  CHECK_INT(WEFT_OK, weft_task_close(rt, seeker->task));
  CHECK(seeker->done);
  return seeker->status;
}

static inline int cancel_seeker(weft_runtime *rt, struct seeker *seeker) {
  CHECK_INT(WEFT_OK, weft_task_cancel(rt, seeker->task, NULL));
  return join_seeker(rt, seeker);
}

/* Goes on once the server has got so many queries. */
static inline void await_queries(struct asking *asking, int count) {
  while (atomic_load(&asking->server->queries) < count)
    CHECK_INT(WEFT_OK, weft_yield(asking->rt));
}

#endif
