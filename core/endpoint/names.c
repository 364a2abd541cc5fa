/* Names of ICE candidates by multicast DNS: one responder for all peers, and a socket for it on each link of this host
 * and family.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Peers publish and look for names by requests that end here (core/transport/transport.h). With the first of them the
 * driver is asked for the interfaces, then to join the group on each. Where it cannot, nothing is found, and peers go on
 * without. With the last peer all of it goes.
 */
#include <string.h>

#include "core/endpoint/endpoint.h"

static int begin(prtc_endpoint *endpoint) {
  struct names *names = &endpoint->names;
  if (names->mdns != NULL) return PRTC_OK;
  names->mdns = prtc_mdns_new(&endpoint->context);
  names->wants_interfaces = names->mdns != NULL;
  return names->mdns != NULL ? PRTC_OK : PRTC_ERROR_NO_MEMORY;
}

static bool is_loopback(const prtc_address *address) {
  static const uint8_t one[16] = {[15] = 1};
  return address->family == PRTC_FAMILY_IPV4 ? address->ip[0] == 127 : memcmp(address->ip, one, sizeof one) == 0;
}

void prtc_naming_publish(prtc_endpoint *endpoint, struct prtc_peer_place *place, const prtc_request *request) {
  struct names *names = &endpoint->names;
  int code = begin(endpoint);
  if (code == PRTC_OK && is_loopback(&request->address) && !names->wants_loopback) {
    names->wants_loopback = names->wants_interfaces = true;
  }
  if (code == PRTC_OK) {
    code = prtc_mdns_publish(names->mdns, endpoint->now, &place->names, request->name, &request->address);
  }
  if (code == PRTC_OK) return;
  PRTC_LOG(&endpoint->context, PRTC_LOG_ERROR, "endpoint", "a name is not published: %s", prtc_strerror(code));
}

void prtc_naming_end(prtc_endpoint *endpoint) {
  if (endpoint->names.mdns == NULL) return;
  prtc_endpoint_drop_sockets(endpoint, &endpoint->own);
  prtc_mdns_free(endpoint->names.mdns);
  endpoint->names = (struct names){0};
}

/* What was looked for goes to who asked. */
static void take_results(prtc_endpoint *endpoint, prtc_time now) {
  struct prtc_mdns_result result;
  while (prtc_mdns_event(endpoint->names.mdns, &result) > 0) {
    const prtc_reply reply = {.size = sizeof reply,
                              .id = result.id,
                              .code = result.code,
                              .addresses = &result.address,
                              .address_count = result.code == PRTC_OK ? 1 : 0};
    (void)prtc_endpoint_answer(endpoint, now, &reply);
  }
}

void prtc_naming_find(prtc_endpoint *endpoint, const prtc_request *request) {
  int code = begin(endpoint);
  if (code == PRTC_OK) code = prtc_mdns_resolve(endpoint->names.mdns, endpoint->now, request->id, request->name);
  if (code == PRTC_OK) {
    take_results(endpoint, endpoint->now);
  } else {
    const prtc_reply refusal = {.size = sizeof refusal, .id = request->id, .code = code};
    (void)prtc_endpoint_answer(endpoint, endpoint->now, &refusal);
  }
}

/* --------------------------------------------------------------------------------------------------------------- links */

bool prtc_naming_want(prtc_endpoint *endpoint, prtc_request *out) {
  struct names *names = &endpoint->names;
  if (names->wants_interfaces) {
    names->wants_interfaces = false;
    *out = (prtc_request){.type = PRTC_REQUEST_INTERFACES};
    return true;
  }
  for (size_t i = 0; names->mdns != NULL && i < PRTC_MDNS_LINKS; i++) {
    struct name_link *link = &names->links[i];
    if (link->state != LINK_WANTED) continue;
    link->state = LINK_OPENING;
    *out = (prtc_request){.type = PRTC_REQUEST_JOIN_MULTICAST,
                          .address = prtc_mdns_group(link->family, link->interface_index),
                          .interface_index = link->interface_index};
    return true;
  }
  return false;
}

static struct name_link *find_link(struct names *names, uint8_t family, uint32_t interface_index) {
  struct name_link *free = NULL;
  for (size_t i = 0; i < PRTC_MDNS_LINKS; i++) {
    struct name_link *link = &names->links[i];
    if (link->state != LINK_NONE && link->family == family && link->interface_index == interface_index) return link;
    if (link->state == LINK_NONE && free == NULL) free = link;
  }
  return free;
}

static void leave(prtc_endpoint *endpoint, struct name_link *link) {
  if (link->state == LINK_OPEN) {
    prtc_mdns_remove_link(endpoint->names.mdns, link->socket);
    (void)prtc_queue_push(&endpoint->closes, &link->socket); /* without memory it stays open until the driver ends */
    prtc_endpoint_forget_socket(endpoint, link->socket);
  }
  *link = (struct name_link){0};
}

/* One link for each interface and family. The loopback interface is one when an address of it has a name, or there is no
 * other. */
static void choose_links(prtc_endpoint *endpoint, const prtc_interface *interfaces, size_t count) {
  struct names *names = &endpoint->names;
  bool with_loopback = true;
  for (size_t i = 0; i < count; i++) with_loopback = with_loopback && is_loopback(&interfaces[i].address);
  with_loopback = with_loopback || names->wants_loopback;
  for (size_t i = 0; i < PRTC_MDNS_LINKS; i++) names->links[i].is_seen = false;
  for (size_t i = 0; i < count; i++) {
    const prtc_address *address = &interfaces[i].address;
    if (is_loopback(address) && !with_loopback) continue;
    struct name_link *link = find_link(names, address->family, interfaces[i].index);
    if (link == NULL) continue; /* there are enough */
    if (link->state == LINK_NONE || link->state == LINK_FAILED) {
      *link = (struct name_link){.state = LINK_WANTED, .family = address->family, .interface_index = interfaces[i].index};
    }
    link->is_seen = true;
  }
  for (size_t i = 0; i < PRTC_MDNS_LINKS; i++) {
    struct name_link *link = &names->links[i];
    if (!link->is_seen && link->state != LINK_NONE && link->state != LINK_OPENING) leave(endpoint, link);
  }
}

static void joined(prtc_endpoint *endpoint, const prtc_request *request, const prtc_reply *reply) {
  struct name_link *link = find_link(&endpoint->names, request->address.family, request->interface_index);
  if (link == NULL || link->state != LINK_OPENING) return;
  link->state = LINK_FAILED;
  int code = reply->code;
  if (code >= 0) code = prtc_mdns_add_link(endpoint->names.mdns, request->socket, link->family, link->interface_index);
  if (code >= 0) {
    link->state = LINK_OPEN;
    link->socket = request->socket;
    return;
  }
  PRTC_LOG(&endpoint->context, PRTC_LOG_INFO, "endpoint", "no multicast DNS on interface %u: %s (error %d)",
           link->interface_index, prtc_strerror(code), reply->system_error);
}

void prtc_naming_replied(prtc_endpoint *endpoint, prtc_time now, const prtc_request *request, const prtc_reply *reply) {
  struct names *names = &endpoint->names;
  if (request->type == PRTC_REQUEST_INTERFACES && reply->code >= 0) {
    choose_links(endpoint, reply->interfaces, reply->interface_count);
  } else if (request->type == PRTC_REQUEST_JOIN_MULTICAST) {
    joined(endpoint, request, reply);
  }
  bool any = names->wants_interfaces;
  for (size_t i = 0; i < PRTC_MDNS_LINKS; i++) {
    any |= names->links[i].state != LINK_NONE && names->links[i].state != LINK_FAILED;
  }
  if (!any) prtc_mdns_no_links(names->mdns);
  take_results(endpoint, now);
}

void prtc_naming_lost_socket(prtc_endpoint *endpoint, prtc_socket_id socket) {
  struct names *names = &endpoint->names;
  prtc_mdns_remove_link(names->mdns, socket);
  for (size_t i = 0; i < PRTC_MDNS_LINKS; i++) {
    if (names->links[i].state == LINK_OPEN && names->links[i].socket == socket) names->links[i].state = LINK_FAILED;
  }
}

void prtc_naming_interfaces_changed(prtc_endpoint *endpoint) {
  if (endpoint->names.mdns != NULL) endpoint->names.wants_interfaces = true;
}

/* ---------------------------------------------------------------------------------------------------------------- verbs */

int prtc_naming_receive(prtc_endpoint *endpoint, prtc_time now, const prtc_datagram *datagram) {
  if (datagram->protocol != PRTC_PROTOCOL_UDP) return PRTC_ERROR_UNEXPECTED;
  int code = prtc_mdns_receive(endpoint->names.mdns, now, datagram);
  take_results(endpoint, now);
  return code;
}

void prtc_naming_timeout(prtc_endpoint *endpoint, prtc_time now) {
  if (endpoint->names.mdns == NULL) return;
  prtc_mdns_timeout(endpoint->names.mdns, now);
  take_results(endpoint, now);
}
