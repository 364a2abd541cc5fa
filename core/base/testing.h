/* The unit tests' few macros. Each test file is a program: it lists its tests in main with PRTC_RUN and returns
 * PRTC_TEST_RESULT(). A failed check prints place and values and fails the program at its end.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_TESTING_H
#define PRTC_BASE_TESTING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

#endif
