/* Fuzzes what comes over TCP connections into a live endpoint that listens. The input is a list of steps: a byte that says
 * what, a byte of length and that many bytes, in the order in which they come.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/polyrtc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/context.h"
#include "core/base/framing.h"
#include "core/stun/message.h"

enum { CONNECTIONS = 4 };

struct run {
  prtc_endpoint *endpoint;
  prtc_peer *peer;
  prtc_time now;
  prtc_socket_id listener, connections[CONNECTIONS]; /* 0: none */
  prtc_address address;
  char ufrag[257], password[257];
};

static prtc_address remote_of(size_t i) {
  return (prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {198, 51, 100, 7}, .port = (uint16_t)(4000 + i)};
}

static void answer(struct run *run, const prtc_request *request) {
  prtc_reply reply = {.size = sizeof reply, .id = request->id, .address = request->address};
  prtc_interface interface = {.index = 1, .network_type = PRTC_NETWORK_ETHERNET, .name = "eth0"};
  interface.address = (prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
  reply.address.port = request->type == PRTC_REQUEST_LISTEN_TCP ? 7000 : 5000;
  switch (request->type) {
    case PRTC_REQUEST_CLOSE:
      for (size_t i = 0; i < CONNECTIONS; i++) {
        if (run->connections[i] == request->socket) run->connections[i] = 0;
      }
      return;
    case PRTC_REQUEST_INTERFACES:
      reply.interfaces = &interface;
      reply.interface_count = 1;
      break;
    case PRTC_REQUEST_LISTEN_TCP:
      run->listener = request->socket;
      run->address = reply.address;
      break;
    case PRTC_REQUEST_OPEN_UDP: break;
    default: reply.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  (void)prtc_endpoint_reply(run->endpoint, run->now, &reply);
}

static void drain(struct run *run) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  prtc_datagram datagram;
  prtc_event events[8];
  prtc_request request;
  unsigned count = 0;
  while (prtc_endpoint_transmit(run->endpoint, run->now, &datagram, buffer, sizeof buffer) > 0) {
    if (++count > 1000) abort(); /* endless */
  }
  while (prtc_endpoint_event(run->endpoint, events, 8) > 0) {}
  while (prtc_endpoint_request(run->endpoint, &request) > 0) answer(run, &request);
  (void)prtc_endpoint_timeout(run->endpoint, run->now);
  if (prtc_endpoint_deadline(run->endpoint) <= run->now) abort();
}

static void feed(struct run *run, size_t i, const uint8_t *bytes, size_t size) {
  if (run->connections[i] == 0) return;
  uint8_t *copy = malloc(size > 0 ? size : 1); /* of the exact size */
  if (copy == NULL) abort();
  if (size > 0) memcpy(copy, bytes, size);
  const prtc_datagram chunk = {
      .socket = run->connections[i], .protocol = PRTC_PROTOCOL_TCP, .remote = remote_of(i), .data = copy, .size = size};
  int code = prtc_endpoint_receive(run->endpoint, run->now, &chunk, 1);
  if (code < 0 && !PRTC_ERROR_IS_TRANSIENT(code)) abort();
  free(copy);
}

/* An authentic check in its frame: from then on the connection is trusted. */
static void feed_check(struct run *run, size_t i, uint8_t cut) {
  uint8_t frame[300], id[PRTC_STUN_TRANSACTION_SIZE] = {cut};
  char name[2 * 257];
  struct prtc_stun_writer writer;
  prtc_context_config config = {.size = sizeof config};
  prtc_context *context = prtc_context_new(&config);
  struct prtc_context *previous = prtc_enter(context);
  int length = snprintf(name, sizeof name, "%.200s:peer", run->ufrag);
  prtc_stun_begin(&writer, frame + 2, sizeof frame - 2, PRTC_STUN_REQUEST, PRTC_STUN_METHOD_BINDING, id);
  prtc_stun_add(&writer, PRTC_STUN_USERNAME, name, (size_t)length);
  prtc_stun_add_u64(&writer, PRTC_STUN_ICE_CONTROLLED, 1);
  prtc_stun_add_u32(&writer, PRTC_STUN_PRIORITY, 1000);
  int size = prtc_stun_finish(&writer, run->password, strlen(run->password));
  prtc_leave(previous);
  prtc_context_free(context);
  if (size < 0) return;
  prtc_frame_header(frame, (size_t)size);
  size_t whole = (size_t)size + 2, first = cut % whole;
  feed(run, i, frame, first);
  feed(run, i, frame + first, whole - first);
}

static void copy_line(char out[257], const char *sdp, const char *name) {
  const char *value = strstr(sdp, name);
  if (value == NULL) abort();
  value += strlen(name);
  size_t size = strcspn(value, "\r\n");
  if (size > 256) abort();
  memcpy(out, value, size);
  out[size] = '\0';
}

static void begin(struct run *run) {
  static char sdp[65536];
  prtc_endpoint_config config = {.size = sizeof config, .now = run->now};
  prtc_peer_config peer = {.size = sizeof peer, .tcp_candidates = PRTC_TCP_CANDIDATES_ALL};
  prtc_channel_config channel = {.size = sizeof channel};
  prtc_channel_id id;
  run->endpoint = prtc_endpoint_new(&config);
  prtc_channel_config_init(&channel);
  if (run->endpoint == NULL || prtc_peer_new(run->endpoint, run->now, &peer, &run->peer) < 0) abort();
  if (prtc_peer_create_data_channel(run->peer, run->now, &channel, &id) < 0) abort();
  int size = prtc_peer_create_offer(run->peer, run->now, NULL, sdp, sizeof sdp);
  if (size < 0 || prtc_peer_set_local_description(run->peer, run->now, PRTC_SDP_OFFER, sdp, (size_t)size) < 0) abort();
  copy_line(run->ufrag, sdp, "a=ice-ufrag:");
  copy_line(run->password, sdp, "a=ice-pwd:");
  drain(run);
  if (run->listener == 0) abort();
}

static void step(struct run *run, uint8_t what, const uint8_t *data, size_t size) {
  size_t i = what / 8 % CONNECTIONS;
  prtc_address remote = remote_of(i);
  switch (what % 8) {
    case 0:
      if (run->connections[i] == 0 && prtc_endpoint_accepted(run->endpoint, run->now, run->listener, &run->address, &remote,
                                                             &run->connections[i]) < 0) {
        run->connections[i] = 0;
      }
      break;
    case 1: feed_check(run, i, size > 0 ? data[0] : 0); break;
    case 2:
      if (run->connections[i] != 0) (void)prtc_endpoint_socket_closed(run->endpoint, run->now, run->connections[i], 104);
      run->connections[i] = 0;
      break;
    case 3: (void)prtc_endpoint_writable(run->endpoint, run->now, run->connections[i], size % 2 == 0); break;
    case 4: run->now += size > 0 ? (prtc_time)data[0] * 100000 : 1000; break;
    default: feed(run, i, data, size); break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct run run = {.now = 1000000};
  begin(&run);
  while (size >= 2) {
    size_t length = data[1] < size - 2 ? data[1] : size - 2;
    step(&run, data[0], data + 2, length);
    if (data[0] < 128) drain(&run); /* input without a drain is legal */
    data += 2 + length;
    size -= 2 + length;
  }
  run.now += 200 * UINT64_C(1000000);
  drain(&run);
  drain(&run);
  for (size_t i = 0; i < CONNECTIONS; i++) { /* strangers have had their time, and nobody has answered the others */
    if (run.connections[i] != 0) abort();
  }
  prtc_endpoint_free(run.endpoint);
  return 0;
}
