/* What arrives from anybody: broken, forged, replayed, and too much. And memory that runs out.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/ice/world_test.h"

static const char stranger[] = "203.0.113.66:4444";

/* -------------------------------------------------------------------------------------------------- forged requests */

struct request {
  const char *username, *password; /* NULL: those that agent 1 takes from agent 0 */
  bool no_priority, use_candidate;
  uint16_t role;                   /* PRTC_STUN_ICE_CONTROLLING or …_CONTROLLED, with tie_breaker; 0: none */
  uint64_t tie_breaker;
  uint16_t extra;                  /* an attribute of this type, unless 0 */
  uint16_t id;
  enum prtc_stun_class message_class;
  uint16_t method;
};

/* A request to agent 1. */
static size_t forge(const struct world *world, const struct request *request, uint8_t *out, size_t capacity) {
  const struct ice_credentials *credentials = &world->agents[1].ice->credentials;
  uint8_t id[PRTC_STUN_TRANSACTION_SIZE] = {(uint8_t)request->id, (uint8_t)(request->id >> 8)};
  struct prtc_stun_writer writer;
  char username[600];
  snprintf(username, sizeof username, "%s:%s", credentials->local_ufrag, credentials->remote_ufrag);
  const char *name = request->username != NULL ? request->username : username;
  const char *password = request->password != NULL ? request->password : credentials->local_password;
  prtc_stun_begin(&writer, out, capacity, request->message_class, request->method != 0 ? request->method : 1, id);
  prtc_stun_add(&writer, PRTC_STUN_USERNAME, name, strlen(name));
  if (!request->no_priority) prtc_stun_add_u32(&writer, PRTC_STUN_PRIORITY, 0x6e0001ff);
  if (request->role != 0) prtc_stun_add_u64(&writer, request->role, request->tie_breaker);
  if (request->use_candidate) prtc_stun_add(&writer, PRTC_STUN_USE_CANDIDATE, NULL, 0);
  if (request->extra != 0) prtc_stun_add(&writer, request->extra, "x", 1);
  struct prtc_context *previous = prtc_enter(world->agents[1].context);
  int size = prtc_stun_finish(&writer, password, strlen(password));
  prtc_leave(previous);
  PRTC_REQUIRE(size > 0);
  return (size_t)size;
}

static int send_forged(struct world *world, const struct request *request, const char *from) {
  uint8_t bytes[1000];
  prtc_address source = address_of(from);
  size_t size = forge(world, request, bytes, sizeof bytes);
  return agent_receive(world, 1, 0, &source, bytes, size);
}

/* The next thing that agent 1 sends: its size, the message in *out. */
static int answer_of(struct world *world, struct prtc_stun_message *out, uint8_t *buffer) {
  prtc_datagram datagram;
  int size = prtc_ice_transmit(world->agents[1].ice, world->now, &datagram, buffer, PRTC_DATAGRAM_SIZE);
  if (size > 0) PRTC_CHECK_INT(prtc_stun_parse(out, buffer, (size_t)size), 0);
  return size;
}

static void nothing_unauthenticated_is_answered(void) {
  struct world *world = connected_world(NULL);
  struct prtc_stun_message message;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  char long_name[600], wrong_case[300];
  memset(long_name, 'a', sizeof long_name - 1);
  long_name[599] = '\0';
  long_name[300] = ':';
  const char *ours = world->agents[1].ice->credentials.local_ufrag;
  snprintf(wrong_case, sizeof wrong_case, "%sx:abcd", ours);
  const struct request requests[] = {
      {.password = "a password that is wrong"},
      {.username = "abcd:efgh"},
      {.username = "nocolon"},
      {.username = ":"},
      {.username = ""},
      {.username = long_name},
      {.username = wrong_case},
      {.username = "abcd:efgh", .extra = 0x0042},
      {.password = "a password that is wrong", .role = PRTC_STUN_ICE_CONTROLLED, .tie_breaker = 1},
  };
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    PRTC_CHECK_INT(send_forged(world, &requests[i], stranger), PRTC_ERROR_UNAUTHENTICATED);
    PRTC_CHECK_INT(answer_of(world, &message, buffer), 0);
  }
  PRTC_CHECK_INT(world->agents[1].ice->pairs.count, 1);
  world_free(world);
}

/* No pair is made of candidates that differ in that; but by such a check the other side has found a way, and may use it. */
static void a_check_from_a_link_local_address(void) {
  struct world *world = world_new();
  prtc_datagram datagram;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  prtc_address from = address_of("[fe80::5%1]:7000");
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  agent_socket(world, 0, "[2001:db8::1]:5000");
  agent_socket(world, 1, "[2001:db8::2]:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  PRTC_CHECK_INT(send_forged(world, &(struct request){.use_candidate = true}, "[fe80::5%1]:7000"), 0);
  for (int i = 0; i < 2; i++) { /* the answer, and a check */
    PRTC_CHECK(prtc_ice_transmit(world->agents[1].ice, world->now, &datagram, buffer, sizeof buffer) > 0);
    PRTC_CHECK(prtc_address_equal(&datagram.remote, &from));
  }
  PRTC_CHECK_INT(prtc_ice_knows_path(world->agents[1].ice, datagram.socket, &from), 1);
  world_free(world);
}

/* A new check whose transaction is taken for that of one before, while ours is under way: it nominates all the same. */
static void a_nomination_that_may_be_a_copy(void) {
  struct world *world = connected_world(NULL);
  struct prtc_stun_message message;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  prtc_address from = address_of(stranger);
  PRTC_CHECK_INT(send_forged(world, &(struct request){.id = 7}, stranger), 0);
  while (answer_of(world, &message, buffer) > 0) {}
  PRTC_CHECK_INT(send_forged(world, &(struct request){.id = 7, .use_candidate = true}, stranger), 0);
  PRTC_CHECK(answer_of(world, &message, buffer) > 0);
  PRTC_CHECK_INT(message.message_class, PRTC_STUN_SUCCESS);
  PRTC_CHECK_INT(answer_of(world, &message, buffer), 0);
  const struct prtc_ice *ice = world->agents[1].ice;
  const struct ice_pair *pair = prtc_ice_find_pair(ice, ice->sockets.items[0], &from);
  PRTC_CHECK(pair != NULL && pair->nominated && !pair->valid);
  world_free(world);
}

static void errors_are_answered_when_authenticated(void) {
  struct world *world = connected_world(NULL);
  struct prtc_stun_message message;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  size_t length;

  PRTC_CHECK_INT(send_forged(world, &(struct request){.extra = 0x0042}, stranger), 0);
  PRTC_CHECK(answer_of(world, &message, buffer) > 0);
  PRTC_CHECK_INT(message.message_class, PRTC_STUN_ERROR);
  PRTC_CHECK_INT(prtc_stun_find_error(&message), 420);
  const uint8_t *unknown = prtc_stun_find(&message, PRTC_STUN_UNKNOWN_ATTRIBUTES, &length);
  PRTC_CHECK(unknown != NULL && length == 2 && unknown[0] == 0 && unknown[1] == 0x42);

  PRTC_CHECK_INT(send_forged(world, &(struct request){.no_priority = true}, stranger), 0);
  PRTC_CHECK(answer_of(world, &message, buffer) > 0);
  PRTC_CHECK_INT(prtc_stun_find_error(&message), 400);

  PRTC_CHECK_INT(send_forged(world, &(struct request){.extra = 0xC042}, "192.0.2.1:5000"), 0); /* optional */
  PRTC_CHECK(answer_of(world, &message, buffer) > 0);
  PRTC_CHECK_INT(message.message_class, PRTC_STUN_SUCCESS);
  prtc_address mapped, expected = address_of("192.0.2.1:5000");
  PRTC_CHECK(prtc_stun_find_xor_address(&message, PRTC_STUN_XOR_MAPPED_ADDRESS, &mapped));
  PRTC_CHECK(prtc_address_equal(&mapped, &expected));
  PRTC_CHECK_INT(world->agents[1].ice->pairs.count, 1);
  world_free(world);
}

static void what_is_no_request_of_ours(void) {
  struct world *world = connected_world(NULL);
  struct prtc_stun_message message;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  const struct request keepalive = {.message_class = PRTC_STUN_INDICATION}, allocate = {.method = 3};
  const struct request success = {.message_class = PRTC_STUN_SUCCESS}, error = {.message_class = PRTC_STUN_ERROR};
  PRTC_CHECK_INT(send_forged(world, &keepalive, stranger), 0);
  PRTC_CHECK_INT(send_forged(world, &success, stranger), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK_INT(send_forged(world, &error, stranger), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK_INT(send_forged(world, &allocate, stranger), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK_INT(answer_of(world, &message, buffer), 0);
  prtc_datagram elsewhere = {.socket = 12345, .data = buffer, .remote = address_of(stranger)};
  elsewhere.size = forge(world, &(struct request){.id = 1}, buffer, 500);
  PRTC_CHECK_INT(prtc_ice_receive(world->agents[1].ice, world->now, &elsewhere), PRTC_ERROR_UNEXPECTED);
  elsewhere.socket = world->agents[1].sockets[0];
  elsewhere.remote = address_of("[2001:db8::1]:1"); /* of another family than the socket */
  PRTC_CHECK_INT(prtc_ice_receive(world->agents[1].ice, world->now, &elsewhere), PRTC_ERROR_UNEXPECTED);
  elsewhere.remote = (prtc_address){0};
  PRTC_CHECK_INT(prtc_ice_receive(world->agents[1].ice, world->now, &elsewhere), PRTC_ERROR_UNEXPECTED);
  world_free(world);
}

/* ------------------------------------------------------------------------------------------------- broken, replayed */

/* A response to the latest request of agent 1, from agent 0's address, made with `password`. */
static int send_forged_response(struct world *world, enum prtc_stun_class message_class, const char *password,
                                uint16_t extra, bool mapped) {
  const struct ice_list *transactions = &world->agents[1].ice->transactions;
  PRTC_REQUIRE(transactions->count > 0);
  const struct ice_transaction *latest = transactions->items[transactions->count - 1];
  uint8_t bytes[200];
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, bytes, sizeof bytes, message_class, PRTC_STUN_METHOD_BINDING, latest->id);
  if (message_class == PRTC_STUN_ERROR) prtc_stun_add_error(&writer, PRTC_STUN_ERROR_ROLE_CONFLICT);
  if (mapped) prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_MAPPED_ADDRESS, &world->agents[1].addresses[0]);
  if (extra != 0) prtc_stun_add(&writer, extra, "x", 1);
  struct prtc_context *previous = prtc_enter(world->agents[1].context);
  int size = prtc_stun_finish(&writer, password, password != NULL ? strlen(password) : 0);
  prtc_leave(previous);
  PRTC_REQUIRE(size > 0);
  return agent_receive(world, 1, 0, &world->agents[0].addresses[0], bytes, (size_t)size);
}

static bool lose_all(struct world *world, const struct packet *packet) {
  (void)world;
  (void)packet;
  return true;
}

/* Somebody who sees our requests, but has not the password, answers them. */
static void forged_responses(void) {
  struct world *world = world_new();
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  world->lose = lose_all;
  exchange(world);
  run_for(world, 100 * MS);
  struct prtc_ice *ice = world->agents[1].ice;
  const struct ice_pair *pair = ice->pairs.items[0];
  const char *right = ice->credentials.remote_password, *ours = ice->credentials.local_password;
  const char *const wrong[] = {NULL, "wrong", ours};
  for (size_t i = 0; i < 3; i++) {
    PRTC_CHECK_INT(send_forged_response(world, PRTC_STUN_SUCCESS, wrong[i], 0, true), PRTC_ERROR_UNAUTHENTICATED);
    PRTC_CHECK_INT(send_forged_response(world, PRTC_STUN_ERROR, wrong[i], 0, false), PRTC_ERROR_UNAUTHENTICATED);
  }
  PRTC_CHECK_INT(send_forged_response(world, PRTC_STUN_SUCCESS, right, 0x0042, true), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_INT(send_forged_response(world, PRTC_STUN_SUCCESS, right, 0, false), PRTC_ERROR_MALFORMED);
  PRTC_CHECK(pair->state == PAIR_IN_PROGRESS && !pair->valid && !ice->controlling);
  PRTC_CHECK_INT(send_forged_response(world, PRTC_STUN_SUCCESS, right, 0, true), 0); /* and so it is believed */
  PRTC_CHECK(pair->state == PAIR_SUCCEEDED && pair->valid);
  world_free(world);
}

/* One check after the other from an address that never answers ours: what is under way there stays bounded. */
static void checks_that_lead_nowhere(void) {
  struct world *world = connected_world(NULL);
  for (int i = 0; i < 100; i++) {
    PRTC_CHECK_INT(send_forged(world, &(struct request){.id = (uint8_t)i}, stranger), 0);
    run_for(world, 2 * MS);
  }
  PRTC_CHECK(world->agents[1].ice->transactions.count <= 3);
  world_free(world);
}

/* What waits to be sent on a socket goes with it. */
static void a_socket_goes_with_its_answers(void) {
  struct world *world = connected_world(NULL);
  struct prtc_stun_message message;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  PRTC_CHECK_INT(send_forged(world, &(struct request){.id = 1}, stranger), 0);
  prtc_ice_remove_socket(world->agents[1].ice, world->now, world->agents[1].sockets[0]);
  PRTC_CHECK_INT(answer_of(world, &message, buffer), 0);
  world_free(world);
}

/* RFC 8445 section 7.3.1.1, each row of it: our role, theirs, whose tie-breaker is larger. */
static void role_conflicts(void) {
  for (unsigned row = 0; row < 8; row++) {
    bool controlling = row & 1, they_control = row & 2, we_are_larger = row & 4;
    struct world *world = connected_world(NULL);
    struct prtc_ice *ice = world->agents[1].ice;
    struct prtc_stun_message message;
    uint8_t buffer[PRTC_DATAGRAM_SIZE];
    prtc_ice_set_controlling(ice, world->now, controlling);
    ice->tie_breaker = 1000;
    const struct request request = {
        .role = they_control ? PRTC_STUN_ICE_CONTROLLING : PRTC_STUN_ICE_CONTROLLED,
        .tie_breaker = we_are_larger ? 1000 : 1001, /* equal counts as larger */
    };
    PRTC_CHECK_INT(send_forged(world, &request, "192.0.2.1:5000"), 0);
    PRTC_CHECK(answer_of(world, &message, buffer) > 0);
    bool conflict = controlling == they_control, they_switch = conflict && controlling == we_are_larger;
    PRTC_CHECK_INT(prtc_stun_find_error(&message), they_switch ? 487 : 0);
    PRTC_CHECK_INT(ice->controlling, conflict && !they_switch ? !controlling : controlling);
    world_free(world);
  }
}

/* An other side that nominates aggressively marks the first check of each pair: the best of them counts. One that has
 * checked the pair before means it. */
/* Checks of agent 0 are lost; its answers are not. */
static bool lose_its_checks(struct world *world, const struct packet *packet) {
  (void)world;
  return packet->from.ip[3] == 1 && packet->data[0] == 0 && packet->data[1] == 1;
}

static void nominations_of_a_lesser_pair(void) {
  for (unsigned variant = 0; variant < 3; variant++) {
    struct world *world = world_new();
    agent_new(world, 0, true, NULL);
    agent_new(world, 1, false, NULL);
    agent_socket(world, 0, "192.0.2.1:5000");
    agent_socket(world, 1, "192.0.2.2:6000");
    exchange(world);
    run_for(world, 100 * MS);
    check_pair(world, 1, "192.0.2.2:6000", "192.0.2.1:5000");
    world->agents[0].signal = false;
    world->lose = lose_its_checks;
    agent_socket(world, 0, "192.0.2.1:5001"); /* another socket of agent 0, for which it answers checks */
    if (variant == 1) PRTC_CHECK_INT(send_forged(world, &(struct request){.id = 1}, "192.0.2.1:5001"), 0);
    if (variant == 2) run_for(world, 3300 * MS); /* before the consent check of agent 0, which names its own choice again */
    PRTC_CHECK_INT(send_forged(world, &(struct request){.id = 2, .use_candidate = true}, "192.0.2.1:5001"), 0);
    run_for(world, 500 * MS);
    check_pair(world, 1, "192.0.2.2:6000", variant == 0 ? "192.0.2.1:5000" : "192.0.2.1:5001");
    world_free(world);
  }
}

static struct packet recorded[64];
static size_t recorded_count;
static bool record(struct world *world, const struct packet *packet) {
  (void)world;
  if (recorded_count < 64) recorded[recorded_count++] = *packet;
  return false;
}

static struct world *recorded_world(void) {
  struct world *world = world_new();
  recorded_count = 0;
  world->lose = record;
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  exchange(world);
  end_of_sockets(world);
  run_for(world, 1 * SECOND);
  world->lose = NULL;
  PRTC_REQUIRE(recorded_count >= 6);
  return world;
}

static size_t receiver_of(const struct world *world, const struct packet *packet) {
  return prtc_address_equal(&packet->to, &world->agents[0].addresses[0]) ? 0 : 1;
}

/* Each truncation and each flipped bit of each datagram of a real connection. */
static void broken_datagrams_change_nothing(void) {
  struct world *world = recorded_world();
  for (size_t i = 0; i < recorded_count; i++) {
    struct packet packet = recorded[i];
    size_t to = receiver_of(world, &packet);
    for (size_t size = 0; size < packet.size; size++) {
      PRTC_CHECK_INT(agent_receive(world, to, 0, &packet.from, packet.data, size), PRTC_ERROR_MALFORMED);
    }
    for (size_t bit = 0; bit < packet.size * 8; bit++) {
      packet.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
      /* without the type of FINGERPRINT there is none, and all is well */
      bool of_fingerprint_type = bit / 8 == packet.size - 8 || bit / 8 == packet.size - 7;
      if (!of_fingerprint_type) PRTC_CHECK(agent_receive(world, to, 0, &packet.from, packet.data, packet.size) < 0);
      packet.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
  }
  for (size_t i = 0; i < 2; i++) {
    prtc_datagram out;
    uint8_t buffer[PRTC_DATAGRAM_SIZE];
    PRTC_CHECK_INT(prtc_ice_transmit(world->agents[i].ice, world->now, &out, buffer, sizeof buffer), 0);
    PRTC_CHECK_INT(world->agents[i].ice->pairs.count, 1);
    PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
  }
  world_free(world);
}

static void replays(void) {
  struct world *world = recorded_world();
  prtc_address elsewhere = address_of(stranger);
  for (int round = 0; round < 3; round++) {
    for (size_t i = 0; i < recorded_count; i++) {
      struct packet *packet = &recorded[i];
      size_t to = receiver_of(world, packet);
      struct prtc_stun_message message;
      PRTC_REQUIRE(prtc_stun_parse(&message, packet->data, packet->size) == 0);
      bool request = message.message_class == PRTC_STUN_REQUEST;
      int code = agent_receive(world, to, 0, &packet->from, packet->data, packet->size);
      PRTC_CHECK_INT(code, request ? 0 : PRTC_ERROR_UNEXPECTED);
      if (!request) code = agent_receive(world, to, 0, &elsewhere, packet->data, packet->size);
      PRTC_CHECK_INT(code, request ? 0 : PRTC_ERROR_UNEXPECTED);
      run_for(world, 10 * MS);
    }
  }
  for (size_t i = 0; i < 2; i++) {
    PRTC_CHECK_INT(world->agents[i].ice->pairs.count, 1);
    PRTC_CHECK_INT(world->agents[i].selected, 1);
    PRTC_CHECK_INT(state_of(world, i), PRTC_ICE_TRANSPORT_COMPLETED);
  }
  /* A captured nomination from another address: it is looked at (a check goes there), but without an answer it comes to
   * nothing */
  PRTC_CHECK_INT(send_forged(world, &(struct request){.use_candidate = true}, stranger), 0);
  run_for(world, 60 * SECOND);
  check_pair(world, 1, "192.0.2.2:6000", "192.0.2.1:5000");
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

/* RFC 8445 section 7.2.5.2.1: the answer comes from another address than the check went to. */
static prtc_address moved;
static bool answer_from_elsewhere(struct world *world, const struct packet *packet) {
  struct packet *writable = &world->packets[world->packet_count];
  struct prtc_stun_message message;
  if (prtc_stun_parse(&message, packet->data, packet->size) != 0) return false;
  if (message.message_class != PRTC_STUN_SUCCESS) return false;
  writable->from = moved;
  return false;
}

static void answers_must_be_symmetric(void) {
  struct world *world = world_new();
  moved = address_of(stranger);
  agent_new(world, 0, true, NULL);
  agent_new(world, 1, false, NULL);
  agent_socket(world, 0, "192.0.2.1:5000");
  agent_socket(world, 1, "192.0.2.2:6000");
  world->lose = answer_from_elsewhere;
  exchange(world);
  end_of_sockets(world);
  run_for(world, 20 * SECOND);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING);
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_CHECKING);
  world_free(world);
}

/* ----------------------------------------------------------------------------------------------------------- floods */

/* Datagrams come, and nobody takes what is to be sent. */
static void input_without_a_drain(void) {
  struct world *world = connected_world(NULL);
  int full = 0;
  for (int i = 0; i < 100; i++) {
    int code = send_forged(world, &(struct request){.id = (uint8_t)i}, "192.0.2.1:5000");
    full += code == PRTC_ERROR_QUEUE_FULL;
    PRTC_CHECK(code == 0 || code == PRTC_ERROR_QUEUE_FULL);
  }
  PRTC_CHECK_INT(full, 100 - 32);
  run_for(world, 60 * SECOND);
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

/* Authenticated checks from everywhere: each is answered, but pairs and memory stay bounded. */
static void checks_from_everywhere(void) {
  struct world *world = connected_world(NULL);
  struct prtc_stun_message message;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  char from[64];
  int unanswered = 0; /* what may be a copy, when there is no room for its pair */
  for (int i = 0; i < 1000; i++) {
    snprintf(from, sizeof from, "203.0.113.%d:%d", i % 250 + 1, 1000 + i);
    PRTC_CHECK_INT(send_forged(world, &(struct request){.use_candidate = true, .id = (uint16_t)i}, from), 0);
    if (answer_of(world, &message, buffer) <= 0) unanswered++;
    while (answer_of(world, &message, buffer) > 0) {
    }
  }
  PRTC_CHECK(unanswered <= 2);
  struct prtc_ice *ice = world->agents[1].ice;
  PRTC_CHECK_INT(ice->pairs.count, 100);
  PRTC_CHECK(ice->remotes.count <= 256 && ice->transactions.count <= 200);
  run_for(world, 60 * SECOND);
  check_pair(world, 1, "192.0.2.2:6000", "192.0.2.1:5000");
  PRTC_CHECK_INT(state_of(world, 1), PRTC_ICE_TRANSPORT_COMPLETED);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_COMPLETED);
  world_free(world);
}

static void early_checks_are_bounded(void) {
  struct world *world = world_new();
  char username[300], from[64];
  struct prtc_stun_message message;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  prtc_ice_parameters parameters = {.ufrag = "abcd", .password = "0123456789012345678901"};
  agent_new(world, 1, false, NULL);
  agent_socket(world, 1, "192.0.2.2:6000");
  struct prtc_ice *ice = world->agents[1].ice;
  snprintf(username, sizeof username, "%s:abcd", ice->credentials.local_ufrag);
  for (int i = 0; i < 100; i++) {
    snprintf(from, sizeof from, "203.0.113.7:%d", 1000 + i);
    PRTC_CHECK_INT(send_forged(world, &(struct request){.username = username, .id = (uint16_t)i}, from), 0);
    PRTC_CHECK(answer_of(world, &message, buffer) > 0);
    PRTC_CHECK_INT(answer_of(world, &message, buffer), 0); /* no check before the password is known */
    PRTC_CHECK(ice->early.count <= 16);
  }
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &parameters), 0);
  PRTC_CHECK_INT(ice->pairs.count, 16);
  PRTC_CHECK_INT(ice->early.count, 0);
  prtc_ice_restart(ice, world->now);
  snprintf(username, sizeof username, "%s:abcd", ice->credentials.local_ufrag);
  PRTC_CHECK_INT(send_forged(world, &(struct request){.username = username}, from), 0);
  PRTC_CHECK_INT(ice->early.count, 1);
  prtc_ice_restart(ice, world->now); /* they were of that generation */
  PRTC_CHECK_INT(ice->early.count, 0);
  world_free(world);
}

/* Nobody asks for events: the oldest are lost, the state can still be asked for. */
static void events_are_bounded(void) {
  struct world *world = world_new();
  struct prtc_ice *ice = agent_new(world, 0, true, NULL)->ice;
  prtc_ice_event event;
  for (int i = 0; i < 2000; i++) {
    prtc_address address = address_of("192.0.2.1:5000");
    PRTC_CHECK_INT(prtc_ice_add_socket(ice, world->now, 1000 + (prtc_socket_id)i, &address, 1, 0), 0);
    PRTC_CHECK_INT(prtc_ice_remove_socket(ice, world->now, 1000 + (prtc_socket_id)i), 0);
  }
  int count = 0;
  while (prtc_ice_event_next(ice, &event) > 0) count++;
  PRTC_CHECK_INT(count, 512);
  world_free(world);
}

static void small_buffers_lose_nothing(void) {
  struct world *world = connected_world(NULL);
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  prtc_datagram out;
  PRTC_CHECK_INT(send_forged(world, &(struct request){.id = 7}, "192.0.2.1:5000"), 0);
  PRTC_CHECK_INT(prtc_ice_transmit(world->agents[1].ice, world->now, &out, buffer, 20), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK(prtc_ice_transmit(world->agents[1].ice, world->now, &out, buffer, sizeof buffer) > 0);
  world->now = prtc_ice_deadline(world->agents[0].ice);
  PRTC_CHECK_INT(prtc_ice_timeout(world->agents[0].ice, world->now), 0);
  PRTC_CHECK_INT(prtc_ice_transmit(world->agents[0].ice, world->now, &out, buffer, 20), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK(prtc_ice_transmit(world->agents[0].ice, world->now, &out, buffer, sizeof buffer) > 0);
  world_free(world);
}

/* A full list takes what is new in the place of what has failed, also what is of a lesser priority. */
static void what_has_failed_makes_room(void) {
  struct world *world = world_new();
  prtc_candidate candidate = {.component = 1, .priority = 1, .foundation = "2", .address = address_of("192.0.2.2:6000")};
  agent_new(world, 0, true, NULL)->signal = false;
  agent_new(world, 1, false, NULL);
  agent_socket(world, 0, "192.0.2.1:5000");
  prtc_ice *ice = world->agents[0].ice;
  prtc_ice_parameters parameters;
  prtc_ice_get_local_parameters(world->agents[1].ice, &parameters);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &parameters), 0);
  prtc_ice_get_local_parameters(ice, &parameters);
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(world->agents[1].ice, world->now, &parameters), 0);
  for (int i = 0; i < 100; i++) {
    prtc_candidate bad = {.component = 1, .priority = 1000, .foundation = "1", .address = address_of("203.0.113.1:1")};
    bad.address.port = (uint16_t)(1000 + i);
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &bad), 0);
  }
  PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &candidate), 0);
  PRTC_CHECK_INT(ice->pairs.count, 100);
  run_for(world, 50 * SECOND); /* the first of them have failed, others are still tried */
  candidate.address = address_of("192.0.2.2:6001");
  agent_socket(world, 1, "192.0.2.2:6001");
  PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &candidate), 0);
  run_for(world, 10 * SECOND);
  check_pair(world, 0, "192.0.2.1:5000", "192.0.2.2:6001");
  world_free(world);
}

/* ------------------------------------------------------------------------------------------------- what it costs others */

/* Bytes that agent 1 sends at once. */
static size_t bytes_sent(struct world *world) {
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  prtc_datagram out;
  size_t bytes = 0;
  int size;
  while ((size = prtc_ice_transmit(world->agents[1].ice, world->now, &out, buffer, sizeof buffer)) > 0) {
    bytes += (size_t)size;
  }
  return bytes;
}

static prtc_address counted_to;
static size_t counted;

static bool count_bytes(struct world *world, const struct packet *packet) {
  (void)world;
  if (prtc_address_equal(&packet->to, &counted_to)) counted += packet->size;
  return false;
}

/* From a stranger: nothing that is not authenticated is answered with anything, whatever it looks like; an authenticated
 * request that is replayed from elsewhere leads to no more than what came, however long one waits. */
static void nothing_amplifies(void) {
  struct world *world = recorded_world();
  prtc_address victim = address_of("203.0.113.77:53");
  size_t received = 0, sent = 0;
  (void)bytes_sent(world);
  for (size_t i = 0; i < recorded_count; i++) {
    if (receiver_of(world, &recorded[i]) != 1) continue;
    for (unsigned round = 0; round < 2000; round++) { /* mutated, and so not authenticated any more */
      uint8_t bytes[1300];
      size_t size = recorded[i].size;
      memcpy(bytes, recorded[i].data, size);
      unsigned changes = 1 + (unsigned)(next_random(world) % 3);
      for (unsigned k = 0; k < changes; k++) bytes[next_random(world) % size] ^= (uint8_t)(1 + next_random(world) % 255);
      if (next_random(world) % 8 == 0) size = (size_t)(next_random(world) % (size + 1));
      if (size == recorded[i].size && memcmp(bytes, recorded[i].data, size) == 0) continue;
      (void)agent_receive(world, 1, 0, &victim, bytes, size);
      received += size;
      size_t answer = bytes_sent(world);
      /* a fingerprint or what follows the integrity may have been hit: then it is authentic still */
      PRTC_CHECK(answer <= recorded[i].size);
      sent += answer;
    }
  }
  PRTC_CHECK(received > 100 * 1000 && sent * 20 < received);
  for (size_t i = 0; i < recorded_count; i++) { /* replayed, in the victim's name */
    if (receiver_of(world, &recorded[i]) != 1) continue;
    sent = 0;
    victim.port++;
    world->lose = count_bytes;
    counted_to = victim;
    counted = 0;
    (void)agent_receive(world, 1, 0, &victim, recorded[i].data, recorded[i].size);
    run_for(world, 60 * SECOND);
    PRTC_CHECK(counted <= recorded[i].size);
  }
  world->lose = NULL;
  for (int kind = 0; kind < 3; kind++) { /* unknown names and passwords, indications, garbage */
    const struct request requests[] = {
        {.username = "abcd:efgh"}, {.password = "0123456789012345678901"}, {.message_class = PRTC_STUN_INDICATION}};
    for (int i = 0; i < 100; i++) {
      (void)send_forged(world, &requests[kind], "203.0.113.77:53");
      PRTC_CHECK_INT(bytes_sent(world), 0);
    }
  }
  world_free(world);
}

/* ----------------------------------------------------------------------------------------------------------- memory */

struct meter {
  uint64_t calls, fail_at;
  int64_t balance;
};

static void *meter_allocate(void *context, size_t size) {
  struct meter *meter = context;
  if (++meter->calls == meter->fail_at) return NULL;
  meter->balance++;
  return malloc(size);
}
static void *meter_reallocate(void *context, void *pointer, size_t size) {
  struct meter *meter = context;
  if (++meter->calls == meter->fail_at) return NULL;
  return realloc(pointer, size);
}
static void meter_release(void *context, void *pointer) {
  struct meter *meter = context;
  if (pointer != NULL) meter->balance--;
  free(pointer);
}

/* A whole life in which the n-th allocation of agent 0 fails, for each n: nothing crashes, nothing leaks, and it goes
 * on. */
static uint64_t live_with_failure(uint64_t fail_at) {
  struct meter meter = {.fail_at = fail_at};
  prtc_allocator allocator = {&meter, meter_allocate, meter_reallocate, meter_release};
  struct world *world = world_new();
  prtc_context_config context;
  prtc_ice_config config;
  prtc_address first = address_of("192.0.2.1:5000"), server = address_of("198.51.100.1:3478");
  agent_new(world, 1, false, NULL);
  agent_socket(world, 1, "192.0.2.2:6000");
  world->server = server;
  PRTC_INIT(&context);
  context.allocator = &allocator;
  PRTC_INIT(&config);
  config.controlling = 1;
  struct agent *agent = &world->agents[0];
  agent->context = prtc_context_new(&context);
  if (agent->context != NULL) agent->ice = prtc_ice_new(agent->context, &config);
  if (agent->ice != NULL) {
    agent->addresses[0] = first;
    agent->sockets[0] = 1;
    agent->socket_count = 1;
    agent->signal = agent->may_fail = true;
    prtc_ice_add_server(agent->ice, world->now, &server);
    while (prtc_ice_add_socket(agent->ice, world->now, 1, &first, 1, 0) == PRTC_ERROR_NO_MEMORY) {
    }
    exchange(world);
    end_of_sockets(world);
    run_for(world, 5 * SECOND);
    PRTC_CHECK(prtc_ice_get_state(agent->ice) >= PRTC_ICE_TRANSPORT_CHECKING);
    prtc_ice_restart(agent->ice, world->now);
    run_for(world, 20 * SECOND);
  }
  world_free(world);
  PRTC_CHECK_INT(meter.balance, 0);
  return meter.calls;
}

/* An agent that knows the other side, and `count` of its candidates that lead nowhere. */
static void fill_check_list(struct world *world, prtc_ice *ice, int count) {
  const prtc_ice_parameters other = {.ufrag = "abcd", .password = "0123456789012345678901"};
  prtc_candidate candidate = {.component = 1, .priority = 1000, .foundation = "1"};
  PRTC_CHECK_INT(prtc_ice_set_remote_parameters(ice, world->now, &other), 0);
  for (int i = 0; i < count; i++) {
    candidate.address = address_of("203.0.113.1:1");
    candidate.address.port = (uint16_t)(1000 + i);
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &candidate), 0);
  }
}

static void a_full_list_that_failed_takes_what_is_new(void) {
  struct world *world = world_new();
  prtc_candidate candidate = {.component = 1, .priority = 2000, .foundation = "2", .address = address_of("203.0.113.2:1")};
  agent_new(world, 0, true, NULL)->signal = false;
  agent_socket(world, 0, "192.0.2.1:5000");
  prtc_ice *ice = world->agents[0].ice;
  prtc_ice_end_of_sockets(ice, world->now);
  fill_check_list(world, ice, 100);
  prtc_ice_end_of_remote_candidates(ice, world->now);
  run_for(world, 300 * SECOND);
  PRTC_CHECK_INT(ice->pairs.count, 100);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_FAILED);
  PRTC_CHECK_INT(prtc_ice_add_remote_candidate(ice, world->now, &candidate), 0);
  PRTC_CHECK_INT(ice->pairs.count, 100);
  PRTC_CHECK_INT(state_of(world, 0), PRTC_ICE_TRANSPORT_CHECKING);
  world_free(world);
}

/* A candidate that got a pair with one socket and, with another's taken out for it, none with the second. */
static void memory_runs_out_with_a_full_list(void) {
  for (uint64_t fail_at = 1; fail_at < 10; fail_at++) {
    struct meter meter = {0};
    prtc_allocator allocator = {&meter, meter_allocate, meter_reallocate, meter_release};
    struct world *world = world_new();
    struct agent *agent = &world->agents[0];
    prtc_context_config context;
    prtc_ice_config config;
    prtc_candidate candidate = {
        .component = 1, .priority = 2000, .foundation = "2", .address = address_of("203.0.113.2:1")};
    PRTC_INIT(&context);
    context.allocator = &allocator;
    PRTC_INIT(&config);
    agent->context = prtc_context_new(&context);
    agent->ice = prtc_ice_new(agent->context, &config);
    PRTC_REQUIRE(agent->ice != NULL);
    agent_socket(world, 0, "192.0.2.1:5000");
    fill_check_list(world, agent->ice, 49);
    agent_socket(world, 0, "192.0.2.2:5000");
    agent_socket(world, 0, "[2001:db8::1]:5000");
    candidate.address = address_of("[2001:db8::2]:1");
    PRTC_CHECK_INT(prtc_ice_add_remote_candidate(agent->ice, world->now, &candidate), 0);
    PRTC_CHECK_INT(agent->ice->pairs.count, 99);
    candidate.address = address_of("203.0.113.2:1");
    meter.fail_at = meter.calls + fail_at;
    int code = prtc_ice_add_remote_candidate(agent->ice, world->now, &candidate);
    PRTC_CHECK(code == 0 || code == PRTC_ERROR_NO_MEMORY);
    run_for(world, 1 * SECOND); /* a sanitizer sees what is used after its end */
    world_free(world);
    PRTC_CHECK_INT(meter.balance, 0);
  }
}

static void memory_runs_out(void) {
  uint64_t total = live_with_failure(0);
  PRTC_CHECK(total > 20);
  for (uint64_t fail_at = 1; fail_at <= total; fail_at++) live_with_failure(fail_at);
}

int main(void) {
  PRTC_RUN(nothing_unauthenticated_is_answered);
  PRTC_RUN(a_check_from_a_link_local_address);
  PRTC_RUN(a_nomination_that_may_be_a_copy);
  PRTC_RUN(errors_are_answered_when_authenticated);
  PRTC_RUN(what_is_no_request_of_ours);
  PRTC_RUN(forged_responses);
  PRTC_RUN(checks_that_lead_nowhere);
  PRTC_RUN(a_socket_goes_with_its_answers);
  PRTC_RUN(role_conflicts);
  PRTC_RUN(nominations_of_a_lesser_pair);
  PRTC_RUN(broken_datagrams_change_nothing);
  PRTC_RUN(replays);
  PRTC_RUN(answers_must_be_symmetric);
  PRTC_RUN(input_without_a_drain);
  PRTC_RUN(checks_from_everywhere);
  PRTC_RUN(early_checks_are_bounded);
  PRTC_RUN(events_are_bounded);
  PRTC_RUN(small_buffers_lose_nothing);
  PRTC_RUN(a_full_list_that_failed_takes_what_is_new);
  PRTC_RUN(what_has_failed_makes_room);
  PRTC_RUN(nothing_amplifies);
  PRTC_RUN(memory_runs_out);
  PRTC_RUN(memory_runs_out_with_a_full_list);
  return PRTC_TEST_RESULT();
}
