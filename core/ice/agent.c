/* The ICE agent: its life, parameters, verbs, states.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/base/config.h"
#include "core/base/text.h"
#include "core/ice/internal.h"

/* ------------------------------------------------------------------------------------------------------------- life */

static uint32_t value_or(uint32_t value, uint32_t fallback) { return value != 0 ? value : fallback; }

static bool read_config(prtc_ice_config *out, const prtc_ice_config *in) {
  if (!prtc_config_copy(out, sizeof *out, in)) return false;
  out->ta = value_or(out->ta, DEFAULT_TA);
  out->initial_rto = value_or(out->initial_rto, 500 * 1000);
  out->max_transmissions = value_or(out->max_transmissions, 7);
  out->consent_interval = value_or(out->consent_interval, 5000 * 1000);
  out->consent_timeout = value_or(out->consent_timeout, 30000 * 1000);
  out->disconnect_timeout = value_or(out->disconnect_timeout, 7000 * 1000);
  if ((out->ufrag == NULL) != (out->password == NULL)) return false;
  if (out->ufrag != NULL && !prtc_ice_may_be_local(out->ufrag, out->password)) return false;
  return out->max_transmissions <= 32 && out->ta >= MILLISECONDS(5);
}

prtc_ice *prtc_ice_new(prtc_context *context, const prtc_ice_config *config) {
  prtc_ice_config complete;
  if (context == NULL || config == NULL || !read_config(&complete, config)) return NULL;
  struct prtc_ice *ice = prtc_allocate(context, sizeof *ice);
  if (ice == NULL) return NULL;
  ice->context = context;
  ice->config = complete;
  ice->ta = complete.ta > DEFAULT_TA ? complete.ta : DEFAULT_TA; /* until the other side has said what it takes */
  ice->controlling = complete.controlling != 0 && complete.lite == 0;
  ice->tie_breaker = prtc_random_u64(&context->random);
  ice->lost_at = ice->deadline = ice->nomination = ice->nomination_due = ice->patience = PRTC_NEVER;
  prtc_queue_init(&ice->early, context, sizeof(struct ice_early), MAX_EARLY);
  prtc_queue_init(&ice->responses, context, sizeof(struct ice_response), MAX_RESPONSES);
  prtc_queue_init(&ice->events, context, sizeof(struct ice_event), MAX_EVENTS);
  prtc_queue_init(&ice->disconnects, context, sizeof(prtc_socket_id), 0);
  prtc_ice_make_credentials(ice, ice->credentials.local_ufrag, ice->credentials.local_password);
  if (complete.ufrag != NULL) {
    snprintf(ice->credentials.local_ufrag, sizeof ice->credentials.local_ufrag, "%s", complete.ufrag);
    snprintf(ice->credentials.local_password, sizeof ice->credentials.local_password, "%s", complete.password);
    ice->config.ufrag = ice->config.password = NULL; /* the caller's, who may free them */
  }
  return ice;
}

void prtc_ice_free(prtc_ice *ice) {
  if (ice == NULL) return;
  prtc_ice_leave(ice);
  prtc_ice_clear_generation(ice, false);
  prtc_ice_forget_former(ice);
  prtc_ice_list_free(ice, &ice->transactions);
  prtc_ice_list_free(ice, &ice->pairs);
  prtc_ice_list_free(ice, &ice->remotes);
  prtc_ice_list_free(ice, &ice->locals);
  prtc_ice_list_free(ice, &ice->connections);
  prtc_ice_list_free(ice, &ice->sockets);
  prtc_queue_clear(&ice->disconnects);
  prtc_queue_clear(&ice->early);
  prtc_queue_clear(&ice->responses);
  prtc_queue_clear(&ice->events);
  prtc_release(ice->context, ice->mappings);
  prtc_release(ice->context, ice);
}

/* ------------------------------------------------------------------------------------------------------- parameters */

int prtc_ice_get_local_parameters(const prtc_ice *ice, prtc_ice_parameters *out) {
  memset(out, 0, sizeof *out);
  memcpy(out->ufrag, ice->credentials.local_ufrag, sizeof ice->credentials.local_ufrag);
  memcpy(out->password, ice->credentials.local_password, sizeof ice->credentials.local_password);
  out->lite = ice->config.lite != 0;
  out->renomination = ice->config.renomination != 0;
  out->pacing = ice->config.ta / 1000;
  return 0;
}

static bool is_parameter(const char *text, size_t capacity, size_t least) {
  const char *end = memchr(text, '\0', capacity);
  return end != NULL && (size_t)(end - text) >= least && prtc_ice_is_chars(text, (size_t)(end - text));
}

int prtc_ice_check_parameters(const prtc_ice_parameters *parameters) {
  bool good = is_parameter(parameters->ufrag, sizeof parameters->ufrag, 4) &&
              is_parameter(parameters->password, sizeof parameters->password, 22) &&
              parameters->pacing <= PRTC_ICE_PACING_MOST;
  return good ? PRTC_OK : PRTC_ERROR_SYNTAX;
}

int prtc_ice_set_remote_parameters(prtc_ice *ice, prtc_time now, const prtc_ice_parameters *parameters) {
  struct ice_credentials *credentials = &ice->credentials;
  prtc_ice_set_now(ice, now);
  if (prtc_ice_check_parameters(parameters) < 0) return PRTC_ERROR_SYNTAX;
  if (parameters->lite != 0 && ice->config.lite != 0) return PRTC_ERROR_NOT_SUPPORTED;
  bool same = strcmp(parameters->ufrag, credentials->remote_ufrag) == 0 &&
              strcmp(parameters->password, credentials->remote_password) == 0;
  if (ice->remote_known && same) return 0;
  prtc_ice_forget_former(ice); /* the restart has its answer */
  if (ice->remote_known) { /* the other side restarts */
    prtc_ice_keep_working_pair(ice);
    prtc_ice_clear_generation(ice, false);
    ice->remote_ahead = true;
    ice->lost_at = PRTC_NEVER;
  }
  memcpy(credentials->remote_ufrag, parameters->ufrag, sizeof credentials->remote_ufrag);
  memcpy(credentials->remote_password, parameters->password, sizeof credentials->remote_password);
  ice->remote_known = true;
  ice->failure = 0;
  ice->remote_lite = parameters->lite != 0;
  ice->remote_renominates = ice->config.renomination != 0 && parameters->renomination != 0;
  prtc_time theirs = parameters->pacing != 0 ? MILLISECONDS(parameters->pacing) : DEFAULT_TA;
  ice->ta = theirs > ice->config.ta ? theirs : ice->config.ta; /* RFC 8445 section 14.2: the larger counts */
  if (ice->remote_lite) prtc_ice_set_role(ice, true); /* RFC 8445 section 6.1.1 */
  /* RFC 8863: a connection has, at the least, as long as one check takes to fail */
  if (!ice->path.valid) ice->patience = ice->now + prtc_ice_patience(ice);
  prtc_ice_drop_other_remotes(ice);
  int code = prtc_ice_form_pairs(ice);
  prtc_ice_replay_early(ice);
  prtc_ice_step(ice);
  return code;
}

int prtc_ice_set_controlling(prtc_ice *ice, prtc_time now, int controlling) {
  prtc_ice_set_now(ice, now);
  /* RFC 8445 section 6.1.1: a lite side never controls a full one */
  prtc_ice_set_role(ice, (controlling != 0 && ice->config.lite == 0) || ice->remote_lite);
  prtc_ice_step(ice);
  return 0;
}

int prtc_ice_end_of_remote_candidates(prtc_ice *ice, prtc_time now) {
  prtc_ice_set_now(ice, now);
  ice->remote_ended = true;
  prtc_ice_step(ice);
  return 0;
}

/* ----------------------------------------------------------------------------------------------------------- events */

void prtc_ice_push_event(struct prtc_ice *ice, const struct ice_event *event) {
  if (ice->events.count == MAX_EVENTS) prtc_queue_pop(&ice->events, NULL);
  if (prtc_queue_push(&ice->events, event) < 0) ice->event_lost = true;
}

static void fill_candidate(prtc_candidate *out, const struct ice_event *event) {
  struct prtc_text foundation = prtc_text_of(out->foundation, sizeof out->foundation);
  prtc_text_print(&foundation, "%u", event->local.foundation);
  out->component = 1;
  out->protocol = event->tcp_type != PRTC_TCP_NONE ? PRTC_PROTOCOL_TCP : PRTC_PROTOCOL_UDP;
  out->tcp_type = event->tcp_type;
  out->priority = event->local.priority;
  out->type = event->local.type;
  out->address = event->local.address;
  if (event->local.type != PRTC_CANDIDATE_HOST) out->related = event->base;
  out->server = event->local.server;
  out->relay_protocol = event->relay_protocol;
  memcpy(out->ufrag, event->ufrag, sizeof event->ufrag);
}

int prtc_ice_event_next(prtc_ice *ice, prtc_ice_event *out) {
  struct ice_event event;
  if (!prtc_queue_pop(&ice->events, &event)) {
    bool lost = ice->event_lost;
    ice->event_lost = false;
    return lost ? PRTC_ERROR_NO_MEMORY : 0;
  }
  memset(out, 0, sizeof *out);
  out->type = event.type;
  out->state = event.state;
  out->code = event.code;
  if (event.type == PRTC_ICE_EVENT_CANDIDATE || event.type == PRTC_ICE_EVENT_CANDIDATE_WITHDRAWN) {
    fill_candidate(&out->candidate, &event);
  }
  if (event.type == PRTC_ICE_EVENT_SERVER_FAILED) {
    out->candidate.address = event.local.server;
    out->candidate.related = event.base;
  }
  if (event.type == PRTC_ICE_EVENT_FAILED) memcpy(out->text, ice->failure_text, sizeof out->text);
  return 1;
}

/* -------------------------------------------------------------------------------------------------- states, failure */

void prtc_ice_fail(struct prtc_ice *ice, int code) {
  prtc_ice_explain(ice, code);
  PRTC_LOG(ice->context, PRTC_LOG_WARNING, "ice", "failed: %s", ice->failure_text);
  ice->failure = code;
  ice->patience = ice->lost_at = PRTC_NEVER;
  prtc_ice_stop_checks(ice);
  prtc_ice_push_event(ice, &(struct ice_event){.type = PRTC_ICE_EVENT_FAILED, .code = code});
}

/* Nothing is selected and nothing is left to try: has it been long enough? With end-of-candidates from both sides, when
 * the patience of RFC 8863 ends (a check of the other side may show a candidate until then, also when there was no pair
 * at all); else after twice that time, for those who never say that they are complete. At once when there has not been a
 * local candidate (W3C section 5.6.4): nothing can come. */
static prtc_time give_up_at(const struct prtc_ice *ice) {
  if (ice->path.valid || ice->failure != 0 || ice->patience == PRTC_NEVER) return PRTC_NEVER;
  if (prtc_ice_has_unfinished_pair(ice)) return PRTC_NEVER;
  if (ice->gathered && !ice->has_gathered) return ice->now;
  return ice->gathered && ice->remote_ended ? ice->patience : ice->patience + prtc_ice_patience(ice);
}

/* The best pair that works, while none is selected. */
static struct ice_pair *working_pair(const struct prtc_ice *ice) {
  struct ice_pair *best = NULL;
  for (size_t i = 0; i < ice->pairs.count && ice->failure == 0; i++) {
    struct ice_pair *pair = ice->pairs.items[i];
    bool works = pair->valid && pair->state != PAIR_FAILED;
    if (works && (best == NULL || pair->priority > best->priority)) best = pair;
  }
  return best;
}

/* What data goes over is the selected pair for the application, also before one is nominated (RFC 8445 section 12.1). */
static void tell_working_pair(struct prtc_ice *ice) {
  const struct ice_pair *pair = ice->path.valid ? NULL : working_pair(ice);
  uint32_t id = pair != NULL ? pair->stats.id : 0;
  if (id == ice->told_pair) return;
  ice->told_pair = id;
  if (id != 0) prtc_ice_push_event(ice, &(struct ice_event){.type = PRTC_ICE_EVENT_SELECTED_PAIR});
}

void prtc_ice_keep_working_pair(struct prtc_ice *ice) {
  struct ice_pair *pair = ice->path.valid ? NULL : working_pair(ice);
  if (pair != NULL) prtc_ice_select(ice, pair);
}

static bool has_run_dry(const struct prtc_ice *ice) {
  return ice->patience <= ice->now && ice->pairs.count > 0 && !prtc_ice_has_unfinished_pair(ice);
}

/* Until when a pair that is gone is hoped to be followed by another: the state stays as it was. */
static prtc_time lost_until(const struct prtc_ice *ice) {
  return ice->lost_at == PRTC_NEVER ? PRTC_NEVER : ice->lost_at + ice->config.disconnect_timeout;
}

/* RTCIceTransportState, W3C WebRTC 1.0 section 5.6.3 */
static prtc_ice_transport_state derive_state(const struct prtc_ice *ice) {
  const struct ice_path *path = &ice->path;
  if (ice->failure != 0) return PRTC_ICE_TRANSPORT_FAILED;
  if (path->valid && path->disconnected) {
    return path->pair != NULL ? PRTC_ICE_TRANSPORT_DISCONNECTED : PRTC_ICE_TRANSPORT_CHECKING; /* restarted since */
  }
  bool held = !path->valid && ice->lost_at != PRTC_NEVER;
  if (held && lost_until(ice) <= ice->now) return PRTC_ICE_TRANSPORT_DISCONNECTED;
  if (path->valid || held) {
    bool complete = (path->pair != NULL || held) && ice->was_gathered && ice->remote_ended;
    return complete ? PRTC_ICE_TRANSPORT_COMPLETED : PRTC_ICE_TRANSPORT_CONNECTED;
  }
  /* "Has found a usable connection, but is still checking other candidate pairs": it need not be nominated yet */
  if (working_pair(ice) != NULL) return PRTC_ICE_TRANSPORT_CONNECTED;
  if (has_run_dry(ice)) return PRTC_ICE_TRANSPORT_DISCONNECTED;
  if (ice->pairs.count > 0 || ice->state != PRTC_ICE_TRANSPORT_NEW) return PRTC_ICE_TRANSPORT_CHECKING;
  /* W3C section 5.6.4: "new", remote candidates received: "checking". Also when none of them makes a pair, being of another
   * family, or having a name that is not known yet: checks of the other side are waited for. */
  return ice->gathered && (ice->remotes.count > 0 || ice->remote_named) ? PRTC_ICE_TRANSPORT_CHECKING
                                                                        : PRTC_ICE_TRANSPORT_NEW;
}

static void update_state(struct prtc_ice *ice) {
  prtc_ice_transport_state state = derive_state(ice);
  if (state == ice->state) return;
  /* W3C section 5.6.4 has no other way there: candidates were waited for, and none came */
  if (ice->state == PRTC_ICE_TRANSPORT_NEW && state == PRTC_ICE_TRANSPORT_FAILED) {
    prtc_ice_push_event(ice, &(struct ice_event){.type = PRTC_ICE_EVENT_STATE, .state = PRTC_ICE_TRANSPORT_CHECKING});
  }
  static const char *const names[] = {"new", "checking", "connected", "completed", "disconnected", "failed", "closed"};
  PRTC_LOG(ice->context, PRTC_LOG_INFO, "ice", "%s, with %zu pairs", names[state], ice->pairs.count);
  ice->state = state;
  prtc_ice_push_event(ice, &(struct ice_event){.type = PRTC_ICE_EVENT_STATE, .state = state});
}

int prtc_ice_get_state(const prtc_ice *ice) { return (int)ice->state; }

/* ------------------------------------------------------------------------------------------------------------ verbs */

void prtc_ice_set_now(struct prtc_ice *ice, prtc_time now) {
  if (now > ice->now && now != PRTC_NEVER) ice->now = now;
}

static prtc_time earlier(prtc_time a, prtc_time b) { return a < b ? a : b; }

static prtc_time find_deadline(const struct prtc_ice *ice) {
  prtc_time deadline = earlier(prtc_ice_checks_deadline(ice), prtc_ice_consent_deadline(ice));
  deadline = earlier(deadline, earlier(prtc_ice_gather_deadline(ice), prtc_ice_tcp_deadline(ice)));
  if (ice->patience > ice->now) deadline = earlier(deadline, ice->patience);
  if (lost_until(ice) > ice->now) deadline = earlier(deadline, lost_until(ice));
  return earlier(deadline, earlier(ice->nomination_due, give_up_at(ice)));
}

void prtc_ice_step(struct prtc_ice *ice) {
  ice->idle = false;
  prtc_ice_consent_step(ice);
  prtc_ice_gather_step(ice);
  prtc_ice_checks_step(ice);
  prtc_ice_nominate_step(ice);
  prtc_ice_tcp_step(ice);
  bool other_side = ice->remote_known || (ice->former.valid && ice->former.remote_known); /* which may answer no restart */
  if (!ice->path.valid && ice->patience == PRTC_NEVER && other_side && ice->failure == 0) {
    ice->patience = ice->now + prtc_ice_patience(ice); /* a path was lost */
  }
  if (give_up_at(ice) <= ice->now) prtc_ice_fail(ice, PRTC_ERROR_ICE_FAILED);
  tell_working_pair(ice);
  update_state(ice);
  prtc_ice_share_step(ice);
  ice->deadline = find_deadline(ice);
}

int prtc_ice_receive(prtc_ice *ice, prtc_time now, const prtc_datagram *datagram) {
  struct prtc_stun_message message;
  prtc_ice_set_now(ice, now);
  int code = prtc_stun_parse(&message, datagram->data, datagram->size);
  if (code < 0) return code;
  if (message.method != PRTC_STUN_METHOD_BINDING) return PRTC_ERROR_UNEXPECTED;
  if (message.message_class == PRTC_STUN_INDICATION) return 0; /* a keepalive (RFC 8445 section 11) */
  struct prtc_context *previous = prtc_enter(ice->context);
  code = message.message_class == PRTC_STUN_REQUEST ? prtc_ice_take_request(ice, &message, datagram)
                                                    : prtc_ice_take_response(ice, &message, datagram);
  prtc_leave(previous);
  prtc_ice_step(ice);
  return code;
}

static int emit(prtc_datagram *out, const struct ice_socket *socket, const prtc_address *remote, const uint8_t *data,
                int size) {
  *out = (prtc_datagram){
      .socket = socket->id,
      .protocol = socket->tcp_type != PRTC_TCP_NONE ? PRTC_PROTOCOL_TCP : PRTC_PROTOCOL_UDP,
      .interface_index = socket->interface_index,
      .local = socket->address,
      .remote = *remote,
      .data = data,
      .size = (size_t)size,
  };
  bool link_local = remote->family == PRTC_FAMILY_IPV6 && remote->ip[0] == 0xFE && (remote->ip[1] & 0xC0) == 0x80;
  if (link_local && remote->scope == 0) {
    out->remote.scope = socket->address.scope != 0 ? socket->address.scope : socket->interface_index;
  }
  return size;
}

static int transmit_response(struct prtc_ice *ice, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  const struct ice_response *response = prtc_queue_at(&ice->responses, 0);
  if (response == NULL) return 0;
  if (response->size > capacity) return PRTC_ERROR_BUFFER_TOO_SMALL;
  memcpy(buffer, response->data, response->size);
  int size = emit(out, response->socket, &response->remote, buffer, response->size);
  prtc_queue_pop(&ice->responses, NULL);
  return size;
}

static int transmit_request(struct prtc_ice *ice, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  for (size_t i = 0; i < ice->transactions.count; i++) {
    struct ice_transaction *transaction = ice->transactions.items[i];
    if (!transaction->ready) continue;
    struct prtc_context *previous = prtc_enter(ice->context);
    int size = prtc_ice_write_request(ice, transaction, buffer, capacity);
    prtc_leave(previous);
    if (size < 0) return size;
    prtc_ice_sent(ice, transaction);
    return emit(out, transaction->socket, &transaction->remote, buffer, size);
  }
  return 0;
}

int prtc_ice_transmit(prtc_ice *ice, prtc_time now, prtc_datagram *out, uint8_t *buffer, size_t capacity) {
  prtc_ice_set_now(ice, now);
  if (ice->idle && ice->deadline > ice->now) return 0; /* asked for each datagram of a transfer: it must cost nothing */
  prtc_ice_step(ice);
  int size = transmit_response(ice, out, buffer, capacity);
  if (size == 0) size = transmit_request(ice, out, buffer, capacity);
  ice->deadline = find_deadline(ice);
  ice->idle = size == 0;
  return size;
}

prtc_time prtc_ice_deadline(const prtc_ice *ice) { return ice->deadline; }

int prtc_ice_timeout(prtc_ice *ice, prtc_time now) {
  prtc_ice_set_now(ice, now);
  prtc_ice_step(ice);
  return 0;
}

/* ------------------------------------------------------------------------------------------------------------ paths */

static void fill_pair(prtc_ice_pair *out, const struct ice_socket *socket, const prtc_address *remote) {
  prtc_datagram datagram;
  (void)emit(&datagram, socket, remote, NULL, 0); /* the same addresses as for what is sent */
  *out = (prtc_ice_pair){.socket = socket->id,
                         .interface_index = socket->interface_index,
                         .local = socket->address,
                         .remote = datagram.remote,
                         .protocol = datagram.protocol};
}

int prtc_ice_get_selected_pair(const prtc_ice *ice, prtc_ice_pair *out) {
  const struct ice_path *path = &ice->path;
  if (!path->valid) return 0;
  fill_pair(out, path->socket, &path->remote);
  out->local_type = path->local_type;
  out->remote_type = path->remote_type;
  out->round_trip_time = path->round_trip_time;
  return 1;
}

int prtc_ice_get_usable_pair(const prtc_ice *ice, prtc_ice_pair *out) {
  if (ice->path.valid) return prtc_ice_get_selected_pair(ice, out);
  const struct ice_pair *best = working_pair(ice);
  if (best == NULL) return 0;
  fill_pair(out, best->socket, &best->remote->address);
  out->local_type = best->local_type;
  out->remote_type = best->remote->type;
  out->round_trip_time = best->round_trip_time;
  return 1;
}

int prtc_ice_knows_path(const prtc_ice *ice, prtc_socket_id socket, const prtc_address *remote) {
  const struct ice_path *path = &ice->path;
  if (path->valid && path->socket->id == socket && prtc_ice_same_address(&path->remote, remote)) return 1;
  if (ice->former_socket == socket && prtc_ice_same_address(&ice->former_remote, remote)) return 1;
  for (size_t i = 0; i < ice->pairs.count; i++) {
    const struct ice_pair *pair = ice->pairs.items[i];
    bool authenticated = pair->valid || pair->heard;
    if (authenticated && pair->socket->id == socket && prtc_ice_same_address(&pair->remote->address, remote)) return 1;
  }
  for (size_t i = 0; i < ice->early.count; i++) { /* its sender has our password, though we do not have his yet */
    const struct ice_early *early = prtc_queue_at(&ice->early, i);
    if (early->socket == socket && prtc_ice_same_address(&early->remote, remote)) return 1;
  }
  return 0;
}
