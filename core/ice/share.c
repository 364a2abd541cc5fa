/* An agent on sockets that it shares with others: what it tells the mux of itself.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/ice/internal.h"

/* -------------------------------------------------------------------------------------------------- joining and leaving */

void prtc_ice_join(struct prtc_ice *ice, struct prtc_mux *mux, void *owner) {
  ice->mux = mux;
  ice->owner = owner;
  if (prtc_mux_has_ufrag(mux, ice->credentials.local_ufrag)) {
    prtc_ice_make_credentials(ice, ice->credentials.local_ufrag, ice->credentials.local_password);
  }
  prtc_ice_share_step(ice);
}

void prtc_ice_leave(struct prtc_ice *ice) {
  if (ice->mux == NULL) return;
  for (size_t i = 0; i < ice->pairs.count; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    prtc_ice_unshare(ice, &pair->claim);
  }
  for (size_t i = 0; i < ice->transactions.count; i++) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    prtc_ice_unshare(ice, &transaction->entry);
  }
  for (int i = 0; i < 3; i++) prtc_ice_unshare(ice, &ice->ufrags[i].entry);
  prtc_ice_unshare(ice, &ice->path_claim);
  prtc_ice_unshare(ice, &ice->former_claim);
  ice->mux = NULL;
}

void prtc_ice_yield(struct prtc_ice *ice) {
  ice->yields = true;
  prtc_ice_share_step(ice);
}

/* -------------------------------------------------------------------------------------------------------------- entries */

void prtc_ice_share_transaction(struct prtc_ice *ice, struct ice_transaction *transaction) {
  if (ice->mux != NULL) prtc_mux_add_transaction(ice->mux, &transaction->entry, ice->owner, transaction->id);
}

void prtc_ice_unshare(struct prtc_ice *ice, struct prtc_mux_entry *entry) {
  if (ice->mux != NULL) prtc_mux_remove(ice->mux, entry);
}

static void share_ufrag(struct prtc_ice *ice, struct ice_known_ufrag *known, bool alive, const char *ufrag) {
  if (!alive) ufrag = "";
  if (strcmp(known->ufrag, ufrag) == 0) return;
  prtc_mux_remove(ice->mux, &known->entry);
  memcpy(known->ufrag, ufrag, strlen(ufrag) + 1);
  if (alive) prtc_mux_add_ufrag(ice->mux, &known->entry, ice->owner, ufrag);
}

/* ---------------------------------------------------------------------------------------------------------------- paths */

/* UDP sockets are. Connections are one agent's, and what a transport has made up (the socket of a TURN allocation), too. */
static bool is_shared(const struct prtc_ice *ice, const struct ice_socket *socket) {
  return ice->mux != NULL && socket->tcp_type == PRTC_TCP_NONE && socket->id >> 63 == 0;
}

static bool claim_path(struct prtc_ice *ice, struct prtc_mux_entry *entry, const struct ice_socket *socket,
                       const prtc_address *remote, enum prtc_mux_claim claim, bool now) {
  if (!is_shared(ice, socket)) return true;
  if (ice->yields && claim > PRTC_MUX_HEARD) claim = PRTC_MUX_HEARD;
  if (ice->failure == 0 && claim != PRTC_MUX_NONE) {
    return prtc_mux_claim(ice->mux, entry, ice->owner, socket->id, remote, claim, now);
  }
  prtc_mux_remove(ice->mux, entry);
  return true;
}

static bool claim_pair(struct prtc_ice *ice, struct ice_pair *pair, bool now) {
  enum prtc_mux_claim claim = pair->valid ? PRTC_MUX_VALID : pair->heard ? PRTC_MUX_HEARD : PRTC_MUX_NONE;
  return claim_path(ice, &pair->claim, pair->socket, &pair->remote->address, claim, now);
}

void prtc_ice_share_step(struct prtc_ice *ice) {
  const struct ice_path *path = &ice->path;
  if (ice->mux == NULL) return;
  share_ufrag(ice, &ice->ufrags[0], true, ice->credentials.local_ufrag);
  share_ufrag(ice, &ice->ufrags[1], ice->former.valid, ice->former.credentials.local_ufrag);
  share_ufrag(ice, &ice->ufrags[2], path->valid, path->credentials.local_ufrag);
  for (size_t i = 0; i < ice->pairs.count; i++) (void)claim_pair(ice, ice->pairs.items[i], false);
  if (path->valid) {
    (void)claim_path(ice, &ice->path_claim, path->socket, &path->remote, PRTC_MUX_SELECTED, false);
  } else {
    prtc_mux_remove(ice->mux, &ice->path_claim);
  }
  const struct ice_socket *former = prtc_ice_find_socket(ice, ice->former_socket);
  if (former != NULL) {
    (void)claim_path(ice, &ice->former_claim, former, &ice->former_remote, PRTC_MUX_HEARD, false);
  }
}

bool prtc_ice_is_taken(const struct prtc_ice *ice, const struct ice_socket *socket, const prtc_address *remote) {
  return is_shared(ice, socket) && prtc_mux_is_taken(ice->mux, ice->owner, socket->id, remote);
}

static bool keep_or_fail(struct prtc_ice *ice, struct ice_pair *pair, bool is_ours) {
  if (is_ours) return true;
  prtc_ice_log_pair(ice, pair, "is in use by another connection of the same port");
  ice->taken++;
  pair->state = PAIR_FAILED;
  pair->valid = pair->heard = pair->nominated = false;
  return false;
}

bool prtc_ice_prove(struct prtc_ice *ice, struct ice_pair *pair) {
  return keep_or_fail(ice, pair, claim_pair(ice, pair, true));
}

bool prtc_ice_prove_selected(struct prtc_ice *ice, struct ice_pair *pair) {
  const prtc_address *remote = &pair->remote->address;
  prtc_ice_unshare(ice, &ice->path_claim); /* it may be of another path */
  prtc_ice_unshare(ice, &ice->former_claim);
  return keep_or_fail(ice, pair, claim_path(ice, &ice->path_claim, pair->socket, remote, PRTC_MUX_SELECTED, true));
}
