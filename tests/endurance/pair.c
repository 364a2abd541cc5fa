/* Two endpoints on a wire.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "tests/endurance/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Turns without a step of time after which something goes in circles */
#define TURNS_LIMIT 10000

#define REQUIRE(condition) ((condition) ? (void)0 : stop(__LINE__, #condition))

static void stop(int line, const char *what) {
  fprintf(stderr, "pair.c:%d: required: %s\n", line, what);
  exit(1);
}

/* ------------------------------------------------------------------------------------------------------------- memory */

union block {
  size_t size;
  max_align_t align;
};

static bool fails(struct meter *meter) {
  uint64_t number = ++meter->requests;
  return number == meter->fail_at || (meter->and_after && number > meter->fail_at);
}

static void *meter_allocate(void *context, size_t size) {
  struct meter *meter = context;
  union block *block = fails(meter) ? NULL : malloc(sizeof *block + size);
  if (block == NULL) return NULL;
  block->size = size;
  meter->live += size;
  if (meter->live > meter->most) meter->most = meter->live;
  return block + 1;
}

static void meter_release(void *context, void *pointer) {
  struct meter *meter = context;
  if (pointer == NULL) return;
  union block *block = (union block *)pointer - 1;
  meter->live -= block->size;
  free(block);
}

static void *meter_reallocate(void *context, void *pointer, size_t size) {
  struct meter *meter = context;
  if (pointer == NULL) return meter_allocate(context, size);
  union block *old = (union block *)pointer - 1;
  size_t old_size = old->size;
  union block *block = fails(meter) ? NULL : realloc(old, sizeof *block + size);
  if (block == NULL) return NULL;
  block->size = size;
  meter->live += size - old_size;
  if (meter->live > meter->most) meter->most = meter->live;
  return block + 1;
}

prtc_allocator pair_metered(struct meter *meter) {
  return (prtc_allocator){
      .context = meter, .allocate = meter_allocate, .reallocate = meter_reallocate, .release = meter_release};
}

/* --------------------------------------------------------------------------------------------------------------- life */

struct pair *pair_open(const prtc_allocator *allocator, uint8_t seed) {
  struct pair *pair = calloc(1, sizeof *pair);
  REQUIRE(pair != NULL);
  pair->now = PAIR_SECOND;
  pair->transcript = 14695981039346656037u; /* FNV-1a */
  for (int i = 0; i < 2; i++) {
    prtc_endpoint_config config;
    PRTC_INIT(&config);
    config.seed[0] = seed;
    config.seed[1] = (uint8_t)i;
    config.now = pair->now;
    config.wall_clock = 1700000000;
    config.allocator = allocator;
    pair->sides[i].endpoint = prtc_endpoint_new(&config);
    if (pair->sides[i].endpoint == NULL) {
      pair_close(pair);
      return NULL;
    }
  }
  return pair;
}

void pair_close(struct pair *pair) {
  for (int i = 0; i < 2; i++) prtc_endpoint_free(pair->sides[i].endpoint);
  free(pair);
}

void pair_forget(struct pair *pair) {
  for (int i = 0; i < 2; i++) {
    prtc_peer_free(pair->sides[i].peer);
    pair->sides[i] = (struct side){.endpoint = pair->sides[i].endpoint};
  }
}

static int describe(struct pair *pair, int from, prtc_sdp_type type) {
  char sdp[16384];
  prtc_peer *peer = pair->sides[from].peer;
  int code = prtc_peer_set_local_description(peer, pair->now, type, NULL, 0);
  if (code < 0) return code;
  code = prtc_peer_get_description(peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp);
  if (code < 0) return code;
  return prtc_peer_set_remote_description(pair->sides[1 - from].peer, pair->now, type, sdp, (size_t)code);
}

int pair_create_channel(struct pair *pair, int side) {
  prtc_channel_config config;
  prtc_channel_id channel;
  PRTC_INIT(&config);
  prtc_channel_config_init(&config);
  config.label = "data";
  config.label_size = 4;
  return prtc_peer_create_data_channel(pair->sides[side].peer, pair->now, &config, &channel);
}

int pair_negotiate(struct pair *pair) {
  int code = 0;
  for (int i = 0; i < 2 && code == 0; i++) {
    prtc_peer_config config;
    PRTC_INIT(&config);
    config.max_message_size = pair->max_message_size;
    code = prtc_peer_new(pair->sides[i].endpoint, pair->now, &config, &pair->sides[i].peer);
  }
  if (code == 0) code = pair_create_channel(pair, 0);
  if (code == 0) code = describe(pair, 0, PRTC_SDP_OFFER);
  if (code == 0) code = describe(pair, 1, PRTC_SDP_ANSWER);
  return code;
}

int pair_restart(struct pair *pair) {
  int code = prtc_peer_restart_ice(pair->sides[0].peer, pair->now);
  if (code == 0) code = describe(pair, 0, PRTC_SDP_OFFER);
  if (code == 0) code = describe(pair, 1, PRTC_SDP_ANSWER);
  return code;
}

/* --------------------------------------------------------------------------------------------------------------- wire */

/* Side 0 has the address 192.0.2.1, side 1 192.0.2.2; the port is one more than the number of the socket. */
static prtc_address address_of(int side, prtc_socket_id socket) {
  REQUIRE(socket < UINT16_MAX);
  return (prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, (uint8_t)(side + 1)}, .port = (uint16_t)(socket + 1)};
}

static void launch(struct pair *pair, int from, const prtc_datagram *datagram) {
  size_t segment = datagram->segment_size != 0 ? datagram->segment_size : datagram->size;
  for (size_t at = 0; at < datagram->size; at += segment) {
    size_t size = datagram->size - at < segment ? datagram->size - at : segment;
    if (size > PAIR_DATAGRAM) continue; /* the path takes no such: a probe for its MTU is lost */
    for (size_t i = 0; i < size; i++) pair->transcript = (pair->transcript ^ datagram->data[at + i]) * 1099511628211u;
    if (pair->count == PAIR_WIRE) continue; /* it is full: lost */
    struct wired *wired = &pair->wire[(pair->first + pair->count++) % PAIR_WIRE];
    wired->at = pair->now + PAIR_DELAY;
    wired->to = 1 - from;
    wired->from = address_of(from, datagram->socket);
    wired->socket = datagram->remote.port - 1u;
    wired->size = size;
    memcpy(wired->bytes, datagram->data + at, size);
  }
}

static void answer(struct pair *pair, int side, const prtc_request *request) {
  prtc_reply reply;
  prtc_interface interface = {.index = 1, .network_type = PRTC_NETWORK_ETHERNET, .name = "eth0"};
  PRTC_INIT(&reply);
  reply.id = request->id;
  interface.address = address_of(side, 0);
  interface.address.port = 0;
  if (request->type == PRTC_REQUEST_INTERFACES) {
    reply.interfaces = &interface;
    reply.interface_count = 1;
  } else if (request->type == PRTC_REQUEST_OPEN_UDP) {
    reply.address = address_of(side, request->socket);
  } else if (request->type == PRTC_REQUEST_CLOSE) {
    return;
  } else {
    reply.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  (void)prtc_endpoint_reply(pair->sides[side].endpoint, pair->now, &reply);
}

static void see(struct pair *pair, int i, const prtc_event *event) {
  struct side *side = &pair->sides[i], *other = &pair->sides[1 - i];
  if (event->type == PRTC_EVENT_ENDPOINT_FAILED) side->failures++;
  if (side->peer == NULL || event->peer != prtc_peer_get_id(side->peer)) return;
  switch (event->type) {
    case PRTC_EVENT_ICE_CANDIDATE:
      if (event->text == NULL || other->peer == NULL) break;
      (void)prtc_peer_add_ice_candidate(other->peer, pair->now, event->text, event->mid, (int)event->index, event->ufrag);
      break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE: side->state = event->state; break;
    case PRTC_EVENT_CHANNEL_OPEN:
      if (event->object != side->taken) side->opened = event->object;
      break;
    case PRTC_EVENT_DATA_CHANNEL: side->taken = event->object; break;
    case PRTC_EVENT_CHANNEL_MESSAGE:
      side->received++;
      if (pair->on_message != NULL) pair->on_message(pair, i, event);
      break;
    case PRTC_EVENT_CHANNEL_CLOSED:
      side->channels_closed++;
      if (event->object == side->opened) side->opened = 0;
      if (event->object == side->taken) side->taken = 0;
      break;
    case PRTC_EVENT_CHANNEL_ERROR:
    case PRTC_EVENT_FAILED: side->failures++; break;
    default: break;
  }
}

/* One side does what it can do now. */
static bool turn(struct pair *pair, int i) {
  prtc_endpoint *endpoint = pair->sides[i].endpoint;
  prtc_datagram datagram;
  prtc_request request;
  prtc_event events[8];
  bool any = false;
  int count;
  while (prtc_endpoint_transmit(endpoint, pair->now, &datagram, pair->train, sizeof pair->train) > 0) {
    launch(pair, i, &datagram);
    any = true;
  }
  while ((count = prtc_endpoint_event(endpoint, events, 8)) > 0) {
    for (int k = 0; k < count; k++) see(pair, i, &events[k]);
    any = true;
  }
  while (prtc_endpoint_request(endpoint, &request) > 0) {
    answer(pair, i, &request);
    any = true;
  }
  return any;
}

static void settle(struct pair *pair) {
  bool any = true;
  for (int turns = 0; any; turns++) {
    REQUIRE(turns < TURNS_LIMIT);
    any = turn(pair, 0);
    any = turn(pair, 1) || any;
  }
}

static void deliver(struct pair *pair) {
  while (pair->count > 0 && pair->wire[pair->first].at <= pair->now) {
    const struct wired *wired = &pair->wire[pair->first];
    const prtc_datagram datagram = {
        .socket = wired->socket, .remote = wired->from, .data = wired->bytes, .size = wired->size, .time = pair->now};
    (void)prtc_endpoint_receive(pair->sides[wired->to].endpoint, pair->now, &datagram, 1);
    pair->first = (pair->first + 1) % PAIR_WIRE;
    pair->count--;
  }
}

bool pair_run(struct pair *pair, prtc_time duration, pair_condition done) {
  prtc_time until = pair->now + duration;
  for (bool is_first = true;; is_first = false) {
    settle(pair);
    if (done != NULL && done(pair)) return true;
    prtc_time next = until;
    if (pair->count > 0 && pair->wire[pair->first].at < next) next = pair->wire[pair->first].at;
    for (int i = 0; i < 2; i++) {
      prtc_time deadline = prtc_endpoint_deadline(pair->sides[i].endpoint);
      if (deadline < next) next = deadline;
    }
    if (next >= until) {
      pair->now = until;
      return false;
    }
    REQUIRE(next > pair->now || is_first); /* a deadline that has passed would be a loop */
    pair->now = next;
    pair->steps++;
    deliver(pair);
    for (int i = 0; i < 2; i++) {
      if (prtc_endpoint_deadline(pair->sides[i].endpoint) > pair->now) continue;
      (void)prtc_endpoint_timeout(pair->sides[i].endpoint, pair->now);
      REQUIRE(prtc_endpoint_deadline(pair->sides[i].endpoint) > pair->now);
    }
  }
}

bool pair_is_connected(const struct pair *pair) { return pair->sides[0].opened != 0 && pair->sides[1].taken != 0; }

bool pair_is_closed(const struct pair *pair) {
  return pair->sides[0].state == PRTC_CONNECTION_CLOSED && pair->sides[1].channels_closed > 0;
}
