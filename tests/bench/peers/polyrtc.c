/* polyrtc in C, through the driver, as a peer of the benchmarks: ../README.md has what is asked of a peer. With MAX_MTU in the
 * environment datagrams are not larger than that.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

enum { HIGH = 1024 * 1024, LOW = 512 * 1024, WARM_UP = 200, BURST = 256, EVENTS = 64 };

struct side {
  prtc_peer *peer;
  prtc_channel_id channel; /* open */
};

static prtc_driver *driver;
static prtc_endpoint *endpoint;

static void check(int code, const char *what) {
  if (code >= 0) return;
  fprintf(stderr, "%s: %s\n", what, prtc_strerror(code));
  exit(1);
}

static double cpu_now(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double seconds_since(prtc_time start) { return (double)(prtc_driver_now(driver) - start) / 1e6; }

static long resident_kib(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) exit(1);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* ------------------------------------------------------------------------------------------------------------- descriptions */

static void print_description(const char *type, const char *sdp) {
  printf("{\"sdp\": {\"type\": \"%s\", \"sdp\": \"", type);
  for (; *sdp != '\0'; sdp++) {
    if (*sdp == '\r') fputs("\\r", stdout);
    else if (*sdp == '\n') fputs("\\n", stdout);
    else if (*sdp == '"' || *sdp == '\\') printf("\\%c", *sdp);
    else putchar(*sdp);
  }
  puts("\"}}");
  fflush(stdout);
}

/* The text of the inner "sdp" of a line, of which descriptions need no more than \r, \n, \" and \\. */
static size_t read_description(char *out, size_t capacity) {
  static char line[65536];
  if (fgets(line, sizeof line, stdin) == NULL) exit(1);
  const char *at = strstr(line, "v=0");
  size_t size = 0;
  for (; at != NULL && *at != '"' && *at != '\0' && size + 1 < capacity; at++) {
    if (*at == '\\') {
      at++;
      out[size++] = *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at;
    } else {
      out[size++] = *at;
    }
  }
  out[size] = '\0';
  return size;
}

/* ---------------------------------------------------------------------------------------------------------------- the loop */

/* Hands out what there is until there is nothing to do at the moment. */
static void settle(void (*handle)(const prtc_event *event)) {
  prtc_event events[EVENTS];
  int count;
  do {
    check(prtc_driver_flush(driver), "flush");
    count = prtc_endpoint_event(endpoint, events, EVENTS);
    for (int i = 0; i < count; i++) handle(&events[i]);
  } while (count > 0);
}

/* Waits, and takes what comes. */
static void turn(void (*handle)(const prtc_event *event)) {
  prtc_driver_wait(driver, prtc_driver_now(driver) + 1000000);
  check(prtc_driver_process(driver), "process");
  settle(handle);
}

static prtc_peer *new_peer(void) {
  prtc_peer_config config;
  prtc_peer *peer;
  PRTC_INIT(&config);
  config.use_loopback = 1;
  config.tcp_candidates = PRTC_TCP_CANDIDATES_NONE;
  config.max_mtu = getenv("MAX_MTU") != NULL ? (uint32_t)atol(getenv("MAX_MTU")) : 0;
  check(prtc_peer_new(endpoint, prtc_driver_now(driver), &config, &peer), "peer");
  return peer;
}

static void create_channel(prtc_peer *peer) {
  prtc_channel_config config;
  prtc_channel_id channel;
  PRTC_INIT(&config);
  config.label = "bench", config.label_size = 5, config.stream_id = PRTC_STREAM_NONE;
  check(prtc_peer_create_data_channel(peer, prtc_driver_now(driver), &config, &channel), "channel");
}

static void send_text(const struct side *side, const char *text) {
  check(prtc_peer_send(side->peer, prtc_driver_now(driver), side->channel, PRTC_MESSAGE_TEXT, (const uint8_t *)text,
                       strlen(text)),
        "send");
}

/* -------------------------------------------------------------------------------------------------- two processes: a pair */

static struct side self;
static bool gathered, done, low, ponged, echoes;
static uint64_t received, received_bytes;
static prtc_time first_at;
static double first_cpu;

static size_t crowd_count; /* connections in the workload `crowd`, beyond the first */
static long crowd_before;  /* KiB, with the first */

static void print_crowd(void) {
  double growth = (double)(resident_kib() - crowd_before) / (double)crowd_count;
  printf("{\"result\": {\"connections\": %zu, \"kib_per_pc\": %.2f}}\n", crowd_count, growth);
  fflush(stdout);
}

static void print_received(void) {
  printf("{\"result\": {\"received\": %llu, \"bytes\": %llu, \"secs\": %.6f, \"cpu_s\": %.6f}}\n",
         (unsigned long long)received, (unsigned long long)received_bytes, seconds_since(first_at), cpu_now() - first_cpu);
  fflush(stdout);
}

static void answer_text(void) {
  if (crowd_count > 0) print_crowd();
  else print_received();
  send_text(&self, "DONE");
  done = true;
}

static void handle_pair(const prtc_event *event) {
  if (event->peer != prtc_peer_get_id(self.peer)) return; /* of a crowd, the last */
  switch (event->type) {
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE: gathered = event->state == PRTC_ICE_GATHERING_COMPLETE; break;
    case PRTC_EVENT_DATA_CHANNEL:
    case PRTC_EVENT_CHANNEL_OPEN: self.channel = event->object; break;
    case PRTC_EVENT_CHANNEL_BUFFERED_AMOUNT_LOW: low = true; break;
    case PRTC_EVENT_FAILED: fprintf(stderr, "%s\n", event->text); exit(1);
    case PRTC_EVENT_CHANNEL_MESSAGE:
      if (event->kind == PRTC_MESSAGE_TEXT) {
        if (event->size == 3) answer_text(); /* END */
        done = true;
        break;
      }
      if (received++ == 0) first_at = prtc_driver_now(driver), first_cpu = cpu_now();
      received_bytes += event->size;
      ponged = true;
      if (echoes) {
        prtc_time now = prtc_driver_now(driver);
        check(prtc_peer_send(self.peer, now, event->object, PRTC_MESSAGE_BINARY, event->data, event->size), "echo");
      }
      break;
    default: break;
  }
}

static void describe(prtc_sdp_type type) {
  static char sdp[65536];
  prtc_sdp_type written;
  check(prtc_peer_set_local_description(self.peer, prtc_driver_now(driver), type, NULL, 0), "local description");
  settle(handle_pair);
  while (!gathered) turn(handle_pair);
  check(prtc_peer_get_description(self.peer, PRTC_DESCRIPTION_LOCAL, &written, sdp, sizeof sdp), "description");
  print_description(type == PRTC_SDP_OFFER ? "offer" : "answer", sdp);
}

static void take_description(prtc_sdp_type type) {
  static char sdp[65536];
  size_t size = read_description(sdp, sizeof sdp);
  check(prtc_peer_set_remote_description(self.peer, prtc_driver_now(driver), type, sdp, size), "remote description");
  settle(handle_pair);
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void send_binary(const uint8_t *message, size_t size) {
  check(prtc_peer_send(self.peer, prtc_driver_now(driver), self.channel, PRTC_MESSAGE_BINARY, message, size), "send");
}

static void round_trips(const uint8_t *message, size_t size, size_t count) {
  double *times = calloc(count, sizeof *times), cpu = 0;
  for (size_t i = 0; i < count + WARM_UP; i++) {
    if (i == WARM_UP) cpu = cpu_now();
    prtc_time start = prtc_driver_now(driver);
    ponged = false;
    send_binary(message, size);
    settle(handle_pair);
    while (!ponged) turn(handle_pair);
    if (i >= WARM_UP) times[i - WARM_UP] = seconds_since(start) * 1e6;
  }
  cpu = cpu_now() - cpu;
  send_text(&self, "END");
  settle(handle_pair);
  while (!done) turn(handle_pair);
  qsort(times, count, sizeof *times, compare);
  printf("{\"result\": {\"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_s\": %.6f, \"n\": %zu}}\n", times[count / 2],
         times[count * 99 / 100], cpu, count);
  free(times);
}

/* As much as the channel takes: pauses when HIGH bytes wait, and goes on when it is told that there are LOW. */
static void send_bulk(const uint8_t *message, size_t size, double seconds) {
  prtc_channel_info info;
  PRTC_INIT(&info);
  check(prtc_peer_set_buffered_amount_low_threshold(self.peer, self.channel, LOW), "threshold");
  prtc_time start = prtc_driver_now(driver);
  double cpu = cpu_now();
  unsigned long long sent = 0;
  bool ended = false;
  low = true;
  while (!done) {
    if (!ended && seconds_since(start) >= seconds) {
      send_text(&self, "END");
      ended = true;
    }
    for (int i = 0; i < BURST && low && !ended; i++, sent++) {
      send_binary(message, size);
      check(prtc_peer_channel_info(self.peer, self.channel, &info), "info");
      low = info.buffered_amount < HIGH;
    }
    settle(handle_pair);
    if (low && !ended) check(prtc_driver_process(driver), "process");
    else if (!done) turn(handle_pair);
  }
  printf("{\"result\": {\"sent\": %llu, \"cpu_s\": %.6f}}\n", sent, cpu_now() - cpu);
}

/* One after the other; each process has them in one endpoint. */
static void crowd(bool offers, size_t count) {
  crowd_count = count;
  for (size_t i = 0; i <= count; i++) {
    self = (struct side){.peer = new_peer()};
    gathered = false;
    if (offers) {
      create_channel(self.peer);
      describe(PRTC_SDP_OFFER);
      take_description(PRTC_SDP_ANSWER);
    } else {
      take_description(PRTC_SDP_OFFER);
      describe(PRTC_SDP_ANSWER);
    }
    while (self.channel == 0) turn(handle_pair);
    if (i == 0) crowd_before = resident_kib();
  }
  prtc_time end = prtc_driver_now(driver) + 1000000;
  while (offers && prtc_driver_now(driver) < end) turn(handle_pair);
  if (offers) send_text(&self, "END");
  settle(handle_pair);
  while (!done) turn(handle_pair);
  if (offers) print_crowd();
  end = prtc_driver_now(driver) + 500000;
  while (!offers && prtc_driver_now(driver) < end) turn(handle_pair); /* DONE is on its way */
}

static void offer(const char *work, size_t size, double amount) {
  uint8_t *message = calloc(1, size);
  self.peer = new_peer();
  create_channel(self.peer);
  describe(PRTC_SDP_OFFER);
  take_description(PRTC_SDP_ANSWER);
  while (self.channel == 0) turn(handle_pair);
  if (strcmp(work, "rtt") == 0) round_trips(message, size, (size_t)amount);
  else send_bulk(message, size, amount);
  fflush(stdout);
  free(message);
}

static void answer(const char *work) {
  echoes = strcmp(work, "rtt") == 0;
  self.peer = new_peer();
  take_description(PRTC_SDP_OFFER);
  describe(PRTC_SDP_ANSWER);
  while (!done) turn(handle_pair);
  prtc_time end = prtc_driver_now(driver) + 500000;
  while (prtc_driver_now(driver) < end) {
    prtc_driver_wait(driver, end);
    check(prtc_driver_process(driver), "process");
    settle(handle_pair);
  }
}

/* -------------------------------------------------------------------------------------------- one process: pairs of peers */

static prtc_peer **peers; /* by their ids, from 1: 2k - 1 and 2k are a pair */
static size_t open_count;

static void handle_local(const prtc_event *event) {
  if (event->type == PRTC_EVENT_CHANNEL_OPEN) open_count++;
  if (event->type != PRTC_EVENT_ICE_CANDIDATE || event->text == NULL) return;
  prtc_peer *other = peers[event->peer % 2 == 1 ? event->peer + 1 : event->peer - 1];
  check(prtc_peer_add_ice_candidate(other, prtc_driver_now(driver), event->text, event->mid, -1, event->ufrag),
        "candidate");
}

static void hand_over(prtc_peer *from, prtc_peer *to, prtc_sdp_type type) {
  static char sdp[65536];
  prtc_sdp_type written;
  prtc_time now = prtc_driver_now(driver);
  check(prtc_peer_set_local_description(from, now, type, NULL, 0), "local description");
  int size = prtc_peer_get_description(from, PRTC_DESCRIPTION_LOCAL, &written, sdp, sizeof sdp);
  check(size, "description");
  check(prtc_peer_set_remote_description(to, now, type, sdp, (size_t)size), "remote description");
}

/* Until both ends of its channel are open. */
static void pair(size_t number) {
  size_t id = 2 * number + 1;
  peers[id] = new_peer();
  peers[id + 1] = new_peer();
  open_count = 0;
  create_channel(peers[id]);
  hand_over(peers[id], peers[id + 1], PRTC_SDP_OFFER);
  hand_over(peers[id + 1], peers[id], PRTC_SDP_ANSWER);
  settle(handle_local);
  while (open_count < 2) turn(handle_local);
}

static void print_list(const char *name, const double *values, size_t count) {
  printf("\"%s\": [", name);
  for (size_t i = 0; i < count; i++) printf("%s%.3f", i > 0 ? ", " : "", values[i]);
  printf("]");
}

static void set_up(size_t count) {
  double *times = calloc(count, sizeof *times), *cpus = calloc(count, sizeof *cpus);
  peers = calloc(2 * count + 1, sizeof *peers);
  for (size_t i = 0; i < count; i++) {
    prtc_time start = prtc_driver_now(driver);
    double cpu = cpu_now();
    pair(i);
    times[i] = seconds_since(start) * 1e3;
    cpus[i] = (cpu_now() - cpu) * 1e3;
    for (size_t k = 1; k <= 2; k++) prtc_peer_free(peers[2 * i + k]);
    settle(handle_local);
  }
  printf("{\"result\": {");
  print_list("ms", times, count);
  printf(", ");
  print_list("cpu_ms", cpus, count);
  printf("}}\n");
}

static void idle(size_t count) {
  peers = calloc(2 * count + 3, sizeof *peers);
  pair(0);
  long before = resident_kib();
  for (size_t i = 1; i <= count; i++) pair(i);
  prtc_time end = prtc_driver_now(driver) + 1000000;
  while (prtc_driver_now(driver) < end) turn(handle_local);
  printf("{\"result\": {\"pairs\": %zu, \"kib_per_pc\": %.2f}}\n", count,
         (double)(resident_kib() - before) / (double)(2 * count));
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fputs("usage: offer|answer bulk|rtt SIZE SECONDS|COUNT, offer|answer crowd COUNT, or local setup|idle COUNT\n", stderr);
    return 2;
  }
  driver = prtc_driver_new(NULL);
  if (driver == NULL) return 1;
  endpoint = prtc_driver_endpoint(driver);
  if (strcmp(argv[2], "crowd") == 0) crowd(strcmp(argv[1], "offer") == 0, (size_t)atol(argv[3]));
  else if (strcmp(argv[1], "offer") == 0 && argc > 4) offer(argv[2], (size_t)atol(argv[3]), atof(argv[4]));
  else if (strcmp(argv[1], "answer") == 0) answer(argv[2]);
  else if (strcmp(argv[2], "setup") == 0) set_up((size_t)atol(argv[3]));
  else idle((size_t)atol(argv[3]));
  fflush(stdout);
  prtc_driver_free(driver);
  return 0;
}
