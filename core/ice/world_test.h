/* A small world for the tests of the ICE agent: agents, a network in virtual time, NATs, a STUN server. Every step of
 * an agent is checked for the promises of the header: a deadline that is not in the past after timeout, no datagram
 * that is too large.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_ICE_WORLD_TEST_H
#define PRTC_ICE_WORLD_TEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <polyrtc/endpoint.h>
#include <polyrtc/ice.h>

#include "core/base/context.h"
#include "core/base/testing.h"
#include "core/ice/internal.h"
#include "core/stun/message.h"

#define MS UINT64_C(1000)
#define SECOND UINT64_C(1000000)
#define PACKETS 4096
#define AGENTS 3
#define LINKS 256

/* What a packet is: a datagram, or a part of the life of a TCP connection. */
enum packet_kind { DATAGRAM, LINK_OPEN, LINK_OPENED, LINK_REFUSED, LINK_BYTES, LINK_END };

struct packet {
  prtc_time arrival;
  uint64_t order;
  enum packet_kind kind;
  size_t link, end; /* of a connection, and which end of it this goes to */
  prtc_address from, to;
  size_t size;
  uint8_t data[1300];
};

/* What a test may do to a packet as it is sent: true to lose it. */
struct world;
typedef bool (*loss)(struct world *world, const struct packet *packet);

/* A TCP connection. End 0 made it, end 1 accepted it. */
struct link {
  size_t agents[2];
  prtc_socket_id ids[2]; /* 0: that end is closed */
  prtc_address addresses[2];
};

struct agent {
  int server_failures, server_code; /* of the latest */
  prtc_address server;
  prtc_context *context;
  prtc_ice *ice;
  bool may_fail;           /* its memory runs out: candidates given to it may be refused */
  bool signal;             /* its candidates go to the other one as they come */
  prtc_socket_id sockets[8];
  prtc_address addresses[8];
  size_t socket_count, opened;
  prtc_socket_id listener; /* 0: none */
  prtc_address listening;
  prtc_candidate candidates[64];
  size_t candidate_count;
  int states[64];
  size_t state_count;
  uint32_t network_type;   /* of the sockets that it gets */
  int complete, selected, failed, withdrawn;
  char text[256];
  uint64_t sent;
  prtc_time connected_at;
};

struct world {
  prtc_time now;
  prtc_time delay;         /* one way */
  loss lose;
  uint64_t rng;            /* of the tests' own randomness */
  struct agent agents[AGENTS];
  struct packet packets[PACKETS];
  size_t packet_count;
  uint64_t order;
  /* A NAT for agent 0, when nat_inside is set: endpoint-independent mapping. */
  prtc_address nat_inside, nat_outside;
  prtc_address server;     /* a STUN server answers here */
  uint64_t server_requests;
  struct link links[LINKS];
  size_t link_count;
  prtc_socket_id last_id;
  bool black_hole; /* attempts to connect are not answered */
};

static inline prtc_address address_of(const char *text) {
  prtc_address address;
  PRTC_REQUIRE(prtc_address_parse(&address, text, strlen(text)) == 0);
  return address;
}

static inline uint64_t next_random(struct world *world) { /* xorshift64* */
  world->rng ^= world->rng >> 12;
  world->rng ^= world->rng << 25;
  world->rng ^= world->rng >> 27;
  return world->rng * UINT64_C(2685821657736338717);
}

static inline struct world *world_new(void) {
  struct world *world = calloc(1, sizeof *world);
  PRTC_REQUIRE(world != NULL);
  world->now = 1000 * SECOND;
  world->delay = 10 * MS;
  world->rng = 88172645463325252u;
  return world;
}

static inline struct agent *agent_new(struct world *world, size_t index, bool controlling, const prtc_ice_config *given) {
  struct agent *agent = &world->agents[index];
  prtc_context_config context;
  prtc_ice_config config;
  PRTC_INIT(&context);
  memset(context.seed, (int)index + 1, sizeof context.seed);
  PRTC_INIT(&config);
  if (given != NULL) config = *given;
  config.controlling = controlling;
  agent->context = prtc_context_new(&context);
  agent->ice = prtc_ice_new(agent->context, &config);
  agent->signal = true;
  agent->network_type = PRTC_NETWORK_ETHERNET;
  PRTC_REQUIRE(agent->ice != NULL);
  return agent;
}

static inline void world_free(struct world *world) {
  for (size_t i = 0; i < AGENTS; i++) {
    prtc_ice_free(world->agents[i].ice);
    prtc_context_free(world->agents[i].context);
  }
  free(world);
}

static inline void agent_socket(struct world *world, size_t index, const char *text) {
  struct agent *agent = &world->agents[index];
  size_t i = agent->socket_count++;
  agent->addresses[i] = address_of(text);
  agent->sockets[i] = index * 100 + ++agent->opened;
  PRTC_CHECK_INT(prtc_ice_add_socket(agent->ice, world->now, agent->sockets[i], &agent->addresses[i], (uint32_t)i + 1,
                                     agent->network_type), 0);
}

static inline void remove_socket(struct world *world, size_t agent, size_t socket) {
  PRTC_CHECK_INT(prtc_ice_remove_socket(world->agents[agent].ice, world->now, world->agents[agent].sockets[socket]), 0);
  world->agents[agent].sockets[socket] = 0;
}

/* ---------------------------------------------------------------------------------------------------------- network */

static inline void inject(struct world *world, const prtc_address *from, const prtc_address *to, const uint8_t *data,
                          size_t size) {
  PRTC_REQUIRE(world->packet_count < PACKETS && size <= sizeof world->packets[0].data);
  struct packet *packet = &world->packets[world->packet_count];
  packet->arrival = world->now + world->delay;
  packet->order = world->order++;
  packet->kind = DATAGRAM;
  packet->from = *from;
  packet->to = *to;
  packet->size = size;
  memcpy(packet->data, data, size);
  bool lost = world->lose != NULL && world->lose(world, packet);
  if (prtc_address_equal(&packet->from, &world->nat_inside)) packet->from = world->nat_outside;
  if (!lost) world->packet_count++;
}

/* On a connection, to one end of it. */
static inline void inject_link(struct world *world, enum packet_kind kind, size_t link, size_t end, const uint8_t *data,
                               size_t size) {
  PRTC_REQUIRE(world->packet_count < PACKETS && size <= sizeof world->packets[0].data);
  struct packet *packet = &world->packets[world->packet_count++];
  *packet = (struct packet){.arrival = world->now + world->delay, .order = world->order++, .kind = kind, .link = link, .end = end};
  packet->from = world->links[link].addresses[1 - end];
  packet->size = size;
  if (size > 0) memcpy(packet->data, data, size);
}

static inline size_t link_of(const struct world *world, size_t agent, prtc_socket_id id, size_t *end) {
  for (size_t i = 0; i < world->link_count; i++) {
    for (*end = 0; *end < 2; ++*end) {
      if (world->links[i].agents[*end] == agent && world->links[i].ids[*end] == id) return i;
    }
  }
  return SIZE_MAX;
}

static inline void agent_listen(struct world *world, size_t index, const char *text) {
  struct agent *agent = &world->agents[index];
  agent->listener = ++world->last_id + 10000;
  agent->listening = address_of(text);
  PRTC_CHECK_INT(prtc_ice_add_tcp_socket(agent->ice, world->now, PRTC_TCP_PASSIVE, agent->listener, &agent->listening, 1,
                                         PRTC_NETWORK_ETHERNET), 0);
}

static inline void agent_active(struct world *world, size_t index, const char *text) {
  prtc_address address = address_of(text);
  PRTC_CHECK_INT(prtc_ice_add_tcp_socket(world->agents[index].ice, world->now, PRTC_TCP_ACTIVE, ++world->last_id + 10000,
                                         &address, 1, PRTC_NETWORK_ETHERNET),
                 0);
}

/* What the agent wants of its connections; true when there was anything. */
static inline bool drain_links(struct world *world, size_t index) {
  struct agent *agent = &world->agents[index];
  prtc_ice_connection wanted;
  prtc_socket_id id;
  size_t end;
  bool active = false;
  while (prtc_ice_connect(agent->ice, ++world->last_id + 10000, &wanted) > 0) {
    PRTC_REQUIRE(world->link_count < LINKS && wanted.local.port == 0);
    struct link *link = &world->links[world->link_count++];
    *link = (struct link){.agents = {index, AGENTS}, .ids = {world->last_id + 10000}, .addresses = {wanted.local, wanted.remote}};
    link->addresses[0].port = (uint16_t)(40000 + world->link_count);
    if (!world->black_hole) inject_link(world, LINK_OPEN, world->link_count - 1, 1, NULL, 0);
    active = true;
  }
  while (prtc_ice_disconnect(agent->ice, &id) > 0) {
    size_t link = link_of(world, index, id, &end);
    PRTC_REQUIRE(link != SIZE_MAX);
    world->links[link].ids[end] = 0;
    inject_link(world, LINK_END, link, 1 - end, NULL, 0);
    active = true;
  }
  return active;
}

/* Ends a connection as a network would: both ends are told. */
static inline void cut(struct world *world, size_t i) {
  struct link *link = &world->links[i];
  for (size_t end = 0; end < 2; end++) {
    if (link->ids[end] == 0) continue;
    prtc_socket_id id = link->ids[end];
    link->ids[end] = 0;
    PRTC_CHECK_INT(prtc_ice_remove_socket(world->agents[link->agents[end]].ice, world->now, id), 0);
  }
}

static inline void open_link(struct world *world, size_t index) {
  struct link *link = &world->links[index];
  for (size_t a = 0; a < AGENTS; a++) {
    struct agent *agent = &world->agents[a];
    if (agent->listener == 0 || !prtc_address_equal(&agent->listening, &link->addresses[1])) continue;
    prtc_socket_id id = ++world->last_id + 10000;
    int code = prtc_ice_accepted(agent->ice, world->now, agent->listener, id, &link->addresses[1], &link->addresses[0]);
    link->agents[1] = a;
    link->ids[1] = code == 0 ? id : 0;
    inject_link(world, LINK_OPENED, index, 0, NULL, 0);
    if (code < 0) inject_link(world, LINK_END, index, 0, NULL, 0);
    return;
  }
  inject_link(world, LINK_REFUSED, index, 0, NULL, 0);
}

static inline void serve_stun(struct world *world, const struct packet *packet) {
  struct prtc_stun_message request;
  uint8_t answer[128];
  struct prtc_stun_writer writer;
  world->server_requests++;
  if (prtc_stun_parse(&request, packet->data, packet->size) != 0) return;
  prtc_stun_begin(&writer, answer, sizeof answer, PRTC_STUN_SUCCESS, PRTC_STUN_METHOD_BINDING, request.transaction);
  prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_MAPPED_ADDRESS, &packet->from);
  int size = prtc_stun_finish(&writer, NULL, 0);
  inject(world, &packet->to, &packet->from, answer, (size_t)size);
}

static inline int agent_receive_on(struct world *world, size_t index, prtc_socket_id socket, const prtc_address *local,
                                   const prtc_address *from, const uint8_t *data, size_t size) {
  struct agent *agent = &world->agents[index];
  prtc_datagram datagram = {.socket = socket, .local = *local, .remote = *from};
  uint8_t *copy = malloc(size > 0 ? size : 1); /* of the exact size: a sanitizer sees what is read beyond */
  PRTC_REQUIRE(copy != NULL);
  if (size > 0) memcpy(copy, data, size);
  datagram.data = copy;
  datagram.size = size;
  int code = prtc_ice_receive(agent->ice, world->now, &datagram);
  free(copy);
  return code;
}

static inline int agent_receive(struct world *world, size_t index, size_t socket, const prtc_address *from,
                                const uint8_t *data, size_t size) {
  const struct agent *agent = &world->agents[index];
  return agent_receive_on(world, index, agent->sockets[socket], &agent->addresses[socket], from, data, size);
}

static inline int deliver_link(struct world *world, const struct packet *packet) {
  struct link *link = &world->links[packet->link];
  size_t end = packet->end, agent = link->agents[end];
  prtc_socket_id id = link->ids[end];
  if (packet->kind == LINK_OPEN) {
    open_link(world, packet->link);
    return 0;
  }
  if (id == 0) return PRTC_ERROR_NOT_FOUND; /* closed meanwhile */
  prtc_ice *ice = world->agents[agent].ice;
  switch (packet->kind) {
    case LINK_OPENED: return prtc_ice_connected(ice, world->now, id, 0, &link->addresses[0]);
    case LINK_REFUSED: return prtc_ice_connected(ice, world->now, id, PRTC_ERROR_INVALID_STATE, &link->addresses[0]);
    case LINK_BYTES:
      return agent_receive_on(world, agent, id, &link->addresses[end], &link->addresses[1 - end], packet->data,
                              packet->size);
    default: link->ids[end] = 0; return prtc_ice_remove_socket(ice, world->now, id);
  }
}

static inline int deliver(struct world *world, const struct packet *packet) {
  prtc_address to = packet->to;
  if (packet->kind != DATAGRAM) return deliver_link(world, packet);
  if (prtc_address_equal(&to, &world->server)) {
    serve_stun(world, packet);
    return 0;
  }
  if (prtc_address_equal(&to, &world->nat_outside)) to = world->nat_inside;
  for (size_t a = 0; a < AGENTS; a++) {
    for (size_t s = 0; s < world->agents[a].socket_count; s++) {
      if (world->agents[a].sockets[s] == 0 || !prtc_address_equal(&to, &world->agents[a].addresses[s])) continue;
      return agent_receive(world, a, s, &packet->from, packet->data, packet->size);
    }
  }
  return PRTC_ERROR_NOT_FOUND;
}

/* ----------------------------------------------------------------------------------------------------------- agents */

static inline void take_event(struct world *world, size_t index, const prtc_ice_event *event) {
  struct agent *agent = &world->agents[index];
  switch (event->type) {
    case PRTC_ICE_EVENT_CANDIDATE: {
      char text[PRTC_CANDIDATE_TEXT_SIZE];
      prtc_candidate read;
      int size = prtc_candidate_print(&event->candidate, text, sizeof text); /* it goes the way that signalling goes */
      PRTC_REQUIRE(size > 0 && prtc_candidate_parse(&read, text, (size_t)size) == 0);
      PRTC_REQUIRE(agent->candidate_count < 64);
      agent->candidates[agent->candidate_count++] = read;
      if (agent->signal) {
        struct agent *other = &world->agents[1 - index];
        int code = prtc_ice_add_remote_candidate(other->ice, world->now, &read);
        PRTC_CHECK(code == 0 || (code == PRTC_ERROR_NO_MEMORY && other->may_fail));
      }
      break;
    }
    case PRTC_ICE_EVENT_CANDIDATE_WITHDRAWN: agent->withdrawn++; break;
    case PRTC_ICE_EVENT_GATHERING_COMPLETE:
      agent->complete++;
      if (agent->signal) prtc_ice_end_of_remote_candidates(world->agents[1 - index].ice, world->now);
      break;
    case PRTC_ICE_EVENT_STATE:
      PRTC_REQUIRE(agent->state_count < 64);
      agent->states[agent->state_count++] = (int)event->state;
      if (event->state == PRTC_ICE_TRANSPORT_CONNECTED || event->state == PRTC_ICE_TRANSPORT_COMPLETED) {
        if (agent->connected_at == 0) agent->connected_at = world->now;
      }
      break;
    case PRTC_ICE_EVENT_SELECTED_PAIR: agent->selected++; break;
    case PRTC_ICE_EVENT_SERVER_FAILED:
      agent->server_failures++;
      agent->server_code = event->code;
      agent->server = event->candidate.address;
      break;
    case PRTC_ICE_EVENT_FAILED:
      agent->failed++;
      memcpy(agent->text, event->text, sizeof agent->text);
      break;
    default: PRTC_CHECK(false);
  }
}

/* Sends and reports all that there is; true when there was something. */
static inline bool drain(struct world *world, size_t index) {
  struct agent *agent = &world->agents[index];
  prtc_datagram out;
  prtc_ice_event event;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  bool active = false;
  int size;
  if (agent->ice == NULL) return false;
  while ((size = prtc_ice_transmit(agent->ice, world->now, &out, buffer, sizeof buffer)) > 0) {
    PRTC_CHECK(out.size == (size_t)size && out.data == buffer && out.size <= 700);
    size_t end = 0, link = out.protocol == PRTC_PROTOCOL_TCP ? link_of(world, index, out.socket, &end) : 0;
    if (out.protocol == PRTC_PROTOCOL_UDP) {
      inject(world, &out.local, &out.remote, out.data, out.size);
    } else {
      PRTC_REQUIRE(link != SIZE_MAX);
      inject_link(world, LINK_BYTES, link, 1 - end, out.data, out.size);
    }
    agent->sent++;
    active = true;
  }
  PRTC_CHECK_INT(size, 0);
  active = drain_links(world, index) || active;
  while (prtc_ice_event_next(agent->ice, &event) > 0) {
    take_event(world, index, &event);
    active = true;
  }
  if (!active) PRTC_REQUIRE(prtc_ice_deadline(agent->ice) > world->now);
  return active;
}

static inline size_t next_packet(const struct world *world) {
  size_t best = SIZE_MAX;
  for (size_t i = 0; i < world->packet_count; i++) {
    const struct packet *packet = &world->packets[i], *other = &world->packets[best == SIZE_MAX ? i : best];
    bool sooner = packet->arrival < other->arrival || (packet->arrival == other->arrival && packet->order < other->order);
    if (best == SIZE_MAX || sooner) best = i;
  }
  return best;
}

/* Runs until nothing is left to do at this instant, then to the next; until `until`. */
static inline void run_until(struct world *world, prtc_time until) {
  for (;;) {
    bool active = true;
    while (active) {
      active = false;
      for (size_t i = 0; i < AGENTS; i++) active = drain(world, i) || active;
    }
    prtc_time next = until;
    size_t first = next_packet(world);
    if (first != SIZE_MAX && world->packets[first].arrival < next) next = world->packets[first].arrival;
    for (size_t i = 0; i < AGENTS; i++) {
      if (world->agents[i].ice == NULL) continue;
      prtc_time deadline = prtc_ice_deadline(world->agents[i].ice);
      if (deadline < next) next = deadline;
    }
    if (next >= until) break;
    world->now = next;
    if (first != SIZE_MAX && world->packets[first].arrival <= next) {
      struct packet packet = world->packets[first];
      world->packets[first] = world->packets[--world->packet_count];
      (void)deliver(world, &packet);
    }
    for (size_t i = 0; i < AGENTS; i++) {
      prtc_ice *ice = world->agents[i].ice;
      if (ice == NULL || prtc_ice_deadline(ice) > world->now) continue;
      PRTC_CHECK_INT(prtc_ice_timeout(ice, world->now), 0);
      PRTC_REQUIRE(prtc_ice_deadline(ice) > world->now);
    }
  }
  world->now = until;
}

static inline void run_for(struct world *world, prtc_time time) { run_until(world, world->now + time); }

/* Each tells the other its parameters. */
static inline void exchange(struct world *world) {
  prtc_ice_parameters parameters;
  for (size_t i = 0; i < 2; i++) {
    prtc_ice_get_local_parameters(world->agents[i].ice, &parameters);
    PRTC_CHECK_INT(prtc_ice_set_remote_parameters(world->agents[1 - i].ice, world->now, &parameters), 0);
  }
}

static inline void end_of_sockets(struct world *world) {
  for (size_t i = 0; i < 2; i++) prtc_ice_end_of_sockets(world->agents[i].ice, world->now);
}

static inline void check_states(const struct agent *agent, size_t count, ...) {
  va_list expected;
  va_start(expected, count);
  PRTC_CHECK_INT(agent->state_count, count);
  for (size_t i = 0; i < count && i < agent->state_count; i++) PRTC_CHECK_INT(agent->states[i], va_arg(expected, int));
  va_end(expected);
}

static inline void check_pair(const struct world *world, size_t index, const char *local, const char *remote) {
  prtc_ice_pair pair;
  prtc_address l = address_of(local), r = address_of(remote);
  PRTC_REQUIRE(prtc_ice_get_selected_pair(world->agents[index].ice, &pair) == 1);
  PRTC_CHECK(prtc_address_equal(&pair.local, &l));
  PRTC_CHECK(prtc_address_equal(&pair.remote, &r));
}

static inline int state_of(const struct world *world, size_t index) { return prtc_ice_get_state(world->agents[index].ice); }

/* Two agents with a socket each, all signalled, connected after a second. */
static inline struct world *connected_world(const prtc_ice_config *config) {
  struct world *world = world_new();
  agent_new(world, 0, true, config);
  agent_new(world, 1, false, config);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  PRTC_REQUIRE(state_of(world, 0) == PRTC_ICE_TRANSPORT_COMPLETED);
  PRTC_REQUIRE(state_of(world, 1) == PRTC_ICE_TRANSPORT_COMPLETED);
  return world;
}

#endif
