/* The DTLS object with a friendly other side: roles, certificates, fingerprints, data, closing, time.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/dtls.h>

#include "core/dtls/pair_test.h"

static struct pair pair;

static void connects_and_carries_data(void) {
  pair_init(&pair, 1);
  pair_start(&pair);
  pair_run(&pair, 1000000);
  pair_check_works(&pair);
  PRTC_CHECK_INT(prtc_dtls_get_role(pair.sides[0].dtls), PRTC_DTLS_ROLE_CLIENT);
  PRTC_CHECK_INT(prtc_dtls_get_role(pair.sides[1].dtls), PRTC_DTLS_ROLE_SERVER);
  PRTC_CHECK_INT(prtc_dtls_overhead(pair.sides[0].dtls), 37);
  PRTC_CHECK(prtc_dtls_deadline(pair.sides[0].dtls) == PRTC_NEVER);
  PRTC_CHECK(prtc_dtls_deadline(pair.sides[1].dtls) == PRTC_NEVER);
  PRTC_CHECK_INT(pair.sides[0].sent, 2); /* ClientHello; Certificate to Finished */
  PRTC_CHECK_INT(pair.sides[1].sent, 2);
  pair_clear(&pair);
}

int main(void) {
  PRTC_RUN(connects_and_carries_data);
  return PRTC_TEST_RESULT();
}
