/* SPDX-License-Identifier: BSD-3-Clause */
#include "description.h"

#include <stdio.h>
#include <string.h>

/* {"type": "offer", "sdp": "v=0\r\n…"}: of JSON's escapes SDP needs but these. */
void description_print(const prtc_peer *peer) {
  static char sdp[DESCRIPTION_LINE];
  prtc_sdp_type type;
  if (prtc_peer_get_description(peer, PRTC_DESCRIPTION_LOCAL, &type, sdp, sizeof sdp) <= 0) return;
  printf("{\"type\": \"%s\", \"sdp\": \"", type == PRTC_SDP_OFFER ? "offer" : "answer");
  for (const char *at = sdp; *at != '\0'; at++) {
    if (*at == '\r') fputs("\\r", stdout);
    else if (*at == '\n') fputs("\\n", stdout);
    else printf("%s%c", *at == '"' || *at == '\\' ? "\\" : "", *at);
  }
  puts("\"}");
  fflush(stdout);
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

int description_take(prtc_peer *peer, prtc_time now, char *line, int is_answer) {
  prtc_sdp_type type = is_answer ? PRTC_SDP_ANSWER : PRTC_SDP_OFFER;
  char *sdp = read_description(line);
  int code = sdp == NULL ? PRTC_ERROR_SYNTAX : prtc_peer_set_remote_description(peer, now, type, sdp, strlen(sdp));
  if (code == 0 && !is_answer) code = prtc_peer_set_local_description(peer, now, PRTC_SDP_ANSWER, NULL, 0);
  if (code < 0) fprintf(stderr, "this is no description of the other side: %s\n", prtc_strerror(code));
  return code;
}
