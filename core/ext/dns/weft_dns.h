/* SPDX-License-Identifier: MIT
 * weft_dns.h - the public ABI of libweft_dns, a resolver that asks name servers
 * on the runtime's loop. A symbol that is not here is private.
 *
 * The words and rules of weft.h hold. c-ares does the protocol; there is no
 * thread. The resolver of the C library blocks, so each of its look-ups takes
 * one of libuv's threads, two at a time; here 64 names are looked up at once,
 * and the rest in turn.
 *
 * What the system is told to do with names is done: /etc/resolv.conf, read anew
 * when it has changed, /etc/hosts, search domains, the order of RFC 6724. Where
 * it is told something that c-ares cannot do (/etc/nsswitch.conf has sources
 * besides "files dns", /etc/gai.conf has rules, /etc/resolv.conf an option not
 * known here, RES_OPTIONS, LOCALDOMAIN or HOSTALIASES is set, the system is not
 * Linux), the C library is asked as before. So it is for addresses, for names
 * that are not ASCII, and under the virtual clock, which stands still while a
 * name is looked up. One thing differs: localhost has ::1 even where /etc/hosts
 * does not say so. The environment's WEFT_RESOLVER decides otherwise:
 * "system" leaves all to the C library, "c-ares" nothing but those. Nothing is
 * cached. */
#ifndef WEFT_DNS_H
#define WEFT_DNS_H

#include "weft.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -- Resolvers ------------------------------------------------------------ */

typedef struct weft_dns weft_dns;

/* Makes a resolver in [rt]. Owned: weft_dns_close. One that is still open when
 * its runtime is freed is ended with it, and is still to be closed.
 * parks: no    errors: WEFT_ENOMEM, codes of the system */
WEFT_API int weft_dns_new(weft_runtime *rt, weft_dns **dns);

/* Ends the resolver; NULL is fine. Queries under way end with WEFT_ECLOSED. If
 * it is installed it goes on to look names up.
 * parks: no    errors: none */
WEFT_API int weft_dns_close(weft_dns *dns);

/* Asks these name servers instead of the system's, "192.0.2.1,[::1]:5353"; then
 * the system's files decide nothing but /etc/hosts. Look-ups under way go on
 * as they began.
 * parks: no    errors: WEFT_EINVAL (no such list), WEFT_ENOMEM, WEFT_ECLOSED
 * (the runtime has ended) */
WEFT_API int weft_dns_set_servers(weft_dns *dns, const char *servers);

/* Asks a server again, or the next one, after [timeout_ns], at least 1 ms, and
 * then after longer times; each server [attempts] times in all. Default: as in
 * /etc/resolv.conf, else 5 s, twice.
 * parks: no    errors: WEFT_EINVAL (0), WEFT_ENOMEM, WEFT_ECLOSED */
WEFT_API int weft_dns_set_timeout(weft_dns *dns, uint64_t timeout_ns,
                                  int attempts);

/* Makes it the resolver of its runtime (weft_set_resolver).
 * parks: no    errors: WEFT_ESTATE (look-ups are under way), WEFT_ECLOSED */
WEFT_API int weft_dns_install(weft_dns *dns);

/* Makes a resolver with the defaults and installs it: what a binding finds in
 * the library by name, when the first name is to be looked up.
 * parks: no    errors: as weft_dns_new and weft_dns_install */
WEFT_API int weft_dns_use(weft_runtime *rt);

/* -- Records -------------------------------------------------------------- */

/* Asks for the records of [name] and waits; [kind] is "A", "AAAA", "CAA",
 * "CNAME", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV" or "TXT". The name is taken
 * as it stands, without search domains, and /etc/hosts is not looked at.
 *
 * The value is a list, in the server's order: of texts for A, AAAA, CNAME, NS,
 * PTR and TXT, whose pieces are joined; of maps for the others:
 *   MX     priority, exchange
 *   SRV    priority, weight, port, target
 *   SOA    mname, rname, serial, refresh, retry, expire, minimum
 *   CAA    flags, tag, value
 *   NAPTR  order, preference, flags, service, regexp, replacement
 * parks: yes   value: a weft_value *, owned
 * errors: WEFT_ECANCELLED, WEFT_ECLOSED, WEFT_EINVAL (no such kind, no name),
 * WEFT_EHOSTNOTFOUND (no such name, or none of that kind), WEFT_EHOSTTRYAGAIN
 * (no good answer came), WEFT_EPROTO (one that makes no sense did), WEFT_ENOMEM
 * cancelled: the answer is dropped when it comes */
WEFT_API int weft_dns_query(weft_runtime *rt, weft_dns *dns, const char *name,
                            const char *kind, uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif
