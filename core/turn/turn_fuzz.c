/* Fuzzes a TURN client with a live allocation, behind its integrity check as well as before it. The input: a byte of flags,
 * then steps, each a byte that says what, a byte of length and that many bytes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>
#include <string.h>

#include "core/turn/internal.h"

struct run {
  struct prtc_turn *turn;
  prtc_time now;
  uint8_t id[PRTC_STUN_TRANSACTION_SIZE]; /* of the last request */
  uint16_t method;
};

static prtc_address peer_of(uint8_t seed) {
  if (seed & 0x80) return (prtc_address){.family = PRTC_FAMILY_IPV6, .ip = {0x20, 1, 0xD, 0xB8, [15] = seed}, .port = 6000};
  return (prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {203, 0, 113, seed}, .port = 6000};
}

static void receive(struct run *run, const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1); /* of the exact size */
  if (copy == NULL) abort();
  if (size > 0) memcpy(copy, data, size);
  const uint8_t *next = copy;
  while (size > 0) {
    prtc_turn_data out;
    size_t before = size;
    int code = prtc_turn_receive(run->turn, run->now, &next, &size, &out);
    if (size >= before && code >= 0) abort(); /* it does not get on */
    if (code == 1 && out.size > 0) { /* all of it can be read */
      volatile uint8_t last = out.data[out.size - 1];
      (void)last;
    }
  }
  free(copy);
}

/* An answer to the last request, with attributes of the input. */
static void answer(struct run *run, enum prtc_stun_class message_class, bool authentic, const uint8_t *data, size_t size) {
  uint8_t buffer[1024];
  struct prtc_stun_writer writer;
  const struct turn_credentials *credentials = &run->turn->credentials;
  prtc_stun_begin(&writer, buffer, sizeof buffer, message_class, run->method, run->id);
  while (size >= 3) {
    size_t length = data[2] < size - 3 ? data[2] : size - 3;
    prtc_stun_add(&writer, (uint16_t)(data[0] << 8 | data[1]), data + 3, length);
    data += 3 + length;
    size -= 3 + length;
  }
  struct prtc_context *previous = prtc_enter(run->turn->context);
  int total = !authentic || credentials->generation == 0 ? prtc_stun_finish(&writer, NULL, 0)
              : credentials->listed ? prtc_stun_finish_sha256(&writer, credentials->key, credentials->key_size)
                                    : prtc_stun_finish(&writer, credentials->key, credentials->key_size);
  prtc_leave(previous);
  if (total > 0) receive(run, buffer, (size_t)total);
}

/* Takes all output, and holds the client to its promises. */
static void drain(struct run *run) {
  prtc_turn_event event;
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  unsigned count = 0;
  int size;
  while ((size = prtc_turn_transmit(run->turn, run->now, buffer, sizeof buffer)) > 0) {
    struct prtc_stun_message message;
    if (++count > 100) abort(); /* endless */
    if (prtc_stun_parse(&message, buffer, (size_t)size) < 0) abort();
    if (message.message_class != PRTC_STUN_REQUEST) continue;
    memcpy(run->id, message.transaction, sizeof run->id);
    run->method = message.method;
  }
  if (size < 0) abort();
  while (prtc_turn_event_next(run->turn, &event) > 0) {
  }
  if (prtc_turn_timeout(run->turn, run->now) != 0) abort();
  if (prtc_turn_deadline(run->turn) <= run->now) abort();
  const struct prtc_turn *turn = run->turn;
  if (turn->permission_count > MAX_PERMISSIONS || turn->channel_count > MAX_CHANNELS ||
      turn->frame_capacity > MAX_FRAME) abort();
  if (turn->state == PRTC_TURN_CLOSED && turn->deadline != PRTC_NEVER) abort();
}

static void step(struct run *run, uint8_t what, const uint8_t *data, size_t size) {
  prtc_address peer = peer_of(size > 0 ? data[0] : 0);
  uint8_t buffer[512];
  size_t segment = size > 1 ? data[1] : 0;
  switch (what % 10) {
    case 0: receive(run, data, size); break;
    case 1: answer(run, PRTC_STUN_SUCCESS, true, data, size); break;
    case 2: answer(run, PRTC_STUN_ERROR, true, data, size); break;
    case 3: answer(run, PRTC_STUN_ERROR, false, data, size); break;
    case 4: answer(run, PRTC_STUN_SUCCESS, false, data, size); break;
    case 5: run->now += size > 1 ? (prtc_time)data[0] * data[1] * 10000 : 1000; break;
    case 6: (void)prtc_turn_permit(run->turn, run->now, &peer); break;
    case 7:
      if (size > 0) memcpy(buffer, data, size);
      (void)prtc_turn_wrap(run->turn, run->now, &peer, buffer, size, &segment, sizeof buffer);
      break;
    case 8: { /* data of a peer, as the server would pass it on */
      struct prtc_stun_writer writer;
      prtc_stun_begin(&writer, buffer, sizeof buffer, PRTC_STUN_INDICATION, PRTC_STUN_METHOD_DATA, run->id);
      prtc_stun_add_xor_address(&writer, PRTC_STUN_XOR_PEER_ADDRESS, &peer);
      prtc_stun_add(&writer, PRTC_STUN_DATA, data, size);
      int total = prtc_stun_finish(&writer, NULL, 0);
      if (total > 0) receive(run, buffer, (size_t)total);
      break;
    }
    default: (void)prtc_turn_close(run->turn, run->now);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t challenge[] = {0, 0x14, 1, 'r', 0, 0x15, 1, 'n', 0, 9, 4, 0, 0, 4, 1};
  /* XOR-RELAYED-ADDRESS, XOR-MAPPED-ADDRESS, LIFETIME 600 */
  static const uint8_t allocation[] = {0, 0x16, 8, 0, 1, 0x50, 0x60, 1, 2, 3, 4, 0, 0x20, 8, 0, 1, 0x51, 0x61, 1, 2, 3, 5,
                                       0, 0xD, 4, 0, 0, 2, 0x58};
  uint8_t flags = size > 0 ? data[0] : 0;
  prtc_context_config context;
  PRTC_INIT(&context);
  prtc_turn_config config = {.size = sizeof config, .username = "alice", .credential = "secret"};
  config.protocol = flags & 1 ? PRTC_RELAY_TCP : PRTC_RELAY_UDP;
  prtc_context *made = prtc_context_new(&context);
  struct run run = {.turn = prtc_turn_new(made, &config), .now = 1000000};
  if (run.turn == NULL) abort();
  (void)prtc_turn_start(run.turn, run.now);
  drain(&run);
  if (flags & 2) answer(&run, PRTC_STUN_ERROR, false, challenge, sizeof challenge);
  drain(&run);
  if (flags & 4) answer(&run, PRTC_STUN_SUCCESS, true, allocation, sizeof allocation);
  drain(&run);
  for (size_t at = 1; at + 2 <= size;) {
    size_t length = data[at + 1] < size - at - 2 ? data[at + 1] : size - at - 2;
    step(&run, data[at], data + at + 2, length);
    drain(&run);
    at += 2 + length;
  }
  prtc_turn_free(run.turn);
  prtc_context_free(made);
  return 0;
}
