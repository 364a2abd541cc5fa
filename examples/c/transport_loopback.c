/* Two sides in one program: ICE between them, then DTLS, then SCTP, up to the stage that the program is built for; over
 * that stage each sends the other a greeting. No descriptions: the sides exchange the parameters of ORTC's transports as
 * JSON.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "tool.h"

#if STAGE == 1
#define NAME "ice_transport_loopback"
#define WHAT "a datagram over ICE"
#elif STAGE == 2
#define NAME "dtls_transport_loopback"
#define WHAT "a record over DTLS"
#else
#define NAME "sctp_transport_loopback"
#define WHAT "a message over SCTP"
#endif

static struct side *const sides = tool.sides;
static int started, greeted[2], heard[2], print_parameters;

static void start(void) {
  for (int i = 0; print_parameters && i < 2; i++) {
    printf("parameters of %s: %s\n", sides[1 - i].name, tool_parameters(&sides[1 - i]));
  }
  started = tool_start_both(STAGE);
}

static int is_ready(const struct side *side) {
  if (STAGE == 1) return side->ice == PRTC_ICE_TRANSPORT_CONNECTED || side->ice == PRTC_ICE_TRANSPORT_COMPLETED;
  return STAGE == 2 ? side->dtls == PRTC_DTLS_TRANSPORT_CONNECTED : side->channel != 0;
}

static void greet(const struct side *side) {
  char text[64];
  int size = snprintf(text, sizeof text, "hello from %s", side->name);
  const uint8_t *data = (const uint8_t *)text;
  int code = STAGE < 3 ? prtc_peer_send_raw(side->peer, now(), data, (size_t)size)
                       : prtc_peer_send(side->peer, now(), side->channel, PRTC_MESSAGE_TEXT, data, (size_t)size);
  tool_check(code, "sending");
}

static void event(struct side *side, const prtc_event *event) {
  if (event->type == PRTC_EVENT_TRANSPORT_DATA || event->type == PRTC_EVENT_CHANNEL_MESSAGE) {
    printf("%s received: %.*s\n", side->name, (int)event->size, (const char *)event->data);
    heard[side - sides] = 1;
  }
  if (!started && tool_is_gathered()) start();
  /* Both: what comes to a side that is not so far would be lost. */
  if (is_ready(&sides[0]) && is_ready(&sides[1])) {
    for (int i = 0; i < 2; i++) {
      if (!greeted[i]) greet(&sides[i]);
      greeted[i] = 1;
    }
  }
  if (heard[0] && heard[1]) tool_end(0);
}

struct tool tool = {
    .name = NAME,
    .usage = "usage: " NAME " [--parameters]\n"
             "\n"
             "Connects two sides within this program, and sends " WHAT " each way.\n"
             "\n"
             "  --parameters   print what the sides tell each other\n",
    .sides = {{.name = "A", .controlling = 1}, {.name = "B"}},
    .event = event,
};

static int option(char **argument, int left) {
  (void)left;
  return print_parameters = strcmp(argument[0], "--parameters") == 0;
}

int main(int argc, char **argv) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.use_loopback = 1;
  tool_arguments(argc, argv, option);
  tool_begin(2, &config, 0);
  if (STAGE == 3) tool_channel(&sides[0], "greetings");
  for (int i = 0; i < 2; i++) tool_check(prtc_peer_gather(sides[i].peer, now()), "gathering");
  return tool_run();
}
