/* SPDX-License-Identifier: MIT
 * operation.c - look-ups and queries from their start to their end.
 *
 * At most 64 that somebody wants are with c-ares, the others wait in line: a
 * name is mostly two queries, and the servers of small networks take no more
 * than 150 at a time. c-ares cannot forget one query; one that was cancelled
 * stays with it, but gives its place up at once. When it has only such, all
 * are forgotten. */
#include "dns.h"

#define ACTIVE_MAX 64

/* -- Lists ---------------------------------------------------------------- */

void dns__list_add(struct dns_list *list, struct dns_operation *operation) {
  operation->list = list;
  operation->next = NULL;
  operation->previous = list->last;
  if (list->last != NULL)
    list->last->next = operation;
  else
    list->first = operation;
  list->last = operation;
}

void dns__list_remove(struct dns_operation *operation) {
  struct dns_list *list = operation->list;
  if (list == NULL)
    return;
  if (operation->previous != NULL)
    operation->previous->next = operation->next;
  else
    list->first = operation->next;
  if (operation->next != NULL)
    operation->next->previous = operation->previous;
  else
    list->last = operation->previous;
  operation->list = NULL;
}

/* -- Beginning ------------------------------------------------------------ */

/* c-ares may call back at once. */
static void begin(struct dns_operation *operation) {
  struct dns_channel *channel = operation->dns->channels;
  dns__list_remove(operation);
  operation->channel = channel;
  dns__list_add(&channel->operations, operation);
  operation->dns->active++;
  operation->begin(operation);
  dns__channel_settle(channel);
}

static void end(struct dns_operation *operation, int status) {
  dns__list_remove(operation);
  operation->status = status;
  dns__list_add(&operation->dns->ended, operation);
}

void dns__operations_begin(weft_dns *dns) {
  while (dns->waiting.first != NULL && dns->active < ACTIVE_MAX) {
    int status = dns__renew(dns);
    if (status != WEFT_OK)
      end(dns->waiting.first, status);
    else
      begin(dns->waiting.first);
  }
}

int dns__operation_start(struct dns_operation *operation) {
  weft_dns *dns = operation->dns;
  operation->wanted = true;
  dns__list_add(&dns->waiting, operation);
  dns__operations_begin(dns);
  if (dns->ended.first == NULL || dns__operations_tell_soon(dns) == WEFT_OK)
    return WEFT_OK;
  dns__operation_cancel(operation);
  dns__operations_tell(dns);
  return WEFT_ENOMEM;
}

/* -- Ending --------------------------------------------------------------- */

void dns__operation_ended(struct dns_operation *operation, int ares_code) {
  struct dns_channel *channel = operation->channel;
  bool was_stopped =
      ares_code == ARES_ECANCELLED || ares_code == ARES_EDESTRUCTION;
  int status = was_stopped && channel->failure != WEFT_OK
                   ? channel->failure
                   : dns__status(ares_code);
  operation->channel = NULL;
  if (operation->wanted)
    operation->dns->active--;
  end(operation, status);
  if (operation->wanted)
    return;
  dns__list_remove(operation);
  operation->free(operation);
}

void dns__operation_cancel(struct dns_operation *operation) {
  weft_dns *dns = operation->dns;
  operation->wanted = false;
  if (operation->channel == NULL) {
    dns__list_remove(operation);
    operation->free(operation);
    return;
  }
  dns->active--;
  dns__channels_tidy(dns);
  dns__operations_begin(dns);
  if (dns->ended.first != NULL && dns__operations_tell_soon(dns) != WEFT_OK)
    dns__operations_tell(dns);
}

/* -- Telling -------------------------------------------------------------- */

void dns__operations_tell(weft_dns *dns) {
  dns->references++;
  while (dns->ended.first != NULL) {
    struct dns_operation *operation = dns->ended.first;
    dns__list_remove(operation);
    operation->tell(operation);
    if (dns->ended.first == NULL && dns->rt != NULL)
      dns__operations_begin(dns);
  }
  if (dns->rt != NULL)
    dns__channels_tidy(dns);
  dns__unref(dns);
}

static void on_tell(weft_runtime *rt, void *arg) {
  weft_dns *dns = arg;
  weft_timer_close(rt, dns->telling);
  dns->telling = 0;
  dns__operations_tell(dns);
}

int dns__operations_tell_soon(weft_dns *dns) {
  if (dns->telling != 0)
    return WEFT_OK;
  return weft_call_soon(dns->rt, on_tell, dns, NULL, &dns->telling);
}

static void forget_all(struct dns_list *list,
                       void (*tell)(struct dns_operation *operation)) {
  for (struct dns_operation *at = list->first, *next; at != NULL; at = next) {
    next = at->next;
    if (at->tell != tell || !at->wanted)
      continue;
    at->wanted = false;
    if (at->channel != NULL) {
      at->dns->active--;
      continue;
    }
    dns__list_remove(at);
    at->free(at);
  }
}

void dns__operations_forget(weft_dns *dns,
                            void (*tell)(struct dns_operation *operation)) {
  forget_all(&dns->waiting, tell);
  forget_all(&dns->ended, tell);
  for (struct dns_channel *channel = dns->channels; channel != NULL;
       channel = channel->next)
    forget_all(&channel->operations, tell);
  dns__channels_tidy(dns);
}

void dns__operations_end(weft_dns *dns, int status) {
  while (dns->waiting.first != NULL)
    end(dns->waiting.first, status);
  for (struct dns_channel *channel = dns->channels; channel != NULL;
       channel = channel->next) {
    channel->failure = status;
    ares_cancel(channel->ares);
  }
  dns__operations_tell(dns);
}
