/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/base/bio.h"

#include <stddef.h>

static long control(BIO *bio, int command, long number, void *pointer) {
  (void)bio;
  (void)number;
  (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *prtc_bio_method_new(int (*read)(BIO *bio, char *out, int capacity),
                                int (*write)(BIO *bio, const char *data, int size)) {
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "polyrtc");
  if (method == NULL) return NULL;
  BIO_meth_set_read(method, read);
  BIO_meth_set_write(method, write);
  BIO_meth_set_ctrl(method, control);
  return method;
}
