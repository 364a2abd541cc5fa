/* What the endpoint writes into its recording: arguments that take more than a line, and hashes of results.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "core/endpoint/endpoint.h"
#include "core/peer/options.h"

/* --------------------------------------------------------------------------------------------------------------- inputs */

void prtc_endpoint_record_input(prtc_endpoint *endpoint, prtc_time now, const prtc_datagram *datagram) {
  const prtc_datagram none = {0};
  const prtc_datagram *d = datagram != NULL ? datagram : &none;
  PRTC_RECORD(&endpoint->context, endpoint_receive, now, PRTC_NUMBER(d->socket), PRTC_NUMBER(d->protocol),
              PRTC_NUMBER(d->interface_index), PRTC_ADDRESS(&d->local), PRTC_ADDRESS(&d->remote),
              PRTC_BYTES(d->data, d->size), PRTC_NUMBER(d->segment_size), PRTC_NUMBER(d->ecn), PRTC_NUMBER(d->time));
}

void prtc_endpoint_record_peer(prtc_endpoint *endpoint, prtc_time now, const prtc_peer_config *config) {
  struct prtc_context *context = &endpoint->context;
  prtc_peer_config plain = *config;
  if (!context->recording.on) return;
  prtc_peer_record_arguments(context, now, config);
  prtc_peer_config_forget_texts(&plain);
  plain.ice_servers = NULL;
  plain.certificates = NULL;
  PRTC_RECORD(context, peer_new, now, PRTC_BYTES(&plain, sizeof plain));
}

/* -------------------------------------------------------------------------------------------------------------- results */

static void record(prtc_endpoint *endpoint, int result, uint64_t hash) {
  PRTC_RECORD(&endpoint->context, result, PRTC_NEVER, PRTC_SIGNED(result), PRTC_NUMBER(result > 0 ? hash : 0));
}

void prtc_endpoint_record_new_peer(prtc_endpoint *endpoint, prtc_peer_id id) { record(endpoint, 1, id); }

static uint64_t hash_number(uint64_t hash, uint64_t number) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(number >> (8 * i));
  return prtc_recording_hash(hash, bytes, sizeof bytes);
}

static uint64_t hash_text(uint64_t hash, const char *text) {
  return text == NULL ? hash_number(hash, 0) : prtc_recording_hash(hash, text, strlen(text) + 1);
}

static uint64_t hash_address(uint64_t hash, const prtc_address *address) {
  hash = hash_number(hash, (uint64_t)address->scope << 32 | (uint64_t)address->port << 8 | address->family);
  return prtc_recording_hash(hash, address->ip, sizeof address->ip);
}

void prtc_endpoint_record_datagram(prtc_endpoint *endpoint, int result, const prtc_datagram *datagram) {
  if (!endpoint->context.recording.on) return;
  uint64_t hash = 0;
  if (result > 0) {
    hash = hash_number(hash, datagram->socket);
    hash = hash_number(hash, datagram->segment_size);
    hash = hash_number(hash, (uint64_t)datagram->interface_index << 32 | datagram->ecn << 8 | datagram->protocol);
    hash = hash_address(hash_address(hash, &datagram->local), &datagram->remote);
    hash = prtc_recording_hash(hash, datagram->data, datagram->size);
  }
  record(endpoint, result, hash);
}

static uint64_t hash_event(uint64_t hash, const prtc_event *event) {
  hash = hash_number(hash, (uint64_t)event->type << 32 | (uint32_t)event->code);
  hash = hash_number(hash_number(hash, event->peer), event->object);
  hash = hash_number(hash, (uint64_t)event->state << 32 | event->kind);
  hash = hash_number(hash, (uint64_t)event->flags << 32 | event->index);
  hash = hash_text(hash_text(hash_text(hash, event->text), event->mid), event->ufrag);
  return event->data == NULL ? hash : prtc_recording_hash(hash, event->data, event->size);
}

void prtc_endpoint_record_events(prtc_endpoint *endpoint, int result, const prtc_event *events) {
  if (!endpoint->context.recording.on) return;
  uint64_t hash = 0;
  for (int i = 0; i < result; i++) hash = hash_event(hash, &events[i]);
  record(endpoint, result, hash);
}

void prtc_endpoint_record_request(prtc_endpoint *endpoint, int result, const prtc_request *request) {
  if (!endpoint->context.recording.on) return;
  uint64_t hash = 0;
  if (result > 0) {
    hash = hash_number(hash_number(hash, request->type), request->id);
    hash = hash_number(hash_number(hash, request->socket), request->interface_index);
    hash = hash_address(hash_address(hash, &request->address), &request->remote);
    hash = hash_text(hash, request->name);
  }
  record(endpoint, result, hash);
}
