/* A peer connection by copy and paste of its JSON descriptions, which says all that happens to it; lines go both ways.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON.stringify(pc.localDescription) of a browser is such a line, so that a page can be the other side.
 */
#include <stdio.h>
#include <string.h>

#include "description.h"
#include "tool.h"

static struct side *const side = &tool.sides[0]; /* controlling: it offers */
static int described;

static void line(char *line) {
  if (!described) {
    described = description_take(side->peer, now(), line, side->controlling) >= 0;
    return;
  }
  const uint8_t *text = (const uint8_t *)line;
  int code = PRTC_ERROR_INVALID_STATE;
  if (side->channel != 0) code = prtc_peer_send(side->peer, now(), side->channel, PRTC_MESSAGE_TEXT, text, strlen(line));
  if (code < 0) fprintf(stderr, "not sent: %s\n", prtc_strerror(code));
}

/* What was sent before is to arrive: the channel closes when it has (RFC 8831 section 6.7). */
static void line_end(void) {
  if (side->channel != 0) prtc_peer_close_channel(side->peer, now(), side->channel);
  else tool_end(described ? 0 : 1);
}

static void event(struct side *one, const prtc_event *event) {
  (void)one;
  static const char *const connection[] = {"new", "connecting", "connected", "disconnected", "failed", "closed"};
  switch (event->type) {
    case PRTC_EVENT_ICE_CANDIDATE:
      if (event->text != NULL && event->text[0] != '\0') fprintf(stderr, "%s\n", event->text);
      break;
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE:
      if (event->state != PRTC_ICE_GATHERING_COMPLETE) break;
      fprintf(stderr, "copy this to the other side%s:\n", side->controlling ? ", and its answer here" : "");
      description_print(side->peer);
      break;
    case PRTC_EVENT_ICE_SELECTED_PAIR_CHANGE: fprintf(stderr, "pair: %s\n", event->text); break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE: fprintf(stderr, "connection: %s\n", connection[event->state]); break;
    case PRTC_EVENT_CHANNEL_OPEN: puts("open"); break;
    case PRTC_EVENT_CHANNEL_MESSAGE: printf("%.*s\n", (int)event->size, (const char *)event->data); break;
    case PRTC_EVENT_CHANNEL_CLOSED: tool_end(0); break;
    default: break;
  }
  fflush(stdout);
}

struct tool tool = {
    .name = "peer_connection",
    .usage = "usage: peer_connection offer | answer\n"
             "\n"
             "Start one with `answer` and one with `offer`, or use a browser's page as the other side. Copy the\n"
             "line that `offer` prints to the other one, and the line that this prints back. Then lines go both\n"
             "ways, and the programs say what happens to the connection. The end of the input (Ctrl-D) of one ends\n"
             "both.\n",
    .sides = {{.name = ""}},
    .event = event,
    .line = line,
    .line_end = line_end,
};

int main(int argc, char **argv) {
  tool_begin_as(argc, argv);
  if (!side->controlling) return tool_run();
  tool_channel(side, "chat");
  tool_check(prtc_peer_set_local_description(side->peer, now(), PRTC_SDP_OFFER, NULL, 0), "an offer");
  return tool_run();
}
