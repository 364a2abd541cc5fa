/* Whose is a datagram on a shared socket?
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include <polyrtc/ice.h>

#include "core/base/context.h"
#include "core/base/testing.h"
#include "core/ice/mux.h"
#include "core/stun/message.h"

static prtc_context *context;
static struct prtc_mux mux;
static int alice, bob; /* owners: their addresses count */

static const prtc_address far = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 7}, .port = 4000};
static const prtc_address farther = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 8}, .port = 4000};

static void open_mux(void) {
  prtc_context_config config;
  PRTC_INIT(&config);
  context = prtc_context_new(&config);
  PRTC_REQUIRE(context != NULL && prtc_mux_init(&mux, context) == 0);
}

static void close_mux(void) {
  prtc_mux_clear(&mux);
  prtc_context_free(context);
}

static void *find(const void *data, size_t size, prtc_socket_id socket, const prtc_address *remote) {
  const prtc_datagram datagram = {.socket = socket, .remote = *remote, .data = data, .size = size};
  return prtc_mux_find(&mux, &datagram);
}

static void *find_stun(enum prtc_stun_class message_class, const char *username, const uint8_t id[12]) {
  uint8_t buffer[600];
  struct prtc_stun_writer writer;
  prtc_stun_begin(&writer, buffer, sizeof buffer, message_class, PRTC_STUN_METHOD_BINDING, id);
  prtc_stun_add(&writer, PRTC_STUN_SOFTWARE, "odd", 3);
  if (username != NULL) prtc_stun_add(&writer, PRTC_STUN_USERNAME, username, strlen(username));
  struct prtc_context *previous = prtc_enter(context);
  int size = prtc_stun_finish(&writer, NULL, 0);
  prtc_leave(previous);
  PRTC_REQUIRE(size > 0);
  for (size_t cut = 0; cut < (size_t)size; cut++) (void)find(buffer, cut, 1, &far); /* what is cut off does no harm */
  return find(buffer, (size_t)size, 1, &far);
}

static void requests_by_ufrag(void) {
  struct prtc_mux_entry first = {0}, second = {0};
  const uint8_t id[12] = {1};
  open_mux();
  prtc_mux_add_ufrag(&mux, &first, &alice, "alicefrag");
  prtc_mux_add_ufrag(&mux, &second, &bob, "bobf");
  PRTC_CHECK(prtc_mux_has_ufrag(&mux, "bobf") && !prtc_mux_has_ufrag(&mux, "bob"));
  PRTC_CHECK(find_stun(PRTC_STUN_REQUEST, "alicefrag:whoever", id) == &alice);
  PRTC_CHECK(find_stun(PRTC_STUN_REQUEST, "bobf:", id) == &bob);
  static const char *const strangers[] = {"bob:x", "bobfx:x", "bobf", ":bobf", "", "x:bobf",
                                          "a_name_that_is_longer_than_any_ufrag_of_ours_is:x"};
  for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
    PRTC_CHECK(find_stun(PRTC_STUN_REQUEST, strangers[i], id) == NULL);
  }
  PRTC_CHECK(find_stun(PRTC_STUN_REQUEST, NULL, id) == NULL);
  prtc_mux_remove(&mux, &second);
  PRTC_CHECK(find_stun(PRTC_STUN_REQUEST, "bobf:", id) == NULL);
  close_mux();
}

static void responses_by_transaction(void) {
  struct prtc_mux_entry first = {0}, second = {0};
  const uint8_t ids[3][12] = {{1, 2, 3}, {[11] = 9}, {7}};
  open_mux();
  prtc_mux_add_transaction(&mux, &first, &alice, ids[0]);
  prtc_mux_add_transaction(&mux, &second, &bob, ids[1]);
  PRTC_CHECK(find_stun(PRTC_STUN_SUCCESS, NULL, ids[0]) == &alice);
  PRTC_CHECK(find_stun(PRTC_STUN_ERROR, "alice:x", ids[1]) == &bob);
  PRTC_CHECK(find_stun(PRTC_STUN_SUCCESS, NULL, ids[2]) == NULL);
  PRTC_CHECK(find_stun(PRTC_STUN_INDICATION, NULL, ids[0]) == NULL); /* by its path */
  close_mux();
}

static void the_rest_by_path(void) {
  struct prtc_mux_entry first = {0}, second = {0};
  const uint8_t dtls[] = {22, 254, 253, 0}, not_stun[] = {0, 1, 0, 0, 1, 2, 3, 4};
  prtc_address far_6 = {.family = PRTC_FAMILY_IPV6, .ip = {192, 0, 2, 7}, .port = 4000};
  open_mux();
  PRTC_CHECK(prtc_mux_claim(&mux, &first, &alice, 1, &far, PRTC_MUX_HEARD, true));
  PRTC_CHECK(prtc_mux_claim(&mux, &second, &bob, 2, &far, PRTC_MUX_VALID, true));
  PRTC_CHECK(find(dtls, sizeof dtls, 1, &far) == &alice);
  PRTC_CHECK(find(dtls, sizeof dtls, 2, &far) == &bob);
  PRTC_CHECK(find(dtls, sizeof dtls, 3, &far) == NULL);
  PRTC_CHECK(find(dtls, sizeof dtls, 1, &farther) == NULL);
  PRTC_CHECK(find(dtls, sizeof dtls, 1, &far_6) == NULL);
  PRTC_CHECK(find(not_stun, sizeof not_stun, 1, &far) == NULL); /* first bytes of STUN, but not its cookie */
  PRTC_CHECK(find(NULL, 0, 1, &far) == &alice);
  far_6.scope = 3;
  PRTC_CHECK(prtc_mux_claim(&mux, &first, &alice, 1, &far_6, PRTC_MUX_HEARD, true)); /* instead of the former */
  far_6.scope = 0;
  PRTC_CHECK(find(dtls, sizeof dtls, 1, &far_6) == &alice);
  PRTC_CHECK(find(dtls, sizeof dtls, 1, &far) == NULL);
  close_mux();
}

static void who_has_proved_more_has_the_path(void) {
  open_mux();
  for (int theirs = PRTC_MUX_HEARD; theirs <= PRTC_MUX_SELECTED; theirs++) {
    for (int ours = PRTC_MUX_HEARD; ours <= PRTC_MUX_SELECTED; ours++) {
      for (int now = 0; now < 2; now++) {
        struct prtc_mux_entry first = {0}, again = {0}, second = {0};
        bool wins = ours > theirs || (ours == theirs && now != 0 && ours != PRTC_MUX_SELECTED);
        PRTC_CHECK(prtc_mux_claim(&mux, &first, &alice, 1, &far, (enum prtc_mux_claim)theirs, true));
        PRTC_CHECK(prtc_mux_claim(&mux, &again, &alice, 1, &far, PRTC_MUX_HEARD, true)); /* one's own are no rivals */
        PRTC_CHECK(prtc_mux_claim(&mux, &second, &bob, 1, &far, (enum prtc_mux_claim)ours, now != 0) == wins);
        PRTC_CHECK(prtc_mux_find_path(&mux, 1, &far) == (wins ? &bob : &alice));
        PRTC_CHECK(prtc_mux_is_taken(&mux, &bob, 1, &far) == (!wins && theirs == PRTC_MUX_SELECTED));
        PRTC_CHECK((first.claim == PRTC_MUX_NONE) == wins && (again.claim == PRTC_MUX_NONE) == wins);
        prtc_mux_remove(&mux, &first);
        prtc_mux_remove(&mux, &again);
        prtc_mux_remove(&mux, &second);
        PRTC_CHECK(prtc_mux_find_path(&mux, 1, &far) == NULL);
      }
    }
  }
  close_mux();
}

/* The same seed makes the same ufrags, so the second agent is given another than it would have had. */
static void ufrags_differ(void) {
  prtc_ice_config config;
  prtc_ice_parameters parameters[2], next;
  prtc_context_config same;
  open_mux();
  PRTC_INIT(&config);
  PRTC_INIT(&same);
  same.seed[0] = 1;
  prtc_context *contexts[2];
  prtc_ice *agents[2];
  for (int i = 0; i < 2; i++) {
    contexts[i] = prtc_context_new(&same);
    agents[i] = prtc_ice_new(contexts[i], &config);
    PRTC_REQUIRE(agents[i] != NULL);
    prtc_ice_get_local_parameters(agents[i], &parameters[i]);
  }
  PRTC_CHECK_TEXT(parameters[0].ufrag, parameters[1].ufrag);
  prtc_ice_join(agents[0], &mux, &alice);
  prtc_ice_join(agents[1], &mux, &bob);
  for (int i = 0; i < 2; i++) prtc_ice_get_local_parameters(agents[i], &parameters[i]);
  PRTC_CHECK(strcmp(parameters[0].ufrag, parameters[1].ufrag) != 0);
  PRTC_CHECK(prtc_mux_has_ufrag(&mux, parameters[0].ufrag) && prtc_mux_has_ufrag(&mux, parameters[1].ufrag));
  PRTC_CHECK_INT(prtc_ice_make_parameters(agents[0], &next), 0);
  PRTC_CHECK(!prtc_mux_has_ufrag(&mux, next.ufrag));
  PRTC_CHECK_INT(prtc_ice_restart_with(agents[0], 1, &next), 0);
  PRTC_CHECK(prtc_mux_has_ufrag(&mux, next.ufrag)); /* and the former, which the other side may still use */
  PRTC_CHECK(prtc_mux_has_ufrag(&mux, parameters[0].ufrag));
  prtc_ice_free(agents[0]);
  PRTC_CHECK(!prtc_mux_has_ufrag(&mux, next.ufrag) && !prtc_mux_has_ufrag(&mux, parameters[0].ufrag));
  prtc_ice_leave(agents[1]);
  PRTC_CHECK_INT(mux.table.count, 0);
  prtc_ice_free(agents[1]);
  for (int i = 0; i < 2; i++) prtc_context_free(contexts[i]);
  close_mux();
}

int main(void) {
  PRTC_RUN(requests_by_ufrag);
  PRTC_RUN(responses_by_transaction);
  PRTC_RUN(the_rest_by_path);
  PRTC_RUN(who_has_proved_more_has_the_path);
  PRTC_RUN(ufrags_differ);
  return PRTC_TEST_RESULT();
}
