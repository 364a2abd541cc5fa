/* See path.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/path.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/sctp/packet.h"

enum {
  HEARTBEAT_INFO = 1, /* RFC 9260 section 3.3.5: the type of the only parameter of a HEARTBEAT */
  INFO_SIZE = 24,     /* with the parameter's header */
  TELL_ME = 1,        /* flag: the sender does not know yet what the other side takes */
  PART_HEADER_SIZE = PRTC_SCTP_CHUNK_HEADER_SIZE + 8,
  BUSY = 32 * 1024,   /* bytes that have to be sent before it is worth while to look for larger packets */
  LOSSES = 3,         /* so often is a chunk sent in vain until its size is blamed */
};

static const uint8_t magic[8] = {'p', 'o', 'l', 'y', 'r', 't', 'c', '1'};

struct info {
  uint32_t nonce;
  size_t size;  /* of the probe */
  size_t takes; /* the largest packet that the sender takes */
  bool tell_me;
};

/* -------------------------------------------------------------------------------------------------------------- probes */

/* A probe of `size` bytes, or the least that tells what is to be told. The stack's memory. */
static void make_probe(struct prtc_sctp *sctp, size_t size) {
  size_t least = PRTC_SCTP_HEADER_SIZE + PRTC_SCTP_CHUNK_HEADER_SIZE + INFO_SIZE;
  if (size < least + PRTC_SCTP_CHUNK_HEADER_SIZE) size = least;
  struct prtc_sctp_packet *packet = prtc_sctp_malloc(sizeof *packet + size);
  struct prtc_writer writer = prtc_writer_of(packet->data, size);
  packet->size = size;
  packet->is_probe = true;
  memset(packet->data, 0, size);
  prtc_write_u16(&writer, sctp->local_port);
  prtc_write_u16(&writer, sctp->remote_port);
  prtc_write_u32(&writer, prtc_association_remote_tag(sctp));
  prtc_write_u32(&writer, 0); /* the checksum */
  prtc_write_u16(&writer, PRTC_SCTP_HEARTBEAT << 8);
  prtc_write_u16(&writer, PRTC_SCTP_CHUNK_HEADER_SIZE + INFO_SIZE);
  prtc_write_u16(&writer, HEARTBEAT_INFO);
  prtc_write_u16(&writer, INFO_SIZE);
  prtc_write_bytes(&writer, magic, sizeof magic);
  prtc_write_u32(&writer, sctp->path.nonce);
  prtc_write_u16(&writer, (uint16_t)size);
  prtc_write_u16(&writer, (uint16_t)sctp->path.takes);
  prtc_write_u32(&writer, sctp->path.remote_takes == 0 ? TELL_ME : 0);
  if (size > least) {
    prtc_write_u16(&writer, PRTC_SCTP_PAD << 8);
    prtc_write_u16(&writer, (uint16_t)(size - least));
  }
  prtc_association_enqueue(sctp, packet);
}

/* The parameter of a HEARTBEAT or its answer, when it is one of polyrtc's. */
static bool read_info(const uint8_t *packet, size_t at, size_t end, struct info *out) {
  struct prtc_reader reader = prtc_reader_of(packet + at + PRTC_SCTP_CHUNK_HEADER_SIZE, end - at - PRTC_SCTP_CHUNK_HEADER_SIZE);
  uint16_t type = prtc_read_u16(&reader), size = prtc_read_u16(&reader);
  const uint8_t *mark = prtc_read_bytes(&reader, sizeof magic);
  out->nonce = prtc_read_u32(&reader);
  out->size = prtc_read_u16(&reader);
  out->takes = prtc_read_u16(&reader);
  out->tell_me = (prtc_read_u32(&reader) & TELL_ME) != 0;
  return !reader.failed && type == HEARTBEAT_INFO && size == INFO_SIZE && memcmp(mark, magic, sizeof magic) == 0;
}

static void set_most(struct prtc_sctp *sctp) {
  struct prtc_path *path = &sctp->path;
  size_t most = path->remote_takes != 0 ? path->remote_takes : path->mtu.base;
  prtc_mtu_set_most(&path->mtu, (uint32_t)(most < sctp->max_mtu ? most : sctp->max_mtu));
}

static void take_answer(struct prtc_sctp *sctp, const struct info *info) {
  if (info->nonce != sctp->path.nonce) return; /* of another path */
  prtc_mtu_acknowledged(&sctp->path.mtu, prtc_engine_now(sctp->engine), (uint32_t)info->size);
}

static void take_question(struct prtc_sctp *sctp, const struct info *info) {
  struct prtc_path *path = &sctp->path;
  path->remote_takes = info->takes < PRTC_SCTP_MTU_MIN ? PRTC_SCTP_MTU_MIN : (uint32_t)info->takes;
  path->tell = path->tell || info->tell_me;
  set_most(sctp);
}

bool prtc_path_look(struct prtc_sctp *sctp, const uint8_t *packet, size_t size) {
  struct info info;
  prtc_mtu_heard(&sctp->path.mtu);
  for (size_t at = PRTC_SCTP_HEADER_SIZE, end; (end = prtc_packet_item_end(packet, at, size)) != 0;
       at = prtc_packet_padded(end)) {
    switch (packet[at]) {
      case PRTC_SCTP_PART: return true;
      /* These go to usrsctp all the same, with whatever else is in the packet: it answers the one, and does not know the
       * other by its length. */
      case PRTC_SCTP_HEARTBEAT:
        if (read_info(packet, at, end, &info)) take_question(sctp, &info);
        break;
      case PRTC_SCTP_HEARTBEAT_ACK:
        if (read_info(packet, at, end, &info)) take_answer(sctp, &info);
        break;
      default: break;
    }
  }
  return false;
}

/* ------------------------------------------------------------------------------------------------------------- the path */

void prtc_path_init(struct prtc_sctp *sctp) {
  struct prtc_path *path = &sctp->path;
  size_t takes = sctp->receive_window / 8; /* a window of few packets makes a slow association */
  prtc_mtu_init(&path->mtu, sctp->mtu);
  path->ask_at = BUSY;
  path->takes = takes < PRTC_SCTP_PACKET_MAX ? (uint32_t)takes : PRTC_SCTP_PACKET_MAX;
  set_most(sctp);
}

void prtc_path_begin(struct prtc_sctp *sctp, uint32_t overhead) {
  struct prtc_path *path = &sctp->path;
  path->mtu.overhead = overhead < 1500 - PRTC_SCTP_MTU_MIN ? overhead : 1500 - PRTC_SCTP_MTU_MIN;
  path->nonce++; /* answers of the former path count no more */
  path->sent = 0;
  path->ask_at = BUSY;
  prtc_mtu_restart(&path->mtu);
  set_most(sctp);
}

/* RFC 8899 section 4.3: when data of the large size is lost again and again, the base is taken again. */
static bool is_black_hole(const struct prtc_sctp *sctp) {
  return sctp->path.mtu.size > sctp->path.mtu.base && prtc_association_losses(sctp) >= LOSSES;
}

struct care {
  struct prtc_sctp *sctp;
  uint32_t wanted;
};

static void care_work(void *argument) {
  struct care *care = argument;
  struct prtc_sctp *sctp = care->sctp;
  struct prtc_path *path = &sctp->path;
  /* What is to be told or asked comes through on any path. */
  if (path->tell) make_probe(sctp, 0);
  if (care->wanted != 0) make_probe(sctp, care->wanted);
  path->tell = false;
}

int prtc_path_care(struct prtc_sctp *sctp) {
  struct prtc_path *path = &sctp->path;
  prtc_time now = prtc_engine_now(sctp->engine);
  if (!prtc_association_is_open(sctp)) return 0;
  if (is_black_hole(sctp)) {
    PRTC_LOG(sctp->context, PRTC_LOG_INFO, "sctp", "path MTU: packets of %u bytes are lost, back to %u", path->mtu.size,
             path->mtu.base);
    prtc_mtu_doubt(&path->mtu);
  }
  if (path->mtu.size != path->used) {
    if (path->used != 0) {
      PRTC_LOG(sctp->context, PRTC_LOG_INFO, "sctp", "path MTU: packets of %u bytes from now on", path->mtu.size);
    }
    path->used = path->mtu.size;
    prtc_association_set_mtu(sctp, path->used);
  }
  if (path->remote_takes == 0 && sctp->max_mtu > path->mtu.base && path->sent >= path->ask_at) {
    path->tell = true;
    path->ask_at *= 4; /* the question may get lost; who does not know of it is not asked for ever */
  }
  struct care care = {sctp, path->sent >= BUSY ? prtc_mtu_wanted(&path->mtu, now) : 0};
  if (!path->tell && care.wanted == 0) return 0;
  if (care.wanted != 0) prtc_mtu_sent(&path->mtu, now, care.wanted, prtc_association_rto(sctp));
  return prtc_engine_run(sctp->engine, care_work, &care);
}

/* --------------------------------------------------------------------------------------------------------------- parts */

void prtc_path_divide(struct prtc_sctp *sctp) {
  struct prtc_sctp_packet *whole = sctp->output, *parts = NULL, **end = &parts;
  size_t body = whole->size - PRTC_SCTP_HEADER_SIZE, count = 0;
  size_t room = (sctp->path.used - PRTC_SCTP_HEADER_SIZE - PART_HEADER_SIZE) & ~(size_t)3;
  sctp->path.divided++;
  for (size_t offset = 0; offset < body; offset += room, count++) {
    size_t size = body - offset < room ? body - offset : room, padded = prtc_packet_padded(size);
    size_t packet_size = PRTC_SCTP_HEADER_SIZE + PART_HEADER_SIZE + padded;
    struct prtc_sctp_packet *part = prtc_sctp_malloc(sizeof *part + packet_size);
    struct prtc_writer writer = prtc_writer_of(part->data, packet_size);
    *part = (struct prtc_sctp_packet){.size = packet_size};
    prtc_write_bytes(&writer, whole->data, PRTC_SCTP_HEADER_SIZE);
    prtc_write_u16(&writer, PRTC_SCTP_PART << 8);
    prtc_write_u16(&writer, (uint16_t)(PART_HEADER_SIZE + size));
    prtc_write_u32(&writer, sctp->path.divided);
    prtc_write_u16(&writer, (uint16_t)body);
    prtc_write_u16(&writer, (uint16_t)offset);
    prtc_write_bytes(&writer, whole->data + PRTC_SCTP_HEADER_SIZE + offset, size);
    for (size_t i = size; i < padded; i++) prtc_write_u8(&writer, 0);
    *end = part;
    end = &part->next;
  }
  *end = whole->next;
  if (whole->next == NULL) sctp->output_end = end;
  sctp->output = parts;
  sctp->output_count += count - 1;
  prtc_sctp_release(whole);
}

/* What is known of a packet that comes in parts. Parts begin at multiples of four, so a bit for each four bytes will do. */
struct prtc_path_whole {
  uint32_t number;
  size_t size, missing; /* bytes, and fours of them */
  uint8_t there[PRTC_SCTP_PACKET_MAX / 4 / 8];
  uint8_t data[PRTC_SCTP_PACKET_MAX];
};

/* The place for a packet; what is there of one before it makes room. NULL without memory: the part is lost. */
static struct prtc_path_whole *place_for(struct prtc_sctp *sctp, uint32_t number, size_t size) {
  struct prtc_path_whole **place = &sctp->path.wholes[number % PRTC_PATH_WHOLES];
  if (*place == NULL) *place = prtc_allocate(sctp->context, sizeof **place);
  else if ((*place)->number == number && (*place)->size == size) return *place;
  if (*place == NULL) return NULL;
  (*place)->number = number;
  (*place)->size = size;
  (*place)->missing = (size + 3) / 4;
  memset((*place)->there, 0, sizeof (*place)->there);
  return *place;
}

size_t prtc_path_join(struct prtc_sctp *sctp, const uint8_t *packet, size_t size, const uint8_t **out) {
  size_t at = prtc_packet_find(packet, size, PRTC_SCTP_HEADER_SIZE, PRTC_SCTP_PART);
  size_t end = prtc_packet_item_end(packet, at, size);
  struct prtc_reader reader = prtc_reader_of(packet + at + PRTC_SCTP_CHUNK_HEADER_SIZE, end - at - PRTC_SCTP_CHUNK_HEADER_SIZE);
  uint32_t number = prtc_read_u32(&reader);
  size_t whole = prtc_read_u16(&reader), offset = prtc_read_u16(&reader), part = prtc_reader_left(&reader);
  bool is_last = offset + part == whole;
  if (reader.failed || whole > PRTC_SCTP_PACKET_MAX - PRTC_SCTP_HEADER_SIZE || offset % 4 != 0 || part == 0 ||
      offset + part > whole || (part % 4 != 0 && !is_last)) {
    return 0;
  }
  struct prtc_path_whole *place = place_for(sctp, number, whole);
  if (place == NULL) return 0;
  memcpy(place->data + PRTC_SCTP_HEADER_SIZE + offset, packet + end - part, part);
  for (size_t four = offset / 4; four < (offset + part + 3) / 4; four++) {
    uint8_t bit = (uint8_t)(1u << four % 8);
    if ((place->there[four / 8] & bit) == 0) place->missing--;
    place->there[four / 8] |= bit;
  }
  if (place->missing > 0) return 0;
  memcpy(place->data, packet, PRTC_SCTP_HEADER_SIZE);
  place->number--; /* what comes of it again is of another one */
  *out = place->data;
  return PRTC_SCTP_HEADER_SIZE + whole;
}

void prtc_path_release(struct prtc_sctp *sctp) {
  for (size_t i = 0; i < PRTC_PATH_WHOLES; i++) {
    prtc_release(sctp->context, sctp->path.wholes[i]);
    sctp->path.wholes[i] = NULL;
  }
}
