/* The driver itself: making, freeing, and the one call that does everything.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "drivers/common/driver.h"

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

/* Not by memset, which may be left out for memory that nobody reads again. */
static void wipe(uint8_t *bytes, size_t size) {
  for (volatile uint8_t *byte = bytes; size > 0; size--) *byte++ = 0;
}

static bool make_endpoint(struct prtc_driver *driver, const prtc_driver_config *config) {
  prtc_endpoint_config endpoint;
  PRTC_INIT(&endpoint);
  if (getentropy(endpoint.seed, sizeof endpoint.seed) != 0) return false;
  endpoint.now = time_now();
  endpoint.wall_clock = (int64_t)time(NULL);
  endpoint.allocator = config->allocator;
  endpoint.log_level = config->log_level;
  endpoint.key_log = config->key_log;
  endpoint.capture_size = config->capture_size;
  endpoint.recording_size = config->recording_size;
  endpoint.udp_port = config->udp_port;
  errno = ENOMEM;
  driver->endpoint = prtc_endpoint_new(&endpoint);
  wipe(endpoint.seed, sizeof endpoint.seed);
  return driver->endpoint != NULL;
}

/* A page of its own with a mark that a child does not inherit. */
static size_t mark_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static void set_mark(struct prtc_driver *driver) {
#ifdef MADV_WIPEONFORK
  void *page = mmap(NULL, mark_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  if (madvise(page, mark_size(), MADV_WIPEONFORK) != 0) {
    munmap(page, mark_size());
    return;
  }
  driver->mark = page;
  *driver->mark = 1;
#else
  driver->mark = NULL;
#endif
}

static void remove_mark(struct prtc_driver *driver) {
  if (driver->mark != NULL) munmap((void *)(uintptr_t)driver->mark, mark_size());
}

/* In a forked child. Asked in every call, so it should cost no system call. */
static bool is_a_copy(const struct prtc_driver *driver) {
  return driver->mark != NULL ? *driver->mark == 0 : driver->process != getpid();
}

prtc_driver *prtc_driver_make(const prtc_driver_config *config, const struct prtc_system *system) {
  struct prtc_driver *driver = calloc(1, sizeof *driver);
  if (driver == NULL) return NULL;
  driver->system = system;
  driver->process = getpid();
  set_mark(driver);
  driver->receive_buffer = config->receive_buffer == 0 ? BUFFER_DEFAULT : (int)(config->receive_buffer & INT32_MAX);
  driver->send_buffer = config->send_buffer == 0 ? BUFFER_DEFAULT : (int)(config->send_buffer & INT32_MAX);
  driver->deadline = driver->retry = driver->accept_again = PRTC_NEVER;
  bool made = (driver->waiter = system->open()) != NULL;
  /* Of such large pieces the system gives only the pages that are used, and mostly a corner of them is. */
  if (made) made = (driver->receive_space = malloc(PRTC_RECEIVE_BATCH * PRTC_TRAIN_SIZE)) != NULL;
  if (made) made = (driver->send_space = malloc(PRTC_SEND_SPACE)) != NULL;
  if (made) made = make_endpoint(driver, config);
  if (made) return driver;
  int error = errno;
  prtc_driver_free(driver);
  errno = error;
  return NULL;
}

void prtc_driver_free(prtc_driver *driver) {
  if (driver == NULL) return;
  prtc_resolver_free(driver);
  prtc_endpoint_free(driver->endpoint);
  prtc_sockets_free(driver);
  if (driver->waiter != NULL) driver->system->close(driver->waiter);
  free(driver->receive_space);
  free(driver->send_space);
  remove_mark(driver);
  free(driver);
}

int prtc_driver_descriptor(const prtc_driver *driver) { return driver->system->descriptor(driver->waiter); }

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

/* Read once in a call: when something changes, all peers ask at once. */
static void reply_interfaces(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  prtc_reply answer;
  PRTC_INIT(&answer);
  int error = 0;
  if (driver->interfaces == NULL) error = driver->system->interfaces(&driver->interfaces, &driver->interface_count);
  if (error != 0) {
    reply(driver, now, request, error);
    return;
  }
  answer.id = request->id;
  answer.interfaces = driver->interfaces;
  answer.interface_count = driver->interface_count;
  (void)prtc_endpoint_reply(driver->endpoint, now, &answer);
}

static void forget_interfaces(struct prtc_driver *driver) {
  free(driver->interfaces);
  driver->interfaces = NULL;
  driver->interface_count = 0;
}

static void reply_open(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  prtc_reply answer;
  PRTC_INIT(&answer);
  int error = request->type == PRTC_REQUEST_LISTEN_TCP ? prtc_stream_listen(driver, request, &answer.address)
                                                       : prtc_socket_open(driver, request, &answer.address);
  if (error != 0) {
    reply(driver, now, request, error);
    return;
  }
  answer.id = request->id;
  if (prtc_endpoint_reply(driver->endpoint, now, &answer) == PRTC_ERROR_NOT_FOUND) {
    prtc_socket_close(driver, prtc_socket_find(driver, request->socket)); /* no longer of interest */
  }
}

static void reply_trust(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  prtc_reply answer;
  uint8_t *data = NULL;
  PRTC_INIT(&answer);
  int error = prtc_trust_read(&data, &answer.data_size);
  if (error != 0) {
    reply(driver, now, request, error);
    return;
  }
  answer.id = request->id;
  answer.data = data;
  (void)prtc_endpoint_reply(driver->endpoint, now, &answer);
  free(data);
}

static void carry_out(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  struct prtc_socket *socket = prtc_socket_find(driver, request->socket);
  prtc_reply unsupported;
  int error;
  switch (request->type) {
    case PRTC_REQUEST_INTERFACES:
      reply_interfaces(driver, now, request);
      break;
    case PRTC_REQUEST_OPEN_UDP:
    case PRTC_REQUEST_LISTEN_TCP:
    case PRTC_REQUEST_JOIN_MULTICAST:
      reply_open(driver, now, request);
      break;
    case PRTC_REQUEST_CONNECT_TCP:
      error = prtc_stream_connect(driver, request);
      if (error != 0) reply(driver, now, request, error);
      break;
    case PRTC_REQUEST_CLOSE:
      if (socket != NULL) prtc_socket_close(driver, socket);
      break;
    case PRTC_REQUEST_RESOLVE:
      prtc_resolve(driver, now, request);
      break;
    case PRTC_REQUEST_TRUST_ANCHORS:
      reply_trust(driver, now, request);
      break;
    default:
      PRTC_INIT(&unsupported);
      unsupported.id = request->id;
      unsupported.code = PRTC_ERROR_NOT_SUPPORTED;
      (void)prtc_endpoint_reply(driver->endpoint, now, &unsupported);
      break;
  }
}

/* Requests and datagrams until there are none, or a bound is reached: an answer may lead to the next request. Returns 0, or
 * the code of the endpoint. */
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

/* Arranges to be called when the first thing is due. In the past means at once. */
static void arm(struct prtc_driver *driver, prtc_time now) {
  prtc_time deadline = prtc_endpoint_deadline(driver->endpoint);
  deadline = earlier(deadline, earlier(driver->retry, driver->accept_again));
  deadline = earlier(deadline, prtc_resolver_deadline(driver, now));
  driver->deadline = driver->more ? 0 : deadline;
  driver->system->arm(driver->waiter, driver->deadline);
}

static void retry_sends(struct prtc_driver *driver, prtc_time now) {
  driver->retry = PRTC_NEVER;
  for (size_t i = 0; i < driver->bucket_count; i++) {
    for (struct prtc_socket *socket = driver->buckets[i]; socket != NULL; socket = socket->next) {
      bool waits = socket->kind == PRTC_SOCKET_UDP && socket->first_pending != NULL && !socket->waits_for_output;
      if (waits) prtc_socket_send_pending(driver, socket, now);
    }
  }
}

static int finish(struct prtc_driver *driver, prtc_time now) {
  int code = work(driver, now);
  forget_interfaces(driver);
  arm(driver, now);
  return code;
}

/* ------------------------------------------------------------------------------------------------------------- the call */

static void handle_ready(struct prtc_driver *driver, prtc_time now, const struct prtc_ready *ready) {
  if (ready->what >= PRTC_WATCH_RESOLVER) {
    prtc_resolver_process(driver, (int)(ready->what & ~PRTC_WATCH_RESOLVER), ready->events);
    return;
  }
  struct prtc_socket *socket = prtc_socket_find(driver, ready->what);
  if (socket == NULL) return;
  if (socket->kind != PRTC_SOCKET_UDP) {
    prtc_stream_ready(driver, socket, now, ready->events);
    return;
  }
  if ((ready->events & PRTC_READY_ERROR) != 0) driver->system->read_errors(driver, socket, now);
  if ((ready->events & PRTC_READY_INPUT) != 0) driver->system->receive(driver, socket, now);
  if ((ready->events & PRTC_READY_OUTPUT) != 0) prtc_socket_send_pending(driver, socket, now);
}

int prtc_driver_process(prtc_driver *driver) {
  if (is_a_copy(driver)) return PRTC_ERROR_INVALID_STATE;
  struct prtc_ready ready[READY_PER_CALL];
  prtc_time now = time_now();
  driver->more = false;
  size_t count = driver->system->ready(driver->waiter, ready, READY_PER_CALL);
  for (size_t i = 0; i < count; i++) handle_ready(driver, now, &ready[i]);
  if (driver->system->interfaces_changed(driver->waiter)) (void)prtc_endpoint_interfaces_changed(driver->endpoint, now);
  if (now >= driver->retry) retry_sends(driver, now);
  if (now >= driver->accept_again) prtc_streams_accept_again(driver);
  if (now >= prtc_resolver_deadline(driver, now)) prtc_resolver_timeout(driver);
  int code = now >= prtc_endpoint_deadline(driver->endpoint) ? prtc_endpoint_timeout(driver->endpoint, now) : 0;
  int finished = finish(driver, now);
  return code < 0 ? code : finished;
}

int prtc_driver_flush(prtc_driver *driver) {
  if (is_a_copy(driver)) return PRTC_ERROR_INVALID_STATE;
  driver->more = false;
  return finish(driver, time_now());
}

/* ------------------------------------------------------------------------------------------------------------- waiting */

int prtc_driver_watches(const prtc_driver *driver, prtc_watch *out, size_t capacity) {
  return (int)driver->system->watches(driver->waiter, out, capacity);
}

prtc_time prtc_driver_deadline(const prtc_driver *driver) {
  return prtc_driver_descriptor(driver) >= 0 ? PRTC_NEVER : driver->deadline;
}

/* For poll(2): rounded up, as waking too early is waking in vain. */
static int milliseconds_until(prtc_time time, prtc_time now) {
  if (time == PRTC_NEVER) return -1;
  if (time <= now) return 0;
  prtc_time left = (time - now + 999) / 1000;
  return left < INT_MAX ? (int)left : INT_MAX;
}

int prtc_driver_wait(prtc_driver *driver, prtc_time until) {
  if (is_a_copy(driver)) return PRTC_ERROR_INVALID_STATE;
  prtc_time end = earlier(until, prtc_driver_deadline(driver));
  int ready = driver->system->wait(driver->waiter, milliseconds_until(end, time_now()));
  return ready > 0 || time_now() >= prtc_driver_deadline(driver);
}
