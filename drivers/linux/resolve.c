/* Names to addresses.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>
#include <strings.h>

#include "drivers/linux/driver.h"

static void answer(struct prtc_driver *driver, prtc_time now, uint64_t id, int code, const prtc_address *addresses,
                   size_t count) {
  prtc_reply reply;
  PRTC_INIT(&reply);
  reply.id = id;
  reply.code = code;
  reply.addresses = addresses;
  reply.address_count = count;
  (void)prtc_endpoint_reply(driver->endpoint, now, &reply);
}

/* RFC 6761 section 6.3: "localhost" and what ends in it is the loopback interface, and no server is asked. */
static bool is_localhost(const char *name, size_t size) {
  static const char suffix[] = ".localhost";
  if (size == 9) return strcasecmp(name, "localhost") == 0;
  return size > 10 && strcasecmp(name + size - 10, suffix) == 0;
}

void prtc_resolve(struct prtc_driver *driver, prtc_time now, const prtc_request *request) {
  const char *name = request->name == NULL ? "" : request->name;
  size_t size = strlen(name);
  prtc_address addresses[2];
  if (prtc_address_parse(&addresses[0], name, size) == 0) {
    answer(driver, now, request->id, 0, addresses, 1);
  } else if (is_localhost(name, size)) {
    (void)prtc_address_parse(&addresses[0], "127.0.0.1", 9);
    (void)prtc_address_parse(&addresses[1], "::1", 3);
    answer(driver, now, request->id, 0, addresses, 2);
  } else {
    answer(driver, now, request->id, PRTC_ERROR_NOT_SUPPORTED, NULL, 0);
  }
}

void prtc_resolver_process(struct prtc_driver *driver, int descriptor, uint32_t events) {
  (void)driver, (void)descriptor, (void)events;
}
prtc_time prtc_resolver_deadline(const struct prtc_driver *driver, prtc_time now) {
  (void)driver, (void)now;
  return PRTC_NEVER;
}
void prtc_resolver_timeout(struct prtc_driver *driver) { (void)driver; }
void prtc_resolver_free(struct prtc_driver *driver) { (void)driver; }
