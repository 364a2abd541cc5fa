/* Two peers with a bottleneck between them, in virtual time: what of its rate a channel gets, and how long the queue is that
 * it keeps there. README.md says what is simulated.
 *
 *     bottleneck                                a few cases, which must be as good as they have been (a test)
 *     bottleneck --json [SECONDS]               all cases of the plots, on stdout
 *     bottleneck MBIT RTT_MS LOSS_PERCENT [QUEUE_BDP [CROSS [SECONDS]]]
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/polyrtc.h>

#include "core/base/random.h"

enum { SECOND = 1000000, EVENTS = 64, HEADERS = 28, MTU = 1500, HIGH = 4 * 1024 * 1024, MESSAGE = 16384 };

/* Other traffic through the bottleneck: none; half of its rate, two seconds on, two off; a TCP with the window of RFC 5681. */
enum cross { CROSS_NONE, CROSS_BURSTS, CROSS_TCP };
static const char *const cross_names[] = {"none", "bursts", "tcp"};

struct scenario {
  double mbit, rtt_ms, loss, queue_bdp;
  enum cross cross;
  unsigned seconds;
};

struct result {
  double mbit;         /* that the application received, after a sixth of the time */
  double queue_ms;     /* mean of the queue's delay then */
  double queue_worst;  /* 95th percentile, in bandwidth-delay products */
  double tcp_mbit;     /* what the TCP beside it got */
};

/* ----------------------------------------------------------------------------------------------------------- the network */

enum owner { OF_PEER, OF_BURSTS, OF_TCP };

struct packet {
  struct packet *next;
  prtc_time at;
  enum owner owner;
  size_t size;
  uint8_t data[];
};

struct pipe {
  struct packet *first, **last;
};

/* A TCP that always has something to send: one packet is one unit of its window. */
struct tcp {
  double window, threshold;
  unsigned flight;
  prtc_time recovered; /* until then, losses are of the same event */
};

struct side {
  prtc_endpoint *endpoint;
  prtc_peer *peer;
  prtc_channel_id channel;
  prtc_socket_id socket;
  prtc_address address;
  uint64_t received;
};

struct world {
  const struct scenario *scenario;
  prtc_time now;
  double free_at; /* when the link is through with what waits, µs */
  struct side sides[2];
  struct pipe pipes[2];     /* towards each side */
  struct pipe answers;      /* of the TCP */
  struct prtc_random random;
  struct tcp tcp;
  prtc_time next_burst;
  uint64_t tcp_bytes;
  bool measures;
  unsigned samples[4096]; /* of the queue, by its hundredths of a BDP */
  double delay_sum;
  unsigned sample_count;
  prtc_time next_sample;
};

static void check(bool good, const char *what) {
  if (good) return;
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static double bdp_of(const struct scenario *scenario) { return scenario->mbit * 1e6 / 8 * scenario->rtt_ms / 1e3; }

static double queue_of(const struct world *world) { /* bytes */
  if (world->free_at <= (double)world->now) return 0;
  return (world->free_at - (double)world->now) * world->scenario->mbit / 8;
}

static void put(struct pipe *pipe, prtc_time at, enum owner owner, const uint8_t *data, size_t size) {
  struct packet *packet = malloc(sizeof *packet + size);
  check(packet != NULL, "no memory");
  *packet = (struct packet){.at = at, .owner = owner, .size = size};
  if (size > 0) memcpy(packet->data, data, size);
  *pipe->last = packet;
  pipe->last = &packet->next;
}

static struct packet *take(struct pipe *pipe, prtc_time now) {
  struct packet *packet = pipe->first;
  if (packet == NULL || packet->at > now) return NULL;
  pipe->first = packet->next;
  if (pipe->first == NULL) pipe->last = &pipe->first;
  return packet;
}

/* Through the bottleneck, towards side 1. False: lost. */
static bool pass(struct world *world, enum owner owner, const uint8_t *data, size_t size) {
  const struct scenario *scenario = world->scenario;
  double wire = (double)size + HEADERS;
  prtc_time half = (prtc_time)(scenario->rtt_ms * 500);
  if (wire > MTU) return false;
  if (queue_of(world) + wire > scenario->queue_bdp * bdp_of(scenario) + 4 * MTU) return false;
  if (world->free_at < (double)world->now) world->free_at = (double)world->now;
  world->free_at += wire * 8 / scenario->mbit;
  if (prtc_random_below(&world->random, 1000000) < (uint32_t)(scenario->loss * 1e4)) return false;
  put(&world->pipes[1], (prtc_time)world->free_at + half, owner, data, owner == OF_PEER ? size : 0);
  return true;
}

static void tcp_send(struct world *world) {
  struct tcp *tcp = &world->tcp;
  prtc_time rtt = (prtc_time)(world->scenario->rtt_ms * 1000);
  while (tcp->flight < (unsigned)tcp->window) {
    if (pass(world, OF_TCP, NULL, MTU - HEADERS)) {
      tcp->flight++;
      continue;
    }
    if (world->now < tcp->recovered) return;
    tcp->recovered = world->now + rtt + (prtc_time)(queue_of(world) * 8 / world->scenario->mbit);
    tcp->threshold = tcp->window = tcp->window / 2 < 2 ? 2 : tcp->window / 2;
  }
}

static void tcp_acknowledged(struct world *world) {
  struct tcp *tcp = &world->tcp;
  tcp->flight--;
  tcp->window += tcp->window < tcp->threshold ? 1 : 1 / tcp->window;
  tcp_send(world);
}

/* -------------------------------------------------------------------------------------------------------------- the peers */

static void answer(struct world *world, int i, const prtc_request *request) {
  prtc_reply reply = {.size = sizeof reply, .id = request->id};
  prtc_interface interface = {.index = 1, .network_type = PRTC_NETWORK_ETHERNET};
  interface.address = (prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, (uint8_t)(i + 1)}};
  if (request->type == PRTC_REQUEST_CLOSE) return;
  if (request->type == PRTC_REQUEST_INTERFACES) {
    reply.interfaces = &interface, reply.interface_count = 1;
  } else if (request->type == PRTC_REQUEST_OPEN_UDP) {
    reply.address = request->address;
    reply.address.port = 5000;
    world->sides[i].socket = request->socket;
    world->sides[i].address = reply.address;
  } else {
    reply.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  (void)prtc_endpoint_reply(world->sides[i].endpoint, world->now, &reply);
}

static void handle(struct world *world, int i, const prtc_event *event) {
  struct side *side = &world->sides[i];
  if (event->type == PRTC_EVENT_ICE_CANDIDATE && event->text != NULL) {
    (void)prtc_peer_add_ice_candidate(world->sides[1 - i].peer, world->now, event->text, event->mid, -1, event->ufrag);
  } else if (event->type == PRTC_EVENT_CHANNEL_OPEN || event->type == PRTC_EVENT_DATA_CHANNEL) {
    side->channel = event->object;
  } else if (event->type == PRTC_EVENT_CHANNEL_MESSAGE) {
    side->received += event->size;
  }
}

static void send_all(struct world *world, int i) {
  static uint8_t train[PRTC_TRAIN_SIZE];
  prtc_datagram datagram;
  prtc_time half = (prtc_time)(world->scenario->rtt_ms * 500);
  while (prtc_endpoint_transmit(world->sides[i].endpoint, world->now, &datagram, train, sizeof train) > 0) {
    size_t segment = datagram.segment_size != 0 ? datagram.segment_size : datagram.size;
    for (size_t at = 0; at < datagram.size; at += segment) {
      size_t size = datagram.size - at < segment ? datagram.size - at : segment;
      if (i == 0) (void)pass(world, OF_PEER, train + at, size);
      else if (size + HEADERS <= MTU) put(&world->pipes[0], world->now + half, OF_PEER, train + at, size);
    }
  }
}

/* As much as the channel takes. */
static void feed(struct world *world) {
  static uint8_t message[MESSAGE];
  struct side *side = &world->sides[0];
  prtc_channel_info info;
  PRTC_INIT(&info);
  while (side->channel != 0 && prtc_peer_channel_info(side->peer, side->channel, &info) == 0 && info.buffered_amount < HIGH &&
         prtc_peer_send(side->peer, world->now, side->channel, PRTC_MESSAGE_BINARY, message, sizeof message) == 0) {
  }
}

static void drain(struct world *world, int i) {
  prtc_event events[EVENTS];
  prtc_request request;
  int count;
  do {
    send_all(world, i);
    count = prtc_endpoint_event(world->sides[i].endpoint, events, EVENTS);
    for (int k = 0; k < count; k++) handle(world, i, &events[k]);
    while (prtc_endpoint_request(world->sides[i].endpoint, &request) > 0) {
      answer(world, i, &request);
      count++;
    }
  } while (count > 0);
}

static void receive(struct world *world, int i, const struct packet *packet) {
  struct side *side = &world->sides[i], *other = &world->sides[1 - i];
  prtc_datagram datagram = {.socket = side->socket, .local = side->address, .remote = other->address, .data = packet->data,
                            .size = packet->size, .time = world->now};
  (void)prtc_endpoint_receive(side->endpoint, world->now, &datagram, 1);
}

static void connect_sides(struct world *world) {
  static char sdp[65536];
  prtc_channel_config channel;
  prtc_channel_id id;
  for (int i = 0; i < 2; i++) {
    prtc_endpoint_config config;
    prtc_peer_config peer;
    PRTC_INIT(&config);
    PRTC_INIT(&peer);
    config.seed[0] = (uint8_t)i;
    config.now = world->now;
    peer.tcp_candidates = PRTC_TCP_CANDIDATES_NONE;
    world->sides[i].endpoint = prtc_endpoint_new(&config);
    check(prtc_peer_new(world->sides[i].endpoint, world->now, &peer, &world->sides[i].peer) == 0, "a peer cannot be made");
  }
  PRTC_INIT(&channel);
  channel.label = "c", channel.label_size = 1, channel.stream_id = PRTC_STREAM_NONE;
  check(prtc_peer_create_data_channel(world->sides[0].peer, world->now, &channel, &id) == 0, "a channel cannot be made");
  for (int i = 0; i < 2; i++) {
    prtc_sdp_type type = i == 0 ? PRTC_SDP_OFFER : PRTC_SDP_ANSWER, written;
    check(prtc_peer_set_local_description(world->sides[i].peer, world->now, type, NULL, 0) == 0, "no description");
    int size = prtc_peer_get_description(world->sides[i].peer, PRTC_DESCRIPTION_LOCAL, &written, sdp, sizeof sdp);
    check(prtc_peer_set_remote_description(world->sides[1 - i].peer, world->now, type, sdp, (size_t)size) == 0,
          "no description");
  }
}

/* ------------------------------------------------------------------------------------------------------------- time passes */

static void sample(struct world *world) {
  if (world->now < world->next_sample) return;
  world->next_sample = world->now + 5000;
  if (!world->measures) return;
  double queue = queue_of(world), place = queue / bdp_of(world->scenario) * 100;
  world->samples[place < 4095 ? (unsigned)place : 4095]++;
  world->delay_sum += queue * 8 / world->scenario->mbit / 1e3;
  world->sample_count++;
}

static void bursts(struct world *world) {
  while (world->next_burst <= world->now) {
    bool on = world->next_burst / (2 * SECOND) % 2 == 0;
    if (on) (void)pass(world, OF_BURSTS, NULL, MTU - HEADERS);
    world->next_burst += on ? (prtc_time)(MTU * 8 / (world->scenario->mbit / 2)) : 2 * SECOND;
  }
}

static void earliest(prtc_time *next, prtc_time at) {
  if (at < *next) *next = at;
}

static void step(struct world *world, prtc_time until) {
  prtc_time next = until;
  for (int i = 0; i < 2; i++) {
    earliest(&next, prtc_endpoint_deadline(world->sides[i].endpoint));
    if (world->pipes[i].first != NULL) earliest(&next, world->pipes[i].first->at);
  }
  if (world->answers.first != NULL) earliest(&next, world->answers.first->at);
  if (world->scenario->cross == CROSS_BURSTS) earliest(&next, world->next_burst);
  earliest(&next, world->next_sample);
  if (next > world->now) world->now = next;
  sample(world);
  if (world->scenario->cross == CROSS_BURSTS) bursts(world);
  for (struct packet *packet; (packet = take(&world->answers, world->now)) != NULL; free(packet)) tcp_acknowledged(world);
  for (int i = 0; i < 2; i++) {
    struct side *side = &world->sides[i];
    bool busy = false;
    for (struct packet *packet; (packet = take(&world->pipes[i], world->now)) != NULL; free(packet)) {
      if (packet->owner == OF_PEER) {
        receive(world, i, packet);
        busy = true;
      } else if (packet->owner == OF_TCP) {
        if (world->measures) world->tcp_bytes += MTU - HEADERS;
        put(&world->answers, world->now + (prtc_time)(world->scenario->rtt_ms * 500), OF_TCP, NULL, 0);
      }
    }
    if (prtc_endpoint_deadline(side->endpoint) <= world->now) {
      (void)prtc_endpoint_timeout(side->endpoint, world->now);
      busy = true;
    }
    if (i == 0) feed(world);
    if (busy || i == 0) drain(world, i);
  }
}

static void run(struct world *world, prtc_time duration) {
  prtc_time until = world->now + duration;
  while (world->now < until) step(world, until);
}

static struct result simulate(const struct scenario *scenario) {
  struct world *world = calloc(1, sizeof *world);
  check(world != NULL, "no memory");
  uint8_t seed[32] = {7};
  world->scenario = scenario;
  world->now = 4 * SECOND;
  world->next_burst = world->now;
  prtc_random_init(&world->random, seed);
  for (int i = 0; i < 2; i++) world->pipes[i].last = &world->pipes[i].first;
  world->answers.last = &world->answers.first;
  world->tcp = (struct tcp){.window = 10, .threshold = 1e9};
  connect_sides(world);
  for (int i = 0; i < 2; i++) drain(world, i);
  if (scenario->cross == CROSS_TCP) tcp_send(world);
  prtc_time all = (prtc_time)scenario->seconds * SECOND, first = all / 6;
  run(world, first);
  check(world->sides[1].channel != 0, "they do not connect");
  world->measures = true;
  uint64_t before = world->sides[1].received;
  run(world, all - first);
  double seconds = (double)(all - first) / SECOND;
  struct result result = {.mbit = (double)(world->sides[1].received - before) * 8e-6 / seconds,
                          .queue_ms = world->delay_sum / world->sample_count,
                          .tcp_mbit = (double)world->tcp_bytes * 8e-6 / seconds};
  unsigned seen = 0, place = 0;
  while (place < 4095 && (seen += world->samples[place]) < world->sample_count * 0.95) place++;
  result.queue_worst = place / 100.0;
  for (int i = 0; i < 2; i++) {
    prtc_endpoint_free(world->sides[i].endpoint);
    for (struct packet *packet; (packet = take(&world->pipes[i], PRTC_NEVER)) != NULL;) free(packet);
  }
  for (struct packet *packet; (packet = take(&world->answers, PRTC_NEVER)) != NULL;) free(packet);
  free(world);
  return result;
}

static void print(const struct scenario *scenario, const struct result *result, bool json) {
  printf(json ? "{\"mbit\": %g, \"rtt_ms\": %g, \"loss\": %g, \"queue_bdp\": %g, \"cross\": \"%s\", \"got_mbit\": %.2f, "
                "\"queue_ms\": %.2f, \"queue_p95_bdp\": %.2f, \"tcp_mbit\": %.2f}"
              : "%4g Mbit/s, %3g ms, loss %4g %%, queue %g BDP, cross %-6s: %7.2f Mbit/s, queue %6.2f ms, 95 %% %.2f BDP, "
                "tcp %.2f\n",
         scenario->mbit, scenario->rtt_ms, scenario->loss, scenario->queue_bdp, cross_names[scenario->cross], result->mbit,
         result->queue_ms, result->queue_worst, result->tcp_mbit);
  fflush(stdout);
}

/* What a TCP gets that knows no better than loss (Mathis et al., 1997), with segments of 1,200 bytes; at most what the link
 * carries of messages, in datagrams of 1,200. */
static double mathis(const struct scenario *scenario) {
  double share = 0.9 * scenario->mbit;
  if (scenario->loss == 0) return share;
  double rate = 1200 * 8 / (scenario->rtt_ms * 1e3) * 1.22 / sqrt(scenario->loss / 100);
  return rate < share ? rate : share;
}

static const double round_trips[] = {10, 20, 50, 100, 200}, losses[] = {0, 0.01, 0.1, 0.5, 1, 2};
enum { ROUND_TRIPS = sizeof round_trips / sizeof *round_trips, LOSSES = sizeof losses / sizeof *losses };

static void print_all(unsigned seconds) {
  const char *comma = "";
  puts("[");
  for (size_t i = 0; i < ROUND_TRIPS; i++) {
    for (size_t k = 0; k < LOSSES + 3; k++) {
      struct scenario scenario = {100, round_trips[i], k < LOSSES ? losses[k] : 0, 1, CROSS_NONE, seconds};
      if (k == LOSSES) scenario.queue_bdp = 4;
      if (k > LOSSES) scenario.cross = k == LOSSES + 1 ? CROSS_BURSTS : CROSS_TCP;
      struct result result = simulate(&scenario);
      fputs(comma, stdout);
      print(&scenario, &result, true);
      comma = ",\n";
    }
  }
  puts("\n]");
}

/* Floors: a loss-based TCP, the whole link where nothing is lost, half of it beside a TCP. Ceilings: where the queue could be
 * of four bandwidth-delay products it is of little more than one. */
static int test(void) {
  static const struct {
    struct scenario scenario;
    double share; /* of mathis() */
  } cases[] = {
      {{100, 10, 0, 1, CROSS_NONE, 30}, 1},   {{100, 50, 0, 1, CROSS_NONE, 30}, 1},    {{100, 100, 0, 1, CROSS_NONE, 30}, 1},
      {{100, 200, 0, 1, CROSS_NONE, 30}, 1},  {{320, 100, 0, 1, CROSS_NONE, 15}, 1},   {{1000, 20, 0, 1, CROSS_NONE, 5}, 1},
      {{100, 10, 1, 1, CROSS_NONE, 30}, 1},   {{100, 50, 0.1, 1, CROSS_NONE, 60}, 1},  {{100, 100, 2, 1, CROSS_NONE, 120}, 1},
      {{100, 200, 1, 1, CROSS_NONE, 120}, 1}, {{100, 50, 0, 4, CROSS_NONE, 30}, 1},    {{100, 200, 0, 4, CROSS_NONE, 30}, 1},
      {{100, 50, 0, 1, CROSS_BURSTS, 30}, 0.6}, {{100, 50, 0, 1, CROSS_TCP, 60}, 0.35},
  };
  int failed = 0;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct scenario *scenario = &cases[i].scenario;
    struct result result = simulate(scenario);
    bool good = result.mbit >= cases[i].share * mathis(scenario) && (scenario->queue_bdp <= 1 || result.queue_worst <= 1.4);
    printf("%s ", good ? "ok  " : "FAIL");
    print(scenario, &result, false);
    failed += !good;
  }
  return failed > 0;
}

int main(int argc, char **argv) {
  if (argc == 1) return test();
  if (strcmp(argv[1], "--json") == 0) {
    print_all(argc > 2 ? (unsigned)atoi(argv[2]) : 60);
    return 0;
  }
  check(argc >= 4, "see the first lines of tests/sim/bottleneck.c");
  struct scenario scenario = {atof(argv[1]), atof(argv[2]), atof(argv[3]), argc > 4 ? atof(argv[4]) : 1,
                              argc > 5 ? (enum cross)atoi(argv[5]) : CROSS_NONE, argc > 6 ? (unsigned)atoi(argv[6]) : 30};
  struct result result = simulate(&scenario);
  print(&scenario, &result, false);
  return 0;
}
