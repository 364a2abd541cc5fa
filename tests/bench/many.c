/* What many open connections cost a server that has one endpoint and one port, over real sockets of the loopback interface. Their far
 * ends are another endpoint, in which each has a port of its own.
 *
 *     many [--json FILE] [CONNECTIONS…]        by default 10 100 1000 10000
 *
 * For each number: the CPU time to set a connection up, at both ends; what a message costs the server that it sends back, when the
 * messages come on all connections in turn; and what the server takes when nobody says anything, for a quarter of a minute.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

enum {
  SETTING_UP = 50, /* at a time */
  TALKING = 10,    /* connections that have a message under way at a time */
  ECHOES = 20000,
  MESSAGE_SIZE = 64,
  MOST_COUNTS = 16,
  EVENTS = 64,
};

static const prtc_time SETTLE = 6000000, IDLE = 15000000;

/* One of the two endpoints. */
struct side {
  prtc_driver *driver;
  prtc_endpoint *endpoint;
  prtc_peer **peers;         /* [id] */
  prtc_channel_id *channels; /* [id]; 0: not open */
  size_t open, messages;
  double cpu; /* seconds, of what was done for it */
  bool echoes;
};

struct result {
  size_t connections;
  double setup_server_ms, setup_client_ms, setup_per_s;
  double echo_us, datagrams_per_echo, datagram_us;
  double idle_percent, idle_datagrams_per_s;
};

static struct side server, client;

static void check(int code, const char *what) {
  if (code >= 0) return;
  fprintf(stderr, "many: %s: %s\n", what, prtc_strerror(code));
  exit(1);
}

/* Of this thread. */
static double cpu_now(void) {
  struct timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static double seconds_since(prtc_time start) { return (double)(prtc_driver_now(NULL) - start) / 1e6; }

static uint64_t datagrams(const struct side *side) {
  prtc_endpoint_stats stats = {.size = sizeof stats};
  check(prtc_endpoint_get_stats(side->endpoint, &stats), "statistics");
  return stats.datagrams_received + stats.datagrams_sent;
}

/* ---------------------------------------------------------------------------------------------------------------- the loop */

static void trickle(const prtc_event *event) {
  prtc_peer *other = (event->kind == 0 ? client : server).peers[event->peer];
  check(prtc_peer_add_ice_candidate(other, prtc_driver_now(NULL), event->text, event->mid, -1, event->ufrag), "candidate");
}

static void handle(struct side *side, const prtc_event *event) {
  prtc_time now = prtc_driver_now(NULL);
  switch (event->type) {
    case PRTC_EVENT_ICE_CANDIDATE:
      if (event->text != NULL) {
        prtc_event told = *event;
        told.kind = side == &client;
        trickle(&told);
      }
      break;
    case PRTC_EVENT_CHANNEL_OPEN:
      side->channels[event->peer] = event->object;
      side->open++;
      break;
    case PRTC_EVENT_CHANNEL_MESSAGE:
      side->messages++;
      if (side->echoes) {
        check(prtc_peer_send(side->peers[event->peer], now, event->object, PRTC_MESSAGE_BINARY, event->data, event->size),
              "echo");
      }
      break;
    case PRTC_EVENT_FAILED:
      fprintf(stderr, "many: connection %llu of the %s failed: %s\n", (unsigned long long)event->peer, side == &server ? "server" : "far end", event->text);
      exit(1);
    default: break;
  }
}

static void settle(struct side *side) {
  prtc_event events[EVENTS];
  int count;
  do {
    check(prtc_driver_flush(side->driver), "flush");
    count = prtc_endpoint_event(side->endpoint, events, EVENTS);
    for (int i = 0; i < count; i++) handle(side, &events[i]);
  } while (count > 0);
}

/* One side has its turn, on its account. */
static void run(struct side *side) {
  double began = cpu_now();
  check(prtc_driver_process(side->driver), "process");
  settle(side);
  side->cpu += cpu_now() - began;
}

/* Waits until one of them has something to do, and lets it. */
static void turn(void) {
  struct pollfd ready[2] = {{.fd = prtc_driver_descriptor(server.driver), .events = POLLIN},
                            {.fd = prtc_driver_descriptor(client.driver), .events = POLLIN}};
  if (poll(ready, 2, 10000) <= 0) {
    fputs("many: nothing happens any more\n", stderr);
    exit(1);
  }
  if (ready[0].revents != 0) run(&server);
  if (ready[1].revents != 0) run(&client);
}

/* ------------------------------------------------------------------------------------------------------------ set-up */

static void open_side(struct side *side, size_t connections, uint32_t udp_port) {
  prtc_driver_config config;
  PRTC_INIT(&config);
  config.udp_port = udp_port;
  config.receive_buffer = udp_port != 0 ? 8 << 20 : 64 << 10; /* one socket for all, or one for each */
  *side = (struct side){.driver = prtc_driver_new(&config)};
  side->peers = calloc(connections + 1, sizeof *side->peers);
  side->channels = calloc(connections + 1, sizeof *side->channels);
  if (side->driver == NULL || side->peers == NULL || side->channels == NULL) check(PRTC_ERROR_NO_MEMORY, "driver");
  side->endpoint = prtc_driver_endpoint(side->driver);
}

static void close_side(struct side *side) {
  prtc_driver_free(side->driver);
  free(side->peers);
  free(side->channels);
}

static prtc_peer *new_peer(struct side *side) {
  prtc_peer_config config;
  prtc_peer *peer;
  PRTC_INIT(&config);
  config.use_loopback = 1;
  config.address_filter = "127.0.0.1/32";
  config.tcp_candidates = PRTC_TCP_CANDIDATES_NONE;
  check(prtc_peer_new(side->endpoint, prtc_driver_now(NULL), &config, &peer), "peer");
  return side->peers[prtc_peer_get_id(peer)] = peer;
}

/* What one side has said is for the other to hear. Returns its size in `sdp`. */
static size_t describe(struct side *side, prtc_peer *peer, prtc_sdp_type type, char *sdp, size_t capacity) {
  double began = cpu_now();
  prtc_sdp_type written;
  check(prtc_peer_set_local_description(peer, prtc_driver_now(NULL), type, NULL, 0), "local description");
  int size = prtc_peer_get_description(peer, PRTC_DESCRIPTION_LOCAL, &written, sdp, capacity);
  check(size, "description");
  side->cpu += cpu_now() - began;
  return (size_t)size;
}

static void hear(struct side *side, prtc_peer *peer, prtc_sdp_type type, const char *sdp, size_t size) {
  double began = cpu_now();
  check(prtc_peer_set_remote_description(peer, prtc_driver_now(NULL), type, sdp, size), "remote description");
  side->cpu += cpu_now() - began;
}

/* The far end offers, as browsers do. */
static void begin_connection(void) {
  static char sdp[65536];
  prtc_channel_config config;
  prtc_channel_id channel;
  PRTC_INIT(&config);
  config.label = "many", config.label_size = 4, config.stream_id = PRTC_STREAM_NONE;
  double began = cpu_now();
  prtc_peer *there = new_peer(&client);
  check(prtc_peer_create_data_channel(there, prtc_driver_now(NULL), &config, &channel), "channel");
  client.cpu += cpu_now() - began;
  began = cpu_now();
  prtc_peer *here = new_peer(&server);
  server.cpu += cpu_now() - began;
  size_t size = describe(&client, there, PRTC_SDP_OFFER, sdp, sizeof sdp);
  hear(&server, here, PRTC_SDP_OFFER, sdp, size);
  size = describe(&server, here, PRTC_SDP_ANSWER, sdp, sizeof sdp);
  hear(&client, there, PRTC_SDP_ANSWER, sdp, size);
}

static void set_up(size_t connections, struct result *result) {
  prtc_time start = prtc_driver_now(NULL);
  server.cpu = client.cpu = 0;
  for (size_t begun = 0; client.open < connections || server.open < connections;) {
    while (begun < connections && begun < client.open + SETTING_UP) {
      begin_connection();
      begun++;
    }
    run(&server);
    run(&client);
    if (client.open < connections || server.open < connections) turn();
  }
  result->setup_per_s = (double)connections / seconds_since(start);
  result->setup_server_ms = server.cpu / (double)connections * 1e3;
  result->setup_client_ms = client.cpu / (double)connections * 1e3;
}

/* ---------------------------------------------------------------------------------------------------------------- echoes */

static void talk(size_t connections, struct result *result) {
  static const uint8_t message[MESSAGE_SIZE];
  size_t next = 0, stride = connections > 100 ? 7919 % connections : 1; /* a prime: neighbours are made one after the other */
  server.echoes = true;
  uint64_t before = 0;
  for (size_t sent = 0; sent < ECHOES + 2 * TALKING; sent += TALKING) {
    if (sent == 2 * TALKING) server.cpu = 0, before = datagrams(&server);
    size_t wanted = client.messages + TALKING;
    double began = cpu_now();
    for (size_t i = 0; i < TALKING; i++, next += stride) {
      size_t id = 1 + next % connections;
      check(prtc_peer_send(client.peers[id], prtc_driver_now(NULL), client.channels[id], PRTC_MESSAGE_BINARY, message,
                           sizeof message),
            "send");
    }
    settle(&client);
    client.cpu += cpu_now() - began;
    while (client.messages < wanted) turn();
  }
  double count = (double)(datagrams(&server) - before);
  result->echo_us = server.cpu / ECHOES * 1e6;
  result->datagrams_per_echo = count / ECHOES;
  result->datagram_us = server.cpu / count * 1e6;
}

/* ------------------------------------------------------------------------------------------------------------------ idle */

static atomic_bool over;

/* A side that has a thread of its own, with all that belongs to a loop. */
static void *keep(void *side_) {
  struct side *side = side_;
  pthread_setname_np(pthread_self(), "far end");
  while (!atomic_load(&over)) {
    prtc_driver_wait(side->driver, prtc_driver_now(NULL) + 100000);
    check(prtc_driver_process(side->driver), "process");
    settle(side);
  }
  return NULL;
}

static void run_for(prtc_time duration) {
  prtc_time until = prtc_driver_now(NULL) + duration;
  while (prtc_driver_now(NULL) < until) {
    prtc_driver_wait(server.driver, until);
    check(prtc_driver_process(server.driver), "process");
    settle(&server);
  }
}

static void idle(struct result *result) {
  pthread_t thread;
  atomic_store(&over, false);
  if (pthread_create(&thread, NULL, keep, &client) != 0) check(PRTC_ERROR_NO_MEMORY, "thread");
  run_for(SETTLE);
  uint64_t before = datagrams(&server);
  double cpu = cpu_now();
  prtc_time start = prtc_driver_now(NULL);
  run_for(IDLE);
  double seconds = seconds_since(start);
  result->idle_percent = (cpu_now() - cpu) / seconds * 100;
  result->idle_datagrams_per_s = (double)(datagrams(&server) - before) / seconds;
  atomic_store(&over, true);
  pthread_join(thread, NULL);
}

static void measure(size_t connections, struct result *result) {
  *result = (struct result){.connections = connections};
  open_side(&server, connections, PRTC_PORT_ANY);
  open_side(&client, connections, 0);
  set_up(connections, result);
  talk(connections, result);
  idle(result);
  close_side(&client);
  close_side(&server);
}

/* -------------------------------------------------------------------------------------------------------------- results */

static void print_row(const struct result *result) {
  printf("%11zu %13.3f %13.3f %9.0f %10.2f %12.2f %11.2f %9.2f %13.0f\n", result->connections, result->setup_server_ms,
         result->setup_client_ms, result->setup_per_s, result->echo_us, result->datagrams_per_echo, result->datagram_us,
         result->idle_percent, result->idle_datagrams_per_s);
  fflush(stdout);
}

static void write_json(const char *path, const struct result *results, size_t count) {
  FILE *file = fopen(path, "w");
  if (file == NULL) check(PRTC_ERROR_INVALID_ARGUMENT, path);
  fprintf(file, "[\n");
  for (size_t i = 0; i < count; i++) {
    const struct result *result = &results[i];
    fprintf(file,
            "  {\"connections\": %zu, \"setup_server_ms\": %.4f, \"setup_client_ms\": %.4f, \"setup_per_s\": %.1f, "
            "\"echo_us\": %.3f, \"datagrams_per_echo\": %.3f, \"datagram_us\": %.3f, \"idle_percent\": %.3f, "
            "\"idle_datagrams_per_s\": %.1f}%s\n",
            result->connections, result->setup_server_ms, result->setup_client_ms, result->setup_per_s, result->echo_us,
            result->datagrams_per_echo, result->datagram_us, result->idle_percent, result->idle_datagrams_per_s,
            i + 1 < count ? "," : "");
  }
  fprintf(file, "]\n");
  fclose(file);
}

/* Each far end has a descriptor. */
static void raise_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
  size_t counts[MOST_COUNTS] = {10, 100, 1000, 10000}, count = 4, given = 0;
  struct result results[MOST_COUNTS];
  const char *json = NULL;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) json = argv[++i];
    else if (given < MOST_COUNTS && atol(argv[i]) >= TALKING && atol(argv[i]) <= 50000) counts[given++] = (size_t)atol(argv[i]);
    else check(PRTC_ERROR_INVALID_ARGUMENT, argv[i]);
  }
  if (given > 0) count = given;
  raise_limit();
  printf("            set-up: CPU ms each, and in one thread    an echo: the server's         idle: the server's\n");
  printf("%11s %13s %13s %9s %10s %12s %11s %9s %13s\n", "connections", "server", "far end", "per s", "CPU us", "datagrams",
         "us each", "% of core", "datagrams/s");
  for (size_t i = 0; i < count; i++) {
    measure(counts[i], &results[i]);
    print_row(&results[i]);
  }
  if (json != NULL) write_json(json, results, count);
  return 0;
}
