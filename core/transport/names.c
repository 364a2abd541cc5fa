/* Names in place of addresses (draft-ietf-mmusic-mdns-ice-candidates): those that the other side is told of local
 * candidates, and those that stand in its own. The endpoint answers for the first and finds the others, by requests that
 * no driver sees.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/transport/internal.h"

void prtc_names_clear(struct prtc_transport *transport) {
  struct names *names = &transport->names;
  for (struct own_name *own; (own = names->own) != NULL;) {
    names->own = own->next;
    prtc_release(transport->context, own);
  }
  for (struct waiting_candidate *waiting; (waiting = names->waiting) != NULL;) {
    names->waiting = waiting->next;
    prtc_release(transport->context, waiting);
  }
}

/* -------------------------------------------------------------------------------------------------------------- our own */

/* A version 4 UUID (RFC 9562 section 5.4) and ".local" */
static void make_name(struct prtc_transport *transport, char out[PRTC_MDNS_NAME_SIZE]) {
  uint8_t bytes[16];
  struct prtc_text text = prtc_text_of(out, PRTC_MDNS_NAME_SIZE);
  prtc_random_bytes(&transport->context->random, bytes, sizeof bytes);
  bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);
  bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
  for (int i = 0; i < 16; i++) prtc_text_print(&text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
  prtc_text_print(&text, ".local");
}

/* One name for an address, for as long as the transport lives (section 3.1.1: it is stored for reuse). NULL without
 * memory. */
static const struct own_name *name_of(struct prtc_transport *transport, prtc_address address) {
  address.port = 0;
  for (const struct own_name *own = transport->names.own; own != NULL; own = own->next) {
    if (prtc_address_equal(&own->address, &address)) return own;
  }
  struct own_name *own = prtc_allocate(transport->context, sizeof *own);
  if (own == NULL) return NULL;
  own->address = address;
  make_name(transport, own->name);
  own->next = transport->names.own;
  transport->names.own = own;
  return own;
}

bool prtc_names_hide(struct prtc_transport *transport, prtc_candidate *candidate) {
  if (candidate->type != PRTC_CANDIDATE_HOST) { /* RFC 8839 section 5.1: what stands for an address that is kept private */
    candidate->related = (prtc_address){.family = candidate->related.family, .port = 9};
    return true;
  }
  const struct own_name *own = name_of(transport, candidate->address);
  if (own == NULL) {
    PRTC_LOG(transport->context, PRTC_LOG_ERROR, "transport", "a candidate is not told: no memory for its name");
    return false;
  }
  memcpy(candidate->name, own->name, sizeof own->name);
  candidate->address = (prtc_address){.port = candidate->address.port};
  return true;
}

/* ----------------------------------------------------------------------------------------------------- the other side's */

bool prtc_transport_takes_name(const prtc_candidate *candidate) {
  char name[PRTC_MDNS_NAME_SIZE];
  return candidate->name[0] == '\0' || prtc_mdns_read_name(name, candidate->name, strlen(candidate->name));
}

int prtc_names_add(struct prtc_transport *transport, prtc_time now, const prtc_candidate *candidate) {
  char name[PRTC_MDNS_NAME_SIZE];
  size_t count = 0;
  if (!prtc_mdns_read_name(name, candidate->name, strlen(candidate->name))) return PRTC_ERROR_SYNTAX;
  /* Nothing to find for what would not be used: another component, or who connects to us by TCP */
  bool tcp = candidate->protocol == PRTC_PROTOCOL_TCP;
  if (candidate->component != 1 || (tcp && candidate->tcp_type != PRTC_TCP_PASSIVE)) return PRTC_OK;
  struct waiting_candidate **end = &transport->names.waiting;
  for (; *end != NULL; end = &(*end)->next) count++;
  if (count >= MAX_WAITING) return PRTC_ERROR_QUEUE_FULL;
  struct waiting_candidate *waiting = prtc_allocate(transport->context, sizeof *waiting);
  if (waiting == NULL) return PRTC_ERROR_NO_MEMORY;
  waiting->candidate = *candidate;
  memcpy(waiting->candidate.name, name, sizeof name);
  *end = waiting;
  /* ICE has no use for it yet, but then there is a candidate of the other side: it is checking. */
  return prtc_ice_add_remote_candidate(transport->ice, now, candidate);
}

bool prtc_names_end(struct prtc_transport *transport) {
  transport->names.remote_ended = transport->names.waiting != NULL;
  return transport->names.remote_ended;
}

static void remove_waiting(struct prtc_transport *transport, struct waiting_candidate **place) {
  struct waiting_candidate *waiting = *place;
  *place = waiting->next;
  prtc_release(transport->context, waiting);
}

void prtc_names_new_generation(struct prtc_transport *transport, const char *ufrag) {
  for (struct waiting_candidate **place = &transport->names.waiting; *place != NULL;) {
    const char *theirs = (*place)->candidate.ufrag;
    if (theirs[0] == '\0' || strcmp(theirs, ufrag) == 0) {
      place = &(*place)->next;
    } else {
      remove_waiting(transport, place);
      transport->names.remote_ended = false;
    }
  }
}

bool prtc_names_request(struct prtc_transport *transport, prtc_request *out) {
  for (struct own_name *own = transport->names.own; own != NULL; own = own->next) {
    if (own->is_published) continue;
    own->is_published = true;
    out->type = PRTC_REQUEST_PUBLISH_NAME;
    out->name = own->name;
    out->address = own->address;
    return true;
  }
  const struct waiting_candidate *next = NULL;
  size_t asked = 0;
  for (const struct waiting_candidate *waiting = transport->names.waiting; waiting != NULL; waiting = waiting->next) {
    asked += waiting->is_asked;
    if (next == NULL && !waiting->is_asked) next = waiting;
  }
  if (next == NULL || asked >= MAX_ASKED) return false;
  /* Several candidates may have one name: they are asked for together. */
  for (struct waiting_candidate *waiting = transport->names.waiting; waiting != NULL; waiting = waiting->next) {
    if (strcmp(waiting->candidate.name, next->candidate.name) == 0) waiting->is_asked = true;
  }
  out->type = PRTC_REQUEST_FIND_NAME;
  out->name = next->candidate.name;
  return true;
}

static void use(struct prtc_transport *transport, prtc_time now, prtc_candidate *candidate, const prtc_address *address) {
  uint16_t port = candidate->address.port;
  candidate->address = *address;
  candidate->address.port = port;
  candidate->name[0] = '\0';
  int code = prtc_ice_add_remote_candidate(transport->ice, now, candidate);
  if (code >= 0 && candidate->protocol == PRTC_PROTOCOL_UDP) prtc_relays_permit(transport, now, &candidate->address);
  if (code >= 0) return;
  PRTC_LOG(transport->context, PRTC_LOG_INFO, "transport", "a candidate whose name was found is not used: %s",
           prtc_strerror(code));
}

void prtc_names_found(struct prtc_transport *transport, prtc_time now, const prtc_request *request,
                      const prtc_reply *reply) {
  struct names *names = &transport->names;
  for (struct waiting_candidate **place = &names->waiting; *place != NULL;) {
    prtc_candidate *candidate = &(*place)->candidate;
    if (!(*place)->is_asked || strcmp(candidate->name, request->name) != 0) {
      place = &(*place)->next;
      continue;
    }
    if (reply->code >= 0 && reply->address_count > 0) {
      use(transport, now, candidate, &reply->addresses[0]);
    } else {
      PRTC_LOG(transport->context, PRTC_LOG_INFO, "transport", "a remote candidate is dropped: %s was not found (%s)",
               candidate->name, prtc_strerror(reply->code));
    }
    remove_waiting(transport, place);
  }
  if (names->waiting == NULL && names->remote_ended) {
    names->remote_ended = false;
    (void)prtc_ice_end_of_remote_candidates(transport->ice, now);
  }
}
