/* The system's trust anchors: the file of certificates that its TLS programs go by.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "drivers/common/driver.h"

/* More is no such file. */
enum { SIZE_MOST = 16 * 1024 * 1024 };

/* Where it is: Debian, Fedora, openSUSE, Alpine and the BSDs, macOS. */
static const char *const paths[] = {
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/etc/openssl/cert.pem",
};

/* 0, or an errno. */
static int read_file(const char *path, uint8_t **out, size_t *size) {
  FILE *file = fopen(path, "rbe");
  if (file == NULL) return errno;
  size_t capacity = 0;
  int error = 0;
  *out = NULL;
  *size = 0;
  while (error == 0) {
    capacity = capacity == 0 ? 256 * 1024 : capacity * 2;
    uint8_t *larger = capacity <= SIZE_MOST ? realloc(*out, capacity) : NULL;
    if (larger == NULL) {
      error = ENOMEM;
      break;
    }
    *out = larger;
    *size += fread(*out + *size, 1, capacity - *size, file);
    if (ferror(file)) error = EIO;
    if (*size < capacity) break;
  }
  (void)fclose(file);
  if (error != 0) {
    free(*out);
    *out = NULL;
  }
  return error;
}

int prtc_trust_read(uint8_t **out, size_t *size) {
  const char *chosen = getenv("SSL_CERT_FILE"); /* as OpenSSL has it */
  if (chosen != NULL && chosen[0] != '\0') return read_file(chosen, out, size);
  int error = ENOENT;
  for (size_t i = 0; i < sizeof paths / sizeof paths[0] && error != 0; i++) error = read_file(paths[i], out, size);
  return error;
}
