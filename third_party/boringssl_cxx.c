/* What the headers of the C++ libraries leave to the libraries, for BoringSSL, so that it needs none when it runs: also where the
 * linker does not leave out what nobody calls (the static archive). Weak: where there is such a library, as in the Node add-on, its
 * own count.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdint.h>
#include <stdlib.h>

#define OF_A_CXX_LIBRARY __attribute__((weak, visibility("hidden")))

/* Never reached: std::__throw_out_of_range_fmt of libstdc++, std::__libcpp_verbose_abort of libc++. */
OF_A_CXX_LIBRARY void _ZSt24__throw_out_of_range_fmtPKcz(const char *format, ...);
OF_A_CXX_LIBRARY void _ZNSt3__122__libcpp_verbose_abortEPKcz(const char *format, ...);

void _ZSt24__throw_out_of_range_fmtPKcz(const char *format, ...) {
  (void)format;
  abort();
}

void _ZNSt3__122__libcpp_verbose_abortEPKcz(const char *format, ...) {
  (void)format;
  abort();
}

/* std::__sort<std::__less<uint16_t> &, uint16_t *> of libc++: what its std::sort comes to. */
OF_A_CXX_LIBRARY void _ZNSt3__16__sortIRNS_6__lessIttEEPtEEvT0_S5_T_(uint16_t *first, uint16_t *last, void *less);

static int compare(const void *left, const void *right) { return *(const uint16_t *)left - *(const uint16_t *)right; }

void _ZNSt3__16__sortIRNS_6__lessIttEEPtEEvT0_S5_T_(uint16_t *first, uint16_t *last, void *less) {
  (void)less;
  if (first != last) qsort(first, (size_t)(last - first), sizeof *first, compare);
}
