/* Names to addresses: c-ares, with its sockets among those that the driver watches.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _DEFAULT_SOURCE
#include <ares.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "drivers/common/driver.h"

/* Two rounds over the name servers; the second waits twice as long. */
#define TIMEOUT_MS 2000
#define TRIES 2
/* More addresses of one name are of no use. */
#define ADDRESS_LIMIT 16

struct prtc_resolver {
  ares_channel channel;
  size_t pending;
};

struct query {
  struct prtc_driver *driver;
  uint64_t request;
};

static void answer(struct prtc_driver *driver, prtc_time now, uint64_t request, int code, const prtc_address *addresses,
                   size_t count) {
  prtc_reply reply;
  PRTC_INIT(&reply);
  reply.id = request;
  reply.code = code;
  reply.addresses = addresses;
  reply.address_count = count;
  (void)prtc_endpoint_reply(driver->endpoint, now, &reply);
}

/* --------------------------------------------------------------------------------------------------------------- c-ares */

/* c-ares says what it waits for on which socket; nothing at all before it closes one. */
static void on_socket(void *context, ares_socket_t descriptor, int readable, int writable) {
  struct prtc_driver *driver = context;
  uint32_t events = (readable ? PRTC_READY_INPUT : 0u) | (writable ? PRTC_READY_OUTPUT : 0u);
  if (driver->process != getpid()) return; /* a forked child closes its copies; an epoll set is the parent's, too */
  (void)driver->system->watch(driver->waiter, descriptor, PRTC_WATCH_RESOLVER | (uint64_t)descriptor, events);
}

static int code_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return 0;
    case ARES_ENOMEM:
      return PRTC_ERROR_NO_MEMORY;
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED: /* no server answers */
      return PRTC_ERROR_TIMEOUT;
    case ARES_EBADNAME:
      return PRTC_ERROR_SYNTAX;
    default:
      return PRTC_ERROR_NOT_FOUND;
  }
}

static void on_result(void *context, int status, int timeouts, struct ares_addrinfo *result) {
  struct query *query = context;
  struct prtc_driver *driver = query->driver;
  prtc_address addresses[ADDRESS_LIMIT];
  size_t count = 0;
  (void)timeouts;
  driver->resolver->pending--;
  if (status == ARES_SUCCESS) {
    for (const struct ares_addrinfo_node *node = result->nodes; node != NULL && count < ADDRESS_LIMIT;
         node = node->ai_next) {
      prtc_address_from_system(node->ai_addr, &addresses[count]);
      if (addresses[count].family != PRTC_FAMILY_NONE) count++;
    }
  }
  ares_freeaddrinfo(result);
  if (status != ARES_EDESTRUCTION) { /* else the driver is being freed, and nobody waits */
    int code = status == ARES_SUCCESS && count == 0 ? PRTC_ERROR_NOT_FOUND : code_of(status);
    answer(driver, prtc_driver_now(driver), query->request, code, addresses, count);
  }
  free(query);
}

static struct prtc_resolver *make_resolver(struct prtc_driver *driver) {
  struct prtc_resolver *resolver = calloc(1, sizeof *resolver);
  if (resolver == NULL) return NULL;
  struct ares_options options = {
      .timeout = TIMEOUT_MS, .tries = TRIES, .sock_state_cb = on_socket, .sock_state_cb_data = driver};
  int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&resolver->channel, &options, mask) != ARES_SUCCESS) {
    free(resolver);
    return NULL;
  }
  return resolver;
}

static void ask(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
  if (driver->resolver == NULL) driver->resolver = make_resolver(driver);
  struct query *query = driver->resolver == NULL ? NULL : calloc(1, sizeof *query);
  if (query == NULL) {
    answer(driver, now, request->id, PRTC_ERROR_NO_MEMORY, NULL, 0);
    return;
  }
  *query = (struct query){.driver = driver, .request = request->id};
  driver->resolver->pending++;
  /* May answer within the call */
  ares_getaddrinfo(driver->resolver->channel, request->name, NULL, &hints, on_result, query);
}

/* ------------------------------------------------------------------------------------------------------ what others use */

/* RFC 6761 section 6.3: "localhost" and what ends in it is the loopback interface, and no server is asked. */
static bool is_localhost(const char *name, size_t size) {
  if (size == 9) return strcasecmp(name, "localhost") == 0;
  return size > 10 && strcasecmp(name + size - 10, ".localhost") == 0;
}

void prtc_resolve(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  size_t size = strlen(request->name);
  prtc_address addresses[2];
  if (prtc_address_parse(&addresses[0], request->name, size) == 0) {
    answer(driver, now, request->id, 0, addresses, 1);
  } else if (is_localhost(request->name, size)) {
    (void)prtc_address_parse(&addresses[0], "127.0.0.1", 9);
    (void)prtc_address_parse(&addresses[1], "::1", 3);
    answer(driver, now, request->id, 0, addresses, 2);
  } else {
    ask(driver, now, request);
  }
}

void prtc_resolver_process(struct prtc_driver *driver, int descriptor, uint32_t events) {
  if (driver->resolver == NULL) return;
  /* An error is found out by reading. */
  ares_process_fd(driver->resolver->channel,
                  (events & (PRTC_READY_INPUT | PRTC_READY_ERROR)) != 0 ? descriptor : ARES_SOCKET_BAD,
                  (events & PRTC_READY_OUTPUT) != 0 ? descriptor : ARES_SOCKET_BAD);
}

prtc_time prtc_resolver_deadline(const struct prtc_driver *driver, prtc_time now) {
  struct timeval left;
  if (driver->resolver == NULL || driver->resolver->pending == 0) return PRTC_NEVER;
  if (ares_timeout(driver->resolver->channel, NULL, &left) == NULL) return PRTC_NEVER;
  return now + (prtc_time)left.tv_sec * 1000000u + (prtc_time)left.tv_usec;
}

void prtc_resolver_timeout(struct prtc_driver *driver) {
  ares_process_fd(driver->resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

void prtc_resolver_free(struct prtc_driver *driver) {
  if (driver->resolver == NULL) return;
  ares_destroy(driver->resolver->channel);
  free(driver->resolver);
  driver->resolver = NULL;
}
