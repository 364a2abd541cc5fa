/* STUN and TURN servers: their names, their addresses, and what is told of those that fail.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/text.h"
#include "core/transport/internal.h"

/* ----------------------------------------------------------------------------------------------------------------- life */

void prtc_server_release(struct prtc_transport *transport, struct server *server) {
  if (server == NULL || --server->users > 0) return;
  prtc_release(transport->context, server->host);
  prtc_release(transport->context, server->username);
  prtc_release(transport->context, server->credential);
  prtc_release(transport->context, server);
}

void prtc_servers_clear(struct prtc_transport *transport) {
  struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->server_count; i++) prtc_server_release(transport, gathering->servers[i]);
  gathering->server_count = 0;
}

void prtc_transport_forget_servers(struct prtc_transport *transport) {
  prtc_servers_clear(transport);
  prtc_ice_forget_servers(transport->ice);
}

/* NULL stays NULL. False without memory. */
static bool copy(struct prtc_transport *transport, char **out, const char *text) {
  if (text == NULL) return true;
  *out = prtc_copy_text(transport->context, text, strlen(text));
  return *out != NULL;
}

static struct server *make(struct prtc_transport *transport, const struct prtc_transport_server *given) {
  struct server *server = prtc_allocate(transport->context, sizeof *server);
  if (server == NULL) return NULL;
  *server = (struct server){.users = 1, .protocol = given->protocol, .port = given->port};
  if (copy(transport, &server->host, given->host) && copy(transport, &server->username, given->username) &&
      copy(transport, &server->credential, given->credential)) {
    return server;
  }
  prtc_server_release(transport, server);
  return NULL;
}

/* A STUN server becomes ICE's; on a TURN server an allocation is made from each socket, or by a stream. */
static int use_address(struct prtc_transport *transport, prtc_time now, struct server *server, const prtc_address *given) {
  prtc_address address = *given;
  if (server->address_count == 2) return PRTC_OK;
  address.port = server->port;
  server->addresses[server->address_count++] = address;
  if (server->protocol == PRTC_RELAY_NONE && !transport->config.relay_only) {
    return prtc_ice_add_server(transport->ice, now, &address);
  }
  return PRTC_OK;
}

int prtc_transport_add_server(struct prtc_transport *transport, prtc_time now, const struct prtc_transport_server *given) {
  struct gathering *gathering = &transport->gathering;
  prtc_address address;
  if (gathering->server_count == MAX_SERVERS) return PRTC_ERROR_QUEUE_FULL;
  struct server *server = make(transport, given);
  if (server == NULL) return PRTC_ERROR_NO_MEMORY;
  gathering->servers[gathering->server_count++] = server;
  if (prtc_address_parse(&address, given->host, strlen(given->host)) < 0) return PRTC_OK;
  server->asked = true; /* a literal address needs no driver */
  return use_address(transport, now, server, &address);
}

/* ---------------------------------------------------------------------------------------------------------------- names */

bool prtc_servers_want_names(const struct prtc_transport *transport) {
  const struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->server_count; i++) {
    if (!gathering->servers[i]->asked) return true;
  }
  return false;
}

const char *prtc_servers_next_name(struct prtc_transport *transport) {
  struct gathering *gathering = &transport->gathering;
  const char *name = NULL;
  for (uint32_t i = 0; i < gathering->server_count; i++) {
    struct server *server = gathering->servers[i];
    if (server->asked) continue;
    if (name == NULL) name = server->host;
    server->asked = strcmp(server->host, name) == 0; /* once, for all that have it */
  }
  return name;
}

void prtc_servers_name_resolved(struct prtc_transport *transport, prtc_time now, const char *name,
                                const prtc_reply *reply) {
  struct gathering *gathering = &transport->gathering;
  for (uint32_t k = 0; k < gathering->server_count; k++) {
    struct server *server = gathering->servers[k];
    bool seen[2] = {false, false}; /* one address of each family: more would only be the same server again */
    if (strcmp(server->host, name) != 0 || server->address_count > 0) continue;
    for (size_t i = 0; i < reply->address_count && reply->code >= 0; i++) {
      bool *of_family = &seen[reply->addresses[i].family == PRTC_FAMILY_IPV6];
      if (!*of_family) (void)use_address(transport, now, server, &reply->addresses[i]);
      *of_family = true;
    }
    if (server->address_count == 0) {
      prtc_server_failed(transport, server, 701, "the name of the server could not be resolved");
    }
  }
}

/* ----------------------------------------------------------------------------------------------------------------- told */

/* RFC 7064, RFC 7065 */
static void print_url(struct prtc_text *text, const struct server *server) {
  static const char *const schemes[] = {"stun", "turn", "turn", "turns"};
  static const char *const queries[] = {"", "?transport=udp", "?transport=tcp", "?transport=tcp"};
  bool brackets = strchr(server->host, ':') != NULL; /* an IPv6 address */
  prtc_text_print(text, "%s:%s%.150s%s:%u%s", schemes[server->protocol], brackets ? "[" : "", server->host,
                  brackets ? "]" : "", (unsigned)server->port, queries[server->protocol]);
}

void prtc_server_failed(struct prtc_transport *transport, struct server *server, int code, const char *why) {
  struct prtc_transport_event event = {.type = PRTC_TRANSPORT_EVENT_SERVER_FAILED, .code = code};
  struct prtc_text text = prtc_text_of(event.text, sizeof event.text);
  if (server->told) return;
  server->told = true;
  print_url(&text, server);
  prtc_text_print(&text, " %.80s", why);
  PRTC_LOG(transport->context, PRTC_LOG_WARNING, "transport", "%.200s (%d)", event.text, code);
  prtc_transport_push(transport, &event);
}

static bool has_address(const struct server *server, const prtc_address *address) {
  for (uint32_t i = 0; i < server->address_count; i++) {
    if (prtc_address_equal(&server->addresses[i], address)) return true;
  }
  return false;
}

void prtc_servers_stun_failed(struct prtc_transport *transport, const prtc_address *address, int code) {
  const struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->server_count; i++) {
    struct server *server = gathering->servers[i];
    if (server->protocol != PRTC_RELAY_NONE || !has_address(server, address)) continue;
    server->told = false; /* ICE tells once, too, and of each of its addresses */
    prtc_server_failed(transport, server, code,
                       code == 701 ? "the server could not be reached" : "the server answered with an error");
    return;
  }
}

void prtc_servers_new_gathering(struct prtc_transport *transport) {
  struct gathering *gathering = &transport->gathering;
  for (uint32_t i = 0; i < gathering->server_count; i++) {
    struct server *server = gathering->servers[i];
    server->told = false;
  }
}

bool prtc_transport_server_url(const struct prtc_transport *transport, const prtc_candidate *candidate, char *out,
                               size_t capacity) {
  struct prtc_text text = prtc_text_of(out, capacity);
  const struct gathering *gathering = &transport->gathering;
  const struct server *found = prtc_relays_server(transport, &candidate->server, candidate->relay_protocol);
  for (uint32_t i = 0; i < gathering->server_count && found == NULL; i++) {
    if (has_address(gathering->servers[i], &candidate->server)) found = gathering->servers[i];
  }
  if (found == NULL) return false;
  print_url(&text, found);
  return !text.failed;
}
