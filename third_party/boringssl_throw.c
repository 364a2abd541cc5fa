/* std::__throw_out_of_range_fmt for BoringSSL, whose templates refer to it in what is never reached: with it, no library of C++ is
 * needed, also where the linker does not leave out what nobody calls (the static archive). Weak: where there is such a library, as
 * in the Node add-on, its own counts.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>

__attribute__((noreturn, weak, visibility("hidden"))) void _ZSt24__throw_out_of_range_fmtPKcz(const char *format, ...);

void _ZSt24__throw_out_of_range_fmtPKcz(const char *format, ...) {
  (void)format;
  abort();
}
