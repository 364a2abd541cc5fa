/* One stack: its life, and the way of datagrams through it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "core/tls/tls.h"
#include "core/transport/internal.h"

/* Datagrams of one train: what Linux takes in one call (UDP_MAX_SEGMENTS). */
enum { TRAIN_LENGTH = 64 };

/* ----------------------------------------------------------------------------------------------------------------- life */

/* An event that waits. Most are states, which then take no memory of their own: what is told without any is the end. */
struct queued {
  uint32_t type, state;
  int32_t code;
  struct prtc_transport_event *whole; /* NULL: that is all */
};

struct prtc_transport *prtc_transport_new(struct prtc_context *context, prtc_time now,
                                          const struct prtc_transport_config *config) {
  (void)now;
  struct prtc_transport *transport = prtc_allocate(context, sizeof *transport);
  if (transport == NULL) return NULL;
  transport->context = context;
  transport->config = *config;
  if (config->trust != NULL) transport->trust = prtc_trust_retain(config->trust);
  prtc_queue_init(&transport->events, context, sizeof(struct queued), 0);
  prtc_gathering_init(transport);
  prtc_stages_init(transport);
  prtc_ice_config ice = config->ice;
  ice.hidden_hosts = config->hide_addresses;
  ice.size = sizeof ice;
  ice.controlling = config->controlling;
  transport->ice = prtc_ice_new(context, &ice);
  if (transport->ice == NULL || prtc_addresses_map(transport) < 0 || !prtc_stack_init(transport)) {
    prtc_transport_free(transport);
    return NULL;
  }
  if (config->mux != NULL) prtc_ice_join(transport->ice, config->mux, config->owner);
  return transport;
}

void prtc_transport_free(struct prtc_transport *transport) {
  if (transport == NULL) return;
  prtc_stack_clear(transport);
  prtc_streams_clear(transport);
  prtc_relays_clear(transport);
  prtc_ice_free(transport->ice);
  prtc_gathering_clear(transport);
  prtc_names_clear(transport);
  prtc_stages_clear(transport);
  for (struct queued queued; prtc_queue_pop(&transport->events, &queued);) prtc_release(transport->context, queued.whole);
  prtc_queue_clear(&transport->events);
  prtc_release(transport->context, transport->held);
  prtc_release(transport->context, transport);
}

/* --------------------------------------------------------------------------------------------------------------- events */

/* When too many wait: the last one of its type, which says what is no more, or NULL. */
static struct queued *replaceable(struct prtc_transport *transport, uint32_t type) {
  if (transport->events.count < MANY_EVENTS || type == PRTC_TRANSPORT_EVENT_CANDIDATE ||
      type == PRTC_TRANSPORT_EVENT_CANDIDATE_WITHDRAWN) {
    return NULL;
  }
  for (size_t i = transport->events.count; i-- > 0;) {
    struct queued *queued = prtc_queue_at(&transport->events, i);
    if (queued->type == type) return queued;
  }
  return NULL;
}

static bool is_state(uint32_t type) {
  return type == PRTC_TRANSPORT_EVENT_GATHERING_STATE || type == PRTC_TRANSPORT_EVENT_ICE_STATE ||
         type == PRTC_TRANSPORT_EVENT_DTLS_STATE || type == PRTC_TRANSPORT_EVENT_SCTP_STATE;
}

/* In the place of `former`, or behind the others when that is NULL. */
static void put(struct prtc_transport *transport, struct queued *former, const struct prtc_transport_event *event) {
  struct queued queued = {.type = event->type, .state = event->state, .code = event->code};
  if (!is_state(event->type)) queued.whole = prtc_allocate(transport->context, sizeof *queued.whole);
  if (queued.whole != NULL) *queued.whole = *event;
  bool is_complete = queued.whole != NULL || is_state(event->type) || event->type == PRTC_TRANSPORT_EVENT_FAILED;
  if (is_complete && former != NULL) {
    prtc_release(transport->context, former->whole);
    *former = queued;
    return;
  }
  if (is_complete && prtc_queue_push(&transport->events, &queued) == 0) return;
  prtc_release(transport->context, queued.whole);
  PRTC_LOG(transport->context, PRTC_LOG_ERROR, "transport", "an event of type %u was lost: no memory", event->type);
  transport->event_lost = true;
}

void prtc_transport_push(struct prtc_transport *transport, const struct prtc_transport_event *event) {
  put(transport, replaceable(transport, event->type), event);
}

/* The other side may change the pair with every datagram: of changes that nobody has fetched yet the last is enough. */
static void push_selected_pair(struct prtc_transport *transport, const struct prtc_transport_event *event) {
  size_t count = transport->events.count;
  struct queued *last = count > 0 ? prtc_queue_at(&transport->events, count - 1) : NULL;
  bool is_same = last != NULL && last->type == PRTC_TRANSPORT_EVENT_SELECTED_PAIR;
  put(transport, is_same ? last : replaceable(transport, event->type), event);
}

void prtc_transport_push_state(struct prtc_transport *transport, uint32_t type, uint32_t state) {
  const struct prtc_transport_event event = {.type = type, .state = state};
  prtc_transport_push(transport, &event);
}

/* Once a failure: that DTLS gets no answer on a path that has failed is no news. */
void prtc_transport_push_failure(struct prtc_transport *transport, int code, const char *text) {
  if (transport->failure_told || transport->closed) return;
  transport->failure_told = true;
  PRTC_LOG(transport->context, PRTC_LOG_DEBUG, "transport", "failed: %.200s (%s)", text, prtc_error_name(code));
  struct prtc_transport_event event = {.type = PRTC_TRANSPORT_EVENT_FAILED, .code = code};
  size_t size = strlen(text);
  memcpy(event.text, text, size < sizeof event.text ? size : sizeof event.text - 1);
  prtc_transport_push(transport, &event);
}

static bool pop(struct prtc_transport *transport, struct prtc_transport_event *out) {
  struct queued queued;
  if (!prtc_queue_pop(&transport->events, &queued)) return false;
  if (queued.whole != NULL) {
    *out = *queued.whole;
  } else {
    *out = (struct prtc_transport_event){.type = queued.type, .state = queued.state, .code = queued.code};
  }
  prtc_release(transport->context, queued.whole);
  return true;
}

int prtc_transport_event(struct prtc_transport *transport, struct prtc_transport_event *out) {
  for (;;) {
    if (pop(transport, out)) return 1;
    if (prtc_stages_event(transport, out)) return 1;
    if (prtc_stack_channel_event(transport, out)) return 1;
    if (transport->events.count == 0) break;
  }
  bool lost = transport->event_lost;
  transport->event_lost = false;
  return lost ? PRTC_ERROR_NO_MEMORY : 0;
}

/* Without a path it is ICE that fails: a handshake that has begun waits until there is one again. */
static bool dtls_waits(const struct prtc_transport *transport) {
  prtc_ice_pair pair;
  int state = prtc_ice_get_state(transport->ice);
  if (prtc_dtls_deadline(transport->dtls) == PRTC_NEVER) return false;
  return state == PRTC_ICE_TRANSPORT_DISCONNECTED || state == PRTC_ICE_TRANSPORT_FAILED ||
         prtc_ice_get_usable_pair(transport->ice, &pair) != 1;
}

static prtc_time dtls_deadline(const struct prtc_transport *transport) {
  return dtls_waits(transport) ? PRTC_NEVER : prtc_dtls_deadline(transport->dtls);
}

/* What has waited goes on at once, and has its time anew. */
static void dtls_step(struct prtc_transport *transport, prtc_time now) {
  bool waits = dtls_waits(transport);
  if (transport->dtls_waited && !waits) prtc_dtls_be_patient(transport->dtls, now);
  transport->dtls_waited = waits;
  if (dtls_deadline(transport) <= now) (void)prtc_dtls_timeout(transport->dtls, now);
}

static void selected_pair_event(struct prtc_transport *transport) {
  struct prtc_transport_event event = {.type = PRTC_TRANSPORT_EVENT_SELECTED_PAIR};
  prtc_ice_pair pair;
  if (prtc_ice_get_usable_pair(transport->ice, &pair) != 1) return;
  int size = prtc_address_print(&pair.local, event.text, sizeof event.text);
  if (size < 0) return;
  event.text[size] = ' ';
  (void)prtc_address_print(&pair.remote, event.text + size + 1, sizeof event.text - (size_t)size - 1);
  push_selected_pair(transport, &event);
}

static bool has_turn_server(const struct prtc_transport *transport) {
  for (uint32_t i = 0; i < transport->gathering.server_count; i++) {
    if (transport->gathering.servers[i]->protocol != PRTC_RELAY_NONE) return true;
  }
  return false;
}

/* What ICE cannot know of a failure goes before what it can. */
static void ice_failed(struct prtc_transport *transport, const prtc_ice_event *event) {
  const struct gathering *gathering = &transport->gathering;
  char text[128];
  if (transport->config.relay_only && !prtc_relays_exist(transport)) {
    prtc_transport_push_failure(transport, event->code,
                                has_turn_server(transport)
                                    ? "no TURN server has given an address, and the policy allows no other"
                                    : "there is no TURN server, and the policy allows no addresses but those of one");
    return;
  }
  bool filtered = gathering->left_out > 0 && !prtc_relays_exist(transport);
  if (filtered) {
    snprintf(text, sizeof text, "there is no local address to connect from: the filters leave out all %u",
             (unsigned)gathering->left_out);
  }
  prtc_transport_push_failure(transport, event->code, filtered ? text : event->text);
}

static void take_ice_event(struct prtc_transport *transport, prtc_time now, const prtc_ice_event *event) {
  switch (event->type) {
    case PRTC_ICE_EVENT_CANDIDATE: {
      struct prtc_transport_event candidate = {.type = PRTC_TRANSPORT_EVENT_CANDIDATE, .candidate = event->candidate};
      prtc_address *related = &candidate.candidate.related;
      /* RFC 8839 section 5.1: what stands for an address that is kept private */
      if (transport->config.relay_only) *related = (prtc_address){.family = related->family, .port = 9};
      if (!transport->config.hide_addresses || prtc_names_hide(transport, &candidate.candidate)) {
        prtc_transport_push(transport, &candidate);
      }
      break;
    }
    case PRTC_ICE_EVENT_CANDIDATE_WITHDRAWN: {
      struct prtc_transport_event gone = {.type = PRTC_TRANSPORT_EVENT_CANDIDATE_WITHDRAWN, .candidate = event->candidate};
      if (transport->config.hide_addresses) (void)prtc_names_hide(transport, &gone.candidate);
      prtc_transport_push(transport, &gone);
      break;
    }
    case PRTC_ICE_EVENT_SERVER_FAILED: prtc_servers_stun_failed(transport, &event->candidate.address, event->code); break;
    case PRTC_ICE_EVENT_GATHERING_COMPLETE: prtc_gathering_complete(transport); break;
    case PRTC_ICE_EVENT_STATE:
      prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_ICE_STATE, event->state);
      /* New candidates or a restart after a failure of ICE; one of DTLS or SCTP is for good. */
      if (event->state < PRTC_ICE_TRANSPORT_DISCONNECTED && !transport->failed_for_good) transport->failure_told = false;
      if (event->state == PRTC_ICE_TRANSPORT_DISCONNECTED) prtc_relays_verify(transport, now);
      break;
    case PRTC_ICE_EVENT_SELECTED_PAIR:
      transport->pair_changes++;
      selected_pair_event(transport);
      break;
    case PRTC_ICE_EVENT_FAILED: ice_failed(transport, event); break;
    default: break;
  }
}

void prtc_transport_pump(struct prtc_transport *transport, prtc_time now) {
  prtc_ice_event event;
  int code;
  prtc_relays_pump(transport, now);
  prtc_gathering_check(transport, now);
  if (transport->gathering.fills_pool) return;
  while ((code = prtc_ice_event_next(transport->ice, &event)) > 0) {
    /* Closed is the last of its states, while allocations are given back */
    if (!transport->closed) take_ice_event(transport, now, &event);
  }
  if (code < 0) transport->event_lost = true;
  prtc_stack_start_dtls(transport, now);
  if (!transport->closed) dtls_step(transport, now);
  prtc_stack_dtls_events(transport, now);
}

/* -------------------------------------------------------------------------------------------------------------- receive */

/* The sockets go last: over them allocations were given back. */
static void end_if_closed(struct prtc_transport *transport) {
  if (!transport->drained || transport->ended || !prtc_relays_are_closed(transport)) return;
  transport->ended = true;
  prtc_gathering_close(transport);
}

/* One datagram of ICE or DTLS, whatever carried it. */
int prtc_transport_take(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram) {
  if (datagram->size == 0) return PRTC_ERROR_MALFORMED;
  if (transport->closed) return PRTC_ERROR_UNEXPECTED;
  uint8_t first = datagram->data[0]; /* RFC 7983 section 7 */
  int code = PRTC_ERROR_MALFORMED;
  if (first <= 3) {
    code = prtc_ice_receive(transport->ice, now, datagram);
  } else if (prtc_stages_ends_at_ice(transport) || (first >= 20 && first <= 63)) {
    /* Only from where a connectivity check has come through: anybody else could make us answer to a forged address. */
    if (!prtc_ice_knows_path(transport->ice, datagram->socket, &datagram->remote)) return PRTC_ERROR_UNEXPECTED;
    transport->packets_received++;
    transport->bytes_received += datagram->size;
    prtc_ice_count_data(transport->ice, now, datagram->socket, &datagram->remote, 0, 1, datagram->size);
    if (prtc_stages_ends_at_ice(transport)) prtc_stages_take(transport, PRTC_STAGE_ICE, datagram->data, datagram->size);
    code = prtc_stages_ends_at_ice(transport) ? PRTC_OK : prtc_stack_receive(transport, now, datagram);
  } else if (first >= 128 && first <= 191) {
    return PRTC_ERROR_UNEXPECTED; /* RTP and RTCP: no media was negotiated */
  }
  prtc_transport_pump(transport, now);
  return code;
}

int prtc_transport_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram) {
  int code = prtc_routes_receive(transport, now, datagram);
  end_if_closed(transport);
  return code;
}

/* ------------------------------------------------------------------------------------------------------------- transmit */

/* Where DTLS and data go; false when there is nowhere. */
static bool path(const struct prtc_transport *transport, prtc_datagram *out) {
  prtc_ice_pair pair;
  int state = prtc_ice_get_state(transport->ice);
  if (state == PRTC_ICE_TRANSPORT_FAILED || state == PRTC_ICE_TRANSPORT_CLOSED) return false; /* RFC 7675: no consent */
  if (prtc_ice_get_usable_pair(transport->ice, &pair) != 1) {
    *out = transport->fallback;
    return transport->fallback.socket != 0;
  }
  *out = (prtc_datagram){.socket = pair.socket,
                         .protocol = pair.protocol,
                         .interface_index = pair.interface_index,
                         .local = pair.local,
                         .remote = pair.remote};
  return true;
}

/* Keeps a packet for the next train. Without memory it is lost, which SCTP mends. */
static void hold(struct prtc_transport *transport, const uint8_t *packet, size_t size, uint32_t fragmentation) {
  prtc_release(transport->context, transport->held);
  transport->held = prtc_allocate(transport->context, size);
  if (transport->held == NULL) return;
  memcpy(transport->held, packet, size);
  transport->held_size = size;
  transport->held_fragmentation = fragmentation;
}

/* The next packet: in `space`, or where it is, borrowed until the next call. */
static size_t next_packet(struct prtc_transport *transport, prtc_time now, uint8_t space[PRTC_DATAGRAM_SIZE],
                          const uint8_t **packet, uint32_t *fragmentation) {
  size_t size = transport->held_size;
  *packet = space;
  *fragmentation = PRTC_FRAGMENTATION_ANY;
  if (size == 0) {
    size = prtc_stages_next(transport, PRTC_STAGE_DTLS, space, PRTC_DATAGRAM_SIZE);
    if (size > 0) return size;
    size = prtc_stack_packet(transport, now, packet, PRTC_DATAGRAM_SIZE);
    if (size > 0) *fragmentation = prtc_sctp_fragmentation(transport->sctp);
    return size;
  }
  *fragmentation = transport->held_fragmentation;
  memcpy(space, transport->held, size);
  transport->held_size = 0;
  prtc_release(transport->context, transport->held);
  transport->held = NULL;
  return size;
}

/* Hands SCTP packets to DTLS, as many as make one train: all of one size but the last, which may be shorter. What comes too
 * large for the train is held for the next one. */
static int transmit_train(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                          size_t capacity) {
  uint8_t space[PRTC_DATAGRAM_SIZE];
  const uint8_t *packet;
  size_t overhead = prtc_routes_overhead(transport, out); /* of each datagram: what is left free for the route */
  size_t size = 0, segment = 0;
  uint32_t fragmentation;
  for (size_t count = 0; count < TRAIN_LENGTH; count++) {
    if (segment != 0 && size + segment + (count + 1) * overhead > capacity) break; /* most are as large as the first */
    size_t packet_size = next_packet(transport, now, space, &packet, &fragmentation);
    if (packet_size == 0) break;
    size_t sealed_size = packet_size + prtc_dtls_overhead(transport->dtls);
    /* The last one of a train may be of the base's size, which passes whether it may be fragmented or not. */
    bool is_other = fragmentation != PRTC_FRAGMENTATION_ANY && fragmentation != out->fragmentation;
    if ((segment != 0 && (sealed_size > segment || is_other)) ||
        size + sealed_size + (count + 1) * overhead > capacity) {
      hold(transport, packet, packet_size, fragmentation);
      break;
    }
    if (segment == 0) out->fragmentation = fragmentation;
    if (prtc_capture_is_on(&transport->context->capture)) {
      transport->context->capture.local = out->local;
      transport->context->capture.remote = out->remote;
      prtc_capture_sctp(transport->context, true, packet, packet_size);
    }
    int sealed = prtc_dtls_seal(transport->dtls, packet, packet_size, buffer + size, capacity - size);
    if (sealed < 0) {
      PRTC_LOG(transport->context, PRTC_LOG_ERROR, "transport", "a packet could not be sealed: %s", prtc_strerror(sealed));
      break;
    }
    size += (size_t)sealed;
    if (segment == 0) segment = (size_t)sealed;
    if ((size_t)sealed < segment) break;
  }
  out->data = buffer;
  out->size = size;
  out->segment_size = size > segment ? segment : 0;
  return (int)size;
}

static int transmit_dtls(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                         size_t capacity) {
  int size = prtc_dtls_transmit(transport->dtls, now, buffer, capacity);
  if (size > 0) {
    out->data = buffer;
    out->size = (size_t)size;
  }
  return size;
}

/* For the statistics: what left on the selected pair. */
static void count_sent(struct prtc_transport *transport, prtc_time now, const prtc_datagram *out) {
  size_t segment = out->segment_size != 0 ? out->segment_size : out->size;
  uint64_t packets = (out->size + segment - 1) / segment;
  transport->packets_sent += packets;
  transport->bytes_sent += out->size;
  prtc_ice_count_data(transport->ice, now, out->socket, &out->remote, 1, packets, out->size);
}

/* The search for the path's MTU begins anew when data takes another path. */
static void see_path(struct prtc_transport *transport, const prtc_datagram *out) {
  if (transport->sctp == NULL) return;
  if (transport->path_socket == out->socket && prtc_address_equal(&transport->path_remote, &out->remote)) return;
  transport->path_socket = out->socket;
  transport->path_remote = out->remote;
  size_t ip = out->remote.family == PRTC_FAMILY_IPV6 ? 40 : 20, udp = 8;
  size_t overhead = prtc_dtls_overhead(transport->dtls) + prtc_routes_overhead(transport, out) + udp + ip;
  prtc_sctp_new_path(transport->sctp, (uint32_t)overhead);
}

static int transmit_data(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                         size_t capacity) {
  if (!path(transport, out) || !prtc_routes_is_ready(transport, out->socket)) return 0;
  see_path(transport, out);
  int size = (int)prtc_stages_next(transport, PRTC_STAGE_ICE, buffer, capacity);
  if (size > 0) {
    out->data = buffer;
    out->size = (size_t)size;
    return size;
  }
  size = transmit_dtls(transport, now, out, buffer, capacity); /* our Finished goes before what needs it to be read */
  if (size != 0) return size;
  if (prtc_dtls_get_state(transport->dtls) != PRTC_DTLS_TRANSPORT_CONNECTED) return 0;
  size = transmit_train(transport, now, out, buffer, capacity);
  if (size != 0 || !transport->closing) return size;
  transport->closing = false; /* the ABORT is out: now DTLS may say goodbye */
  (void)prtc_dtls_close(transport->dtls, now);
  return transmit_dtls(transport, now, out, buffer, capacity);
}

int prtc_transport_transmit(struct prtc_transport *transport, prtc_time now, prtc_datagram *out, uint8_t *buffer,
                            size_t capacity) {
  int size = prtc_routes_transmit(transport, now, out, buffer, capacity);
  while (size == 0 && !transport->closed) {
    size = prtc_ice_transmit(transport->ice, now, out, buffer, capacity - PRTC_ROUTES_MOST_OVERHEAD);
    if (size <= 0) break;
    size = prtc_routes_wrap(transport, now, out, buffer, capacity);
  }
  if (size > 0) return size;
  while (size == 0 && !transport->drained) {
    size = transmit_data(transport, now, out, buffer, capacity);
    if (size <= 0) break;
    count_sent(transport, now, out);
    size = prtc_routes_wrap(transport, now, out, buffer, capacity);
  }
  if (transport->closed && size == 0 && !transport->drained) { /* all that was to be said has been */
    transport->drained = true;
    prtc_relays_close(transport, now);
    size = prtc_routes_transmit(transport, now, out, buffer, capacity);
  }
  prtc_transport_pump(transport, now);
  end_if_closed(transport);
  return size;
}

/* ----------------------------------------------------------------------------------------------------------------- time */

/* An association that has lost DTLS under it would repeat itself for ever, to nobody. */
static prtc_time sctp_deadline(const struct prtc_transport *transport) {
  return prtc_stack_sctp_runs(transport) ? prtc_sctp_deadline(transport->sctp) : PRTC_NEVER;
}

prtc_time prtc_transport_deadline(const struct prtc_transport *transport) {
  if (transport->closed) return transport->drained ? prtc_routes_deadline(transport) : PRTC_NEVER;
  prtc_time deadline = prtc_ice_deadline(transport->ice);
  prtc_time dtls = dtls_deadline(transport);
  prtc_time sctp = sctp_deadline(transport);
  prtc_time data = prtc_data_deadline(transport->data);
  if (dtls < deadline) deadline = dtls;
  if (data < deadline) deadline = data;
  prtc_time routes = prtc_routes_deadline(transport);
  if (routes < deadline) deadline = routes;
  return sctp < deadline ? sctp : deadline;
}

int prtc_transport_timeout(struct prtc_transport *transport, prtc_time now) {
  if (prtc_routes_deadline(transport) <= now) prtc_routes_timeout(transport, now);
  if (transport->closed) {
    prtc_transport_pump(transport, now);
    end_if_closed(transport);
    return PRTC_OK;
  }
  if (prtc_ice_deadline(transport->ice) <= now) (void)prtc_ice_timeout(transport->ice, now);
  if (sctp_deadline(transport) <= now) {
    (void)prtc_stack_sctp_result(transport, now, prtc_sctp_timeout(transport->sctp, now));
  }
  if (prtc_data_deadline(transport->data) <= now) prtc_data_timeout(transport->data, now);
  prtc_transport_pump(transport, now);
  return PRTC_OK;
}

/* ---------------------------------------------------------------------------------------------------------------- close */

int prtc_transport_close(struct prtc_transport *transport, prtc_time now) {
  if (transport->closed) return PRTC_OK;
  prtc_transport_pump(transport, now);
  transport->closed = true;
  prtc_ice_leave(transport->ice);
  prtc_stack_close(transport, now);
  prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_ICE_STATE, PRTC_ICE_TRANSPORT_CLOSED);
  return PRTC_OK;
}

void prtc_transport_leave(struct prtc_transport *transport, prtc_time now) {
  (void)prtc_transport_close(transport, now);
  transport->closing = false;
  (void)prtc_dtls_close(transport->dtls, now);
  if (!transport->drained) prtc_relays_close(transport, now);
  transport->drained = true; /* what is queued stays */
  prtc_transport_pump(transport, now);
  end_if_closed(transport);
}

bool prtc_transport_is_drained(const struct prtc_transport *transport) { return transport->ended; }

/* ---------------------------------------------------------------------------------------------------------- negotiation */

int prtc_transport_get_ice_parameters(const struct prtc_transport *transport, prtc_ice_parameters *out) {
  return prtc_ice_get_local_parameters(transport->ice, out);
}

int prtc_transport_set_controlling(struct prtc_transport *transport, prtc_time now, bool controlling) {
  return prtc_ice_set_controlling(transport->ice, now, controlling);
}

int prtc_transport_add_remote_candidate(struct prtc_transport *transport, prtc_time now, const prtc_candidate *candidate) {
  int code = candidate->name[0] != '\0' ? prtc_names_add(transport, now, candidate)
                                        : prtc_ice_add_remote_candidate(transport->ice, now, candidate);
  if (code >= 0 && candidate->protocol == PRTC_PROTOCOL_UDP && candidate->address.family != PRTC_FAMILY_NONE) {
    prtc_relays_permit(transport, now, &candidate->address);
  }
  prtc_transport_pump(transport, now);
  return code;
}

int prtc_transport_end_of_remote_candidates(struct prtc_transport *transport, prtc_time now) {
  if (prtc_names_end(transport)) return PRTC_OK;
  int code = prtc_ice_end_of_remote_candidates(transport->ice, now);
  prtc_transport_pump(transport, now);
  return code;
}

int prtc_transport_get_selected_pair(const struct prtc_transport *transport, prtc_ice_pair *out) {
  return prtc_ice_get_usable_pair(transport->ice, out);
}

prtc_dtls_role prtc_transport_get_dtls_role(const struct prtc_transport *transport) {
  return (prtc_dtls_role)prtc_dtls_get_role(transport->dtls);
}

uint32_t prtc_transport_get_max_channels(const struct prtc_transport *transport) { return transport->max_channels; }

void prtc_transport_look(const struct prtc_transport *transport, struct prtc_transport_view *out) {
  *out = (struct prtc_transport_view){.ice = transport->ice,
                                      .dtls = transport->dtls,
                                      .data = transport->data,
                                      .certificate = transport->config.certificate,
                                      .packets_sent = transport->packets_sent,
                                      .packets_received = transport->packets_received,
                                      .bytes_sent = transport->bytes_sent,
                                      .bytes_received = transport->bytes_received,
                                      .pair_changes = transport->pair_changes};
  if (transport->sctp == NULL) return;
  out->path_mtu = prtc_sctp_mtu(transport->sctp) + (uint32_t)prtc_dtls_overhead(transport->dtls);
}
