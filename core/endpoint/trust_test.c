/* The system's trust anchors: asked for when a turns: server is first used, once for all peers; recorded, and replayed.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/replay.h>

#include "core/endpoint/world_test.h"
#include "core/tls/server_test.h"

/* What became of the requests of one peer. */
struct course {
  unsigned trust, connects, hellos; /* requests; TLS handshakes begun */
  char error[256];
};

static prtc_endpoint *endpoint;
static prtc_time now;
static char anchors[8192];
static int answer; /* to PRTC_REQUEST_TRUST_ANCHORS: a code; 1: text without certificates */

static void reply(const prtc_request *request, struct course *course) {
  prtc_reply given = {.size = sizeof given, .id = request->id};
  prtc_interface interface = {.index = 1, .network_type = PRTC_NETWORK_ETHERNET, .name = "eth0"};
  PRTC_REQUIRE(prtc_address_parse(&interface.address, "192.0.2.1", 9) == PRTC_OK);
  switch (request->type) {
    case PRTC_REQUEST_INTERFACES:
      given.interfaces = &interface;
      given.interface_count = 1;
      break;
    case PRTC_REQUEST_OPEN_UDP:
      given.address = request->address;
      given.address.port = 5000;
      break;
    case PRTC_REQUEST_CONNECT_TCP:
      course->connects++;
      given.address = interface.address;
      given.address.port = 6000;
      break;
    case PRTC_REQUEST_TRUST_ANCHORS:
      course->trust++;
      given.code = answer < 0 ? answer : 0;
      given.data = (const uint8_t *)(answer == 1 ? "nothing" : anchors);
      given.data_size = strlen((const char *)given.data);
      break;
    case PRTC_REQUEST_CLOSE: return;
    default: given.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  PRTC_CHECK_INT(prtc_endpoint_reply(endpoint, now, &given), PRTC_OK);
}

/* Does all that can be done at this time. */
static void settle(struct course *course) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  for (bool busy = true; busy;) {
    prtc_datagram out;
    prtc_event events[8];
    prtc_request request;
    int count;
    busy = false;
    while (prtc_endpoint_request(endpoint, &request) > 0) reply(&request, course), busy = true;
    while (prtc_endpoint_transmit(endpoint, now, &out, buffer, sizeof buffer) > 0) {
      course->hellos += out.protocol == PRTC_PROTOCOL_TCP && out.data[0] == 22;
      busy = true;
    }
    while ((count = prtc_endpoint_event(endpoint, events, 8)) > 0) {
      busy = true;
      for (int i = 0; i < count; i++) {
        if (events[i].type != PRTC_EVENT_ICE_CANDIDATE_ERROR) continue;
        strncpy(course->error, events[i].text, sizeof course->error - 1);
      }
    }
  }
}

static struct course gather(const char *own, uint32_t insecure) {
  const prtc_ice_server server = {.url = "turns:192.0.2.10", .username = "u", .credential = "p"};
  struct course course = {0};
  prtc_peer_config config;
  prtc_peer *peer;
  prtc_channel_config channel;
  prtc_channel_id id;
  PRTC_INIT(&config);
  config.ice_servers = &server;
  config.ice_server_count = 1;
  config.trust_anchors = own;
  config.insecure_tls = insecure;
  PRTC_REQUIRE(prtc_peer_new(endpoint, now, &config, &peer) == PRTC_OK);
  prtc_channel_config_init(&channel);
  PRTC_REQUIRE(prtc_peer_create_data_channel(peer, now, &channel, &id) == PRTC_OK);
  PRTC_REQUIRE(prtc_peer_set_local_description(peer, now, PRTC_SDP_OFFER, NULL, 0) == PRTC_OK);
  settle(&course);
  return course;
}

static void open_endpoint(size_t recording_size) {
  prtc_endpoint_config config;
  PRTC_INIT(&config);
  config.now = now = 1000000;
  config.wall_clock = 1700000000;
  config.recording_size = recording_size;
  endpoint = prtc_endpoint_new(&config);
  PRTC_REQUIRE(endpoint != NULL);
  answer = 0;
}

static void asked_for_once(void) {
  open_endpoint(0);
  for (int i = 0; i < 3; i++) {
    struct course course = gather(NULL, 0);
    PRTC_CHECK_INT(course.trust, i == 0);
    PRTC_CHECK_INT(course.connects, 1);
    PRTC_CHECK_INT(course.hellos, 1);
    PRTC_CHECK_TEXT(course.error, "");
  }
  prtc_endpoint_free(endpoint);
}

static void not_asked_for(void) {
  open_endpoint(0);
  struct course course = gather(anchors, 0);
  PRTC_CHECK(course.trust == 0 && course.hellos == 1);
  course = gather(NULL, 1);
  PRTC_CHECK(course.trust == 0 && course.hellos == 1);
  prtc_endpoint_free(endpoint);
}

static void there_are_none(void) {
  static const int answers[] = {PRTC_ERROR_NOT_SUPPORTED, 1};
  for (size_t i = 0; i < 2; i++) {
    open_endpoint(0);
    answer = answers[i];
    struct course course = gather(NULL, 0);
    PRTC_CHECK(course.trust == 1 && course.hellos == 0);
    PRTC_CHECK_TEXT(course.error, "turns:192.0.2.10:5349?transport=tcp the system has no trust anchors");
    answer = 0; /* the next peer asks again */
    course = gather(NULL, 0);
    PRTC_CHECK(course.trust == 1 && course.hellos == 1);
    prtc_endpoint_free(endpoint);
  }
}

static void refused(void) {
  const prtc_ice_server servers[] = {{.url = "turns:192.0.2.10", .username = "u", .credential = "p"}};
  prtc_peer_config config;
  prtc_peer *peer;
  open_endpoint(0);
  PRTC_INIT(&config);
  config.ice_servers = servers;
  config.ice_server_count = 1;
  config.trust_anchors = "nothing";
  PRTC_CHECK_INT(prtc_peer_new(endpoint, now, &config, &peer), PRTC_ERROR_SYNTAX);
  config.trust_anchors = anchors;
  PRTC_CHECK_INT(prtc_peer_new(endpoint, now, &config, &peer), PRTC_OK);
  config.trust_anchors = "nothing";
  PRTC_CHECK_INT(prtc_peer_set_configuration(peer, now, &config), PRTC_ERROR_SYNTAX);
  PRTC_CHECK_TEXT(prtc_peer_error_message(peer), "trust_anchors has no PEM of a certificate");
  prtc_endpoint_free(endpoint);
}

/* The handshake depends on what was replied, and comes out the same. */
static void replayed(void) {
  static uint8_t recording[65536];
  size_t size = 0;
  int part;
  open_endpoint(sizeof recording);
  struct course course = gather(NULL, 0);
  PRTC_CHECK(course.trust == 1 && course.hellos == 1);
  while ((part = prtc_endpoint_output(endpoint, PRTC_OUTPUT_RECORDING, recording + size, sizeof recording - size)) > 0) {
    size += (size_t)part;
  }
  prtc_endpoint_free(endpoint);
  const prtc_replay_config config = {.size = sizeof config, .recording = recording, .recording_size = size};
  prtc_replay *replay = prtc_replay_new(&config);
  prtc_replay_step step = {.size = sizeof step};
  int code, steps = 0;
  PRTC_REQUIRE(replay != NULL);
  while ((code = prtc_replay_next(replay, &step)) > 0) steps++;
  PRTC_CHECK_INT(code, 0);
  PRTC_CHECK_TEXT(prtc_replay_message(replay), "");
  PRTC_CHECK(steps > 10);
  prtc_replay_free(replay);
}

int main(void) {
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  struct prtc_context *previous = prtc_enter(context);
  struct identity authority = identity_new(
      &(struct identity_config){.common_name = "authority", .from = NOW - DAY, .until = NOW + DAY, .authority = true});
  (void)identity_print(&authority, anchors, 0, sizeof anchors);
  identity_free(&authority);
  prtc_leave(previous);
  PRTC_RUN(asked_for_once);
  PRTC_RUN(not_asked_for);
  PRTC_RUN(there_are_none);
  PRTC_RUN(refused);
  PRTC_RUN(replayed);
  prtc_context_free(context);
  return PRTC_TEST_RESULT();
}
