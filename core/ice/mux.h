/* Many ICE agents on the same sockets: whose is a datagram that arrives on one of them?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 *   a STUN request      is its owner's whose ufrag comes first in USERNAME (RFC 8445 section 7.2.2)
 *   a STUN response     is its owner's who has sent a request with that transaction id
 *   anything else       is its owner's who has claimed the path: the socket and the remote address
 *
 * Each is one look into a hash table whose entries stand in the agents (a transaction, a pair …) and go with them: so what
 * is not authenticated leaves no trace, and there is no bound but those of the agents. Remote addresses are the other
 * side's to choose, but the table's hash is keyed.
 *
 * A path has one owner. Who has proved more, has it: an agent that has heard a check from there yields to one whose own
 * check was answered from there (nobody can forge that), and both to one that has selected it, which keeps it until it has
 * lost consent. Of equal ones the latest has it. Checks that come over a path that somebody else has selected are not
 * answered, so that the other side takes another pair, or this one when it is free: DTLS without connection ids could not
 * tell the two apart.
 */
#ifndef PRTC_ICE_MUX_H
#define PRTC_ICE_MUX_H

#include <stdbool.h>

#include <polyrtc/types.h>

#include "core/base/table.h"

struct prtc_context;
struct prtc_ice;

struct prtc_mux {
  struct prtc_table table;
};

/* 0 or PRTC_ERROR_NO_MEMORY. Agents that have joined leave before it is cleared. */
int prtc_mux_init(struct prtc_mux *mux, struct prtc_context *context);
void prtc_mux_clear(struct prtc_mux *mux);

/* Whose it is, or NULL. Looks at the datagram's socket, remote, data and size alone. */
void *prtc_mux_find(const struct prtc_mux *mux, const prtc_datagram *datagram);
void *prtc_mux_find_path(const struct prtc_mux *mux, prtc_socket_id socket, const prtc_address *remote);

/* The agent, which is new, is `owner`'s (not NULL; it may have several) from now on: its ufrags are unlike those of all
 * others. */
void prtc_ice_join(struct prtc_ice *ice, struct prtc_mux *mux, void *owner);
/* It gives up everything, and receives no more. Also by prtc_ice_free. */
void prtc_ice_leave(struct prtc_ice *ice);
/* Nothing but STUN is expected any more: whoever wants its paths may have them. */
void prtc_ice_yield(struct prtc_ice *ice);

/* ----------------------------------------------------------------------------------------------------------- for agents */

enum prtc_mux_claim { PRTC_MUX_NONE, PRTC_MUX_HEARD, PRTC_MUX_VALID, PRTC_MUX_SELECTED };

struct prtc_mux_entry {
  struct prtc_table_entry entry; /* first */
  void *owner;
  enum prtc_mux_claim claim; /* of a path */
};

bool prtc_mux_has_ufrag(const struct prtc_mux *mux, const char *ufrag);
void prtc_mux_add_ufrag(struct prtc_mux *mux, struct prtc_mux_entry *entry, void *owner, const char *ufrag);
void prtc_mux_add_transaction(struct prtc_mux *mux, struct prtc_mux_entry *entry, void *owner, const uint8_t id[12]);

/* Claims a path, or claims it otherwise than before. False when somebody else has the better claim: the entry is then out.
 * `now`: it has just been proved; otherwise it must not take the path away from an equal claim. */
bool prtc_mux_claim(struct prtc_mux *mux, struct prtc_mux_entry *entry, void *owner, prtc_socket_id socket,
                    const prtc_address *remote, enum prtc_mux_claim claim, bool now);
/* Somebody else has selected it. */
bool prtc_mux_is_taken(const struct prtc_mux *mux, const void *owner, prtc_socket_id socket, const prtc_address *remote);

void prtc_mux_remove(struct prtc_mux *mux, struct prtc_mux_entry *entry);

#endif
