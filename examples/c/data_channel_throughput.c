/* How much a data channel carries from one socket of this machine to another, and what it costs.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Two peers on one driver, in one thread: so the figures are those of sender and receiver together, on one core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

#define USAGE                                                                                                             \
  "usage: data_channel_throughput [--seconds N] [--size BYTES] [--unordered] [--portable]\n"                              \
  "\n"                                                                                                                    \
  "Sends messages from one peer to another over the loopback interface, and prints rate and CPU time.\n"                  \
  "\n"                                                                                                                    \
  "  --seconds N     for how long (5)\n"                                                                                  \
  "  --size BYTES    of each message, 1 to 262144 (65536)\n"                                                              \
  "  --unordered     messages may overtake each other\n"                                                                  \
  "  --portable      with the driver that needs poll() only\n"

#define BUFFERED_LIMIT (1024u * 1024) /* bytes that wait to be sent: more would only take memory */

static struct options {
  long seconds, size;
  int unordered, portable;
} options = {.seconds = 5, .size = 65536};

static prtc_driver *driver;
static prtc_peer *sender, *receiver;
static prtc_channel_id channel; /* the sender's end; 0: not open */
static int writable;            /* nothing says that more should wait */
static uint64_t received;       /* bytes */
static uint8_t *message;

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* ----------------------------------------------------------------------------------------------------------- the peers */

static int describe(prtc_peer *from, prtc_peer *to, prtc_sdp_type type, prtc_time now) {
  static char sdp[65536];
  int code = prtc_peer_set_local_description(from, now, type, NULL, 0);
  if (code < 0) return code;
  int size = prtc_peer_get_description(from, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp);
  return size < 0 ? size : prtc_peer_set_remote_description(to, now, type, sdp, (size_t)size);
}

static int connect_peers(void) {
  prtc_peer_config config;
  prtc_channel_config data;
  prtc_channel_id id;
  prtc_time now = prtc_driver_now(driver);
  PRTC_INIT(&config);
  PRTC_INIT(&data);
  config.use_loopback = 1;
  data.label = "data", data.label_size = 4, data.stream_id = PRTC_STREAM_NONE;
  data.unordered = (uint32_t)options.unordered;
  int code = prtc_peer_new(prtc_driver_endpoint(driver), now, &config, &sender);
  if (code == 0) code = prtc_peer_new(prtc_driver_endpoint(driver), now, &config, &receiver);
  if (code == 0) code = prtc_peer_create_data_channel(sender, now, &data, &id);
  if (code == 0) code = describe(sender, receiver, PRTC_SDP_OFFER, now);
  if (code == 0) code = describe(receiver, sender, PRTC_SDP_ANSWER, now);
  return code;
}

static int handle(const prtc_event *event) {
  prtc_peer *peer = prtc_endpoint_peer(prtc_driver_endpoint(driver), event->peer);
  prtc_peer *other = peer == sender ? receiver : sender;
  switch (event->type) {
    case PRTC_EVENT_ICE_CANDIDATE:
      if (event->text == NULL) return 0;
      return prtc_peer_add_ice_candidate(other, prtc_driver_now(driver), event->text, event->mid, -1, event->ufrag);
    case PRTC_EVENT_CHANNEL_OPEN:
      if (peer != sender) return 0;
      channel = event->object;
      writable = 1;
      return prtc_peer_set_buffered_amount_low_threshold(sender, channel, BUFFERED_LIMIT / 2);
    case PRTC_EVENT_CHANNEL_BUFFERED_AMOUNT_LOW:
      writable = 1;
      return 0;
    case PRTC_EVENT_CHANNEL_MESSAGE:
      received += event->size;
      return 0;
    case PRTC_EVENT_FAILED:
      fprintf(stderr, "%s\n", event->text);
      return event->code;
    default:
      return 0;
  }
}

/* Back-pressure: sends until enough waits, and again when BUFFERED_AMOUNT_LOW has come. */
static int send_more(prtc_time now) {
  prtc_channel_info info;
  PRTC_INIT(&info);
  while (writable) {
    int code = prtc_peer_send(sender, now, channel, PRTC_MESSAGE_BINARY, message, (size_t)options.size);
    if (code == 0) code = prtc_peer_channel_info(sender, channel, &info);
    if (code < 0) return code;
    writable = info.buffered_amount < BUFFERED_LIMIT;
  }
  return 0;
}

static int settle(void) {
  prtc_event events[64];
  for (int count = 1; count > 0;) {
    int code = prtc_driver_flush(driver);
    if (code < 0) return code;
    count = prtc_endpoint_event(prtc_driver_endpoint(driver), events, 64);
    for (int i = 0; i < count; i++) {
      code = handle(&events[i]);
      if (code < 0) return code;
    }
  }
  return send_more(prtc_driver_now(driver));
}

/* ------------------------------------------------------------------------------------------------------------- the run */

static void show(double seconds, uint64_t bytes, double cpu, int last) {
  double gib = (double)bytes / (1024.0 * 1024 * 1024), rate = (double)bytes * 8e-9 / seconds;
  const char *format = last ? "%.1f s  %.3f GiB  %.3f Gbit/s  %.2f s of CPU per GiB\n"
                            : "\r%6.1f s  %8.3f GiB  %7.3f Gbit/s  %6.2f s of CPU per GiB ";
  fprintf(last ? stdout : stderr, format, seconds, gib, rate, gib > 0 ? cpu / gib : 0);
}

static int measure(void) {
  int code = connect_peers();
  while (code == 0 && channel == 0) {
    code = settle();
    if (code == 0 && channel == 0) prtc_driver_wait(driver, PRTC_NEVER);
    if (code == 0) code = prtc_driver_process(driver);
  }
  prtc_time start = prtc_driver_now(driver), now = start, shown = start;
  prtc_time end = start + (prtc_time)options.seconds * 1000000u;
  double cpu = cpu_seconds();
  while (code == 0 && now < end) {
    code = settle();
    if (code == 0) prtc_driver_wait(driver, end);
    if (code == 0) code = prtc_driver_process(driver);
    now = prtc_driver_now(driver);
    if (now - shown < 250000) continue;
    show((double)(now - start) / 1e6, received, cpu_seconds() - cpu, 0);
    shown = now;
  }
  fputc('\n', stderr);
  if (code == 0) show((double)(now - start) / 1e6, received, cpu_seconds() - cpu, 1);
  return code;
}

/* The number after an option, or -1. */
static long number(const char *text, long most) {
  char *end = NULL;
  long value = text == NULL ? -1 : strtol(text, &end, 10);
  return text == NULL || end == text || *end != '\0' || value < 1 || value > most ? -1 : value;
}

static int read_options(char **argv) {
  for (char **option = argv + 1; *option != NULL; option++) {
    if (strcmp(*option, "--seconds") == 0) {
      options.seconds = number(*++option, 86400);
    } else if (strcmp(*option, "--size") == 0) {
      options.size = number(*++option, 262144);
    } else if (strcmp(*option, "--unordered") == 0) {
      options.unordered = 1;
    } else if (strcmp(*option, "--portable") == 0) {
      options.portable = 1;
    } else {
      return -1;
    }
    if (options.seconds < 0 || options.size < 0) return -1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--help") == 0) {
    fputs(USAGE, stdout);
    return 0;
  }
  if (read_options(argv) < 0) {
    fputs(USAGE, stderr);
    return 2;
  }
  prtc_driver_config config;
  PRTC_INIT(&config);
  config.portable = (uint32_t)options.portable;
  driver = prtc_driver_new(&config);
  message = calloc(1, (size_t)options.size);
  if (driver == NULL || message == NULL) {
    perror("data_channel_throughput");
    return 1;
  }
  int code = measure();
  if (code < 0) fprintf(stderr, "data_channel_throughput: %s\n", prtc_strerror(code));
  prtc_driver_free(driver);
  free(message);
  return code < 0;
}
