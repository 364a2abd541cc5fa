/* What the filter lets through, record by record, message by message.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/dtls/filter.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/testing.h"

/* A record of these bytes; returns the size of the whole. */
static size_t put_record(uint8_t *out, uint8_t type, uint16_t epoch, const void *body, size_t size) {
  struct prtc_writer writer = prtc_writer_of(out, 1000);
  prtc_write_u8(&writer, type);
  prtc_write_u16(&writer, 0xfefd);
  prtc_write_u16(&writer, epoch);
  prtc_write_integer(&writer, 0x123456, 6);
  prtc_write_u16(&writer, (uint16_t)size);
  prtc_write_bytes(&writer, body, size);
  PRTC_REQUIRE(!writer.failed);
  return writer.size;
}

/* A fragment of a handshake message, of zeros. */
static size_t put_fragment(uint8_t *out, uint8_t type, uint16_t number, uint32_t size, uint32_t offset, uint32_t part) {
  uint8_t body[600] = {0};
  struct prtc_writer writer = prtc_writer_of(body, sizeof body);
  prtc_write_u8(&writer, type);
  prtc_write_integer(&writer, size, 3);
  prtc_write_u16(&writer, number);
  prtc_write_integer(&writer, offset, 3);
  prtc_write_integer(&writer, part, 3);
  return put_record(out, PRTC_CONTENT_HANDSHAKE, 0, body, writer.size + part);
}

/* Does a filter in this role pass it whole? (Sequence numbers apart.) */
static bool passes(struct prtc_filter *filter, const uint8_t *datagram, size_t size) {
  uint8_t out[2000];
  bool early;
  size_t passed = prtc_filter_datagram(filter, datagram, size, out, sizeof out, &early);
  PRTC_CHECK(passed == 0 || passed == size);
  PRTC_CHECK(passed == 0 || (memcmp(out, datagram, 5) == 0 && memcmp(out + 11, datagram + 11, size - 11) == 0));
  return passed > 0;
}

static bool passes_fresh(bool server, const uint8_t *datagram, size_t size) {
  struct prtc_filter filter = {.server = server};
  return passes(&filter, datagram, size);
}

static void messages_by_role_and_number(void) {
  /* type, then the numbers it may have from a client and from a server, as bits */
  static const unsigned allowed[][3] = {{1, 1, 0},    {2, 0, 3},   {3, 0, 1},  {11, 2, 6},
                                        {12, 0, 12},  {13, 0, 24}, {14, 0, 56}, {15, 8, 0}, {16, 4, 0}};
  uint8_t datagram[1000];
  for (unsigned type = 0; type < 256; type++) {
    for (unsigned number = 0; number < 12; number++) {
      unsigned from_client = 0, from_server = 0;
      for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        if (allowed[i][0] == type) {
          from_client = allowed[i][1];
          from_server = allowed[i][2];
        }
      }
      size_t size = put_fragment(datagram, (uint8_t)type, (uint16_t)number, 20, 0, 20);
      PRTC_CHECK_INT(passes_fresh(true, datagram, size), from_client >> number & 1);
      PRTC_CHECK_INT(passes_fresh(false, datagram, size), from_server >> number & 1);
    }
  }
}

static void fragments_must_fit(void) {
  uint8_t datagram[1000];
  PRTC_CHECK(passes_fresh(true, datagram, put_fragment(datagram, 1, 0, 500, 0, 500)));
  PRTC_CHECK(passes_fresh(true, datagram, put_fragment(datagram, 1, 0, 16384, 16000, 384)));
  PRTC_CHECK(passes_fresh(true, datagram, put_fragment(datagram, 1, 0, 500, 500, 0)));
  PRTC_CHECK(!passes_fresh(true, datagram, put_fragment(datagram, 1, 0, 500, 1, 500)));
  PRTC_CHECK(!passes_fresh(true, datagram, put_fragment(datagram, 1, 0, 500, 501, 0)));
  PRTC_CHECK(!passes_fresh(true, datagram, put_fragment(datagram, 1, 0, 16385, 0, 100)));
  PRTC_CHECK(!passes_fresh(true, datagram, put_fragment(datagram, 1, 0, 0xffffff, 0xfffff0, 16)));
  size_t size = put_fragment(datagram, 1, 0, 100, 0, 50); /* the fragment claims more than the record has */
  datagram[24]++;
  PRTC_CHECK(!passes_fresh(true, datagram, size));
  PRTC_CHECK(!passes_fresh(true, datagram, put_record(datagram, PRTC_CONTENT_HANDSHAKE, 0, NULL, 0)));
}

/* The parts of one message agree about its type and size: the first that came is right. */
static void fragments_must_agree(void) {
  struct prtc_filter filter = {.server = true};
  uint8_t datagram[1000];
  PRTC_CHECK(passes(&filter, datagram, put_fragment(datagram, 1, 0, 500, 0, 100)));
  PRTC_CHECK(!passes(&filter, datagram, put_fragment(datagram, 1, 0, 501, 100, 100)));
  PRTC_CHECK(passes(&filter, datagram, put_fragment(datagram, 1, 0, 500, 100, 400)));
  struct prtc_filter client = {.server = false};
  PRTC_CHECK(passes(&client, datagram, put_fragment(datagram, 3, 0, 19, 0, 19)));
  PRTC_CHECK(!passes(&client, datagram, put_fragment(datagram, 2, 0, 19, 0, 19)));
  PRTC_CHECK(passes(&client, datagram, put_fragment(datagram, 2, 1, 80, 0, 80)));
}

static void other_types(void) {
  static const struct {
    uint8_t type, size, body[3];
    uint16_t epoch;
    bool passes;
  } cases[] = {
      {20, 1, {1}, 0, true},      {20, 1, {2}, 0, false},     {20, 2, {1, 1}, 0, false}, {20, 1, {1}, 1, false},
      {21, 2, {2, 40}, 0, true},  {21, 2, {1, 0}, 0, true},   {21, 2, {1, 90}, 0, false}, {21, 3, {2, 40, 0}, 0, false},
      {21, 1, {2}, 0, false},     {23, 3, {1, 2, 3}, 0, false}, {24, 3, {1, 2, 3}, 0, false}, {22, 3, {1, 2, 3}, 1, true},
      {21, 3, {1, 2, 3}, 1, true}, {23, 3, {1, 2, 3}, 1, false}, {22, 3, {1, 2, 3}, 2, false}, {63, 3, {1, 2, 3}, 1, false},
  };
  uint8_t datagram[1000];
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    size_t size = put_record(datagram, cases[i].type, cases[i].epoch, cases[i].body, cases[i].size);
    for (int server = 0; server < 2; server++) PRTC_CHECK_INT(passes_fresh(server, datagram, size), cases[i].passes);
    datagram[1] = 3; /* TLS */
    PRTC_CHECK(!passes_fresh(true, datagram, size));
  }
}

/* A bad record is left out, the others stay; what is cut off is dropped; data is noticed; plain records are numbered
 * anew. */
static void several_records(void) {
  struct prtc_filter filter = {.server = true};
  uint8_t datagram[1000], out[1000];
  bool early;
  size_t first = put_fragment(datagram, 1, 0, 20, 0, 20);
  size_t size = first + put_record(datagram + first, PRTC_CONTENT_ALERT, 0, "x", 1);
  size += put_record(datagram + size, PRTC_CONTENT_APPLICATION_DATA, 1, "data", 4);
  size_t third = put_record(datagram + size, PRTC_CONTENT_CHANGE_CIPHER_SPEC, 0, "\1", 1);
  size += third;
  size += put_record(datagram + size, PRTC_CONTENT_CHANGE_CIPHER_SPEC, 0, "\1", 1) - 1; /* its last byte is missing */
  PRTC_CHECK_INT(prtc_filter_datagram(&filter, datagram, size, out, sizeof out, &early), first + third);
  PRTC_CHECK(early);
  PRTC_CHECK(out[10] == 0 && out[first + 10] == 1 && out[first] == PRTC_CONTENT_CHANGE_CIPHER_SPEC);
  PRTC_CHECK_INT(prtc_filter_datagram(&filter, datagram, first, out, sizeof out, &early), first);
  PRTC_CHECK(!early && out[10] == 2);
  PRTC_CHECK_INT(prtc_filter_datagram(&filter, datagram, size, out, first - 1, &early), 0); /* no room: not a part */
}

static void client_hello_is_recognised(void) {
  uint8_t datagram[1000];
  size_t size = put_fragment(datagram, 1, 0, 500, 100, 100);
  PRTC_CHECK(prtc_is_client_hello(datagram, size));
  for (size_t cut = 0; cut < size; cut++) PRTC_CHECK(!prtc_is_client_hello(datagram, cut));
  PRTC_CHECK(!prtc_is_client_hello(datagram, put_fragment(datagram, 2, 0, 500, 100, 100)));
  PRTC_CHECK(!prtc_is_client_hello(datagram, put_record(datagram, PRTC_CONTENT_ALERT, 0, "\1\1", 2)));
  PRTC_CHECK(!prtc_is_client_hello(datagram, put_record(datagram, PRTC_CONTENT_HANDSHAKE, 1, "\1\1", 2)));
}

int main(void) {
  PRTC_RUN(messages_by_role_and_number);
  PRTC_RUN(fragments_must_fit);
  PRTC_RUN(fragments_must_agree);
  PRTC_RUN(other_types);
  PRTC_RUN(several_records);
  PRTC_RUN(client_hello_is_recognised);
  return PRTC_TEST_RESULT();
}
