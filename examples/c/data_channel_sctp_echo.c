/* As data_channel_echo, without descriptions: two programs start ICE, DTLS and SCTP with each other's parameters.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static struct side *const side = &tool.sides[0];
static int described, input_ended;
static unsigned waiting; /* echoes that have not come yet */

static void line(char *line) {
  if (!described) {
    described = tool_start(side, line, 3) >= 0;
  } else if (side->controlling && side->channel != 0) {
    int code = prtc_peer_send(side->peer, now(), side->channel, PRTC_MESSAGE_TEXT, (const uint8_t *)line, strlen(line));
    if (code < 0) fprintf(stderr, "not sent: %s\n", prtc_strerror(code));
    else waiting++;
  } else {
    fprintf(stderr, "not sent: there is no channel yet\n");
  }
}

static void line_end(void) {
  input_ended = 1;
  if (!described || (side->controlling && waiting == 0)) tool_end(described ? 0 : 1);
}

static void event(struct side *one, const prtc_event *event) {
  (void)one;
  switch (event->type) {
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE:
      if (event->state != PRTC_ICE_GATHERING_COMPLETE) break;
      fprintf(stderr, "copy this to the other side, and its line here:\n");
      puts(tool_parameters(side));
      break;
    case PRTC_EVENT_CHANNEL_OPEN: puts("open"); break;
    case PRTC_EVENT_CHANNEL_MESSAGE:
      if (side->controlling) {
        if (waiting > 0) waiting--;
        printf("%.*s\n", (int)event->size, (const char *)event->data);
        if (input_ended && waiting == 0) tool_end(0);
      } else {
        prtc_peer_send(side->peer, now(), event->object, (prtc_message_kind)event->kind, event->data, event->size);
      }
      break;
    case PRTC_EVENT_CHANNEL_CLOSED: tool_end(0); break;
    default: break;
  }
  fflush(stdout);
}

struct tool tool = {
    .name = "data_channel_sctp_echo",
    .usage = "usage: data_channel_sctp_echo offer | answer\n"
             "\n"
             "Start one with `offer` and one with `answer`. Each prints a line, the JSON of its transports'\n"
             "parameters: copy it to the other one. Then each line that you type at `offer` goes to the other side\n"
             "and comes back. The end of the input (Ctrl-D) at `offer` ends both.\n",
    .sides = {{.name = ""}},
    .event = event,
    .line = line,
    .line_end = line_end,
};

int main(int argc, char **argv) {
  tool_begin_as(argc, argv);
  if (side->controlling) tool_channel(side, "echo");
  tool_check(prtc_peer_gather(side->peer, now()), "gathering");
  return tool_run();
}
