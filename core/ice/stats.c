/* What is counted, and told of candidates and pairs (W3C webrtc-stats).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "core/ice/internal.h"

prtc_ice_pair_stats *prtc_ice_stats_of(const struct prtc_ice *ice, const struct ice_socket *socket,
                                       const prtc_address *remote) {
  struct ice_pair *selected = ice->path.pair; /* nearly always it */
  if (selected != NULL && selected->socket == socket && prtc_ice_same_address(&selected->remote->address, remote)) {
    return &selected->stats;
  }
  struct ice_pair *pair = prtc_ice_find_pair(ice, socket, remote);
  return pair != NULL ? &pair->stats : NULL;
}

void prtc_ice_count_data(prtc_ice *ice, prtc_time now, prtc_socket_id id, const prtc_address *remote, int sent,
                         uint64_t packets, uint64_t bytes) {
  const struct ice_socket *socket =
      ice->path.valid && ice->path.socket->id == id ? ice->path.socket : prtc_ice_find_socket(ice, id);
  prtc_ice_pair_stats *stats = socket != NULL ? prtc_ice_stats_of(ice, socket, remote) : NULL;
  if (stats == NULL) return;
  if (sent) {
    stats->packets_sent += packets;
    stats->bytes_sent += bytes;
    stats->last_packet_sent = now;
  } else {
    stats->packets_received += packets;
    stats->bytes_received += bytes;
    stats->last_packet_received = now;
  }
}

int prtc_ice_is_controlling(const prtc_ice *ice) { return ice->controlling ? 1 : 0; }

/* The candidate that a pair is of: the one of that type on its socket, or the base. */
static const struct ice_local *local_of(const struct prtc_ice *ice, const struct ice_pair *pair) {
  const struct ice_local *base = NULL;
  for (size_t i = 0; i < ice->locals.count; i++) {
    const struct ice_local *local = ice->locals.items[i];
    if (local->socket != prtc_ice_base_of(pair->socket)) continue;
    if (pair->valid && local->type == pair->local_type) return local;
    if (local->type == PRTC_CANDIDATE_HOST || local->type == PRTC_CANDIDATE_RELAYED) base = local;
  }
  return base;
}

static uint32_t state_of(enum pair_state state) {
  switch (state) {
    case PAIR_FROZEN: return PRTC_PAIR_FROZEN;
    case PAIR_WAITING: return PRTC_PAIR_WAITING;
    case PAIR_IN_PROGRESS: return PRTC_PAIR_IN_PROGRESS;
    case PAIR_SUCCEEDED: return PRTC_PAIR_SUCCEEDED;
    default: return PRTC_PAIR_FAILED;
  }
}

int prtc_ice_get_pair_stats(const prtc_ice *ice, size_t i, prtc_ice_pair_stats *out) {
  if (i >= ice->pairs.count || out->size < sizeof out->size) return 0;
  const struct ice_pair *pair = ice->pairs.items[i];
  const struct ice_local *local = local_of(ice, pair);
  prtc_ice_pair_stats stats = pair->stats;
  stats.size = out->size;
  stats.state = state_of(pair->state);
  bool chosen = ice->path.valid && ice->path.pair == pair;
  stats.selected = chosen || (!ice->path.valid && ice->told_pair == pair->stats.id);
  stats.nominated = chosen || pair->nominated;
  stats.local = prtc_ice_base_of(pair->socket)->address;
  stats.tcp_type = pair->socket->tcp_type;
  stats.remote = pair->remote->address;
  stats.local_type = local != NULL ? local->type : PRTC_CANDIDATE_HOST;
  stats.remote_type = pair->remote->type;
  stats.local_priority = local != NULL ? local->priority : 0;
  stats.remote_priority = pair->remote->priority;
  stats.local_foundation = local != NULL ? local->foundation : 0;
  stats.network_type = pair->socket->network_type;
  stats.priority = pair->priority;
  stats.round_trip_time = chosen ? ice->path.round_trip_time : pair->round_trip_time;
  memcpy(out, &stats, out->size < sizeof stats ? out->size : sizeof stats);
  return 1;
}

int prtc_ice_get_local_candidate(const prtc_ice *ice, size_t i, prtc_candidate *out, uint32_t *network_type) {
  if (i >= ice->locals.count) return 0;
  const struct ice_local *local = ice->locals.items[i];
  *out = (prtc_candidate){.component = 1, .priority = local->priority, .type = local->type, .address = local->address};
  out->tcp_type = local->socket->tcp_type;
  if (out->tcp_type != PRTC_TCP_NONE) out->protocol = PRTC_PROTOCOL_TCP;
  (void)snprintf(out->foundation, sizeof out->foundation, "%u", local->foundation);
  memcpy(out->ufrag, ice->credentials.local_ufrag, sizeof ice->credentials.local_ufrag);
  if (local->type != PRTC_CANDIDATE_HOST) out->related = local->socket->address;
  if (local->type == PRTC_CANDIDATE_RELAYED) out->related = local->socket->mapped;
  out->server = local->server;
  out->relay_protocol = local->socket->relay_protocol;
  if (network_type != NULL) *network_type = local->socket->network_type;
  return 1;
}

int prtc_ice_get_remote_candidate(const prtc_ice *ice, size_t i, prtc_candidate *out) {
  if (i >= ice->remotes.count) return 0;
  const struct ice_remote *remote = ice->remotes.items[i];
  *out = (prtc_candidate){.component = 1, .priority = remote->priority, .type = remote->type, .address = remote->address};
  out->tcp_type = remote->tcp_type;
  if (out->tcp_type != PRTC_TCP_NONE) out->protocol = PRTC_PROTOCOL_TCP;
  memcpy(out->foundation, remote->foundation, sizeof out->foundation);
  memcpy(out->ufrag, ice->credentials.remote_ufrag, sizeof out->ufrag);
  return 1;
}
