/* Tests of RFC 4571's frames.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/framing.h"

#include <polyrtc/error.h>

#include "core/base/context.h"
#include "core/base/testing.h"

static struct prtc_context context;
static size_t allocations_left;

static void *allocate(void *unused, size_t size) {
  (void)unused;
  if (allocations_left == 0) return NULL;
  allocations_left--;
  return malloc(size);
}

static void *reallocate(void *unused, void *pointer, size_t size) {
  (void)unused;
  if (allocations_left == 0) return NULL;
  allocations_left--;
  return realloc(pointer, size);
}

static void release(void *unused, void *pointer) {
  (void)unused;
  free(pointer);
}

static void begin(struct prtc_framing *framing, size_t limit) {
  static const uint8_t seed[32] = {1};
  static const prtc_allocator allocator = {NULL, allocate, reallocate, release};
  allocations_left = SIZE_MAX;
  prtc_context_init(&context, seed, &allocator, 0);
  prtc_framing_init(framing, &context, limit);
}

static void end(struct prtc_framing *framing) {
  prtc_framing_clear(framing);
  prtc_context_clear(&context);
}

/* "3:abc " for a frame of three bytes; appended for each frame of the chunk. Returns what the last call did. */
static int feed(struct prtc_framing *framing, const void *bytes, size_t size, char *out, size_t capacity) {
  uint8_t *copy = malloc(size + 1); /* of the exact size: a sanitizer sees what is read beyond */
  PRTC_REQUIRE(copy != NULL);
  memcpy(copy, bytes, size);
  struct prtc_reader chunk = prtc_reader_of(copy, size);
  const uint8_t *frame;
  size_t length;
  int code;
  while ((code = prtc_framing_next(framing, &chunk, &frame, &length)) > 0) {
    size_t used = strlen(out);
    snprintf(out + used, capacity - used, "%zu:%.*s ", length, (int)length, (const char *)frame);
  }
  free(copy);
  return code;
}

static const char stream[] = "\0\3abc\0\0\0\1d\0\0\0\12" "0123456789\0\2ef";
#define STREAM_SIZE (sizeof stream - 1)

static void test_one_chunk(void) {
  struct prtc_framing framing;
  char seen[128] = "";
  begin(&framing, 1500);
  PRTC_CHECK_INT(feed(&framing, stream, STREAM_SIZE, seen, sizeof seen), 0);
  PRTC_CHECK_TEXT(seen, "3:abc 1:d 10:0123456789 2:ef ");
  PRTC_CHECK(framing.kept == NULL); /* nothing was copied */
  end(&framing);
}

/* Wherever the stream is cut in two or three, the same frames come out. */
static void test_every_cut(void) {
  for (size_t first = 0; first <= STREAM_SIZE; first++) {
    for (size_t second = first; second <= STREAM_SIZE; second++) {
      struct prtc_framing framing;
      char seen[128] = "";
      begin(&framing, 1500);
      PRTC_CHECK_INT(feed(&framing, stream, first, seen, sizeof seen), 0);
      PRTC_CHECK_INT(feed(&framing, stream + first, second - first, seen, sizeof seen), 0);
      PRTC_CHECK_INT(feed(&framing, stream + second, STREAM_SIZE - second, seen, sizeof seen), 0);
      PRTC_CHECK_TEXT(seen, "3:abc 1:d 10:0123456789 2:ef ");
      end(&framing);
    }
  }
}

static void test_byte_by_byte(void) {
  struct prtc_framing framing;
  char seen[128] = "";
  begin(&framing, 10);
  for (size_t i = 0; i < STREAM_SIZE; i++) PRTC_CHECK_INT(feed(&framing, stream + i, 1, seen, sizeof seen), 0);
  PRTC_CHECK_TEXT(seen, "3:abc 1:d 10:0123456789 2:ef ");
  PRTC_CHECK(framing.capacity <= 10);
  end(&framing);
}

static void test_limit(void) {
  struct prtc_framing framing;
  char seen[128] = "";
  begin(&framing, 9);
  PRTC_CHECK_INT(feed(&framing, stream, STREAM_SIZE, seen, sizeof seen), PRTC_ERROR_MALFORMED);
  PRTC_CHECK_TEXT(seen, "3:abc 1:d ");
  PRTC_CHECK_INT(feed(&framing, "\0\1a", 3, seen, sizeof seen), PRTC_ERROR_MALFORMED); /* for ever */
  PRTC_CHECK_TEXT(seen, "3:abc 1:d ");
  end(&framing);
  begin(&framing, 3);
  seen[0] = '\0';
  PRTC_CHECK_INT(feed(&framing, "\0\3abc", 5, seen, sizeof seen), 0);
  framing.limit = 10;
  PRTC_CHECK_INT(feed(&framing, "\0\12" "0123456789", 12, seen, sizeof seen), 0);
  PRTC_CHECK_TEXT(seen, "3:abc 10:0123456789 ");
  end(&framing);
}

static void test_no_memory(void) {
  struct prtc_framing framing;
  char seen[128] = "";
  begin(&framing, 1500);
  allocations_left = 0;
  PRTC_CHECK_INT(feed(&framing, "\0\3abc\0\3", 7, seen, sizeof seen), 0); /* a header is kept without */
  PRTC_CHECK_INT(feed(&framing, "d", 1, seen, sizeof seen), PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK_INT(feed(&framing, "ef", 2, seen, sizeof seen), PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK_TEXT(seen, "3:abc ");
  end(&framing);
}

static void test_largest(void) {
  struct prtc_framing framing;
  static uint8_t frame[PRTC_FRAME_HEADER + PRTC_FRAME_MOST];
  const uint8_t *out;
  size_t size;
  begin(&framing, PRTC_FRAME_MOST);
  prtc_frame_header(frame, PRTC_FRAME_MOST);
  struct prtc_reader chunk = prtc_reader_of(frame, 1000), rest = prtc_reader_of(frame + 1000, sizeof frame - 1000);
  PRTC_CHECK_INT(prtc_framing_next(&framing, &chunk, &out, &size), 0);
  PRTC_CHECK_INT(prtc_framing_next(&framing, &rest, &out, &size), 1);
  PRTC_CHECK_INT(size, PRTC_FRAME_MOST);
  PRTC_CHECK_INT(prtc_framing_next(&framing, &rest, &out, &size), 0);
  end(&framing);
}

static void test_writing(void) {
  uint8_t buffer[32] = "aaabbbccc";
  PRTC_CHECK_INT(prtc_frame_segments(buffer, 8, 3), 14);
  PRTC_CHECK(memcmp(buffer, "\0\3aaa\0\3bbb\0\2cc", 14) == 0);
  memcpy(buffer, "abcd", 4);
  PRTC_CHECK_INT(prtc_frame_segments(buffer, 4, 0), 6);
  PRTC_CHECK(memcmp(buffer, "\0\4abcd", 6) == 0);
  memcpy(buffer, "abcd", 4);
  PRTC_CHECK_INT(prtc_frame_segments(buffer, 4, 2), 8);
  PRTC_CHECK(memcmp(buffer, "\0\2ab\0\2cd", 8) == 0);
  PRTC_CHECK_INT(prtc_frame_segments(buffer, 0, 2), 0);
}

int main(void) {
  PRTC_RUN(test_one_chunk);
  PRTC_RUN(test_every_cut);
  PRTC_RUN(test_byte_by_byte);
  PRTC_RUN(test_limit);
  PRTC_RUN(test_no_memory);
  PRTC_RUN(test_largest);
  PRTC_RUN(test_writing);
  return PRTC_TEST_RESULT();
}
