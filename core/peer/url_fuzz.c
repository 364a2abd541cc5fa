/* Any text as the URL of an ICE server: what is taken is within its bounds and reads the same when it is written out.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/error.h>
#include <polyrtc/types.h>

#include "core/peer/url.h"

static void require(int condition) {
  if (!condition) abort();
}

/* In the form of RFC 7064 section 3.1 and RFC 7065 section 3.1, with all that may be left out. */
static void write_url(const struct prtc_server_url *url, char *out, size_t capacity) {
  static const char *const schemes[] = {"stun", "stuns", "turn", "turns"}, *const transports[] = {"udp", "tcp"};
  const char *open = strchr(url->host, ':') != NULL ? "[" : "", *close = open[0] != '\0' ? "]" : "";
  int size = snprintf(out, capacity, "%s:%s%s%s:%u", schemes[url->kind], open, url->host, close, (unsigned)url->port);
  if (url->kind == PRTC_SERVER_TURN || url->kind == PRTC_SERVER_TURNS) {
    snprintf(out + size, capacity - (size_t)size, "?transport=%s", transports[url->transport]);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct prtc_server_url url, again;
  char written[400];
  const char *reason = NULL;
  char *text = malloc(size + 1);
  require(text != NULL);
  if (size > 0) memcpy(text, data, size);
  text[size] = '\0';
  int code = prtc_server_url_parse(&url, text, &reason);
  if (code == PRTC_OK) {
    require(url.kind <= PRTC_SERVER_TURNS && url.transport <= PRTC_SERVER_TCP && url.port != 0);
    require(url.host[0] != '\0' && strlen(url.host) < sizeof url.host);
    write_url(&url, written, sizeof written);
    require(prtc_server_url_parse(&again, written, &reason) == PRTC_OK);
    require(again.kind == url.kind && again.transport == url.transport && again.port == url.port);
    require(strcmp(again.host, url.host) == 0);
  } else {
    require(code == PRTC_ERROR_SYNTAX && reason != NULL && reason[0] != '\0');
  }
  free(text);
  return 0;
}
