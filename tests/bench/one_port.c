/* What it costs to find whose a datagram is, when many peers share one UDP port: the instructions that an endpoint takes for one
 * datagram, with all that follows (the five verbs, until nothing is left to do), for different numbers of idle peers. Each of them is
 * connected to a far end with a port of its own.
 *
 *     one_port [--json FILE] [PEERS…]          by default 10 100 1000 10000
 *
 * Prints a table. Ends with 1 when a datagram costs more than a tenth more than with the fewest peers.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>

#include "core/base/context.h"
#include "core/endpoint/crowd_test.h"
#include "core/stun/message.h"
#include "tests/bench/steps.h"

enum kind { DATA, CHECK, UNKNOWN_STUN, UNKNOWN_BYTES, KINDS };

static const char *const kind_names[KINDS] = {"a message of a peer", "a connectivity check of a peer",
                                              "a check with an unknown ufrag", "bytes of nobody"};

/* So many peers are measured, spread over all; and so many come to be at a time. */
enum { SAMPLES = 3, BATCH = 200, MOST_COUNTS = 8, MOST_RATIO_PERCENT = 110 };

static struct crowd crowd;
static size_t peer_count; /* of this run */

static struct crowd_flight caught;
static uint16_t caught_from;

/* Takes a datagram of one of the far ends off the wire. */
static bool catch_flight(struct crowd *unused, const struct crowd_flight *flight) {
  (void)unused;
  if (flight->from.port == caught_from) caught = *flight;
  return flight->from.port == caught_from;
}

static size_t sample(size_t i) { return i * (peer_count - 1) / (SAMPLES - 1); }

static bool is_sample(size_t pair) {
  for (size_t i = 0; i < SAMPLES; i++) {
    if (sample(i) == pair) return true;
  }
  return false;
}

/* The far ends of those that are not measured are gone as soon as they have connected: nobody hears of it for some seconds. */
static void connect_all(void) {
  for (size_t first = 0; first < peer_count; first += BATCH) {
    size_t last = first + BATCH < peer_count ? first + BATCH : peer_count;
    for (size_t i = first; i < last; i++) PRTC_REQUIRE(crowd_pair(&crowd) == i);
    crowd_run(&crowd, 400000);
    for (size_t i = first; i < last; i++) {
      PRTC_REQUIRE(crowd_is_open(&crowd, i));
      if (!is_sample(i)) crowd_free_peer(&crowd, CLIENT, i);
    }
    crowd_settle(&crowd);
  }
}

static void find_parameter(const char *sdp, const char *name, char *out, size_t size) {
  const char *at = strstr(sdp, name);
  PRTC_REQUIRE(at != NULL);
  at += strlen(name);
  size_t length = strcspn(at, "\r\n");
  PRTC_REQUIRE(length < size);
  memcpy(out, at, length);
  out[length] = '\0';
}

/* A check as the far end of the pair would send it; with another ufrag when it is to be unknown. */
static size_t write_check(size_t pair, bool known, uint8_t *out, size_t capacity) {
  static char sdp[65536];
  char ufrag[257], password[257], remote[257], name[600];
  const prtc_peer *server = crowd.peers[SERVER][pair].peer;
  prtc_sdp_type type;
  PRTC_REQUIRE(prtc_peer_get_description(server, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp) > 0);
  find_parameter(sdp, "a=ice-ufrag:", ufrag, sizeof ufrag);
  find_parameter(sdp, "a=ice-pwd:", password, sizeof password);
  PRTC_REQUIRE(prtc_peer_get_description(server, PRTC_DESCRIPTION_REMOTE, &type, sdp, sizeof sdp) > 0);
  find_parameter(sdp, "a=ice-ufrag:", remote, sizeof remote);
  snprintf(name, sizeof name, "%s:%s", known ? ufrag : "unknown0", remote);
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  const uint8_t id[12] = {(uint8_t)pair, (uint8_t)(pair >> 8), 1};
  struct prtc_stun_writer writer;
  struct prtc_context *previous = prtc_enter(context);
  prtc_stun_begin(&writer, out, capacity, PRTC_STUN_REQUEST, PRTC_STUN_METHOD_BINDING, id);
  prtc_stun_add(&writer, PRTC_STUN_USERNAME, name, strlen(name));
  prtc_stun_add_u64(&writer, PRTC_STUN_ICE_CONTROLLING, 1);
  prtc_stun_add_u32(&writer, PRTC_STUN_PRIORITY, 1);
  int size = prtc_stun_finish(&writer, password, strlen(password));
  prtc_leave(previous);
  prtc_context_free(context);
  PRTC_REQUIRE(size > 0);
  return (size_t)size;
}

/* What arrives, from whom. */
static size_t write_datagram(enum kind kind, size_t pair, uint8_t *out, size_t capacity, prtc_address *from) {
  prtc_address remote;
  PRTC_REQUIRE(prtc_peer_get_selected_pair(crowd.peers[CLIENT][pair].peer, from, &remote) == 1);
  if (kind == CHECK || kind == UNKNOWN_STUN) return write_check(pair, kind == CHECK, out, capacity);
  if (kind == UNKNOWN_BYTES) {
    from->ip[0] = 203;
    memset(out, 0x17, 100);
    return 100;
  }
  caught.size = 0;
  caught_from = from->port;
  crowd.drop = catch_flight;
  PRTC_REQUIRE(crowd_send(&crowd, CLIENT, pair, "a message of some bytes", 23) == PRTC_OK);
  crowd_transmit(&crowd, CLIENT);
  crowd.drop = NULL;
  PRTC_REQUIRE(caught.size > 0);
  memcpy(out, caught.bytes, caught.size);
  return caught.size;
}

/* One turn of a driver's loop. */
static void handle(const prtc_datagram *datagram) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  prtc_endpoint *endpoint = crowd.endpoints[SERVER];
  prtc_event events[8];
  prtc_request request;
  prtc_datagram out;
  (void)prtc_endpoint_receive(endpoint, crowd.now, datagram, 1);
  while (prtc_endpoint_transmit(endpoint, crowd.now, &out, buffer, sizeof buffer) > 0) {}
  while (prtc_endpoint_event(endpoint, events, 8) > 0) {}
  while (prtc_endpoint_request(endpoint, &request) > 0) {}
  while (prtc_endpoint_transmit(endpoint, crowd.now, &out, buffer, sizeof buffer) > 0) {}
  (void)prtc_endpoint_deadline(endpoint);
}

static void program(void *unused) {
  (void)unused;
  uint8_t bytes[1500];
  crowd_open(&crowd, peer_count, 7000, 0);
  connect_all();
  const prtc_address at = crowd_address(192, 0, 2, 1, 7000);
  const prtc_socket_id socket = crowd_socket_at(&crowd, &at)->id;
  for (int round = 0; round < 2; round++) { /* the first is to warm up: buffers are allocated */
    for (int kind = 0; kind < KINDS; kind++) {
      for (size_t i = 0; i < SAMPLES; i++) {
        prtc_datagram datagram = {.socket = socket, .local = at, .data = bytes};
        datagram.size = write_datagram((enum kind)kind, sample(i), bytes, sizeof bytes, &datagram.remote);
        crowd_settle(&crowd);
        crowd.now += 100;
        if (round == 1) steps_begin();
        handle(&datagram);
        if (round == 1) steps_end();
      }
    }
  }
  crowd_close(&crowd);
}

static unsigned long taken[KINDS][SAMPLES];

static void took(void *unused, unsigned number, unsigned long instructions) {
  (void)unused;
  PRTC_REQUIRE(number < KINDS * SAMPLES);
  taken[number / SAMPLES][number % SAMPLES] = instructions;
}

static int compare(const void *a, const void *b) {
  unsigned long left = *(const unsigned long *)a, right = *(const unsigned long *)b;
  return (left > right) - (left < right);
}

static void write_json(const char *path, const size_t *counts, size_t count, unsigned long medians[][KINDS]) {
  FILE *file = fopen(path, "w");
  PRTC_REQUIRE(file != NULL);
  fprintf(file, "{\n  \"peers\": [");
  for (size_t i = 0; i < count; i++) fprintf(file, "%s%zu", i > 0 ? ", " : "", counts[i]);
  fprintf(file, "],\n  \"instructions\": {\n");
  for (int kind = 0; kind < KINDS; kind++) {
    fprintf(file, "    \"%s\": [", kind_names[kind]);
    for (size_t i = 0; i < count; i++) fprintf(file, "%s%lu", i > 0 ? ", " : "", medians[i][kind]);
    fprintf(file, "]%s\n", kind + 1 < KINDS ? "," : "");
  }
  fprintf(file, "  }\n}\n");
  fclose(file);
}

int main(int argc, char **argv) {
  size_t counts[MOST_COUNTS] = {10, 100, 1000, 10000}, count = 4;
  unsigned long medians[MOST_COUNTS][KINDS];
  const char *json = NULL;
  bool good = true, given = false;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
      json = argv[++i];
      continue;
    }
    if (!given) count = 0;
    given = true;
    PRTC_REQUIRE(count < MOST_COUNTS && atol(argv[i]) >= SAMPLES && atol(argv[i]) <= 50000);
    counts[count++] = (size_t)atol(argv[i]);
  }
  printf("%10s", "peers");
  for (int kind = 0; kind < KINDS; kind++) printf("  %32s", kind_names[kind]);
  printf("\n");
  for (size_t i = 0; i < count; i++) {
    peer_count = counts[i];
    PRTC_REQUIRE(steps_run(program, took, NULL) == 0);
    printf("%10zu", counts[i]);
    for (int kind = 0; kind < KINDS; kind++) {
      qsort(taken[kind], SAMPLES, sizeof taken[kind][0], compare);
      unsigned long median = medians[i][kind] = taken[kind][SAMPLES / 2];
      printf("  %25lu %6.3f", median, (double)median / (double)medians[0][kind]);
      good = good && median * 100 <= medians[0][kind] * MOST_RATIO_PERCENT;
    }
    printf("\n");
    fflush(stdout);
  }
  if (json != NULL) write_json(json, counts, count, medians);
  prtc_test_count++;
  return good && prtc_test_failures == 0 ? 0 : 1;
}
