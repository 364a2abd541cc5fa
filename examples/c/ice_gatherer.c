/* Lists the ICE candidates of this machine, and when each was found: the RTCIceGatherer of ORTC alone.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <string.h>

#include "tool.h"

#define SERVERS 8

static prtc_ice_server servers[SERVERS];
static prtc_peer_config config;
static prtc_time began;

static void event(struct side *side, const prtc_event *event) {
  double ms = (double)(now() - began) / 1000;
  (void)side;
  if (event->type == PRTC_EVENT_ICE_CANDIDATE && event->text != NULL && event->text[0] != '\0') {
    printf("%8.1f ms  %s\n", ms, event->text);
  } else if (event->type == PRTC_EVENT_ICE_CANDIDATE_ERROR) {
    printf("%8.1f ms  error %d: %s\n", ms, event->code, event->text);
  } else if (event->type == PRTC_EVENT_ICE_GATHERING_STATE_CHANGE && event->state == PRTC_ICE_GATHERING_COMPLETE) {
    printf("%8.1f ms  complete\n", ms);
    tool_end(0);
  }
  fflush(stdout);
}

struct tool tool = {
    .name = "ice_gatherer",
    .usage = "usage: ice_gatherer [--server URL [USER PASSWORD]]... [--loopback] [--hide]\n"
             "\n"
             "Lists the ICE candidates of this machine with the time that each took.\n"
             "\n"
             "  --server URL   a STUN or TURN server: stun:host:port, turn:host:port?transport=tcp, turns:host\n"
             "  --loopback     loopback addresses, too\n"
             "  --hide         names in place of the local addresses, as browsers do\n",
    .sides = {{.name = ""}},
    .quiet = 1,
    .event = event,
};

static int option(char **argument, int left) {
  if (strcmp(argument[0], "--loopback") == 0) return (int)(config.use_loopback = 1);
  if (strcmp(argument[0], "--hide") == 0) return (int)(config.hide_addresses = 1);
  if (strcmp(argument[0], "--server") != 0 || left < 2 || config.ice_server_count == SERVERS) return 0;
  prtc_ice_server *server = &servers[config.ice_server_count++];
  server->url = argument[1];
  if (left < 4 || argument[2][0] == '-') return 2;
  server->username = argument[2], server->credential = argument[3];
  return 4;
}

int main(int argc, char **argv) {
  PRTC_INIT(&config);
  config.ice_servers = servers;
  tool_arguments(argc, argv, option);
  tool_begin(1, &config, 0);
  began = now();
  tool_check(prtc_peer_gather(tool.sides[0].peer, now()), "gathering");
  return tool_run();
}
