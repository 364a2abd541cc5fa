/* Hands the SCTP packets of a connection to another SCTP over UDP, as RFC 6951 puts them there: so a kernel's or a
 * library's can be tried against a browser's. ICE and DTLS are ours, SCTP is not started.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

static struct side *const side = &tool.sides[0];
static int described, has_target;
static long port = 9899, target = 0; /* RFC 6951 section 5.1: the port of SCTP over UDP */
static struct sockaddr_in other;
static uint64_t in, out;

static void line(char *line) {
  if (!described) described = tool_start(side, line, 2) >= 0;
}

static void line_end(void) { tool_end(described ? 0 : 1); }

/* Until a port is named, packets go to where the latest came from. */
static void readable(void) {
  uint8_t packet[2048];
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  ssize_t size = recvfrom(tool.descriptor, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
  if (size <= 0) return;
  if (target == 0) other = from, has_target = 1;
  int code = prtc_peer_send_raw(side->peer, now(), packet, (size_t)size);
  if (code == 0) {
    out++;
  } else if (code == PRTC_ERROR_MESSAGE_TOO_LARGE) {
    fprintf(stderr, "%zd bytes are too many: set an MTU of 1160 there\n", size);
  }
}

static void event(struct side *one, const prtc_event *event) {
  (void)one;
  if (event->type == PRTC_EVENT_ICE_GATHERING_STATE_CHANGE && event->state == PRTC_ICE_GATHERING_COMPLETE) {
    fprintf(stderr, "copy this to the other side, and its line here:\n");
    puts(tool_parameters(side));
  } else if (event->type == PRTC_EVENT_TRANSPORT_DATA && has_target) {
    if (sendto(tool.descriptor, event->data, event->size, 0, (struct sockaddr *)&other, sizeof other) >= 0) in++;
  } else if (event->type == PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE && event->state == PRTC_DTLS_TRANSPORT_CONNECTED) {
    puts("connected");
  } else if (event->type == PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE && event->state == PRTC_DTLS_TRANSPORT_CLOSED) {
    tool_end(0);
  }
  fflush(stdout);
}

struct tool tool = {
    .name = "sctp_redirect_transport",
    .usage = "usage: sctp_redirect_transport offer | answer [--port N] [--to N]\n"
             "\n"
             "Connects to data_channel_sctp_echo, or anything that speaks ORTC's JSON, with ICE and DTLS alone,\n"
             "and passes the SCTP packets to and from another SCTP stack on this machine, over UDP at 127.0.0.1\n"
             "(RFC 6951).\n"
             "\n"
             "  --port N   where packets of that stack are taken (9899); 0: any, which is printed\n"
             "  --to N     where packets are sent; without it to where the latest came from\n"
             "\n"
             "Each program prints a line: copy it to the other one. The end of the input (Ctrl-D) ends it.\n",
    .sides = {{.name = ""}},
    .event = event,
    .line = line,
    .line_end = line_end,
    .readable = readable,
};

static int role_given;

static int option(char **argument, int left) {
  if (left >= 2 && strcmp(argument[0], "--port") == 0 && tool_number(argument[1], 0, 65535, &port)) return 2;
  if (left >= 2 && strcmp(argument[0], "--to") == 0 && tool_number(argument[1], 1, 65535, &target)) return 2;
  side->controlling = strcmp(argument[0], "offer") == 0;
  return !role_given && (role_given = side->controlling || strcmp(argument[0], "answer") == 0);
}

static int open_socket(void) {
  struct sockaddr_in here = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof here;
  tool.descriptor = socket(AF_INET, SOCK_DGRAM, 0);
  if (tool.descriptor < 0 || bind(tool.descriptor, (struct sockaddr *)&here, sizeof here) != 0 ||
      getsockname(tool.descriptor, (struct sockaddr *)&here, &length) != 0) {
    perror(tool.name);
    return 0;
  }
  if (port == 0) printf("port %u\n", (unsigned)ntohs(here.sin_port));
  fflush(stdout);
  other = (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)target), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  has_target = target != 0;
  return 1;
}

int main(int argc, char **argv) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.use_loopback = 1; /* the other side may be on this machine */
  tool_arguments(argc, argv, option);
  if (!role_given) tool_bad_usage();
  if (!open_socket()) return 1;
  tool_begin(1, &config, 0);
  tool_check(prtc_peer_gather(side->peer, now()), "gathering");
  int status = tool_run();
  close(tool.descriptor);
  fprintf(stderr, "%llu packets in, %llu out\n", (unsigned long long)in, (unsigned long long)out);
  return status;
}
