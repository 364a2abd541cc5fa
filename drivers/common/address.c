/* Addresses of polyrtc and of the system.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "drivers/common/driver.h"

socklen_t prtc_address_to_system(const prtc_address *address, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (address->family == PRTC_FAMILY_IPV4) {
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons(address->port);
    memcpy(&in->sin_addr, address->ip, 4);
    return sizeof *in;
  }
  if (address->family == PRTC_FAMILY_IPV6) {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address->port);
    memcpy(&in6->sin6_addr, address->ip, 16);
    in6->sin6_scope_id = address->scope;
    return sizeof *in6;
  }
  return 0;
}

void prtc_address_from_system(const struct sockaddr *address, prtc_address *out) {
  memset(out, 0, sizeof *out);
  if (address->sa_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
    out->family = PRTC_FAMILY_IPV4;
    out->port = ntohs(in->sin_port);
    memcpy(out->ip, &in->sin_addr, 4);
  } else if (address->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
    out->family = PRTC_FAMILY_IPV6;
    out->port = ntohs(in6->sin6_port);
    memcpy(out->ip, &in6->sin6_addr, 16);
    /* The kernel gives a zone with link-local addresses only; elsewhere it would make equal addresses differ. */
    if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr)) out->scope = in6->sin6_scope_id;
  }
}
