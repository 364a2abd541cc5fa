/* Sockets of a multicast group: for multicast DNS.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Bound to the group itself, such a socket gets nothing of what is sent to other addresses of the host at the same port,
 * which belongs to whoever else has it. What it sends leaves with an address of its interface.
 */
#define _DEFAULT_SOURCE
#include <errno.h>

#include "drivers/common/driver.h"

static int set(int descriptor, int level, int option, const void *value, socklen_t size) {
  return setsockopt(descriptor, level, option, value, size) == 0 ? 0 : errno;
}

static int set_number(int descriptor, int level, int option, int value) {
  return set(descriptor, level, option, &value, sizeof value);
}

/* Other programs have the port, too. Some systems ask for the second option, and those that have it are to be met. */
static int share(int descriptor) {
  int error = set_number(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
#ifdef SO_REUSEPORT
  if (error == 0) error = set_number(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
#endif
  return error;
}

/* By the interface, with 255 hops (RFC 6762 section 11), to the members on this machine as well. */
static int send_by(int descriptor, int family, uint32_t index) {
  if (family == AF_INET) {
    const struct ip_mreqn interface = {.imr_ifindex = (int)index};
    int error = set(descriptor, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface);
    if (error == 0) error = set_number(descriptor, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
    return error == 0 ? set_number(descriptor, IPPROTO_IP, IP_MULTICAST_TTL, 255) : error;
  }
  int error = set_number(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)index);
  if (error == 0) error = set_number(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
  return error == 0 ? set_number(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) : error;
}

int prtc_multicast_join(int descriptor, const prtc_request *request) {
  /* RFC 3678: one structure for both families */
  struct group_req membership = {.gr_interface = request->interface_index};
  if (prtc_address_to_system(&request->address, &membership.gr_group) == 0) return EAFNOSUPPORT;
  int family = membership.gr_group.ss_family;
  int error = share(descriptor);
  if (error == 0) error = send_by(descriptor, family, request->interface_index);
  if (error == 0) {
    int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    error = set(descriptor, level, MCAST_JOIN_GROUP, &membership, sizeof membership);
  }
#ifdef IP_MULTICAST_ALL /* else Linux hands over what comes on any interface on which any program has joined */
  if (family == AF_INET) (void)set_number(descriptor, IPPROTO_IP, IP_MULTICAST_ALL, 0);
#endif
#ifdef IPV6_MULTICAST_ALL
  if (family == AF_INET6) (void)set_number(descriptor, IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0);
#endif
  return error;
}
