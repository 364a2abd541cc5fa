/* Fuzzes an ICE agent in the midst of a connection. The input is a list of steps, each a byte that says what, a byte of
 * length and that many bytes: a raw datagram, a datagram that is made authentic first (so that mutations come behind
 * the integrity check), an answer to the agent's last request, a candidate line, time that passes, sockets and connections
 * that come and go, a restart.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/context.h"
#include "core/ice/internal.h"

struct run {
  struct prtc_ice *ice;
  prtc_time now;
  uint8_t last_id[PRTC_STUN_TRANSACTION_SIZE];
  prtc_address last_remote;
  prtc_socket_id over;          /* what messages come over */
  prtc_socket_id last_connection;
};

enum { ACTIVE = 50, PASSIVE = 51, FIRST_CONNECTION = 100 };

static prtc_address ipv4(uint8_t last, uint16_t port) {
  return (prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, last}, .port = port};
}

static void receive(struct run *run, const uint8_t *data, size_t size, const prtc_address *from) {
  uint8_t *copy = malloc(size > 0 ? size : 1); /* of the exact size */
  if (copy == NULL) abort();
  if (size > 0) memcpy(copy, data, size);
  prtc_datagram datagram = {.socket = run->over, .remote = *from, .data = copy, .size = size};
  (void)prtc_ice_receive(run->ice, run->now, &datagram);
  free(copy);
}

/* Attributes from the input between a header, a username and an integrity that are right. */
static void receive_authentic(struct run *run, enum prtc_stun_class message_class, const uint8_t *data, size_t size) {
  uint8_t buffer[1024], id[PRTC_STUN_TRANSACTION_SIZE] = {1};
  struct prtc_stun_writer writer;
  const struct ice_credentials *credentials = &run->ice->credentials;
  bool request = message_class == PRTC_STUN_REQUEST;
  const char *password = request ? credentials->local_password : credentials->remote_password;
  char username[2 * 257 + 1];
  size_t first = strlen(credentials->local_ufrag), second = strlen(credentials->remote_ufrag);
  memcpy(username, credentials->local_ufrag, first);
  username[first] = ':';
  memcpy(username + first + 1, credentials->remote_ufrag, second);
  prtc_stun_begin(&writer, buffer, sizeof buffer, message_class, PRTC_STUN_METHOD_BINDING, request ? id : run->last_id);
  if (request) prtc_stun_add(&writer, PRTC_STUN_USERNAME, username, first + 1 + second);
  prtc_address from = request ? ipv4(size > 0 ? data[0] : 2, 6000) : run->last_remote;
  while (size >= 3) {
    size_t length = data[2] < size - 3 ? data[2] : size - 3;
    prtc_stun_add(&writer, (uint16_t)(data[0] << 8 | data[1]), data + 3, length);
    data += 3 + length;
    size -= 3 + length;
  }
  struct prtc_context *previous = prtc_enter(run->ice->context);
  int total = prtc_stun_finish(&writer, password, strlen(password));
  prtc_leave(previous);
  if (total > 0) receive(run, buffer, (size_t)total, &from);
}

/* Takes all output, and holds the agent to its promises. */
static void drain(struct run *run) {
  prtc_datagram out;
  prtc_ice_event event;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  unsigned count = 0;
  while (prtc_ice_transmit(run->ice, run->now, &out, buffer, sizeof buffer) > 0) {
    if (++count > 1000) abort(); /* endless */
    if (buffer[0] == 0 && buffer[1] == 1) {
      memcpy(run->last_id, buffer + 8, sizeof run->last_id);
      run->last_remote = out.remote;
    }
  }
  while (prtc_ice_event_next(run->ice, &event) > 0) {
  }
  if (prtc_ice_timeout(run->ice, run->now) != 0) abort();
  if (prtc_ice_deadline(run->ice) <= run->now) abort();
  if (run->ice->pairs.count > MAX_PAIRS || run->ice->transactions.count > MAX_TRANSACTIONS) abort();
  if (run->ice->connections.count > MAX_PAIRS + MAX_ACCEPTED + 1) abort();
}

/* Every second attempt succeeds, or none; what the agent no longer wants is closed. */
static void drain_connections(struct run *run, bool succeed) {
  prtc_ice_connection wanted;
  prtc_socket_id id;
  while (prtc_ice_connect(run->ice, ++run->last_connection, &wanted) > 0) {
    wanted.local.port = 40000;
    bool failed = !succeed || run->last_connection % 2 == 0;
    (void)prtc_ice_connected(run->ice, run->now, run->last_connection, failed ? PRTC_ERROR_TIMEOUT : 0, &wanted.local);
  }
  while (prtc_ice_disconnect(run->ice, &id) > 0) {
    if (prtc_ice_remove_socket(run->ice, run->now, id) != PRTC_ERROR_NOT_FOUND) abort(); /* it is forgotten */
  }
}

static void step(struct run *run, uint8_t what, const uint8_t *data, size_t size) {
  prtc_candidate candidate;
  prtc_address peer = ipv4(2, 6000), address = ipv4(size > 0 ? data[0] : 9, 7000);
  switch (what % 16) {
    case 0: receive(run, data, size, &peer); break;
    case 1: receive_authentic(run, PRTC_STUN_REQUEST, data, size); break;
    case 2: receive_authentic(run, PRTC_STUN_SUCCESS, data, size); break;
    case 3: receive_authentic(run, PRTC_STUN_ERROR, data, size); break;
    case 4:
      if (prtc_candidate_parse(&candidate, (const char *)data, size) == 0) {
        (void)prtc_ice_add_remote_candidate(run->ice, run->now, &candidate);
      }
      break;
    case 5: run->now += size > 0 ? (prtc_time)data[0] * 100000 : 1000; break;
    case 6:
      (void)prtc_ice_add_socket(run->ice, run->now, 1 + address.ip[3] % 4, &address, 1, size > 1 ? data[1] % 8 : 0);
      break;
    case 7: (void)prtc_ice_remove_socket(run->ice, run->now, 1 + address.ip[3] % 4); break;
    case 8:
      if (size > 0 && data[0] % 2 == 1) (void)prtc_ice_take_back(run->ice, run->now);
      else (void)prtc_ice_restart(run->ice, run->now);
      break;
    case 9: {
      prtc_ice_parameters parameters = {.ufrag = "peer", .password = "0123456789012345678901"};
      parameters.ufrag[3] = (char)('a' + address.ip[3] % 4);
      parameters.renomination = address.ip[3] >> 2 & 1;
      parameters.lite = address.ip[3] >> 3 & 1;
      (void)prtc_ice_set_remote_parameters(run->ice, run->now, &parameters);
      break;
    }
    case 10: (void)prtc_ice_set_controlling(run->ice, run->now, address.ip[3] % 2); break;
    case 11: (void)prtc_ice_unreachable(run->ice, run->now, 1, &run->last_remote); break;
    case 12:
      (void)prtc_ice_add_tcp_socket(run->ice, run->now, PRTC_TCP_ACTIVE, ACTIVE, &address, 1, 0);
      (void)prtc_ice_add_tcp_socket(run->ice, run->now, PRTC_TCP_PASSIVE, PASSIVE, &address, 1, 0);
      break;
    case 13: drain_connections(run, address.ip[3] % 2 != 0); break;
    case 14: (void)prtc_ice_accepted(run->ice, run->now, PASSIVE, ++run->last_connection, &address, &peer); break;
    default:
      run->over = address.ip[3] % 4 == 0 ? 1 : run->last_connection - address.ip[3] % 4;
      if (address.ip[3] > 200) (void)prtc_ice_remove_socket(run->ice, run->now, run->over);
      break;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prtc_context_config context = {.size = sizeof context};
  prtc_ice_config config = {.size = sizeof config, .controlling = size > 0 && data[0] % 2};
  prtc_ice_parameters parameters = {.ufrag = "peer", .password = "0123456789012345678901", .renomination = 1};
  struct run run = {.now = 1000000, .over = 1, .last_connection = FIRST_CONNECTION};
  config.lite = size > 0 && (data[0] & 0x60) == 0x60;
  config.renomination = size > 0 && (data[0] & 0x40) != 0;
  prtc_address own = ipv4(1, 5000), server = ipv4(200, 3478);
  prtc_context *shared = prtc_context_new(&context);
  run.ice = shared != NULL ? prtc_ice_new(shared, &config) : NULL;
  if (run.ice == NULL) abort();
  (void)prtc_ice_add_socket(run.ice, run.now, 1, &own, 1, 0);
  (void)prtc_ice_add_server(run.ice, run.now, &server);
  (void)prtc_ice_set_remote_parameters(run.ice, run.now, &parameters);
  drain(&run);
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
  prtc_ice_free(run.ice);
  prtc_context_free(shared);
  return 0;
}
