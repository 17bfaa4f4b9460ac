/* SPDX-License-Identifier: MIT
 * query.c - tasks that ask for records. */
#include <stdlib.h>
#include <string.h>

#include "dns.h"

#define CLASS_IN 1

struct query {
  struct dns_operation operation;
  weft_task task;
  int kind;
  unsigned char *answer; /* a copy: c-ares's is gone after its callback */
  size_t answer_bytes;
  char name[]; /* with a zero at its end */
};

static void free_query(struct dns_operation *operation) {
  struct query *query = (struct query *)operation;
  free(query->answer);
  free(query);
}

static void on_answer(void *arg, int code, int timeouts, unsigned char *data,
                      int size_bytes) {
  struct query *query = arg;
  (void)timeouts;
  if (code == ARES_SUCCESS && size_bytes > 0) {
    query->answer = malloc((size_t)size_bytes);
    query->answer_bytes = (size_t)size_bytes;
    if (query->answer == NULL)
      code = ARES_ENOMEM;
    else
      memcpy(query->answer, data, (size_t)size_bytes);
  }
  dns__operation_ended(&query->operation, code);
}

static void begin_query(struct dns_operation *operation) {
  struct query *query = (struct query *)operation;
  ares_query(operation->channel->ares, query->name, CLASS_IN, query->kind,
             on_answer, query);
}

static void tell_query(struct dns_operation *operation) {
  struct query *query = (struct query *)operation;
  weft_runtime *rt = operation->dns->rt;
  weft_value *list = NULL;
  int status = operation->status;
  if (status == WEFT_OK)
    status = dns__records_read(query->answer, query->answer_bytes, query->kind,
                               &list);
  weft_task task = query->task;
  free_query(operation);
  weft_wake(rt, task, status, (uint64_t)(uintptr_t)list);
}

static int withdraw(weft_runtime *rt, void *arg) {
  (void)rt;
  dns__operation_cancel(arg);
  return WEFT_OK;
}

static struct query *new_query(weft_dns *dns, const char *name, int kind) {
  size_t name_bytes = strlen(name) + 1;
  struct query *query = calloc(1, sizeof *query + name_bytes);
  if (query == NULL)
    return NULL;
  memcpy(query->name, name, name_bytes);
  query->kind = kind;
  query->operation.dns = dns;
  query->operation.begin = begin_query;
  query->operation.tell = tell_query;
  query->operation.free = free_query;
  return query;
}

/* The virtual clock would jump to c-ares's time-outs while the answer is on its
 * way. */
static int check(weft_runtime *rt, const weft_dns *dns, const char *name,
                 int kind) {
  int is_virtual = 0;
  if (name == NULL || name[0] == '\0' || kind == 0 || strlen(name) > 255)
    return WEFT_EINVAL;
  int status = weft_cancel_point(rt);
  if (status != WEFT_OK)
    return status;
  weft_get_virtual_clock(rt, &is_virtual);
  if (dns->rt == NULL)
    return WEFT_ECLOSED;
  return is_virtual ? WEFT_ENOTSUP : WEFT_OK;
}

int weft_dns_query(weft_runtime *rt, weft_dns *dns, const char *name,
                   const char *kind_name, uint64_t *value) {
  *value = 0;
  int kind = kind_name == NULL ? 0 : dns__record_kind(kind_name);
  int status = check(rt, dns, name, kind);
  if (status != WEFT_OK)
    return status;
  struct query *query = new_query(dns, name, kind);
  if (query == NULL)
    return WEFT_ENOMEM;
  weft_task_current(rt, &query->task);
  status = dns__operation_start(&query->operation);
  if (status != WEFT_OK)
    return status;
  return weft_park(rt, "lookup", withdraw, query, value);
}
