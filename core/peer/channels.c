/* Data channels, W3C section 6: the transport keeps them; the peer adds when that needs a negotiation.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/base/config.h"
#include "core/peer/state.h"

static void record_channel(const prtc_peer *peer, prtc_time now, const prtc_channel_config *config) {
  prtc_channel_config plain = {0};
  if (config == NULL || !peer->context->recording.on) return;
  if (!prtc_config_copy(&plain, sizeof plain, config)) return; /* it is refused */
  plain.label = plain.protocol = NULL;
  PRTC_RECORD(peer->context, peer_create_data_channel, now, PRTC_NUMBER(peer->id), PRTC_BYTES(&plain, sizeof plain),
              PRTC_BYTES(config->label, config->label_size), PRTC_BYTES(config->protocol, config->protocol_size));
}

int prtc_peer_create_data_channel(prtc_peer *peer, prtc_time now, const prtc_channel_config *config, prtc_channel_id *out) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  record_channel(peer, now, config);
  int result = prtc_peer_begin(peer, &now);
  if (result < 0) return result;
  if (config == NULL || out == NULL) return prtc_peer_fail(peer, PRTC_ERROR_INVALID_ARGUMENT, "an argument is NULL");
  result = prtc_peer_need_transport(peer, now);
  if (result < 0) return prtc_peer_fail(peer, result, prtc_strerror(result));
  const char *reason = "";
  result = prtc_transport_create_channel(peer->transport, now, config, out, &reason);
  if (result < 0) return prtc_peer_fail(peer, result, reason);
  if (!peer->has_data) { /* W3C section 6.1: the first one may need a negotiation */
    peer->has_data = true;
    prtc_peer_check_negotiation(peer);
  }
  prtc_peer_wake(peer);
  return PRTC_OK;
}

/* Channels may be asked about, but not used, once the peer is closed. *out is the transport of the channel. */
static int begin(prtc_peer *peer, prtc_time *now, prtc_channel_id channel, struct prtc_transport **out) {
  int result = prtc_peer_begin(peer, now);
  *out = prtc_peer_transport_of(peer, channel);
  if (result < 0 || *out != NULL) return result;
  return prtc_peer_fail(peer, PRTC_ERROR_NOT_FOUND, "the peer has no such channel");
}

static int end(prtc_peer *peer, int result) {
  if (result < 0) return prtc_peer_fail(peer, result, prtc_strerror(result));
  prtc_peer_wake(peer);
  return result;
}

int prtc_peer_send(prtc_peer *peer, prtc_time now, prtc_channel_id channel, prtc_message_kind kind, const uint8_t *data,
                   size_t size) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_send, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(channel), PRTC_NUMBER(kind),
              PRTC_BYTES(data, size));
  struct prtc_transport *transport;
  int result = begin(peer, &now, channel, &transport);
  return result < 0 ? result : end(peer, prtc_transport_send(transport, now, channel, kind, data, size));
}

int prtc_peer_send_part(prtc_peer *peer, prtc_time now, prtc_channel_id channel, prtc_message_kind kind,
                        const uint8_t *data, size_t size, uint32_t flags) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_send_part, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(channel), PRTC_NUMBER(kind),
              PRTC_BYTES(data, size), PRTC_NUMBER(flags));
  struct prtc_transport *transport;
  int result = begin(peer, &now, channel, &transport);
  return result < 0 ? result : end(peer, prtc_transport_send_part(transport, now, channel, kind, data, size, flags));
}

int prtc_peer_set_channel_streaming(prtc_peer *peer, prtc_channel_id channel, int streaming) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_set_channel_streaming, PRTC_NEVER, PRTC_NUMBER(peer->id), PRTC_NUMBER(channel),
              PRTC_NUMBER(streaming != 0));
  struct prtc_transport *transport;
  int result = begin(peer, NULL, channel, &transport);
  return result < 0 ? result : end(peer, prtc_transport_set_streaming(transport, channel, streaming));
}

int prtc_peer_pause_messages(prtc_peer *peer, int paused) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_pause_messages, PRTC_NEVER, PRTC_NUMBER(peer->id), PRTC_NUMBER(paused != 0));
  int result = prtc_peer_begin(peer, NULL);
  if (result < 0) return result;
  peer->messages_paused = paused != 0;
  if (peer->transport != NULL) prtc_transport_pause_messages(peer->transport, peer->messages_paused);
  prtc_peer_wake(peer);
  return PRTC_OK;
}

int prtc_peer_close_channel(prtc_peer *peer, prtc_time now, prtc_channel_id channel) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_close_channel, now, PRTC_NUMBER(peer->id), PRTC_NUMBER(channel));
  struct prtc_transport *transport = prtc_peer_transport_of(peer, channel);
  int result = prtc_peer_begin(peer, &now);
  if (peer->closed) { /* W3C: closing what is closed is no error */
    peer->error[0] = '\0';
    return PRTC_OK;
  }
  if (result < 0) return result;
  if (transport == NULL) return prtc_peer_fail(peer, PRTC_ERROR_NOT_FOUND, "the peer has no such channel");
  return end(peer, prtc_transport_close_channel(transport, now, channel));
}

void prtc_peer_lose_message(prtc_peer *peer, prtc_time now, prtc_channel_id channel) {
  struct prtc_transport *transport = prtc_peer_transport_of(peer, channel);
  peer->event_lost = true;
  if (transport != NULL) (void)prtc_transport_close_channel(transport, now, channel);
  prtc_peer_wake(peer);
}

int prtc_peer_set_buffered_amount_low_threshold(prtc_peer *peer, prtc_channel_id channel, uint64_t threshold) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  PRTC_RECORD(peer->context, peer_set_buffered_amount_low_threshold, PRTC_NEVER, PRTC_NUMBER(peer->id),
              PRTC_NUMBER(channel), PRTC_NUMBER(threshold));
  struct prtc_transport *transport;
  int result = begin(peer, NULL, channel, &transport);
  if (result < 0) return result;
  return end(peer, prtc_transport_set_buffered_amount_low_threshold(transport, channel, threshold));
}

int prtc_peer_channel_info(const prtc_peer *peer, prtc_channel_id channel, prtc_channel_info *out) {
  if (peer == NULL) return PRTC_ERROR_NOT_FOUND;
  const struct prtc_transport *transport = prtc_peer_transport_of(peer, channel);
  return transport == NULL ? PRTC_ERROR_NOT_FOUND : prtc_transport_channel_info(transport, channel, out);
}
