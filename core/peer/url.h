/* URLs of ICE servers: RFC 7064 (stun) and RFC 7065 (turn).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_PEER_URL_H
#define PRTC_PEER_URL_H

#include <stdint.h>

enum prtc_server_kind { PRTC_SERVER_STUN, PRTC_SERVER_STUNS, PRTC_SERVER_TURN, PRTC_SERVER_TURNS };
enum prtc_server_transport { PRTC_SERVER_UDP, PRTC_SERVER_TCP }; /* TLS and DTLS are the "s" of the kind */

struct prtc_server_url {
  enum prtc_server_kind kind;
  enum prtc_server_transport transport; /* turns: TCP unless the URL says otherwise (RFC 7065 section 3.2) */
  char host[254];                       /* a name or an address, without brackets */
  uint16_t port;                        /* the scheme's default when the URL has none */
};

/* 0, or PRTC_ERROR_SYNTAX with *reason set to a sentence (static storage). */
int prtc_server_url_parse(struct prtc_server_url *out, const char *url, const char **reason);

#endif
