/* ICE restart (RFC 8445 section 9), and taking it back while the other side has not answered (RFC 9429 section 4.1.10.2).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The selected path outlives both: it has credentials of its own. What else belongs to the generation before is kept aside
 * in `former` until the other side's new parameters come.
 */
#include <string.h>

#include "core/ice/internal.h"

/* ---------------------------------------------------------------------------------------------------------- credentials */

void prtc_ice_make_credentials(struct prtc_ice *ice, char ufrag[UFRAG_MOST + 1], char password[PASSWORD_MOST + 1]) {
  ufrag[UFRAG_SIZE] = password[PASSWORD_SIZE] = '\0';
  do {
    prtc_random_ice_chars(&ice->context->random, ufrag, UFRAG_SIZE);
  } while (ice->mux != NULL && prtc_mux_has_ufrag(ice->mux, ufrag)); /* it is how requests find us */
  prtc_random_ice_chars(&ice->context->random, password, PASSWORD_SIZE);
}

int prtc_ice_make_parameters(prtc_ice *ice, prtc_ice_parameters *out) {
  *out = (prtc_ice_parameters){0};
  prtc_ice_make_credentials(ice, out->ufrag, out->password);
  return 0;
}

static bool fits(const char *text, size_t least, size_t most) {
  const char *end = memchr(text, '\0', most + 1);
  return end != NULL && (size_t)(end - text) >= least && prtc_ice_is_chars(text, (size_t)(end - text));
}

bool prtc_ice_may_be_local(const char *ufrag, const char *password) {
  return fits(ufrag, 4, UFRAG_MOST) && fits(password, 22, PASSWORD_MOST);
}

/* ----------------------------------------------------------------------------------------------------------- the former */

void prtc_ice_forget_former(struct prtc_ice *ice) {
  prtc_ice_free_remotes(ice, &ice->former.remotes);
  prtc_ice_list_free(ice, &ice->former.locals);
  ice->former = (struct ice_former){0};
}

/* Pairs have been removed: nothing points to the candidates. */
static void keep_former(struct prtc_ice *ice, bool remote_ended, int failure) {
  ice->former = (struct ice_former){.valid = true,
                                    .credentials = ice->credentials,
                                    .remote_known = ice->remote_known,
                                    .remote_lite = ice->remote_lite,
                                    .remote_renominates = ice->remote_renominates,
                                    .remote_ended = remote_ended,
                                    .gathered = ice->gathered,
                                    .was_gathered = ice->was_gathered,
                                    .failure = failure,
                                    .locals = ice->locals,
                                    .remotes = ice->remotes};
  ice->locals = ice->remotes = (struct ice_list){0};
}

/* ---------------------------------------------------------------------------------------------------------- the restart */

static int restart(struct prtc_ice *ice, const prtc_ice_parameters *parameters) {
  /* Of the other side's parameters, those stay that are news since the last restart here: the answer to them is this
   * one. */
  bool keep = ice->remote_ahead, remote_ended = ice->remote_ended;
  int failure = ice->failure;
  prtc_ice_keep_working_pair(ice);
  prtc_ice_clear_generation(ice, true);
  if (!keep && !ice->former.valid) keep_former(ice, remote_ended, failure);
  prtc_ice_clear_generation(ice, keep);
  memcpy(ice->credentials.local_ufrag, parameters->ufrag, sizeof ice->credentials.local_ufrag);
  memcpy(ice->credentials.local_password, parameters->password, sizeof ice->credentials.local_password);
  prtc_queue_clear(&ice->early);
  prtc_ice_forget_transactions(ice, false);
  ice->remote_ahead = false;
  ice->patience = ice->lost_at = PRTC_NEVER;
  if (!keep) {
    ice->remote_known = false;
    memset(ice->credentials.remote_ufrag, 0, sizeof ice->credentials.remote_ufrag);
    memset(ice->credentials.remote_password, 0, sizeof ice->credentials.remote_password);
  } else if (!ice->path.valid) {
    ice->patience = ice->now + prtc_ice_patience(ice);
  }
  int code = prtc_ice_gather(ice);
  if (code == 0) code = prtc_ice_form_pairs(ice);
  prtc_ice_step(ice);
  return code;
}

int prtc_ice_restart(prtc_ice *ice, prtc_time now) {
  prtc_ice_parameters parameters;
  (void)prtc_ice_make_parameters(ice, &parameters);
  return prtc_ice_restart_with(ice, now, &parameters);
}

int prtc_ice_restart_with(prtc_ice *ice, prtc_time now, const prtc_ice_parameters *parameters) {
  if (!prtc_ice_may_be_local(parameters->ufrag, parameters->password)) return PRTC_ERROR_INVALID_ARGUMENT;
  prtc_ice_set_now(ice, now);
  return restart(ice, parameters);
}

/* ------------------------------------------------------------------------------------------------------- taking it back */

/* The path that is in use is of the generation that has come back: its pair is the selected one again. */
static void adopt_path(struct prtc_ice *ice) {
  struct ice_path *path = &ice->path;
  if (!path->valid || path->pair != NULL || !ice->remote_known) return;
  if (strcmp(path->credentials.local_ufrag, ice->credentials.local_ufrag) != 0 ||
      strcmp(path->credentials.remote_ufrag, ice->credentials.remote_ufrag) != 0) {
    return;
  }
  struct ice_pair *pair = prtc_ice_learn_pair(ice, path->socket, &path->remote, 0);
  if (pair == NULL) return; /* without memory it is found by checks, as after a restart */
  pair->state = PAIR_SUCCEEDED;
  pair->valid = pair->heard = pair->nominated = true;
  pair->nominated_at = ice->now;
  pair->local_type = path->local_type;
  pair->round_trip_time = path->round_trip_time;
  path->pair = pair;
}

int prtc_ice_take_back(prtc_ice *ice, prtc_time now) {
  struct ice_former former = ice->former;
  if (!former.valid) return PRTC_ERROR_INVALID_STATE;
  prtc_ice_set_now(ice, now);
  prtc_ice_clear_generation(ice, false);
  ice->former = (struct ice_former){.locals = ice->locals, .remotes = ice->remotes};
  prtc_ice_forget_former(ice);
  ice->credentials = former.credentials;
  ice->remote_known = former.remote_known;
  ice->remote_lite = former.remote_lite;
  ice->remote_renominates = former.remote_renominates;
  ice->remote_ended = former.remote_ended;
  ice->gathered = former.gathered;
  ice->was_gathered = former.was_gathered;
  ice->has_gathered = former.locals.count > 0;
  prtc_ice_forget_transactions(ice, true);
  ice->locals = former.locals;
  ice->remotes = former.remotes;
  ice->patience = ice->remote_known && !ice->path.valid ? ice->now + prtc_ice_patience(ice) : PRTC_NEVER;
  int code = prtc_ice_gather_on(ice);
  if (code == 0) code = prtc_ice_form_pairs(ice);
  adopt_path(ice);
  if (!ice->path.valid) ice->failure = former.failure;
  prtc_ice_step(ice);
  return code;
}
