/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/mdns/message.h"

#include <string.h>

#include <polyrtc/error.h>

enum { CLASS_IN = 1, CLASS_ANY = 255, CLASS_BITS = 0x7FFF }; /* the top bit: unicast wanted, or cache flush */
enum { FLAG_RESPONSE = 0x8000, FLAG_AUTHORITATIVE = 0x0400, OPCODE_BITS = 0x7800, CODE_BITS = 0x000F };

/* RFC 1035 section 2.3.4: a name has 255 bytes at most. Pointers lead backwards; nobody needs more of them in one name. */
enum { NAME_BYTES = 255, JUMPS = 16, LABEL_BYTES = 63, POINTER = 0xC0 };

static const char suffix[] = ".local";
enum { SUFFIX_SIZE = sizeof suffix - 1 };

/* ---------------------------------------------------------------------------------------------------------------- names */

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool is_label(const char *text, size_t size) {
  for (size_t i = 0; i < size; i++) {
    char c = lower(text[i]);
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') return false;
  }
  return size > 0 && size <= LABEL_BYTES;
}

bool prtc_mdns_read_name(char out[PRTC_MDNS_NAME_SIZE], const char *text, size_t size) {
  out[0] = '\0';
  if (size <= SUFFIX_SIZE || size >= PRTC_MDNS_NAME_SIZE) return false;
  size_t label = size - SUFFIX_SIZE;
  for (size_t i = 0; i < SUFFIX_SIZE; i++) {
    if (lower(text[label + i]) != suffix[i]) return false;
  }
  if (!is_label(text, label)) return false;
  for (size_t i = 0; i < size; i++) out[i] = lower(text[i]);
  out[size] = '\0';
  return true;
}

/* Reads a name with its compression (RFC 1035 section 4.1.4). Bounded: each pointer leads to before the one that led
 * there, a name has so many bytes, and so many pointers. What is not of prtc_mdns_read_name gives "". */
static void read_name(struct prtc_reader *reader, char out[PRTC_MDNS_NAME_SIZE]) {
  struct prtc_reader at = *reader;
  char text[PRTC_MDNS_NAME_SIZE];
  size_t bytes = 0, size = 0, limit = reader->position;
  bool fits = true, jumped = false;
  out[0] = '\0';
  for (int jumps = 0;;) {
    uint8_t length = prtc_read_u8(&at);
    if (at.failed || (length > LABEL_BYTES && length < POINTER)) goto malformed;
    if (length >= POINTER) {
      size_t target = (size_t)(length & ~POINTER) << 8 | prtc_read_u8(&at);
      if (at.failed || target >= limit || ++jumps > JUMPS) goto malformed;
      if (!jumped) reader->position = at.position;
      jumped = true;
      limit = at.position = target;
      continue;
    }
    if (length == 0) break;
    bytes += length + 1u;
    const uint8_t *label = prtc_read_bytes(&at, length);
    if (label == NULL || bytes >= NAME_BYTES) goto malformed;
    size_t dot = size > 0;
    fits = fits && size + dot + length < sizeof text && memchr(label, '.', length) == NULL;
    if (!fits) continue;
    if (dot) text[size++] = '.';
    memcpy(text + size, label, length);
    size += length;
  }
  if (!jumped) reader->position = at.position;
  if (fits) prtc_mdns_read_name(out, text, size);
  return;
malformed:
  reader->failed = true;
}

/* -------------------------------------------------------------------------------------------------------------- reading */

int prtc_mdns_open(struct prtc_mdns_message *message, const uint8_t *data, size_t size) {
  struct prtc_reader *reader = &message->reader;
  *message = (struct prtc_mdns_message){.reader = prtc_reader_of(data, size)};
  message->id = prtc_read_u16(reader);
  uint16_t flags = prtc_read_u16(reader);
  message->response = (flags & FLAG_RESPONSE) != 0;
  message->questions = prtc_read_u16(reader);
  for (int section = 0; section < 3; section++) message->records += prtc_read_u16(reader);
  if (reader->failed) return PRTC_ERROR_MALFORMED;
  return (flags & (OPCODE_BITS | CODE_BITS)) != 0 ? PRTC_ERROR_UNEXPECTED : PRTC_OK;
}

static bool is_internet(uint16_t class, bool or_any) {
  class &= CLASS_BITS;
  return class == CLASS_IN || (or_any && class == CLASS_ANY);
}

bool prtc_mdns_next_question(struct prtc_mdns_message *message, struct prtc_mdns_question *out) {
  struct prtc_reader *reader = &message->reader;
  if (message->questions == 0 || reader->failed) return false;
  message->questions--;
  read_name(reader, out->name);
  out->type = prtc_read_u16(reader);
  out->internet = is_internet(prtc_read_u16(reader), true);
  return !reader->failed;
}

bool prtc_mdns_next_record(struct prtc_mdns_message *message, struct prtc_mdns_record *out) {
  struct prtc_reader *reader = &message->reader;
  if (message->records == 0 || message->questions > 0 || reader->failed) return false;
  message->records--;
  *out = (struct prtc_mdns_record){0};
  read_name(reader, out->name);
  out->type = prtc_read_u16(reader);
  bool internet = is_internet(prtc_read_u16(reader), false);
  out->ttl = prtc_read_u32(reader);
  uint16_t size = prtc_read_u16(reader);
  const uint8_t *data = prtc_read_bytes(reader, size);
  if (data == NULL) return false;
  bool is_v4 = out->type == PRTC_MDNS_A && size == 4, is_v6 = out->type == PRTC_MDNS_AAAA && size == 16;
  if (internet && (is_v4 || is_v6)) {
    out->address.family = is_v4 ? PRTC_FAMILY_IPV4 : PRTC_FAMILY_IPV6;
    memcpy(out->address.ip, data, size);
  }
  return true;
}

/* -------------------------------------------------------------------------------------------------------------- writing */

static struct prtc_writer begin(uint8_t *out, size_t capacity, uint16_t id, uint16_t flags, uint16_t questions,
                                uint16_t answers, uint16_t additional) {
  struct prtc_writer writer = prtc_writer_of(out, capacity);
  const uint16_t header[6] = {id, flags, questions, answers, 0, additional};
  for (size_t i = 0; i < 6; i++) prtc_write_u16(&writer, header[i]);
  return writer;
}

static void write_name(struct prtc_writer *writer, const char *name) {
  size_t label = strlen(name) - SUFFIX_SIZE;
  prtc_write_u8(writer, (uint8_t)label);
  prtc_write_bytes(writer, name, label);
  prtc_write_u8(writer, SUFFIX_SIZE - 1);
  prtc_write_bytes(writer, suffix + 1, SUFFIX_SIZE); /* with its NUL, which is the root */
}

static void write_pointer_to_name(struct prtc_writer *writer) { prtc_write_u16(writer, POINTER << 8 | 12); }

static void write_question(struct prtc_writer *writer, const char *name, uint16_t type) {
  write_name(writer, name);
  prtc_write_u16(writer, type);
  prtc_write_u16(writer, CLASS_IN);
}

static enum prtc_mdns_type type_of(const prtc_address *address) {
  return address->family == PRTC_FAMILY_IPV4 ? PRTC_MDNS_A : PRTC_MDNS_AAAA;
}

/* What follows the name of a record. `class` with the top bit: others are to forget what else they know of the name. */
static void write_record(struct prtc_writer *writer, uint16_t type, uint16_t class, uint32_t ttl, size_t size) {
  prtc_write_u16(writer, type);
  prtc_write_u16(writer, class);
  prtc_write_u32(writer, ttl);
  prtc_write_u16(writer, (uint16_t)size);
}

static void write_address(struct prtc_writer *writer, const prtc_address *address, uint16_t class, uint32_t ttl) {
  size_t size = address->family == PRTC_FAMILY_IPV4 ? 4 : 16;
  write_record(writer, (uint16_t)type_of(address), class, ttl, size);
  prtc_write_bytes(writer, address->ip, size);
}

static int finish(const struct prtc_writer *writer) {
  return writer->failed ? PRTC_ERROR_BUFFER_TOO_SMALL : (int)writer->size;
}

int prtc_mdns_write_query(uint8_t *out, size_t capacity, const char *name, enum prtc_mdns_type type) {
  struct prtc_writer writer = begin(out, capacity, 0, 0, 1, 0, 0);
  write_question(&writer, name, (uint16_t)type);
  return finish(&writer);
}

int prtc_mdns_write_answer(uint8_t *out, size_t capacity, const char *name, const prtc_address *address) {
  const uint16_t class = CLASS_IN | 0x8000;
  struct prtc_writer writer = begin(out, capacity, 0, FLAG_RESPONSE | FLAG_AUTHORITATIVE, 0, 1, 1);
  write_name(&writer, name);
  write_address(&writer, address, class, PRTC_MDNS_TTL);
  /* NSEC, in its restricted form: next name, window 0, and a bit for each type that there is */
  uint8_t bits[4] = {0};
  size_t type = (size_t)type_of(address), size = type / 8 + 1;
  bits[type / 8] = (uint8_t)(0x80 >> type % 8);
  write_pointer_to_name(&writer);
  write_record(&writer, PRTC_MDNS_NSEC, class, PRTC_MDNS_TTL, 2 + 2 + size);
  write_pointer_to_name(&writer);
  prtc_write_u8(&writer, 0);
  prtc_write_u8(&writer, (uint8_t)size);
  prtc_write_bytes(&writer, bits, size);
  return finish(&writer);
}
