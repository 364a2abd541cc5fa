/* How much memory an association takes, and what happens where there is none.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/pair_test.h"

/* An allocator that counts, and refuses once. */
static struct {
  size_t in_use, calls, refuse_at; /* refuse_at 0: never */
} counter;

enum { HEADER = 16 };

static void *count_allocate(void *context, size_t size) {
  (void)context;
  if (++counter.calls == counter.refuse_at) return NULL;
  uint8_t *block = malloc(size + HEADER);
  PRTC_REQUIRE(block != NULL);
  memcpy(block, &size, sizeof size);
  counter.in_use += size;
  return block + HEADER;
}

static void count_release(void *context, void *pointer) {
  size_t size;
  (void)context;
  if (pointer == NULL) return;
  memcpy(&size, (uint8_t *)pointer - HEADER, sizeof size);
  counter.in_use -= size;
  free((uint8_t *)pointer - HEADER);
}

static void *count_reallocate(void *context, void *pointer, size_t size) {
  uint8_t *block = count_allocate(context, size);
  size_t old = 0;
  if (block == NULL || pointer == NULL) return block;
  memcpy(&old, (uint8_t *)pointer - HEADER, sizeof old);
  memcpy(block, pointer, old < size ? old : size);
  count_release(context, pointer);
  return block;
}

static const prtc_allocator allocator = {NULL, count_allocate, count_reallocate, count_release};

static prtc_context *counted_context(uint8_t seed) {
  prtc_context_config config;
  PRTC_INIT(&config);
  memset(config.seed, seed, sizeof config.seed);
  config.allocator = &allocator;
  return prtc_context_new(&config);
}

static struct pair pair;

/* Side 1 uses the counting allocator. False when memory was refused before it was there. */
static bool start_counted(void) {
  pair_init(&pair, 91);
  side_clear(&pair.sides[1]);
  memset(&pair.sides[1], 0, sizeof pair.sides[1]);
  struct side *side = &pair.sides[1];
  side->context = counted_context(92);
  if (side->context == NULL) return false;
  side->certificate = prtc_certificate_new(side->context, 0);
  if (side->certificate == NULL) return false;
  prtc_dtls_config config;
  PRTC_INIT(&config);
  config.certificate = side->certificate;
  side->dtls = prtc_dtls_new(side->context, &config);
  return side->dtls != NULL;
}

static void an_association_is_small(void) {
  memset(&counter, 0, sizeof counter);
  PRTC_REQUIRE(start_counted());
  size_t before = counter.in_use;
  pair_start(&pair);
  pair_run(&pair, 1000000);
  pair_check_works(&pair);
  printf("new: %zu bytes; established, with room for a datagram: %zu more\n", before, counter.in_use - before);
  PRTC_CHECK(counter.in_use < 6000);
  pair_clear(&pair);
  PRTC_CHECK_INT(counter.in_use, 0);
}

/* Each allocation refused in turn, in either role: an error or a lost datagram, and no leak. */
static void memory_refused(void) {
  unsigned connected = 0, failed = 0, absent = 0;
  for (unsigned client = 0; client < 2; client++) {
    for (size_t refuse_at = 1; refuse_at < 60; refuse_at++) {
      memset(&counter, 0, sizeof counter);
      counter.refuse_at = refuse_at;
      if (!start_counted()) {
        absent++;
      } else {
        pair_tell(&pair, 0, "sha-256");
        pair_tell(&pair, 1, "sha-256");
        prtc_dtls_start(pair.sides[client].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT);
        prtc_dtls_start(pair.sides[1 - client].dtls, pair.now, PRTC_DTLS_ROLE_SERVER);
        pair_run(&pair, 32000000);
        if (pair_connected(&pair)) connected++;
        else failed++;
        if (pair.sides[1].state == PRTC_DTLS_TRANSPORT_FAILED) {
          PRTC_CHECK(PRTC_ERROR_IS_FATAL(pair.sides[1].code) || pair.sides[1].code == PRTC_ERROR_TIMEOUT);
        }
      }
      side_clear(&pair.sides[0]);
      prtc_dtls_free(pair.sides[1].dtls);
      prtc_certificate_release(pair.sides[1].certificate);
      if (pair.sides[1].context != NULL) prtc_context_free(pair.sides[1].context);
      PRTC_CHECK_INT(counter.in_use, 0);
    }
  }
  printf("%u connected, %u failed, %u never made\n", connected, failed, absent);
  PRTC_CHECK(connected > 0 && failed > 0 && absent > 0);
}

int main(void) {
  PRTC_RUN(an_association_is_small);
  PRTC_RUN(memory_refused);
  return PRTC_TEST_RESULT();
}
