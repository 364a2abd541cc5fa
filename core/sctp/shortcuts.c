/* Whole messages, sent and read without usrsctp's socket calls: what these do for the usual case, and nothing else. They look
 * at all that a socket can be set to, each time; for a message of 64 bytes that is a quarter of what it costs.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/internal.h"
#include "core/sctp/usrsctp.h"

enum { LARGEST = 32 * 1024 }; /* in one mbuf: what core/data gives is smaller */

/* ----------------------------------------------------------------------------------------------------------------- send */

/* The bytes in one mbuf, with room before them for the header of a chunk. */
static struct mbuf *mbuf_of(const struct sctp_tcb *tcb, const uint8_t *bytes, size_t size) {
  int room = (int)SCTP_DATA_CHUNK_OVERHEAD(tcb);
  struct mbuf *m = sctp_get_mbuf_for_msg((unsigned)room + (unsigned)size, 0, M_WAITOK, 1, MT_DATA);
  m->m_data += room;
  m->m_len = (int)size;
  memcpy(mtod(m, uint8_t *), bytes, size);
  return m;
}

bool prtc_association_send_whole(struct prtc_sctp *sctp, struct sctp_tcb *tcb, const prtc_sctp_message *message) {
  struct sctp_association *association = &tcb->asoc;
  if (!message->begin || !message->end || message->reliability != PRTC_RELIABLE || message->size > LARGEST ||
      SCTP_GET_STATE(tcb) != SCTP_STATE_OPEN || (association->state & SCTP_STATE_SHUTDOWN_PENDING) != 0 ||
      message->stream >= association->streamoutcnt) {
    return false;
  }
  struct sctp_stream_out *stream = &association->strmout[message->stream];
  bool is_locked = association->stream_locked && association->stream_locked_on != message->stream;
  if (stream->last_msg_incomplete || is_locked || sctp->socket->so_error != 0) return false;
  struct sctp_stream_queue_pending *pending;
  sctp_alloc_a_strmoq(tcb, pending);
  pending->sinfo_flags = SCTP_EOR | (message->unordered ? SCTP_UNORDERED : 0);
  pending->ppid = htonl(message->ppid);
  pending->sid = (uint16_t)message->stream;
  pending->length = (uint32_t)message->size;
  pending->data = pending->tail_mbuf = mbuf_of(tcb, message->data, message->size);
  pending->msg_is_complete = pending->sender_all_done = 1;
  (void)SCTP_GETTIME_TIMEVAL(&pending->ts);
  sctp_snd_sb_alloc(tcb, pending->length);
  association->stream_queue_cnt++;
  TAILQ_INSERT_TAIL(&stream->outqueue, pending, next);
  association->ss_functions.sctp_ss_add_to_stream(tcb, association, stream, pending, 1);
  return true;
}

/* ----------------------------------------------------------------------------------------------------------------- read */

/* The window is told anew when it has grown by an eighth: with the next packet. */
static void tell_window(struct prtc_sctp *sctp, struct sctp_tcb *tcb) {
  uint32_t window = sctp_calc_rwnd(tcb, &tcb->asoc), told = tcb->asoc.my_last_reported_rwnd;
  uint32_t step = SCTP_SB_LIMIT_RCV(sctp->socket) >> SCTP_RWND_HIWAT_SHIFT;
  if (step < SCTP_MIN_RWND) step = SCTP_MIN_RWND;
  if (SCTP_GET_STATE(tcb) != SCTP_STATE_OPEN || window < told || window - told < step) return;
  sctp_send_sack(tcb, SCTP_SO_LOCKED);
  sctp_timer_stop(SCTP_TIMER_TYPE_RECV, tcb->sctp_ep, tcb, NULL, 0);
  sctp->unflushed = true;
}

static uint32_t less(uint32_t from, uint32_t by) { return from > by ? from - by : 0; }

bool prtc_association_can_read_whole(const struct sctp_queued_to_read *entry) {
  return entry->end_added && !entry->some_taken && !entry->pdapi_aborted && !entry->do_not_ref_stcb && entry->stcb != NULL &&
         (entry->spec_flags & M_NOTIFICATION) == 0 && (entry->stcb->asoc.state & SCTP_STATE_ABOUT_TO_BE_FREED) == 0;
}

void prtc_association_read_whole(struct prtc_sctp *sctp, struct sctp_queued_to_read *entry, uint8_t *out) {
  struct sctp_inpcb *endpoint = (struct sctp_inpcb *)sctp->socket->so_pcb;
  struct sockbuf *buffer = &sctp->socket->so_rcv;
  struct sctp_tcb *tcb = entry->stcb;
  for (struct mbuf *m = entry->data; m != NULL; m = sctp_m_free(m)) {
    uint32_t size = (uint32_t)m->m_len;
    memcpy(out, mtod(m, uint8_t *), size);
    out += size;
    buffer->sb_cc = less(buffer->sb_cc, size);
    buffer->sb_mbcnt = less(buffer->sb_mbcnt, MSIZE);
    tcb->asoc.sb_cc = less(tcb->asoc.sb_cc, size);
    tcb->asoc.my_rwnd_control_len = less(tcb->asoc.my_rwnd_control_len, MSIZE);
    tcb->freed_by_sorcv_sincelast += size + MSIZE;
  }
  entry->data = entry->tail_mbuf = NULL;
  entry->length = 0;
  TAILQ_REMOVE(&endpoint->read_queue, entry, next);
  if (entry->aux_data != NULL) sctp_m_free(entry->aux_data);
  entry->whoFrom->ref_count--; /* the association holds it too */
  sctp_free_a_readq(tcb, entry);
  if (tcb->freed_by_sorcv_sincelast >= SCTP_MIN_RWND) {
    tcb->freed_by_sorcv_sincelast = 0;
    tell_window(sctp, tcb);
  }
}
