/* How much a data channel carries over transports that were started one by one, from one socket of this machine to another.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A number of bytes goes from A to B in messages of one size; B counts, and when it has them all says so by a message of
 * its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

#define BUFFERED_LIMIT (1024u * 1024) /* bytes that wait to be sent: more would only take memory */

static struct side *const sides = tool.sides;
static long total = 256, size = 65536; /* MiB, bytes */
static uint64_t to_send, sent, received;
static uint8_t *message;
static int started, writable;
static prtc_time began;

static void send_more(void) {
  while (writable && sent < to_send) {
    size_t part = to_send - sent < (uint64_t)size ? (size_t)(to_send - sent) : (size_t)size;
    int code = prtc_peer_send(sides[0].peer, now(), sides[0].channel, PRTC_MESSAGE_BINARY, message, part);
    if (code == PRTC_ERROR_QUEUE_FULL) return;
    tool_check(code, "sending");
    sent += part;
    prtc_channel_info info = {.size = sizeof info};
    tool_check(prtc_peer_channel_info(sides[0].peer, sides[0].channel, &info), "the channel");
    writable = info.buffered_amount < BUFFERED_LIMIT;
  }
}

static void report(void) {
  double seconds = (double)(now() - began) / 1e6;
  double rate = (double)received * 8 / seconds / 1e9;
  printf("%llu bytes in %.3f s: %.3f Gbit/s\n", (unsigned long long)received, seconds, rate);
}

static void event(struct side *side, const prtc_event *event) {
  if (!started && tool_is_gathered()) started = tool_start_both(3);
  if (event->type == PRTC_EVENT_CHANNEL_OPEN && side == &sides[0]) {
    began = now();
    writable = 1;
    tool_check(prtc_peer_set_buffered_amount_low_threshold(side->peer, side->channel, BUFFERED_LIMIT / 2), "the channel");
  } else if (event->type == PRTC_EVENT_CHANNEL_BUFFERED_AMOUNT_LOW && side == &sides[0]) {
    writable = 1;
  } else if (event->type == PRTC_EVENT_CHANNEL_MESSAGE && side == &sides[1]) {
    received += event->size;
    const uint8_t *all = (const uint8_t *)"all";
    if (received != to_send) return;
    tool_check(prtc_peer_send(side->peer, now(), event->object, PRTC_MESSAGE_TEXT, all, 3), "sending");
  } else if (event->type == PRTC_EVENT_CHANNEL_MESSAGE) {
    report();
    tool_end(0);
  }
  send_more();
}

struct tool tool = {
    .name = "data_channel_sctp_throughput",
    .usage = "usage: data_channel_sctp_throughput [--mib N] [--size BYTES]\n"
             "\n"
             "Sends messages from one side of this program to the other over the loopback interface, and prints the rate.\n"
             "\n"
             "  --mib N         how much in all, 1 to 65536 (256)\n"
             "  --size BYTES    of each message, 1 to 262144 (65536)\n",
    .sides = {{.name = "A", .controlling = 1}, {.name = "B"}},
    .quiet = 1,
    .event = event,
};

static int option(char **argument, int left) {
  if (left < 2) return 0;
  if (strcmp(argument[0], "--mib") == 0 && tool_number(argument[1], 1, 65536, &total)) return 2;
  return strcmp(argument[0], "--size") == 0 && tool_number(argument[1], 1, 262144, &size) ? 2 : 0;
}

int main(int argc, char **argv) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.use_loopback = 1;
  tool_arguments(argc, argv, option);
  to_send = (uint64_t)total << 20;
  message = calloc(1, (size_t)size);
  if (message == NULL) return 1;
  tool_begin(2, &config, 0);
  tool_channel(&sides[0], "throughput");
  for (int i = 0; i < 2; i++) tool_check(prtc_peer_gather(sides[i].peer, now()), "gathering");
  int status = tool_run();
  free(message);
  return status;
}
