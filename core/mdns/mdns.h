/* An mDNS responder and resolver for the names of ICE candidates (RFC 6762, draft-ietf-mmusic-mdns-ice-candidates): it
 * answers for the names that it was given, and finds the address of others'. It speaks by the five verbs, over sockets of
 * its caller's.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What it sends, and no more: a query for each of A and AAAA at once, after 1 and after 3 seconds; two announcements of a
 * new name, a second apart; one answer for each name, link and second. All of it is multicast, and so stays on its link. Nothing is sent
 * for a name that is not ours, and ours have 122 random bits.
 */
#ifndef PRTC_MDNS_MDNS_H
#define PRTC_MDNS_MDNS_H

#include <polyrtc/types.h>

#include "core/mdns/message.h"

struct prtc_context;
struct prtc_mdns;

enum { PRTC_MDNS_PORT = 5353 };

/* Sockets that are used; those beyond are refused. */
enum { PRTC_MDNS_LINKS = 16 };

/* Names that are looked for at a time; those beyond are refused. */
enum { PRTC_MDNS_QUERIES = 64 };

/* How long a name is looked for, µs. */
#define PRTC_MDNS_PATIENCE UINT64_C(7000000)

/* The names of one peer. Zeroed at first; embedded where its peer is kept. */
struct prtc_mdns_owner {
  struct prtc_mdns_own *first;
};

/* NULL without memory. */
struct prtc_mdns *prtc_mdns_new(struct prtc_context *context);
void prtc_mdns_free(struct prtc_mdns *mdns); /* with all names, whoever owns them */

/* ------------------------------------------------------------------------------------------------------ the five verbs */

/* One datagram that came to a socket of a link: 0, MALFORMED, or UNEXPECTED (no such link, another port).
 * `transmit` fills *out, whose data points into `buffer`, and returns the size, 0 when there is nothing, or
 * BUFFER_TOO_SMALL. */
int prtc_mdns_receive(struct prtc_mdns *mdns, prtc_time now, const prtc_datagram *datagram);
int prtc_mdns_transmit(struct prtc_mdns *mdns, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity);
prtc_time prtc_mdns_deadline(const struct prtc_mdns *mdns);
void prtc_mdns_timeout(struct prtc_mdns *mdns, prtc_time now);

/* The end of a query: 1, or 0 when there is none. */
struct prtc_mdns_result {
  uint64_t id;
  int code;             /* 0; TIMEOUT: nobody answered; NOT_SUPPORTED: there is no link */
  prtc_address address; /* port 0 */
};
int prtc_mdns_event(struct prtc_mdns *mdns, struct prtc_mdns_result *out);

/* --------------------------------------------------------------------------------------------------------------- links */

/* The group of a family (RFC 6762 section 3) on an interface, with the port. */
prtc_address prtc_mdns_group(uint8_t family, uint32_t interface_index);

/* A socket that has joined the group. What waits is sent there, too. QUEUE_FULL beyond PRTC_MDNS_LINKS,
 * NO_MEMORY. */
int prtc_mdns_add_link(struct prtc_mdns *mdns, prtc_socket_id socket, uint8_t family, uint32_t interface_index);
void prtc_mdns_remove_link(struct prtc_mdns *mdns, prtc_socket_id socket);
/* No link is to be had: queries, those to come included, fail at once. A link that is added after all ends it. */
void prtc_mdns_no_links(struct prtc_mdns *mdns);

/* --------------------------------------------------------------------------------------------------------------- names */

/* From now on the name is answered for. It is a unique one (a random UUID): nobody is asked whether it is taken. SYNTAX
 * when it is not of prtc_mdns_read_name, INVALID_STATE when it is published already,
 * NO_MEMORY. */
int prtc_mdns_publish(struct prtc_mdns *mdns, prtc_time now, struct prtc_mdns_owner *owner, const char *name,
                      const prtc_address *address);
/* All names of an owner. */
void prtc_mdns_withdraw(struct prtc_mdns *mdns, struct prtc_mdns_owner *owner);

/* Looks for a name; the result is an event, also when it is there at once (one of our own). `id` is the caller's, and not
 * in use. SYNTAX, QUEUE_FULL, NO_MEMORY. */
int prtc_mdns_resolve(struct prtc_mdns *mdns, prtc_time now, uint64_t id, const char *name);
void prtc_mdns_cancel(struct prtc_mdns *mdns, uint64_t id); /* there will be no result; none of that id: nothing happens */

#endif
