/* One message of any size, given and taken in parts: neither side ever has it as a whole.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static struct side *const sides = tool.sides;
static long total = 1024, part_size = 65536; /* MiB, bytes */
static uint64_t to_send, sent, received, parts;
static int started, wrong;

/* What the message is made of: each byte tells its place, roughly. */
static uint8_t byte_at(uint64_t place) { return (uint8_t)(place ^ place >> 8 ^ place >> 16); }

static void send_more(void) {
  static uint8_t part[262144];
  while (sides[0].channel != 0 && sent < to_send) {
    size_t size = to_send - sent < (uint64_t)part_size ? (size_t)(to_send - sent) : (size_t)part_size;
    for (size_t i = 0; i < size; i++) part[i] = byte_at(sent + i);
    uint32_t flags = sent + size == to_send ? PRTC_MESSAGE_END : 0;
    int code = prtc_peer_send_part(sides[0].peer, now(), sides[0].channel, PRTC_MESSAGE_BINARY, part, size, flags);
    if (code == PRTC_ERROR_AGAIN) return; /* BUFFERED_AMOUNT_LOW follows */
    tool_check(code, "sending");
    sent += size;
  }
}

static void take(const prtc_event *event) {
  for (size_t i = 0; i < event->size; i++) wrong |= event->data[i] != byte_at(received + i);
  received += event->size;
  parts++;
  if ((event->flags & PRTC_MESSAGE_END) == 0) return;
  wrong |= received != to_send;
  printf("one message of %llu bytes in %llu parts: %s\n", (unsigned long long)received, (unsigned long long)parts,
         wrong ? "not what was sent" : "intact");
  tool_end(wrong);
}

static void event(struct side *side, const prtc_event *event) {
  if (!started && tool_is_gathered()) started = tool_start_both(3);
  if (event->type == PRTC_EVENT_CHANNEL_MESSAGE && side == &sides[1]) take(event);
  send_more();
}

struct tool tool = {
    .name = "data_channel_sctp_streamed",
    .usage = "usage: data_channel_sctp_streamed [--mib N] [--part BYTES]\n"
             "\n"
             "Sends one message in parts from one side of this program to the other, and looks whether it arrives\n"
             "as it was.\n"
             "\n"
             "  --mib N         its size, 1 to 65536 (1024)\n"
             "  --part BYTES    of each part that is given, 1 to 262144 (65536)\n",
    .sides = {{.name = "A", .controlling = 1}, {.name = "B"}},
    .quiet = 1,
    .event = event,
};

static int option(char **argument, int left) {
  if (left < 2) return 0;
  if (strcmp(argument[0], "--mib") == 0 && tool_number(argument[1], 1, 65536, &total)) return 2;
  return strcmp(argument[0], "--part") == 0 && tool_number(argument[1], 1, 262144, &part_size) ? 2 : 0;
}

int main(int argc, char **argv) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.use_loopback = 1;
  config.max_message_size = PRTC_MAX_MESSAGE_SIZE_NONE;
  config.streaming_channels = 1;
  tool_arguments(argc, argv, option);
  to_send = (uint64_t)total << 20;
  tool_begin(2, &config, 0);
  tool_channel(&sides[0], "stream");
  for (int i = 0; i < 2; i++) tool_check(prtc_peer_gather(sides[i].peer, now()), "gathering");
  return tool_run();
}
