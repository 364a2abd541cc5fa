/* DTLS, SCTP and data channels above ICE: when each begins and ends, and what they have for each other.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/dtls/reading.h"
#include "core/sctp/borrowing.h"
#include "core/transport/internal.h"

prtc_dtls *prtc_stack_new_dtls(struct prtc_transport *transport) {
  const struct prtc_transport_config *config = &transport->config;
  /* Browsers offer SRTP whether there is media or not, and some peers (aiortc) end a handshake without it. */
  const prtc_dtls_config dtls = {
      .size = sizeof dtls, .certificate = config->certificate, .mtu = config->mtu, .use_srtp = 1};
  return prtc_dtls_new(transport->context, &dtls);
}

bool prtc_stack_init(struct prtc_transport *transport) {
  const struct prtc_transport_config *config = &transport->config;
  const prtc_data_config data = {.size = sizeof data,
                                 .max_message_size = config->max_message_size,
                                 .first_channel = config->first_channel,
                                 .send_queue_size = config->send_queue_size,
                                 .streaming = config->streaming};
  transport->dtls = prtc_stack_new_dtls(transport);
  transport->data = prtc_data_new(transport->context, &data);
  return transport->dtls != NULL && transport->data != NULL;
}

void prtc_stack_clear(struct prtc_transport *transport) {
  prtc_data_free(transport->data);
  prtc_sctp_free(transport->sctp);
  prtc_dtls_free(transport->dtls);
}

/* ----------------------------------------------------------------------------------------------------------------- DTLS */

/* The handshake begins when there is a pair that works, which need not be nominated yet (RFC 8445 section 12.1), and the
 * descriptions have said who is the client. A server may begin earlier: see prtc_stack_receive. */
void prtc_stack_start_dtls(struct prtc_transport *transport, prtc_time now) {
  prtc_ice_pair pair;
  if (transport->dtls_started || !transport->has_remote || transport->closed) return;
  if (prtc_ice_get_usable_pair(transport->ice, &pair) != 1) return;
  prtc_dtls_set_round_trip(transport->dtls, pair.round_trip_time);
  int code = prtc_dtls_start(transport->dtls, now, transport->role);
  if (code < 0) prtc_transport_push_failure(transport, code, "DTLS could not be started");
  transport->dtls_started = transport->role != PRTC_DTLS_ROLE_AUTO;
}

/* Without DTLS there is no association. */
static void end_sctp(struct prtc_transport *transport, int code) {
  if (transport->sctp_ended) return;
  transport->sctp_ended = true;
  prtc_data_closed(transport->data, code, code < 0 ? prtc_strerror(code) : "");
  if (transport->sctp != NULL) {
    prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_SCTP_STATE, PRTC_SCTP_TRANSPORT_CLOSED);
  }
}

bool prtc_stack_sctp_runs(const struct prtc_transport *transport) {
  return transport->sctp != NULL && !transport->sctp_ended && !transport->goodbye_waits;
}

int prtc_stack_sctp_result(struct prtc_transport *transport, prtc_time now, int code) {
  if (code != PRTC_ERROR_NO_MEMORY || transport->sctp_ended) return code;
  transport->failed_for_good = true;
  prtc_transport_push_failure(transport, code, "the SCTP association has ended for lack of memory");
  end_sctp(transport, code);
  (void)prtc_dtls_close(transport->dtls, now); /* an ABORT cannot be made any more: so the other side learns of it */
  return code;
}

/* SCTP runs for as long as DTLS is connected. Both sides connect (RFC 8831 section 6.2 leaves the roles open). */
void prtc_stack_start_sctp(struct prtc_transport *transport, prtc_time now) {
  if (prtc_stages_ends_at_ice(transport) || prtc_stages_ends_at_dtls(transport)) return;
  size_t overhead = prtc_dtls_overhead(transport->dtls);
  uint32_t largest = transport->config.max_message_size, max_mtu = transport->config.max_mtu;
  bool has_limit = largest != PRTC_MAX_MESSAGE_SIZE_NONE;
  const prtc_sctp_config config = {.size = sizeof config,
                                   .remote_port = transport->remote_sctp_port,
                                   .mtu = (uint32_t)(transport->config.mtu - overhead),
                                   .max_mtu = max_mtu > overhead ? (uint32_t)(max_mtu - overhead) : 0,
                                   .receive_window = has_limit && largest > 512 * 1024 ? 2 * largest : 0,
                                   .max_receive_window = 16 * 1024 * 1024};
  (void)prtc_data_set_role(transport->data, prtc_dtls_get_role(transport->dtls) == PRTC_DTLS_ROLE_CLIENT);
  transport->sctp = prtc_sctp_new(transport->context, now, &config);
  if (transport->sctp == NULL || prtc_sctp_connect(transport->sctp, now) < 0) {
    (void)prtc_stack_sctp_result(transport, now, PRTC_ERROR_NO_MEMORY);
  } else {
    prtc_sctp_pause(transport->sctp, transport->messages_paused);
  }
}

/* The other side has said goodbye, and all that it said before was fetched. Channels that it has not closed learn of it as
 * they do by its ABORT, which may have been lost: as an error (W3C section 6.2, a transport that is closed abruptly). */
static void end_dtls(struct prtc_transport *transport) {
  transport->goodbye_waits = false;
  prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_DTLS_STATE, PRTC_DTLS_TRANSPORT_CLOSED);
  end_sctp(transport, PRTC_ERROR_SCTP_ABORTED);
}

static void dtls_state(struct prtc_transport *transport, prtc_time now, const prtc_dtls_event *event) {
  if (event->state != PRTC_DTLS_TRANSPORT_CLOSED) {
    prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_DTLS_STATE, event->state);
  }
  switch (event->state) {
    case PRTC_DTLS_TRANSPORT_CONNECTED: prtc_stack_start_sctp(transport, now); break;
    case PRTC_DTLS_TRANSPORT_CLOSED:
      prtc_ice_yield(transport->ice);
      transport->goodbye_waits = prtc_stack_sctp_runs(transport) && !transport->closed;
      if (!transport->goodbye_waits) end_dtls(transport);
      break;
    case PRTC_DTLS_TRANSPORT_FAILED:
      prtc_ice_yield(transport->ice);
      transport->failed_for_good = true;
      prtc_transport_push_failure(transport, event->code, event->text);
      end_sctp(transport, event->code);
      break;
    default: break;
  }
}

void prtc_stack_dtls_events(struct prtc_transport *transport, prtc_time now) {
  prtc_dtls_event event;
  while (prtc_dtls_event_next(transport->dtls, &event) > 0) {
    if (event.type == PRTC_DTLS_EVENT_STATE) dtls_state(transport, now, &event);
  }
}

int prtc_stack_receive(struct prtc_transport *transport, prtc_time now, const prtc_datagram *datagram) {
  /* An offerer may be sent a ClientHello before the answer has reached it: the handshake begins, and waits at the
   * certificate until the answer brings the fingerprint. */
  if (prtc_dtls_get_state(transport->dtls) == PRTC_DTLS_TRANSPORT_NEW) {
    /* What a connection of before still sends to this address, by its former end, begins nothing: only an open handshake
     * record does (RFC 6347 section 4.1: type 22, epoch 0). */
    const uint8_t *record = datagram->data;
    if (datagram->size < 5 || record[0] != 22 || record[3] != 0 || record[4] != 0) return PRTC_ERROR_UNEXPECTED;
    int code = prtc_dtls_start(transport->dtls, now, transport->has_remote ? transport->role : PRTC_DTLS_ROLE_AUTO);
    if (code < 0) return code;
    transport->dtls_started = transport->has_remote && transport->role != PRTC_DTLS_ROLE_AUTO;
    prtc_ice_pair pair;
    if (prtc_ice_get_usable_pair(transport->ice, &pair) == 1) {
      prtc_dtls_set_round_trip(transport->dtls, pair.round_trip_time);
    }
  }
  transport->fallback = (prtc_datagram){.socket = datagram->socket,
                                        .protocol = datagram->protocol,
                                        .interface_index = datagram->interface_index,
                                        .local = datagram->local,
                                        .remote = datagram->remote};
  int code = prtc_dtls_receive(transport->dtls, now, datagram->data, datagram->size);
  prtc_stack_dtls_events(transport, now); /* connected: SCTP has to exist before its first packet, which may be in here */
  for (;;) {
    const uint8_t *packet;
    int size = prtc_dtls_next(transport->dtls, &packet);
    if (size <= 0) break;
    if (prtc_capture_is_on(&transport->context->capture)) {
      prtc_capture_sctp(transport->context, false, packet, (size_t)size);
    }
    if (prtc_stages_ends_at_dtls(transport)) prtc_stages_take(transport, PRTC_STAGE_DTLS, packet, (size_t)size);
    if (!prtc_stack_sctp_runs(transport)) continue;
    int result = prtc_sctp_receive(transport->sctp, now, packet, (size_t)size);
    if (result < 0) code = prtc_stack_sctp_result(transport, now, result);
  }
  return code;
}

int prtc_transport_set_remote(struct prtc_transport *transport, prtc_time now, const struct prtc_transport_remote *remote) {
  if (transport->closed) return PRTC_ERROR_CLOSED;
  int code = prtc_ice_check_parameters(&remote->ice); /* first: what is refused is not to replace the fingerprints */
  if (code < 0) return code;
  bool over = prtc_dtls_get_state(transport->dtls) >= PRTC_DTLS_TRANSPORT_CLOSED; /* descriptions are taken all the same */
  if (!over) {
    code = prtc_dtls_set_remote_fingerprints(transport->dtls, now, remote->fingerprints, remote->fingerprint_count);
  }
  if (code == PRTC_OK) code = prtc_ice_set_remote_parameters(transport->ice, now, &remote->ice);
  if (code < 0) return code;
  prtc_names_new_generation(transport, remote->ice.ufrag);
  transport->has_remote = true;
  transport->gathering.has_former = false; /* a restart has its answer */
  if (!transport->dtls_started) transport->role = remote->dtls_role;
  transport->remote_sctp_port = remote->sctp_port;
  prtc_data_set_remote_max_message_size(transport->data,
                                        remote->max_message_size != 0 ? remote->max_message_size : UINT32_MAX);
  if (transport->role != PRTC_DTLS_ROLE_AUTO) {
    (void)prtc_data_set_role(transport->data, transport->role == PRTC_DTLS_ROLE_CLIENT);
  }
  prtc_transport_pump(transport, now);
  return PRTC_OK;
}

/* ---------------------------------------------------------------------------------------------------- SCTP and channels */

static void hand_to_sctp(struct prtc_transport *transport, prtc_time now) {
  prtc_sctp_message message;
  uint32_t stream;
  prtc_data_timeout(transport->data, now);
  while (prtc_data_transmit(transport->data, &message) > 0) {
    int code = prtc_stack_sctp_result(transport, now, prtc_sctp_send(transport->sctp, now, &message));
    if (code == PRTC_ERROR_AGAIN) break; /* it stays the next */
    prtc_data_transmitted(transport->data, code);
  }
  while (prtc_data_reset(transport->data, &stream) > 0) {
    int code = prtc_sctp_reset_stream(transport->sctp, now, stream);
    if (code < 0) prtc_data_reset_failed(transport->data, stream, code);
  }
}

size_t prtc_stack_packet(struct prtc_transport *transport, prtc_time now, const uint8_t **packet, size_t capacity) {
  if (transport->sctp == NULL) return 0;
  if (prtc_stack_sctp_runs(transport)) hand_to_sctp(transport, now);
  /* Also of an association that has ended: its ABORT may still wait here, when its end was told first. */
  int size = prtc_stack_sctp_result(transport, now, prtc_sctp_next(transport->sctp, now, capacity, packet));
  return size > 0 ? (size_t)size : 0;
}

/* What SCTP reports beside messages and resets. */
static void take_sctp_event(struct prtc_transport *transport, const prtc_sctp_event *event) {
  if (event->type == PRTC_SCTP_EVENT_CONNECTED || event->type == PRTC_SCTP_EVENT_STREAMS) {
    uint32_t in = event->incoming_streams, out = event->outgoing_streams;
    transport->max_channels = in < out ? in : out;
  }
  if (event->type == PRTC_SCTP_EVENT_CONNECTED) {
    prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_SCTP_STATE, PRTC_SCTP_TRANSPORT_CONNECTED);
  } else if (event->type == PRTC_SCTP_EVENT_CLOSED && !transport->sctp_ended) {
    transport->sctp_ended = true;
    prtc_transport_push_state(transport, PRTC_TRANSPORT_EVENT_SCTP_STATE, PRTC_SCTP_TRANSPORT_CLOSED);
    /* The connection stands, its channels are gone. Silence on a path that does not work is ICE's to tell. */
    int ice = prtc_ice_get_state(transport->ice);
    bool works = ice == PRTC_ICE_TRANSPORT_CONNECTED || ice == PRTC_ICE_TRANSPORT_COMPLETED;
    bool told_by_ice = event->code == PRTC_ERROR_TIMEOUT && !works;
    if (event->code < 0 && !event->is_goodbye && !told_by_ice) {
      prtc_transport_push_failure(transport, event->code, event->text);
      transport->failure_told = false;
    }
  }
}

static uint32_t channel_event_type(uint32_t type) {
  switch (type) {
    case PRTC_DATA_EVENT_CHANNEL: return PRTC_EVENT_DATA_CHANNEL;
    case PRTC_DATA_EVENT_OPEN: return PRTC_EVENT_CHANNEL_OPEN;
    case PRTC_DATA_EVENT_MESSAGE: return PRTC_EVENT_CHANNEL_MESSAGE;
    case PRTC_DATA_EVENT_BUFFERED_AMOUNT_LOW: return PRTC_EVENT_CHANNEL_BUFFERED_AMOUNT_LOW;
    case PRTC_DATA_EVENT_CLOSING: return PRTC_EVENT_CHANNEL_CLOSING;
    case PRTC_DATA_EVENT_ERROR: return PRTC_EVENT_CHANNEL_ERROR;
    case PRTC_DATA_EVENT_CLOSED: return PRTC_EVENT_CHANNEL_CLOSED;
    default: return PRTC_EVENT_NONE;
  }
}

int prtc_stack_channel_event(struct prtc_transport *transport, struct prtc_transport_event *out) {
  prtc_data_event event;
  prtc_sctp_event received;
  int code;
  while ((code = prtc_data_event_next(transport->data, &event)) <= 0) {
    if (code < 0 && !transport->channel_event_lost) transport->event_lost = transport->channel_event_lost = true;
    bool readable = transport->sctp != NULL && !transport->sctp_ended;
    if (!readable || prtc_sctp_event_next(transport->sctp, &received) <= 0) {
      if (transport->goodbye_waits) end_dtls(transport);
      return 0;
    }
    take_sctp_event(transport, &received);
    (void)prtc_data_receive(transport->data, &received);
    if (transport->events.count > 0) return 0; /* the association's state is told before what it does to the channels */
  }
  out->type = PRTC_TRANSPORT_EVENT_CHANNEL; /* the kilobyte of other members is of no matter, and there are many messages */
  out->channel = (prtc_event){.type = channel_event_type(event.type),
                              .code = event.code,
                              .object = event.channel,
                              .kind = event.kind,
                              .data = event.data,
                              .size = event.size,
                              .text = event.text};
  out->channel.flags = event.flags;
  return 1;
}

void prtc_stack_close(struct prtc_transport *transport, prtc_time now) {
  bool connected = prtc_dtls_get_state(transport->dtls) == PRTC_DTLS_TRANSPORT_CONNECTED;
  transport->held_size = 0;
  if (connected && prtc_stack_sctp_runs(transport)) (void)prtc_sctp_abort(transport->sctp, now);
  prtc_data_closed(transport->data, PRTC_OK, "");
  if (transport->goodbye_waits) end_dtls(transport);
  transport->closing = connected; /* close_notify follows the ABORT: see transmit */
  if (!connected) (void)prtc_dtls_close(transport->dtls, now);
}

/* ------------------------------------------------------------------------------------------------------------- commands */

int prtc_transport_create_channel(struct prtc_transport *transport, prtc_time now, const prtc_channel_config *config,
                                  prtc_channel_id *out, const char **reason) {
  (void)now;
  int code = prtc_data_create_channel(transport->data, config, out);
  if (code < 0) *reason = prtc_data_error_message(transport->data);
  return code;
}

int prtc_transport_send(struct prtc_transport *transport, prtc_time now, prtc_channel_id channel, prtc_message_kind kind,
                        const uint8_t *data, size_t size) {
  return prtc_data_send(transport->data, now, channel, kind, data, size);
}

int prtc_transport_send_part(struct prtc_transport *transport, prtc_time now, prtc_channel_id channel,
                             prtc_message_kind kind, const uint8_t *data, size_t size, uint32_t flags) {
  return prtc_data_send_part(transport->data, now, channel, kind, data, size, flags);
}

int prtc_transport_set_streaming(struct prtc_transport *transport, prtc_channel_id channel, int streaming) {
  return prtc_data_set_streaming(transport->data, channel, streaming);
}

void prtc_transport_pause_messages(struct prtc_transport *transport, bool paused) {
  transport->messages_paused = paused;
  if (transport->sctp != NULL) prtc_sctp_pause(transport->sctp, paused);
}

int prtc_transport_close_channel(struct prtc_transport *transport, prtc_time now, prtc_channel_id channel) {
  (void)now;
  return prtc_data_close_channel(transport->data, channel);
}

int prtc_transport_set_buffered_amount_low_threshold(struct prtc_transport *transport, prtc_channel_id channel,
                                                     uint64_t threshold) {
  return prtc_data_set_buffered_amount_low_threshold(transport->data, channel, threshold);
}

int prtc_transport_channel_info(const struct prtc_transport *transport, prtc_channel_id channel, prtc_channel_info *out) {
  return prtc_data_channel_info(transport->data, channel, out);
}
