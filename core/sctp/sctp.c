/* The public face of core/sctp: the object, its five verbs, and what is checked before a packet reaches usrsctp.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <polyrtc/sctp.h>

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/config.h"
#include "core/base/context.h"
#include "core/sctp/borrowing.h"
#include "core/sctp/internal.h"
#include "core/sctp/packet.h"
#include "core/sctp/path.h"

enum { FLAG_T = 1 }; /* RFC 9260 section 3.3.7: the tag is reflected */

static struct prtc_sctp_packet *packet_of(uint8_t *data) {
  return (struct prtc_sctp_packet *)(void *)(data - offsetof(struct prtc_sctp_packet, data));
}

uint8_t *prtc_sctp_packet(uint32_t space) {
  return ((struct prtc_sctp_packet *)prtc_sctp_malloc(sizeof(struct prtc_sctp_packet) + space))->data;
}

void prtc_sctp_packet_free(uint8_t *packet) {
  if (packet != NULL) prtc_sctp_release(packet_of(packet));
}

static void take_output(void *user, uint8_t *data, size_t size) {
  prtc_sctp *sctp = user;
  if (sctp->output_count >= PRTC_SCTP_OUTPUT_LIMIT || size < PRTC_SCTP_HEADER_SIZE) {
    prtc_sctp_packet_free(data);
    return;
  }
  struct prtc_sctp_packet *packet = packet_of(data);
  packet->size = size;
  packet->is_probe = false;
  prtc_association_enqueue(sctp, packet);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise) { return value != 0 ? value : otherwise; }

prtc_sctp *prtc_sctp_new(prtc_context *context, prtc_time now, const prtc_sctp_config *config) {
  prtc_sctp_config given = {.size = sizeof given};
  if (config != NULL && !prtc_config_copy(&given, sizeof given, config)) return NULL;
  prtc_sctp *sctp = prtc_allocate(context, sizeof *sctp);
  if (sctp == NULL) return NULL;
  sctp->context = context;
  sctp->crc32c = prtc_crc32c_best();
  sctp->output_end = &sctp->output;
  sctp->expires = PRTC_NEVER;
  sctp->local_port = (uint16_t)or_default(given.local_port, 5000);
  sctp->remote_port = (uint16_t)or_default(given.remote_port, 5000);
  sctp->mtu = or_default(given.mtu, 1136);
  sctp->max_mtu = given.max_mtu < PRTC_SCTP_PACKET_MAX ? given.max_mtu : PRTC_SCTP_PACKET_MAX;
  sctp->streams = or_default(given.streams, 1024);
  sctp->receive_window = or_default(given.receive_window, PRTC_SCTP_WINDOW);
  sctp->max_receive_window = or_default(given.max_receive_window, given.receive_window != 0 ? 0 : PRTC_SCTP_WINDOW_MAX);
  sctp->send_buffer = given.send_buffer;
  sctp->max_retransmissions = given.max_retransmissions;
  sctp->no_interleaving = given.no_interleaving != 0;
  if (sctp->mtu < PRTC_SCTP_MTU_MIN || sctp->mtu > 65535 || sctp->streams > 65535 || sctp->receive_window > INT32_MAX / 2 ||
      sctp->max_receive_window > INT32_MAX / 2 ||
      sctp->max_retransmissions > UINT16_MAX ||
      (sctp->engine = prtc_engine_new(context, now, take_output, sctp)) == NULL || prtc_association_open(sctp) < 0) {
    prtc_sctp_free(sctp);
    return NULL;
  }
  prtc_path_init(sctp);
  return sctp;
}

void prtc_sctp_free(prtc_sctp *sctp) {
  if (sctp == NULL) return;
  prtc_engine_free(sctp->engine);
  prtc_path_release(sctp);
  prtc_release(sctp->context, sctp->resets);
  prtc_release(sctp->context, sctp->read);
  prtc_release(sctp->context, sctp);
}

int prtc_sctp_connect(prtc_sctp *sctp, prtc_time now) {
  prtc_engine_set_time(sctp->engine, now);
  if (sctp->closed) return PRTC_ERROR_CLOSED;
  if (sctp->started) return 0;
  sctp->started = true;
  return prtc_association_connect(sctp);
}

/* RFC 9260 section 8.5: which verification tag a packet must carry. */
static bool has_right_tag(const prtc_sctp *sctp, uint32_t tag, uint8_t type, uint8_t flags) {
  if (type == PRTC_SCTP_INIT) return tag == 0;
  if ((type == PRTC_SCTP_ABORT || type == PRTC_SCTP_SHUTDOWN_COMPLETE) && (flags & FLAG_T) != 0) {
    return tag != 0 && tag == prtc_association_remote_tag(sctp);
  }
  return tag == prtc_association_tag(sctp);
}

/* A packet whose checksum is right: one that has arrived, or that is whole by the part that has. */
static int take_packet(prtc_sctp *sctp, prtc_time now, const uint8_t *data, size_t size, bool is_whole);

int prtc_sctp_receive(prtc_sctp *sctp, prtc_time now, const uint8_t *data, size_t size) {
  prtc_engine_set_time(sctp->engine, now);
  if (sctp->closed) return PRTC_ERROR_CLOSED;
  if (size < PRTC_SCTP_HEADER_SIZE + PRTC_SCTP_CHUNK_HEADER_SIZE || size > UINT16_MAX) return PRTC_ERROR_MALFORMED;
  uint32_t crc = (uint32_t)data[8] | (uint32_t)data[9] << 8 | (uint32_t)data[10] << 16 | (uint32_t)data[11] << 24;
  if (crc != prtc_crc32c_packet(sctp->crc32c, data, size)) return PRTC_ERROR_UNAUTHENTICATED;
  return take_packet(sctp, now, data, size, false);
}

static int take_packet(prtc_sctp *sctp, prtc_time now, const uint8_t *data, size_t size, bool is_whole) {
  struct prtc_reader reader = prtc_reader_of(data, size);
  uint16_t source = prtc_read_u16(&reader), destination = prtc_read_u16(&reader);
  uint32_t tag = prtc_read_u32(&reader);
  prtc_read_u32(&reader); /* the checksum */
  uint8_t type = prtc_read_u8(&reader), flags = prtc_read_u8(&reader);
  if (!prtc_packet_is_well_formed(data, size)) return PRTC_ERROR_MALFORMED;
  if (source != sctp->remote_port || destination != sctp->local_port) return PRTC_ERROR_UNEXPECTED;
  if (!sctp->started && type == PRTC_SCTP_INIT) {
    /* To be connected to is to connect: the two INITs meet (RFC 9260 section 5.2.1). */
    int code = prtc_sctp_connect(sctp, now);
    if (code < 0) return code;
  }
  if (!prtc_association_exists(sctp) || !has_right_tag(sctp, tag, type, flags)) return PRTC_ERROR_UNEXPECTED;
  if (prtc_path_look(sctp, data, size)) {
    const uint8_t *whole;
    size_t whole_size = is_whole ? 0 : prtc_path_join(sctp, data, size, &whole);
    return whole_size == 0 ? 0 : take_packet(sctp, now, whole, whole_size, true);
  }
  /* Notifications are not counted by the window: an application that fetches nothing must not be made to keep many. */
  if (prtc_association_unread(sctp) > (size_t)sctp->receive_window + PRTC_SCTP_NOTIFICATION_ROOM) {
    return PRTC_ERROR_QUEUE_FULL;
  }
  int code = prtc_association_expire(sctp);
  if (code == 0) code = prtc_association_input(sctp, data, size);
  return code < 0 ? code : prtc_association_continue(sctp);
}

int prtc_sctp_transmit(prtc_sctp *sctp, prtc_time now, uint8_t *out, size_t capacity) {
  const uint8_t *packet;
  int size = prtc_sctp_next(sctp, now, capacity, &packet);
  if (size > 0) memcpy(out, packet, (size_t)size);
  return size;
}

int prtc_sctp_next(prtc_sctp *sctp, prtc_time now, size_t capacity, const uint8_t **packet) {
  prtc_engine_set_time(sctp->engine, now);
  int code = prtc_association_expire(sctp);
  if (code == 0) code = prtc_path_care(sctp);
  if (code == 0) code = prtc_association_output(sctp, capacity);
  if (code > 0) *packet = sctp->current->data;
  return code;
}

uint32_t prtc_sctp_fragmentation(const prtc_sctp *sctp) { return sctp->fragmentation; }

void prtc_sctp_new_path(prtc_sctp *sctp, uint32_t overhead) { prtc_path_begin(sctp, overhead); }

uint32_t prtc_sctp_mtu(const prtc_sctp *sctp) { return sctp->path.mtu.size; }

prtc_time prtc_sctp_deadline(const prtc_sctp *sctp) {
  if (sctp->closed) return PRTC_NEVER;
  prtc_time deadline = prtc_engine_deadline(sctp->engine);
  return sctp->path.mtu.expires < deadline ? sctp->path.mtu.expires : deadline;
}

int prtc_sctp_timeout(prtc_sctp *sctp, prtc_time now) {
  prtc_engine_set_time(sctp->engine, now);
  if (sctp->closed) return 0;
  bool idle = false;
  prtc_mtu_timeout(&sctp->path.mtu, prtc_engine_now(sctp->engine));
  int code = prtc_association_expire(sctp);
  if (code == 0) code = prtc_engine_timeout(sctp->engine, &idle);
  if (idle) prtc_path_release(sctp);
  return code < 0 ? code : prtc_association_continue(sctp);
}

int prtc_sctp_event_next(prtc_sctp *sctp, prtc_sctp_event *out) {
  memset(out, 0, sizeof *out);
  int code = prtc_association_event(sctp, out);
  if (code != 0) return code;
  if (sctp->tell_closed) {
    sctp->tell_closed = false;
    out->type = PRTC_SCTP_EVENT_CLOSED;
    out->code = sctp->closed_code;
    out->is_goodbye = sctp->is_goodbye;
    memcpy(out->text, sctp->closed_text, sizeof out->text);
    return 1;
  }
  if (sctp->blocked && !sctp->closed && prtc_association_has_room(sctp)) {
    sctp->blocked = false;
    out->type = PRTC_SCTP_EVENT_WRITABLE;
    return 1;
  }
  return 0;
}

void prtc_sctp_pause(prtc_sctp *sctp, int paused) { sctp->paused = paused != 0; }

int prtc_sctp_send(prtc_sctp *sctp, prtc_time now, const prtc_sctp_message *message) {
  prtc_engine_set_time(sctp->engine, now);
  if (sctp->closed) return PRTC_ERROR_CLOSED;
  if (message->abandon) return prtc_association_abandon(sctp, message->stream);
  if (message->size == 0 || message->size > INT32_MAX / 2 || message->reliability > PRTC_LIMITED_LIFE_TIME) {
    return PRTC_ERROR_INVALID_ARGUMENT;
  }
  return prtc_association_send(sctp, message);
}

int prtc_sctp_reset_stream(prtc_sctp *sctp, prtc_time now, uint32_t stream) {
  prtc_engine_set_time(sctp->engine, now);
  if (sctp->closed) return PRTC_ERROR_CLOSED;
  return prtc_association_reset_stream(sctp, stream);
}

int prtc_sctp_add_streams(prtc_sctp *sctp, prtc_time now, uint32_t count) {
  prtc_engine_set_time(sctp->engine, now);
  if (sctp->closed) return PRTC_ERROR_CLOSED;
  if (count == 0 || count > 65535) return PRTC_ERROR_INVALID_ARGUMENT;
  return prtc_association_add_streams(sctp, count);
}

int prtc_sctp_abort(prtc_sctp *sctp, prtc_time now) {
  prtc_engine_set_time(sctp->engine, now);
  if (sctp->closed) return 0;
  sctp->closed = sctp->tell_closed = true;
  sctp->closed_code = 0;
  return prtc_association_abort(sctp);
}

size_t prtc_sctp_buffered(const prtc_sctp *sctp) { return prtc_association_buffered(sctp); }
