/* A TURN server, or somebody on the way, that lies, stalls, forges or breaks: the client ends, once and in time, or goes
 * on.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/turn/world_test.h"

static const prtc_turn_config over_tcp = {.size = sizeof over_tcp, .protocol = PRTC_RELAY_TCP};

static void start(struct world *world) { PRTC_REQUIRE(prtc_turn_start(world->turn, world->now) == 0); }

/* It has failed with this code, once, and is quiet from then on. */
static void check_failed(struct world *world, int code) {
  const prtc_turn_event *event = &world->events[PRTC_TURN_EVENT_FAILED];
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_FAILED], 1);
  PRTC_CHECK_INT(event->code, code);
  PRTC_CHECK(event->text[0] != '\0');
  PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_CLOSED);
  PRTC_CHECK_INT(prtc_turn_deadline(world->turn), PRTC_NEVER);
  unsigned sent = world->sent;
  run_for(world, 100 * SECOND);
  PRTC_CHECK_INT(world->sent, sent);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_FAILED], 1);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_CLOSED], 0);
}

static void each_error_ends_it(void) {
  static const int codes[] = {400, 403, 420, 440, 441, 442, 443, 486, 500, 508, 599, 699};
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    for (int integrity = 0; integrity < 2; integrity++) { /* some servers have none in errors */
      struct world *world = world_new(i % 2 == 0 ? NULL : &over_tcp);
      world->server.fault.method = PRTC_STUN_METHOD_ALLOCATE;
      world->server.fault.code = codes[i];
      world->server.fault.times = 1;
      world->server.no_integrity = integrity == 0;
      start(world);
      run_for(world, 100 * MS);
      check_failed(world, codes[i]);
      world_free(world);
    }
  }
}

static void wrong_password(void) {
  prtc_turn_config config = {.size = sizeof config, .credential = "guess"};
  struct world *world = world_new(&config);
  start(world);
  run_for(world, SECOND);
  PRTC_CHECK_INT(world->server.requests, 2); /* it is not tried again */
  check_failed(world, 401);
  world_free(world);
  config = (prtc_turn_config){.size = sizeof config, .username = "bob"};
  world = world_new(&config);
  world->server.sha256 = world->server.userhash = true;
  new_nonce(&world->server);
  start(world);
  run_for(world, SECOND);
  check_failed(world, 401);
  world_free(world);
}

/* A server to which every nonce is stale has us ask five times. */
static void stale_for_ever(void) {
  struct world *world = world_new(NULL);
  world->server.fault.method = PRTC_STUN_METHOD_ALLOCATE;
  world->server.fault.code = 438;
  world->server.fault.times = 1000;
  start(world);
  run_for(world, 60 * SECOND);
  PRTC_CHECK(world->server.requests <= 2 + MAX_REFUSALS);
  check_failed(world, 438);
  world_free(world);
}

static bool new_realm_each_time(struct turn_server *server, uint8_t *data, size_t *size) {
  (void)data, (void)size;
  server->realm = server->requests % 2 == 0 ? "a.example" : "b.example";
  return true;
}

static void another_realm_for_ever(void) {
  struct world *world = world_new(NULL);
  world->server.tamper = new_realm_each_time;
  start(world);
  run_for(world, 60 * SECOND);
  PRTC_CHECK(world->server.requests <= 2 + MAX_REFUSALS);
  check_failed(world, 401);
  world_free(world);
}

/* RFC 8656 section 7.4: our port was somebody's before. Of ours it is given back. */
static void mismatch(void) {
  struct world *world = world_new(NULL);
  world->server.expires = world->now + 1000 * SECOND;
  start(world);
  run_for(world, SECOND);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_ALLOCATED], 1);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_ALLOCATE], 2);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_REFRESH], 1);
  world_free(world);
  world = world_new(NULL); /* somebody else's stays */
  world->server.fault.method = PRTC_STUN_METHOD_ALLOCATE;
  world->server.fault.code = 437;
  world->server.fault.times = 1000;
  start(world);
  run_for(world, 10 * SECOND);
  check_failed(world, 437);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_ALLOCATE], 1);
  world_free(world);
}

static void redirect(void) {
  for (int i = 0; i < 4; i++) {
    struct world *world = world_new(i == 3 ? &over_tcp : NULL);
    struct turn_server *server = &world->server;
    server->fault.method = PRTC_STUN_METHOD_ALLOCATE;
    server->fault.code = 300;
    server->fault.times = 1000;
    server->alternate = address_of("192.0.2.99:3479");
    server->domain = i == 0 ? NULL : "turn2.example.org";
    server->open = i == 1; /* before there are credentials it need not be authentic */
    server->no_integrity = i == 2;
    start(world);
    run_for(world, 100 * MS);
    if (i == 2) { /* it could be anybody's: the rest is silence */
      PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_REDIRECTED], 0);
      run_for(world, 20 * SECOND);
      check_failed(world, PRTC_ERROR_TIMEOUT);
    } else {
      const prtc_turn_event *event = &world->events[PRTC_TURN_EVENT_REDIRECTED];
      PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_REDIRECTED], 1);
      PRTC_CHECK(prtc_address_equal(&event->alternate, &server->alternate));
      PRTC_CHECK_TEXT(event->domain, i == 0 ? "" : "turn2.example.org");
      PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_CLOSED);
      PRTC_CHECK_INT(prtc_turn_deadline(world->turn), PRTC_NEVER);
    }
    world_free(world);
  }
  struct world *world = world_new(NULL); /* to nowhere */
  world->server.fault.method = PRTC_STUN_METHOD_ALLOCATE;
  world->server.fault.code = 300;
  world->server.fault.times = 1;
  world->server.alternate = address_of("0.0.0.0:3478");
  start(world);
  run_for(world, 100 * MS);
  check_failed(world, PRTC_ERROR_PROTOCOL);
  world_free(world);
}

/* --------------------------------------------------------------------------------------------------------------- stalls */

static void stalls_while_allocating(void) {
  for (int stream = 0; stream < 2; stream++) {
    for (int answers = 0; answers < 2; answers++) {
      struct world *world = world_new(stream ? &over_tcp : NULL);
      world->server.stall_after = answers;
      start(world);
      prtc_time before = world->now;
      while (world->event_counts[PRTC_TURN_EVENT_FAILED] == 0 && world->now < before + 60 * SECOND) {
        world_step(world, before + 60 * SECOND);
      }
      prtc_time after = world->now - before;
      if (answers == 0) PRTC_CHECK(after >= 4 * SECOND && after <= 5 * SECOND); /* a dead server */
      else PRTC_CHECK(after >= 9 * SECOND && after <= 20 * SECOND);
      PRTC_CHECK_INT(world->server.requests, stream ? 1 + answers : answers == 0 ? 5 : 6 + answers);
      check_failed(world, PRTC_ERROR_TIMEOUT);
      world_free(world);
    }
  }
}

/* Each challenge comes just before patience ends: there is an end all the same. */
static bool slow(struct turn_server *server, uint8_t *data, size_t *size) {
  (void)data, (void)size;
  return server->requests % 6 == 0;
}

static void dawdles(void) {
  struct world *world = world_new(NULL);
  world->server.fault.method = PRTC_STUN_METHOD_ALLOCATE;
  world->server.fault.code = 438;
  world->server.fault.times = 1000;
  world->server.tamper = slow;
  start(world);
  run_for(world, 21 * SECOND);
  check_failed(world, PRTC_ERROR_TIMEOUT);
  world_free(world);
}

static void stalls_later(void) {
  for (int stream = 0; stream < 2; stream++) {
    struct world *world = world_new(stream ? &over_tcp : NULL);
    prtc_address peer = address_of("203.0.113.7:6000");
    allocate(world);
    world->server.stall_after = 0;
    /* It does what it is asked for and says nothing: data goes through as indications. */
    for (int i = 0; i < 30; i++) {
      (void)send_to(world, &peer, "\26data", 5);
      run_for(world, SECOND);
    }
    PRTC_CHECK_INT(world->server.relayed_count, 30);
    PRTC_CHECK(!world->server.last.by_channel);
    PRTC_CHECK(world->server.requests < 80);
    /* The allocation ends when it expires, and not later. */
    run_for(world, 569 * SECOND);
    PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_FAILED], 0);
    run_for(world, 2 * SECOND);
    check_failed(world, PRTC_ERROR_TIMEOUT);
    PRTC_CHECK(world->server.requests < 1200);
    world_free(world);
  }
}

static void stalls_at_the_end(void) {
  struct world *world = world_new(NULL);
  allocate(world);
  world->server.stall_after = 0;
  PRTC_CHECK_INT(prtc_turn_close(world->turn, world->now), 0);
  run_for(world, 990 * MS);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_CLOSED], 0);
  run_for(world, 20 * MS);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_CLOSED], 1);
  PRTC_CHECK(world->server.counts[PRTC_STUN_METHOD_REFRESH] >= 2); /* one of them may have been lost */
  PRTC_CHECK_INT(prtc_turn_deadline(world->turn), PRTC_NEVER);
  world_free(world);
}

/* --------------------------------------------------------------------------------------------------------------- forged */

enum forgery { WITHOUT, WRONG, CHANGED, SUFFIXED };
static enum forgery how;

/* Successes are changed on their way, and their fingerprint is made anew. */
static bool forge(struct turn_server *server, uint8_t *data, size_t *size) {
  struct prtc_stun_message message;
  (void)server;
  if (prtc_stun_parse(&message, data, *size) < 0 || message.message_class != PRTC_STUN_SUCCESS) return true;
  size_t length;
  const uint8_t *integrity = prtc_stun_find(&message, PRTC_STUN_MESSAGE_INTEGRITY, &length);
  PRTC_REQUIRE(integrity != NULL);
  size_t before = (size_t)(integrity - data) - 4;
  if (how == WRONG) data[before + 4] ^= 1;
  if (how == CHANGED) data[before - 1] ^= 1;
  size_t kept = how == WITHOUT ? before : before + 24;
  data[2] = (uint8_t)((kept - 20) >> 8);
  data[3] = (uint8_t)(kept - 20);
  struct prtc_stun_writer writer = {.data = data, .capacity = 512};
  if (how == SUFFIXED) prtc_stun_add_u32(&writer, PRTC_STUN_LIFETIME, 1); /* not covered: not seen */
  int finished = prtc_stun_finish(&writer, NULL, 0);
  PRTC_REQUIRE(finished > 0);
  *size = (size_t)finished;
  return true;
}

static void forged_successes(void) {
  for (how = WITHOUT; how <= SUFFIXED; how++) {
    struct world *world = world_new(NULL);
    world->server.tamper = forge;
    start(world);
    run_for(world, SECOND);
    PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_ALLOCATED], how == SUFFIXED);
    if (how != SUFFIXED) {
      run_for(world, 20 * SECOND);
      check_failed(world, PRTC_ERROR_TIMEOUT);
    } else {
      run_for(world, 30 * SECOND);
      PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_ALLOCATED);
    }
    world_free(world);
  }
}

/* Errors with an integrity that is wrong are nobody's. */
static bool break_errors(struct turn_server *server, uint8_t *data, size_t *size) {
  struct prtc_stun_message message;
  size_t length;
  (void)server;
  if (prtc_stun_parse(&message, data, *size) < 0 || message.message_class != PRTC_STUN_ERROR) return true;
  uint8_t *integrity = (uint8_t *)prtc_stun_find(&message, PRTC_STUN_MESSAGE_INTEGRITY, &length);
  if (integrity == NULL) return true;
  integrity[0] ^= 1;
  struct prtc_stun_writer writer = {.data = data, .capacity = 512};
  data[2] = (uint8_t)((*size - 28) >> 8);
  data[3] = (uint8_t)(*size - 28);
  *size = (size_t)prtc_stun_finish(&writer, NULL, 0);
  return true;
}

static void forged_errors(void) {
  struct world *world = world_new(NULL);
  world->server.tamper = break_errors;
  world->server.fault.method = PRTC_STUN_METHOD_ALLOCATE;
  world->server.fault.code = 486;
  world->server.fault.times = 1;
  start(world);
  run_for(world, SECOND); /* the repeated request is answered well */
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_ALLOCATED], 1);
  world_free(world);
}

/* Answers to nothing, or to something else. */
static void answers_out_of_place(void) {
  struct world *world = world_new(NULL);
  uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {1}, bytes[256];
  struct prtc_stun_writer writer;
  allocate(world);
  prtc_turn_state state = (prtc_turn_state)prtc_turn_get_state(world->turn);
  for (uint16_t method = 0; method < 12; method++) {
    for (int kind = PRTC_STUN_REQUEST; kind <= PRTC_STUN_ERROR; kind++) {
      prtc_stun_begin(&writer, bytes, sizeof bytes, (enum prtc_stun_class)kind, method, id);
      prtc_stun_add_error(&writer, 437);
      int size = prtc_stun_finish(&writer, NULL, 0);
      bool data = kind == PRTC_STUN_INDICATION && method == PRTC_STUN_METHOD_DATA;
      int expected = data ? PRTC_ERROR_MALFORMED : PRTC_ERROR_UNEXPECTED;
      PRTC_CHECK_INT(client_take(world, bytes, (size_t)size, 0), expected);
    }
  }
  /* The id of a request, and another method */
  prtc_address peer = address_of("203.0.113.7:6000");
  (void)prtc_turn_permit(world->turn, world->now, &peer);
  drain(world);
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_ERROR, PRTC_STUN_METHOD_REFRESH, world->last_request + 8);
  prtc_stun_add_error(&writer, 437);
  int size = prtc_stun_finish(&writer, NULL, 0);
  PRTC_CHECK_INT(client_take(world, bytes, (size_t)size, 0), PRTC_ERROR_UNEXPECTED);
  /* An attribute that must be understood, and is not (RFC 8489 section 6.3.3) */
  prtc_stun_begin(&writer, bytes, sizeof bytes, PRTC_STUN_ERROR, PRTC_STUN_METHOD_CREATE_PERMISSION,
                  world->last_request + 8);
  prtc_stun_add_error(&writer, 437);
  prtc_stun_add_u32(&writer, 0x7777, 1);
  size = prtc_stun_finish(&writer, NULL, 0);
  PRTC_CHECK_INT(client_take(world, bytes, (size_t)size, 0), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(prtc_turn_get_state(world->turn), state);
  run_for(world, SECOND);
  PRTC_CHECK(server_permits(&world->server, &peer));
  world_free(world);
}

/* ----------------------------------------------------------------------------------------------------------------- lies */

static void lies_about_the_allocation(void) {
  static const struct {
    const char *relayed;
    uint32_t lifetime;
  } lies[] = {{"0.0.0.0:1000", 600}, {"192.0.2.15:0", 600}, {"224.0.0.1:1000", 600}, {"192.0.2.15:1000", 0},
              {"192.0.2.15:1000", 9}};
  for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
    prtc_turn_config config = {.size = sizeof config, .family = PRTC_FAMILY_IPV4};
    struct world *world = world_new(&config);
    world->server.relayed[0] = address_of(lies[i].relayed);
    world->server.lifetime = lies[i].lifetime;
    start(world);
    run_for(world, 100 * MS);
    check_failed(world, PRTC_ERROR_PROTOCOL);
    world_free(world);
  }
  prtc_turn_config config = {.size = sizeof config, .family = PRTC_FAMILY_IPV6};
  struct world *world = world_new(&config); /* another family than was asked for */
  world->server.relayed[1] = address_of("192.0.2.15:49152");
  start(world);
  run_for(world, 100 * MS);
  check_failed(world, PRTC_ERROR_PROTOCOL);
  world_free(world);
  world = world_new(NULL); /* for ever: it is refreshed all the same */
  world->server.lifetime = UINT32_MAX;
  allocate(world);
  PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_ALLOCATED);
  run_for(world, 3600 * SECOND);
  PRTC_CHECK(world->server.counts[PRTC_STUN_METHOD_REFRESH] >= 1);
  world_free(world);
  world = world_new(NULL); /* it sees us nowhere */
  world->server.mapped = (prtc_address){.family = PRTC_FAMILY_IPV4};
  allocate(world);
  PRTC_CHECK_INT(world->events[PRTC_TURN_EVENT_ALLOCATED].mapped.family, PRTC_FAMILY_NONE);
  world_free(world);
}

static void ends_at_a_refresh(void) {
  struct world *world = world_new(NULL);
  allocate(world);
  world->server.expires = 0; /* it was started anew */
  run_for(world, 600 * SECOND);
  check_failed(world, 437);
  world_free(world);
  world = world_new(NULL); /* a short life, and a refresh that is not granted */
  world->server.lifetime = 20;
  allocate(world);
  world->server.lifetime = 0;
  run_for(world, 11 * SECOND);
  check_failed(world, PRTC_ERROR_PROTOCOL);
  world_free(world);
}

static void refused_peers(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("10.0.0.7:6000"), whole = address_of("10.0.0.7");
  allocate(world);
  world->server.fault.method = PRTC_STUN_METHOD_CREATE_PERMISSION;
  world->server.fault.code = 403;
  world->server.fault.times = 1;
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &peer), 0);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_PEER_REFUSED], 1);
  PRTC_CHECK_INT(world->events[PRTC_TURN_EVENT_PEER_REFUSED].code, 403);
  PRTC_CHECK(prtc_address_equal(&world->events[PRTC_TURN_EVENT_PEER_REFUSED].peer, &whole));
  peer_sends(&world->server, &peer, "x", 1, true);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(world->data_count, 0);
  for (int i = 0; i < 29; i++) { /* it is not asked for again at once, however often it is used */
    PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &peer), 0);
    run_for(world, SECOND);
  }
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CREATE_PERMISSION], 1);
  run_for(world, SECOND);
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, world->now, &peer), 0);
  run_for(world, 100 * MS);
  PRTC_CHECK(server_permits(&world->server, &peer));
  world->server.fault.method = PRTC_STUN_METHOD_CHANNEL_BIND; /* a channel that is refused: indications serve */
  world->server.fault.code = 400;
  world->server.fault.times = 1000;
  for (int i = 0; i < 10; i++) {
    (void)send_to(world, &peer, "\26data", 5);
    run_for(world, SECOND);
  }
  PRTC_CHECK_INT(world->server.relayed_count, 10);
  PRTC_CHECK_INT(world->server.counts[PRTC_STUN_METHOD_CHANNEL_BIND], 1);
  world->server.fault.method = PRTC_STUN_METHOD_CREATE_PERMISSION;
  world->server.fault.code = 437; /* there is no allocation any more */
  run_for(world, 250 * SECOND);
  check_failed(world, 437);
  world_free(world);
}

/* News that nobody fetches do not grow, and leave room for what matters. */
static void unread_news(void) {
  struct world *world = world_new(NULL);
  allocate(world);
  world->server.fault.method = PRTC_STUN_METHOD_CREATE_PERMISSION;
  world->server.fault.code = 403;
  world->server.fault.times = 1000;
  uint8_t buffer[PRTC_DATAGRAM_SIZE], answer[256], key[32];
  size_t key_size;
  server_key(&world->server, key, &key_size);
  for (uint8_t i = 0; i < 100; i++) { /* by hand, for drain would fetch them */
    prtc_address peer = {.family = PRTC_FAMILY_IPV4, .ip = {10, 0, 0, i}, .port = 1000};
    (void)prtc_turn_permit(world->turn, world->now, &peer);
    PRTC_REQUIRE(prtc_turn_transmit(world->turn, world->now, buffer, sizeof buffer) > 0);
    struct prtc_stun_writer writer;
    prtc_stun_begin(&writer, answer, sizeof answer, PRTC_STUN_ERROR, PRTC_STUN_METHOD_CREATE_PERMISSION, buffer + 8);
    prtc_stun_add_error(&writer, 403);
    struct prtc_context *previous = prtc_enter(world->context);
    int size = prtc_stun_finish(&writer, key, key_size);
    prtc_leave(previous);
    PRTC_CHECK_INT(client_take(world, answer, (size_t)size, 0), 0);
  }
  PRTC_CHECK_INT(world->turn->events.count, MAX_EVENTS - 2);
  PRTC_CHECK_INT(prtc_turn_close(world->turn, world->now), 0);
  run_for(world, SECOND);
  PRTC_CHECK_INT(world->event_counts[PRTC_TURN_EVENT_CLOSED], 1);
  world_free(world);
}

/* Data that the server had no right to pass on. */
static void data_without_permission(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("203.0.113.7:6000"), stranger = address_of("203.0.113.8:6000");
  static const uint8_t on_channel[] = {0x40, 0x00, 0, 1, 'x'}, cut[] = {0x40, 0x00, 0, 9, 'x'}, high[] = {0x50, 0, 0, 0};
  PRTC_CHECK_INT(client_take(world, on_channel, sizeof on_channel, 0), PRTC_ERROR_UNEXPECTED);
  peer_sends(&world->server, &peer, "x", 1, true); /* there is no allocation yet */
  run_for(world, 100 * MS);
  allocate(world);
  peer_sends(&world->server, &stranger, "x", 1, true);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(world->data_count, 0);
  PRTC_CHECK_INT(client_take(world, on_channel, sizeof on_channel, 0), PRTC_ERROR_UNEXPECTED);
  (void)send_to(world, &peer, "\26data", 5);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(client_take(world, on_channel, sizeof on_channel, 0), 1);
  PRTC_CHECK_INT(client_take(world, on_channel, 3, 0), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(client_take(world, cut, sizeof cut, 0), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(client_take(world, high, sizeof high, 0), PRTC_ERROR_UNEXPECTED);
  peer_sends(&world->server, &stranger, "x", 1, true);
  run_for(world, 100 * MS);
  PRTC_CHECK_INT(world->data_count, 1);
  world_free(world);
}

/* ----------------------------------------------------------------------------------------------------------- challenges */

static const char *realm, *nonce;
static size_t realm_size, nonce_size;
static const uint8_t *algorithms;
static size_t algorithms_size;

static bool challenge(struct turn_server *server, uint8_t *data, size_t *size) {
  struct prtc_stun_message message;
  (void)server;
  PRTC_REQUIRE(prtc_stun_parse(&message, data, *size) == 0);
  uint8_t id[PRTC_STUN_TRANSACTION_SIZE];
  memcpy(id, message.transaction, sizeof id);
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, data, PACKET_SIZE, PRTC_STUN_ERROR, PRTC_STUN_METHOD_ALLOCATE, id);
  prtc_stun_add_error(&writer, 401);
  if (realm != NULL) prtc_stun_add(&writer, PRTC_STUN_REALM, realm, realm_size);
  if (nonce != NULL) prtc_stun_add(&writer, PRTC_STUN_NONCE, nonce, nonce_size);
  if (algorithms != NULL) prtc_stun_add(&writer, PRTC_STUN_PASSWORD_ALGORITHMS, algorithms, algorithms_size);
  *size = (size_t)prtc_stun_finish(&writer, NULL, 0);
  return true;
}

static void check_challenge(const char *r, size_t r_size, const char *n, size_t n_size, const uint8_t *a, size_t a_size) {
  uint8_t large[PACKET_SIZE];
  struct prtc_stun_message message;
  realm = r, realm_size = r_size, nonce = n, nonce_size = n_size, algorithms = a, algorithms_size = a_size;
  struct world *world = world_new(NULL);
  start(world);
  drain(world);
  world->packet_count = 0;
  struct prtc_stun_writer writer; /* in a buffer that has room for it */
  PRTC_REQUIRE(prtc_stun_parse(&message, world->last_request, world->last_request_size) == 0);
  prtc_stun_begin(&writer, large, sizeof large, PRTC_STUN_ERROR, PRTC_STUN_METHOD_ALLOCATE, message.transaction);
  size_t size = (size_t)prtc_stun_finish(&writer, NULL, 0);
  (void)challenge(&world->server, large, &size);
  (void)client_take(world, large, size, 0);
  drain(world);
  check_failed(world, PRTC_ERROR_PROTOCOL);
  world_free(world);
}

static void bad_challenges(void) {
  static const uint8_t unknown[] = {0, 9, 0, 0}, parameters[] = {0, 1, 0, 4, 1, 2, 3, 4}, cut[] = {0, 1, 0, 4}, one[] = {0};
  static uint8_t many[MAX_ALGORITHMS + 4];
  static char longest[2000];
  memset(longest, 'a', sizeof longest);
  check_challenge("r", 1, NULL, 0, NULL, 0);
  check_challenge(NULL, 0, "n", 1, NULL, 0);
  check_challenge("r", 1, longest, 1500, NULL, 0);
  check_challenge(longest, 1500, "n", 1, NULL, 0);
  check_challenge("r\0s", 3, "n", 1, NULL, 0);
  check_challenge("r", 1, "n\0", 2, NULL, 0);
  check_challenge("r", 1, "n", 1, unknown, sizeof unknown);
  check_challenge("r", 1, "n", 1, parameters, sizeof parameters);
  check_challenge("r", 1, "n", 1, cut, sizeof cut);
  check_challenge("r", 1, "n", 1, one, 0);
  check_challenge("r", 1, "n", 1, many, sizeof many);
  check_challenge("r", 1, "obMatJos2gAAAx", 14, NULL, 0); /* RFC 8489 section 9.2.5: the list was taken away */
}

/* -------------------------------------------------------------------------------------------------------------- streams */

static void stream_out_of_step(void) {
  static const uint8_t odd[] = {0, 1, 0, 3, 0x21, 0x12, 0xA4, 0x42}; /* STUN has whole words */
  static const struct {
    const uint8_t *bytes;
    size_t size;
  } cases[] = {{(const uint8_t *)"ssh-2.0 \r\n", 10}, {odd, sizeof odd}, {(const uint8_t *)"\x80\0\0\0", 4},
               {(const uint8_t *)"\x50\0\0\0", 4}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    for (size_t piece = 1; piece <= 8; piece += 7) {
      struct world *world = world_new(&over_tcp);
      allocate(world);
      (void)client_take(world, cases[i].bytes, cases[i].size, piece);
      drain(world);
      check_failed(world, PRTC_ERROR_PROTOCOL);
      world_free(world);
    }
  }
}

/* The largest message of a stream, byte by byte; and one that is not complete when the end comes. */
static void long_messages(void) {
  struct world *world = world_new(&over_tcp);
  static uint8_t bytes[4 + 65536];
  prtc_address peer = address_of("203.0.113.7:6000");
  allocate(world);
  (void)send_to(world, &peer, "\26data", 5);
  run_for(world, 100 * MS);
  bytes[0] = 0x40;
  bytes[2] = bytes[3] = 0xFF;
  const uint8_t *next = bytes;
  size_t left = 1;
  prtc_turn_data out;
  for (size_t i = 0; i < sizeof bytes; i++, left = 1) {
    int code = prtc_turn_receive(world->turn, world->now, &next, &left, &out);
    PRTC_REQUIRE(code == (i == sizeof bytes - 1));
  }
  PRTC_CHECK_INT(out.size, 65535);
  PRTC_CHECK(world->turn->frame_capacity <= MAX_FRAME);
  next = bytes;
  left = 1000;
  PRTC_CHECK_INT(prtc_turn_receive(world->turn, world->now, &next, &left, &out), 0);
  world_free(world);
}

/* ---------------------------------------------------------------------------------------------------- memory, and time */

static struct prtc_meter meter;

/* A whole life. NO_MEMORY when something of it is missing for the lack of it. */
static int live(void *argument) {
  const prtc_turn_config *config = argument;
  prtc_allocator allocator = prtc_metered(&meter);
  struct world *world = world_with_memory(config, &allocator);
  int result = PRTC_ERROR_NO_MEMORY;
  if (world->turn != NULL) {
    prtc_address peer = address_of("203.0.113.7:6000");
    start(world);
    run_for(world, 100 * MS);
    (void)prtc_turn_permit(world->turn, world->now, &peer);
    run_for(world, 100 * MS);
    (void)send_to(world, &peer, "\26data", 5);
    run_for(world, 100 * MS);
    (void)send_to(world, &peer, "\26data", 5);
    run_for(world, 100 * MS);
    bool all = world->server.last.by_channel && server_permits(&world->server, &peer);
    (void)prtc_turn_close(world->turn, world->now);
    run_for(world, 100 * MS);
    PRTC_CHECK_INT(prtc_turn_get_state(world->turn), PRTC_TURN_CLOSED);
    if (all && world->event_counts[PRTC_TURN_EVENT_CLOSED] == 1) result = 0;
  }
  world_free(world);
  return result;
}

static void without_memory(void) {
  prtc_turn_config config = {.size = sizeof config};
  meter = (struct prtc_meter){.left = -1};
  PRTC_CHECK(prtc_run_out_of_memory(&meter, live, &config) >= 8);
  config.protocol = PRTC_RELAY_TCP;
  PRTC_CHECK(prtc_run_out_of_memory(&meter, live, &config) >= 9);
  PRTC_CHECK_INT(meter.blocks, 0);
}

static void time_goes_backwards(void) {
  struct world *world = world_new(NULL);
  prtc_address peer = address_of("203.0.113.7:6000");
  allocate(world);
  prtc_time deadline = prtc_turn_deadline(world->turn);
  PRTC_CHECK_INT(prtc_turn_timeout(world->turn, 0), 0);
  PRTC_CHECK_INT(prtc_turn_deadline(world->turn), deadline);
  PRTC_CHECK_INT(prtc_turn_permit(world->turn, 1, &peer), 0);
  PRTC_CHECK_INT(prtc_turn_timeout(world->turn, PRTC_NEVER), 0);
  run_for(world, 100 * MS);
  PRTC_CHECK(server_permits(&world->server, &peer));
  world_free(world);
}

int main(void) {
  PRTC_RUN(each_error_ends_it);
  PRTC_RUN(wrong_password);
  PRTC_RUN(stale_for_ever);
  PRTC_RUN(another_realm_for_ever);
  PRTC_RUN(mismatch);
  PRTC_RUN(redirect);
  PRTC_RUN(stalls_while_allocating);
  PRTC_RUN(dawdles);
  PRTC_RUN(stalls_later);
  PRTC_RUN(stalls_at_the_end);
  PRTC_RUN(forged_successes);
  PRTC_RUN(forged_errors);
  PRTC_RUN(answers_out_of_place);
  PRTC_RUN(lies_about_the_allocation);
  PRTC_RUN(ends_at_a_refresh);
  PRTC_RUN(refused_peers);
  PRTC_RUN(unread_news);
  PRTC_RUN(data_without_permission);
  PRTC_RUN(bad_challenges);
  PRTC_RUN(stream_out_of_step);
  PRTC_RUN(long_messages);
  PRTC_RUN(without_memory);
  PRTC_RUN(time_goes_backwards);
  return PRTC_TEST_RESULT();
}
