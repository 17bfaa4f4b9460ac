/* SPDX-License-Identifier: MIT
 * dns.h - what the files of the resolver share.
 *
 * The path of a look-up, and the file of each part of it:
 *
 *   weft_resolve_start -> dns.c: is it ours? -> operation.c: the line of those
 *                            | system.c           that wait, 64 go at a time
 *                            v                      |
 *                     the C library's               v
 *                                     channel.c: c-ares, its sockets and times
 *                                                   |
 *   weft_resolve_finish <- dns.c  <- operation.c: what has ended, told when
 *   a task wakes <- query.c           c-ares has returned
 *
 * c-ares calls back in the middle of its own work. Nothing but notes is made
 * there: whoever is told of an answer may ask anew, cancel, or close all. */
#ifndef WEFT_DNS_PRIVATE_H
#define WEFT_DNS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ares.h>

#include "weft_dns.h"

/* -- How the system is set up (system.c) ---------------------------------- */

struct dns_system {
  bool is_ours;   /* c-ares does what the system would */
  int timeout_ms; /* of /etc/resolv.conf; 0: it says nothing */
  int attempts;
};

/* Tells one state of the files from another. */
struct dns_stamp {
  int64_t numbers[12];
};

/* [etc] is the folder of the files. */
struct dns_system dns__system_read(const char *etc);
struct dns_stamp dns__system_stamp(const char *etc);
/* Whether [host] is a name that name servers are asked for. */
bool dns__system_is_name(const char *host);

/* -- Operations (operation.c) --------------------------------------------- */

struct dns_channel;
struct dns_operation;

struct dns_list {
  struct dns_operation *first, *last;
};

/* A look-up or a query. It is in one list at a time: dns->waiting, then its
 * channel's while c-ares has it, then dns->ended. */
struct dns_operation {
  struct dns_operation *next, *previous;
  struct dns_list *list;
  weft_dns *dns;
  struct dns_channel *channel; /* that it is in, or NULL */
  bool wanted;                 /* somebody is to be told */
  int status;                  /* once it has ended */

  /* Begins it with c-ares. */
  void (*begin)(struct dns_operation *operation);
  /* Tells who asked, and frees it. */
  void (*tell)(struct dns_operation *operation);
  void (*free)(struct dns_operation *operation);
};

void dns__list_add(struct dns_list *list, struct dns_operation *operation);
void dns__list_remove(struct dns_operation *operation);

/* Puts a new operation in line. A code: it is freed, or will be. */
int dns__operation_start(struct dns_operation *operation);
/* Nobody is to be told any more: it is freed, now or later. */
void dns__operation_cancel(struct dns_operation *operation);
/* Called back by c-ares: notes how it ended, frees it if nobody wants it. */
void dns__operation_ended(struct dns_operation *operation, int ares_code);
/* Begins those in line for which there is a place. */
void dns__operations_begin(weft_dns *dns);
/* Tells of those that have ended, and begins others. */
void dns__operations_tell(weft_dns *dns);
/* Likewise, but when whoever calls now has returned. */
int dns__operations_tell_soon(weft_dns *dns);
/* Nobody is to be told of those that [tell] would tell of. */
void dns__operations_forget(weft_dns *dns,
                            void (*tell)(struct dns_operation *operation));
/* Ends all with [status]: they are told at once. */
void dns__operations_end(weft_dns *dns, int status);

/* -- Channels (channel.c) ------------------------------------------------- */

/* c-ares with one set of settings. When they change a new one is made, and the
 * old one goes when it has nothing more to do. */
struct dns_channel {
  struct dns_channel *next; /* in dns->channels, newest first */
  weft_dns *dns;
  ares_channel ares;
  struct dns_socket *sockets;
  weft_timer timer; /* of c-ares's next time; 0: none */
  uint64_t timer_ns;
  int failure; /* negative: a watch or a timer could not be made */
  struct dns_list operations; /* that c-ares has */
};

int dns__channel_new(weft_dns *dns, struct dns_channel **channel);
void dns__channel_free(struct dns_channel *channel);
/* To be called after all that c-ares was asked to do: sets the timer, ends
 * all if that fails. */
void dns__channel_settle(struct dns_channel *channel);
/* Frees old channels that have nothing to do, and stops c-ares asking for what
 * nobody wants. */
void dns__channels_tidy(weft_dns *dns);

/* -- Resolvers (dns.c) ---------------------------------------------------- */

struct weft_dns {
  size_t references;   /* the owner's, the runtime's, and of those that run */
  bool owned;          /* weft_dns_close is still to come */
  bool installed;      /* the runtime looks names up with it */
  weft_runtime *rt;    /* NULL once it has ended */
  weft_timer lifetime; /* never due: dropped with the runtime */
  weft_timer telling;  /* queued to tell; 0: not */
  struct dns_channel *channels; /* the first is the one in use */
  struct dns_list waiting;      /* in line */
  struct dns_list ended;        /* to be told */
  size_t active;                /* wanted ones that c-ares has */
  const char *etc;              /* "/etc" */
  struct dns_system system;
  struct dns_stamp stamp;
  uint64_t checked_ns; /* when the files were looked at last */
  char *servers;       /* instead of the system's, or NULL */
  uint32_t timeout_ms; /* 0: the system's */
  int attempts;
};

void dns__unref(weft_dns *dns);
/* Follows changes of the system's files; then channels[0] is the one to use. */
int dns__renew(weft_dns *dns);
/* The code for one of c-ares's. */
int dns__status(int ares_code);

/* -- Records (record.c) --------------------------------------------------- */

/* The number of a kind of records; 0: there is none such. */
int dns__record_kind(const char *name);
/* Makes a list of the records of a kind that [data], an answer, has. */
int dns__records_read(const unsigned char *data, size_t size_bytes, int kind,
                      weft_value **list);

#endif
