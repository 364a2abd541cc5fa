/* Any text as PEM: what is taken for a certificate with its key is usable, and reads the same when it is written out.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdlib.h>
#include <string.h>

#include <polyrtc/dtls.h>

static void require(int condition) {
  if (!condition) abort();
}

static void check(prtc_context *context, prtc_certificate *certificate) {
  static char pem[PRTC_CERTIFICATE_PEM_SIZE];
  static uint8_t der[2][PRTC_CERTIFICATE_PEM_SIZE];
  prtc_certificate *again = NULL;
  prtc_fingerprint fingerprint;
  const prtc_dtls_config config = {.size = sizeof config, .certificate = certificate};
  int printed = prtc_certificate_print(certificate, pem, sizeof pem);
  int size = prtc_certificate_get_der(certificate, der[0], sizeof der[0]);
  require(printed > 0 && size > 0);
  require(prtc_certificate_parse(context, pem, (size_t)printed, &again) == PRTC_OK);
  require(prtc_certificate_get_der(again, der[1], sizeof der[1]) == size && memcmp(der[0], der[1], (size_t)size) == 0);
  require(prtc_certificate_get_expires(again) == prtc_certificate_get_expires(certificate));
  require(prtc_certificate_get_fingerprint(certificate, "sha-256", &fingerprint) == PRTC_OK);
  prtc_dtls *dtls = prtc_dtls_new(context, &config);
  require(dtls != NULL && prtc_dtls_start(dtls, 0, PRTC_DTLS_ROLE_CLIENT) == PRTC_OK);
  prtc_dtls_free(dtls);
  prtc_certificate_release(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  prtc_context_config config;
  prtc_certificate *certificate = NULL;
  PRTC_INIT(&config);
  prtc_context *context = prtc_context_new(&config);
  require(context != NULL);
  int code = prtc_certificate_parse(context, (const char *)data, size, &certificate);
  if (code == PRTC_OK) {
    check(context, certificate);
    prtc_certificate_release(certificate);
  } else {
    require(certificate == NULL);
    require(code == PRTC_ERROR_SYNTAX || code == PRTC_ERROR_INVALID_ARGUMENT || code == PRTC_ERROR_NOT_SUPPORTED);
  }
  prtc_context_free(context);
  return 0;
}
