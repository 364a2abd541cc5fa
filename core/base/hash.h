/* A keyed hash, SipHash-2-4 (Aumasson and Bernstein, 2012): for tables whose keys a remote has a hand in. Who does not know
 * the key cannot choose values that collide.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_HASH_H
#define PRTC_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t prtc_hash(const uint64_t key[2], const void *data, size_t size);

#endif
