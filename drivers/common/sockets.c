/* The sockets that the core asked for: opening, finding, closing.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/common/driver.h"

/* Socket ids are small numbers that count up, so they need no hashing. */
static struct prtc_socket **bucket(const struct prtc_driver *driver, prtc_socket_id id) {
  return &driver->buckets[id & (driver->bucket_count - 1)];
}

struct prtc_socket *prtc_socket_find(const struct prtc_driver *driver, prtc_socket_id id) {
  if (driver->bucket_count == 0) return NULL;
  struct prtc_socket *socket = *bucket(driver, id);
  while (socket != NULL && socket->id != id) socket = socket->next;
  return socket;
}

/* Makes room for one more socket: as many buckets as sockets, at least. */
static int grow(struct prtc_driver *driver) {
  if (driver->socket_count < driver->bucket_count) return 0;
  size_t old_count = driver->bucket_count;
  struct prtc_socket **old = driver->buckets;
  size_t count = old_count == 0 ? 16 : 2 * old_count;
  struct prtc_socket **buckets = calloc(count, sizeof *buckets);
  if (buckets == NULL) return ENOMEM;
  driver->buckets = buckets;
  driver->bucket_count = count;
  for (size_t i = 0; i < old_count; i++) {
    while (old[i] != NULL) {
      struct prtc_socket *socket = old[i];
      old[i] = socket->next;
      socket->next = *bucket(driver, socket->id);
      *bucket(driver, socket->id) = socket;
    }
  }
  free(old);
  return 0;
}

/* -------------------------------------------------------------------------------------------------------------- opening */

int prtc_socket_make(const struct prtc_driver *driver, int family, int type, int *out) {
  const int on = 1;
  *out = driver->system->make_socket(family, type);
  if (*out < 0) return errno;
  if (family == AF_INET6) (void)setsockopt(*out, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (type != SOCK_DGRAM) return 0; /* TCP finds its buffers' sizes itself */
  (void)setsockopt(*out, SOL_SOCKET, SO_RCVBUF, &driver->receive_buffer, sizeof(int));
  (void)setsockopt(*out, SOL_SOCKET, SO_SNDBUF, &driver->send_buffer, sizeof(int));
  driver->system->set_options(*out, family);
  return 0;
}

int prtc_socket_bind(int descriptor, const prtc_request *request, prtc_address *bound) {
  prtc_address wanted = request->address;
  struct sockaddr_storage address;
  if (wanted.family == PRTC_FAMILY_IPV6 && wanted.ip[0] == 0xfe && (wanted.ip[1] & 0xc0) == 0x80 && wanted.scope == 0) {
    wanted.scope = request->interface_index; /* RFC 4007: a link-local address means nothing without its link */
  }
  socklen_t length = prtc_address_to_system(&wanted, &address);
  if (length == 0) return EAFNOSUPPORT;
  if (bind(descriptor, (const struct sockaddr *)&address, length) != 0) return errno;
  length = sizeof address;
  if (getsockname(descriptor, (struct sockaddr *)&address, &length) != 0) return errno;
  prtc_address_from_system((const struct sockaddr *)&address, bound);
  return 0;
}

int prtc_socket_add(struct prtc_driver *driver, prtc_socket_id id, int descriptor, enum prtc_socket_kind kind,
                    uint32_t events, struct prtc_socket **out) {
  if (id == 0 || id >= PRTC_WATCH_RESOLVER || prtc_socket_find(driver, id) != NULL) return EINVAL;
  int error = grow(driver);
  struct prtc_socket *socket = calloc(1, sizeof *socket);
  if (error == 0 && socket == NULL) error = ENOMEM;
  if (error == 0) error = driver->system->watch(driver->waiter, descriptor, id, events);
  if (error != 0) {
    free(socket);
    return error;
  }
  socket->id = id;
  socket->kind = kind;
  socket->descriptor = descriptor;
  socket->last_pending = &socket->first_pending;
  socket->next = *bucket(driver, id);
  *bucket(driver, id) = socket;
  driver->socket_count++;
  *out = socket;
  return 0;
}

int prtc_socket_open(struct prtc_driver *driver, const prtc_request *request, prtc_address *bound) {
  struct prtc_socket *socket;
  int descriptor, family = request->address.family == PRTC_FAMILY_IPV4 ? AF_INET : AF_INET6;
  int error = prtc_socket_make(driver, family, SOCK_DGRAM, &descriptor);
  if (error != 0) return error;
  if (request->type == PRTC_REQUEST_JOIN_MULTICAST) error = prtc_multicast_join(descriptor, request);
  if (error == 0) error = prtc_socket_bind(descriptor, request, bound);
  if (error == 0) error = prtc_socket_add(driver, request->socket, descriptor, PRTC_SOCKET_UDP, PRTC_READY_INPUT, &socket);
  if (error != 0) {
    close(descriptor);
    return error;
  }
  socket->family = family;
  socket->single_segments = !driver->system->takes_trains;
  return 0;
}

/* ---------------------------------------------------------------------------------------------------------- fragmentation */

#ifdef IP_MTU_DISCOVER
static void set_number(const struct prtc_socket *socket, int level, int option, int value) {
  (void)setsockopt(socket->descriptor, level, option, &value, sizeof value);
}

/* PROBE: nothing larger than the interface's MTU leaves, and no router divides it; what ICMP has said of the path does not
 * count. WANT: the system heeds that, and divides what is larger. */
static void tell_system(const struct prtc_socket *socket, uint32_t fragmentation) {
  bool never = fragmentation == PRTC_FRAGMENTATION_NEVER;
  if (socket->family == AF_INET) {
    set_number(socket, IPPROTO_IP, IP_MTU_DISCOVER, never ? IP_PMTUDISC_PROBE : IP_PMTUDISC_WANT);
  } else {
    set_number(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, never ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_WANT);
  }
}
#else
static void tell_system(const struct prtc_socket *socket, uint32_t fragmentation) {
  int never = fragmentation == PRTC_FRAGMENTATION_NEVER;
  (void)socket, (void)never;
#ifdef IP_DONTFRAG
  if (socket->family == AF_INET) (void)setsockopt(socket->descriptor, IPPROTO_IP, IP_DONTFRAG, &never, sizeof never);
#endif
#ifdef IPV6_DONTFRAG
  if (socket->family == AF_INET6) (void)setsockopt(socket->descriptor, IPPROTO_IPV6, IPV6_DONTFRAG, &never, sizeof never);
#endif
}
#endif

void prtc_socket_set_fragmentation(struct prtc_socket *socket, uint32_t fragmentation) {
  if (socket->fragmentation == fragmentation) return;
  tell_system(socket, fragmentation);
  socket->fragmentation = fragmentation;
}

/* -------------------------------------------------------------------------------------------------------------- closing */

void prtc_socket_close(struct prtc_driver *driver, struct prtc_socket *socket) {
  struct prtc_socket **link = bucket(driver, socket->id);
  while (*link != socket) link = &(*link)->next;
  *link = socket->next;
  driver->socket_count--;
  /* Closing is not enough: a forked child may hold a copy, and an epoll set would go on reporting it. */
  (void)driver->system->watch(driver->waiter, socket->descriptor, socket->id, 0);
  if (socket->kind == PRTC_SOCKET_STREAM) prtc_stream_goodbye(driver, socket);
  close(socket->descriptor);
  prtc_socket_drop_pending(socket);
  free(socket);
}

/* Leaves alone what waits for them, which a forked child may share with its parent. */
void prtc_sockets_free(struct prtc_driver *driver) {
  for (size_t i = 0; i < driver->bucket_count; i++) {
    while (driver->buckets[i] != NULL) {
      struct prtc_socket *socket = driver->buckets[i];
      driver->buckets[i] = socket->next;
      close(socket->descriptor);
      prtc_socket_drop_pending(socket);
      free(socket);
    }
  }
  free(driver->buckets);
  driver->buckets = NULL;
  driver->bucket_count = driver->socket_count = 0;
}

int prtc_socket_error(const struct prtc_socket *socket) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(socket->descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

void prtc_socket_watch_output(struct prtc_driver *driver, struct prtc_socket *socket, bool wanted) {
  if (socket->waits_for_output == wanted) return;
  uint32_t events = wanted ? PRTC_READY_INPUT | PRTC_READY_OUTPUT : PRTC_READY_INPUT;
  if (driver->system->watch(driver->waiter, socket->descriptor, socket->id, events) == 0) socket->waits_for_output = wanted;
}
