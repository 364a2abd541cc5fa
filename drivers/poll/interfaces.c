/* The local interfaces and their addresses, by getifaddrs(3).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * It does not tell which addresses are temporary (RFC 8981), or what kind of network is behind an interface.
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/poll/poll.h"

static bool is_usable(const struct ifaddrs *entry) {
  if (entry->ifa_addr == NULL || (entry->ifa_flags & IFF_UP) == 0) return false;
  return entry->ifa_addr->sa_family == AF_INET || entry->ifa_addr->sa_family == AF_INET6;
}

static uint32_t network_type(const struct ifaddrs *entry) {
  if ((entry->ifa_flags & IFF_LOOPBACK) != 0) return PRTC_NETWORK_LOOPBACK;
  return (entry->ifa_flags & IFF_POINTOPOINT) != 0 ? PRTC_NETWORK_VPN : PRTC_NETWORK_UNKNOWN;
}

int prtc_poll_interfaces(prtc_interface **out, size_t *count) {
  struct ifaddrs *list;
  size_t usable = 0, filled = 0;
  if (getifaddrs(&list) != 0) return errno;
  for (const struct ifaddrs *entry = list; entry != NULL; entry = entry->ifa_next) usable += is_usable(entry);
  if (usable > PRTC_INTERFACES_LIMIT) usable = PRTC_INTERFACES_LIMIT;
  prtc_interface *interfaces = calloc(usable == 0 ? 1 : usable, sizeof *interfaces);
  if (interfaces != NULL) {
    for (const struct ifaddrs *entry = list; entry != NULL && filled < usable; entry = entry->ifa_next) {
      if (!is_usable(entry)) continue;
      prtc_interface *interface = &interfaces[filled++];
      prtc_address_from_system(entry->ifa_addr, &interface->address);
      interface->index = if_nametoindex(entry->ifa_name);
      interface->network_type = network_type(entry);
      snprintf(interface->name, sizeof interface->name, "%s", entry->ifa_name);
    }
  }
  freeifaddrs(list);
  *out = interfaces;
  *count = filled;
  return interfaces == NULL ? ENOMEM : 0;
}
