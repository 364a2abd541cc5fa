/* The endpoint: finds the peer of a datagram and of a deadline, and collects what its peers have for the caller.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/config.h"
#include "core/dtls/reading.h"
#include "core/tls/tls.h"

/* Events taken from one peer before the next one's turn, so that a flood at one does not delay the others. */
enum { EVENTS_PER_TURN = 16 };

/* Bytes of messages in one batch of events: a batch ends when it has passed them. */
enum { BATCH_SIZE = 1024 * 1024 };

/* Bytes of the key log that wait to be polled: some 300 handshakes. */
enum { KEY_LOG_SIZE = 64 * 1024 };

/* ---------------------------------------------------------------------------------------------------------------- lists */

static void ring_init(struct link *head) { head->previous = head->next = head; }

static bool ring_is_empty(const struct link *head) { return head->next == head; }

void prtc_link_insert(struct link *head, struct link *link) {
  if (link->next != NULL) return;
  link->previous = head->previous;
  link->next = head;
  link->previous->next = link;
  link->next->previous = link;
}

void prtc_link_remove(struct link *link) {
  if (link->next == NULL) return;
  link->previous->next = link->next;
  link->next->previous = link->previous;
  link->previous = link->next = NULL;
}

/* ---------------------------------------------------------------------------------------------------------- life of one */

prtc_endpoint *prtc_endpoint_new(const prtc_endpoint_config *given) {
  prtc_endpoint_config complete, *config = &complete;
  if (!prtc_config_copy(config, sizeof *config, given) || config->udp_port > PRTC_PORT_ANY) return NULL;
  const prtc_allocator *allocator = config->allocator;
  prtc_endpoint *endpoint = allocator != NULL ? allocator->allocate(allocator->context, sizeof *endpoint)
                                              : malloc(sizeof *endpoint);
  if (endpoint == NULL) return NULL;
  memset(endpoint, 0, sizeof *endpoint);
  prtc_context_init(&endpoint->context, config->seed, allocator, config->log_level);
  endpoint->context.log.now = config->now;
  endpoint->context.keys.bound = config->key_log != 0 ? KEY_LOG_SIZE : 0;
  endpoint->context.capture.sink.bound = config->capture_size;
  if (config->wall_clock != 0) endpoint->context.capture.epoch = (uint64_t)config->wall_clock * 1000000 - config->now;
  prtc_recording_begin(&endpoint->context, config->recording_size, config->now, config->seed, config->wall_clock);
  if (config->udp_port != 0) {
    PRTC_RECORD(&endpoint->context, endpoint_ports, config->now, PRTC_NUMBER(config->udp_port));
  }
  endpoint->now = endpoint->created = config->now;
  endpoint->wall_clock = config->wall_clock;
  endpoint->refusal = "";
  prtc_map_init(&endpoint->peers, &endpoint->context);
  prtc_map_init(&endpoint->sockets, &endpoint->context);
  prtc_map_init(&endpoint->pendings, &endpoint->context);
  prtc_queue_init(&endpoint->closes, &endpoint->context, sizeof(prtc_socket_id), 0);
  prtc_heap_init(&endpoint->timers, &endpoint->context);
  prtc_arena_init(&endpoint->arena, &endpoint->context);
  for (int kind = 0; kind < WORK_KINDS; kind++) ring_init(&endpoint->work[kind]);
  ring_init(&endpoint->stale);
  ring_init(&endpoint->strangers);
  endpoint->udp_port = config->udp_port;
  if (endpoint->udp_port != 0 && prtc_mux_init(&endpoint->mux, &endpoint->context) < 0) {
    prtc_endpoint_free(endpoint);
    return NULL;
  }
  return endpoint;
}

static void free_place(prtc_endpoint *endpoint, struct prtc_peer_place *place) {
  prtc_heap_set(&endpoint->timers, &place->timer, PRTC_NEVER);
  for (int kind = 0; kind < WORK_KINDS; kind++) prtc_link_remove(&place->work[kind]);
  prtc_link_remove(&place->stale);
  prtc_endpoint_drop_sockets(endpoint, place);
  if (endpoint->names.mdns != NULL) prtc_mdns_withdraw(endpoint->names.mdns, &place->names);
  prtc_map_remove(&endpoint->peers, place->id);
  prtc_release(&endpoint->context, place);
  if (endpoint->peers.count == 0) prtc_naming_end(endpoint);
}

void prtc_endpoint_free(prtc_endpoint *endpoint) {
  if (endpoint == NULL) return;
  prtc_endpoint_requests_clear(endpoint);
  size_t next = 0;
  for (struct prtc_map_slot *slot; (slot = prtc_map_next(&endpoint->peers, &next)) != NULL;) {
    struct prtc_peer_place *place = slot->value;
    prtc_peer_destroy(place->peer);
    free_place(endpoint, place);
    next--; /* removal may have moved a later entry here */
  }
  prtc_shared_clear(endpoint);
  if (endpoint->udp_port != 0) prtc_mux_clear(&endpoint->mux);
  prtc_map_clear(&endpoint->peers);
  prtc_naming_end(endpoint);
  prtc_map_clear(&endpoint->sockets);
  prtc_queue_clear(&endpoint->closes);
  prtc_heap_clear(&endpoint->timers);
  prtc_arena_clear(&endpoint->arena);
  prtc_trust_release(endpoint->trust);
  prtc_certificate_release(endpoint->certificate);
  for (int i = 0; i < READ_CERTIFICATES; i++) prtc_certificate_release(endpoint->read_certificates[i]);
  prtc_context_clear(&endpoint->context);
  prtc_allocator allocator = endpoint->context.allocator;
  allocator.release(allocator.context, endpoint);
}

prtc_time prtc_endpoint_advance(prtc_endpoint *endpoint, prtc_time now) {
  if (now > endpoint->now) endpoint->now = now;
  endpoint->context.log.now = endpoint->now;
  return endpoint->now;
}

/* ---------------------------------------------------------------------------------------------------------------- peers */

void prtc_endpoint_wake(prtc_endpoint *endpoint, struct prtc_peer_place *place) {
  for (int kind = 0; kind < WORK_KINDS; kind++) prtc_link_insert(&endpoint->work[kind], &place->work[kind]);
  prtc_link_insert(&endpoint->stale, &place->stale);
}

static void host_wake(prtc_endpoint *endpoint, prtc_peer *peer) {
  prtc_endpoint_wake(endpoint, prtc_peer_get_place(peer));
}

/* Seconds since 1970; 0: unknown. */
static int64_t wall_clock(const prtc_endpoint *endpoint) {
  if (endpoint->wall_clock == 0) return 0;
  return endpoint->wall_clock + (int64_t)((endpoint->now - endpoint->created) / 1000000);
}

/* Made anew a day before it expires: an endpoint may live for long. */
static prtc_certificate *host_certificate(prtc_endpoint *endpoint) {
  const int64_t day = 86400;
  int64_t now = wall_clock(endpoint);
  if (endpoint->certificate != NULL && prtc_certificate_get_expires(endpoint->certificate) / 1000 < now + day) {
    prtc_certificate_release(endpoint->certificate);
    endpoint->certificate = NULL;
  }
  if (endpoint->certificate == NULL) endpoint->certificate = prtc_certificate_new(&endpoint->context, now);
  return endpoint->certificate;
}

static int find_or_read(prtc_endpoint *endpoint, const char *pem, prtc_certificate **out) {
  size_t size = strlen(pem);
  for (int i = 0; i < READ_CERTIFICATES; i++) {
    *out = endpoint->read_certificates[i];
    if (*out != NULL && prtc_certificate_was_read_from(*out, pem, size)) return PRTC_OK;
  }
  int result = prtc_certificate_parse(&endpoint->context, pem, size, out);
  if (result < 0) return result;
  prtc_certificate **place = &endpoint->read_certificates[endpoint->next_read_certificate++ % READ_CERTIFICATES];
  prtc_certificate_release(*place);
  *place = *out;
  return PRTC_OK;
}

static int host_read_certificate(prtc_endpoint *endpoint, const char *pem, prtc_certificate **out) {
  int result = pem == NULL ? PRTC_ERROR_SYNTAX : find_or_read(endpoint, pem, out);
  if (result < 0) return result;
  if (prtc_certificate_get_expires(*out) / 1000 < wall_clock(endpoint)) return PRTC_ERROR_INVALID_ACCESS;
  prtc_certificate_retain(*out);
  return PRTC_OK;
}

static struct prtc_trust *host_trust(prtc_endpoint *endpoint) { return endpoint->trust; }

static void host_drop_requests(prtc_endpoint *endpoint, prtc_peer *peer) {
  prtc_endpoint_drop_requests(endpoint, prtc_peer_get_place(peer));
}

static prtc_time host_advance(prtc_endpoint *endpoint, prtc_time now) { return prtc_endpoint_advance(endpoint, now); }

static int host_fatal(const prtc_endpoint *endpoint) { return endpoint->fatal; }

static void host_remove(prtc_endpoint *endpoint, prtc_peer *peer) { free_place(endpoint, prtc_peer_get_place(peer)); }

int prtc_peer_new(prtc_endpoint *endpoint, prtc_time now, const prtc_peer_config *given, prtc_peer **out) {
  prtc_peer_config complete, *config = &complete;
  endpoint->refusal = "";
  if (out == NULL || !prtc_config_copy(config, sizeof *config, given)) return PRTC_ERROR_INVALID_ARGUMENT;
  prtc_endpoint_record_peer(endpoint, now, config);
  if (endpoint->fatal != 0) return endpoint->fatal;
  now = prtc_endpoint_advance(endpoint, now);
  /* Room for its timer now, so that no timer can fail to be set later. */
  int code = prtc_heap_reserve(&endpoint->timers, endpoint->peers.count + 1);
  if (code < 0) return code;
  struct prtc_peer_place *place = prtc_allocate(&endpoint->context, sizeof *place);
  if (place == NULL) return PRTC_ERROR_NO_MEMORY;
  place->id = ++endpoint->next_peer;
  place->timer = (struct prtc_heap_node){.deadline = PRTC_NEVER, .owner = place};
  for (int kind = 0; kind < WORK_KINDS; kind++) place->work[kind].place = place;
  place->stale.place = place;
  const struct prtc_peer_host host = {
      endpoint, &endpoint->context, host_wake, host_certificate, host_read_certificate, host_trust, host_drop_requests,
      host_remove, host_fatal, host_advance, endpoint->udp_port != 0 ? &endpoint->mux : NULL};
  const char *reason = "";
  code = prtc_map_set(&endpoint->peers, place->id, place);
  if (code == PRTC_OK) code = prtc_peer_create(&host, now, place->id, config, place, &place->peer, &reason);
  if (code < 0) {
    PRTC_LOG(&endpoint->context, PRTC_LOG_ERROR, "endpoint", "a peer was refused: %s (%s)", reason, prtc_strerror(code));
    endpoint->refusal = reason;
    free_place(endpoint, place);
    return code;
  }
  prtc_endpoint_wake(endpoint, place);
  PRTC_LOG(&endpoint->context, PRTC_LOG_DEBUG, "endpoint", "peer %llu is made", (unsigned long long)place->id);
  prtc_endpoint_record_new_peer(endpoint, place->id);
  *out = place->peer;
  return PRTC_OK;
}

const char *prtc_endpoint_refusal(const prtc_endpoint *endpoint) { return endpoint->refusal; }

prtc_peer *prtc_endpoint_peer(prtc_endpoint *endpoint, prtc_peer_id id) {
  const struct prtc_peer_place *place = prtc_map_get(&endpoint->peers, id);
  return place != NULL ? place->peer : NULL;
}

/* ------------------------------------------------------------------------------------------------------- the five verbs */

static struct prtc_peer_place *place_of(const prtc_endpoint *endpoint, const struct socket *socket,
                                        const prtc_datagram *datagram) {
  return socket->place != NULL ? socket->place : prtc_mux_find(&endpoint->mux, datagram);
}

static int receive_one(prtc_endpoint *endpoint, prtc_time now, const prtc_datagram *datagram) {
  endpoint->stats.datagrams_received++;
  endpoint->stats.bytes_received += datagram->size;
  PRTC_LOG(&endpoint->context, PRTC_LOG_TRACE, "endpoint", "%zu bytes from socket %llu", datagram->size,
           (unsigned long long)datagram->socket);
  struct socket *socket = prtc_map_get(&endpoint->sockets, datagram->socket);
  int code = PRTC_ERROR_UNEXPECTED;
  if (socket != NULL && prtc_capture_is_on(&endpoint->context.capture)) {
    endpoint->context.capture.local = socket->address;
    endpoint->context.capture.remote = datagram->remote;
    /* Of a stream, what is in it is captured where it is taken out. */
    if (!socket->is_stream) prtc_capture_datagram(&endpoint->context, false, datagram->data, datagram->size);
  }
  if (socket != NULL && socket->stranger != NULL) {
    code = prtc_stranger_receive(endpoint, now, socket, datagram);
    if (code < 0) endpoint->stats.datagrams_dropped++;
    return code < 0 ? code : PRTC_OK;
  }
  struct prtc_peer_place *place = socket != NULL ? place_of(endpoint, socket, datagram) : NULL;
  if (place == &endpoint->own) {
    code = prtc_naming_receive(endpoint, now, datagram);
  } else if (place == NULL) {
    endpoint->stats.datagrams_unknown++;
  } else {
    endpoint->context.log.peer = place->id;
    code = prtc_peer_receive(place->peer, now, datagram);
    endpoint->context.log.peer = 0;
    prtc_endpoint_wake(endpoint, place);
    /* A datagram that ends its peer (an alert, a wrong certificate) was taken: the peer says so by an event. */
    if (code < 0 && !PRTC_ERROR_IS_TRANSIENT(code)) code = PRTC_OK;
  }
  if (code < 0) endpoint->stats.datagrams_dropped++;
  return code < 0 ? code : PRTC_OK;
}

int prtc_endpoint_receive(prtc_endpoint *endpoint, prtc_time now, const prtc_datagram *datagrams, size_t count) {
  if (count == 0) prtc_endpoint_record_input(endpoint, now, NULL);
  if (endpoint->fatal != 0) return endpoint->fatal;
  prtc_time given = now;
  now = prtc_endpoint_advance(endpoint, now);
  prtc_arena_reset(&endpoint->arena);
  int result = PRTC_OK;
  for (size_t i = 0; i < count; i++) {
    prtc_datagram one = datagrams[i];
    prtc_endpoint_record_input(endpoint, given, &one);
    const struct socket *socket = prtc_map_get(&endpoint->sockets, one.socket);
    one.protocol = socket != NULL && socket->is_stream ? PRTC_PROTOCOL_TCP : PRTC_PROTOCOL_UDP;
    if (one.protocol == PRTC_PROTOCOL_TCP) one.segment_size = 0;
    size_t segment = one.segment_size == 0 || one.segment_size > one.size ? one.size : one.segment_size;
    size_t left = one.size;
    one.segment_size = 0;
    if (one.time == 0) one.time = now;
    do { /* once for an empty datagram too */
      one.size = left < segment ? left : segment;
      int code = receive_one(endpoint, now, &one);
      if (code < 0) result = code;
      if (one.size > 0) one.data += one.size;
      left -= one.size;
    } while (left > 0);
  }
  prtc_endpoint_refresh(endpoint);
  return result;
}

static void capture_train(prtc_endpoint *endpoint, const prtc_datagram *train, size_t segment) {
  const struct socket *socket = prtc_map_get(&endpoint->sockets, train->socket);
  endpoint->context.capture.local = socket != NULL ? socket->address : train->local;
  endpoint->context.capture.remote = train->remote;
  for (size_t at = 0; at < train->size; at += segment) {
    size_t size = train->size - at < segment ? train->size - at : segment;
    prtc_capture_datagram(&endpoint->context, true, train->data + at, size);
  }
}

/* For the statistics, the log and the capture. */
static int sent(prtc_endpoint *endpoint, const prtc_datagram *out) {
  size_t segment = out->segment_size != 0 ? out->segment_size : out->size;
  endpoint->stats.datagrams_sent += (out->size + segment - 1) / segment;
  endpoint->stats.bytes_sent += out->size;
  PRTC_LOG(&endpoint->context, PRTC_LOG_TRACE, "endpoint", "%zu bytes to socket %llu, %zu each", out->size,
           (unsigned long long)out->socket, segment);
  if (prtc_capture_is_on(&endpoint->context.capture) && out->protocol == PRTC_PROTOCOL_UDP) {
    capture_train(endpoint, out, segment);
  }
  return (int)out->size;
}

static int transmit_one(prtc_endpoint *endpoint, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  if (endpoint->names.mdns != NULL && prtc_mdns_transmit(endpoint->names.mdns, now, out, buffer, capacity) > 0) {
    return sent(endpoint, out);
  }
  while (!ring_is_empty(&endpoint->work[WORK_TRANSMIT])) {
    struct link *link = endpoint->work[WORK_TRANSMIT].next;
    struct prtc_peer_place *place = link->place;
    *out = (prtc_datagram){0};
    endpoint->context.log.peer = place->id;
    int size = prtc_peer_transmit(place->peer, now, out, buffer, capacity);
    endpoint->context.log.peer = 0;
    prtc_link_insert(&endpoint->stale, &place->stale);
    prtc_link_remove(link);
    /* Sending can be what an event or a request waited for (bufferedAmount, a closing transport). */
    prtc_link_insert(&endpoint->work[WORK_EVENT], &place->work[WORK_EVENT]);
    prtc_link_insert(&endpoint->work[WORK_REQUEST], &place->work[WORK_REQUEST]);
    if (size > 0) { /* to the end of the list: each peer sends a train in its turn */
      prtc_link_insert(&endpoint->work[WORK_TRANSMIT], link);
      return sent(endpoint, out);
    }
  }
  return 0;
}

void prtc_endpoint_refresh(prtc_endpoint *endpoint) {
  while (!ring_is_empty(&endpoint->stale)) {
    struct prtc_peer_place *place = endpoint->stale.next->place;
    prtc_link_remove(&place->stale);
    prtc_heap_set(&endpoint->timers, &place->timer, prtc_peer_deadline(place->peer));
  }
}

int prtc_endpoint_transmit(prtc_endpoint *endpoint, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  if (endpoint->fatal != 0) return endpoint->fatal;
  if (capacity < PRTC_DATAGRAM_SIZE) return PRTC_ERROR_BUFFER_TOO_SMALL;
  PRTC_RECORD(&endpoint->context, endpoint_transmit, now, PRTC_NUMBER(capacity));
  now = prtc_endpoint_advance(endpoint, now);
  int size = transmit_one(endpoint, now, out, buffer, capacity);
  prtc_endpoint_refresh(endpoint);
  prtc_endpoint_record_datagram(endpoint, size, out);
  return size;
}

prtc_time prtc_endpoint_deadline(const prtc_endpoint *endpoint) {
  if (endpoint->fatal != 0) return PRTC_NEVER;
  const struct prtc_heap_node *first = prtc_heap_first(&endpoint->timers);
  prtc_time deadline = first != NULL ? first->deadline : PRTC_NEVER;
  prtc_time names = endpoint->names.mdns != NULL ? prtc_mdns_deadline(endpoint->names.mdns) : PRTC_NEVER;
  if (names < deadline) deadline = names;
  /* Commands since the last verb: seldom any when a run loop asks. */
  for (const struct link *link = endpoint->stale.next; link != &endpoint->stale; link = link->next) {
    prtc_time other = prtc_peer_deadline(link->place->peer);
    if (other < deadline) deadline = other;
  }
  return deadline;
}

int prtc_endpoint_timeout(prtc_endpoint *endpoint, prtc_time now) {
  PRTC_RECORD_BARE(&endpoint->context, endpoint_timeout, now);
  if (endpoint->fatal != 0) return endpoint->fatal;
  now = prtc_endpoint_advance(endpoint, now);
  prtc_arena_reset(&endpoint->arena);
  prtc_endpoint_refresh(endpoint);
  prtc_naming_timeout(endpoint, now);
  /* As many turns as there are peers: a peer whose deadline did not move would be a bug, but not an endless loop. */
  for (size_t turns = endpoint->peers.count; turns > 0; turns--) {
    struct prtc_heap_node *first = prtc_heap_first(&endpoint->timers);
    if (first == NULL || first->deadline > now) break;
    struct prtc_peer_place *place = first->owner;
    endpoint->context.log.peer = place->id;
    (void)prtc_peer_timeout(place->peer, now); /* a failure comes as an event of the peer */
    endpoint->context.log.peer = 0;
    prtc_endpoint_wake(endpoint, place);
    prtc_endpoint_refresh(endpoint);
  }
  return PRTC_OK;
}

/* --------------------------------------------------------------------------------------------------------------- events */

/* Replaces *text, unless it is NULL, by a copy; false without memory. */
static bool copy_text(prtc_endpoint *endpoint, const char **text) {
  if (*text == NULL) return true;
  *text = prtc_arena_copy(&endpoint->arena, *text, strlen(*text));
  return *text != NULL;
}

/* What a peer's event points to is valid until the next call on the peer: the batch keeps copies, but of messages that were
 * read into it. A message for which there is no memory is lost, and costs its channel: false. Without memory for a few words
 * the endpoint ends. */
static bool keep(prtc_endpoint *endpoint, prtc_peer *peer, prtc_event *event) {
  if (event->type == PRTC_EVENT_TRANSPORT_DATA) { /* lost without memory, as a datagram may be */
    event->data = prtc_arena_copy(&endpoint->arena, event->data, event->size);
    return event->data != NULL;
  }
  if (event->type == PRTC_EVENT_CHANNEL_MESSAGE) {
    if (prtc_arena_has_last(&endpoint->arena, event->data)) return true;
    event->data = prtc_arena_copy(&endpoint->arena, event->data, event->size);
    if (event->data == NULL) prtc_peer_lose_message(peer, endpoint->now, event->object);
    return event->data != NULL;
  }
  bool kept = copy_text(endpoint, &event->text) && copy_text(endpoint, &event->mid) && copy_text(endpoint, &event->ufrag);
  if (!kept) endpoint->fatal = PRTC_ERROR_NO_MEMORY;
  return kept;
}

/* What is known of a closed channel goes with the next event that is taken: so a batch ends with the closing of a channel,
 * and the application can ask about it. It also ends with a new one: before its first message the application may say that
 * it is to come in parts. */
static bool ends_batch(const prtc_event *event) {
  return event->type == PRTC_EVENT_CHANNEL_CLOSED || event->type == PRTC_EVENT_DATA_CHANNEL;
}

/* Takes events of the first peer of the list; returns how many. */
static size_t take_turn(prtc_endpoint *endpoint, prtc_event *events, size_t capacity) {
  struct link *link = endpoint->work[WORK_EVENT].next;
  struct prtc_peer_place *place = link->place;
  size_t count = 0;
  bool more = true;
  while (count < capacity && count < EVENTS_PER_TURN && endpoint->arena.used < BATCH_SIZE) {
    prtc_event *event = &events[count];
    *event = (prtc_event){0};
    more = prtc_peer_event(place->peer, event) > 0;
    if (!more) break;
    event->peer = place->id;
    if (!keep(endpoint, place->peer, event)) {
      if (endpoint->fatal != 0) break;
      continue;
    }
    count++;
    if (ends_batch(event)) break;
  }
  prtc_link_remove(link);
  if (more) prtc_link_insert(&endpoint->work[WORK_EVENT], link);
  return count;
}

int prtc_endpoint_event(prtc_endpoint *endpoint, prtc_event *events, size_t capacity) {
  PRTC_RECORD(&endpoint->context, endpoint_event, PRTC_NEVER, PRTC_NUMBER(capacity));
  prtc_arena_reset(&endpoint->arena);
  endpoint->context.batch = &endpoint->arena;
  size_t count = 0;
  while (endpoint->fatal == 0 && count < capacity && endpoint->arena.used < BATCH_SIZE &&
         !ring_is_empty(&endpoint->work[WORK_EVENT])) {
    struct prtc_peer_place *place = endpoint->work[WORK_EVENT].next->place;
    endpoint->context.log.peer = place->id;
    size_t taken = take_turn(endpoint, events + count, capacity - count);
    endpoint->context.log.peer = 0;
    if (taken > 0) { /* a fetched message opens the receive window, which may be something to send */
      prtc_link_insert(&endpoint->work[WORK_TRANSMIT], &place->work[WORK_TRANSMIT]);
      prtc_link_insert(&endpoint->work[WORK_REQUEST], &place->work[WORK_REQUEST]);
      prtc_link_insert(&endpoint->stale, &place->stale);
    }
    count += taken;
    if (count > 0 && ends_batch(&events[count - 1])) break;
  }
  endpoint->context.batch = NULL;
  if (endpoint->fatal != 0 && !endpoint->fatal_reported && count < capacity) {
    endpoint->fatal_reported = true;
    events[count++] = (prtc_event){.type = PRTC_EVENT_ENDPOINT_FAILED,
                                   .code = endpoint->fatal,
                                   .text = prtc_strerror(endpoint->fatal)};
  }
  prtc_endpoint_refresh(endpoint);
  prtc_endpoint_record_events(endpoint, (int)count, events);
  return (int)count;
}

/* ----------------------------------------------------------------------------------------------------------- see inside */

int prtc_endpoint_log(prtc_endpoint *endpoint, char *out, size_t capacity) {
  return prtc_log_read(&endpoint->context, out, capacity);
}

int prtc_endpoint_set_log_level(prtc_endpoint *endpoint, const char *layer, uint32_t level) {
  return prtc_log_set_level(&endpoint->context, layer, level);
}

int prtc_endpoint_output(prtc_endpoint *endpoint, prtc_output which, uint8_t *out, size_t capacity) {
  struct prtc_context *context = &endpoint->context;
  struct prtc_sink *sink = which == PRTC_OUTPUT_KEY_LOG   ? &context->keys
                           : which == PRTC_OUTPUT_CAPTURE ? &context->capture.sink
                           : which == PRTC_OUTPUT_RECORDING ? &context->recording.sink
                                                            : NULL;
  if (sink == NULL) return PRTC_ERROR_INVALID_ARGUMENT;
  return (int)prtc_sink_read(context, sink, out, capacity < INT32_MAX ? capacity : INT32_MAX);
}

int prtc_endpoint_get_stats(const prtc_endpoint *endpoint, prtc_endpoint_stats *stats) {
  if (stats == NULL || stats->size < sizeof stats->size) return PRTC_ERROR_INVALID_ARGUMENT;
  prtc_endpoint_stats all = endpoint->stats;
  all.peers = endpoint->peers.count;
  all.size = stats->size < sizeof all ? stats->size : sizeof all;
  memcpy(stats, &all, all.size);
  return PRTC_OK;
}
