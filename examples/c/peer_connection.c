/* A peer connection by copy and paste of its JSON descriptions, which says all that happens to it; lines go both ways.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * JSON.stringify(pc.localDescription) of a browser is such a line, so that a page can be the other side.
 */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static struct side *const side = &tool.sides[0]; /* controlling: it offers */
static int described;

/* {"type": "offer", "sdp": "v=0\r\n…"}: of JSON's escapes SDP needs but these. */
static void print_description(void) {
  static char sdp[TOOL_LINE];
  prtc_sdp_type type;
  if (prtc_peer_get_description(side->peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp) <= 0) return;
  printf("{\"type\": \"%s\", \"sdp\": \"", type == PRTC_SDP_OFFER ? "offer" : "answer");
  for (const char *at = sdp; *at != '\0'; at++) {
    if (*at == '\r') fputs("\\r", stdout);
    else if (*at == '\n') fputs("\\n", stdout);
    else printf("%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
  }
  puts("\"}");
}

/* Takes the SDP out of such a line, in place. NULL: there is none. */
static char *read_description(char *line) {
  char *from = strstr(line, "\"sdp\"");
  if (from != NULL) from = strchr(from + 5, '"');
  if (from == NULL) return NULL;
  char *sdp = ++from, *to = from;
  for (; *from != '"'; from++) {
    char next = *from;
    if (next == '\\') {
      next = *++from;
      next = next == 'r' ? '\r' : next == 'n' ? '\n' : next;
    }
    if (next == '\0') return NULL;
    *to++ = next;
  }
  *to = '\0';
  return sdp;
}

static void take_description(char *line) {
  prtc_sdp_type type = side->controlling ? PRTC_SDP_ANSWER : PRTC_SDP_OFFER;
  char *sdp = read_description(line);
  int code = sdp == NULL ? PRTC_ERROR_SYNTAX : prtc_peer_set_remote_description(side->peer, now(), type, sdp, strlen(sdp));
  if (code == 0 && !side->controlling) code = prtc_peer_set_local_description(side->peer, now(), PRTC_SDP_ANSWER, NULL, 0);
  if (code < 0) fprintf(stderr, "this is no description of the other side: %s\n", prtc_strerror(code));
  described = code >= 0;
}

static void line(char *line) {
  if (!described) {
    take_description(line);
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
      print_description();
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
             "Start one with `answer` and one with `offer`, or use a browser's page as the other side. Copy the line that `offer`\n"
             "prints to the other one, and the line that this prints back. Then lines go both ways, and the programs say what\n"
             "happens to the connection. The end of the input (Ctrl-D) of one ends both.\n",
    .sides = {{.name = ""}},
    .event = event,
    .line = line,
    .line_end = line_end,
};

static int option(char **argument, int left) {
  side->controlling = strcmp(argument[0], "offer") == 0;
  return left == 1 && (side->controlling || strcmp(argument[0], "answer") == 0);
}

int main(int argc, char **argv) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.use_loopback = 1; /* the other side may be on this machine */
  if (argc < 2) tool_bad_usage();
  tool_arguments(argc, argv, option);
  tool_begin(1, &config, 0);
  if (!side->controlling) return tool_run();
  tool_channel(side, "chat");
  tool_check(prtc_peer_set_local_description(side->peer, now(), PRTC_SDP_OFFER, NULL, 0), "an offer");
  return tool_run();
}
