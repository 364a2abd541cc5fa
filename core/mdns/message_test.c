/* mDNS messages: what is written, byte for byte; what is read, and what is not.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdbool.h>

#include <polyrtc/error.h>

#include "core/base/testing.h"

#include "core/mdns/message.h"

static const char name[] = "1f4712db.local";

#define NAME_BYTES "\x08" "1f4712db" "\x05" "local" "\x00"

static const prtc_address v4 = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 1}};
static const prtc_address v6 = {.family = PRTC_FAMILY_IPV6, .ip = {0x20, 0x01, 0x0D, 0xB8, [15] = 7}};

#define CHECK_BYTES(out, size, expected)                          \
  do {                                                            \
    PRTC_CHECK_INT(size, sizeof(expected) - 1);                   \
    PRTC_CHECK(memcmp(out, expected, sizeof(expected) - 1) == 0); \
  } while (0)

static void test_writing(void) {
  uint8_t out[512];
  int size = prtc_mdns_write_query(out, sizeof out, name, PRTC_MDNS_AAAA);
  CHECK_BYTES(out, size, "\0\0\0\0\0\1\0\0\0\0\0\0" NAME_BYTES "\0\x1C\0\1");
  size = prtc_mdns_write_answer(out, sizeof out, name, &v4);
  CHECK_BYTES(out, size, "\0\0\x84\0\0\0\0\1\0\0\0\1" NAME_BYTES "\0\1\x80\1\0\0\0\x78\0\4\xC0\0\2\1"
                         "\xC0\x0C\0\x2F\x80\1\0\0\0\x78\0\5\xC0\x0C\0\1\x40");
  size = prtc_mdns_write_answer(out, sizeof out, name, &v6);
  CHECK_BYTES(out, size, "\0\0\x84\0\0\0\0\1\0\0\0\1" NAME_BYTES
                         "\0\x1C\x80\1\0\0\0\x78\0\x10\x20\1\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\7"
                         "\xC0\x0C\0\x2F\x80\1\0\0\0\x78\0\x08\xC0\x0C\0\4\0\0\0\x08");
}

static void test_no_room(void) {
  uint8_t out[512];
  int size = prtc_mdns_write_answer(out, sizeof out, name, &v6);
  for (int room = 0; room < size; room++) {
    PRTC_CHECK_INT(prtc_mdns_write_answer(out, (size_t)room, name, &v6), PRTC_ERROR_BUFFER_TOO_SMALL);
  }
  PRTC_CHECK_INT(prtc_mdns_write_answer(out, (size_t)size, name, &v6), size);
}

static void test_reading_what_is_written(void) {
  uint8_t out[512];
  struct prtc_mdns_message message;
  struct prtc_mdns_question question;
  struct prtc_mdns_record record;
  int size = prtc_mdns_write_query(out, sizeof out, name, PRTC_MDNS_A);
  PRTC_CHECK_INT(prtc_mdns_open(&message, out, (size_t)size), PRTC_OK);
  PRTC_CHECK(!message.response && prtc_mdns_next_question(&message, &question));
  PRTC_CHECK_TEXT(question.name, name);
  PRTC_CHECK(question.type == PRTC_MDNS_A && question.internet);
  PRTC_CHECK(!prtc_mdns_next_question(&message, &question) && !prtc_mdns_next_record(&message, &record));
  size = prtc_mdns_write_answer(out, sizeof out, name, &v6);
  PRTC_CHECK_INT(prtc_mdns_open(&message, out, (size_t)size), PRTC_OK);
  PRTC_CHECK(message.response && !prtc_mdns_next_question(&message, &question));
  PRTC_CHECK(prtc_mdns_next_record(&message, &record));
  PRTC_CHECK_TEXT(record.name, name);
  PRTC_CHECK(prtc_address_equal(&record.address, &v6) && record.ttl == 120);
  PRTC_CHECK(prtc_mdns_next_record(&message, &record)); /* its name is a pointer to the first */
  PRTC_CHECK_TEXT(record.name, name);
  PRTC_CHECK(record.type == PRTC_MDNS_NSEC && record.address.family == PRTC_FAMILY_NONE);
  PRTC_CHECK(!prtc_mdns_next_record(&message, &record) && !message.reader.failed);
}

static unsigned records_of(const uint8_t *data, size_t size) {
  struct prtc_mdns_message message;
  struct prtc_mdns_question question;
  struct prtc_mdns_record record;
  unsigned count = 0;
  if (prtc_mdns_open(&message, data, size) < 0) return 0;
  while (prtc_mdns_next_question(&message, &question)) continue;
  while (prtc_mdns_next_record(&message, &record)) count++;
  return count;
}

static void test_truncations(void) {
  uint8_t out[512];
  size_t size = (size_t)prtc_mdns_write_answer(out, sizeof out, name, &v4);
  for (size_t i = 0; i < size; i++) PRTC_CHECK(records_of(out, i) < 2);
  PRTC_CHECK_INT(records_of(out, size), 2);
  struct prtc_mdns_message message;
  for (size_t i = 0; i < 12; i++) PRTC_CHECK_INT(prtc_mdns_open(&message, out, i), PRTC_ERROR_MALFORMED);
}

/* The name of the one question of a message whose bytes after the header are given. */
static const char *question_name(const char *body, size_t size, bool *good) {
  static struct prtc_mdns_question question;
  static uint8_t data[1024];
  struct prtc_mdns_message message;
  memcpy(data, "\0\0\0\0\0\1\0\0\0\0\0\0", 12);
  memcpy(data + 12, body, size);
  PRTC_REQUIRE(prtc_mdns_open(&message, data, 12 + size) == PRTC_OK);
  question.name[0] = '\0';
  *good = prtc_mdns_next_question(&message, &question);
  return question.name;
}

#define CHECK_NAME(body, expected_good, expected)                                            \
  do {                                                                                       \
    bool good;                                                                               \
    PRTC_CHECK_TEXT(question_name(body "\0\1\0\1", sizeof(body "\0\1\0\1") - 1, &good), expected); \
    PRTC_CHECK_INT(good, expected_good);                                                     \
  } while (0)

static void test_names_on_the_wire(void) {
  CHECK_NAME("\3AbC\5LOCAL\0", true, "abc.local");
  CHECK_NAME("\3a.c\5local\0", true, "");              /* a dot within a label is none between two */
  CHECK_NAME("\1a\1b\5local\0", true, "");
  CHECK_NAME("\3a_c\5local\0", true, "");
  CHECK_NAME("\3abc\6locals\0", true, "");
  CHECK_NAME("\5local\0", true, "");
  CHECK_NAME("\0", true, "");
  CHECK_NAME("\xC0\x0C", false, "");                   /* to itself */
  CHECK_NAME("\xC0\x0E\xC0\x0C", false, "");           /* forwards */
  CHECK_NAME("\1a\xC0\x0C", false, "");                /* a loop */
  CHECK_NAME("\x40" "a\0", false, "");                 /* of a type that is not defined */
  CHECK_NAME("\x80" "a\0", false, "");
  CHECK_NAME("\x3F" "short\0", false, "");
}

static void test_long_names_and_chains(void) {
  uint8_t data[2048] = {[5] = 2}; /* two questions */
  struct prtc_mdns_message message;
  struct prtc_mdns_question question;
  /* 127 labels of one character are 255 bytes with the root: the most there is. One more is too much. */
  for (int labels = 126; labels <= 128; labels++) {
    size_t at = 12;
    for (int i = 0; i < labels; i++) data[at++] = 1, data[at++] = 'a';
    data[at++] = 0;
    memset(data + at, 0, 5);
    PRTC_CHECK_INT(prtc_mdns_open(&message, data, at + 4), PRTC_OK);
    PRTC_CHECK_INT(prtc_mdns_next_question(&message, &question), labels <= 127);
  }
  /* Pointers to pointers: sixteen are followed. */
  size_t at = 12, first = at;
  data[at++] = 0;
  memset(data + at, 0, 4);
  at += 4;
  for (int jumps = 1; jumps <= 20; jumps++) {
    size_t here = at + (size_t)jumps * 2;
    size_t target = jumps == 1 ? first : here - 2;
    data[here] = (uint8_t)(0xC0 | target >> 8), data[here + 1] = (uint8_t)target;
    /* the second question is read as if it began at the pointer */
    PRTC_CHECK_INT(prtc_mdns_open(&message, data, sizeof data), PRTC_OK);
    message.reader.position = here;
    PRTC_CHECK_INT(prtc_mdns_next_question(&message, &question), jumps <= 16);
  }
}

static void test_ignored_messages(void) {
  uint8_t data[12] = {0};
  struct prtc_mdns_message message;
  PRTC_CHECK_INT(prtc_mdns_open(&message, data, sizeof data), PRTC_OK);
  data[2] = 0x28; /* UPDATE */
  PRTC_CHECK_INT(prtc_mdns_open(&message, data, sizeof data), PRTC_ERROR_UNEXPECTED);
  data[2] = 0x84, data[3] = 3; /* NXDOMAIN */
  PRTC_CHECK_INT(prtc_mdns_open(&message, data, sizeof data), PRTC_ERROR_UNEXPECTED);
}

static void test_read_name(void) {
  static const struct {
    const char *text;
    bool good;
  } cases[] = {
      {"a.local", true},      {"A-9.LOCAL", true},    {"", false},          {"local", false},    {".local", false},
      {"a.b.local", false},   {"a.local.", false},    {"a.locale", false},  {"a_b.local", false}, {"alocal", false},
      {"123456789-123456789-123456789-123456789-123456789-123456789-123.local", true},
      {"123456789-123456789-123456789-123456789-123456789-123456789-1234.local", false},
  };
  char out[PRTC_MDNS_NAME_SIZE];
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    PRTC_CHECK_INT(prtc_mdns_read_name(out, cases[i].text, strlen(cases[i].text)), cases[i].good);
    PRTC_CHECK_INT(strlen(out), cases[i].good ? strlen(cases[i].text) : 0);
  }
  PRTC_CHECK(prtc_mdns_read_name(out, "A-9.LOCAL", 9));
  PRTC_CHECK_TEXT(out, "a-9.local");
}

int main(void) {
  PRTC_RUN(test_writing);
  PRTC_RUN(test_no_room);
  PRTC_RUN(test_reading_what_is_written);
  PRTC_RUN(test_truncations);
  PRTC_RUN(test_names_on_the_wire);
  PRTC_RUN(test_long_names_and_chains);
  PRTC_RUN(test_ignored_messages);
  PRTC_RUN(test_read_name);
  return PRTC_TEST_RESULT();
}
