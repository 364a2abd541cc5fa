/* The verbs and commands in odd orders: peers that are no more, in the midst of their own events; arguments that are
 * missing; what is closed; what nobody asked for.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/endpoint.h"
#include "core/endpoint/world_test.h"

#include <polyrtc/transport.h>

static struct world world;
static char sdp[65536];
static const uint8_t hello[] = "hello";

static prtc_channel_id connect_two(void) {
  world_open(&world, NULL);
  return world_connect_two(&world, 2000000);
}

/* Each command and question, all with the same outcome. */
static void check_all(prtc_peer *peer, prtc_channel_id channel, int commands, int closing) {
  prtc_time now = world.now;
  prtc_peer_config config;
  prtc_channel_config chat;
  prtc_channel_id made;
  PRTC_INIT(&config);
  PRTC_INIT(&chat);
  prtc_channel_config_init(&chat);
  PRTC_CHECK_INT(prtc_peer_set_configuration(peer, now, &config), commands);
  PRTC_CHECK_INT(prtc_peer_create_offer(peer, now, NULL, sdp, sizeof sdp), commands);
  PRTC_CHECK_INT(prtc_peer_create_answer(peer, now, sdp, sizeof sdp), commands);
  PRTC_CHECK_INT(prtc_peer_set_local_description(peer, now, PRTC_SDP_OFFER, NULL, 0), commands);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(peer, now, PRTC_SDP_OFFER, "v=0\r\n", 5), commands);
  PRTC_CHECK_INT(prtc_peer_add_ice_candidate(peer, now, "", NULL, 0, NULL), commands);
  PRTC_CHECK_INT(prtc_peer_restart_ice(peer, now), commands);
  PRTC_CHECK_INT(prtc_peer_create_data_channel(peer, now, &chat, &made), commands);
  PRTC_CHECK_INT(prtc_peer_send(peer, now, channel, PRTC_MESSAGE_TEXT, hello, 5), commands);
  PRTC_CHECK_INT(prtc_peer_send_part(peer, now, channel, PRTC_MESSAGE_TEXT, hello, 5, PRTC_MESSAGE_END), commands);
  PRTC_CHECK_INT(prtc_peer_set_channel_streaming(peer, channel, 1), commands);
  PRTC_CHECK_INT(prtc_peer_pause_messages(peer, 1), commands);
  PRTC_CHECK_INT(prtc_peer_set_buffered_amount_low_threshold(peer, channel, 1), commands);
  PRTC_CHECK_INT(prtc_peer_gather(peer, now), commands);
  PRTC_CHECK_INT(prtc_peer_start_ice(peer, now, "{}", 2, 1), commands);
  PRTC_CHECK_INT(prtc_peer_add_candidates(peer, now, "{}", 2), commands);
  PRTC_CHECK_INT(prtc_peer_start_dtls(peer, now, "{}", 2), commands);
  PRTC_CHECK_INT(prtc_peer_start_sctp(peer, now, "{}", 2), commands);
  PRTC_CHECK_INT(prtc_peer_send_raw(peer, now, hello, 5), commands);
  PRTC_CHECK_INT(prtc_peer_close_channel(peer, now, channel), closing);
  PRTC_CHECK_INT(prtc_peer_close(peer, now), closing);
}

static void no_peer_is_not_found(void) {
  prtc_peer_states states;
  prtc_channel_info info;
  prtc_address address;
  prtc_sdp_type type;
  PRTC_INIT(&states);
  PRTC_INIT(&info);
  check_all(NULL, 1, PRTC_ERROR_NOT_FOUND, PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_get_states(NULL, &states), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_channel_info(NULL, 1, &info), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_get_description(NULL, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_get_fingerprint(NULL, sdp, sizeof sdp), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_get_remote_certificate(NULL, (uint8_t *)sdp, sizeof sdp), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_get_selected_pair(NULL, &address, &address), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_get_stats(NULL, 0, sdp, sizeof sdp), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_get_parameters(NULL, sdp, sizeof sdp), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_get_id(NULL), 0);
  PRTC_CHECK_TEXT(prtc_peer_error_message(NULL), prtc_strerror(PRTC_ERROR_NOT_FOUND));
  prtc_peer_free(NULL);
  prtc_endpoint_free(NULL);
}

static void a_closed_peer_refuses_and_answers(void) {
  prtc_channel_id channel = connect_two();
  prtc_peer *peer = world.nodes[0].peer;
  prtc_peer_states states;
  prtc_sdp_type type;
  PRTC_INIT(&states);
  PRTC_REQUIRE(prtc_peer_close(peer, world.now) == PRTC_OK);
  for (int i = 0; i < 2; i++) { /* before its goodbye has gone, and after */
    check_all(peer, channel, PRTC_ERROR_INVALID_STATE, PRTC_OK);
    PRTC_CHECK_INT(prtc_peer_get_states(peer, &states), PRTC_OK);
    PRTC_CHECK(prtc_peer_get_description(peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp) > 0);
    PRTC_CHECK(prtc_peer_get_stats(peer, world.now, sdp, sizeof sdp) > 0);
    world_run(&world, 1000000);
  }
  PRTC_CHECK_INT(states.connection, PRTC_CONNECTION_CLOSED);
  PRTC_CHECK(prtc_endpoint_deadline(world.nodes[0].endpoint) == PRTC_NEVER);
  world_close(&world);
}

/* The events of a batch stay readable, whatever becomes of their peer, its channels, or of the endpoint's other peers. */
static void a_peer_is_freed_amid_its_events(void) {
  prtc_channel_id channel = connect_two();
  prtc_event events[8];
  for (int i = 0; i < 5; i++) {
    PRTC_REQUIRE(prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_TEXT, hello, 5) == PRTC_OK);
  }
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  prtc_datagram datagram;
  while (prtc_endpoint_transmit(world.nodes[0].endpoint, world.now, &datagram, buffer, sizeof buffer) > 0) {
    world_launch(&world, &datagram, &world.nodes[0].sockets[0].address);
  }
  world.now += WORLD_DELAY;
  world_deliver(&world);
  prtc_endpoint *endpoint = world.nodes[1].endpoint;
  int count = prtc_endpoint_event(endpoint, events, 8);
  PRTC_REQUIRE(count == 5);
  prtc_peer *bystander = NULL;
  prtc_peer_config config;
  PRTC_INIT(&config);
  for (int i = 0; i < count; i++) {
    prtc_peer *peer = prtc_endpoint_peer(endpoint, events[i].peer);
    PRTC_CHECK((peer != NULL) == (i <= 1));
    PRTC_CHECK_INT(events[i].type, PRTC_EVENT_CHANNEL_MESSAGE);
    PRTC_CHECK(events[i].size == 5 && memcmp(events[i].data, hello, 5) == 0);
    int code = prtc_peer_send(peer, world.now, events[i].object, PRTC_MESSAGE_TEXT, events[i].data, events[i].size);
    PRTC_CHECK_INT(code, i <= 1 ? PRTC_OK : PRTC_ERROR_NOT_FOUND);
    if (i == 0) PRTC_REQUIRE(prtc_peer_new(endpoint, world.now, &config, &bystander) == PRTC_OK);
    if (i == 1) prtc_peer_free(peer);
    while (prtc_endpoint_transmit(endpoint, world.now, &datagram, buffer, sizeof buffer) > 0) {}
  }
  world.nodes[1].peer = NULL;
  PRTC_CHECK_INT(prtc_endpoint_event(endpoint, events, 8), 0);
  prtc_peer_free(bystander);
  world_run(&world, 60000000);
  world_close(&world);
}

/* As each thing is told of, it is undone. */
static void everything_ends_when_it_is_told_of(void) {
  for (uint32_t when = PRTC_EVENT_NEGOTIATION_NEEDED; when <= PRTC_EVENT_CHANNEL_CLOSED; when++) {
    for (int how = 0; how < 3; how++) {
      world_open(&world, NULL);
      world_peer(&world, 0);
      world_peer(&world, 1);
      world_channel(&world, 0, "chat");
      world_signal(&world, 0, PRTC_SDP_OFFER);
      world_signal(&world, 1, PRTC_SDP_ANSWER);
      prtc_time until = world.now + 3000000;
      bool done = false;
      do {
        for (int i = 0; i < 2 && !done; i++) {
          const struct seen *seen = world_find(&world, i, when, -1);
          if (seen == NULL) continue;
          done = true;
          if (how == 0) prtc_peer_free(world.nodes[i].peer);
          if (how == 0) world.nodes[i].peer = NULL;
          if (how == 1) PRTC_CHECK_INT(prtc_peer_close(world.nodes[i].peer, world.now), PRTC_OK);
          if (how == 2 && when >= PRTC_EVENT_DATA_CHANNEL) {
            (void)prtc_peer_close_channel(world.nodes[i].peer, world.now, seen->event.object);
          }
        }
      } while (world_step(&world, until));
      world_run(&world, 60000000); /* world_step checks deadlines */
      for (int i = 0; i < 2; i++) PRTC_CHECK(world_find(&world, i, PRTC_EVENT_ENDPOINT_FAILED, -1) == NULL);
      world_close(&world);
    }
  }
}

static void missing_arguments_are_refused(void) {
  prtc_channel_id channel = connect_two();
  prtc_peer *peer = world.nodes[0].peer, *made = NULL;
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  prtc_time now = world.now;
  prtc_peer_config config = {0}; /* without its size */
  prtc_channel_config chat = {0};
  prtc_channel_info info = {0};
  prtc_peer_states states = {0};
  prtc_endpoint_stats stats = {0};
  prtc_channel_id id;
  prtc_datagram datagram;
  uint8_t buffer[16];
  PRTC_CHECK(prtc_endpoint_new(NULL) == NULL);
  PRTC_CHECK_INT(prtc_peer_new(endpoint, now, NULL, &made), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_new(endpoint, now, &config, &made), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK(made == NULL);
  PRTC_CHECK_INT(prtc_peer_set_configuration(peer, now, NULL), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_create_data_channel(peer, now, NULL, &id), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_create_data_channel(peer, now, &chat, &id), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(peer, now, PRTC_SDP_OFFER, NULL, 0), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_INT(prtc_peer_set_remote_description(peer, now, (prtc_sdp_type)9, "v=0\r\n", 5), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_add_ice_candidate(peer, now, NULL, NULL, -1, NULL), PRTC_OK); /* as with "": no more of them */
  PRTC_CHECK_INT(prtc_peer_create_offer(peer, now, NULL, NULL, 0), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK_INT(prtc_peer_send(peer, now, channel, (prtc_message_kind)7, hello, 5), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_send(peer, now, channel, PRTC_MESSAGE_TEXT, NULL, 5), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_send(peer, now, channel, PRTC_MESSAGE_TEXT, NULL, 0), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_send_part(peer, now, channel, PRTC_MESSAGE_TEXT, NULL, 5, 0), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_send(peer, now, 12345, PRTC_MESSAGE_TEXT, hello, 5), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_peer_channel_info(peer, channel, NULL), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_channel_info(peer, channel, &info), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_get_states(peer, NULL), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_get_states(peer, &states), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_endpoint_get_stats(endpoint, &stats), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_peer_get_stats(peer, now, NULL, 0), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK_INT(prtc_endpoint_transmit(endpoint, now, &datagram, buffer, sizeof buffer), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK(prtc_endpoint_peer(endpoint, 0) == NULL && prtc_endpoint_peer(endpoint, 12345) == NULL);
  world_run(&world, 1000000);
  PRTC_CHECK(world_find(&world, 1, PRTC_EVENT_CHANNEL_MESSAGE, -1) != NULL);
  world_close(&world);
}

/* What a driver may get wrong */
static void verbs_in_any_order_are_harmless(void) {
  prtc_channel_id channel = connect_two();
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  prtc_address nowhere = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 9}, .port = 9};
  prtc_datagram strange = {.socket = 999, .remote = nowhere, .data = hello, .size = 5};
  prtc_socket_id connection;
  prtc_request request;
  prtc_event event;
  prtc_reply reply;
  PRTC_INIT(&reply);
  for (int i = 0; i < 3; i++) {
    PRTC_CHECK_INT(prtc_endpoint_event(endpoint, &event, 0), 0);
    PRTC_CHECK_INT(prtc_endpoint_event(endpoint, NULL, 0), 0);
    PRTC_CHECK_INT(prtc_endpoint_request(endpoint, &request), 0);
    PRTC_CHECK_INT(prtc_endpoint_receive(endpoint, world.now, NULL, 0), 0);
    PRTC_CHECK(PRTC_ERROR_IS_TRANSIENT(prtc_endpoint_receive(endpoint, world.now, &strange, 1)));
    strange.socket = world.nodes[0].sockets[0].id;
    PRTC_CHECK(PRTC_ERROR_IS_TRANSIENT(prtc_endpoint_receive(endpoint, world.now, &strange, 1)));
    strange.data = NULL, strange.size = 0;
    PRTC_CHECK(PRTC_ERROR_IS_TRANSIENT(prtc_endpoint_receive(endpoint, world.now, &strange, 1)));
    reply.id = i == 0 ? 0 : i == 1 ? 1 : 999999; /* none, one that was answered, and one that never was asked */
    PRTC_CHECK_INT(prtc_endpoint_reply(endpoint, world.now, &reply), PRTC_ERROR_NOT_FOUND);
    PRTC_CHECK_INT(prtc_endpoint_accepted(endpoint, world.now, 999, &nowhere, &nowhere, &connection), PRTC_ERROR_NOT_FOUND);
    PRTC_CHECK_INT(prtc_endpoint_writable(endpoint, world.now, 999, 1), PRTC_ERROR_NOT_FOUND);
    (void)prtc_endpoint_socket_closed(endpoint, world.now, 999, 5);
    (void)prtc_endpoint_unreachable(endpoint, world.now, 999, &nowhere, 5);
    PRTC_CHECK_INT(prtc_endpoint_interfaces_changed(endpoint, world.now), PRTC_OK);
    PRTC_CHECK_INT(prtc_endpoint_timeout(endpoint, world.now), PRTC_OK); /* too early, and again, and in the past */
    PRTC_CHECK_INT(prtc_endpoint_timeout(endpoint, world.now), PRTC_OK);
    PRTC_CHECK_INT(prtc_endpoint_timeout(endpoint, 1), PRTC_OK);
    PRTC_CHECK(prtc_endpoint_deadline(endpoint) > world.now);
    world_run(&world, 1000000);
  }
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, 1, channel, PRTC_MESSAGE_TEXT, hello, 5), PRTC_OK); /* long ago */
  world_run(&world, 1000000);
  PRTC_CHECK(world_find(&world, 1, PRTC_EVENT_CHANNEL_MESSAGE, -1) != NULL);
  world_close(&world);
}

/* With sockets that were asked for, requests that wait, events, bytes to send and a goodbye that was not said. */
static void an_endpoint_is_freed_amid_everything(void) {
  for (int step = 0; step < 200; step++) {
    world_open(&world, NULL);
    world_peer(&world, 0);
    world_peer(&world, 1);
    prtc_channel_id channel = world_channel(&world, 0, "chat");
    world_signal(&world, 0, PRTC_SDP_OFFER);
    world_signal(&world, 1, PRTC_SDP_ANSWER);
    for (int i = 0; i < step; i++) world_step(&world, world.now + 3000000);
    (void)prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_TEXT, hello, 5);
    if (step % 2 == 0) (void)prtc_peer_close(world.nodes[0].peer, world.now);
    world_close(&world);
  }
}

int main(void) {
  PRTC_RUN(no_peer_is_not_found);
  PRTC_RUN(a_closed_peer_refuses_and_answers);
  PRTC_RUN(a_peer_is_freed_amid_its_events);
  PRTC_RUN(everything_ends_when_it_is_told_of);
  PRTC_RUN(missing_arguments_are_refused);
  PRTC_RUN(verbs_in_any_order_are_harmless);
  PRTC_RUN(an_endpoint_is_freed_amid_everything);
  return PRTC_TEST_RESULT();
}
