/* What an endpoint writes for who wants to see inside: log by layers, key log, capture, recording; and the replay of the
 * latter.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/world_test.h"

#include <polyrtc/replay.h>

#include "core/base/recording.h"

static struct world world;

/* All of an output. */
struct bytes {
  uint8_t *data;
  size_t size;
};

static void collect(prtc_endpoint *endpoint, prtc_output which, struct bytes *out) {
  uint8_t chunk[1000];
  int size;
  while ((size = prtc_endpoint_output(endpoint, which, chunk, sizeof chunk)) > 0) {
    out->data = realloc(out->data, out->size + (size_t)size);
    PRTC_REQUIRE(out->data != NULL);
    memcpy(out->data + out->size, chunk, (size_t)size);
    out->size += (size_t)size;
  }
  PRTC_CHECK_INT(size, 0);
}

static bool every_fifth(struct world *w, const struct flight *flight) {
  (void)flight;
  return w->counter % 5 == 0;
}

/* A whole life with loss: connecting, messages, another channel, closing. */
static void live(struct bytes recordings[2]) {
  world_open(&world, NULL);
  world.drop = every_fifth;
  prtc_channel_id channel = world_connect_two(&world, 10000000);
  static uint8_t message[20000];
  for (size_t i = 0; i < sizeof message; i++) message[i] = (uint8_t)(i * i >> 3);
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_BINARY, message, sizeof message), 0);
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_TEXT, (const uint8_t *)"", 0), 0);
  PRTC_CHECK_INT(prtc_peer_set_buffered_amount_low_threshold(world.nodes[0].peer, channel, 100), 0);
  prtc_channel_id second = world_channel(&world, 1, "second");
  world_run(&world, 5000000);
  PRTC_CHECK(world_find(&world, 1, PRTC_EVENT_CHANNEL_MESSAGE, -1) != NULL);
  PRTC_CHECK_INT(prtc_peer_close_channel(world.nodes[1].peer, world.now, second), 0);
  PRTC_CHECK_INT(prtc_endpoint_interfaces_changed(world.nodes[0].endpoint, world.now), 0);
  world_run(&world, 5000000);
  PRTC_CHECK_INT(prtc_peer_close(world.nodes[0].peer, world.now), 0);
  world_run(&world, 2000000);
  prtc_peer_free(world.nodes[1].peer);
  world_run(&world, 1000000);
  for (int i = 0; i < 2; i++) collect(world.nodes[i].endpoint, PRTC_OUTPUT_RECORDING, &recordings[i]);
}

static prtc_replay *replay_of(const struct bytes *recording) {
  const prtc_replay_config config = {
      .size = sizeof config, .recording = recording->data, .recording_size = recording->size, .log_level = PRTC_LOG_DEBUG,
      .key_log = 1, .capture_size = 1000000};
  return prtc_replay_new(&config);
}

/* Runs it to its end; returns the code, and the number of the last step. */
static int replay_all(const struct bytes *recording, uint64_t *last) {
  prtc_replay *replay = replay_of(recording);
  prtc_replay_step step;
  int code = replay == NULL ? PRTC_ERROR_MALFORMED : 1;
  *last = 0;
  while (code > 0) {
    code = prtc_replay_next(replay, &step);
    if (code > 0) PRTC_CHECK_INT(step.number, *last + 1);
    if (code != 0) *last = step.number;
  }
  if (replay != NULL) PRTC_CHECK_INT(prtc_replay_next(replay, &step), code);
  if (code < 0 && replay != NULL) PRTC_CHECK(prtc_replay_message(replay)[0] != 0);
  prtc_replay_free(replay);
  return code;
}

/* The events come out again, in their order, with all that they say. */
static void compare_events(const struct bytes *recording, const struct node *node) {
  prtc_replay *replay = replay_of(recording);
  prtc_replay_step step;
  size_t seen = 0;
  PRTC_REQUIRE(replay != NULL);
  while (prtc_replay_next(replay, &step) > 0) {
    for (size_t i = 0; i < step.event_count; i++, seen++) {
      PRTC_REQUIRE(seen < node->event_count);
      const prtc_event *event = &step.events[i], *was = &node->events[seen].event;
      PRTC_CHECK(event->type == was->type && event->state == was->state && event->size == was->size);
      if (event->data != NULL) PRTC_CHECK(memcmp(event->data, node->events[seen].data, event->size) == 0);
    }
  }
  PRTC_CHECK_INT(seen, node->event_count);
  PRTC_CHECK_TEXT(prtc_replay_message(replay), "");
  char line[512];
  PRTC_CHECK(prtc_endpoint_log(prtc_replay_endpoint(replay), line, sizeof line) > 0);
  struct bytes keys = {0}, capture = {0};
  collect(prtc_replay_endpoint(replay), PRTC_OUTPUT_KEY_LOG, &keys);
  collect(prtc_replay_endpoint(replay), PRTC_OUTPUT_CAPTURE, &capture);
  PRTC_CHECK(keys.size > 100 && capture.size > 10000);
  free(keys.data);
  free(capture.data);
  prtc_replay_free(replay);
}

static void a_recording_runs_again(void) {
  struct bytes recordings[2] = {{0}};
  world_recording_size = 10000000;
  live(recordings);
  for (int i = 0; i < 2; i++) {
    uint64_t steps;
    PRTC_CHECK(recordings[i].size > 5000);
    PRTC_CHECK_INT(replay_all(&recordings[i], &steps), 0);
    PRTC_CHECK(steps > 100);
    compare_events(&recordings[i], &world.nodes[i]);
    free(recordings[i].data);
  }
  world_close(&world);
  world_recording_size = 0;
}

/* The last byte of the result of call `wanted`, counted from 1. */
static size_t end_of_result(const struct bytes *recording, uint64_t wanted) {
  struct prtc_recording_reader reader = {.data = recording->data, .size = recording->size};
  struct prtc_recording_entry entry;
  uint64_t call = 0;
  while (prtc_recording_read(&reader, &entry) > 0) {
    if (entry.operation == PRTC_OP_result && call == wanted) return reader.position - 1;
    if (entry.operation >= PRTC_OP_endpoint_receive && strncmp(prtc_operation_name(entry.operation), "reply", 5) != 0) {
      call++;
    }
  }
  return 0;
}

static void a_changed_result_is_found_at_its_step(void) {
  struct bytes recordings[2] = {{0}};
  uint64_t steps, at;
  unsigned tried = 0;
  world_recording_size = 10000000;
  live(recordings);
  world_close(&world);
  world_recording_size = 0;
  PRTC_CHECK_INT(replay_all(&recordings[1], &steps), 0);
  for (uint64_t step = 1; step <= steps; step += 7) {
    size_t end = end_of_result(&recordings[1], step);
    if (end == 0) continue; /* a call that gives nothing */
    recordings[1].data[end] ^= 1;
    PRTC_CHECK_INT(replay_all(&recordings[1], &at), PRTC_ERROR_UNEXPECTED);
    PRTC_CHECK_INT(at, step);
    recordings[1].data[end] ^= 1;
    tried++;
  }
  PRTC_CHECK(tried > 20);
  free(recordings[0].data);
  free(recordings[1].data);
}

/* Anything else that is changed: found at once, or at the first step that depends on it. Never is anything worse than a
 * code. */
static void a_changed_recording_is_found(void) {
  struct bytes recordings[2] = {{0}};
  uint64_t steps, at;
  world_recording_size = 10000000;
  live(recordings);
  world_close(&world);
  world_recording_size = 0;
  struct bytes *recording = &recordings[0];
  PRTC_CHECK_INT(replay_all(recording, &steps), 0);
  for (size_t i = 0; i < recording->size; i += 1 + recording->size / 400) {
    recording->data[i] ^= 0x10;
    int code = replay_all(recording, &at);
    /* Without effect is what nobody looks at: the text of a lost datagram, a system error. */
    if (code < 0) PRTC_CHECK(at <= steps);
    if (i < 8) PRTC_CHECK_INT(code, PRTC_ERROR_MALFORMED);
    recording->data[i] ^= 0x10;
  }
  for (size_t size = recording->size; size > 60; size -= size / 50 + 1) {
    const struct bytes shorter = {recording->data, size};
    PRTC_CHECK_INT(replay_all(&shorter, &at), 0);
    PRTC_CHECK(at <= steps);
  }
  PRTC_CHECK(replay_of(&(struct bytes){recording->data, 20}) == NULL);
  free(recordings[0].data);
  free(recordings[1].data);
}

static void a_recording_that_nobody_polls_ends(void) {
  struct bytes recordings[2] = {{0}};
  uint64_t steps;
  world_recording_size = 20000;
  live(recordings);
  world_close(&world);
  world_recording_size = 0;
  PRTC_CHECK(recordings[0].size <= 20000 + 100);
  prtc_replay *replay = replay_of(&recordings[0]);
  prtc_replay_step step;
  PRTC_REQUIRE(replay != NULL);
  while (prtc_replay_next(replay, &step) > 0) continue;
  PRTC_CHECK_TEXT(prtc_replay_message(replay), "the recording stopped at its bound, the endpoint went on");
  prtc_replay_free(replay);
  PRTC_CHECK_INT(replay_all(&recordings[0], &steps), 0);
  free(recordings[0].data);
  free(recordings[1].data);
}

/* --------------------------------------------------------------------------------------------------------------- others */

static uint32_t word(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* RFC 1071: what holds its own checksum adds up to nothing. */
static uint32_t sum_of(uint32_t sum, const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) sum += (uint32_t)data[i] << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

struct counted {
  unsigned stun, dtls, sctp, outgoing, lost;
};

/* Walks over the blocks; checks lengths and the checksums of IP and UDP. */
static struct counted count_packets(const struct bytes *capture) {
  struct counted counted = {0};
  size_t at = 0;
  for (; at + 12 <= capture->size; at += word(capture->data + at + 4)) {
    const uint8_t *block = capture->data + at;
    uint32_t size = word(block + 4);
    PRTC_REQUIRE(size % 4 == 0 && size <= capture->size - at && word(block + size - 4) == size);
    if (word(block) != 6) continue;
    const uint8_t *ip = block + 28, *options = ip + (word(block + 20) + 3) / 4 * 4;
    uint64_t time = (uint64_t)word(block + 12) << 32 | word(block + 16);
    PRTC_CHECK(time >= UINT64_C(1700000000000000) && time < UINT64_C(1700000100000000));
    PRTC_CHECK_INT(ip[0], 0x45);
    PRTC_CHECK_INT(sum_of(0, ip, 20), 0xffff);
    PRTC_CHECK_INT((uint32_t)ip[2] << 8 | ip[3], word(block + 20));
    PRTC_CHECK_INT(ip[12], 192);
    if (ip[9] == 17) {
      uint32_t udp = word(block + 20) - 20;
      const uint8_t pseudo[4] = {0, 17, (uint8_t)(udp >> 8), (uint8_t)udp};
      PRTC_CHECK_INT(word(block + 8), 0);
      PRTC_CHECK_INT(sum_of(sum_of(sum_of(0, ip + 12, 8), pseudo, 4), ip + 20, udp), 0xffff);
      counted.stun += ip[28] < 4;
      counted.dtls += ip[28] >= 20 && ip[28] < 64;
    } else {
      PRTC_CHECK_INT(word(block + 8), 1);
      counted.sctp++;
    }
    counted.outgoing += word(options + 4) == 2;
    if (word(options + 8) == (4 << 16 | 8)) counted.lost += word(options + 16);
  }
  PRTC_CHECK(at == capture->size);
  return counted;
}

static void connect_and_send(void) {
  world_open(&world, NULL);
  prtc_channel_id channel = world_connect_two(&world, 2000000);
  static uint8_t message[20000];
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_BINARY, message, sizeof message), 0);
  world_run(&world, 2000000);
}

static void captures_have_every_packet(void) {
  struct bytes captures[2] = {{0}};
  world_capture_size = 10000000;
  connect_and_send();
  struct counted counted[2];
  for (int i = 0; i < 2; i++) {
    prtc_endpoint_stats stats;
    PRTC_INIT(&stats);
    collect(world.nodes[i].endpoint, PRTC_OUTPUT_CAPTURE, &captures[i]);
    counted[i] = count_packets(&captures[i]);
    PRTC_CHECK_INT(prtc_endpoint_get_stats(world.nodes[i].endpoint, &stats), 0);
    PRTC_CHECK_INT(counted[i].stun + counted[i].dtls, stats.datagrams_received + stats.datagrams_sent);
    PRTC_CHECK(counted[i].stun >= 4 && counted[i].dtls > counted[i].sctp && counted[i].sctp > 20);
    PRTC_CHECK(counted[i].outgoing > 10 && counted[i].outgoing < counted[i].stun + counted[i].dtls + counted[i].sctp);
    free(captures[i].data);
  }
  PRTC_CHECK_INT(counted[0].sctp, counted[1].sctp); /* what one side sends, the other receives */
  world_close(&world);

  /* Nobody polls: memory has its bound, and what was lost is counted. */
  world_capture_size = 5000;
  connect_and_send();
  struct bytes capture = {0};
  collect(world.nodes[0].endpoint, PRTC_OUTPUT_CAPTURE, &capture);
  PRTC_CHECK(capture.size <= 5000);
  world_run(&world, 30000000); /* consent goes on */
  collect(world.nodes[0].endpoint, PRTC_OUTPUT_CAPTURE, &capture);
  PRTC_CHECK(count_packets(&capture).lost > 10);
  free(capture.data);
  world_close(&world);
  world_capture_size = 0;
}

/* "CLIENT_RANDOM", 32 bytes, 48 bytes: the same on both sides. */
static void key_logs_are_those_of_the_handshake(void) {
  struct bytes logs[2] = {{0}};
  world_key_log = 1;
  connect_and_send();
  for (int i = 0; i < 2; i++) {
    collect(world.nodes[i].endpoint, PRTC_OUTPUT_KEY_LOG, &logs[i]);
    PRTC_REQUIRE(logs[i].size == strlen("CLIENT_RANDOM ") + 64 + 1 + 96 + 1);
    PRTC_CHECK(memcmp(logs[i].data, "CLIENT_RANDOM ", 14) == 0 && logs[i].data[logs[i].size - 1] == '\n');
  }
  PRTC_CHECK(memcmp(logs[0].data, logs[1].data, logs[0].size) == 0);
  free(logs[0].data);
  free(logs[1].data);
  world_close(&world);
  world_key_log = 0;
  connect_and_send();
  uint8_t byte;
  for (int i = 0; i < 4; i++) {
    int code = prtc_endpoint_output(world.nodes[0].endpoint, (prtc_output)i, &byte, 1);
    PRTC_CHECK_INT(code, i < 3 ? 0 : PRTC_ERROR_INVALID_ARGUMENT);
  }
  world_close(&world);
}

static unsigned count_lines(prtc_endpoint *endpoint, const char *layer, const char *level) {
  char line[512], name[16];
  unsigned count = 0;
  int size;
  while ((size = prtc_endpoint_log(endpoint, line, sizeof line)) > 0) {
    char got[16];
    PRTC_CHECK_INT(sscanf(line, "%*s %15s %15s", got, name), 2);
    count += strcmp(name, layer) == 0 && (level == NULL || strcmp(got, level) == 0);
  }
  return count;
}

static void the_log_has_levels_for_layers(void) {
  world_open(&world, NULL);
  prtc_endpoint *quiet = world.nodes[0].endpoint, *loud = world.nodes[1].endpoint;
  PRTC_CHECK_INT(prtc_endpoint_set_log_level(quiet, NULL, PRTC_LOG_NONE), 0);
  PRTC_CHECK_INT(prtc_endpoint_set_log_level(quiet, "dtls", PRTC_LOG_INFO), 0);
  PRTC_CHECK_INT(prtc_endpoint_set_log_level(loud, NULL, PRTC_LOG_TRACE), 0);
  PRTC_CHECK_INT(prtc_endpoint_set_log_level(loud, "ice", PRTC_LOG_NONE), 0);
  PRTC_CHECK_INT(prtc_endpoint_set_log_level(loud, "a layer that cannot be", PRTC_LOG_INFO), PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_INT(prtc_endpoint_set_log_level(loud, NULL, 6), PRTC_ERROR_INVALID_ARGUMENT);
  world_peer(&world, 0);
  world_peer(&world, 1);
  world_channel(&world, 0, "chat");
  world_signal(&world, 0, PRTC_SDP_OFFER);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
  for (int i = 0; i < 40; i++) world_run(&world, 5000);
  PRTC_CHECK(count_lines(quiet, "dtls", "info") > 0);
  PRTC_CHECK_INT(count_lines(loud, "ice", NULL), 0);
  PRTC_CHECK_INT(prtc_endpoint_set_log_level(quiet, NULL, PRTC_LOG_NONE), 0);
  PRTC_CHECK_INT(prtc_peer_close(world.nodes[0].peer, world.now), 0);
  world_run(&world, 1000000);
  char line[512];
  PRTC_CHECK_INT(prtc_endpoint_log(quiet, line, sizeof line), 0);
  world_close(&world);
}

int main(void) {
  PRTC_RUN(a_recording_runs_again);
  PRTC_RUN(a_changed_result_is_found_at_its_step);
  PRTC_RUN(a_changed_recording_is_found);
  PRTC_RUN(a_recording_that_nobody_polls_ends);
  PRTC_RUN(captures_have_every_packet);
  PRTC_RUN(key_logs_are_those_of_the_handshake);
  PRTC_RUN(the_log_has_levels_for_layers);
  return PRTC_TEST_RESULT();
}
