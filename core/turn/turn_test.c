/* The TURN client and a server that behaves: allocation, authentication, permissions, channels, time.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/turn/world_test.h"

static const prtc_turn_config over_tcp = {.size = sizeof over_tcp, .protocol = PRTC_RELAY_TCP};

static void check_address(const prtc_address *address, const char *expected) {
  char text[PRTC_ADDRESS_TEXT_SIZE];
  PRTC_REQUIRE(prtc_address_print(address, text, sizeof text) > 0);
  PRTC_CHECK_TEXT(text, expected);
}

static void check_allocated(struct world *world) {
  const prtc_turn_event *event = &world->events[PRTC_TURN_EVENT_ALLOCATED];
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_ALLOCATED], 1);
  PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_ALLOCATED);
  check_address(&event->relayed[0], "192.0.2.15:49152");
  check_address(&event->relayed[1], "[2001:db8::15]:49153");
  check_address(&event->mapped, "198.51.100.1:5000");
}

/* Two round trips: the challenge, and the allocation. */
static void allocates(void) {
  struct world *world = world_new(NULL);
  prtc_time before = world->now;
  PRTC_CHECK_INT(prtc_turn_start(world->turn, world->now), 0);
  PRTC_CHECK_INT(prtc_turn_start(world->turn, world->now), PRTC_ERROR_INVALID_STATE);
  while (world->event_counts[PRTC_TURN_EVENT_ALLOCATED] == 0 && world->now < before + SECOND) {
    world_step(world, before + SECOND);
  }
  PRTC_CHECK_INT(world->now - before, 40 * MS);
  check_allocated(world);
  PRTC_CHECK_INT(world->server.requests, 2);
  world_free(world);
}

static void allocates_over_a_stream(void) {
  struct world *world = world_new(&over_tcp);
  allocate(world);
  check_allocated(world);
  run_for(world, 100 * SECOND);
  PRTC_CHECK_INT(world->server.indications, 0); /* no keepalive on a stream */
  world_free(world);
}

static void open_server(void) {
  struct world *world = world_new(NULL);
  world->server.open = true;
  allocate(world);
  check_allocated(world);
  PRTC_CHECK_INT(world->server.requests, 1);
  world_free(world);
}

static void families(void) {
  prtc_turn_config config = {.size = sizeof config, .family = PRTC_FAMILY_IPV6};
  struct world *world = world_new(&config);
  allocate(world);
  PRTC_CHECK_INT(world->events[PRTC_TURN_EVENT_ALLOCATED].relayed[0].family, PRTC_FAMILY_NONE);
  check_address(&world->events[PRTC_TURN_EVENT_ALLOCATED].relayed[1], "[2001:db8::15]:49153");
  world_free(world);
  config.family = PRTC_FAMILY_IPV4;
  world = world_new(&config);
  allocate(world);
  PRTC_CHECK_INT(world->events[PRTC_TURN_EVENT_ALLOCATED].relayed[1].family, PRTC_FAMILY_NONE);
  check_address(&world->events[PRTC_TURN_EVENT_ALLOCATED].relayed[0], "192.0.2.15:49152");
  world_free(world);
  world = world_new(NULL); /* a server that knows nothing of ADDITIONAL-ADDRESS-FAMILY */
  world->server.ignores_families = true;
  allocate(world);
  check_address(&world->events[PRTC_TURN_EVENT_ALLOCATED].relayed[0], "192.0.2.15:49152");
  PRTC_CHECK_INT(world->events[PRTC_TURN_EVENT_ALLOCATED].relayed[1].family, PRTC_FAMILY_NONE);
  prtc_address v6 = address_of("[2001:db8::9]:1000");
  PRTC_CHECK_INT(send_to(world, &v6, "x", 1), 0);
  world_free(world);
}

/* RFC 8489: SHA-256 and hidden names, each with and without the other. */
static void newer_credentials(void) {
  for (int i = 0; i < 4; i++) {
    struct world *world = world_new(NULL);
    world->server.sha256 = (i & 1) != 0;
    world->server.userhash = (i & 2) != 0;
    new_nonce(&world->server);
    allocate(world);
    check_allocated(world);
    run_for(world, 1000 * SECOND); /* refreshes included */
    PRTC_CHECK(world->server.counts[PRTC_STUN_METHOD_REFRESH] >= 1);
    PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_ALLOCATED);
    world_free(world);
  }
}

static void data_both_ways(const prtc_turn_config *config) {
  struct world *world = world_new(config);
  prtc_address peer = address_of("203.0.113.7:6000"), other = address_of("[2001:db8::7]:6001");
  allocate(world);
  /* A check: the permission goes before it, so that it arrives. */
  PRTC_CHECK(send_to(world, &peer, "\0stun", 5) > 5);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CREATE_PERMISSION], 1);
  PRTC_CHECK_INT(world->server.relayed_count, 1);
  PRTC_CHECK(world->server.last.size == 5 && memcmp(world->server.last.data, "\0stun", 5) == 0 &&
             !world->server.last.by_channel);
  PRTC_CHECK(prtc_address_equal(&world->server.last.peer, &peer));
  peer_sends(&world->server, &peer, "answer", 6, false);
  run_for(world, 100 * MS);
  PRTC_CHECK(world->data_count == 1 && world->data.size == 6 && memcmp(world->data_bytes, "answer", 6) == 0);
  PRTC_CHECK(prtc_address_equal(&world->data.peer, &peer));
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CHANNEL_BIND], 0);
  /* Data: as an indication, and then on a channel */
  PRTC_CHECK(send_to(world, &peer, "\26data", 5) > 5 + 30);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CHANNEL_BIND], 1);
  PRTC_CHECK(world->server.relayed_count == 2 && !world->server.last.by_channel);
  PRTC_CHECK_INT(send_to(world, &peer, "\26more", 5), world->stream ? 12 : 9);
  run_for(world, 100 * MS);
  PRTC_CHECK(world->server.relayed_count == 3 && world->server.last.by_channel && world->server.last.size == 5);
  peer_sends(&world->server, &peer, "channel", 7, false);
  run_for(world, 100 * MS);
  PRTC_CHECK(world->data_count == 2 && world->data.size == 7 && memcmp(world->data_bytes, "channel", 7) == 0);
  PRTC_CHECK(prtc_address_equal(&world->data.peer, &peer));
  peer_sends(&world->server, &peer, "", 0, false); /* an empty datagram is one */
  run_for(world, 100 * MS);
  PRTC_CHECK(world->data_count == 3 && world->data.size == 0);
  /* The other family, over the same allocation */
  PRTC_CHECK(send_to(world, &other, "\26six", 4) > 4);
  run_for(world, 100 * MS);
  PRTC_CHECK(world->server.relayed_count == 4 && prtc_address_equal(&world->server.last.peer, &other));
  PRTC_CHECK_INT(send_to(world, &other, "\26six", 4), 8);
  run_for(world, 100 * MS);
  PRTC_CHECK(world->server.relayed_count == 5 && world->server.last.by_channel);
  PRTC_CHECK(prtc_address_equal(&world->server.last.peer, &other));
  world_free(world);
}

static void data_over_datagrams(void) { data_both_ways(NULL); }
static void data_over_a_stream(void) { data_both_ways(&over_tcp); }

/* A train stays one, each datagram in a header of its own. */
static void trains(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("203.0.113.7:6000");
  uint8_t buffer[4096], expected[3][1000];
  allocate(world);
  for (int bound = 0; bound < 2; bound++) {
    for (size_t i = 0; i < 2500; i++) buffer[i] = expected[i / 1000][i % 1000] = (uint8_t)(i * 7 + 32);
    size_t segment = 1000, header = bound ? 4 : 36;
    int size = prtc_turn_wrap(world->turn, world->now, &peer, buffer, 2500, &segment, sizeof buffer);
    drain(world);
    PRTC_CHECK_INT(size, 2500 + 3 * header);
    PRTC_CHECK_INT(segment, 1000 + header);
    run_for(world, 100 * MS);
    unsigned before = world->server.relayed_count;
    for (size_t i = 0; i < 3; i++) {
      size_t left = (size_t)size - i * segment, own = left < segment ? left : segment;
      post(world, true, buffer + i * segment, own);
      run_for(world, 20 * MS);
      PRTC_CHECK_INT(world->server.last.size, i < 2 ? 1000 : 500);
      PRTC_CHECK(memcmp(world->server.last.data, expected[i], world->server.last.size) == 0);
      PRTC_CHECK_INT(world->server.last.by_channel, bound);
    }
    PRTC_CHECK_INT(world->server.relayed_count, before + 3);
  }
  /* What does not fit is refused, and nothing is written beyond */
  for (size_t capacity = 100; capacity < 100 + 3 * 4; capacity++) {
    size_t segment = 40;
    memset(buffer, 0xA5, sizeof buffer);
    PRTC_CHECK_INT(prtc_turn_wrap(world->turn, world->now, &peer, buffer, 100, &segment, capacity),
                   PRTC_ERROR_BUFFER_TOO_SMALL);
    for (size_t i = 0; i < sizeof buffer; i++) PRTC_REQUIRE(buffer[i] == 0xA5);
  }
  world_free(world);
}

static void trains_on_a_stream(void) {
  struct world *world = world_new(&over_tcp);
  prtc_address peer = address_of("203.0.113.7:6000");
  uint8_t buffer[512];
  allocate(world);
  for (int bound = 0; bound < 2; bound++) {
    size_t segment = 33, before = world->server.relayed_count;
    memset(buffer, 0x55, 80);
    int size = prtc_turn_wrap(world->turn, world->now, &peer, buffer, 80, &segment, sizeof buffer);
    drain(world);
    PRTC_CHECK_INT(segment, 0);
    PRTC_CHECK_INT(size, bound ? 2 * 40 + 20 : 2 * 72 + 52);
    post(world, true, buffer, (size_t)size);
    run_for(world, 100 * MS);
    PRTC_CHECK_INT(world->server.relayed_count, before + 3);
    PRTC_CHECK_INT(world->server.last.size, 14);
  }
  world_free(world);
}

/* An hour: refreshes, permissions and channels are renewed in time, though nothing but keepalives is sent. */
static void stays_alive(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("203.0.113.7:6000"), silent = address_of("203.0.113.8:6000");
  allocate(world);
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &silent), 0);
  (void)send_to(world, &peer, "\26data", 5);
  prtc_time end = world->now + 3600 * SECOND;
  while (world->now < end) {
    run_for(world, 10 * SECOND);
    PRTC_REQUIRE(world->server.expires > world->now);
    PRTC_REQUIRE(server_permits(&world->server, &peer) && server_permits(&world->server, &silent));
    PRTC_REQUIRE(world->server.bound_until[0] > world->now);
    PRTC_REQUIRE(world->now - world->server.last_heard <= 15 * SECOND + 10 * MS);
  }
  PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_ALLOCATED);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_REFRESH], 6); /* every 540 s */
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CHANNEL_BIND], 7);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CREATE_PERMISSION], 2 * 15);
  world_free(world);
}

/* 40 % of what the client sends is lost: all is there all the same. */
static void survives_loss(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("203.0.113.7:6000");
  world->drops = 2;
  PRTC_CHECK_INT(prtc_turn_start(world->turn, world->now), 0);
  run_for(world, 3 * SECOND);
  check_allocated(world);
  world->drops = 1;
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &peer), 0);
  run_for(world, SECOND);
  PRTC_CHECK(server_permits(&world->server, &peer));
  world->drops = 1;
  (void)send_to(world, &peer, "\26data", 5);
  run_for(world, SECOND);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CHANNEL_BIND], 1);
  run_for(world, 530 * SECOND);
  world->drops = 3;
  run_for(world, 60 * SECOND);
  PRTC_CHECK(world->server.counts[PRTC_STUN_METHOD_REFRESH] >= 1 && world->server.expires > world->now);
  world_free(world);
}

static void stale_nonce(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("203.0.113.7:6000");
  allocate(world);
  new_nonce(&world->server); /* the old one is stale now */
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &peer), 0);
  run_for(world, 100 * MS);
  PRTC_CHECK(server_permits(&world->server, &peer));
  new_nonce(&world->server);
  world->server.realm = "example.net"; /* another realm too */
  run_for(world, 600 * SECOND);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_REFRESH], 1);
  PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_ALLOCATED);
  new_nonce(&world->server);
  PRTC_CHECK_INT(prtc_turn_close(world->turn, world->now), 0);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_CLOSED], 1);
  PRTC_CHECK_INT(world->server.expires, 0);
  world_free(world);
}

/* Whether the allocation is still there can be asked at any time; one that is not is told. */
static void verifies(void) {
  struct world *world = world_new(NULL);
  PRTC_CHECK_INT(prtc_turn_verify(world->turn, world->now), PRTC_ERROR_INVALID_STATE);
  allocate(world);
  int before = (int)world->server.requests;
  PRTC_CHECK_INT(prtc_turn_verify(world->turn, world->now), 0);
  PRTC_CHECK_INT(prtc_turn_is_verifying(world->turn), 1);
  run_for(world, 1 * SECOND);
  PRTC_CHECK_INT((int)world->server.requests - before, 1);
  PRTC_CHECK_INT(prtc_turn_is_verifying(world->turn), 0);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_FAILED], 0);
  world->server.expires = 0; /* it was started anew */
  PRTC_CHECK_INT(prtc_turn_verify(world->turn, world->now), 0);
  run_for(world, 1 * SECOND);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_FAILED], 1);
  PRTC_CHECK_INT(world->events[PRTC_TURN_EVENT_FAILED].code, 437);
  PRTC_CHECK_INT(prtc_turn_is_verifying(world->turn), 0);
  world_free(world);

  for (int stream = 0; stream < 2; stream++) { /* no answer: over UDP it is asked for again later; a stream is dead */
    world = world_new(stream ? &over_tcp : NULL);
    allocate(world);
    world->server.stall_after = 0;
    PRTC_CHECK_INT(prtc_turn_verify(world->turn, world->now), 0);
    run_for(world, 11 * SECOND);
    PRTC_CHECK_INT(prtc_turn_is_verifying(world->turn), 0);
    PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_FAILED], stream);
    world_free(world);
  }
}

static void gives_back(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("203.0.113.7:6000");
  allocate(world);
  PRTC_CHECK_INT(prtc_turn_close(world->turn, world->now), 0);
  PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_CLOSING);
  PRTC_CHECK_INT(prtc_turn_close(world->turn, world->now), 0);
  PRTC_CHECK_INT(send_to(world, &peer, "x", 1), 0);
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &peer), PRTC_ERROR_INVALID_STATE);
  run_for(world, 20 * MS);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_CLOSED], 1);
  PRTC_CHECK_INT(world->server.expires, 0);
  PRTC_CHECK_INT(prtc_turn_deadline(world->turn), PRTC_NEVER);
  PRTC_CHECK_INT(prtc_turn_close(world->turn, world->now), 0);
  run_for(world, SECOND);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_CLOSED], 1);
  world_free(world);
}

/* In the midst of allocating: what the server may just have made is given back. Before: nothing is sent. */
static void closes_early(void) {
  struct world *world = world_new(NULL);
  PRTC_CHECK_INT(prtc_turn_close(world->turn, world->now), 0);
  run_for(world, SECOND);
  PRTC_CHECK(world->sent == 0 && world->event_counts[PRTC_TURN_EVENT_CLOSED] == 1);
  PRTC_CHECK_INT(prtc_turn_start(world->turn, world->now), PRTC_ERROR_INVALID_STATE);
  world_free(world);
  world = world_new(NULL);
  PRTC_CHECK_INT(prtc_turn_start(world->turn, world->now), 0);
  run_for(world, 35 * MS); /* the server has answered, the client has not seen it */
  PRTC_CHECK(world->server.expires != 0 && world->event_counts[PRTC_TURN_EVENT_ALLOCATED] == 0);
  PRTC_CHECK_INT(prtc_turn_close(world->turn, world->now), 0);
  run_for(world, SECOND);
  PRTC_CHECK(world->server.expires == 0 && world->event_counts[PRTC_TURN_EVENT_ALLOCATED] == 0);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_CLOSED], 1);
  world_free(world);
}

/* Candidates come before the allocation is there: they have their permissions right after. */
static void permits_early(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("203.0.113.7:6000"), same = address_of("203.0.113.7:7000");
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &peer), 0);
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &same), 0);
  allocate(world);
  PRTC_CHECK(server_permits(&world->server, &peer));
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CREATE_PERMISSION], 1); /* one IP address, one permission */
  world_free(world);
}

/* Hundreds of peers: requests go out a few at a time, and what is beyond the bound takes the place of the least used. */
static void many_peers(void) {
  struct world *world = world_new(NULL);
  allocate(world);
  for (uint8_t i = 0; i < 200; i++) {
    prtc_address peer = {.family = PRTC_FAMILY_IPV4, .ip = {203, 0, 113, i}, .port = 1000};
    world->now += 1;
    (void)prtc_turn_permit(world->turn, world->now, &peer);
    drain(world);
    PRTC_REQUIRE(world->packet_count <= MAX_REQUESTS);
  }
  run_for(world, 5 * SECOND);
  for (uint8_t i = 200 - 100; i < 200; i++) {
    prtc_address peer = {.family = PRTC_FAMILY_IPV4, .ip = {203, 0, 113, i}, .port = 1000};
    PRTC_CHECK(server_permits(&world->server, &peer));
  }
  PRTC_CHECK_INT(world->turn->permission_count, MAX_PERMISSIONS);
  for (uint32_t i = 0; i < 200; i++) { /* channels beyond the bound: indications serve */
    prtc_address peer = {.family = PRTC_FAMILY_IPV4, .ip = {203, 0, 113, 150}, .port = (uint16_t)(2000 + i)};
    (void)send_to(world, &peer, "\26data", 5);
    run_for(world, 100 * MS);
    PRTC_CHECK_INT(world->server.relayed_count, i + 1);
  }
  PRTC_CHECK_INT(world->turn->channel_count, MAX_CHANNELS);
  world_free(world);
}

static void refuses_configurations(void) {
  prtc_context_config context;
  PRTC_INIT(&context);
  prtc_context *made = prtc_context_new(&context);
  char longest[MAX_USERNAME + 2];
  prtc_turn_config good = {.size = sizeof good, .protocol = PRTC_RELAY_UDP, .username = "u", .credential = "p"}, bad = good;
  prtc_turn *turn = prtc_turn_new(made, &good);
  PRTC_CHECK(turn != NULL);
  prtc_turn_free(turn);
  bad.protocol = 4;
  PRTC_CHECK(prtc_turn_new(made, &bad) == NULL);
  bad = good;
  bad.family = 5;
  PRTC_CHECK(prtc_turn_new(made, &bad) == NULL);
  bad = good;
  bad.username = NULL;
  PRTC_CHECK(prtc_turn_new(made, &bad) == NULL);
  memset(longest, 'a', sizeof longest);
  longest[sizeof longest - 1] = '\0';
  bad = good;
  bad.username = longest;
  PRTC_CHECK(prtc_turn_new(made, &bad) == NULL);
  PRTC_CHECK(prtc_turn_new(made, NULL) == NULL && prtc_turn_new(NULL, &good) == NULL);
  prtc_turn_free(NULL);
  prtc_context_free(made);
}

int main(void) {
  PRTC_RUN(allocates);
  PRTC_RUN(allocates_over_a_stream);
  PRTC_RUN(open_server);
  PRTC_RUN(families);
  PRTC_RUN(newer_credentials);
  PRTC_RUN(data_over_datagrams);
  PRTC_RUN(data_over_a_stream);
  PRTC_RUN(trains);
  PRTC_RUN(trains_on_a_stream);
  PRTC_RUN(stays_alive);
  PRTC_RUN(survives_loss);
  PRTC_RUN(stale_nonce);
  PRTC_RUN(verifies);
  PRTC_RUN(gives_back);
  PRTC_RUN(closes_early);
  PRTC_RUN(permits_early);
  PRTC_RUN(many_peers);
  PRTC_RUN(refuses_configurations);
  return PRTC_TEST_RESULT();
}
