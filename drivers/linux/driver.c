/* The driver itself: making, freeing, and the one call that does everything.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "drivers/linux/driver.h"

#define BUFFER_DEFAULT (1024 * 1024)
/* What one call handles at most: ready descriptors, requests, and rounds of requests and sending. */
#define READY_PER_CALL 64
#define REQUESTS_PER_CALL 1024
#define ROUNDS_PER_CALL 16

static prtc_time time_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (prtc_time)now.tv_sec * 1000000u + (prtc_time)now.tv_nsec / 1000u;
}

/* --------------------------------------------------------------------------------------------------------------- life */

static bool watch(struct prtc_driver *driver, int descriptor, uint64_t what) {
  struct epoll_event event = {.events = EPOLLIN, .data.u64 = what};
  return epoll_ctl(driver->epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

/* Memory that the kernel gives page by page as it is used: the buffers are large, and mostly a corner of them is used. */
static uint8_t *map_space(size_t size) {
  void *space = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return space == MAP_FAILED ? NULL : space;
}

static bool make_endpoint(struct prtc_driver *driver, const prtc_driver_config *config) {
  prtc_endpoint_config endpoint;
  PRTC_INIT(&endpoint);
  if (getrandom(endpoint.seed, sizeof endpoint.seed, 0) != (ssize_t)sizeof endpoint.seed) return false;
  endpoint.now = time_now();
  endpoint.wall_clock = (int64_t)time(NULL);
  endpoint.allocator = config->allocator;
  endpoint.log_level = config->log_level;
  errno = ENOMEM;
  driver->endpoint = prtc_endpoint_new(&endpoint);
  explicit_bzero(endpoint.seed, sizeof endpoint.seed);
  return driver->endpoint != NULL;
}

prtc_driver *prtc_driver_new(const prtc_driver_config *config) {
  prtc_driver_config complete;
  PRTC_INIT(&complete);
  if (config != NULL) {
    if (config->size < sizeof(size_t)) {
      errno = EINVAL;
      return NULL;
    }
    memcpy(&complete, config, config->size < sizeof complete ? config->size : sizeof complete);
  }
  struct prtc_driver *driver = calloc(1, sizeof *driver);
  if (driver == NULL) return NULL;
  driver->process = getpid();
  driver->receive_buffer = complete.receive_buffer == 0 ? BUFFER_DEFAULT : (int)(complete.receive_buffer & INT32_MAX);
  driver->send_buffer = complete.send_buffer == 0 ? BUFFER_DEFAULT : (int)(complete.send_buffer & INT32_MAX);
  driver->armed = driver->retry = PRTC_NEVER;
  driver->timer = driver->netlink = -1;
  driver->epoll = epoll_create1(EPOLL_CLOEXEC);
  bool made = driver->epoll >= 0;
  if (made) made = (driver->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) >= 0;
  if (made) made = watch(driver, driver->timer, PRTC_WATCH_TIMER);
  if (made) made = (driver->receive_space = map_space(PRTC_RECEIVE_BATCH * PRTC_TRAIN_SIZE)) != NULL;
  if (made) made = (driver->send_space = map_space(PRTC_SEND_BATCH * PRTC_TRAIN_SIZE)) != NULL;
  if (made) made = make_endpoint(driver, &complete);
  if (!made) {
    int error = errno;
    prtc_driver_free(driver);
    errno = error;
    return NULL;
  }
  /* Where the system has no such socket (some sandboxes), changes of interfaces go unnoticed. */
  driver->netlink = prtc_interfaces_watch();
  if (driver->netlink >= 0) (void)watch(driver, driver->netlink, PRTC_WATCH_NETLINK);
  return driver;
}

void prtc_driver_free(prtc_driver *driver) {
  if (driver == NULL) return;
  prtc_resolver_free(driver);
  prtc_endpoint_free(driver->endpoint);
  prtc_sockets_free(driver);
  if (driver->netlink >= 0) close(driver->netlink);
  if (driver->timer >= 0) close(driver->timer);
  if (driver->epoll >= 0) close(driver->epoll);
  if (driver->receive_space != NULL) munmap(driver->receive_space, PRTC_RECEIVE_BATCH * PRTC_TRAIN_SIZE);
  if (driver->send_space != NULL) munmap(driver->send_space, PRTC_SEND_BATCH * PRTC_TRAIN_SIZE);
  free(driver);
}

int prtc_driver_descriptor(const prtc_driver *driver) { return driver->epoll; }

prtc_endpoint *prtc_driver_endpoint(prtc_driver *driver) { return driver->endpoint; }

prtc_time prtc_driver_now(const prtc_driver *driver) {
  (void)driver; /* all drivers share the system's clock */
  return time_now();
}

/* ------------------------------------------------------------------------------------------------------------ requests */

static void reply(struct prtc_driver *driver, prtc_time now, const prtc_request *request, int error) {
  prtc_reply answer;
  PRTC_INIT(&answer);
  answer.id = request->id;
  answer.code = error == 0 ? 0 : error == ENOMEM ? PRTC_ERROR_NO_MEMORY : PRTC_ERROR_INVALID_STATE;
  answer.system_error = error;
  (void)prtc_endpoint_reply(driver->endpoint, now, &answer);
}

static void reply_interfaces(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  prtc_reply answer;
  prtc_interface *interfaces = NULL;
  PRTC_INIT(&answer);
  int error = prtc_interfaces_read(&interfaces, &answer.interface_count);
  if (error != 0) {
    reply(driver, now, request, error);
    return;
  }
  answer.id = request->id;
  answer.interfaces = interfaces;
  (void)prtc_endpoint_reply(driver->endpoint, now, &answer);
  free(interfaces);
}

static void reply_open(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  prtc_reply answer;
  PRTC_INIT(&answer);
  int error = prtc_socket_open(driver, request, &answer.address);
  if (error != 0) {
    reply(driver, now, request, error);
    return;
  }
  answer.id = request->id;
  if (prtc_endpoint_reply(driver->endpoint, now, &answer) == PRTC_ERROR_NOT_FOUND) {
    prtc_socket_close(driver, prtc_socket_find(driver, request->socket)); /* no longer of interest */
  }
}

static void carry_out(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  struct prtc_socket *socket = prtc_socket_find(driver, request->socket);
  prtc_reply unsupported;
  switch (request->type) {
    case PRTC_REQUEST_INTERFACES:
      reply_interfaces(driver, now, request);
      break;
    case PRTC_REQUEST_OPEN_UDP:
      reply_open(driver, now, request);
      break;
    case PRTC_REQUEST_CLOSE:
      if (socket != NULL) prtc_socket_close(driver, socket);
      break;
    case PRTC_REQUEST_JOIN_MULTICAST:
      reply(driver, now, request,
            socket == NULL ? EBADF : prtc_socket_join(socket, &request->address, request->interface_index));
      break;
    case PRTC_REQUEST_RESOLVE:
      prtc_resolve(driver, now, request);
      break;
    default: /* TCP comes with TCP candidates */
      PRTC_INIT(&unsupported);
      unsupported.id = request->id;
      unsupported.code = PRTC_ERROR_NOT_SUPPORTED;
      (void)prtc_endpoint_reply(driver->endpoint, now, &unsupported);
      break;
  }
}

/* Requests and datagrams until there are none, or a bound is reached: an answer may lead to the next request. Returns 0, or the
 * code of the endpoint. */
static int work(struct prtc_driver *driver, prtc_time now) {
  size_t requests = 0;
  for (int round = 0; round < ROUNDS_PER_CALL && requests < REQUESTS_PER_CALL; round++) {
    prtc_request request;
    bool any = false;
    while (requests < REQUESTS_PER_CALL && prtc_endpoint_request(driver->endpoint, &request) > 0) {
      carry_out(driver, now, &request);
      requests++;
      any = true;
    }
    int sent = prtc_driver_transmit(driver, now);
    if (sent < 0) return sent;
    if (driver->more || (sent == 0 && !any)) return 0;
  }
  driver->more = true;
  return 0;
}

/* ---------------------------------------------------------------------------------------------------------------- time */

static prtc_time earlier(prtc_time a, prtc_time b) { return a < b ? a : b; }

/* Sets the timer to what is due first. In the past means at once: the descriptor is readable then. */
static void arm(struct prtc_driver *driver, prtc_time now) {
  prtc_time deadline = prtc_endpoint_deadline(driver->endpoint);
  deadline = earlier(deadline, driver->retry);
  deadline = earlier(deadline, prtc_resolver_deadline(driver, now));
  if (driver->more) deadline = 0;
  /* A timer that is set too early costs one call in vain; setting it each time that a deadline moves on would cost more. */
  if (driver->armed <= deadline && !driver->timer_fired) return;
  struct itimerspec setting = {0};
  if (deadline != PRTC_NEVER) {
    /* Rounded up, as there is no deadline within a microsecond; all zero would disarm. */
    setting.it_value.tv_sec = (time_t)(deadline / 1000000u);
    setting.it_value.tv_nsec = (long)(deadline % 1000000u) * 1000 + 1;
  }
  if (timerfd_settime(driver->timer, TFD_TIMER_ABSTIME, &setting, NULL) != 0) return;
  driver->armed = deadline;
  driver->timer_fired = false;
}

static void retry_sends(struct prtc_driver *driver, prtc_time now) {
  driver->retry = PRTC_NEVER;
  for (size_t i = 0; i < driver->bucket_count; i++) {
    for (struct prtc_socket *socket = driver->buckets[i]; socket != NULL; socket = socket->next) {
      if (socket->first_pending != NULL && !socket->waits_for_output) prtc_socket_send_pending(driver, socket, now);
    }
  }
}

static int finish(struct prtc_driver *driver, prtc_time now) {
  int code = work(driver, now);
  arm(driver, now);
  return code;
}

/* ------------------------------------------------------------------------------------------------------------- the call */

static void handle_ready(struct prtc_driver *driver, prtc_time now, const struct epoll_event *event) {
  uint64_t what = event->data.u64;
  if (what == PRTC_WATCH_TIMER) {
    driver->timer_fired = true; /* arm sets it anew, which also makes it unreadable */
  } else if (what == PRTC_WATCH_NETLINK) {
    if (prtc_interfaces_changed(driver->netlink)) (void)prtc_endpoint_interfaces_changed(driver->endpoint, now);
  } else if (what >= PRTC_WATCH_RESOLVER) {
    prtc_resolver_process(driver, (int)(what & ~PRTC_WATCH_RESOLVER), event->events);
  } else {
    struct prtc_socket *socket = prtc_socket_find(driver, what);
    if (socket == NULL) return;
    if ((event->events & EPOLLERR) != 0) prtc_socket_read_errors(driver, socket, now);
    if ((event->events & EPOLLIN) != 0) prtc_socket_receive(driver, socket, now);
    if ((event->events & EPOLLOUT) != 0) prtc_socket_send_pending(driver, socket, now);
  }
}

int prtc_driver_process(prtc_driver *driver) {
  if (driver->process != getpid()) return PRTC_ERROR_INVALID_STATE;
  struct epoll_event ready[READY_PER_CALL];
  prtc_time now = time_now();
  driver->more = false;
  int count = epoll_wait(driver->epoll, ready, READY_PER_CALL, 0);
  for (int i = 0; i < count; i++) handle_ready(driver, now, &ready[i]);
  if (now >= driver->retry) retry_sends(driver, now);
  if (now >= prtc_resolver_deadline(driver, now)) prtc_resolver_timeout(driver);
  if (now >= prtc_endpoint_deadline(driver->endpoint)) (void)prtc_endpoint_timeout(driver->endpoint, now);
  return finish(driver, now);
}

int prtc_driver_flush(prtc_driver *driver) {
  if (driver->process != getpid()) return PRTC_ERROR_INVALID_STATE;
  driver->more = false;
  return finish(driver, time_now());
}
