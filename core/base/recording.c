/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/recording.h"

#include <string.h>

#include <polyrtc/error.h>
#include <polyrtc/types.h>

#include "core/base/bytes.h"
#include "core/base/context.h"

/* A number of 64 bits, 7 in a byte; an address. An end mark has room always. */
enum { NUMBER_MAX = 10, ADDRESS_MAX = 23, END_MAX = 1 + 2 * NUMBER_MAX };

enum { END_FULL = 1, END_WRONG = 2 };

static const struct {
  const char *name, *signature;
} operations[256] = {
#define PRTC_X(name, number, signature, what) [number] = {#name, signature},
    PRTC_OPERATIONS(PRTC_X)
#undef PRTC_X
};

const char *prtc_operation_name(unsigned number) { return number < 256 ? operations[number].name : NULL; }
const char *prtc_operation_signature(unsigned number) { return number < 256 ? operations[number].signature : NULL; }

size_t prtc_recording_length(const char *text) { return text == NULL ? 0 : strlen(text); }

uint64_t prtc_recording_hash(uint64_t hash, const void *data, size_t size) {
  const uint8_t *bytes = data;
  hash = (hash ^ size) * UINT64_C(0x9e3779b97f4a7c15);
  for (; size >= 8; bytes += 8, size -= 8) {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) word |= (uint64_t)bytes[i] << (8 * i);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 32;
  }
  for (; size > 0; bytes++, size--) hash = (hash ^ *bytes) * UINT64_C(0x100000001b3);
  return hash ^ hash >> 29;
}

/* -------------------------------------------------------------------------------------------------------------- writing */

static uint64_t zigzag(uint64_t value) { return value << 1 ^ (value >> 63 != 0 ? UINT64_MAX : 0); }
static uint64_t unzigzag(uint64_t value) { return value >> 1 ^ ((value & 1) != 0 ? UINT64_MAX : 0); }

static void put_number(struct prtc_sink *sink, uint64_t value) {
  uint8_t bytes[NUMBER_MAX];
  size_t size = 0;
  for (; value > 127; value >>= 7) bytes[size++] = (uint8_t)(value | 128);
  bytes[size++] = (uint8_t)value;
  prtc_sink_append(sink, bytes, size);
}

static void put_bytes(struct prtc_sink *sink, const void *data, size_t size) {
  put_number(sink, data == NULL ? 0 : (uint64_t)size + 1);
  if (data != NULL) prtc_sink_append(sink, data, size);
}

static void put_address(struct prtc_sink *sink, const prtc_address *address) {
  uint8_t bytes[ADDRESS_MAX];
  struct prtc_writer writer = prtc_writer_of(bytes, sizeof bytes);
  if (address == NULL || address->family == PRTC_FAMILY_NONE) {
    put_bytes(sink, NULL, 0);
    return;
  }
  prtc_write_u8(&writer, address->family);
  prtc_write_bytes(&writer, address->ip, address->family == PRTC_FAMILY_IPV4 ? 4 : 16);
  prtc_write_u16(&writer, address->port);
  prtc_write_u32(&writer, address->scope);
  put_bytes(sink, bytes, writer.size);
}

static void put_value(struct prtc_sink *sink, const struct prtc_value *value) {
  switch (value->kind) {
    case 'n': put_number(sink, value->number); break;
    case 'i': put_number(sink, zigzag(value->number)); break;
    case 'b': put_bytes(sink, value->data, value->size); break;
    default: put_address(sink, value->data); break;
  }
}

static void put_head(struct prtc_recording *record, enum prtc_operation operation, prtc_time now) {
  uint8_t number = (uint8_t)operation;
  if (now == PRTC_NEVER) now = record->last;
  prtc_sink_append(&record->sink, &number, 1);
  put_number(&record->sink, zigzag(now - record->last));
  record->last = now;
}

static void stop(struct prtc_context *context, uint64_t reason) {
  struct prtc_recording *record = &context->recording;
  record->on = false;
  record->sink.bound += END_MAX;
  if (prtc_sink_reserve(context, &record->sink, END_MAX)) {
    put_head(record, PRTC_OP_end, PRTC_NEVER);
    put_number(&record->sink, reason);
  }
  PRTC_LOG(context, PRTC_LOG_ERROR, "endpoint", "the recording stops: %s",
           reason == END_FULL ? "its bound is reached, for nobody polls it fast enough"
                              : "its table of operations is wrong");
}

void prtc_recording_write(struct prtc_context *context, enum prtc_operation operation, prtc_time now,
                       const struct prtc_value *values, size_t count) {
  struct prtc_recording *record = &context->recording;
  const char *signature = prtc_operation_signature((unsigned)operation);
  size_t size = 1 + NUMBER_MAX;
  bool right = signature != NULL && strlen(signature) == count;
  if (!record->on) return;
  for (size_t i = 0; right && i < count; i++) {
    right = signature[i] == values[i].kind;
    size += NUMBER_MAX + ADDRESS_MAX + values[i].size;
  }
  if (!right) {
    stop(context, END_WRONG);
  } else if (!prtc_sink_reserve(context, &record->sink, size)) {
    stop(context, END_FULL);
  } else {
    put_head(record, operation, now);
    for (size_t i = 0; i < count; i++) put_value(&record->sink, &values[i]);
  }
}

void prtc_recording_begin(struct prtc_context *context, size_t bound, prtc_time now, const uint8_t seed[32],
                          int64_t wall_clock) {
  struct prtc_recording *record = &context->recording;
  size_t magic = strlen(PRTC_RECORDING_MAGIC);
  record->sink.bound = bound;
  record->on = bound != 0 && prtc_sink_reserve(context, &record->sink, magic);
  if (!record->on) return;
  prtc_sink_append(&record->sink, PRTC_RECORDING_MAGIC, magic);
  PRTC_RECORD(context, begin, now, PRTC_STRING(prtc_version()), PRTC_BYTES(seed, 32), PRTC_SIGNED(wall_clock));
}

/* -------------------------------------------------------------------------------------------------------------- reading */

/* 1, 0 where the file ends, MALFORMED. */
static int get_number(struct prtc_recording_reader *reader, uint64_t *out) {
  *out = 0;
  for (unsigned i = 0; i < NUMBER_MAX; i++) {
    if (reader->position == reader->size) return 0;
    uint8_t byte = reader->data[reader->position++];
    *out |= (uint64_t)(byte & 127) << (7 * i);
    if (byte < 128) return i == NUMBER_MAX - 1 && byte > 1 ? PRTC_ERROR_MALFORMED : 1;
  }
  return PRTC_ERROR_MALFORMED;
}

static int get_value(struct prtc_recording_reader *reader, char kind, struct prtc_value *out) {
  *out = (struct prtc_value){.kind = kind};
  int result = get_number(reader, &out->number);
  if (result <= 0 || kind == 'n') return result;
  if (kind == 'i') {
    out->number = unzigzag(out->number);
    return 1;
  }
  if (out->number == 0) return 1;
  if (out->number - 1 > reader->size - reader->position) return 0;
  out->size = (size_t)(out->number - 1);
  out->data = reader->data + reader->position;
  reader->position += out->size;
  return 1;
}

int prtc_recording_read(struct prtc_recording_reader *reader, struct prtc_recording_entry *out) {
  uint64_t difference;
  size_t magic = strlen(PRTC_RECORDING_MAGIC);
  if (reader->position == 0) {
    if (reader->size < magic || memcmp(reader->data, PRTC_RECORDING_MAGIC, magic) != 0) return PRTC_ERROR_MALFORMED;
    reader->position = magic;
  }
  if (reader->position == reader->size) return 0;
  uint8_t number = reader->data[reader->position++];
  const char *signature = prtc_operation_signature(number);
  if (signature == NULL) return PRTC_ERROR_MALFORMED;
  int result = get_number(reader, &difference);
  if (result <= 0) return result;
  reader->last += unzigzag(difference);
  *out = (struct prtc_recording_entry){.operation = (enum prtc_operation)number, .time = reader->last, .count = strlen(signature)};
  for (size_t i = 0; result > 0 && i < out->count; i++) result = get_value(reader, signature[i], &out->values[i]);
  return result;
}

bool prtc_recording_address(const struct prtc_value *value, prtc_address *out) {
  struct prtc_reader reader = prtc_reader_of(value->data, value->size);
  memset(out, 0, sizeof *out);
  if (value->data == NULL) return true;
  out->family = prtc_read_u8(&reader);
  size_t size = out->family == PRTC_FAMILY_IPV4 ? 4 : 16;
  const uint8_t *ip = prtc_read_bytes(&reader, size);
  if (ip != NULL) memcpy(out->ip, ip, size);
  out->port = prtc_read_u16(&reader);
  out->scope = prtc_read_u32(&reader);
  return !reader.failed && prtc_reader_left(&reader) == 0;
}
