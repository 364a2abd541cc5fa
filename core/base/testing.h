/* The unit tests' few macros, and an allocator that meters. Each test file is a program: it lists its tests in main with
 * PRTC_RUN and returns PRTC_TEST_RESULT(). A failed check prints place and values and fails the program at its end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_TESTING_H
#define PRTC_BASE_TESTING_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <polyrtc/error.h>
#include <polyrtc/types.h>

static int prtc_test_failures, prtc_test_count;

#define PRTC_CHECK(condition)                                                                    \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                    \
      prtc_test_failures++;                                                                      \
    }                                                                                            \
  } while (0)

#define PRTC_CHECK_INT(actual, expected)                                                         \
  do {                                                                                           \
    long long prtc_a = (long long)(actual), prtc_e = (long long)(expected);                      \
    if (prtc_a != prtc_e) {                                                                      \
      fprintf(stderr, "%s:%d: %s is %lld, expected %lld (%s)\n", __FILE__, __LINE__, #actual,    \
              prtc_a, prtc_e, #expected);                                                        \
      prtc_test_failures++;                                                                      \
    }                                                                                            \
  } while (0)

#define PRTC_CHECK_TEXT(actual, expected)                                                        \
  do {                                                                                           \
    const char *prtc_a = (actual), *prtc_e = (expected);                                         \
    if (strcmp(prtc_a, prtc_e) != 0) {                                                           \
      fprintf(stderr, "%s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #actual,     \
              prtc_a, prtc_e);                                                                   \
      prtc_test_failures++;                                                                      \
    }                                                                                            \
  } while (0)

/* A condition without which the rest of the test makes no sense. */
#define PRTC_REQUIRE(condition)                                                                  \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      fprintf(stderr, "%s:%d: required: %s\n", __FILE__, __LINE__, #condition);                  \
      exit(1);                                                                                   \
    }                                                                                            \
  } while (0)

#define PRTC_RUN(test)                                                                           \
  do {                                                                                           \
    int prtc_before = prtc_test_failures;                                                        \
    prtc_test_count++;                                                                           \
    test();                                                                                      \
    printf("%s %s\n", prtc_test_failures == prtc_before ? "ok  " : "FAIL", #test);               \
  } while (0)

#define PRTC_TEST_RESULT()                                                                       \
  (printf("%d tests, %d failed checks\n", prtc_test_count, prtc_test_failures), prtc_test_failures != 0)

/* Counts what is held, and has no more memory when it is told so. All zeroes but `left`. */
struct prtc_meter {
  long left;    /* allocations until one fails; -1: none does */
  bool once;    /* only that one fails */
  bool ran_out; /* one has failed */
  size_t refused_from, refused_to; /* sizes that are never given; 0: none */
  size_t blocks, bytes, most;      /* held now; the most bytes that ever were */
};

static inline bool prtc_meter_refuses(struct prtc_meter *meter, size_t size) {
  bool refuses = meter->left == 0 || (size >= meter->refused_from && size < meter->refused_to);
  meter->ran_out |= refuses;
  if (meter->left > 0) meter->left--;
  if (refuses && meter->once) meter->left = -1;
  return refuses;
}

union prtc_metered_block {
  size_t size;
  max_align_t align;
};

static inline void prtc_metered_release(void *context, void *pointer) {
  struct prtc_meter *meter = context;
  if (pointer == NULL) return;
  union prtc_metered_block *block = (union prtc_metered_block *)pointer - 1;
  meter->blocks--;
  meter->bytes -= block->size;
  free(block);
}

static inline void *prtc_metered_allocate(void *context, size_t size) {
  struct prtc_meter *meter = context;
  union prtc_metered_block *block = prtc_meter_refuses(meter, size) ? NULL : malloc(sizeof *block + size);
  if (block == NULL) return NULL;
  block->size = size;
  meter->blocks++;
  meter->bytes += size;
  if (meter->bytes > meter->most) meter->most = meter->bytes;
  return block + 1;
}

static inline void *prtc_metered_reallocate(void *context, void *pointer, size_t size) {
  void *block = prtc_metered_allocate(context, size);
  if (block == NULL || pointer == NULL) return block;
  size_t old = ((union prtc_metered_block *)pointer - 1)->size;
  memcpy(block, pointer, old < size ? old : size);
  prtc_metered_release(context, pointer);
  return block;
}

static inline prtc_allocator prtc_metered(struct prtc_meter *meter) {
  return (prtc_allocator){meter, prtc_metered_allocate, prtc_metered_reallocate, prtc_metered_release};
}

/* Does `work` with memory for no allocation, for one, for two, …, until it succeeds: each time before it has to say
 * NO_MEMORY, and to leave nothing behind. It returns a code, and gives back what it has made. Returns how often it had no
 * memory. */
static inline int prtc_run_out_of_memory(struct prtc_meter *meter, int (*work)(void *argument), void *argument) {
  size_t before = meter->blocks;
  for (int count = 0; count < 1000; count++) {
    meter->left = count;
    int code = work(argument);
    meter->left = -1;
    PRTC_CHECK_INT(meter->blocks, before);
    if (code >= 0) return count;
    PRTC_CHECK_INT(code, PRTC_ERROR_NO_MEMORY);
  }
  return 1000;
}

#endif
