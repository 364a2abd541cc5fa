/* SPDX-License-Identifier: BSD-3-Clause */
#include <openssl/rand.h>

#include <polyrtc/error.h>

#include "core/base/config.h"
#include "core/base/bytes.h"
#include "core/base/context.h"
#include "core/base/hash.h"
#include "core/base/heap.h"
#include "core/base/map.h"
#include "core/base/queue.h"
#include "core/base/testing.h"
#include "core/base/table.h"
#include "core/base/text.h"

static struct prtc_context context;

static void random_repeats_for_a_seed(void) {
  static const uint8_t seed[32] = {1, 2, 3}, other[32] = {1, 2, 4};
  struct prtc_random a, b, c;
  uint8_t whole[1000], parts[1000], different[1000];
  prtc_random_init(&a, seed);
  prtc_random_init(&b, seed);
  prtc_random_init(&c, other);
  prtc_random_bytes(&a, whole, sizeof whole);
  for (size_t i = 0; i < sizeof parts; i += 100) prtc_random_bytes(&b, parts + i, 100);
  prtc_random_bytes(&c, different, sizeof different);
  PRTC_CHECK(memcmp(whole, parts, sizeof whole) == 0);
  PRTC_CHECK(memcmp(whole, different, sizeof whole) != 0);
  PRTC_CHECK(memcmp(whole, whole + 500, 500) != 0);
}

static void random_below_is_even(void) {
  unsigned counts[6] = {0};
  for (int i = 0; i < 60000; i++) counts[prtc_random_below(&context.random, 6)]++;
  for (int i = 0; i < 6; i++) PRTC_CHECK(counts[i] > 9500 && counts[i] < 10500);
  PRTC_CHECK_INT(prtc_random_below(&context.random, 1), 0);
}

static void boringssl_draws_from_the_entered_context(void) {
  static const uint8_t seed[32] = {7};
  struct prtc_context one, two;
  prtc_context_init(&one, seed, NULL, 0);
  prtc_context_init(&two, seed, NULL, 0);
  uint8_t a[64], b[64];
  struct prtc_context *before = prtc_enter(&one);
  PRTC_CHECK_INT(RAND_bytes(a, sizeof a), 1);
  prtc_leave(before);
  prtc_random_bytes(&two.random, b, sizeof b);
  PRTC_CHECK(memcmp(a, b, sizeof a) == 0);
  PRTC_CHECK(prtc_entered == before);
  prtc_context_clear(&one);
  prtc_context_clear(&two);
}

static void check_address(const char *text, const char *expected) {
  prtc_address address = {0};
  char out[PRTC_ADDRESS_TEXT_SIZE];
  int code = prtc_address_parse(&address, text, strlen(text));
  if (expected == NULL) {
    if (code != PRTC_ERROR_INVALID_ARGUMENT) fprintf(stderr, "accepted: %s\n", text);
    PRTC_CHECK_INT(code, PRTC_ERROR_INVALID_ARGUMENT);
    return;
  }
  PRTC_CHECK_INT(code, PRTC_OK);
  PRTC_CHECK_INT(prtc_address_print(&address, out, sizeof out), strlen(expected));
  PRTC_CHECK_TEXT(out, expected);
}

static void addresses(void) {
  check_address("192.0.2.1", "192.0.2.1:0");
  check_address("192.0.2.1:65535", "192.0.2.1:65535");
  check_address("::", "[::]:0");
  check_address("::1", "[::1]:0");
  check_address("[2001:DB8::1]:3478", "[2001:db8::1]:3478");
  check_address("fe80::1%3", "[fe80::1%3]:0");
  check_address("1:0:0:2:0:0:0:3", "[1:0:0:2::3]:0");
  check_address("1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:0");
  check_address("1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:0"); /* RFC 5952 4.2.2: no "::" for one group */
  check_address("::ffff:192.0.2.1", "[::ffff:c000:201]:0");
  static const char *const bad[] = {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1",
                                    "example.org", "::1::", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::1%",
                                    "::1%eth0", "[::1", "[::1]1", "[1.2.3.4]:5", "1:", ":1", "::1.2.3", "1.2.3.4 ", "fe80::g"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) check_address(bad[i], NULL);
  char small[8];
  prtc_address address;
  PRTC_CHECK_INT(prtc_address_parse(&address, "192.0.2.1", 9), PRTC_OK);
  PRTC_CHECK_INT(prtc_address_print(&address, small, sizeof small), PRTC_ERROR_BUFFER_TOO_SMALL);
}

static void readers_and_writers_stop_at_the_end(void) {
  uint8_t bytes[7];
  struct prtc_writer writer = prtc_writer_of(bytes, sizeof bytes);
  prtc_write_u8(&writer, 1);
  prtc_write_u16(&writer, 0x0203);
  prtc_write_u32(&writer, 0x04050607);
  PRTC_CHECK(!writer.failed && writer.size == 7);
  prtc_write_u8(&writer, 8);
  PRTC_CHECK(writer.failed && writer.size == 7);
  struct prtc_reader reader = prtc_reader_of(bytes, sizeof bytes);
  PRTC_CHECK_INT(prtc_read_u16(&reader), 0x0102);
  PRTC_CHECK_INT(prtc_read_u32(&reader), 0x03040506);
  PRTC_CHECK(!reader.failed && prtc_reader_left(&reader) == 1);
  PRTC_CHECK_INT(prtc_read_u16(&reader), 0);
  PRTC_CHECK(reader.failed && prtc_reader_left(&reader) == 0);
  PRTC_CHECK(prtc_read_bytes(&reader, 1) == NULL);
}

static void text(void) {
  char buffer[8];
  struct prtc_text out = prtc_text_of(buffer, sizeof buffer);
  prtc_text_print(&out, "%d", 123);
  prtc_text_append(&out, "abcd", 4);
  PRTC_CHECK_INT(prtc_text_result(&out), 7);
  PRTC_CHECK_TEXT(buffer, "123abcd");
  prtc_text_append(&out, "e", 1);
  PRTC_CHECK_INT(prtc_text_result(&out), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK_TEXT(buffer, "123abcd");
  uint64_t number = 0;
  PRTC_CHECK(prtc_parse_decimal("65535", 5, 65535, &number) && number == 65535);
  PRTC_CHECK(!prtc_parse_decimal("65536", 5, 65535, &number));
  PRTC_CHECK(prtc_parse_decimal("18446744073709551615", 20, UINT64_MAX, &number) && number == UINT64_MAX);
  PRTC_CHECK(!prtc_parse_decimal("18446744073709551616", 20, UINT64_MAX, &number));
  PRTC_CHECK(!prtc_parse_decimal("", 0, 9, &number) && !prtc_parse_decimal("-1", 2, 9, &number) &&
             !prtc_parse_decimal("1 ", 2, 99, &number));
  PRTC_CHECK(prtc_text_equals("SHA-256", 7, "sha-256") && !prtc_text_equals("sha-25", 6, "sha-256"));
}

static bool utf8(const char *bytes) { return prtc_is_utf8((const uint8_t *)bytes, strlen(bytes)); }

static void utf8_is_strict(void) {
  PRTC_CHECK(utf8("") && utf8("plain") && utf8("\xC3\xA9") && utf8("\xE2\x82\xAC") && utf8("\xF0\x9F\x98\x80"));
  PRTC_CHECK(utf8("\xEE\x80\x80") && utf8("\xF4\x8F\xBF\xBF") && utf8("\xED\x9F\xBF"));
  PRTC_CHECK(!utf8("\xC0\x80") && !utf8("\xC3") && !utf8("\xE0\x9F\xBF") && !utf8("\xED\xA0\x80"));
  PRTC_CHECK(!utf8("\xF4\x90\x80\x80") && !utf8("\xF8\x88\x80\x80\x80") && !utf8("\x80") && !utf8("\xE2\x82"));
}

static void queues_keep_order_and_bound(void) {
  struct prtc_queue queue;
  prtc_queue_init(&queue, &context, sizeof(int), 20);
  int next_in = 0, next_out = 0;
  for (int round = 0; round < 100; round++) {
    for (int i = 0; i < 7 && queue.count < 20; i++, next_in++) PRTC_CHECK_INT(prtc_queue_push(&queue, &next_in), PRTC_OK);
    for (int i = 0; i < 5; i++, next_out++) {
      int value = -1;
      PRTC_CHECK(*(int *)prtc_queue_at(&queue, 0) == next_out);
      PRTC_CHECK(prtc_queue_pop(&queue, &value) && value == next_out);
    }
  }
  while (queue.count < 20) prtc_queue_push(&queue, &next_in);
  PRTC_CHECK_INT(prtc_queue_push(&queue, &next_in), PRTC_ERROR_QUEUE_FULL);
  PRTC_CHECK(prtc_queue_at(&queue, 20) == NULL);
  while (prtc_queue_pop(&queue, NULL)) {
  }
  PRTC_CHECK_INT(queue.capacity, 0); /* it has grown and is empty */
  PRTC_CHECK_INT(prtc_queue_push(&queue, &next_in), PRTC_OK);
  prtc_queue_clear(&queue);
  PRTC_CHECK(!prtc_queue_pop(&queue, NULL));
}

static uint64_t order_of(const struct prtc_heap *heap, const struct prtc_heap_node *node) {
  return heap->entries[node->index - 1].order;
}

static void heap_gives_the_earliest(void) {
  enum { COUNT = 200 };
  static struct prtc_heap_node nodes[COUNT];
  struct prtc_heap heap;
  prtc_heap_init(&heap, &context);
  PRTC_CHECK_INT(prtc_heap_reserve(&heap, COUNT), PRTC_OK);
  for (int i = 0; i < COUNT; i++) nodes[i].deadline = PRTC_NEVER;
  for (int round = 0; round < 20000; round++) {
    struct prtc_heap_node *node = &nodes[prtc_random_below(&context.random, COUNT)];
    prtc_time deadline = prtc_random_below(&context.random, 50);
    prtc_heap_set(&heap, node, deadline < 10 ? PRTC_NEVER : deadline);
    struct prtc_heap_node *earliest = NULL;
    for (int i = 0; i < COUNT; i++) {
      if (nodes[i].index == 0) continue;
      PRTC_CHECK(heap.entries[nodes[i].index - 1].node == &nodes[i]);
      if (earliest == NULL || nodes[i].deadline < earliest->deadline ||
          (nodes[i].deadline == earliest->deadline && order_of(&heap, &nodes[i]) < order_of(&heap, earliest))) {
        earliest = &nodes[i];
      }
    }
    PRTC_CHECK(prtc_heap_first(&heap) == earliest);
  }
  prtc_heap_clear(&heap);
}

/* Each entry is seen once, or again where it has moved, whichever are removed on the way. */
static void map_can_be_emptied_while_it_is_walked(void) {
  struct prtc_map map;
  for (uint64_t divisor = 1; divisor <= 3; divisor++) {
    bool seen[300] = {0};
    prtc_map_init(&map, &context);
    for (uint64_t key = 0; key < 300; key++) PRTC_CHECK_INT(prtc_map_set(&map, key, &map), PRTC_OK);
    size_t i = 0;
    for (struct prtc_map_slot *slot; (slot = prtc_map_next(&map, &i)) != NULL;) {
      seen[slot->key] = true;
      if (slot->key % divisor != 0) continue;
      prtc_map_remove(&map, slot->key);
      i--;
    }
    for (uint64_t key = 0; key < 300; key++) {
      PRTC_CHECK(seen[key] && (prtc_map_get(&map, key) == NULL) == (key % divisor == 0));
    }
    prtc_map_clear(&map);
  }
}

static void map_finds_what_was_set(void) {
  enum { KEYS = 300 };
  static int values[KEYS];
  void *expected[KEYS] = {NULL};
  struct prtc_map map;
  size_t count = 0;
  prtc_map_init(&map, &context);
  for (int round = 0; round < 50000; round++) {
    uint32_t key = prtc_random_below(&context.random, KEYS);
    if (prtc_random_below(&context.random, 2) == 0) {
      PRTC_CHECK(prtc_map_remove(&map, key) == expected[key]);
      if (expected[key] != NULL) count--;
      expected[key] = NULL;
    } else {
      if (expected[key] == NULL) count++;
      expected[key] = &values[prtc_random_below(&context.random, KEYS)];
      PRTC_CHECK_INT(prtc_map_set(&map, key, expected[key]), PRTC_OK);
    }
    uint32_t other = prtc_random_below(&context.random, KEYS);
    PRTC_CHECK(prtc_map_get(&map, other) == expected[other]);
    PRTC_CHECK(map.count == count);
  }
  size_t i = 0, seen = 0;
  while (prtc_map_next(&map, &i) != NULL) seen++;
  PRTC_CHECK(seen == count);
  prtc_map_clear(&map);
}

static void log_keeps_the_newest_lines(void) {
  struct prtc_context logged;
  static const uint8_t seed[32];
  char line[PRTC_LOG_LINE_SIZE];
  prtc_context_init(&logged, seed, NULL, PRTC_LOG_INFO);
  PRTC_LOG(&logged, PRTC_LOG_DEBUG, "test", "not kept");
  PRTC_CHECK_INT(prtc_log_read(&logged, line, sizeof line), 0);
  logged.log.now = 1500000;
  PRTC_LOG(&logged, PRTC_LOG_INFO, "test", "two\nlines");
  PRTC_CHECK_INT(prtc_log_read(&logged, line, 4), PRTC_ERROR_BUFFER_TOO_SMALL);
  PRTC_CHECK(prtc_log_read(&logged, line, sizeof line) > 0);
  PRTC_CHECK_TEXT(line, "1.500000 info test 0: two lines");
  for (int i = 0; i < PRTC_LOG_LINES + 3; i++) PRTC_LOG(&logged, PRTC_LOG_INFO, "test", "%d", i);
  PRTC_CHECK(prtc_log_read(&logged, line, sizeof line) > 0);
  PRTC_CHECK(strstr(line, "warning log 0: 3 lines were lost") != NULL);
  PRTC_CHECK(prtc_log_read(&logged, line, sizeof line) > 0);
  PRTC_CHECK_TEXT(line, "1.500000 info test 0: 3");
  prtc_context_clear(&logged);
}

static void errors_are_in_their_ranges(void) {
#define CHECK_ONE(name, code, exception, sentence)                         \
  PRTC_CHECK_TEXT(prtc_error_name(code), #name);                           \
  PRTC_CHECK_TEXT(prtc_strerror(code), sentence);                          \
  PRTC_CHECK_TEXT(prtc_error_exception(code), exception);                  \
  PRTC_CHECK_INT(PRTC_ERROR_IS_TRANSIENT(code) + PRTC_ERROR_IS_PEER(code) + PRTC_ERROR_IS_FATAL(code), 1);
  PRTC_ERROR_TABLE(CHECK_ONE)
  PRTC_CHECK_TEXT(prtc_strerror(-9999), "unknown error");
  PRTC_CHECK_TEXT(prtc_error_name(7), "OK");
}

static void configurations_of_other_versions(void) {
  struct version_1 {
    size_t size;
    uint64_t old;
  } one = {.size = sizeof one, .old = 7};
  struct version_2 {
    size_t size;
    uint64_t old, newer;
  } two = {.size = sizeof two, .old = 8, .newer = 9}, out_2 = two;
  struct version_1 out_1 = one;
  PRTC_CHECK(prtc_config_copy(&out_2, sizeof out_2, &one));
  PRTC_CHECK(out_2.size == sizeof out_2 && out_2.old == 7 && out_2.newer == 0);
  PRTC_CHECK(!prtc_config_copy(&out_1, sizeof out_1, &two)); /* it asks for what is not known */
  PRTC_CHECK(out_1.old == 7);
  two.newer = 0;
  PRTC_CHECK(prtc_config_copy(&out_1, sizeof out_1, &two));
  PRTC_CHECK(out_1.size == sizeof out_1 && out_1.old == 8);
  one.size = sizeof one.size - 1;
  PRTC_CHECK(!prtc_config_copy(&out_1, sizeof out_1, &one));
  PRTC_CHECK(!prtc_config_copy(&out_1, sizeof out_1, NULL));
}

/* The reference's own test vectors: the key 00 01 … 0f, messages of that beginning. */
static void hash_is_siphash(void) {
  const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
  uint8_t message[64];
  for (int i = 0; i < 64; i++) message[i] = (uint8_t)i;
  PRTC_CHECK(prtc_hash(key, message, 0) == UINT64_C(0x726fdb47dd0e0e31));
  PRTC_CHECK(prtc_hash(key, message, 1) == UINT64_C(0x74f839c593dc67fd));
  PRTC_CHECK(prtc_hash(key, message, 7) == UINT64_C(0xab0200f58b01d137));
  PRTC_CHECK(prtc_hash(key, message, 8) == UINT64_C(0x93f5f5799a932462));
  PRTC_CHECK(prtc_hash(key, message, 15) == UINT64_C(0xa129ca6149be45e5));
  PRTC_CHECK(prtc_hash(key, message, 63) == UINT64_C(0x958a324ceb064572));
}

static struct prtc_table_key table_key(unsigned number) {
  struct prtc_table_key key = {{(uint8_t)number, (uint8_t)(number >> 8)}};
  return key;
}

static void table_finds_what_was_added(void) {
  static struct prtc_table_entry entries[3000];
  struct prtc_table table;
  PRTC_REQUIRE(prtc_table_init(&table, &context) == 0);
  memset(entries, 0, sizeof entries);
  for (unsigned i = 0; i < 3000; i++) { /* a thousand keys, three times each */
    struct prtc_table_key key = table_key(i % 1000);
    prtc_table_add(&table, &entries[i], &key);
  }
  for (unsigned i = 0; i < 1000; i++) {
    struct prtc_table_key key = table_key(i);
    unsigned found = 0;
    for (const struct prtc_table_entry *entry = prtc_table_find(&table, &key); entry != NULL;
         entry = prtc_table_next(entry)) {
      PRTC_CHECK((entry - entries) % 1000 == i);
      found++;
    }
    PRTC_CHECK_INT(found, 3);
  }
  PRTC_CHECK(table.capacity >= 2048); /* chains are short */
  for (unsigned i = 0; i < 2990; i++) {
    prtc_table_remove(&table, &entries[i]);
    prtc_table_remove(&table, &entries[i]); /* again is harmless */
  }
  PRTC_CHECK(table.capacity <= 128 && table.count == 10);
  for (unsigned i = 0; i < 1000; i++) {
    struct prtc_table_key key = table_key(i);
    const struct prtc_table_entry *entry = prtc_table_find(&table, &key);
    PRTC_CHECK(i < 990 ? entry == NULL : entry == &entries[2000 + i]);
  }
  prtc_table_clear(&table);
  PRTC_CHECK(entries[2995].place == NULL);
}

int main(void) {
  static const uint8_t seed[32] = {42};
  prtc_context_init(&context, seed, NULL, 0);
  PRTC_RUN(random_repeats_for_a_seed);
  PRTC_RUN(random_below_is_even);
  PRTC_RUN(boringssl_draws_from_the_entered_context);
  PRTC_RUN(addresses);
  PRTC_RUN(readers_and_writers_stop_at_the_end);
  PRTC_RUN(text);
  PRTC_RUN(utf8_is_strict);
  PRTC_RUN(queues_keep_order_and_bound);
  PRTC_RUN(heap_gives_the_earliest);
  PRTC_RUN(map_finds_what_was_set);
  PRTC_RUN(map_can_be_emptied_while_it_is_walked);
  PRTC_RUN(hash_is_siphash);
  PRTC_RUN(table_finds_what_was_added);
  PRTC_RUN(log_keeps_the_newest_lines);
  PRTC_RUN(errors_are_in_their_ranges);
  prtc_context_clear(&context);
  PRTC_RUN(configurations_of_other_versions);
  return PRTC_TEST_RESULT();
}
