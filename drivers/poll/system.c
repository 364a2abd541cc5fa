/* POSIX as a system of the drivers: an array for poll(2), and deadlines that are the application's to keep.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/poll/poll.h"

struct prtc_waiter {
  struct pollfd *descriptors;
  struct watched {
    uint64_t what, id;
  } *watched; /* of the same index */
  size_t count, capacity;
  uint64_t last_id;
  size_t turn;     /* where the next look for what is ready begins */
};

/* --------------------------------------------------------------------------------------------------------------- life */

static struct prtc_waiter *open_waiter(void) { return calloc(1, sizeof(struct prtc_waiter)); }

static void close_waiter(struct prtc_waiter *waiter) {
  free(waiter->descriptors);
  free(waiter->watched);
  free(waiter);
}

/* ------------------------------------------------------------------------------------------------------------ waiting */

static int grow(struct prtc_waiter *waiter) {
  if (waiter->count < waiter->capacity) return 0;
  size_t capacity = waiter->capacity == 0 ? 16 : 2 * waiter->capacity;
  struct pollfd *descriptors = realloc(waiter->descriptors, capacity * sizeof *descriptors);
  if (descriptors == NULL) return ENOMEM;
  waiter->descriptors = descriptors;
  struct watched *watched = realloc(waiter->watched, capacity * sizeof *watched);
  if (watched == NULL) return ENOMEM;
  waiter->watched = watched;
  waiter->capacity = capacity;
  return 0;
}

static int watch(struct prtc_waiter *waiter, int descriptor, uint64_t what, uint32_t events) {
  int input = (events & PRTC_READY_INPUT) != 0 ? POLLIN : 0;
  short wanted = (short)(input | ((events & PRTC_READY_OUTPUT) != 0 ? POLLOUT : 0));
  size_t at = 0;
  while (at < waiter->count && waiter->descriptors[at].fd != descriptor) at++;
  if (wanted == 0) {
    if (at == waiter->count) return ENOENT;
    waiter->count--;
    waiter->descriptors[at] = waiter->descriptors[waiter->count];
    waiter->watched[at] = waiter->watched[waiter->count];
    return 0;
  }
  if (at == waiter->count) {
    int error = grow(waiter);
    if (error != 0) return error;
    waiter->count++;
    waiter->watched[at] = (struct watched){.what = what, .id = ++waiter->last_id};
  }
  waiter->descriptors[at] = (struct pollfd){.fd = descriptor, .events = wanted};
  return 0;
}

static int wait_ready(struct prtc_waiter *waiter, int milliseconds) {
  return poll(waiter->descriptors, (nfds_t)waiter->count, milliseconds);
}

static size_t ready(struct prtc_waiter *waiter, struct prtc_ready *out, size_t capacity) {
  size_t filled = 0;
  if (wait_ready(waiter, 0) <= 0) return 0;
  size_t start = waiter->turn;
  for (size_t i = 0; i < waiter->count && filled < capacity; i++) {
    size_t at = (start + i) % waiter->count;
    int seen = waiter->descriptors[at].revents;
    if (seen == 0) continue;
    out[filled++] = (struct prtc_ready){
        .what = waiter->watched[at].what,
        .events = ((seen & POLLIN) != 0 ? PRTC_READY_INPUT : 0u) | ((seen & POLLOUT) != 0 ? PRTC_READY_OUTPUT : 0u) |
                  ((seen & (POLLERR | POLLHUP)) != 0 ? PRTC_READY_ERROR : 0u),
    };
    waiter->turn = at + 1;
  }
  return filled;
}

static int descriptor_of(const struct prtc_waiter *waiter) {
  (void)waiter;
  return -1;
}

static size_t watches(const struct prtc_waiter *waiter, prtc_watch *out, size_t capacity) {
  for (size_t i = 0; i < waiter->count && i < capacity; i++) {
    out[i] = (prtc_watch){
        .descriptor = waiter->descriptors[i].fd,
        .input = (waiter->descriptors[i].events & POLLIN) != 0,
        .output = (waiter->descriptors[i].events & POLLOUT) != 0,
        .id = waiter->watched[i].id,
    };
  }
  return waiter->count;
}

static void arm(struct prtc_waiter *waiter, prtc_time deadline) {
  (void)waiter; /* the application waits: see prtc_driver_deadline */
  (void)deadline;
}

/* Nothing portable tells. An application that learns of changes calls prtc_endpoint_interfaces_changed; else new interfaces
 * are seen when ICE gathers anew, and one that is gone by the silence of its path. */
static bool interfaces_changed(struct prtc_waiter *waiter) {
  (void)waiter;
  return false;
}

/* ------------------------------------------------------------------------------------------------------------ sockets */

/* POSIX has no way to make a descriptor that is so from the start. */
static int prepare(int descriptor) {
  if (descriptor < 0) return -1;
  if (fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 && fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0) return descriptor;
  int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

static int make_socket(int family, int type) { return prepare(socket(family, type, 0)); }

static int accept_connection(int listener, struct sockaddr *from, socklen_t *length) {
  return prepare(accept(listener, from, length));
}

static void set_options(int descriptor, int family) {
  (void)descriptor;
  (void)family;
}

const struct prtc_system prtc_system_poll = {
    .open = open_waiter,
    .close = close_waiter,
    .watch = watch,
    .arm = arm,
    .ready = ready,
    .descriptor = descriptor_of,
    .watches = watches,
    .wait = wait_ready,
    .make_socket = make_socket,
    .accept = accept_connection,
    .set_options = set_options,
    .takes_trains = false,
    .send = prtc_poll_send,
    .receive = prtc_poll_receive,
    .read_errors = prtc_poll_read_errors,
    .interfaces = prtc_poll_interfaces,
    .interfaces_changed = interfaces_changed,
};
