/* Reading and writing wire formats: cursors that cannot run over. A read or write beyond the end sets `failed` and gives
 * zeros; check once, at the end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_BYTES_H
#define PRTC_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct prtc_reader {
  const uint8_t *data;
  size_t size, position;
  bool failed;
};

static inline struct prtc_reader prtc_reader_of(const void *data, size_t size) {
  return (struct prtc_reader){.data = data, .size = size};
}
static inline size_t prtc_reader_left(const struct prtc_reader *reader) {
  return reader->failed ? 0 : reader->size - reader->position;
}
/* Borrowed bytes, or NULL. */
static inline const uint8_t *prtc_read_bytes(struct prtc_reader *reader, size_t size) {
  if (reader->failed || reader->size - reader->position < size) {
    reader->failed = true;
    return NULL;
  }
  const uint8_t *bytes = reader->data + reader->position;
  reader->position += size;
  return bytes;
}
static inline uint64_t prtc_read_integer(struct prtc_reader *reader, size_t bytes) {
  const uint8_t *p = prtc_read_bytes(reader, bytes);
  uint64_t value = 0;
  for (size_t i = 0; p != NULL && i < bytes; i++) value = value << 8 | p[i];
  return value;
}
static inline uint8_t prtc_read_u8(struct prtc_reader *reader) { return (uint8_t)prtc_read_integer(reader, 1); }
static inline uint16_t prtc_read_u16(struct prtc_reader *reader) { return (uint16_t)prtc_read_integer(reader, 2); }
static inline uint32_t prtc_read_u32(struct prtc_reader *reader) { return (uint32_t)prtc_read_integer(reader, 4); }

struct prtc_writer {
  uint8_t *data;
  size_t capacity, size;
  bool failed;
};

static inline struct prtc_writer prtc_writer_of(void *data, size_t capacity) {
  return (struct prtc_writer){.data = data, .capacity = capacity};
}
static inline void prtc_write_bytes(struct prtc_writer *writer, const void *bytes, size_t size) {
  if (writer->failed || writer->capacity - writer->size < size) {
    writer->failed = true;
    return;
  }
  if (size > 0) memcpy(writer->data + writer->size, bytes, size);
  writer->size += size;
}
static inline void prtc_write_integer(struct prtc_writer *writer, uint64_t value, size_t bytes) {
  uint8_t big_endian[8];
  for (size_t i = 0; i < bytes; i++) big_endian[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
  prtc_write_bytes(writer, big_endian, bytes);
}
static inline void prtc_write_u8(struct prtc_writer *writer, uint8_t value) { prtc_write_integer(writer, value, 1); }
static inline void prtc_write_u16(struct prtc_writer *writer, uint16_t value) { prtc_write_integer(writer, value, 2); }
static inline void prtc_write_u32(struct prtc_writer *writer, uint32_t value) { prtc_write_integer(writer, value, 4); }

#endif
