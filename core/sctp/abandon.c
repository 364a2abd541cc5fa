/* Messages that are given up (RFC 3758): one that was begun, at its sender's wish; and those whose life time is over.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usrsctp gives messages up by its policies only (so many retransmissions, so much time), and only those that were sent
 * with one. Here what is left of a message is made to look as if its policy had given it up: what of it is under way, in
 * `sent_queue` and `send_queue`, is marked to be skipped; a chunk without data stands for the end that will not be sent;
 * and a FORWARD-TSN (or I-FORWARD-TSN) says so to the other side.
 *
 * usrsctp asks for the life time of a message only when something of it was lost: what waits to be sent for the first time,
 * or again, it sends however late it is. RFC 9260 section 11.1.5: data is not sent after its life time. So that is looked
 * after here.
 */
#include "core/sctp/internal.h"
#include "core/sctp/usrsctp.h"

struct abandoning {
  struct prtc_sctp *sctp;
  struct sctp_tcb *tcb;
  uint32_t stream;
  int result;
};

static uint32_t number_of(const struct sctp_tcb *tcb, const struct sctp_stream_out *stream, bool unordered) {
  if (!unordered) return stream->next_mid_ordered;
  return tcb->asoc.idata_supported != 0 ? stream->next_mid_unordered : 0;
}

static bool is_part(const struct sctp_tcb *tcb, const struct sctp_stream_out *stream, bool unordered,
                    const struct sctp_tmit_chunk *chunk) {
  return chunk->rec.data.sid == stream->sid && ((chunk->rec.data.rcv_flags & SCTP_DATA_UNORDERED) != 0) == unordered &&
         SCTP_MID_EQ(tcb->asoc.idata_supported, chunk->rec.data.mid, number_of(tcb, stream, unordered));
}

/* A chunk may be skipped only when it has a policy. */
static uint16_t with_policy(struct sctp_tcb *tcb, uint16_t flags, bool count) {
  if (PR_SCTP_ENABLED(flags)) return flags;
  if (count) tcb->asoc.pr_sctp_cnt++;
  return (uint16_t)(flags | SCTP_PR_SCTP_RTX);
}

/* Marks what there is of the message; returns the first that has been sent. */
static struct sctp_tmit_chunk *mark_chunks(struct sctp_tcb *tcb, const struct sctp_stream_out *stream, bool unordered) {
  struct sctp_tmit_chunk *chunk, *first = NULL;
  const struct sctp_tmit_chunk *end = NULL;
  if (unordered && tcb->asoc.idata_supported == 0) {
    /* All unordered messages have one number: this one begins behind the last end. */
    TAILQ_FOREACH(chunk, &tcb->asoc.sent_queue, sctp_next) {
      if (is_part(tcb, stream, unordered, chunk) && (chunk->rec.data.rcv_flags & SCTP_DATA_LAST_FRAG) != 0) end = chunk;
    }
  }
  TAILQ_FOREACH(chunk, &tcb->asoc.sent_queue, sctp_next) {
    if (end == NULL && is_part(tcb, stream, unordered, chunk)) {
      chunk->flags = with_policy(tcb, chunk->flags, true);
      if (first == NULL) first = chunk;
    }
    if (chunk == end) end = NULL;
  }
  TAILQ_FOREACH(chunk, &tcb->asoc.send_queue, sctp_next) {
    if (is_part(tcb, stream, unordered, chunk)) chunk->flags = with_policy(tcb, chunk->flags, true);
  }
  return first;
}

/* Nothing of the message is under way: the chunk that stands for its end. */
static void add_end(struct sctp_tcb *tcb, struct sctp_stream_out *stream, struct sctp_stream_queue_pending *message,
                    bool unordered) {
  struct sctp_tmit_chunk *chunk;
  sctp_alloc_a_chunk(tcb, chunk);
  if (chunk == NULL) return;
  memset(chunk, 0, sizeof *chunk);
  chunk->sent = SCTP_FORWARD_TSN_SKIP;
  chunk->asoc = &tcb->asoc;
  chunk->rec.data.rcv_flags = (uint8_t)(SCTP_DATA_LAST_FRAG | (unordered ? SCTP_DATA_UNORDERED : 0));
  chunk->rec.data.mid = number_of(tcb, stream, unordered);
  chunk->rec.data.sid = stream->sid;
  chunk->rec.data.ppid = message->ppid;
  chunk->rec.data.tsn = tcb->asoc.sending_seq++;
  chunk->flags = message->act_flags;
  chunk->whoTo = tcb->asoc.primary_destination;
  chunk->whoTo->ref_count++;
  TAILQ_INSERT_TAIL(&tcb->asoc.sent_queue, chunk, sctp_next);
  tcb->asoc.sent_queue_cnt++;
  tcb->asoc.pr_sctp_cnt++;
  stream->chunks_on_queues++;
  if (!unordered) {
    stream->next_mid_ordered++;
  } else if (tcb->asoc.idata_supported != 0) {
    stream->next_mid_unordered++;
  }
  if (message->data != NULL) {
    sctp_free_spbufspace(tcb, &tcb->asoc, message);
    sctp_m_freem(message->data);
    message->data = message->tail_mbuf = NULL;
    message->length = 0;
  }
  message->discard_rest = 1;
}

/* What an arriving SACK would lead to (RFC 3758 section 3.5): none may come any more. */
static void tell(struct sctp_tcb *tcb) {
  struct sctp_association *association = &tcb->asoc;
  if (SCTP_TSN_GT(association->last_acked_seq, association->advanced_peer_ack_point)) {
    association->advanced_peer_ack_point = association->last_acked_seq;
  }
  struct sctp_tmit_chunk *skipped = sctp_try_advance_peer_ack_point(tcb, association);
  if (!SCTP_TSN_GT(association->advanced_peer_ack_point, association->last_acked_seq)) return;
  send_forward_tsn(tcb, association);
  if (skipped != NULL) sctp_timer_start(SCTP_TIMER_TYPE_SEND, tcb->sctp_ep, tcb, skipped->whoTo);
}

static void forget(struct sctp_tcb *tcb, struct sctp_stream_out *stream, struct sctp_stream_queue_pending *message) {
  if (message->data != NULL) {
    sctp_free_spbufspace(tcb, &tcb->asoc, message);
    sctp_m_freem(message->data);
    message->data = NULL;
  }
  /* Without interleaving the others wait for the end of the message that was begun on the wire: it has come. */
  bool was_first = TAILQ_FIRST(&stream->outqueue) == message;
  if (was_first && tcb->asoc.ss_data.locked_on_sending == stream) tcb->asoc.ss_data.locked_on_sending = NULL;
  TAILQ_REMOVE(&stream->outqueue, message, next);
  tcb->asoc.stream_queue_cnt--;
  tcb->asoc.ss_functions.sctp_ss_remove_from_stream(tcb, &tcb->asoc, stream, message, 1);
  if (message->net != NULL) message->net->ref_count--; /* the association holds it too */
  SCTP_DECR_STRMOQ_COUNT();
  prtc_sctp_release(message);
  bool is_clear = stream->chunks_on_queues == 0 && TAILQ_EMPTY(&stream->outqueue);
  if (is_clear && stream->state == SCTP_STREAM_RESET_PENDING) tcb->asoc.trigger_reset = 1;
}

/* What is left of a message of which something was sent. */
static void give_up_rest(struct sctp_tcb *tcb, struct sctp_stream_out *stream, struct sctp_stream_queue_pending *message) {
  bool unordered = (message->sinfo_flags & SCTP_UNORDERED) != 0;
  message->act_flags = with_policy(tcb, message->act_flags, false);
  struct sctp_tmit_chunk *first = mark_chunks(tcb, stream, unordered);
  if (first != NULL) {
    sctp_release_pr_sctp_chunk(tcb, first, 1, SCTP_SO_LOCKED);
  } else {
    add_end(tcb, stream, message, unordered);
  }
}

static void abandon_work(void *argument) {
  struct abandoning *abandoning = argument;
  struct sctp_tcb *tcb = abandoning->tcb;
  struct sctp_stream_out *stream = &tcb->asoc.strmout[abandoning->stream];
  struct sctp_stream_queue_pending *message = TAILQ_LAST(&stream->outqueue, sctp_streamhead);
  if (message == NULL || message->msg_is_complete) return; /* none was begun */
  bool is_sent = message->some_taken && !message->discard_rest;
  if (is_sent && tcb->asoc.prsctp_supported == 0) {
    abandoning->result = PRTC_ERROR_NOT_SUPPORTED;
    return;
  }
  stream->last_msg_incomplete = 0;
  tcb->asoc.stream_locked = 0;
  if (is_sent) {
    give_up_rest(tcb, stream, message);
    tell(tcb);
  }
  forget(tcb, stream, message);
  abandoning->sctp->unflushed = true;
}

int prtc_association_abandon_begun(struct prtc_sctp *sctp, struct sctp_tcb *tcb, uint32_t stream) {
  struct abandoning abandoning = {.sctp = sctp, .tcb = tcb, .stream = stream};
  int code = prtc_engine_run(sctp->engine, abandon_work, &abandoning);
  return code < 0 ? code : abandoning.result;
}

/* ---------------------------------------------------------------------------------------------------------- life times */

struct expiry {
  struct sctp_tcb *tcb;
  struct timeval now, next; /* when a life time ends next, of those that were looked at */
  uint32_t looked_at;
  bool changed;
};

/* Whether a life time is over. */
static bool is_over(struct expiry *expiry, uint16_t flags, const struct timeval *end) {
  expiry->looked_at++;
  if (!PR_SCTP_TTL_ENABLED(flags)) return false;
  if (timercmp(&expiry->now, end, >)) return true;
  if (timercmp(end, &expiry->next, <)) expiry->next = *end;
  return false;
}

/* A chunk that was not sent yet has its number already: it is skipped like one that was lost. */
static void skip_unsent(struct sctp_tcb *tcb, struct sctp_tmit_chunk *chunk) {
  struct sctp_association *association = &tcb->asoc;
  struct sctp_tmit_chunk *before = TAILQ_LAST(&association->sent_queue, sctpchunk_listhead);
  sctp_free_bufspace(tcb, association, chunk, 1);
  sctp_m_freem(chunk->data);
  chunk->data = NULL;
  chunk->book_size = 0; /* as usrsctp does: nothing of it is in flight */
  chunk->sent = SCTP_FORWARD_TSN_SKIP;
  if (chunk->whoTo == NULL) {
    chunk->whoTo = association->primary_destination;
    chunk->whoTo->ref_count++;
  }
  TAILQ_REMOVE(&association->send_queue, chunk, sctp_next);
  association->send_queue_cnt--;
  while (before != NULL && SCTP_TSN_GT(before->rec.data.tsn, chunk->rec.data.tsn)) {
    before = TAILQ_PREV(before, sctpchunk_listhead, sctp_next);
  }
  if (before != NULL) {
    TAILQ_INSERT_AFTER(&association->sent_queue, before, chunk, sctp_next);
  } else {
    TAILQ_INSERT_HEAD(&association->sent_queue, chunk, sctp_next);
  }
  association->sent_queue_cnt++;
}

/* What has got its TSN: chunks that wait to be sent, and those that wait to be sent again. What is in flight may have
 * arrived. */
static void expire_chunks(struct expiry *expiry) {
  struct sctp_association *association = &expiry->tcb->asoc;
  struct sctp_tmit_chunk *chunk, *next;
  TAILQ_FOREACH_SAFE(chunk, &association->send_queue, sctp_next, next) {
    if (!is_over(expiry, chunk->flags, &chunk->rec.data.timetodrop)) continue;
    skip_unsent(expiry->tcb, chunk);
    expiry->changed = true;
  }
  TAILQ_FOREACH(chunk, &association->sent_queue, sctp_next) {
    if (!is_over(expiry, chunk->flags, &chunk->rec.data.timetodrop) || chunk->sent != SCTP_DATAGRAM_RESEND) continue;
    sctp_release_pr_sctp_chunk(expiry->tcb, chunk, 1, SCTP_SO_LOCKED);
    expiry->changed = true;
  }
}

static void expire_message(struct expiry *expiry, struct sctp_stream_out *stream,
                           struct sctp_stream_queue_pending *message) {
  struct sctp_tcb *tcb = expiry->tcb;
  if (!is_over(expiry, message->act_flags, &message->ts) || message->discard_rest) return;
  if (message->some_taken) {
    bool is_sent = message->length == 0 && message->msg_is_complete;
    if (is_sent || tcb->asoc.prsctp_supported == 0) return;
    give_up_rest(tcb, stream, message);
  } else if (message->msg_is_complete) {
    forget(tcb, stream, message);
  } else { /* the parts that are still to come are thrown away */
    message->discard_rest = 1;
  }
  expiry->changed = true;
}

static void expire_work(void *argument) {
  struct prtc_sctp *sctp = argument;
  struct expiry expiry = {.tcb = prtc_association_of(sctp), .next.tv_sec = INT32_MAX};
  struct sctp_stream_out *stream, *next_stream;
  sctp->expires = PRTC_NEVER;
  if (expiry.tcb == NULL) return;
  prtc_sctp_gettimeofday(&expiry.now);
  if (expiry.tcb->asoc.prsctp_supported != 0) expire_chunks(&expiry);
  TAILQ_FOREACH_SAFE(stream, &expiry.tcb->asoc.ss_data.out.wheel, ss_params.rr.next_spoke, next_stream) {
    struct sctp_stream_queue_pending *message, *next;
    TAILQ_FOREACH_SAFE(message, &stream->outqueue, next, next) expire_message(&expiry, stream, message);
  }
  if (expiry.changed) {
    if (expiry.tcb->asoc.prsctp_supported != 0) tell(expiry.tcb);
    sctp->unflushed = true;
  }
  if (expiry.next.tv_sec == INT32_MAX) return;
  /* A microsecond for each that was looked at: so little time goes into it, however many there are. */
  prtc_time now = (prtc_time)expiry.now.tv_sec * 1000000 + (prtc_time)expiry.now.tv_usec + expiry.looked_at;
  prtc_time next = (prtc_time)expiry.next.tv_sec * 1000000 + (prtc_time)expiry.next.tv_usec;
  sctp->expires = next > now ? next : now;
}

void prtc_association_note_life_time(struct prtc_sctp *sctp, const prtc_sctp_message *message) {
  /* That of a message ends as its first part says: a later one may be late already. */
  prtc_time end = message->begin ? prtc_engine_now(sctp->engine) + (prtc_time)message->reliability_value * 1000 : 0;
  if (end < sctp->expires) sctp->expires = end;
}

int prtc_association_expire(struct prtc_sctp *sctp) {
  if (prtc_engine_now(sctp->engine) <= sctp->expires) return 0;
  return prtc_engine_run(sctp->engine, expire_work, sctp);
}
