// Package allocated tells tests how much of C's memory is in use, by the allocator's own count: the engine's, BoringSSL's, all of it.
//
// SPDX-License-Identifier: BSD-3-Clause
package allocated

/*
#include <malloc.h>

static size_t in_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}
*/
import "C"

// Bytes in use.
func Bytes() int { return int(C.in_use()) }
