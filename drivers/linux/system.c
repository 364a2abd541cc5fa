/* Linux as a system of the drivers: an epoll set with everything in it, a timer included.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "drivers/linux/linux.h"

/* What epoll hands back beside what prtc_ready is for */
#define WATCH_TIMER UINT64_MAX
#define WATCH_NETLINK (UINT64_MAX - 1)

struct prtc_waiter {
  int epoll, timer, netlink;
  prtc_time armed;          /* what the timer is set to; PRTC_NEVER: not set */
  bool timer_fired;         /* and is readable until it is set anew */
  bool interfaces_changed;
  struct epoll_event events[64]; /* what the last wait has seen, to be reported by the next `ready` */
  int event_count;
};

/* --------------------------------------------------------------------------------------------------------------- life */

static bool add(struct prtc_waiter *waiter, int descriptor, uint64_t what) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
  return epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

static void close_waiter(struct prtc_waiter *waiter) {
  if (waiter->netlink >= 0) close(waiter->netlink);
  if (waiter->timer >= 0) close(waiter->timer);
  if (waiter->epoll >= 0) close(waiter->epoll);
  free(waiter);
}

static struct prtc_waiter *open_waiter(void) {
  struct prtc_waiter *waiter = calloc(1, sizeof *waiter);
  if (waiter == NULL) return NULL;
  waiter->armed = PRTC_NEVER;
  waiter->timer = waiter->netlink = -1;
  waiter->epoll = epoll_create1(EPOLL_CLOEXEC);
  bool made = waiter->epoll >= 0;
  if (made) made = (waiter->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) >= 0;
  if (made) made = add(waiter, waiter->timer, WATCH_TIMER);
  if (!made) {
    int error = errno;
    close_waiter(waiter);
    errno = error;
    return NULL;
  }
  /* Where the system has no such socket (some sandboxes), changes of interfaces go unnoticed. */
  waiter->netlink = prtc_linux_interfaces_watch();
  if (waiter->netlink >= 0) (void)add(waiter, waiter->netlink, WATCH_NETLINK);
  return waiter;
}

/* ------------------------------------------------------------------------------------------------------------ waiting */

static int watch(struct prtc_waiter *waiter, int descriptor, uint64_t what, uint32_t events) {
  struct epoll_event event = {.data.u64 = what};
  if ((events & PRTC_READY_INPUT) != 0) event.events |= EPOLLIN;
  if ((events & PRTC_READY_OUTPUT) != 0) event.events |= EPOLLOUT;
  int result;
  if (events == 0) {
    result = epoll_ctl(waiter->epoll, EPOLL_CTL_DEL, descriptor, NULL);
  } else {
    result = epoll_ctl(waiter->epoll, EPOLL_CTL_MOD, descriptor, &event);
    if (result != 0 && errno == ENOENT) result = epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, descriptor, &event);
  }
  return result == 0 ? 0 : errno;
}

/* Sets the timer. In the past means at once: the descriptor is readable then. */
static void arm(struct prtc_waiter *waiter, prtc_time deadline) {
  /* A timer that is set too early costs one call in vain; setting it each time that a deadline moves on would cost more. */
  if (waiter->armed <= deadline && !waiter->timer_fired) return;
  struct itimerspec setting = {0};
  if (deadline != PRTC_NEVER) {
    /* Rounded up, as there is no deadline within a microsecond; all zero would disarm. */
    setting.it_value.tv_sec = (time_t)(deadline / 1000000u);
    setting.it_value.tv_nsec = (long)(deadline % 1000000u) * 1000 + 1;
  }
  if (timerfd_settime(waiter->timer, TFD_TIMER_ABSTIME, &setting, NULL) != 0) return;
  waiter->armed = deadline;
  waiter->timer_fired = false;
}

/* More than 0 when there is anything. */
static int see(struct prtc_waiter *waiter, int milliseconds) {
  int count = epoll_wait(waiter->epoll, waiter->events, sizeof waiter->events / sizeof *waiter->events, milliseconds);
  waiter->event_count = count > 0 ? count : 0;
  return count;
}

static size_t ready(struct prtc_waiter *waiter, struct prtc_ready *out, size_t capacity) {
  const struct epoll_event *events = waiter->events;
  size_t filled = 0;
  if (waiter->event_count == 0) (void)see(waiter, 0);
  int count = waiter->event_count;
  if ((size_t)count > capacity) count = (int)capacity; /* the others are seen again */
  waiter->event_count = 0;
  for (int i = 0; i < count; i++) {
    uint64_t what = events[i].data.u64;
    if (what == WATCH_TIMER) {
      waiter->timer_fired = true; /* arm sets it anew, which also makes it unreadable */
    } else if (what == WATCH_NETLINK) {
      if (prtc_linux_interfaces_changed(waiter->netlink)) waiter->interfaces_changed = true;
    } else {
      uint32_t seen = events[i].events;
      out[filled++] = (struct prtc_ready){
          .what = what,
          .events = ((seen & EPOLLIN) != 0 ? PRTC_READY_INPUT : 0u) | ((seen & EPOLLOUT) != 0 ? PRTC_READY_OUTPUT : 0u) |
                    ((seen & (EPOLLERR | EPOLLHUP)) != 0 ? PRTC_READY_ERROR : 0u),
      };
    }
  }
  return filled;
}

static int descriptor_of(const struct prtc_waiter *waiter) { return waiter->epoll; }

static size_t watches(const struct prtc_waiter *waiter, prtc_watch *out, size_t capacity) {
  if (capacity > 0) *out = (prtc_watch){.descriptor = waiter->epoll, .input = 1, .id = 1};
  return 1;
}

/* What is seen here need not be asked for again. A descriptor that is closed before it is reported is not found then. */
static int wait_ready(struct prtc_waiter *waiter, int milliseconds) { return see(waiter, milliseconds); }

static bool interfaces_changed(struct prtc_waiter *waiter) {
  bool changed = waiter->interfaces_changed;
  waiter->interfaces_changed = false;
  return changed;
}

/* ------------------------------------------------------------------------------------------------------------ sockets */

static int make_socket(int family, int type) { return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

static int accept_connection(int listener, struct sockaddr *from, socklen_t *length) {
  return accept4(listener, from, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* Older kernels lack some of it. */
static void set_options(int descriptor, int family) {
  const int on = 1;
  (void)setsockopt(descriptor, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
  if (family == AF_INET) {
    (void)setsockopt(descriptor, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
    (void)setsockopt(descriptor, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  } else {
    (void)setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
    (void)setsockopt(descriptor, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
  }
}

const struct prtc_system prtc_system_linux = {
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
    .takes_trains = true,
    .send = prtc_linux_send,
    .receive = prtc_linux_receive,
    .read_errors = prtc_linux_read_errors,
    .interfaces = prtc_linux_interfaces_read,
    .interfaces_changed = interfaces_changed,
};
