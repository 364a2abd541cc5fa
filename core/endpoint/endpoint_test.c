/* Whole connections between two endpoints in memory.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/endpoint.h"
#include "core/endpoint/world_test.h"

static struct world world;

static prtc_channel_id connect_two(const prtc_allocator *allocator) {
  world_open(&world, allocator);
  return world_connect_two(&world, 2000000);
}

static void check_connected(void) {
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK(world_find(&world, i, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_CONNECTED) != NULL);
    PRTC_CHECK(world_find(&world, i, PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE, PRTC_SCTP_TRANSPORT_CONNECTED) != NULL);
    PRTC_CHECK(world_find(&world, i, PRTC_EVENT_CHANNEL_OPEN, -1) != NULL);
    PRTC_CHECK(world_find(&world, i, PRTC_EVENT_FAILED, -1) == NULL);
  }
}

static void two_peers_connect_and_talk(void) {
  prtc_channel_id channel = connect_two(NULL);
  check_connected();
  if (prtc_test_failures > 0) world_print_log(&world);
  const struct seen *opened = world_find(&world, 1, PRTC_EVENT_DATA_CHANNEL, -1);
  PRTC_REQUIRE(opened != NULL);
  prtc_channel_info info;
  PRTC_INIT(&info);
  PRTC_CHECK_INT(prtc_peer_channel_info(world.nodes[1].peer, opened->event.object, &info), PRTC_OK);
  PRTC_CHECK_TEXT(info.label, "chat");
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_TEXT, (const uint8_t *)"hello", 5),
                 PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[1].peer, world.now, opened->event.object, PRTC_MESSAGE_BINARY, NULL, 0),
                 PRTC_OK);
  world_run(&world, 1000000);
  const struct seen *text = world_find(&world, 1, PRTC_EVENT_CHANNEL_MESSAGE, -1);
  const struct seen *empty = world_find(&world, 0, PRTC_EVENT_CHANNEL_MESSAGE, -1);
  PRTC_REQUIRE(text != NULL && empty != NULL);
  PRTC_CHECK_INT(text->event.kind, PRTC_MESSAGE_TEXT);
  PRTC_CHECK_TEXT((const char *)text->data, "hello");
  PRTC_CHECK(empty->event.kind == PRTC_MESSAGE_BINARY && empty->event.size == 0 && empty->event.data != NULL);
  world_close(&world);
}

static void statistics_are_told(void) {
  static char text[65536];
  connect_two(NULL);
  int size = prtc_peer_get_stats(world.nodes[0].peer, world.now, text, sizeof text);
  PRTC_CHECK(size > 0 && text[size] == '\0' && text[0] == '[' && text[size - 1] == ']');
  static const char *const parts[] = {"\"type\":\"peer-connection\"",      "\"type\":\"transport\"",
                                      "\"type\":\"candidate-pair\"",       "\"type\":\"local-candidate\"",
                                      "\"type\":\"remote-candidate\"",     "\"type\":\"certificate\"",
                                      "\"type\":\"data-channel\"",         "\"label\":\"chat\"",
                                      "\"currentRoundTripTime\":0.020000", "\"timestamp\":1700000002000.000"};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
    if (strstr(text, parts[i]) == NULL) fprintf(stderr, "not in the statistics: %s\n", parts[i]);
    PRTC_CHECK(strstr(text, parts[i]) != NULL);
  }
  for (size_t capacity = 0; capacity <= (size_t)size; capacity += 97) {
    PRTC_CHECK_INT(prtc_peer_get_stats(world.nodes[0].peer, world.now, text, capacity), PRTC_ERROR_BUFFER_TOO_SMALL);
  }
  world_close(&world);
}

static void closing_reaches_the_other_side(void) {
  connect_two(NULL);
  PRTC_CHECK_INT(prtc_peer_close(world.nodes[0].peer, world.now), PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_close(world.nodes[0].peer, world.now), PRTC_OK);
  world_run(&world, 1000000);
  PRTC_CHECK(world_find(&world, 0, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_CLOSED) != NULL);
  PRTC_CHECK(world_find(&world, 0, PRTC_EVENT_CHANNEL_CLOSED, -1) != NULL);
  PRTC_CHECK(world_find(&world, 1, PRTC_EVENT_CHANNEL_CLOSED, -1) != NULL);
  PRTC_CHECK_INT(world.nodes[0].socket_count, 0);
  prtc_peer_free(world.nodes[0].peer);
  world.nodes[0].peer = NULL;
  world_run(&world, 60000000);
  world_close(&world);
}

static void a_freed_peer_leaves_nothing(void) {
  connect_two(NULL);
  prtc_peer_id id = prtc_peer_get_id(world.nodes[0].peer);
  prtc_peer_free(world.nodes[0].peer);
  world.nodes[0].peer = NULL;
  PRTC_CHECK(prtc_endpoint_peer(world.nodes[0].endpoint, id) == NULL);
  size_t before = world.nodes[0].event_count;
  world_run(&world, 60000000); /* long enough for the other side to lose consent */
  PRTC_CHECK(world.nodes[0].event_count == before);
  PRTC_CHECK_INT(world.nodes[0].socket_count, 0);
  PRTC_CHECK(prtc_endpoint_deadline(world.nodes[0].endpoint) == PRTC_NEVER);
  PRTC_CHECK(world_find(&world, 1, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_DISCONNECTED) != NULL);
  PRTC_CHECK(world_find(&world, 1, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_FAILED) != NULL);
  PRTC_CHECK(world_find(&world, 1, PRTC_EVENT_FAILED, -1) != NULL);
  world_close(&world);
}

static void the_same_seed_gives_the_same_bytes(void) {
  unsigned long first;
  connect_two(NULL);
  first = world.transcript;
  world_close(&world);
  connect_two(NULL);
  PRTC_CHECK(world.transcript == first && first != 5381);
  world_close(&world);
}

static void all_memory_comes_back(void) {
  struct prtc_meter meter = {.left = -1};
  const prtc_allocator allocator = prtc_metered(&meter);
  connect_two(&allocator);
  check_connected();
  PRTC_CHECK(meter.blocks > 10);
  world_close(&world);
  PRTC_CHECK_INT(meter.blocks, 0);
}

/* What a batch of events points to is kept for it. A message for which there is no memory costs its channel, no more. */
static void a_message_without_memory_costs_its_channel(void) {
  static uint8_t message[20000];
  struct prtc_meter meter = {.left = -1};
  const prtc_allocator allocator = prtc_metered(&meter);
  prtc_channel_id channel = connect_two(&allocator);
  prtc_channel_id other = world_channel(&world, 0, "other");
  world_run(&world, 1000000);
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_BINARY, message, sizeof message),
                 PRTC_OK);
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, world.now, other, PRTC_MESSAGE_TEXT, (const uint8_t *)"hello", 5),
                 PRTC_OK);
  meter.refused_from = 32 * 1024 + 1; /* a block of the arena that has room for it */
  meter.refused_to = 32 * 1024 + 100;
  world_run(&world, 1000000);
  const struct seen *told = world_find(&world, 1, PRTC_EVENT_FAILED, -1);
  const struct seen *closed = world_find(&world, 0, PRTC_EVENT_CHANNEL_CLOSED, -1);
  const struct seen *text = world_find(&world, 1, PRTC_EVENT_CHANNEL_MESSAGE, -1);
  PRTC_CHECK(world_find(&world, 1, PRTC_EVENT_ENDPOINT_FAILED, -1) == NULL);
  PRTC_CHECK(told != NULL && told->event.code == PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK(closed != NULL && closed->event.object == channel);
  PRTC_CHECK(text != NULL && text->event.size == 5);
  world_close(&world);
  PRTC_CHECK_INT(meter.blocks, 0);
}

static bool fails_on_event(prtc_endpoint *endpoint) {
  prtc_event event;
  while (prtc_endpoint_event(endpoint, &event, 1) > 0) {
    if (event.type == PRTC_EVENT_ENDPOINT_FAILED) return event.code == PRTC_ERROR_NO_MEMORY && event.peer == 0;
  }
  return false;
}

static void a_fatal_code_is_sticky(void) {
  static char sdp[65536];
  static uint8_t buffer[PRTC_DATAGRAM_SIZE];
  /* A block of texts */
  struct prtc_meter meter = {.left = -1, .refused_from = 16 * 1024 + 1, .refused_to = 16 * 1024 + 100};
  const prtc_allocator allocator = prtc_metered(&meter);
  world_open(&world, &allocator);
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  prtc_peer *peer = world_peer(&world, 0);
  prtc_channel_id channel = world_channel(&world, 0, "chat");
  prtc_request request;
  prtc_datagram datagram;
  prtc_event event;
  PRTC_REQUIRE(prtc_peer_set_local_description(peer, world.now, PRTC_SDP_OFFER, NULL, 0) == PRTC_OK);
  while (prtc_endpoint_request(endpoint, &request) > 0) world_answer(&world, &world.nodes[0], &request);
  PRTC_CHECK(fails_on_event(endpoint));
  PRTC_CHECK_INT(prtc_endpoint_event(endpoint, &event, 1), 0);
  PRTC_CHECK_INT(prtc_endpoint_transmit(endpoint, world.now, &datagram, buffer, sizeof buffer), PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK_INT(prtc_endpoint_receive(endpoint, world.now, NULL, 0), PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK_INT(prtc_endpoint_timeout(endpoint, world.now), PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK(prtc_endpoint_deadline(endpoint) == PRTC_NEVER);
  PRTC_CHECK_INT(prtc_peer_create_offer(peer, world.now, NULL, sdp, sizeof sdp), PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK_INT(prtc_peer_close_channel(peer, world.now, channel), PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK_INT(prtc_peer_close(peer, world.now), PRTC_ERROR_NO_MEMORY);
  world_close(&world);
  PRTC_CHECK_INT(meter.blocks, 0);
}

static void peers_can_be_freed_at_any_step(void) {
  for (int steps = 0; steps < 120; steps++) {
    world_open(&world, NULL);
    world_peer(&world, 0);
    world_peer(&world, 1);
    world_channel(&world, 0, "chat");
    world_signal(&world, 0, PRTC_SDP_OFFER);
    world_signal(&world, 1, PRTC_SDP_ANSWER);
    for (int i = 0; i < steps && world_step(&world, world.now + 1000000); i++) {}
    if (steps % 2 == 0) (void)prtc_peer_close(world.nodes[steps % 3 == 0].peer, world.now);
    prtc_peer_free(world.nodes[steps % 3 == 0].peer);
    world.nodes[steps % 3 == 0].peer = NULL;
    for (int i = 0; i < 20; i++) (void)world_step(&world, world.now + 1000000);
    world_close(&world);
  }
}

static void bad_configurations_are_refused(void) {
  prtc_endpoint_config config;
  prtc_peer *peer;
  PRTC_INIT(&config);
  config.size = 3;
  PRTC_CHECK(prtc_endpoint_new(&config) == NULL);
  PRTC_CHECK(prtc_endpoint_new(NULL) == NULL);
  world_open(&world, NULL);
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  const prtc_ice_server server = {.url = "stun:"};
  prtc_peer_config bad = {.size = sizeof bad, .ice_servers = &server, .ice_server_count = 1};
  const prtc_ice_server nameless = {.url = "turn:192.0.2.10"};
  PRTC_CHECK_TEXT(prtc_endpoint_refusal(endpoint), "");
  PRTC_CHECK_INT(prtc_peer_new(endpoint, world.now, &bad, &peer), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_TEXT(prtc_endpoint_refusal(endpoint), "the host is empty or has characters that no name has");
  bad.ice_servers = &nameless;
  PRTC_CHECK_INT(prtc_peer_new(endpoint, world.now, &bad, &peer), PRTC_ERROR_INVALID_ACCESS);
  PRTC_CHECK_TEXT(prtc_endpoint_refusal(endpoint), "a TURN server needs a username and a credential");
  bad.size = 1;
  PRTC_CHECK_INT(prtc_peer_new(endpoint, world.now, &bad, &peer), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_TEXT(prtc_endpoint_refusal(endpoint), "");
  char line[512];
  PRTC_CHECK(prtc_endpoint_log(endpoint, line, sizeof line) > 0);
  prtc_endpoint_stats stats;
  PRTC_INIT(&stats);
  PRTC_CHECK_INT(prtc_endpoint_get_stats(endpoint, &stats), PRTC_OK);
  PRTC_CHECK_INT(stats.peers, 0);
  world_close(&world);
}

/* As of a program that was built with the first version of the headers, which had no certificates. */
static void earlier_configurations_are_taken(void) {
  prtc_peer_config config;
  prtc_peer *peer;
  const prtc_offer_options none = {.size = sizeof none.size, .ice_restart = 1}, wrong = {.size = 1};
  static char sdp[65536], again[65536];
  world_open(&world, NULL);
  PRTC_INIT(&config);
  config.size = offsetof(prtc_peer_config, certificates);
  config.certificate_count = 1; /* beyond the size: zero */
  PRTC_REQUIRE(prtc_peer_new(world.nodes[0].endpoint, world.now, &config, &peer) == PRTC_OK);
  PRTC_CHECK(prtc_peer_create_offer(peer, world.now, NULL, sdp, sizeof sdp) > 0);
  PRTC_CHECK(prtc_peer_create_offer(peer, world.now, &none, again, sizeof again) > 0);
  PRTC_CHECK_INT(prtc_peer_create_offer(peer, world.now, &wrong, again, sizeof again), PRTC_ERROR_INVALID_ARGUMENT);
  world_close(&world);
}

static void commands_move_time_forward_alone(void) {
  world_open(&world, NULL);
  prtc_peer *peer = world_peer(&world, 0);
  PRTC_CHECK_INT(prtc_peer_restart_ice(peer, world.now + 5), PRTC_OK);
  PRTC_CHECK(world.nodes[0].endpoint->now == world.now + 5);
  PRTC_CHECK_INT(prtc_peer_restart_ice(peer, world.now), PRTC_OK);
  PRTC_CHECK(world.nodes[0].endpoint->now == world.now + 5);
  world_close(&world);
}

static bool timers_are_in_order(void) {
  const struct link *stale = &world.nodes[0].endpoint->stale;
  return stale->next == stale;
}

static void verbs_leave_the_deadline_at_hand(void) {
  prtc_event event;
  connect_two(NULL);
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  const struct socket_at *at = &world.nodes[0].sockets[0];
  const uint8_t byte = 0;
  const prtc_datagram datagram = {.socket = at->id, .local = at->address, .remote = at->address, .data = &byte, .size = 1};
  (void)prtc_endpoint_receive(endpoint, world.now, &datagram, 1);
  PRTC_CHECK(timers_are_in_order());
  world_channel(&world, 0, "other");
  PRTC_CHECK(!timers_are_in_order());
  while (prtc_endpoint_event(endpoint, &event, 1) > 0) {}
  PRTC_CHECK(timers_are_in_order());
  PRTC_CHECK_INT(prtc_endpoint_interfaces_changed(endpoint, world.now), PRTC_OK);
  PRTC_CHECK(timers_are_in_order());
  world_close(&world);
}

/* Writes the PEM of a certificate that expires `seconds` after the world's beginning. */
static void make_certificate(char *pem, size_t capacity, int64_t seconds) {
  prtc_context_config config;
  prtc_certificate_config wanted = {
      .size = sizeof wanted, .wall_clock = 1600000000, .expires = (1700000000 + seconds) * 1000};
  prtc_certificate *certificate;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  PRTC_REQUIRE(context != NULL && prtc_certificate_generate(context, &wanted, &certificate) == PRTC_OK);
  PRTC_REQUIRE(prtc_certificate_print(certificate, pem, capacity) > 0);
  prtc_certificate_release(certificate);
  prtc_context_free(context);
}

static void peers_may_bring_certificates(void) {
  static char good[PRTC_CERTIFICATE_PEM_SIZE], old[PRTC_CERTIFICATE_PEM_SIZE], sdp[65536];
  char fingerprint[256], again[256];
  make_certificate(good, sizeof good, 3600);
  make_certificate(old, sizeof old, -1);
  world_open(&world, NULL);
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  prtc_peer *peer;
  const char *expired[] = {good, old}, *broken[] = {"good", good}, *fine[] = {good, good};
  prtc_peer_config config = {.size = sizeof config, .certificates = expired, .certificate_count = 2};
  PRTC_CHECK_INT(prtc_peer_new(endpoint, world.now, &config, &peer), PRTC_ERROR_INVALID_ACCESS);
  config.certificates = broken;
  PRTC_CHECK_INT(prtc_peer_new(endpoint, world.now, &config, &peer), PRTC_ERROR_SYNTAX);
  config.certificates = fine;
  PRTC_CHECK_INT(prtc_peer_new(endpoint, world.now, &config, &world.nodes[0].peer), PRTC_OK);
  /* It is used, and stands in the description. */
  world_peer(&world, 1);
  world_channel(&world, 0, "chat");
  PRTC_CHECK(prtc_peer_get_fingerprint(world.nodes[0].peer, fingerprint, sizeof fingerprint) > 0);
  PRTC_CHECK(prtc_peer_create_offer(world.nodes[0].peer, world.now, NULL, sdp, sizeof sdp) > 0);
  PRTC_CHECK(strstr(sdp, fingerprint) != NULL);
  world_signal(&world, 0, PRTC_SDP_OFFER);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
  world_run(&world, 2000000);
  check_connected();
  PRTC_CHECK(prtc_peer_get_fingerprint(world.nodes[1].peer, again, sizeof again) > 0);
  PRTC_CHECK(strcmp(fingerprint, again) != 0);
  PRTC_CHECK_INT(prtc_peer_new(endpoint, world.now + 3600000000, &config, &peer), PRTC_ERROR_INVALID_ACCESS);
  world_close(&world);
}

/* An endpoint lives for longer than its certificate: later peers get another, earlier ones keep theirs. */
static void the_certificate_is_made_anew(void) {
  char first[256], later[256], kept[256];
  const prtc_peer_config config = {.size = sizeof config};
  prtc_peer *peer;
  world_open(&world, NULL);
  world_peer(&world, 0);
  PRTC_CHECK(prtc_peer_get_fingerprint(world.nodes[0].peer, first, sizeof first) > 0);
  PRTC_REQUIRE(prtc_peer_new(world.nodes[0].endpoint, world.now + UINT64_C(28) * 86400000000, &config, &peer) == PRTC_OK);
  PRTC_CHECK(prtc_peer_get_fingerprint(peer, later, sizeof later) > 0);
  PRTC_CHECK_TEXT(later, first);
  PRTC_REQUIRE(prtc_peer_new(world.nodes[0].endpoint, world.now + UINT64_C(30) * 86400000000, &config, &peer) == PRTC_OK);
  PRTC_CHECK(prtc_peer_get_fingerprint(peer, later, sizeof later) > 0);
  PRTC_CHECK(strcmp(later, first) != 0);
  PRTC_CHECK(prtc_peer_get_fingerprint(world.nodes[0].peer, kept, sizeof kept) > 0);
  PRTC_CHECK_TEXT(kept, first);
  world_close(&world);
}

/* RFC 8122 section 5: of several fingerprints the strongest algorithm counts. */
static void several_fingerprints(bool strongest_is_right) {
  static char sdp[65536], munged[65536 + 512];
  static const char wrong_512[] =
      "a=fingerprint:sha-512 "
      "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:"
      "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n";
  static const char weak[] = "a=fingerprint:sha-1 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13\r\n"
                             "a=fingerprint:md2 00:01\r\n";
  world_open(&world, NULL);
  world_peer(&world, 0);
  world_peer(&world, 1);
  world_channel(&world, 0, "chat");
  int size = prtc_peer_create_offer(world.nodes[0].peer, world.now, NULL, sdp, sizeof sdp);
  PRTC_REQUIRE(size > 0);
  PRTC_CHECK_INT(prtc_peer_set_local_description(world.nodes[0].peer, world.now, PRTC_SDP_OFFER, sdp, (size_t)size),
                 PRTC_OK);
  const char *at = strstr(sdp, "a=fingerprint:");
  PRTC_REQUIRE(at != NULL);
  snprintf(munged, sizeof munged, "%.*s%s%s", (int)(at - sdp), sdp, strongest_is_right ? weak : wrong_512, at);
  int code = prtc_peer_set_remote_description(world.nodes[1].peer, world.now, PRTC_SDP_OFFER, munged, strlen(munged));
  PRTC_CHECK_INT(code, PRTC_OK);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
  world_run(&world, 2000000);
}

static void the_strongest_fingerprint_counts(void) {
  several_fingerprints(true);
  check_connected();
  world_close(&world);
  several_fingerprints(false);
  const struct seen *failed = world_find(&world, 1, PRTC_EVENT_FAILED, -1);
  PRTC_REQUIRE(failed != NULL);
  PRTC_CHECK_INT(failed->event.code, PRTC_ERROR_FINGERPRINT_MISMATCH);
  world_close(&world);
}

static void unknown_sockets_and_requests_are_refused(void) {
  connect_two(NULL);
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  const uint8_t byte = 0;
  const prtc_datagram datagram = {.socket = 999, .data = &byte, .size = 1};
  const prtc_reply reply = {.size = sizeof reply, .id = 999};
  PRTC_CHECK_INT(prtc_endpoint_receive(endpoint, world.now, &datagram, 1), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK_INT(prtc_endpoint_reply(endpoint, world.now, &reply), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(prtc_endpoint_socket_closed(endpoint, world.now, 999, 5), PRTC_ERROR_NOT_FOUND);
  prtc_datagram out;
  uint8_t small[100];
  PRTC_CHECK_INT(prtc_endpoint_transmit(endpoint, world.now, &out, small, sizeof small), PRTC_ERROR_BUFFER_TOO_SMALL);
  world_close(&world);
}

int main(void) {
  PRTC_RUN(two_peers_connect_and_talk);
  PRTC_RUN(statistics_are_told);
  PRTC_RUN(closing_reaches_the_other_side);
  PRTC_RUN(a_freed_peer_leaves_nothing);
  PRTC_RUN(the_same_seed_gives_the_same_bytes);
  PRTC_RUN(all_memory_comes_back);
  PRTC_RUN(a_message_without_memory_costs_its_channel);
  PRTC_RUN(a_fatal_code_is_sticky);
  PRTC_RUN(peers_can_be_freed_at_any_step);
  PRTC_RUN(bad_configurations_are_refused);
  PRTC_RUN(earlier_configurations_are_taken);
  PRTC_RUN(commands_move_time_forward_alone);
  PRTC_RUN(verbs_leave_the_deadline_at_hand);
  PRTC_RUN(peers_may_bring_certificates);
  PRTC_RUN(the_certificate_is_made_anew);
  PRTC_RUN(the_strongest_fingerprint_counts);
  PRTC_RUN(unknown_sockets_and_requests_are_refused);
  return PRTC_TEST_RESULT();
}
