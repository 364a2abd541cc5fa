/* What other layers ask beyond polyrtc/dtls.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_DTLS_READING_H
#define PRTC_DTLS_READING_H

#include <stdbool.h>
#include <stddef.h>

#include <polyrtc/dtls.h>

/* Was it made by prtc_certificate_parse from this very text? Reading RSA keys again and again is slow. */
bool prtc_certificate_was_read_from(const prtc_certificate *certificate, const char *pem, size_t size);

/* As prtc_dtls_read, but the bytes stay where they are: borrowed until the next `receive`. */
int prtc_dtls_next(prtc_dtls *dtls, const uint8_t **bytes);

#endif
