/* Two peers in one process without a driver: the five verbs, with a wire that is a function call and a clock that is a
 * number.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * This is all that an event loop, a simulator or an unusual network has to do. Both peers live in one endpoint. Its sockets
 * have the address 192.0.2.1 and as port 5000 and their id, so where a datagram goes says which socket it reaches.
 */
#include <stdio.h>
#include <string.h>

#include <polyrtc/polyrtc.h>

static prtc_peer *alice, *bob;
static prtc_channel_id channel; /* alice's end */

static int describe(prtc_peer *from, prtc_peer *to, prtc_sdp_type type) {
  static char sdp[65536];
  int code = prtc_peer_set_local_description(from, 0, type, NULL, 0);
  if (code < 0) return code;
  int size = prtc_peer_get_description(from, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp);
  return size < 0 ? size : prtc_peer_set_remote_description(to, 0, type, sdp, (size_t)size);
}

static void answer(prtc_endpoint *endpoint, prtc_time now, const prtc_request *request) {
  prtc_interface ethernet = {.index = 1, .network_type = PRTC_NETWORK_ETHERNET, .name = "eth0"};
  prtc_reply reply;
  PRTC_INIT(&reply);
  reply.id = request->id;
  prtc_address_parse(&ethernet.address, "192.0.2.1", 9);
  if (request->type == PRTC_REQUEST_INTERFACES) {
    reply.interfaces = &ethernet;
    reply.interface_count = 1;
  } else if (request->type == PRTC_REQUEST_OPEN_UDP) {
    reply.address = ethernet.address;
    reply.address.port = (uint16_t)(5000 + request->socket);
  } else {
    reply.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  if (request->type != PRTC_REQUEST_CLOSE) prtc_endpoint_reply(endpoint, now, &reply);
}

/* 1 when bob has the message. */
static int handle(prtc_endpoint *endpoint, prtc_time now, const prtc_event *event) {
  prtc_peer *peer = prtc_endpoint_peer(endpoint, event->peer);
  if (event->type == PRTC_EVENT_ICE_CANDIDATE && event->text != NULL) {
    prtc_peer_add_ice_candidate(peer == alice ? bob : alice, now, event->text, event->mid, -1, NULL);
  } else if (event->type == PRTC_EVENT_CHANNEL_OPEN && peer == alice) {
    prtc_peer_send(alice, now, channel, PRTC_MESSAGE_TEXT, (const uint8_t *)"hello", 5);
  } else if (event->type == PRTC_EVENT_CHANNEL_MESSAGE) {
    printf("bob received: %.*s\n", (int)event->size, (const char *)event->data);
    return 1;
  }
  return 0;
}

/* Everything that can be done at `now`: 1 when bob has the message. */
static int turn(prtc_endpoint *endpoint, prtc_time now) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  for (int busy = 1; busy;) {
    prtc_datagram datagram;
    prtc_event event;
    prtc_request request;
    busy = 0;
    for (; prtc_endpoint_transmit(endpoint, now, &datagram, buffer, sizeof buffer) > 0; busy = 1) {
      prtc_address from = datagram.remote; /* the wire: it leaves one socket and arrives at another */
      from.port = (uint16_t)(5000 + datagram.socket);
      datagram.socket = datagram.remote.port - 5000u;
      datagram.remote = from;
      prtc_endpoint_receive(endpoint, now, &datagram, 1);
    }
    for (; prtc_endpoint_event(endpoint, &event, 1) > 0; busy = 1) {
      if (handle(endpoint, now, &event)) return 1;
    }
    for (; prtc_endpoint_request(endpoint, &request) > 0; busy = 1) answer(endpoint, now, &request);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc > 1) { /* also --help */
    printf("usage: %s\n\nTwo peers in memory, without a driver: one receives a greeting and prints it.\n", argv[0]);
    return strcmp(argv[1], "--help") == 0 ? 0 : 2;
  }
  prtc_endpoint_config endpoint_config;
  prtc_peer_config peer_config;
  prtc_channel_config chat;
  PRTC_INIT(&endpoint_config); /* its seed is zero: for an example; take it from your system's random source */
  PRTC_INIT(&peer_config);
  PRTC_INIT(&chat);
  chat.label = "chat", chat.label_size = 4, chat.stream_id = PRTC_STREAM_NONE;
  prtc_endpoint *endpoint = prtc_endpoint_new(&endpoint_config);
  if (endpoint == NULL || prtc_peer_new(endpoint, 0, &peer_config, &alice) < 0) return 1;
  if (prtc_peer_new(endpoint, 0, &peer_config, &bob) < 0) return 1;
  if (prtc_peer_create_data_channel(alice, 0, &chat, &channel) < 0) return 1;
  if (describe(alice, bob, PRTC_SDP_OFFER) < 0 || describe(bob, alice, PRTC_SDP_ANSWER) < 0) return 1;
  prtc_time now = 0;
  while (!turn(endpoint, now)) {
    now = prtc_endpoint_deadline(endpoint); /* nothing to do before: so that is what the time is now */
    if (now == PRTC_NEVER) return 1;
    prtc_endpoint_timeout(endpoint, now);
  }
  prtc_endpoint_free(endpoint);
  return 0;
}
