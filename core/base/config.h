/* Structs that callers fill, of whatever version of the headers.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_CONFIG_H
#define PRTC_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

/* Copies a struct that begins with its size_t `size` to *out, of `known` bytes: members that the caller's header does not
 * have yet are zero. False when `given` is NULL, too small to have a size, or has something other than zero in members that
 * are not known here: what they ask for cannot be done. */
bool prtc_config_copy(void *out, size_t known, const void *given);

#endif
