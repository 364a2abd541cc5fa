/* What usrsctp's socket has to tell: messages and notifications, in the order in which they came about.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/text.h"
#include "core/sctp/internal.h"
#include "core/sctp/usrsctp.h"

struct reading {
  struct prtc_sctp *sctp;
  struct sctp_rcvinfo info;
  int flags;
  ssize_t size;
  uint8_t *bytes;
  bool no_memory;
  uint32_t stream;
  bool begun;     /* parts of it were given before */
  bool abandoned; /* the rest of the message will not come */
};

/* What is to be read next: the first that has something and does not overtake a message of its own stream. Of the messages
 * that wait for their rest (they stay in the queue, empty) there is one a stream at most. */
static struct sctp_queued_to_read *choose(const struct sctp_inpcb *endpoint) {
  struct sctp_queued_to_read *entry;
  TAILQ_FOREACH(entry, &endpoint->read_queue, next) {
    if (entry->length == 0 && !entry->end_added) continue;
    bool is_message = (entry->spec_flags & M_NOTIFICATION) == 0 && !entry->do_not_ref_stcb && entry->stcb != NULL;
    if (is_message && !entry->some_taken && entry->stcb->asoc.strmin[entry->sinfo_stream].delivery_started) continue;
    return entry;
  }
  return NULL;
}

/* Takes out a message that was given up after all that had come of it was read. */
static void remove_ended(struct sctp_inpcb *endpoint, struct sctp_queued_to_read *entry) {
  struct sctp_tcb *tcb = entry->stcb;
  TAILQ_REMOVE(&endpoint->read_queue, entry, next);
  if (tcb != NULL && !entry->do_not_ref_stcb) tcb->asoc.strmin[entry->sinfo_stream].delivery_started = 0;
  if (entry->aux_data != NULL) sctp_m_free(entry->aux_data);
  entry->whoFrom->ref_count--; /* the association holds it too, or all goes with the stack */
  sctp_free_a_readq(tcb, entry);
}

/* The association has ended amid an ordered message: those of its stream that came after it are not to take its place. */
static void drop_successors(struct prtc_sctp *sctp, struct sctp_inpcb *endpoint, const struct sctp_queued_to_read *ended) {
  struct sctp_queued_to_read *entry, *next;
  if (prtc_association_of(sctp) != NULL || (ended->sinfo_flags >> 8 & SCTP_DATA_UNORDERED) != 0) return;
  TAILQ_FOREACH_SAFE(entry, &endpoint->read_queue, next, next) {
    bool is_message = (entry->spec_flags & M_NOTIFICATION) == 0;
    bool is_ordered = (entry->sinfo_flags >> 8 & SCTP_DATA_UNORDERED) == 0;
    if (entry == ended || !is_message || !is_ordered || entry->sinfo_stream != ended->sinfo_stream) continue;
    TAILQ_REMOVE(&endpoint->read_queue, entry, next);
    sctp->socket->so_rcv.sb_cc -= entry->length;
    sctp_m_freem(entry->data);
    entry->whoFrom->ref_count--;
    sctp_free_a_readq((struct sctp_tcb *)NULL, entry);
  }
}

static bool make_room(struct prtc_sctp *sctp, size_t size) {
  size_t capacity = 2048;
  if (size <= sctp->read_capacity) return true;
  while (capacity < size) capacity *= 2;
  void *grown = prtc_reallocate(sctp->context, sctp->read, capacity);
  if (grown == NULL) return false;
  sctp->read = grown;
  sctp->read_capacity = capacity;
  return true;
}

static void release_room(struct prtc_sctp *sctp) {
  prtc_release(sctp->context, sctp->read);
  sctp->read = NULL;
  sctp->read_capacity = 0;
}

/* Where it is read to: a whole message to where the application will see it, if there is such a place. */
static uint8_t *space_for(struct prtc_sctp *sctp, const struct sctp_queued_to_read *entry) {
  struct prtc_arena *batch = sctp->context->batch;
  uint8_t *space = batch != NULL && prtc_association_can_read_whole(entry) ? prtc_arena_allocate(batch, entry->length) : NULL;
  if (space != NULL) return space;
  return make_room(sctp, entry->length) ? sctp->read : NULL;
}

/* Reads one message, part of a message, or notification: as much of it as is there. */
static void read_work(void *argument) {
  struct reading *reading = argument;
  struct prtc_sctp *sctp = reading->sctp;
  struct sctp_inpcb *endpoint = (struct sctp_inpcb *)sctp->socket->so_pcb;
  struct sctp_queued_to_read *entry = choose(endpoint);
  socklen_t info_size = sizeof reading->info;
  unsigned int info_type = 0;
  *reading = (struct reading){.sctp = sctp};
  if (entry == NULL || (sctp->paused && (entry->spec_flags & M_NOTIFICATION) == 0)) return;
  reading->stream = entry->sinfo_stream;
  reading->begun = entry->some_taken != 0;
  entry->some_taken = reading->begun; /* usrsctp counts the parts in eight bits, and takes 256 of them for none */
  reading->abandoned = entry->pdapi_aborted != 0 || entry->length == 0;
  if (reading->abandoned) drop_successors(sctp, endpoint, entry);
  if (entry->length == 0) {
    remove_ended(endpoint, entry);
    return;
  }
  reading->bytes = space_for(sctp, entry);
  if (reading->bytes == NULL) {
    reading->no_memory = true;
    return;
  }
  if (prtc_association_can_read_whole(entry)) {
    reading->size = (ssize_t)entry->length;
    reading->flags = MSG_EOR;
    reading->info.rcv_ppid = entry->sinfo_ppid;
    reading->info.rcv_flags = (entry->sinfo_flags >> 8 & SCTP_DATA_UNORDERED) != 0 ? SCTP_UNORDERED : 0;
    prtc_association_read_whole(sctp, entry, reading->bytes);
    prtc_association_note_read(sctp, (size_t)reading->size);
    return;
  }
  TAILQ_REMOVE(&endpoint->read_queue, entry, next);
  TAILQ_INSERT_HEAD(&endpoint->read_queue, entry, next); /* usrsctp reads the first */
  reading->size = usrsctp_recvv(sctp->socket, reading->bytes, entry->length, NULL, NULL, &reading->info, &info_size,
                                &info_type, &reading->flags);
  if (reading->size > 0) prtc_association_note_read(sctp, (size_t)reading->size);
}

static void set_closed(struct prtc_sctp *sctp, int code, const char *text) {
  struct prtc_text out = prtc_text_of(sctp->closed_text, sizeof sctp->closed_text);
  prtc_text_print(&out, "%s", text);
  sctp->closed = sctp->tell_closed = true;
  sctp->closed_code = code;
  PRTC_LOG(sctp->context, PRTC_LOG_INFO, "sctp", "closed: %s", sctp->closed_text);
}

/* RFC 9260 section 3.3.10: the ABORT chunk's first cause, and its text where it is one that has text. */
static uint16_t describe_abort(const uint8_t *chunk, size_t size, char *out, size_t capacity) {
  struct prtc_reader reader = prtc_reader_of(chunk, size);
  struct prtc_text text = prtc_text_of(out, capacity);
  prtc_read_u32(&reader);
  uint16_t cause = prtc_read_u16(&reader), length = prtc_read_u16(&reader);
  prtc_text_print(&text, "the other side aborted the association");
  if (reader.failed) return 0;
  prtc_text_print(&text, ", cause %u", cause);
  if (cause != SCTP_CAUSE_USER_INITIATED_ABT && cause != SCTP_CAUSE_PROTOCOL_VIOLATION) return cause;
  for (size_t i = 4; i < length && prtc_reader_left(&reader) > 0; i++) {
    uint8_t letter = prtc_read_u8(&reader);
    prtc_text_print(&text, "%s%c", i == 4 ? ": " : "", letter >= ' ' && letter < 127 ? letter : '?');
  }
  return cause;
}

/* usrsctp notes the place in its code at which it gave an association up: in that of the timers, nobody answered. */
static bool was_timeout(const struct prtc_sctp *sctp) {
  const struct sctp_inpcb *endpoint = (const struct sctp_inpcb *)sctp->socket->so_pcb;
  return sctp->socket->so_error == ETIMEDOUT || (endpoint->last_abort_code & 0xf0000000) == SCTP_FROM_SCTP_TIMER;
}

static int association_change(struct prtc_sctp *sctp, const struct sctp_assoc_change *change, prtc_sctp_event *out) {
  switch (change->sac_state) {
  case SCTP_COMM_UP:
    out->type = PRTC_SCTP_EVENT_CONNECTED;
    out->outgoing_streams = change->sac_outbound_streams;
    out->incoming_streams = change->sac_inbound_streams;
    out->interleaving = prtc_association_interleaves(sctp);
    PRTC_LOG(sctp->context, PRTC_LOG_INFO, "sctp", "connected, with %u streams out and %u in", change->sac_outbound_streams,
             change->sac_inbound_streams);
    return 1;
  case SCTP_COMM_LOST:
  case SCTP_CANT_STR_ASSOC:
    if (change->sac_length > sizeof *change) { /* the ABORT chunk of the other side */
      char text[sizeof sctp->closed_text];
      uint16_t cause = describe_abort(change->sac_info, change->sac_length - sizeof *change, text, sizeof text);
      sctp->is_goodbye = cause == 0 || cause == SCTP_CAUSE_USER_INITIATED_ABT;
      set_closed(sctp, PRTC_ERROR_SCTP_ABORTED, text);
    } else if (was_timeout(sctp)) {
      set_closed(sctp, PRTC_ERROR_TIMEOUT, "the other side did not answer");
    } else {
      set_closed(sctp, PRTC_ERROR_PROTOCOL, "the association was aborted because the other side broke the protocol");
    }
    return 0;
  case SCTP_SHUTDOWN_COMP:
    set_closed(sctp, 0, "");
    return 0;
  default: /* a restart: the caller's layer below (DTLS) would have been new as well */
    prtc_association_abort(sctp);
    set_closed(sctp, PRTC_ERROR_PROTOCOL, "the other side restarted the association");
    return 0;
  }
}

/* The streams of a reset notification become one event each: the first now, the others from `read` at the next calls. */
static int next_reset(struct prtc_sctp *sctp, prtc_sctp_event *out) {
  const struct sctp_stream_reset_event *event = (const struct sctp_stream_reset_event *)(const void *)sctp->read;
  bool incoming = (event->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) != 0;
  bool refused = (event->strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) != 0;
  out->type = incoming ? PRTC_SCTP_EVENT_INCOMING_RESET : PRTC_SCTP_EVENT_OUTGOING_RESET;
  out->code = refused ? PRTC_ERROR_PROTOCOL : 0;
  PRTC_LOG(sctp->context, PRTC_LOG_DEBUG, "sctp", "%s reset of streams%s", incoming ? "incoming" : "outgoing",
           refused ? " was refused" : "");
  out->message.stream = sctp->list_is_all ? sctp->list_next : event->strreset_stream_list[sctp->list_next];
  sctp->list_next++;
  return 1;
}

static int stream_reset(struct prtc_sctp *sctp, const struct sctp_stream_reset_event *event, prtc_sctp_event *out) {
  sctp->list_next = 0;
  sctp->list_count = (uint32_t)((event->strreset_length - sizeof *event) / sizeof(uint16_t));
  sctp->list_is_all = sctp->list_count == 0;
  if (sctp->list_is_all) {
    bool incoming = (event->strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN) != 0;
    sctp->list_count = prtc_association_streams(sctp, incoming);
  }
  return sctp->list_count > 0 ? next_reset(sctp, out) : 0;
}

static int notification(struct prtc_sctp *sctp, size_t size, prtc_sctp_event *out) {
  const union sctp_notification *event = (const union sctp_notification *)(const void *)sctp->read;
  if (size < sizeof event->sn_header) return 0;
  switch (event->sn_header.sn_type) {
  case SCTP_ASSOC_CHANGE:
    return association_change(sctp, &event->sn_assoc_change, out);
  case SCTP_STREAM_RESET_EVENT:
    return stream_reset(sctp, &event->sn_strreset_event, out);
  case SCTP_STREAM_CHANGE_EVENT:
    if (event->sn_strchange_event.strchange_flags != 0) return 0; /* denied or failed */
    out->type = PRTC_SCTP_EVENT_STREAMS;
    out->outgoing_streams = event->sn_strchange_event.strchange_outstrms;
    out->incoming_streams = event->sn_strchange_event.strchange_instrms;
    return 1;
  default:
    return 0;
  }
}

static int message(const struct reading *reading, prtc_sctp_event *out) {
  out->message.stream = reading->stream;
  if (reading->abandoned) {
    out->type = PRTC_SCTP_EVENT_ABANDONED;
    return reading->begun ? 1 : 0;
  }
  out->type = PRTC_SCTP_EVENT_MESSAGE;
  out->message.ppid = ntohl(reading->info.rcv_ppid);
  out->message.unordered = (reading->info.rcv_flags & SCTP_UNORDERED) != 0;
  out->message.begin = !reading->begun;
  out->message.end = (reading->flags & MSG_EOR) != 0;
  out->message.data = reading->bytes;
  out->message.size = (size_t)reading->size;
  return 1;
}

int prtc_association_event(struct prtc_sctp *sctp, prtc_sctp_event *out) {
  if (sctp->list_next < sctp->list_count) return next_reset(sctp, out);
  while (!sctp->closed) {
    struct reading reading = {.sctp = sctp};
    int code = prtc_engine_run(sctp->engine, read_work, &reading);
    if (code < 0) return code;
    if (reading.no_memory) return PRTC_ERROR_NO_MEMORY;
    if (reading.size <= 0 && !reading.abandoned) {
      release_room(sctp);
      return 0;
    }
    bool is_notification = (reading.flags & MSG_NOTIFICATION) != 0;
    code = is_notification ? notification(sctp, (size_t)reading.size, out) : message(&reading, out);
    if (code != 0) return code;
    memset(out, 0, sizeof *out);
  }
  return 0;
}
