/* What the network can do to an object: a script of datagrams, time, and what a true other side sends, changed on the way.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Byte 0: bit 0 is the role of the object (1: client), bit 1 asks for a complete handshake first, bit 2 for fingerprints
 * that come later. Then commands:
 *   0 size(2) bytes        these bytes arrive
 *   1                      the time of the deadline comes
 *   2                      all that the other side has to say arrives
 *   3 offset(2) mask cut   its next datagram arrives, with one byte changed and `cut` bytes missing at the end
 *   4                      the fingerprints come
 *   5 size(2)              the other side seals this many bytes, which must be read
 *   6                      the object closes
 */
#include <stdlib.h>
#include <string.h>

#include <polyrtc/dtls.h>

#include "core/base/bytes.h"
#include "core/base/context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct end {
  prtc_context *context;
  prtc_certificate *certificate;
  prtc_dtls *dtls;
};

static void require(bool condition) {
  if (!condition) abort();
}

static void end_init(struct end *end, uint8_t seed) {
  prtc_context_config context_config;
  PRTC_INIT(&context_config);
  context_config.seed[0] = seed;
  end->context = prtc_context_new(&context_config);
  require(end->context != NULL);
  prtc_dtls_config config;
  PRTC_INIT(&config);
  config.certificate = end->certificate = prtc_certificate_new(end->context, 0);
  config.use_srtp = 1;
  end->dtls = prtc_dtls_new(end->context, &config);
  require(end->dtls != NULL);
}

static void end_clear(struct end *end) {
  prtc_dtls_free(end->dtls);
  prtc_certificate_release(end->certificate);
  prtc_context_free(end->context);
}

static void tell(struct end *end, const struct end *of, prtc_time now) {
  prtc_fingerprint fingerprint;
  require(prtc_certificate_get_fingerprint(of->certificate, "sha-256", &fingerprint) == 0);
  prtc_dtls_set_remote_fingerprints(end->dtls, now, &fingerprint, 1);
}

/* Reads all that came, and returns how many bytes. */
static size_t read_all(struct end *end) {
  static uint8_t out[65536];
  size_t total = 0;
  int got;
  while ((got = prtc_dtls_read(end->dtls, out, sizeof out)) > 0) total += (size_t)got;
  require(got == 0);
  return total;
}

static void receive(struct end *end, prtc_time now, const uint8_t *data, size_t size) {
  prtc_dtls_event event;
  int result = prtc_dtls_receive(end->dtls, now, data, size);
  require(result <= 0);
  read_all(end);
  while (prtc_dtls_event_next(end->dtls, &event)) require(event.type == PRTC_DTLS_EVENT_STATE);
}

static bool carry_one(struct end *from, struct end *to, prtc_time now) {
  uint8_t datagram[2048];
  int got = prtc_dtls_transmit(from->dtls, now, datagram, sizeof datagram);
  require(got >= 0 && got <= 1200);
  if (got > 0) receive(to, now, datagram, (size_t)got);
  return got > 0;
}

static void carry_all(struct end *a, struct end *b, prtc_time now) {
  for (int i = 0, carried = 1; i < 64 && carried > 0; i++) carried = carry_one(a, b, now) + carry_one(b, a, now);
}

static void command(struct end *object, struct end *other, prtc_time *now, struct prtc_reader *reader) {
  uint8_t bytes[2048];
  switch (prtc_read_u8(reader) % 7) {
    case 0: {
      size_t size = prtc_read_u16(reader);
      if (size > prtc_reader_left(reader)) size = prtc_reader_left(reader);
      const uint8_t *datagram = prtc_read_bytes(reader, size);
      if (datagram != NULL) receive(object, *now, datagram, size);
      break;
    }
    case 1: {
      prtc_time deadline = prtc_dtls_deadline(object->dtls);
      if (deadline == PRTC_NEVER) break;
      if (deadline > *now) *now = deadline;
      prtc_dtls_timeout(object->dtls, *now);
      require(prtc_dtls_deadline(object->dtls) > *now);
      break;
    }
    case 2:
      carry_all(object, other, *now);
      break;
    case 3: {
      size_t offset = prtc_read_u16(reader);
      uint8_t mask = prtc_read_u8(reader);
      size_t cut = prtc_read_u8(reader);
      while (carry_one(object, other, *now)) continue;
      int got = prtc_dtls_transmit(other->dtls, *now, bytes, sizeof bytes);
      if (got <= 0) break;
      bytes[offset % (size_t)got] ^= mask;
      receive(object, *now, bytes, (size_t)got - cut % (size_t)got);
      break;
    }
    case 4:
      tell(object, other, *now);
      break;
    case 5: {
      static uint8_t plain[16384], record[16384 + PRTC_DTLS_OVERHEAD];
      size_t size = prtc_read_u16(reader) % sizeof plain + 1;
      int sealed = prtc_dtls_seal(other->dtls, plain, size, record, sizeof record);
      if (sealed < 0) break;
      bool connected = prtc_dtls_get_state(object->dtls) == PRTC_DTLS_TRANSPORT_CONNECTED;
      int result = prtc_dtls_receive(object->dtls, *now, record, (size_t)sealed);
      if (connected) require(result == 0 && read_all(object) == size);
      break;
    }
    default:
      prtc_dtls_close(object->dtls, *now);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct prtc_reader reader = prtc_reader_of(data, size);
  struct end object, other;
  prtc_time now = 1000;
  uint8_t mode = prtc_read_u8(&reader);
  end_init(&object, 1);
  end_init(&other, 2);
  tell(&other, &object, now);
  if ((mode & 4) == 0) tell(&object, &other, now);
  prtc_dtls_start(other.dtls, now, mode & 1 ? PRTC_DTLS_ROLE_SERVER : PRTC_DTLS_ROLE_CLIENT);
  prtc_dtls_start(object.dtls, now, mode & 1 ? PRTC_DTLS_ROLE_CLIENT : PRTC_DTLS_ROLE_AUTO);
  if (mode & 2) carry_all(&object, &other, now);
  for (int i = 0; i < 100 && prtc_reader_left(&reader) > 0; i++) command(&object, &other, &now, &reader);
  end_clear(&object);
  end_clear(&other);
  return 0;
}
