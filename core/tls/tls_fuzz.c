/* Fuzzes what a server sends: bytes of the stream, in chunks. The client is always the same one, so that the corpus has
 * handshakes that go on to their end. The input: a byte of flags, then chunks, each of two bytes of length and that many.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/context.h"
#include "core/tls/tls.h"

static void receive(struct prtc_tls *tls, const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size > 0 ? size : 1), plain[2048], out[2048]; /* of the exact size */
  if (copy == NULL) abort();
  if (size > 0) memcpy(copy, data, size);
  const uint8_t *next = copy;
  int code;
  while ((code = prtc_tls_receive(tls, &next, &size, plain, sizeof plain)) > 0) {
  }
  if (code == 0 && size != 0) abort();
  free(copy);
  if (prtc_tls_get_state(tls) == PRTC_TLS_OPEN) (void)prtc_tls_write(tls, (const uint8_t *)"data", 4);
  size_t total = 0, given;
  while ((given = prtc_tls_transmit(tls, out, sizeof out)) > 0) {
    if ((total += given) > 100000) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prtc_context_config config;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  const struct prtc_tls_config stream = {.host = "turn.example.org", .insecure = true};
  struct prtc_tls *tls = prtc_tls_new(context, &stream);
  if (tls == NULL) abort();
  for (size_t at = 1; at + 2 <= size;) {
    size_t length = (size_t)data[at] << 8 | data[at + 1];
    if (length > size - at - 2) length = size - at - 2;
    receive(tls, data + at + 2, length);
    at += 2 + length;
  }
  if (size > 0 && (data[0] & 1) != 0) prtc_tls_close(tls);
  receive(tls, data, 0);
  prtc_tls_free(tls);
  struct prtc_trust *trust;
  if (prtc_trust_parse(context, data, size, &trust) == PRTC_OK) prtc_trust_release(trust);
  prtc_context_free(context);
  return 0;
}
