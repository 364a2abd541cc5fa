/* Two stacks that reach each other through TURN servers.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/transport/relay_world_test.h"

/* Relayed on both sides, and nothing leaves but to the servers. */
static void relays_alone(uint32_t protocol) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, protocol, i == 0 ? "192.0.2.10" : "192.0.2.20");
  prtc_channel_id channel = make_channel(0);
  join();
  run(2000000);
  check_connected();
  for (int i = 0; i < 2; i++) {
    check_pair(i, PRTC_CANDIDATE_RELAYED, PRTC_CANDIDATE_RELAYED);
    PRTC_CHECK_INT(sides[i].candidate_count, 1);
    prtc_address hidden = address_of("0.0.0.0:9");
    PRTC_CHECK(prtc_address_equal(&sides[i].candidates[0].related, &hidden));
    char url[64];
    PRTC_CHECK(prtc_transport_server_url(sides[i].transport, &sides[i].candidates[0], url, sizeof url));
    const char *const urls[3][2] = {{"turn:192.0.2.10:3478?transport=udp", "turn:192.0.2.20:3478?transport=udp"},
                                    {"turn:192.0.2.10:3478?transport=tcp", "turn:192.0.2.20:3478?transport=tcp"},
                                    {"turns:192.0.2.10:3478?transport=tcp", "turns:192.0.2.20:3478?transport=tcp"}};
    PRTC_CHECK_TEXT(url, urls[protocol - PRTC_RELAY_UDP][i]);
  }
  carry(channel);
  PRTC_CHECK_INT(allocation_count, 2);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK(allocations[i].server.last.by_channel);
  if (protocol == PRTC_RELAY_UDP) PRTC_CHECK(sides[0].longest_train > 1); /* trains stay trains */
  close_both();
  run(100000);
  PRTC_CHECK_INT(live_allocations(), 0);
  for (size_t i = 0; i < 2; i++) PRTC_CHECK(allocations[i].said_goodbye == (protocol == PRTC_RELAY_TLS));
  check_gone();
  close_sides();
}

static void relays_alone_over_udp(void) { relays_alone(PRTC_RELAY_UDP); }
static void relays_alone_over_tcp(void) { relays_alone(PRTC_RELAY_TCP); }

static void with_identity(const char *alternative_names, void (*test)(void)) {
  static char text[4096];
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  struct prtc_context *previous = prtc_enter(context);
  struct identity own = identity_new(&(struct identity_config){
      .common_name = "x", .alternative_names = alternative_names, .from = NOW - DAY, .until = NOW + DAY,
      .authority = true});
  size_t size = identity_print(&own, text, 0, sizeof text);
  PRTC_REQUIRE(prtc_trust_parse(context, (const uint8_t *)text, size, &anchors) == PRTC_OK);
  prtc_leave(previous);
  identity = &own;
  test();
  identity = NULL;
  prtc_trust_release(anchors);
  anchors = NULL;
  previous = prtc_enter(context);
  identity_free(&own);
  prtc_leave(previous);
  prtc_context_free(context);
}

static void over_tls(void) {
  relays_alone(PRTC_RELAY_TLS);
  PRTC_CHECK_INT(trust_requests, 2); /* once a transport: the endpoint keeps them */
}

static void relays_alone_over_tls(void) { with_identity("IP:192.0.2.10,IP:192.0.2.20", over_tls); }

/* Whoever has the wrong certificate, or none, gets no user name. */
static void gather_from(const char *why) {
  open_sides(true);
  use_server(0, PRTC_RELAY_TLS, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(sides[0].errors, 1);
  PRTC_CHECK_INT(sides[0].error, 701);
  char expected[256];
  (void)snprintf(expected, sizeof expected, "turns:192.0.2.10:3478?transport=tcp %s", why);
  PRTC_CHECK_TEXT(sides[0].text, expected);
  PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
  for (size_t i = 0; i < allocation_count; i++) PRTC_CHECK_INT(allocations[i].server.requests, 0);
  close_both();
  run(100000);
  check_gone();
  close_sides();
}

static void another(void) { gather_from("the server's certificate is for another host"); }

static void nobody(void) {
  struct prtc_trust *former = anchors;
  anchors = NULL;
  gather_from("the system has no trust anchors");
  anchors = former;
}

static void tls_that_is_refused(void) {
  with_identity("IP:192.0.2.11,DNS:192.0.2.10", another);
  with_identity("IP:192.0.2.10", nobody);
}

/* A server that says nothing, where TLS was to be. */
static void tls_that_stalls(void) {
  open_sides(true);
  use_server(0, PRTC_RELAY_TLS, "192.0.2.10");
  sides[0].transport->config.insecure_tls = true;
  silent_streams = true;
  join();
  run(1000000);
  PRTC_CHECK(sides[0].streams[0].id != 0);
  run(11000000);
  PRTC_CHECK_INT(sides[0].error, 701);
  PRTC_CHECK_TEXT(sides[0].text, "turns:192.0.2.10:3478?transport=tcp no connection to the server was made in time");
  PRTC_CHECK_INT(sides[0].streams[0].id, 0);
  close_sides();
}

/* One side has a relay, hosts do not reach each other. */
static void a_relay_on_one_side(void) {
  open_sides(false);
  direct = false;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  prtc_channel_id channel = make_channel(0);
  join();
  run(5000000);
  check_connected();
  check_pair(0, PRTC_CANDIDATE_RELAYED, PRTC_CANDIDATE_HOST);
  carry(channel);
  close_both();
  run(100000);
  PRTC_CHECK_INT(live_allocations(), 0);
  check_gone();
  close_sides();
}

/* Each has its allocation, a while after the one before; and each remote candidate its permission, before anything is sent
 * to it. */
static void several_servers(void) {
  static const char *const servers[] = {"192.0.2.10", "192.0.2.11", "192.0.2.12"};
  prtc_candidate candidate = {.component = 1, .priority = 1, .foundation = "1"};
  open_sides(true);
  for (size_t i = 0; i < 3; i++) use_server(0, i == 1 ? PRTC_RELAY_TCP : PRTC_RELAY_UDP, servers[i]);
  PRTC_REQUIRE(prtc_transport_gather(sides[0].transport, now) == PRTC_OK);
  for (size_t i = 1; i <= 3; i++) {
    run(i == 1 ? 6000 : 50000); /* Ta, RFC 8445 section 14.2 */
    PRTC_CHECK_INT(allocation_count, i);
  }
  run(100000);
  PRTC_CHECK_INT(count_candidates(0, PRTC_CANDIDATE_RELAYED), 3);
  for (size_t i = 0; i < 3; i++) {
    for (size_t k = 0; k < i; k++) PRTC_CHECK(sides[0].candidates[i].priority != sides[0].candidates[k].priority);
  }
  candidate.address = address_of("203.0.113.7:6000");
  for (int i = 0; i < 2; i++, candidate.address.port++) { /* of one address */
    PRTC_CHECK_INT(prtc_transport_add_remote_candidate(sides[0].transport, now, &candidate), PRTC_OK);
  }
  run(100000);
  for (size_t i = 0; i < 3; i++) {
    PRTC_CHECK(server_permits(&allocations[i].server, &candidate.address));
    PRTC_CHECK_INT(allocations[i].server.counts[PRTC_STUN_METHOD_CREATE_PERMISSION], 1);
    PRTC_CHECK_INT(allocations[i].server.indications, 0);
  }
  close_sides();
}

/* Where there is a direct way it is taken; and the allocation has shown the mapped address, with no Binding request. */
static void direct_where_possible(void) {
  open_sides(false);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  make_channel(0);
  join();
  run(2000000);
  check_connected();
  for (int i = 0; i < 2; i++) {
    check_pair(i, PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_HOST);
    PRTC_CHECK_INT(count_candidates(i, PRTC_CANDIDATE_HOST), 1);
    PRTC_CHECK_INT(count_candidates(i, PRTC_CANDIDATE_SERVER_REFLEXIVE), 1);
    PRTC_CHECK_INT(count_candidates(i, PRTC_CANDIDATE_RELAYED), 1);
    PRTC_CHECK_INT(allocations[i].server.counts[PRTC_STUN_METHOD_BINDING], 0);
  }
  close_sides();
}

static void dead(struct turn_server *server, const prtc_address *at) {
  (void)at;
  server->stall_after = 0;
}

/* Nobody waits for them but gathering. */
static void dead_servers(void) {
  open_sides(false);
  set_up = dead;
  refuses_streams = true;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  use_server(0, PRTC_RELAY_TCP, "192.0.2.11");
  use_server(1, PRTC_RELAY_UDP, "192.0.2.10");
  make_channel(0);
  join();
  run(500000);
  check_pair(0, PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_HOST);
  PRTC_CHECK_INT(sides[0].opened, 1);
  PRTC_CHECK_INT(sides[0].errors, 1);
  PRTC_CHECK_TEXT(sides[0].text, "turn:192.0.2.11:3478?transport=tcp no connection to the server could be made");
  PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_GATHERING);
  run(11000000);
  check_connected();
  PRTC_CHECK_INT(sides[0].errors, 2);
  PRTC_CHECK_INT(sides[0].error, 701);
  PRTC_CHECK_TEXT(sides[0].text, "turn:192.0.2.10:3478?transport=udp the server has not answered");
  PRTC_CHECK_INT(sides[1].errors, 1);
  close_sides();
}

static void full(struct turn_server *server, const prtc_address *at) {
  (void)at;
  server->fault.method = PRTC_STUN_METHOD_ALLOCATE;
  server->fault.code = 486;
  server->fault.times = 1;
}

static void an_error_is_told(void) {
  open_sides(true);
  set_up = full;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(sides[0].errors, 1);
  PRTC_CHECK_INT(sides[0].error, 486);
  PRTC_CHECK_TEXT(sides[0].text, "turn:192.0.2.10:3478?transport=udp the user's quota of allocations is reached");
  PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
  PRTC_CHECK_INT(sides[0].candidate_count, 0);
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_transport_end_of_remote_candidates(sides[i].transport, now), PRTC_OK);
  run(100000000);
  PRTC_CHECK_TEXT(sides[0].failure, "no TURN server has given an address, and the policy allows no other");
  close_sides();
}

/* 192.0.2.x sends us to 192.0.2.(x + 1), but for the last. */
static int last;

static void sends_on(struct turn_server *server, const prtc_address *at) {
  if (at->ip[3] == last) return;
  server->fault.method = PRTC_STUN_METHOD_ALLOCATE;
  server->fault.code = 300;
  server->fault.times = 1000;
  server->alternate = *at;
  server->alternate.ip[3] = (uint8_t)(at->ip[3] == 14 ? 10 : at->ip[3] + 1);
}

static void redirected(uint32_t protocol) {
  for (last = 11; last < 15; last++) {
    open_sides(true);
    set_up = sends_on;
    use_server(0, protocol, "192.0.2.10");
    join();
    run(1000000);
    bool reached = last <= 13; /* three times */
    PRTC_CHECK_INT(sides[0].candidate_count, reached);
    PRTC_CHECK_INT(sides[0].errors, !reached);
    PRTC_CHECK_INT(live_allocations(), reached);
    if (!reached) PRTC_CHECK_INT(sides[0].error, 300);
    PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
    close_both();
    run(100000);
    check_gone();
    close_sides();
  }
}

static void redirected_over_udp(void) { redirected(PRTC_RELAY_UDP); }
static void redirected_over_tcp(void) { redirected(PRTC_RELAY_TCP); }

static void to_itself(struct turn_server *server, const prtc_address *at) {
  last = 0;
  sends_on(server, at);
  server->alternate = *at;
}

/* RFC 8489 section 10: another name, which the certificate has and which the address alone is not. */
static void to_a_domain(struct turn_server *server, const prtc_address *at) {
  last = 11;
  sends_on(server, at);
  server->domain = "turn2.example.org";
}

static void gather_redirected(void) {
  open_sides(true);
  set_up = to_a_domain;
  use_server(0, PRTC_RELAY_TLS, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(sides[0].candidate_count, 1);
  PRTC_CHECK_INT(sides[0].errors, 0);
  PRTC_CHECK_INT(live_allocations(), 1);
  close_sides();
}

static void redirected_over_tls(void) { with_identity("IP:192.0.2.10,DNS:turn2.example.org", gather_redirected); }

static void an_ice_lite_agent_has_none(void) {
  open_sides(false);
  sides[0].transport->config.ice.lite = 1;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(allocation_count, 0);
  close_sides();
}

static void redirected_in_a_circle(void) {
  open_sides(true);
  set_up = to_itself;
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  join();
  run(1000000);
  PRTC_CHECK_INT(sides[0].error, 300);
  PRTC_CHECK_INT(allocations[0].server.requests, 2);
  close_sides();
}

static void restart(int i) {
  prtc_ice_parameters parameters;
  PRTC_REQUIRE(prtc_transport_make_ice_parameters(sides[i].transport, &parameters) == PRTC_OK);
  PRTC_REQUIRE(prtc_transport_restart(sides[i].transport, now, &parameters) == PRTC_OK);
}

/* An ICE restart keeps the allocations; other servers take their place, at first beside what is in use. */
static void restarts(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  prtc_channel_id channel = make_channel(0);
  join();
  run(2000000);
  check_connected();
  for (int i = 0; i < 2; i++) restart(i);
  join();
  run(2000000);
  check_connected();
  PRTC_CHECK_INT(allocation_count, 2);
  PRTC_CHECK_INT(sides[0].candidate_count, 2);
  for (int i = 0; i < 2; i++) {
    prtc_transport_forget_servers(sides[i].transport);
    use_server(i, PRTC_RELAY_UDP, "192.0.2.20");
    prtc_transport_set_relay_only(sides[i].transport, now, true);
    restart(i);
  }
  join();
  run(2000000);
  check_connected();
  PRTC_CHECK_INT(sides[0].candidate_count, 3);
  prtc_ice_pair pair;
  PRTC_REQUIRE(prtc_transport_get_selected_pair(sides[0].transport, &pair) == 1);
  PRTC_CHECK(prtc_address_equal(&pair.local, &sides[0].candidates[2].address));
  carry(channel);
  for (int i = 0; i < 2; i++) restart(i); /* what is left of before goes with the next gathering */
  join();
  run(2000000);
  check_connected();
  PRTC_CHECK_INT(live_allocations(), 2);
  close_both();
  run(100000);
  PRTC_CHECK_INT(live_allocations(), 0);
  check_gone();
  close_sides();
}

/* The policy changes while a direct pair is in use. */
static void hides_hosts_from_now_on(void) {
  open_sides(false);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  prtc_channel_id channel = make_channel(0);
  join();
  run(2000000);
  check_pair(0, PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_HOST);
  size_t before = sides[0].candidate_count;
  for (int i = 0; i < 2; i++) {
    prtc_transport_set_relay_only(sides[i].transport, now, true);
    restart(i);
  }
  join();
  run(3000000);
  check_connected();
  check_pair(0, PRTC_CANDIDATE_RELAYED, PRTC_CANDIDATE_RELAYED);
  PRTC_CHECK_INT(sides[0].candidate_count, before + 1);
  PRTC_CHECK_INT(sides[0].candidates[before].type, PRTC_CANDIDATE_RELAYED);
  only_to_servers = true;
  carry(channel);
  for (int i = 0; i < 2; i++) { /* and back */
    prtc_transport_set_relay_only(sides[i].transport, now, false);
    restart(i);
  }
  only_to_servers = false;
  join();
  run(3000000);
  check_pair(0, PRTC_CANDIDATE_HOST, PRTC_CANDIDATE_HOST);
  close_sides();
}

static void a_stream_that_breaks(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_TCP, "192.0.2.10");
  make_channel(0);
  join();
  run(2000000);
  check_connected();
  prtc_socket_id id = sides[0].streams[0].id;
  sides[0].streams[0].id = 0;
  PRTC_CHECK_INT(prtc_transport_socket_closed(sides[0].transport, now, id), PRTC_OK);
  run(1000000);
  prtc_ice_pair pair;
  PRTC_CHECK_INT(prtc_transport_get_selected_pair(sides[0].transport, &pair), 0);
  restart(0), restart(1); /* the next gathering makes another */
  join();
  run(3000000);
  check_connected();
  close_both();
  run(100000);
  check_gone();
  close_sides();
}

static void a_stream_that_is_full(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_TCP, "192.0.2.10");
  prtc_channel_id channel = make_channel(0);
  join();
  run(2000000);
  check_connected();
  static uint8_t message[60000];
  prtc_socket_id id = sides[0].streams[0].id;
  PRTC_CHECK_INT(prtc_transport_writable(sides[0].transport, now, id, false), PRTC_OK);
  PRTC_CHECK_INT(prtc_transport_send(sides[0].transport, now, channel, PRTC_MESSAGE_BINARY, message, sizeof message),
                 PRTC_OK);
  unsigned before = allocations[0].server.relayed_count;
  run(100000);
  PRTC_CHECK_INT(allocations[0].server.relayed_count, before);
  PRTC_CHECK_INT(prtc_transport_writable(sides[0].transport, now, id, true), PRTC_OK);
  run(1000000);
  PRTC_CHECK_INT(sides[1].messages, 1);
  PRTC_CHECK_INT(prtc_transport_writable(sides[0].transport, now, 12345, true), PRTC_ERROR_NOT_FOUND);
  close_sides();
}

/* A server that does not answer at the end is not waited for long; one that does not connect is given up. */
static void ends_in_time(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  use_server(0, PRTC_RELAY_TCP, "192.0.2.11");
  make_channel(0);
  join();
  run(2000000);
  for (size_t i = 0; i < allocation_count; i++) allocations[i].server.stall_after = 0;
  close_both();
  run(900000);
  PRTC_CHECK(!prtc_transport_is_drained(sides[0].transport));
  PRTC_CHECK(sides[0].address.port != 0);
  run(200000);
  check_gone();
  close_sides();
}

static void a_forged_unreachable_ends_nothing(void) {
  open_sides(true);
  for (int i = 0; i < 2; i++) use_server(i, PRTC_RELAY_UDP, "192.0.2.10");
  make_channel(0);
  join();
  run(2000000);
  prtc_address server = address_of("192.0.2.10:3478");
  (void)prtc_transport_unreachable(sides[0].transport, now, sides[0].socket, &server);
  run(1000000);
  check_connected();
  check_pair(0, PRTC_CANDIDATE_RELAYED, PRTC_CANDIDATE_RELAYED);
  close_sides();
  open_sides(true); /* before there is an allocation it saves time */
  use_server(0, PRTC_RELAY_UDP, "192.0.2.10");
  join();
  settle(0);
  count = 0;
  PRTC_CHECK_INT(prtc_transport_unreachable(sides[0].transport, now, sides[0].socket, &server), PRTC_OK);
  run(1000);
  PRTC_CHECK_INT(sides[0].error, 701);
  PRTC_CHECK_INT(sides[0].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
  close_sides();
}

/* One allocation fails, whichever: what comes of it is bounded, and nothing is left behind. */
static void lack_memory(uint32_t protocol) {
  bool ran_out = true;
  unsigned connected = 0, rounds = 0;
  for (long left = 0; ran_out; left += 3, rounds++) {
    meter = (struct prtc_meter){.left = -1};
    open_sides(true);
    for (int i = 0; i < 2; i++) use_server(i, protocol, "192.0.2.10");
    meter.left = left;
    meter.once = true;
    may_lack_memory = true;
    join();
    run(5000000);
    connected += sides[0].dtls_state == PRTC_DTLS_TRANSPORT_CONNECTED;
    close_both();
    run(2000000);
    ran_out = meter.ran_out;
    check_gone();
    may_lack_memory = false;
    close_sides();
    PRTC_REQUIRE(meter.blocks == 0 && left < 3000);
  }
  PRTC_CHECK(rounds > 20 && connected > 3);
}

static void lack_memory_over_tls(void) { lack_memory(PRTC_RELAY_TLS); }

static void without_memory(void) {
  lack_memory(PRTC_RELAY_UDP);
  with_identity("IP:192.0.2.10", lack_memory_over_tls);
}

int main(void) {
  PRTC_RUN(relays_alone_over_udp);
  PRTC_RUN(relays_alone_over_tcp);
  PRTC_RUN(relays_alone_over_tls);
  PRTC_RUN(tls_that_is_refused);
  PRTC_RUN(tls_that_stalls);
  PRTC_RUN(a_relay_on_one_side);
  PRTC_RUN(several_servers);
  PRTC_RUN(direct_where_possible);
  PRTC_RUN(dead_servers);
  PRTC_RUN(an_error_is_told);
  PRTC_RUN(redirected_over_udp);
  PRTC_RUN(redirected_over_tcp);
  PRTC_RUN(redirected_over_tls);
  PRTC_RUN(redirected_in_a_circle);
  PRTC_RUN(an_ice_lite_agent_has_none);
  PRTC_RUN(restarts);
  PRTC_RUN(hides_hosts_from_now_on);
  PRTC_RUN(a_stream_that_breaks);
  PRTC_RUN(a_stream_that_is_full);
  PRTC_RUN(ends_in_time);
  PRTC_RUN(a_forged_unreachable_ends_nothing);
  PRTC_RUN(without_memory);
  return PRTC_TEST_RESULT();
}
