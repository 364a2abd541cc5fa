/* A BIO of BoringSSL's whose bytes are in the caller's memory.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PRTC_BASE_BIO_H
#define PRTC_BASE_BIO_H

#include <openssl/bio.h>

/* Its methods: reading and writing as given, flushing always done, nothing else. NULL without memory. It must outlive the
 * BIOs made with it; BIO_meth_free frees it. */
BIO_METHOD *prtc_bio_method_new(int (*read)(BIO *bio, char *out, int capacity),
                                int (*write)(BIO *bio, const char *data, int size));

#endif
