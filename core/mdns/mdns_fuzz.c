/* Any datagrams to an object that has names and looks for some. The input: for each datagram a byte of flags, two of
 * length, the bytes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>

#include <polyrtc/polyrtc.h>

#include "core/base/context.h"
#include "core/mdns/mdns.h"

static void drain(struct prtc_mdns *mdns, prtc_time now, size_t *sent) {
  uint8_t buffer[PRTC_DATAGRAM_SIZE];
  prtc_datagram out;
  struct prtc_mdns_result result;
  while (prtc_mdns_transmit(mdns, now, &out, buffer, sizeof buffer) > 0) ++*sent;
  while (prtc_mdns_event(mdns, &result) > 0) continue;
  if (prtc_mdns_deadline(mdns) > now) return;
  prtc_mdns_timeout(mdns, now);
  if (prtc_mdns_deadline(mdns) <= now) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static prtc_context *context;
  if (context == NULL) {
    prtc_context_config config;
    PRTC_INIT(&config);
    context = prtc_context_new(&config);
  }
  struct prtc_mdns *mdns = context != NULL ? prtc_mdns_new(context) : NULL;
  if (mdns == NULL) abort();
  const prtc_address v4 = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
  const prtc_address v6 = {.family = PRTC_FAMILY_IPV6, .ip = {0xFD, [15] = 1}};
  struct prtc_mdns_owner owner = {0};
  prtc_time now = 1000000;
  size_t sent = 0, seconds = 0;
  (void)prtc_mdns_add_link(mdns, 1, PRTC_FAMILY_IPV4, 1);
  (void)prtc_mdns_add_link(mdns, 2, PRTC_FAMILY_IPV6, 1);
  (void)prtc_mdns_publish(mdns, now, &owner, "ours.local", &v4);
  (void)prtc_mdns_publish(mdns, now, &owner, "six.local", &v6);
  (void)prtc_mdns_resolve(mdns, now, 1, "theirs.local");
  while (size >= 3) {
    uint8_t flags = data[0];
    size_t length = (size_t)data[1] << 8 | data[2];
    if (length > size - 3) length = size - 3;
    const prtc_datagram in = {.socket = 1 + (flags & 1),
                              .remote = {.family = PRTC_FAMILY_IPV4,
                                         .ip = {192, 0, 2, 9},
                                         .port = (flags & 2) != 0 ? 40000 : 5353},
                              .data = data + 3,
                              .size = length};
    (void)prtc_mdns_receive(mdns, now, &in);
    if ((flags & 4) != 0) drain(mdns, now, &sent);
    if ((flags & 8) != 0) now += 1000000, seconds++;
    data += 3 + length;
    size -= 3 + length;
  }
  drain(mdns, now, &sent);
  /* Two names, two links and a unicast answer: at most 3 answers of each name a second, and the queries. */
  if (sent > 6 * (seconds + 1) + 12) abort();
  prtc_mdns_withdraw(mdns, &owner);
  prtc_mdns_free(mdns);
  return 0;
}
