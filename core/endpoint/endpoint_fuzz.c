/* A whole connection under attack: the input says at which moment which datagram is lost, repeated, changed or forged.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Each command is a byte, with operands behind it. Between commands the two endpoints go one step on, so the input acts on
 * every stage from the first check to the open channel. world_test.h asserts the contract at each step.
 */
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/endpoint/world_test.h"

static struct world world;
static struct prtc_reader script;

static struct flight *next_flight(void) {
  return world.flight_count > 0 ? &world.flights[world.first_flight] : NULL;
}

/* Puts a datagram into node i, as if it came from its peer (or from a stranger). */
static void inject(int i, bool stranger, const uint8_t *bytes, size_t size) {
  const struct node *node = &world.nodes[i], *other = &world.nodes[1 - i];
  if (node->socket_count == 0 || other->socket_count == 0) return;
  prtc_datagram datagram = {.socket = node->sockets[0].id,
                            .local = node->sockets[0].address,
                            .remote = other->sockets[0].address,
                            .data = bytes,
                            .size = size};
  if (stranger) datagram.remote.port++;
  (void)prtc_endpoint_receive(node->endpoint, world.now, &datagram, 1);
}

static void change(struct flight *flight) {
  size_t at = prtc_read_u16(&script);
  uint8_t value = prtc_read_u8(&script);
  if (flight != NULL && flight->size > 0) flight->bytes[at % flight->size] ^= value;
}

static void cut(struct flight *flight, size_t size) {
  if (flight != NULL && flight->size > size) flight->size = size;
}

static void open_channel(int i) {
  prtc_channel_config config;
  prtc_channel_id channel;
  prtc_channel_config_init(&config);
  (void)prtc_peer_create_data_channel(world.nodes[i].peer, world.now, &config, &channel);
}

static void command(uint8_t code) {
  struct flight *flight = next_flight();
  int i = code >> 7;
  switch (code & 15) {
    case 0: change(flight); break;
    case 1: cut(flight, prtc_read_u8(&script)); break;
    case 2: cut(flight, 0); break; /* lost, but for an empty datagram in its place */
    case 3:                        /* repeated, or reflected */
    case 4:
      if (flight != NULL) inject(i, (code & 15) == 4, flight->bytes, flight->size);
      break;
    case 5:
    case 6: {
      size_t size = prtc_read_u8(&script);
      const uint8_t *bytes = prtc_read_bytes(&script, size);
      if (bytes != NULL) inject(i, (code & 15) == 6, bytes, size);
      break;
    }
    case 7: (void)prtc_endpoint_timeout(world.nodes[i].endpoint, world.now - 1); break;
    case 8: /* nobody looks for a while */
      world.now += (prtc_time)prtc_read_u8(&script) * 100000;
      world_deliver(&world);
      for (int k = 0; k < WORLD_NODES; k++) (void)prtc_endpoint_timeout(world.nodes[k].endpoint, world.now);
      break;
    case 9: (void)prtc_peer_close(world.nodes[i].peer, world.now); break;
    case 10: open_channel(i); break;
    case 11:
      for (prtc_channel_id channel = 1; channel < 4; channel++) {
        (void)prtc_peer_send(world.nodes[i].peer, world.now, channel, PRTC_MESSAGE_BINARY, script.data, script.size);
      }
      break;
    case 12: (void)prtc_peer_close_channel(world.nodes[i].peer, world.now, 1); break;
    default: break; /* just a step */
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 4096) return 0;
  script = prtc_reader_of(data, size);
  world_udp_port = size > 0 && data[size - 1] % 2 == 1 ? 7000 : 0;
  world_open(&world, NULL);
  world_peer(&world, 0);
  world_peer(&world, 1);
  world_channel(&world, 0, "chat");
  world_signal(&world, 0, PRTC_SDP_OFFER);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
  for (int steps = 0; prtc_reader_left(&script) > 0 && steps < 400; steps++) {
    world_settle(&world);
    command(prtc_read_u8(&script));
    (void)world_step(&world, world.now + 1000000);
    if (world.nodes[0].event_count > WORLD_EVENTS / 2 || world.nodes[1].event_count > WORLD_EVENTS / 2) break;
  }
  world_close(&world);
  prtc_test_count++;
  if (prtc_test_failures > 0) abort(); /* a check of world_test.h */
  return 0;
}
