/* What the application is told, in the order of the W3C's text, and the states that are computed for it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A change is queued with its new state; prtc_peer_get_states answers with what was fetched. The transport's events are
 * taken only when ours are fetched, because messages among them open the receive window.
 */
#include <string.h>

#include "core/peer/state.h"

/* ---------------------------------------------------------------------------------------------------------------- queue */

static char *keep(char **cursor, const char *text) {
  if (text == NULL) return NULL;
  char *kept = *cursor;
  size_t size = strlen(text) + 1;
  memcpy(kept, text, size);
  *cursor += size;
  return kept;
}

static size_t room(const char *text) { return text == NULL ? 0 : strlen(text) + 1; }

/* Without memory the event is lost, which lost_event tells. */
void prtc_peer_push_text(prtc_peer *peer, const prtc_event *event) {
  struct queued_event queued = {.event = *event};
  size_t size = room(event->text) + room(event->mid) + room(event->ufrag);
  if (size > 0) {
    queued.texts = prtc_allocate(peer->context, size);
    if (queued.texts == NULL) {
      peer->event_lost = true;
      return;
    }
    char *cursor = queued.texts;
    queued.event.text = keep(&cursor, event->text);
    queued.event.mid = keep(&cursor, event->mid);
    queued.event.ufrag = keep(&cursor, event->ufrag);
  }
  if (prtc_queue_push(&peer->events, &queued) < 0) {
    PRTC_LOG(peer->context, PRTC_LOG_ERROR, "peer", "an event of type %u was lost: no memory", (unsigned)event->type);
    prtc_release(peer->context, queued.texts);
    peer->event_lost = true;
  }
}

void prtc_peer_push(prtc_peer *peer, uint32_t type, uint32_t state, int code) {
  const prtc_event event = {.type = type, .state = state, .code = code};
  prtc_peer_push_text(peer, &event);
}

static void push_transport_state(prtc_peer *peer, uint32_t type, uint32_t state) {
  const prtc_event event = {.type = type, .state = state, .object = peer->transport_id};
  prtc_peer_push_text(peer, &event);
}

void prtc_peer_clear_events(prtc_peer *peer) {
  struct queued_event queued;
  while (prtc_queue_pop(&peer->events, &queued)) prtc_release(peer->context, queued.texts);
  prtc_queue_clear(&peer->events);
  prtc_release(peer->context, peer->event_texts);
  peer->event_texts = NULL;
}

/* --------------------------------------------------------------------------------------------------------------- states */

/* W3C RTCIceConnectionState, for one transport */
static prtc_ice_connection_state compute_ice_connection(const prtc_peer *peer) {
  switch (peer->now.ice) {
    case PRTC_ICE_TRANSPORT_CHECKING: return PRTC_ICE_CONNECTION_CHECKING;
    case PRTC_ICE_TRANSPORT_CONNECTED: return PRTC_ICE_CONNECTION_CONNECTED;
    case PRTC_ICE_TRANSPORT_COMPLETED: return PRTC_ICE_CONNECTION_COMPLETED;
    case PRTC_ICE_TRANSPORT_DISCONNECTED: return PRTC_ICE_CONNECTION_DISCONNECTED;
    case PRTC_ICE_TRANSPORT_FAILED: return PRTC_ICE_CONNECTION_FAILED;
    case PRTC_ICE_TRANSPORT_NEW:
    case PRTC_ICE_TRANSPORT_CLOSED: break;
  }
  return PRTC_ICE_CONNECTION_NEW;
}

/* W3C RTCPeerConnectionState: the rows in their order */
static prtc_connection_state compute_connection(const prtc_peer *peer) {
  prtc_ice_transport_state ice = peer->now.ice;
  prtc_dtls_transport_state dtls = peer->now.dtls;
  bool ice_idle = ice == PRTC_ICE_TRANSPORT_NEW || ice == PRTC_ICE_TRANSPORT_CLOSED;
  bool dtls_idle = dtls == PRTC_DTLS_TRANSPORT_NEW || dtls == PRTC_DTLS_TRANSPORT_CLOSED;
  bool ice_up = ice == PRTC_ICE_TRANSPORT_CONNECTED || ice == PRTC_ICE_TRANSPORT_COMPLETED ||
                ice == PRTC_ICE_TRANSPORT_CLOSED;
  bool dtls_up = dtls == PRTC_DTLS_TRANSPORT_CONNECTED || dtls == PRTC_DTLS_TRANSPORT_CLOSED;
  if (ice == PRTC_ICE_TRANSPORT_FAILED || dtls == PRTC_DTLS_TRANSPORT_FAILED) return PRTC_CONNECTION_FAILED;
  if (ice == PRTC_ICE_TRANSPORT_DISCONNECTED) return PRTC_CONNECTION_DISCONNECTED;
  if (ice_idle && dtls_idle) return PRTC_CONNECTION_NEW;
  return ice_up && dtls_up ? PRTC_CONNECTION_CONNECTED : PRTC_CONNECTION_CONNECTING;
}

/* W3C section 5.6: the transport's event, then iceconnectionstatechange, then connectionstatechange. A closed peer's states
 * are fixed. */
static void update_connection(prtc_peer *peer) {
  if (peer->closed) return;
  prtc_ice_connection_state ice = compute_ice_connection(peer);
  prtc_connection_state connection = compute_connection(peer);
  if (ice != peer->now.ice_connection) prtc_peer_push(peer, PRTC_EVENT_ICE_CONNECTION_STATE_CHANGE, ice, 0);
  if (connection != peer->now.connection) prtc_peer_push(peer, PRTC_EVENT_CONNECTION_STATE_CHANGE, connection, 0);
  peer->now.ice_connection = ice;
  peer->now.connection = connection;
}

static void take_ice_state(prtc_peer *peer, uint32_t state) {
  if (peer->now.ice == (prtc_ice_transport_state)state) return;
  peer->now.ice = (prtc_ice_transport_state)state;
  push_transport_state(peer, PRTC_EVENT_ICE_TRANSPORT_STATE_CHANGE, state);
  update_connection(peer);
}

static void take_dtls_state(prtc_peer *peer, uint32_t state) {
  if (peer->now.dtls == (prtc_dtls_transport_state)state) return;
  peer->now.dtls = (prtc_dtls_transport_state)state;
  push_transport_state(peer, PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE, state);
  update_connection(peer);
}

static void take_sctp_state(prtc_peer *peer, uint32_t state) {
  if (peer->now.sctp == (prtc_sctp_transport_state)state) return;
  peer->now.sctp = (prtc_sctp_transport_state)state;
  push_transport_state(peer, PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE, state);
}

void prtc_peer_reset_gathering(prtc_peer *peer) {
  if (peer->now.gathering == PRTC_ICE_GATHERING_NEW) return;
  peer->now.gathering = PRTC_ICE_GATHERING_NEW;
  prtc_peer_push(peer, PRTC_EVENT_ICE_GATHERING_STATE_CHANGE, PRTC_ICE_GATHERING_NEW, 0);
}

void prtc_peer_reset_states(prtc_peer *peer) {
  peer->now.ice = PRTC_ICE_TRANSPORT_NEW;
  peer->now.dtls = PRTC_DTLS_TRANSPORT_NEW;
  peer->now.sctp = PRTC_SCTP_TRANSPORT_CONNECTING;
  prtc_peer_reset_gathering(peer);
  update_connection(peer);
}

/* ----------------------------------------------------------------------------------------------------------- candidates */

/* Where our data section is, for the events about its candidates; `text` NULL or a candidate. */
static void push_candidate(prtc_peer *peer, const char *text) {
  struct prtc_jsep_data data;
  prtc_ice_parameters ice;
  prtc_jsep_get_data(peer->jsep, &data);
  if (prtc_transport_get_ice_parameters(peer->transport, &ice) < 0) return;
  const prtc_event event = {.type = PRTC_EVENT_ICE_CANDIDATE,
                            .text = text,
                            .mid = data.head_mid == NULL || data.head_mid[0] == '\0' ? NULL : data.head_mid,
                            .index = (uint32_t)data.head_index,
                            .ufrag = ice.ufrag};
  prtc_peer_push_text(peer, &event);
}

static void take_candidate(prtc_peer *peer, const prtc_candidate *candidate) {
  char text[PRTC_CANDIDATE_TEXT_SIZE];
  prtc_ice_parameters ice;
  if (peer->closed || prtc_candidate_print(candidate, text, sizeof text) < 0) return;
  if (prtc_transport_get_ice_parameters(peer->transport, &ice) < 0 || strcmp(ice.ufrag, candidate->ufrag) != 0) {
    return; /* it was gathered before a restart */
  }
  if (peer->ice_is_stale) return; /* no description has this ufrag */
  prtc_peer_add_local_candidate(peer, candidate);
  push_candidate(peer, text);
}

/* W3C section 4.4.1.4: a candidate "" ends the generation, then the state changes, and candidate null ends it all. */
static void take_gathering_state(prtc_peer *peer, uint32_t state) {
  if (peer->closed || peer->ice_is_stale || peer->now.gathering == (prtc_ice_gathering_state)state) return;
  peer->now.gathering = (prtc_ice_gathering_state)state;
  /* Not when a restart was taken back */
  bool complete = state == PRTC_ICE_GATHERING_COMPLETE && !peer->candidates.complete;
  if (complete) peer->candidates.complete = true;
  if (complete) push_candidate(peer, "");
  prtc_peer_push(peer, PRTC_EVENT_ICE_GATHERING_STATE_CHANGE, state, 0);
  if (complete) prtc_peer_push(peer, PRTC_EVENT_ICE_CANDIDATE, 0, 0);
}

/* ---------------------------------------------------------------------------------------------------- taking and giving */

static void take(prtc_peer *peer, const struct prtc_transport_event *event) {
  prtc_event plain = {.code = event->code, .text = event->text};
  switch (event->type) {
    case PRTC_TRANSPORT_EVENT_CANDIDATE: take_candidate(peer, &event->candidate); break;
    case PRTC_TRANSPORT_EVENT_CANDIDATE_WITHDRAWN: prtc_peer_remove_local_candidate(peer, &event->candidate); break;
    case PRTC_TRANSPORT_EVENT_GATHERING_STATE: take_gathering_state(peer, event->state); break;
    case PRTC_TRANSPORT_EVENT_ICE_STATE: take_ice_state(peer, event->state); break;
    case PRTC_TRANSPORT_EVENT_DTLS_STATE: take_dtls_state(peer, event->state); break;
    case PRTC_TRANSPORT_EVENT_SCTP_STATE: take_sctp_state(peer, event->state); break;
    case PRTC_TRANSPORT_EVENT_SELECTED_PAIR:
      plain.type = PRTC_EVENT_ICE_SELECTED_PAIR_CHANGE;
      plain.object = peer->transport_id;
      prtc_peer_push_text(peer, &plain);
      break;
    case PRTC_TRANSPORT_EVENT_SERVER_FAILED:
      if (peer->closed || peer->ice_is_stale) break;
      plain.type = PRTC_EVENT_ICE_CANDIDATE_ERROR;
      prtc_peer_push_text(peer, &plain);
      break;
    case PRTC_TRANSPORT_EVENT_FAILED:
      plain.type = PRTC_EVENT_FAILED;
      prtc_peer_push_text(peer, &plain);
      break;
    default: break;
  }
}

static uint32_t state_event_of(uint32_t type) {
  switch (type) {
    case PRTC_TRANSPORT_EVENT_ICE_STATE: return PRTC_EVENT_ICE_TRANSPORT_STATE_CHANGE;
    case PRTC_TRANSPORT_EVENT_DTLS_STATE: return PRTC_EVENT_DTLS_TRANSPORT_STATE_CHANGE;
    case PRTC_TRANSPORT_EVENT_SCTP_STATE: return PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE;
    default: return PRTC_EVENT_NONE;
  }
}

/* Of a transport that leaves: its states and its channels. It counts for the peer's states no more. */
static bool leaving_event(prtc_peer *peer, prtc_event *out) {
  struct prtc_transport_event event;
  int code = 0;
  while (peer->leaving != NULL && (code = prtc_transport_event(peer->leaving, &event)) > 0) {
    *out = (prtc_event){.type = state_event_of(event.type), .state = event.state, .object = peer->leaving_id};
    if (event.type == PRTC_TRANSPORT_EVENT_CHANNEL) *out = event.channel;
    if (out->type != PRTC_EVENT_NONE) return true;
  }
  if (code < 0) peer->event_lost = true;
  if (peer->leaving != NULL && !peer->leaving_is_told) {
    peer->leaving_is_told = true;
    prtc_peer_wake(peer);
  }
  return false;
}

/* In place of events for which there was no memory: nobody is to wait for them in vain. It needs none itself. From then on
 * the states that were reported are what they are. */
static bool lost_event(prtc_peer *peer, prtc_event *out) {
  if (!peer->event_lost) return false;
  peer->event_lost = false;
  peer->reported.signaling = prtc_jsep_get_signaling_state(peer->jsep);
  peer->reported.ice_gathering = peer->now.gathering;
  peer->reported.ice_connection = peer->closed_reported ? PRTC_ICE_CONNECTION_CLOSED : peer->now.ice_connection;
  peer->reported.connection = peer->closed_reported ? PRTC_CONNECTION_CLOSED : peer->now.connection;
  peer->reported.sctp_transport = peer->now.sctp;
  *out = (prtc_event){
      .type = PRTC_EVENT_FAILED, .code = PRTC_ERROR_NO_MEMORY, .text = "an event was lost for lack of memory"};
  return true;
}

/* The last events of a closed peer, once its goodbye is on its way. */
static void report_closed(prtc_peer *peer) {
  if (!peer->closed || peer->closed_reported) return;
  if (peer->transport != NULL && !prtc_transport_is_drained(peer->transport)) return;
  peer->closed_reported = true;
  prtc_peer_push(peer, PRTC_EVENT_SIGNALING_STATE_CHANGE, PRTC_SIGNALING_CLOSED, 0);
  prtc_peer_push(peer, PRTC_EVENT_ICE_CONNECTION_STATE_CHANGE, PRTC_ICE_CONNECTION_CLOSED, 0);
  prtc_peer_push(peer, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_CLOSED, 0);
}

void prtc_peer_check_negotiation(prtc_peer *peer) {
  if (!peer->closed) prtc_peer_push(peer, PRTC_EVENT_NEGOTIATION_NEEDED, 0, 0);
}

/* W3C section 4.7.3: the check is a queued task, so it looks at what holds when the event is fetched. */
static bool is_negotiation_needed(prtc_peer *peer) {
  if (peer->closed || peer->one_by_one) return false;
  if (prtc_jsep_get_signaling_state(peer->jsep) != PRTC_SIGNALING_STABLE) return false;
  bool needed = prtc_jsep_needs_negotiation(peer->jsep, peer->has_data, peer->to_replace[0][0] != '\0');
  bool fires = needed && !peer->negotiation_needed;
  peer->negotiation_needed = needed;
  return fires;
}

static void report(const prtc_peer *peer, prtc_peer_states *reported, const prtc_event *event) {
  switch (event->type) {
    case PRTC_EVENT_SIGNALING_STATE_CHANGE: reported->signaling = event->state; break;
    case PRTC_EVENT_ICE_GATHERING_STATE_CHANGE: reported->ice_gathering = event->state; break;
    case PRTC_EVENT_ICE_CONNECTION_STATE_CHANGE: reported->ice_connection = event->state; break;
    case PRTC_EVENT_CONNECTION_STATE_CHANGE: reported->connection = event->state; break;
    case PRTC_EVENT_SCTP_TRANSPORT_STATE_CHANGE:
      if (event->object == peer->transport_id) reported->sctp_transport = event->state;
      break;
    default: break;
  }
}

static bool pop(prtc_peer *peer, prtc_event *out) {
  struct queued_event queued;
  while (prtc_queue_pop(&peer->events, &queued)) {
    if (queued.event.type == PRTC_EVENT_NEGOTIATION_NEEDED && !is_negotiation_needed(peer)) continue;
    peer->event_texts = queued.texts;
    *out = queued.event;
    report(peer, &peer->reported, out);
    return true;
  }
  return false;
}

int prtc_peer_event(prtc_peer *peer, prtc_event *out) {
  prtc_release(peer->context, peer->event_texts);
  peer->event_texts = NULL;
  for (;;) {
    struct prtc_transport_event event;
    if (pop(peer, out) || leaving_event(peer, out)) break;
    int code = peer->transport == NULL ? 0 : prtc_transport_event(peer->transport, &event);
    if (code < 0) peer->event_lost = true;
    if (code > 0) {
      if (event.type != PRTC_TRANSPORT_EVENT_CHANNEL) {
        take(peer, &event);
        continue;
      }
      *out = event.channel;
      if (out->type == PRTC_EVENT_TRANSPORT_DATA) out->object = peer->transport_id;
      break;
    }
    report_closed(peer);
    if (peer->events.count > 0) continue;
    if (!lost_event(peer, out)) return 0;
    break;
  }
  out->peer = peer->id;
  return 1;
}
