/* What the hot paths of the core cost, without sockets: two endpoints in one process hand each other their datagrams.
 *
 *     hot_paths WORKLOAD     runs it, and prints how many messages (round trips, connections) `measure` has taken, and how many
 *                            datagrams they were. For a profile of both ends, and for hot_paths_test.py:
 *                            valgrind --tool=callgrind --toggle-collect=measure bazel-bin/tests/bench/hot_paths bulk
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/polyrtc.h>

enum { HIGH = 1024 * 1024, EVENTS = 64 };

struct workload {
  const char *name;
  size_t size;
  unsigned warm_up, count;
  uint32_t max_mtu;
  bool round_trips;
};

static const struct workload workloads[] = {
    {"bulk", 16384, 1000, 2000, 1200, false},   /* messages of 16 KiB in datagrams of 1,200 bytes */
    {"large", 16384, 1000, 2000, 0, false},     /* in as large ones as they find */
    {"small", 64, 20000, 40000, 1200, false},   /* messages of 64 bytes, as fast as they leave */
    {"rtt", 64, 1000, 2000, 1200, true},        /* round trips of 64 bytes, one after the other */
    {"setup", 0, 0, 1, 1200, false},            /* a connection, until both ends of a channel are open */
};

struct side {
  prtc_endpoint *endpoint;
  prtc_peer *peer;
  prtc_channel_id channel;
  prtc_socket_id socket;
  prtc_address address;
  unsigned long received;
};

static struct side sides[2];
static prtc_time now = 1000000;
static uint8_t train[PRTC_TRAIN_SIZE], message[16384];

static void check(bool good, const char *what) {
  if (good) return;
  fprintf(stderr, "%s\n", what);
  exit(1);
}

static void handle(int i, const prtc_event *event, bool echoes) {
  struct side *side = &sides[i];
  if (event->type == PRTC_EVENT_ICE_CANDIDATE && event->text != NULL) {
    (void)prtc_peer_add_ice_candidate(sides[1 - i].peer, now, event->text, event->mid, -1, event->ufrag);
  } else if (event->type == PRTC_EVENT_CHANNEL_OPEN || event->type == PRTC_EVENT_DATA_CHANNEL) {
    side->channel = event->object;
  } else if (event->type == PRTC_EVENT_CHANNEL_MESSAGE) {
    side->received++;
    if (echoes) (void)prtc_peer_send(side->peer, now, side->channel, PRTC_MESSAGE_BINARY, event->data, event->size);
  }
}

static void answer(int i, const prtc_request *request) {
  prtc_reply reply = {.size = sizeof reply, .id = request->id};
  prtc_interface interface = {.index = 1, .network_type = PRTC_NETWORK_ETHERNET};
  interface.address = (prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, (uint8_t)(i + 1)}};
  if (request->type == PRTC_REQUEST_INTERFACES) reply.interfaces = &interface, reply.interface_count = 1;
  else if (request->type == PRTC_REQUEST_OPEN_UDP) {
    reply.address = request->address;
    reply.address.port = 5000;
    sides[i].socket = request->socket;
    sides[i].address = reply.address;
  } else if (request->type != PRTC_REQUEST_CLOSE) reply.code = PRTC_ERROR_NOT_SUPPORTED;
  if (request->type != PRTC_REQUEST_CLOSE) (void)prtc_endpoint_reply(sides[i].endpoint, now, &reply);
}

/* One side's turn, as a driver has it: it hands on what it has to send, at most a burst, and takes its events. */
static bool turn(int i, bool echoes) {
  struct side *side = &sides[i], *other = &sides[1 - i];
  prtc_datagram datagram;
  prtc_event events[EVENTS];
  prtc_request request;
  bool any = false;
  int count;
  for (int k = 0; k < 16 && prtc_endpoint_transmit(side->endpoint, now, &datagram, train, sizeof train) > 0; k++) {
    datagram.socket = other->socket;
    datagram.local = other->address;
    datagram.remote = side->address;
    (void)prtc_endpoint_receive(other->endpoint, now, &datagram, 1);
    any = true;
  }
  while ((count = prtc_endpoint_event(side->endpoint, events, EVENTS)) > 0) {
    for (int k = 0; k < count; k++) handle(i, &events[k], echoes);
    any = true;
  }
  while (prtc_endpoint_request(side->endpoint, &request) > 0) {
    answer(i, &request);
    any = true;
  }
  return any;
}

static void settle(bool echoes) {
  for (bool busy = true; busy;) {
    busy = turn(0, false);
    busy = turn(1, echoes) || busy;
  }
}

/* Nothing is left to do at this time: to the next deadline. */
static void pass_time(void) {
  prtc_time next = now + 10000000;
  for (int i = 0; i < 2; i++) {
    if (prtc_endpoint_deadline(sides[i].endpoint) < next) next = prtc_endpoint_deadline(sides[i].endpoint);
  }
  now = next;
  for (int i = 0; i < 2; i++) {
    if (prtc_endpoint_deadline(sides[i].endpoint) <= now) (void)prtc_endpoint_timeout(sides[i].endpoint, now);
  }
}

static void connect_sides(uint32_t max_mtu) {
  static char sdp[65536];
  for (int i = 0; i < 2; i++) {
    prtc_endpoint_config config;
    prtc_peer_config peer;
    PRTC_INIT(&config);
    PRTC_INIT(&peer);
    config.seed[0] = (uint8_t)i;
    config.now = now;
    peer.tcp_candidates = PRTC_TCP_CANDIDATES_NONE;
    peer.max_mtu = max_mtu;
    sides[i].endpoint = prtc_endpoint_new(&config);
    check(prtc_peer_new(sides[i].endpoint, now, &peer, &sides[i].peer) == 0, "a peer cannot be made");
  }
  prtc_channel_config channel;
  prtc_channel_id id;
  PRTC_INIT(&channel);
  channel.label = "c", channel.label_size = 1, channel.stream_id = PRTC_STREAM_NONE;
  check(prtc_peer_create_data_channel(sides[0].peer, now, &channel, &id) == 0, "a channel cannot be made");
  for (int i = 0; i < 2; i++) {
    prtc_sdp_type type = i == 0 ? PRTC_SDP_OFFER : PRTC_SDP_ANSWER, written;
    check(prtc_peer_set_local_description(sides[i].peer, now, type, NULL, 0) == 0, "no description");
    int size = prtc_peer_get_description(sides[i].peer, PRTC_DESCRIPTION_LOCAL, &written, sdp, sizeof sdp);
    check(prtc_peer_set_remote_description(sides[1 - i].peer, now, type, sdp, (size_t)size) == 0, "no description");
  }
  for (int i = 0; i < 10000 && (sides[0].channel == 0 || sides[1].channel == 0); i++) {
    settle(false);
    pass_time();
  }
  check(sides[0].channel != 0 && sides[1].channel != 0, "they do not connect");
}

static void run(const struct workload *workload, unsigned count) {
  prtc_channel_info info;
  PRTC_INIT(&info);
  unsigned long goal = sides[workload->round_trips ? 0 : 1].received + count;
  for (unsigned sent = 0; sides[workload->round_trips ? 0 : 1].received < goal;) {
    bool room = true;
    while (sent < count && room) {
      check(prtc_peer_send(sides[0].peer, now, sides[0].channel, PRTC_MESSAGE_BINARY, message, workload->size) == 0,
            "send");
      (void)prtc_peer_channel_info(sides[0].peer, sides[0].channel, &info);
      room = info.buffered_amount < HIGH && !workload->round_trips;
      sent++;
    }
    settle(workload->round_trips);
    now += 50;
    if (sides[workload->round_trips ? 0 : 1].received < goal) pass_time();
  }
}

/* What a profile is to collect. */
__attribute__((noinline)) void measure(const struct workload *workload);
void measure(const struct workload *workload) {
  if (workload->size == 0) connect_sides(workload->max_mtu);
  else run(workload, workload->count);
}

static unsigned long long datagrams(void) {
  unsigned long long sum = 0;
  for (int i = 0; i < 2; i++) {
    prtc_endpoint_stats stats;
    PRTC_INIT(&stats);
    if (sides[i].endpoint != NULL) check(prtc_endpoint_get_stats(sides[i].endpoint, &stats) == 0, "statistics");
    sum += stats.datagrams_sent;
  }
  return sum;
}

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
    const struct workload *workload = &workloads[i];
    if (argc < 2 || strcmp(argv[1], workload->name) != 0) continue;
    if (workload->size > 0) {
      connect_sides(workload->max_mtu);
      run(workload, workload->warm_up); /* windows open, buffers are there */
    }
    unsigned long long before = datagrams();
    measure(workload);
    printf("%u %llu\n", workload->count, datagrams() - before);
    return 0;
  }
  fputs("usage: hot_paths bulk|large|small|rtt|setup\n", stderr);
  return 2;
}
