/* Which local addresses are used (RFC 8445 section 5.1.1.1), on which ports, and what happens when they come and go.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/transport/filter.h"
#include "core/transport/internal.h"

static bool is_link_local(const prtc_address *address) {
  if (address->family == PRTC_FAMILY_IPV4) return address->ip[0] == 169 && address->ip[1] == 254; /* RFC 3927 */
  return address->ip[0] == 0xFE && (address->ip[1] & 0xC0) == 0x80;                               /* RFC 4291 2.5.6 */
}

/* RFC 8445 section 5.1.1.1: never the deprecated site-local, IPv4-compatible and IPv4-mapped forms. */
static bool is_deprecated(const prtc_address *address) {
  static const uint8_t zeros[16];
  if (address->family == PRTC_FAMILY_IPV4) return memcmp(address->ip, zeros, 4) == 0;
  bool site_local = address->ip[0] == 0xFE && (address->ip[1] & 0xC0) == 0xC0;
  bool mapped = memcmp(address->ip, zeros, 10) == 0 && address->ip[10] == 0xFF && address->ip[11] == 0xFF;
  bool loopback = memcmp(address->ip, zeros, 15) == 0 && address->ip[15] == 1;
  bool compatible = memcmp(address->ip, zeros, 12) == 0 && !loopback;
  return site_local || mapped || compatible;
}

/* 2: a usual address; 1: link-local, for when there is no usual one (RFC 8445 section 5.1.1.1); 0: loopback, likewise
 * unless asked for. */
static int rank(const struct prtc_transport *transport, const prtc_interface *interface) {
  if (interface->network_type == PRTC_NETWORK_LOOPBACK) return transport->config.use_loopback ? 2 : 0;
  return is_link_local(&interface->address) ? 1 : 2;
}

struct socket *prtc_addresses_find(struct gathering *gathering, const prtc_address *address, bool listens) {
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    struct socket *socket = &gathering->sockets[i];
    bool same = socket->state != SOCKET_GONE && socket->listens == listens;
    if (same && prtc_address_equal(&socket->address, address)) return socket;
  }
  return NULL;
}

/* --------------------------------------------------------------------------------------------------------------- choice */

/* Made of the hardware's address (RFC 4291 appendix A): whoever sees it can follow the machine from network to network. */
static bool tells_hardware(const prtc_address *address) {
  return address->family == PRTC_FAMILY_IPV6 && address->ip[11] == 0xFF && address->ip[12] == 0xFE;
}

/* RFC 8445 section 5.1.1.1: one that can be followed is not used where there is a temporary one of the same prefix beside
 * it. */
static bool has_temporary(const prtc_interface *interfaces, size_t count, const prtc_interface *one) {
  for (size_t i = 0; i < count; i++) {
    if (interfaces[i].temporary && interfaces[i].index == one->index &&
        memcmp(interfaces[i].address.ip, one->address.ip, 8) == 0) {
      return true;
    }
  }
  return false;
}

static bool passes_filters(const struct prtc_transport *transport, const prtc_interface *one) {
  return prtc_filter_allows_name(transport->config.interface_filter, one->name) &&
         prtc_filter_allows_address(transport->config.address_filter, &one->address);
}

static bool is_allowed(const struct prtc_transport *transport, const prtc_interface *interfaces, size_t count, size_t i) {
  const prtc_interface *one = &interfaces[i];
  return !is_deprecated(&one->address) && passes_filters(transport, one) &&
         !(tells_hardware(&one->address) && has_temporary(interfaces, count, one));
}

/* A place for one more socket; places keep their numbers. */
static struct socket *make_place(struct prtc_transport *transport) {
  struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    if (gathering->sockets[i].state == SOCKET_GONE) return &gathering->sockets[i];
  }
  if (gathering->socket_count == MAX_SOCKETS) return NULL;
  size_t count = gathering->socket_count + 1;
  void *more = prtc_reallocate(transport->context, gathering->sockets, count * sizeof(struct socket));
  if (more == NULL) {
    transport->event_lost = true; /* it would have been a candidate */
    return NULL;
  }
  gathering->sockets = more;
  return &gathering->sockets[gathering->socket_count++];
}

static void want(struct prtc_transport *transport, const prtc_interface *interface, bool listens) {
  struct gathering *gathering = &transport->gathering;
  prtc_address address = interface->address;
  address.port = 0;
  struct socket *socket = prtc_addresses_find(gathering, &address, listens);
  if (socket == NULL) {
    socket = make_place(transport);
    if (socket == NULL) return;
    *socket = (struct socket){.address = address, .listens = listens};
  } else if (socket->state != SOCKET_FAILED) {
    return;
  }
  socket->state = SOCKET_WANTED;
  socket->ports_tried = 0;
  socket->interface_index = interface->index;
  socket->network_type = interface->network_type;
}

static bool is_there(const prtc_interface *interfaces, size_t count, const prtc_address *address) {
  for (size_t i = 0; i < count; i++) {
    prtc_address one = interfaces[i].address;
    one.port = 0;
    if (prtc_address_equal(&one, address)) return true;
  }
  return false;
}

prtc_socket_id prtc_addresses_active(const struct gathering *gathering, const struct socket *socket) {
  return PRTC_ACTIVE_SOCKET | (prtc_socket_id)(socket - gathering->sockets + 1);
}

void prtc_addresses_withdraw(struct prtc_transport *transport, prtc_time now, const struct socket *socket) {
  (void)prtc_relays_socket_closed(transport, now, socket->id); /* allocations that were made over it */
  (void)prtc_ice_remove_socket(transport->ice, now, socket->id);
  if (!socket->listens) {
    (void)prtc_ice_remove_socket(transport->ice, now, prtc_addresses_active(&transport->gathering, socket));
  }
  if (transport->fallback.socket == socket->id) transport->fallback = (prtc_datagram){0};
}

/* Addresses that are no more: their sockets are closed. One that is being opened is closed when it is open. */
static void withdraw_vanished(struct prtc_transport *transport, prtc_time now, const prtc_interface *interfaces,
                              size_t count) {
  struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->socket_count; i++) {
    struct socket *socket = &gathering->sockets[i];
    if (socket->state == SOCKET_GONE || is_there(interfaces, count, &socket->address)) continue;
    bool open = socket->state == SOCKET_OPEN;
    PRTC_LOG(transport->context, PRTC_LOG_INFO, "transport", "the address of socket %llu is no more",
             (unsigned long long)socket->id);
    socket->state = SOCKET_GONE;
    prtc_addresses_withdraw(transport, now, socket);
    if (open) (void)prtc_queue_push(&gathering->closes, &socket->id);
  }
}

void prtc_addresses_choose(struct prtc_transport *transport, prtc_time now, const prtc_interface *interfaces,
                           size_t count) {
  struct gathering *gathering = &transport->gathering;
  size_t chosen = 0;
  withdraw_vanished(transport, now, interfaces, count);
  gathering->left_out = 0;
  for (size_t i = 0; i < count; i++) {
    gathering->left_out += !passes_filters(transport, &interfaces[i]);
    int one = is_allowed(transport, interfaces, count, i) ? rank(transport, &interfaces[i]) : -1;
    if (one > gathering->best_rank) gathering->best_rank = one;
  }
  for (uint32_t temporary = 2; temporary-- > 0;) { /* temporary addresses first: RFC 6724 section 5, rule 7 */
    for (size_t i = 0; i < count && chosen < MAX_ADDRESSES; i++) {
      if ((interfaces[i].temporary != 0) != (temporary != 0) || !is_allowed(transport, interfaces, count, i)) continue;
      if (rank(transport, &interfaces[i]) < gathering->best_rank) continue;
      want(transport, &interfaces[i], false);
      bool listens = transport->config.tcp_candidates == PRTC_TCP_CANDIDATES_ALL && !transport->config.relay_only;
      if (listens) want(transport, &interfaces[i], true);
      chosen++;
    }
  }
  if (chosen > 0) gathering->left_out = 0;
}

/* ---------------------------------------------------------------------------------------------------------------- ports */

/* Of a range this many are tried for one address. */
enum { MOST_PORTS = 256 };

static uint32_t range_of(const struct prtc_transport *transport) {
  return transport->config.port_maximum == 0 || transport->config.mux != NULL
             ? 0
             : transport->config.port_maximum - transport->config.port_minimum + 1u;
}

uint16_t prtc_addresses_port(struct prtc_transport *transport, struct socket *socket) {
  uint32_t range = range_of(transport);
  if (range == 0) return 0;
  if (socket->ports_tried++ == 0) socket->first_port = (uint16_t)prtc_random_below(&transport->context->random, range);
  return (uint16_t)(transport->config.port_minimum + (socket->first_port + socket->ports_tried - 1) % range);
}

bool prtc_addresses_next_port(const struct prtc_transport *transport, struct socket *socket) {
  uint32_t range = range_of(transport);
  if (socket->ports_tried >= (range < MOST_PORTS ? range : MOST_PORTS)) return false;
  socket->state = SOCKET_WANTED;
  return true;
}

/* -------------------------------------------------------------------------------------------------------------- 1:1 NAT */

int prtc_addresses_map(struct prtc_transport *transport) {
  const char *text = transport->config.address_mappings;
  struct prtc_mapping mapping;
  int code;
  while ((code = prtc_mapping_next(&text, &mapping)) > 0) {
    code = prtc_ice_add_mapping(transport->ice, &mapping.local, &mapping.mapped,
                                mapping.beside ? PRTC_CANDIDATE_SERVER_REFLEXIVE : PRTC_CANDIDATE_HOST);
    if (code < 0) break;
  }
  return code;
}
