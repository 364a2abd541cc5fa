/* The object with a hostile network: nothing that anybody sends ends an association, or is believed.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/random.h"
#include "core/dtls/filter.h"
#include "core/dtls/pair_test.h"

static struct pair pair;
static struct prtc_random network;

static void seed_network(unsigned seed) {
  uint8_t key[32] = {(uint8_t)seed, (uint8_t)(seed >> 8), 2};
  prtc_random_init(&network, key);
}

/* parameters: from, number, bytes that are left */
static unsigned truncate_one(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  (void)data;
  if (from == p->parameters[0] && number == p->parameters[1] && *size > p->parameters[2]) *size = p->parameters[2];
  return 1;
}

/* Each datagram of the handshake cut after its first bytes, and then after every fifth: what is left is dropped or used,
 * and the rest comes again. */
static void truncated_datagrams(void) {
  for (unsigned which = 0; which < 4; which++) {
    for (unsigned length = 1; length < 650; length += length < 64 ? 1 : 5) {
      pair_init(&pair, 81);
      pair.rule = truncate_one;
      pair.parameters[0] = which / 2;
      pair.parameters[1] = which % 2;
      pair.parameters[2] = length;
      pair_start(&pair);
      pair_run(&pair, 2000000);
      pair_check_works(&pair);
      pair_clear(&pair);
    }
  }
}

/* parameters: from, number, byte, mask */
static unsigned flip_one(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  if (from == p->parameters[0] && number == p->parameters[1] && p->parameters[2] < *size) {
    data[p->parameters[2]] ^= (uint8_t)p->parameters[3];
  }
  return 1;
}

/* Nothing protects a handshake message but the Finished at its end: a changed one can end the handshake. But it never makes
 * one that is believed, and both sides know the outcome in time. Changes of what is not a message change nothing. */
static void changed_datagrams(void) {
  unsigned connected = 0, failed = 0;
  for (unsigned which = 0; which < 4; which++) {
    for (unsigned byte = 0; byte < 620; byte += 3) {
      pair_init(&pair, 83);
      pair.rule = flip_one;
      pair.parameters[0] = which / 2;
      pair.parameters[1] = which % 2;
      pair.parameters[2] = byte;
      pair.parameters[3] = 1u << (byte % 8);
      pair_start(&pair);
      pair_run(&pair, 31000000);
      if (pair_connected(&pair)) {
        connected++;
        pair_check_works(&pair);
      } else {
        failed++;
        for (unsigned i = 0; i < 2; i++) {
          PRTC_CHECK(pair.sides[i].state >= PRTC_DTLS_TRANSPORT_CONNECTED);
          PRTC_CHECK(pair.sides[i].state != PRTC_DTLS_TRANSPORT_FAILED || PRTC_ERROR_IS_PEER(pair.sides[i].code));
          PRTC_CHECK(prtc_dtls_deadline(pair.sides[i].dtls) == PRTC_NEVER);
        }
      }
      pair_clear(&pair);
    }
  }
  printf("%u connected, %u failed\n", connected, failed);
  PRTC_CHECK(connected > 0 && failed > 0);
}

/* What side `to` was sent before. (What it has sent itself is no garbage but an attack: its own Certificate, sent back to
 * it, is a sound message of the other side, and the handshake fails at the signature.) */
enum { HEARD_MAX = 64 };
static struct {
  uint8_t data[HEARD_MAX][2048];
  size_t sizes[HEARD_MAX], count;
} heard[2];

/* Garbage for side `to`: bytes alone, records with random parts, and parts of what was heard before. */
static size_t make_garbage(unsigned to, uint8_t *out) {
  size_t old = heard[to].count > 0 ? prtc_random_below(&network, (uint32_t)heard[to].count) : 0;
  size_t old_size = heard[to].sizes[old];
  size_t size = 1 + prtc_random_below(&network, 200);
  prtc_random_bytes(&network, out, size);
  out[0] = (uint8_t)(20 + prtc_random_below(&network, 6));
  switch (prtc_random_below(&network, 4)) {
    case 0: /* a sound record of nonsense */
      if (size < PRTC_RECORD_HEADER_SIZE) return size;
      out[1] = 0xfe;
      out[2] = prtc_random_below(&network, 2) ? 0xfd : 0xff;
      out[3] = 0;
      out[4] = (uint8_t)prtc_random_below(&network, 3);
      out[11] = 0;
      out[12] = (uint8_t)(size - PRTC_RECORD_HEADER_SIZE);
      return size;
    case 1: /* one that was heard, with one byte of its first record's header changed */
      if (old_size == 0) return size;
      memcpy(out, heard[to].data[old], old_size);
      out[1 + prtc_random_below(&network, PRTC_RECORD_HEADER_SIZE - 1)] ^= (uint8_t)(1 + prtc_random_below(&network, 255));
      return old_size;
    case 2: /* one that was heard, whole or cut */
      if (old_size == 0) return size;
      memcpy(out, heard[to].data[old], old_size);
      return prtc_random_below(&network, 2) ? old_size : 1 + prtc_random_below(&network, (uint32_t)old_size);
    default:
      return size;
  }
}

static unsigned listen_and_disturb(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  (void)number;
  unsigned to = 1 - from;
  if (heard[to].count < HEARD_MAX) {
    memcpy(heard[to].data[heard[to].count], data, *size);
    heard[to].sizes[heard[to].count++] = *size;
  }
  for (unsigned i = 0; i < 16; i++) {
    uint8_t garbage[2048];
    pair_carry(p, i % 2, garbage, make_garbage(1 - i % 2, garbage));
  }
  return 1;
}

static void garbage_at_any_state(void) {
  for (unsigned seed = 0; seed < 150; seed++) {
    seed_network(seed);
    memset(heard, 0, sizeof heard);
    pair_init(&pair, (uint8_t)seed);
    pair.rule = listen_and_disturb;
    for (unsigned i = 0; i < 20; i++) { /* before the start */
      uint8_t garbage[2048];
      size_t size = make_garbage(i % 2, garbage);
      prtc_dtls_receive(pair.sides[i % 2].dtls, pair.now, garbage, size);
    }
    pair_start(&pair);
    pair_run(&pair, 5000000);
    pair_check_works(&pair);
    unsigned messages = pair.sides[0].messages + pair.sides[1].messages;
    for (unsigned i = 0; i < 300; i++) { /* and when it is up */
      uint8_t garbage[2048];
      size_t size = make_garbage(i % 2, garbage);
      prtc_dtls_receive(pair.sides[i % 2].dtls, pair.now, garbage, size);
      side_collect(&pair.sides[i % 2]);
    }
    PRTC_CHECK_INT(pair.sides[0].messages + pair.sides[1].messages, messages);
    pair_check_works(&pair);
    prtc_dtls_close(pair.sides[0].dtls, pair.now);
    pair_run(&pair, 100000);
    for (unsigned i = 0; i < 20; i++) { /* and when it is closed */
      uint8_t garbage[2048];
      size_t size = make_garbage(i % 2, garbage);
      PRTC_CHECK(prtc_dtls_receive(pair.sides[i % 2].dtls, pair.now, garbage, size) < 0);
    }
    PRTC_CHECK_INT(pair.sides[1].state, PRTC_DTLS_TRANSPORT_CLOSED);
    pair_clear(&pair);
  }
}

/* A false record far ahead of the others does not make them look like replays. */
static unsigned jump_ahead(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  (void)number;
  uint8_t false_record[2048];
  memcpy(false_record, data, *size);
  memset(false_record + 5, 0xff, 6);
  pair_carry(p, from, false_record, PRTC_RECORD_HEADER_SIZE + ((size_t)data[11] << 8 | data[12]));
  return 1;
}

static void false_sequence_numbers(void) {
  pair_init(&pair, 85);
  pair.rule = jump_ahead;
  pair_start(&pair);
  pair_run(&pair, 200000);
  pair_check_works(&pair);
  pair_clear(&pair);
}

/* Every bit of a record counts, and no data comes out of one that was changed. */
static void changed_records(void) {
  uint8_t record[64], changed[64], out[64];
  pair_init(&pair, 87);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  int size = prtc_dtls_seal(pair.sides[0].dtls, (const uint8_t *)"attack at dawn", 14, record, sizeof record);
  PRTC_CHECK_INT(size, 14 + 37);
  prtc_dtls *to = pair.sides[1].dtls;
  for (unsigned bit = 0; bit < (unsigned)size * 8; bit++) {
    memcpy(changed, record, sizeof changed);
    changed[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    PRTC_CHECK(prtc_dtls_receive(to, pair.now, changed, (size_t)size) < 0);
    PRTC_CHECK_INT(prtc_dtls_read(to, out, sizeof out), 0);
  }
  for (size_t cut = 0; cut < (size_t)size; cut++) {
    PRTC_CHECK_INT(prtc_dtls_receive(to, pair.now, record, cut), PRTC_ERROR_MALFORMED);
  }
  PRTC_CHECK_INT(prtc_dtls_receive(to, pair.now, record, (size_t)size), 0);
  PRTC_CHECK_INT(prtc_dtls_read(to, out, sizeof out), 14);
  PRTC_CHECK_INT(prtc_dtls_receive(to, pair.now, record, (size_t)size), PRTC_ERROR_UNEXPECTED);
  pair_clear(&pair);
}

/* RFC 6347 section 4.1.2.6: each record once, in any order within the window, none that is older. */
static void replay_window(void) {
  enum { COUNT = 300 };
  static uint8_t records[COUNT][64];
  static bool taken[COUNT];
  int size = 0;
  pair_init(&pair, 89);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  for (int i = 0; i < COUNT; i++) size = prtc_dtls_seal(pair.sides[0].dtls, (const uint8_t *)"x", 1, records[i], 64);
  PRTC_CHECK_INT(size, 38);
  seed_network(1);
  memset(taken, 0, sizeof taken);
  int highest = -1, accepted = 0;
  for (int i = 0; i < 20000; i++) {
    int low = i / 70 - 150, number = low + (int)prtc_random_below(&network, 170);
    if (number < 0 || number >= COUNT) continue;
    int result = prtc_dtls_receive(pair.sides[1].dtls, pair.now, records[number], (size_t)size);
    bool expected = !taken[number] && number > highest - 128;
    PRTC_CHECK_INT(result, expected ? 0 : PRTC_ERROR_UNEXPECTED);
    if (result == 0) {
      accepted++;
      taken[number] = true;
      if (number > highest) highest = number;
    }
  }
  PRTC_CHECK(accepted > 200);
  pair_clear(&pair);
}

/* An application that calls in any order, at any time, also backwards, meets no end. */
static void any_order_of_calls(void) {
  for (unsigned seed = 0; seed < 60; seed++) {
    seed_network(1000 + seed);
    pair_init(&pair, (uint8_t)seed);
    prtc_dtls *dtls = pair.sides[0].dtls;
    prtc_time highest = 0;
    for (unsigned i = 0; i < 400; i++) {
      uint8_t data[2048];
      size_t size;
      prtc_time now = prtc_random_below(&network, 40000000);
      if (now > highest) highest = now;
      switch (prtc_random_below(&network, 40)) {
        case 0: pair_tell(&pair, 0, "sha-256"); break;
        case 1: prtc_dtls_start(dtls, now, (prtc_dtls_role)prtc_random_below(&network, 3)); break;
        case 2: if (i > 300) prtc_dtls_close(dtls, now); break;
        case 3: prtc_dtls_export_srtp_keys(dtls, data, sizeof data, &size); break;
        default:
          switch (i % 4) {
            case 0: prtc_dtls_receive(dtls, now, data, make_garbage(0, data)); break;
            case 1: prtc_dtls_transmit(dtls, now, data, prtc_random_below(&network, 2) ? sizeof data : 10); break;
            case 2: prtc_dtls_seal(dtls, data, 100, data + 200, 200); break;
            default:
              prtc_dtls_timeout(dtls, now);
              PRTC_CHECK(prtc_dtls_deadline(dtls) > highest || prtc_dtls_deadline(dtls) > now);
          }
      }
    }
    side_collect(&pair.sides[0]);
    pair_clear(&pair);
  }
}

int main(void) {
  PRTC_RUN(truncated_datagrams);
  PRTC_RUN(changed_datagrams);
  PRTC_RUN(garbage_at_any_state);
  PRTC_RUN(false_sequence_numbers);
  PRTC_RUN(changed_records);
  PRTC_RUN(replay_window);
  PRTC_RUN(any_order_of_calls);
  return PRTC_TEST_RESULT();
}
