/* The local interfaces and their addresses, as the kernel tells them over rtnetlink(7), and when they change.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * getifaddrs(3) would be shorter, but it hides which addresses are temporary (RFC 8981), deprecated or not usable yet.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/linux/linux.h"

struct link {
  uint32_t index;
  uint32_t flags;
  uint32_t network_type;
  char name[IFNAMSIZ];
};

struct list {
  struct link *links;
  size_t link_count, link_capacity;
  prtc_interface *interfaces;
  size_t interface_count, interface_capacity;
};

typedef int (*handler)(struct list *list, const struct nlmsghdr *message);

/* Makes room for one more element; at the limit or without memory returns an errno. */
static int reserve(void **elements, size_t *capacity, size_t count, size_t element_size) {
  if (count < *capacity) return 0;
  if (count >= PRTC_INTERFACES_LIMIT) return E2BIG;
  size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
  void *grown = realloc(*elements, wanted * element_size);
  if (grown == NULL) return ENOMEM;
  *elements = grown;
  *capacity = wanted;
  return 0;
}

/* ----------------------------------------------------------------------------------------------------------- attributes */

/* The attribute of this type with at least `size` bytes, or NULL. */
static const void *attribute(const struct nlmsghdr *message, size_t header_size, uint16_t type, size_t size) {
  const uint8_t *bytes = NLMSG_DATA((struct nlmsghdr *)(uintptr_t)message);
  size_t end = message->nlmsg_len - NLMSG_HDRLEN;
  for (size_t at = NLMSG_ALIGN(header_size); at <= end && end - at >= sizeof(struct rtattr);) {
    struct rtattr head;
    memcpy(&head, bytes + at, sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > end - at) return NULL;
    if (head.rta_type == type && head.rta_len - RTA_LENGTH(0) >= size) return bytes + at + RTA_LENGTH(0);
    at += RTA_ALIGN(head.rta_len);
  }
  return NULL;
}

static bool starts_with(const char *name, const char *prefix) { return strncmp(name, prefix, strlen(prefix)) == 0; }

static uint32_t network_type(const char *name, uint16_t hardware, uint32_t flags) {
  char path[sizeof "/sys/class/net//wireless" + IFNAMSIZ];
  if ((flags & IFF_LOOPBACK) != 0) return PRTC_NETWORK_LOOPBACK;
  /* No attribute says so; these are the names that the kernel and the distributions give. */
  if (starts_with(name, "wwan") || starts_with(name, "rmnet") || starts_with(name, "ccmni")) return PRTC_NETWORK_CELLULAR;
  if (hardware == ARPHRD_NONE || hardware == ARPHRD_PPP || hardware == ARPHRD_TUNNEL || hardware == ARPHRD_TUNNEL6 ||
      hardware == ARPHRD_SIT || hardware == ARPHRD_IPGRE || starts_with(name, "tun") || starts_with(name, "tap")) {
    return PRTC_NETWORK_VPN;
  }
  snprintf(path, sizeof path, "/sys/class/net/%s/wireless", name);
  if (access(path, F_OK) == 0) return PRTC_NETWORK_WIFI;
  return hardware == ARPHRD_ETHER ? PRTC_NETWORK_ETHERNET : PRTC_NETWORK_UNKNOWN;
}

static int add_link(struct list *list, const struct nlmsghdr *message) {
  if (message->nlmsg_type != RTM_NEWLINK || message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg))) return 0;
  struct ifinfomsg info;
  memcpy(&info, NLMSG_DATA((struct nlmsghdr *)(uintptr_t)message), sizeof info);
  const char *name = attribute(message, sizeof info, IFLA_IFNAME, 1);
  if (name == NULL) return 0;
  void *links = list->links;
  int error = reserve(&links, &list->link_capacity, list->link_count, sizeof *list->links);
  list->links = links;
  if (error != 0) return error;
  struct link *link = &list->links[list->link_count++];
  *link = (struct link){.index = (uint32_t)info.ifi_index, .flags = info.ifi_flags};
  snprintf(link->name, sizeof link->name, "%s", name);
  link->network_type = network_type(link->name, info.ifi_type, info.ifi_flags);
  return 0;
}

static const struct link *find_link(const struct list *list, uint32_t index) {
  for (size_t i = 0; i < list->link_count; i++) {
    if (list->links[i].index == index) return &list->links[i];
  }
  return NULL;
}

static int add_address(struct list *list, const struct nlmsghdr *message) {
  if (message->nlmsg_type != RTM_NEWADDR || message->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg))) return 0;
  struct ifaddrmsg info;
  memcpy(&info, NLMSG_DATA((struct nlmsghdr *)(uintptr_t)message), sizeof info);
  const struct link *link = find_link(list, info.ifa_index);
  if (link == NULL || (link->flags & IFF_UP) == 0) return 0;
  if (info.ifa_family != AF_INET && info.ifa_family != AF_INET6) return 0;

  uint32_t flags = info.ifa_flags;
  const void *more_flags = attribute(message, sizeof info, IFA_FLAGS, sizeof flags);
  if (more_flags != NULL) memcpy(&flags, more_flags, sizeof flags);
  if ((flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED)) != 0) return 0;

  /* On a point-to-point link IFA_ADDRESS is the other end and IFA_LOCAL this one; IPv6 has no IFA_LOCAL elsewhere. */
  size_t size = info.ifa_family == AF_INET ? 4 : 16;
  const void *address = attribute(message, sizeof info, IFA_LOCAL, size);
  if (address == NULL) address = attribute(message, sizeof info, IFA_ADDRESS, size);
  if (address == NULL) return 0;

  void *interfaces = list->interfaces;
  int error = reserve(&interfaces, &list->interface_capacity, list->interface_count, sizeof *list->interfaces);
  list->interfaces = interfaces;
  if (error != 0) return error;
  prtc_interface *interface = &list->interfaces[list->interface_count++];
  *interface = (prtc_interface){
      .address = {.family = info.ifa_family == AF_INET ? PRTC_FAMILY_IPV4 : PRTC_FAMILY_IPV6},
      .index = link->index,
      .network_type = link->network_type,
      .temporary = info.ifa_family == AF_INET6 && (flags & IFA_F_TEMPORARY) != 0,
  };
  memcpy(interface->address.ip, address, size);
  if (size == 16 && interface->address.ip[0] == 0xfe && (interface->address.ip[1] & 0xc0) == 0x80) {
    interface->address.scope = link->index; /* link-local: RFC 4007 */
  }
  snprintf(interface->name, sizeof interface->name, "%s", link->name);
  return 0;
}

/* -------------------------------------------------------------------------------------------------------------- netlink */

/* Asks for a dump and hands each message to `handle`. 0 or an errno. The kernel answers within the calls: nothing
 * blocks. */
static int dump(int netlink, uint16_t type, struct list *list, handler handle) {
  struct {
    struct nlmsghdr header;
    struct rtgenmsg family;
  } request = {
      .header = {.nlmsg_len = sizeof request, .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = type},
      .family = {.rtgen_family = AF_UNSPEC},
  };
  if (send(netlink, &request, sizeof request, 0) < 0) return errno;
  _Alignas(struct nlmsghdr) uint8_t buffer[32 * 1024]; /* what the kernel fills at most */
  for (;;) {
    ssize_t received = recv(netlink, buffer, sizeof buffer, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return errno;
    if (received == 0) return EPIPE;
    size_t left = (size_t)received;
    for (struct nlmsghdr *message = (struct nlmsghdr *)(void *)buffer; NLMSG_OK(message, left);
         message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_seq != type) continue;
      if (message->nlmsg_type == NLMSG_DONE) return 0;
      if (message->nlmsg_type == NLMSG_ERROR) return EPROTO;
      int error = handle(list, message);
      if (error != 0) return error;
    }
  }
}

int prtc_linux_interfaces_read(prtc_interface **out, size_t *count) {
  struct list list = {0};
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  int error = netlink < 0 ? errno : 0;
  if (error == 0) error = dump(netlink, RTM_GETLINK, &list, add_link);
  if (error == 0) error = dump(netlink, RTM_GETADDR, &list, add_address);
  if (netlink >= 0) close(netlink);
  free(list.links);
  if (error != 0) {
    free(list.interfaces);
    return error;
  }
  *out = list.interfaces;
  *count = list.interface_count;
  return 0;
}

int prtc_linux_interfaces_watch(void) {
  int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
  struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
  if (netlink >= 0 && bind(netlink, (const struct sockaddr *)&address, sizeof address) != 0) {
    close(netlink);
    return -1;
  }
  return netlink;
}

bool prtc_linux_interfaces_changed(int netlink) {
  uint8_t ignored[4096];
  bool any = false;
  for (int i = 0; i < 64; i++) {
    /* ENOBUFS: messages were lost; something has changed all the same. */
    if (recv(netlink, ignored, sizeof ignored, 0) < 0 && errno != ENOBUFS) return any;
    any = true;
  }
  return any;
}
