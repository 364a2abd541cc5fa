/* The layers one by one, as ORTC has them: each is started when the application says so, and until the next one is, what
 * it carries is the application's own (polyrtc/transport.h).
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/transport/internal.h"

/* Datagrams that wait on their way in, and on their way out. */
enum { MOST = 256 };

void prtc_stages_init(struct prtc_transport *transport) {
  prtc_queue_init(&transport->stages.in, transport->context, sizeof(struct raw), MOST);
  prtc_queue_init(&transport->stages.out, transport->context, sizeof(struct raw), MOST);
}

void prtc_stages_clear(struct prtc_transport *transport) {
  struct stages *stages = &transport->stages;
  struct raw raw;
  while (prtc_queue_pop(&stages->in, &raw) || prtc_queue_pop(&stages->out, &raw)) {
    prtc_release(transport->context, raw.data);
  }
  prtc_queue_clear(&stages->in);
  prtc_queue_clear(&stages->out);
  prtc_release(transport->context, stages->given);
  stages->given = NULL;
}

bool prtc_stages_ends_at_ice(const struct prtc_transport *transport) {
  return transport->stages.one_by_one && !transport->stages.dtls;
}

bool prtc_stages_ends_at_dtls(const struct prtc_transport *transport) {
  return transport->stages.one_by_one && transport->stages.dtls && !transport->stages.sctp;
}

/* ---------------------------------------------------------------------------------------------------- the application's */

static int push(struct prtc_transport *transport, struct prtc_queue *queue, uint32_t stage, const uint8_t *data,
                size_t size) {
  if (queue->count == MOST) return PRTC_ERROR_QUEUE_FULL;
  struct raw raw = {.stage = stage, .size = size, .data = prtc_allocate(transport->context, size + 1)};
  if (raw.data == NULL) return PRTC_ERROR_NO_MEMORY;
  memcpy(raw.data, data, size);
  int code = prtc_queue_push(queue, &raw);
  if (code < 0) prtc_release(transport->context, raw.data);
  return code;
}

void prtc_stages_take(struct prtc_transport *transport, uint32_t stage, const uint8_t *data, size_t size) {
  int code = push(transport, &transport->stages.in, stage, data, size);
  if (code < 0) PRTC_LOG(transport->context, PRTC_LOG_DEBUG, "transport", "a datagram is dropped: %s", prtc_strerror(code));
}

size_t prtc_stages_next(struct prtc_transport *transport, uint32_t stage, uint8_t *out, size_t capacity) {
  const struct raw *next = prtc_queue_at(&transport->stages.out, 0);
  if (next == NULL || next->stage != stage || next->size > capacity) return 0;
  struct raw raw;
  prtc_queue_pop(&transport->stages.out, &raw);
  memcpy(out, raw.data, raw.size);
  prtc_release(transport->context, raw.data);
  return raw.size;
}

int prtc_stages_event(struct prtc_transport *transport, struct prtc_transport_event *out) {
  struct raw raw;
  prtc_release(transport->context, transport->stages.given);
  transport->stages.given = NULL;
  if (!prtc_queue_pop(&transport->stages.in, &raw)) return 0;
  transport->stages.given = raw.data;
  *out = (struct prtc_transport_event){.type = PRTC_TRANSPORT_EVENT_CHANNEL};
  out->channel = (prtc_event){.type = PRTC_EVENT_TRANSPORT_DATA, .kind = raw.stage, .data = raw.data, .size = raw.size};
  return 1;
}

static bool ice_works(const struct prtc_transport *transport) {
  prtc_ice_pair pair;
  return prtc_ice_get_usable_pair(transport->ice, &pair) == 1;
}

int prtc_transport_send_raw(struct prtc_transport *transport, const uint8_t *data, size_t size) {
  bool over_dtls = prtc_stages_ends_at_dtls(transport);
  if (transport->closed || (!over_dtls && !prtc_stages_ends_at_ice(transport))) return PRTC_ERROR_INVALID_STATE;
  if (over_dtls && prtc_dtls_get_state(transport->dtls) != PRTC_DTLS_TRANSPORT_CONNECTED) return PRTC_ERROR_INVALID_STATE;
  if (!over_dtls && !ice_works(transport)) return PRTC_ERROR_INVALID_STATE;
  if (size == 0 || (!over_dtls && data[0] <= 3)) return PRTC_ERROR_INVALID_ARGUMENT; /* RFC 7983: STUN begins so */
  size_t overhead = over_dtls ? prtc_dtls_overhead(transport->dtls) : 0;
  if (size + overhead > transport->config.mtu) return PRTC_ERROR_MESSAGE_TOO_LARGE;
  return push(transport, &transport->stages.out, over_dtls ? PRTC_STAGE_DTLS : PRTC_STAGE_ICE, data, size);
}

/* ----------------------------------------------------------------------------------------------------------- the stages */

void prtc_transport_begin_stages(struct prtc_transport *transport) { transport->stages.one_by_one = true; }

int prtc_transport_start_ice(struct prtc_transport *transport, prtc_time now, const prtc_ice_parameters *ice,
                             bool controlling) {
  if (transport->closed) return PRTC_ERROR_CLOSED;
  int code = prtc_ice_check_parameters(ice);
  if (code < 0) return code;
  (void)prtc_ice_set_controlling(transport->ice, now, controlling);
  code = prtc_ice_set_remote_parameters(transport->ice, now, ice);
  if (code == PRTC_OK) prtc_names_new_generation(transport, ice->ufrag);
  prtc_transport_pump(transport, now);
  return code;
}

/* ORTC RTCDtlsRole: "auto" is the client where ICE is controlled, and the server where it controls. */
static prtc_dtls_role role_against(const struct prtc_transport *transport, prtc_dtls_role remote) {
  if (remote == PRTC_DTLS_ROLE_CLIENT) return PRTC_DTLS_ROLE_SERVER;
  if (remote == PRTC_DTLS_ROLE_SERVER) return PRTC_DTLS_ROLE_CLIENT;
  return prtc_ice_is_controlling(transport->ice) ? PRTC_DTLS_ROLE_SERVER : PRTC_DTLS_ROLE_CLIENT;
}

int prtc_transport_set_certificate(struct prtc_transport *transport, prtc_certificate *certificate) {
  prtc_certificate *former = transport->config.certificate;
  if (transport->closed || transport->stages.dtls) return PRTC_ERROR_INVALID_STATE; /* nothing has come of it until then */
  transport->config.certificate = certificate;
  prtc_dtls *dtls = prtc_stack_new_dtls(transport);
  if (dtls == NULL) {
    transport->config.certificate = former;
    return PRTC_ERROR_NO_MEMORY;
  }
  prtc_dtls_free(transport->dtls);
  transport->dtls = dtls;
  return PRTC_OK;
}

int prtc_transport_start_dtls(struct prtc_transport *transport, prtc_time now, const prtc_fingerprint *fingerprints,
                              size_t count, prtc_dtls_role remote_role) {
  if (transport->closed) return PRTC_ERROR_CLOSED;
  if (transport->stages.dtls) return PRTC_ERROR_INVALID_STATE;
  int code = prtc_dtls_set_remote_fingerprints(transport->dtls, now, fingerprints, count);
  if (code < 0) return code;
  transport->stages.dtls = transport->has_remote = true;
  transport->role = role_against(transport, remote_role);
  (void)prtc_data_set_role(transport->data, transport->role == PRTC_DTLS_ROLE_CLIENT);
  prtc_transport_pump(transport, now);
  return PRTC_OK;
}

int prtc_transport_start_sctp(struct prtc_transport *transport, prtc_time now, uint16_t port, uint32_t max_message_size) {
  if (transport->closed) return PRTC_ERROR_CLOSED;
  if (!transport->stages.dtls || transport->stages.sctp) return PRTC_ERROR_INVALID_STATE;
  transport->stages.sctp = true;
  transport->remote_sctp_port = port;
  prtc_data_set_remote_max_message_size(transport->data, max_message_size != 0 ? max_message_size : UINT32_MAX);
  if (prtc_dtls_get_state(transport->dtls) == PRTC_DTLS_TRANSPORT_CONNECTED) prtc_stack_start_sctp(transport, now);
  prtc_transport_pump(transport, now);
  return PRTC_OK;
}
