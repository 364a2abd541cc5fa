/* One usrsctp socket and its association: every call into usrsctp but reading, which is in events.c.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/sctp/congestion.h"
#include "core/sctp/internal.h"
#include "core/sctp/packet.h"
#include "core/sctp/path.h"
#include "core/sctp/reconfig.h"
#include "core/sctp/usrsctp.h"

/* The only address that there is. It is written into cookies and heartbeats: a number, so that nothing of the process
 * shows. */
#define ADDRESS ((void *)1)

enum { RTO_MIN = 400 }; /* ms */

static struct sctp_inpcb *endpoint_of(const struct prtc_sctp *sctp) {
  return sctp->socket != NULL ? (struct sctp_inpcb *)sctp->socket->so_pcb : NULL;
}

struct sctp_tcb *prtc_association_of(const struct prtc_sctp *sctp) {
  struct sctp_inpcb *endpoint = endpoint_of(sctp);
  struct sctp_tcb *tcb = endpoint != NULL ? LIST_FIRST(&endpoint->sctp_asoc_list) : NULL;
  return tcb != NULL && (tcb->asoc.state & SCTP_STATE_ABOUT_TO_BE_FREED) == 0 ? tcb : NULL;
}

static struct sockaddr_conn address_with(uint16_t port) {
  struct sockaddr_conn address;
  memset(&address, 0, sizeof address);
  address.sconn_family = AF_CONN;
  address.sconn_port = htons(port);
  address.sconn_addr = ADDRESS;
  return address;
}

/* ----------------------------------------------------------------------------------------------------------------- open */

static void tune(const struct prtc_sctp *sctp) {
  /* What WebRTC has no use for: several addresses, ECN (DTLS does not carry it), AUTH, extensions of usrsctp's own */
  SCTP_BASE_SYSCTL(sctp_ecn_enable) = 0;
  SCTP_BASE_SYSCTL(sctp_asconf_enable) = 0;
  SCTP_BASE_SYSCTL(sctp_auto_asconf) = 0;
  SCTP_BASE_SYSCTL(sctp_auth_enable) = 0;
  SCTP_BASE_SYSCTL(sctp_nrsack_enable) = 0;
  SCTP_BASE_SYSCTL(sctp_pktdrop_enable) = 0;
  SCTP_BASE_SYSCTL(sctp_blackhole) = 2; /* packets of no association are not answered */
  SCTP_BASE_SYSCTL(sctp_mbuf_threshold_count) = 1; /* a cluster, not several mbufs: see usrsctp-mbuf.patch */
  SCTP_BASE_SYSCTL(sctp_max_chunks_on_queue) = PRTC_SCTP_MESSAGES_MAX + PRTC_SCTP_CHUNKS_MAX;
  SCTP_BASE_SYSCTL(sctp_fr_max_burst_default) = 4; /* larger bursts are lost at tail-drop queues. Of others: see flush */
  SCTP_BASE_SYSCTL(sctp_use_cwnd_based_maxburst) = 0; /* the end of a burst is no reason for a smaller window */
  /* RFC 9260 section 7.2.1: L. As many bytes as a SACK acknowledges, for one may be for many packets; bursts are limited. */
  SCTP_BASE_SYSCTL(sctp_L2_abc_variable) = 64;
  /* RFC 9260 section 16 has 1, 1 and 60 s: interactive use wants to recover sooner. The least is above the 200 ms for which
   * the other side may delay a SACK. */
  SCTP_BASE_SYSCTL(sctp_rto_initial_default) = 500;
  SCTP_BASE_SYSCTL(sctp_rto_min_default) = RTO_MIN;
  SCTP_BASE_SYSCTL(sctp_rto_max_default) = 3000;
  SCTP_BASE_SYSCTL(sctp_init_rto_max_default) = 3000;
  /* RFC 9260 section 6.2 allows 200 ms and asks for a SACK for each second packet anyway. A stream is reset once its last
   * message is acknowledged: with 200 ms, each close of a channel would take that long. */
  SCTP_BASE_SYSCTL(sctp_delayed_sack_time_default) = 20;
  uint32_t limit = sctp->max_retransmissions != 0 ? sctp->max_retransmissions : UINT16_MAX;
  SCTP_BASE_SYSCTL(sctp_max_retran_chunk) = 0; /* the limits below are enough */
  SCTP_BASE_SYSCTL(sctp_assoc_rtx_max_default) = limit;
  SCTP_BASE_SYSCTL(sctp_path_rtx_max_default) = limit;
  SCTP_BASE_SYSCTL(sctp_init_rtx_max_default) = limit;
  SCTP_BASE_SYSCTL(sctp_nr_outgoing_streams_default) = sctp->streams;
}

static bool set_option(struct socket *socket, int level, int option, const void *value, socklen_t size) {
  return usrsctp_setsockopt(socket, level, option, value, size) == 0;
}

static bool set_options(struct prtc_sctp *sctp) {
  static const uint16_t notifications[] = {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_CHANGE_EVENT};
  struct socket *socket = sctp->socket;
  int on = 1;
  int window = (int)sctp->receive_window;
  int send_limit = 1 << 30; /* prtc_association_send has its own */
  uint16_t streams = (uint16_t)sctp->streams;
  struct sctp_initmsg init = {.sinit_num_ostreams = streams, .sinit_max_instreams = streams};
  int side_by_side = SCTP_FRAG_LEVEL_2; /* parts of messages of several streams */
  struct sctp_assoc_value interleaving = {SCTP_FUTURE_ASSOC, sctp->no_interleaving ? 0 : 1};
  struct sctp_assoc_value resets = {SCTP_FUTURE_ASSOC, SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ};
  bool ok = usrsctp_set_non_blocking(socket, 1) == 0 &&
            set_option(socket, SOL_SOCKET, SO_SNDBUF, &send_limit, sizeof send_limit) &&
            set_option(socket, SOL_SOCKET, SO_RCVBUF, &window, sizeof window) &&
            set_option(socket, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &side_by_side, sizeof side_by_side) &&
            set_option(socket, IPPROTO_SCTP, SCTP_INTERLEAVING_SUPPORTED, &interleaving, sizeof interleaving) &&
            set_option(socket, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) &&
            set_option(socket, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) &&
            set_option(socket, IPPROTO_SCTP, SCTP_EXPLICIT_EOR, &on, sizeof on) &&
            set_option(socket, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &resets, sizeof resets) &&
            set_option(socket, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init);
  for (size_t i = 0; ok && i < sizeof notifications / sizeof notifications[0]; i++) {
    struct sctp_event event = {.se_assoc_id = SCTP_FUTURE_ASSOC, .se_type = notifications[i], .se_on = 1};
    ok = set_option(socket, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event);
  }
  return ok;
}

struct call {
  struct prtc_sctp *sctp;
  const uint8_t *in;
  size_t size;
  const prtc_sctp_message *message;
  uint32_t number;
  int result;
};

static int run(struct call *call, void (*work)(void *argument)) {
  int code = prtc_engine_run(call->sctp->engine, work, call);
  return code < 0 ? code : call->result;
}

static void open_work(void *argument) {
  struct call *call = argument;
  struct prtc_sctp *sctp = call->sctp;
  struct sockaddr_conn local = address_with(sctp->local_port);
  tune(sctp);
  usrsctp_register_address(ADDRESS);
  sctp->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
  if (sctp->socket == NULL || !set_options(sctp) ||
      usrsctp_bind(sctp->socket, (struct sockaddr *)&local, sizeof local) != 0) {
    call->result = PRTC_ERROR_INTERNAL;
  }
}

int prtc_association_open(struct prtc_sctp *sctp) {
  return run(&(struct call){.sctp = sctp}, open_work);
}

static void connect_work(void *argument) {
  struct call *call = argument;
  struct prtc_sctp *sctp = call->sctp;
  struct sockaddr_conn remote = address_with(sctp->remote_port);
  struct sctp_paddrparams path;
  memset(&path, 0, sizeof path);
  memcpy(&path.spp_address, &remote, sizeof remote);
  path.spp_flags = SPP_PMTUD_DISABLE; /* path.c sees to it */
  path.spp_pathmtu = sctp->mtu - (uint32_t)sizeof(struct sctphdr);
  if ((usrsctp_connect(sctp->socket, (struct sockaddr *)&remote, sizeof remote) != 0 && errno != EINPROGRESS) ||
      !set_option(sctp->socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path)) {
    call->result = PRTC_ERROR_INTERNAL;
    return;
  }
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  if (tcb != NULL) prtc_congestion_install(tcb);
}

int prtc_association_connect(struct prtc_sctp *sctp) {
  return run(&(struct call){.sctp = sctp}, connect_work);
}

/* ---------------------------------------------------------------------------------------------------------- look inside */

bool prtc_association_exists(const struct prtc_sctp *sctp) { return prtc_association_of(sctp) != NULL; }

uint32_t prtc_association_tag(const struct prtc_sctp *sctp) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  return tcb != NULL ? tcb->asoc.my_vtag : 0;
}

uint32_t prtc_association_remote_tag(const struct prtc_sctp *sctp) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  return tcb != NULL ? tcb->asoc.peer_vtag : 0;
}

uint32_t prtc_association_streams(const struct prtc_sctp *sctp, bool incoming) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  if (tcb == NULL) return 0;
  return incoming ? tcb->asoc.streaminmax : tcb->asoc.streamoutmax;
}

size_t prtc_association_buffered(const struct prtc_sctp *sctp) {
  return prtc_association_of(sctp) != NULL ? sctp->socket->so_snd.sb_cc : 0;
}

bool prtc_association_is_open(const struct prtc_sctp *sctp) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  return tcb != NULL && SCTP_GET_STATE(tcb) == SCTP_STATE_OPEN;
}

uint32_t prtc_association_losses(const struct prtc_sctp *sctp) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  const struct sctp_tmit_chunk *chunk = tcb != NULL ? TAILQ_FIRST(&tcb->asoc.sent_queue) : NULL;
  return chunk != NULL && chunk->sent < SCTP_DATAGRAM_ACKED ? chunk->snd_count : 0;
}

prtc_time prtc_association_rto(const struct prtc_sctp *sctp) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  const struct sctp_nets *net = tcb != NULL ? tcb->asoc.primary_destination : NULL;
  /* RFC 9260 section 6.3.1: SRTT + 4 RTTVAR, as usrsctp scales them; without the doubling that a timeout has led to */
  uint32_t rto = net != NULL ? (uint32_t)(net->lastsa >> SCTP_RTT_SHIFT) + (uint32_t)net->lastsv : 0;
  return (rto > RTO_MIN ? rto : RTO_MIN) * (prtc_time)1000;
}

bool prtc_association_interleaves(const struct prtc_sctp *sctp) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  return tcb != NULL && tcb->asoc.idata_supported != 0;
}

/* Bytes that the other side has, behind some that it misses: they are kept until it has those, too (RFC 9260 section 6.2.1),
 * but are under way no longer. About as many. */
static size_t beyond_gaps(const struct sctp_association *association) {
  uint32_t open = association->sent_queue_retran_cnt + association->total_flight_count;
  return association->sent_queue_cnt > open ? (size_t)(association->sent_queue_cnt - open) * association->smallest_mtu : 0;
}

bool prtc_association_has_room(const struct prtc_sctp *sctp) {
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  if (tcb == NULL) return false;
  const struct sctp_association *association = &tcb->asoc;
  size_t buffered = prtc_association_buffered(sctp), limit = sctp->send_buffer;
  if (association->stream_queue_cnt >= PRTC_SCTP_MESSAGES_MAX || association->chunks_on_out_queue >= PRTC_SCTP_CHUNKS_MAX) {
    return false;
  }
  if (limit != 0) return buffered < limit;
  if (buffered < PRTC_SCTP_AHEAD) return true;
  limit = association->primary_destination->cwnd + beyond_gaps(association) + PRTC_SCTP_AHEAD;
  size_t useful = prtc_congestion_useful(tcb);
  if (useful > PRTC_SCTP_SEND_BUFFER) useful = PRTC_SCTP_SEND_BUFFER;
  return buffered < (limit < useful ? limit : useful);
}

/* The window is to be no less than what comes within a round trip, and twice that where the path has a queue as long as
 * itself: it doubles when a quarter of it was read within one. */
void prtc_association_note_read(struct prtc_sctp *sctp, size_t size) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  sctp->window_read += size;
  if (sctp->window_read < sctp->receive_window / 4 || tcb == NULL) return;
  prtc_time now = prtc_engine_now(sctp->engine), taken = now - sctp->window_since;
  prtc_time rtt = (prtc_time)(tcb->asoc.primary_destination->lastsa >> SCTP_RTT_SHIFT) * 1000;
  sctp->window_since = now;
  sctp->window_read = 0;
  if (taken > (rtt > 1000 ? rtt : 1000) || sctp->receive_window >= sctp->max_receive_window) return;
  uint32_t wanted = sctp->receive_window < sctp->max_receive_window / 2 ? 2 * sctp->receive_window : sctp->max_receive_window;
  int window = (int)wanted;
  if (set_option(sctp->socket, SOL_SOCKET, SO_RCVBUF, &window, sizeof window)) sctp->receive_window = wanted;
}

size_t prtc_association_unread(const struct prtc_sctp *sctp) { return sctp->socket->so_rcv.sb_cc; }

/* ------------------------------------------------------------------------------------------------------------ what flows
 *
 * Packets come in trains. While nothing is missing, what they leave to be sent waits for the next transmit: one SACK for all
 * that was received at once, and then the data that it makes room for on the other side, at once as well.
 *
 * RFC 9260 section 6.2 wants a SACK for at least every second packet that is received, for senders whose window grows with
 * each SACK (section 7.2.1) and that find losses by them. So every second one has its own as long as a sender may be in
 * slow start: for the first packets, and for those after a loss. */

/* How many packets. A sender from which so many have come has a window of a third of that by then, or did not need it. */
enum { STEADY = 512 };

/* Packets that leave at once at most. Four (RFC 9260 section 6.1: Max.Burst), or as many as would have left had the other
 * side's SACKs come one for each two packets: what arrived in a train does not fill a queue by being answered with one of its
 * size. */
enum { BURST = 4 };

/* Packets that are made at once: few enough to be in the CPU's cache still when they are sealed. */
enum { AT_ONCE = 64 };

static bool has_gap(const struct sctp_association *association) {
  return SCTP_TSN_GT(association->highest_tsn_inside_map, association->cumulative_tsn) ||
         SCTP_TSN_GT(association->highest_tsn_inside_nr_map, association->cumulative_tsn);
}

static bool sends_again(const struct sctp_association *association) {
  return association->sent_queue_retran_cnt > 0 || association->fast_retran_loss_recovery != 0;
}

/* A SACK that waits for a second packet waits no longer when there was one. */
static bool sack_is_due(struct sctp_tcb *tcb) {
  return tcb->asoc.data_pkts_seen >= 2 && SCTP_OS_TIMER_PENDING(&tcb->asoc.dack_timer.timer);
}

/* A packet with data has come. */
static void note_data(struct prtc_sctp *sctp) {
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  if (tcb == NULL) return;
  sctp->steady = has_gap(&tcb->asoc) ? 0 : sctp->steady < STEADY ? sctp->steady + 1 : STEADY;
  tcb->asoc.sack_freq = sctp->steady < STEADY ? 2 : UINT16_MAX;
  if (sctp->steady == STEADY && sack_is_due(tcb)) sctp->unflushed = true;
}

int prtc_sctp_output_waits(struct sctp_tcb *tcb) {
  struct prtc_sctp *sctp = prtc_engine_user();
  bool is_control = !TAILQ_EMPTY(&tcb->asoc.control_send_queue);
  bool waits = SCTP_GET_STATE(tcb) == SCTP_STATE_OPEN && !sends_again(&tcb->asoc) && !has_gap(&tcb->asoc) &&
               (!is_control || sctp->steady == STEADY);
  if (waits) sctp->unflushed = true;
  else tcb->asoc.max_burst = BURST;
  return waits;
}

/* -------------------------------------------------------------------------------------------------------- input, output */

/* From how many bytes of an incomplete message on it is given in parts. Without interleaving the most that usrsctp allows:
 * it is not good at messages in parts that the other side then abandons (RFC 3758), so those that are not larger come
 * whole. With interleaving any number of messages may be incomplete: none may keep its part of the window, or they would
 * fill it. */
static void set_delivery_point(struct prtc_sctp *sctp) {
  endpoint_of(sctp)->partial_delivery_point = prtc_association_interleaves(sctp) ? 1 : sctp->receive_window / 2;
}

/* Keeps the chunk at `offset`, as a packet of its own. The other side has one request under way at a time (RFC 6525 section
 * 5.1.1): a later one takes the place of the one that is held. */
static void hold_reconfig(struct prtc_sctp *sctp, uint8_t *packet, size_t size, size_t offset, uint32_t tsn) {
  size_t chunk_size = prtc_reconfig_blank(packet, size, offset), header = sizeof(struct sctphdr);
  prtc_sctp_release(sctp->held);
  sctp->held = NULL;
  struct prtc_sctp_packet *held = prtc_sctp_malloc(sizeof *held + header + SCTP_SIZE32(chunk_size));
  held->size = header + SCTP_SIZE32(chunk_size);
  memset(held->data, 0, held->size);
  memcpy(held->data, packet, header);
  memcpy(held->data + header, packet + offset, chunk_size);
  held->data[header] = SCTP_STREAM_RESET;
  sctp->held = held;
  sctp->held_until = tsn;
}

static void release_reconfig(struct prtc_sctp *sctp) {
  const struct sctp_tcb *tcb = prtc_association_of(sctp);
  struct prtc_sctp_packet *held = sctp->held;
  if (held == NULL || tcb == NULL || !SCTP_TSN_GE(tcb->asoc.cumulative_tsn, sctp->held_until)) return;
  sctp->held = NULL;
  usrsctp_conninput(ADDRESS, held->data, held->size, 0);
  prtc_sctp_release(held);
}

static void input_reconfig(struct prtc_sctp *sctp, const uint8_t *data, size_t size) {
  const struct sctp_association *association = &prtc_association_of(sctp)->asoc;
  uint32_t tsn;
  uint8_t *packet = prtc_sctp_malloc(size);
  memcpy(packet, data, size);
  uint32_t response = association->str_reset_seq_out - 1;
  size_t offset = prtc_reconfig_prepare(packet, size, response, association->cumulative_tsn, &tsn);
  if (offset != 0) hold_reconfig(sctp, packet, size, offset, tsn);
  usrsctp_conninput(ADDRESS, packet, size, 0);
  prtc_sctp_release(packet);
}

static void input_work(void *argument) {
  struct call *call = argument;
  /* The window counts bytes of messages, not what it takes to keep them: a sender of tiny ones that does not heed it. */
  bool has_data = prtc_packet_has(call->in, call->size, PRTC_SCTP_DATA) ||
                  prtc_packet_has(call->in, call->size, PRTC_SCTP_I_DATA);
  if (has_data && prtc_engine_memory(call->sctp->engine) > PRTC_SCTP_MEMORY_MAX(call->sctp->receive_window)) {
    call->result = PRTC_ERROR_QUEUE_FULL;
    return;
  }
  set_delivery_point(call->sctp);
  if (prtc_packet_has(call->in, call->size, PRTC_SCTP_RECONFIG)) {
    input_reconfig(call->sctp, call->in, call->size);
  } else {
    usrsctp_conninput(ADDRESS, call->in, call->size, 0);
  }
  release_reconfig(call->sctp);
  if (has_data) note_data(call->sctp);
}

int prtc_association_input(struct prtc_sctp *sctp, const uint8_t *packet, size_t size) {
  return run(&(struct call){.sctp = sctp, .in = packet, .size = size}, input_work);
}

static void flush(struct prtc_sctp *sctp) {
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  size_t before = sctp->output_count;
  sctp->unflushed = false;
  if (tcb == NULL || SCTP_GET_STATE(tcb) != SCTP_STATE_OPEN) return;
  struct sctp_association *association = &tcb->asoc;
  if (sack_is_due(tcb)) {
    sctp_send_sack(tcb, SCTP_SO_LOCKED);
    sctp_timer_stop(SCTP_TIMER_TYPE_RECV, tcb->sctp_ep, tcb, NULL, 0);
  }
  uint32_t flight = association->total_flight;
  uint32_t acked = flight < sctp->last_flight ? (sctp->last_flight - flight) / association->smallest_mtu : 0;
  uint32_t burst = 2 * acked < BURST ? BURST : 2 * acked;
  if (sctp->burst < burst) sctp->burst = burst;
  association->max_burst = sctp->burst < AT_ONCE ? sctp->burst : AT_ONCE;
  sctp_chunk_output(tcb->sctp_ep, tcb, SCTP_OUTPUT_FROM_USR_SEND, SCTP_SO_LOCKED);
  sctp->last_flight = association->total_flight;
  size_t made = sctp->output_count - before;
  sctp->burst = made < association->max_burst || made >= sctp->burst ? 0 : sctp->burst - (uint32_t)made;
  sctp->unflushed = sctp->burst > 0;
}

void prtc_association_enqueue(struct prtc_sctp *sctp, struct prtc_sctp_packet *packet) {
  packet->next = NULL;
  *sctp->output_end = packet;
  sctp->output_end = &packet->next;
  sctp->output_count++;
}

static void set_mtu_work(void *argument) {
  struct call *call = argument;
  struct sctp_association *association = &prtc_association_of(call->sctp)->asoc;
  size_t room = call->size - sizeof(struct sctphdr);
  struct sctp_tmit_chunk *chunk;
  association->primary_destination->mtu = (uint32_t)call->size;
  association->smallest_mtu = (uint32_t)call->size;
  /* What is larger already goes alone, in a packet that is too large: output_work divides it. */
  TAILQ_FOREACH(chunk, &association->send_queue, sctp_next) {
    if (chunk->send_size > room) chunk->flags |= CHUNK_FLAGS_FRAGMENT_OK;
  }
  TAILQ_FOREACH(chunk, &association->sent_queue, sctp_next) {
    if (chunk->send_size > room) chunk->flags |= CHUNK_FLAGS_FRAGMENT_OK;
  }
}

int prtc_association_set_mtu(struct prtc_sctp *sctp, uint32_t mtu) {
  return run(&(struct call){.sctp = sctp, .size = mtu}, set_mtu_work);
}

static void output_work(void *argument) {
  struct call *call = argument;
  struct prtc_sctp *sctp = call->sctp;
  prtc_sctp_release(sctp->current);
  sctp->current = NULL;
  if (sctp->output == NULL && sctp->unflushed) flush(sctp);
  if (sctp->output == NULL) return;
  if (prtc_path_is_too_large(sctp, sctp->output)) prtc_path_divide(sctp);
  struct prtc_sctp_packet *packet = sctp->output;
  if (packet->size > call->size) {
    call->result = PRTC_ERROR_BUFFER_TOO_SMALL;
    return;
  }
  uint32_t crc = prtc_crc32c_packet(sctp->crc32c, packet->data, packet->size);
  for (int i = 0; i < 4; i++) packet->data[8 + i] = (uint8_t)(crc >> 8 * i);
  call->result = (int)packet->size;
  /* What is larger than the base asks what the path takes. */
  sctp->fragmentation = packet->size > sctp->path.mtu.base ? PRTC_FRAGMENTATION_NEVER : PRTC_FRAGMENTATION_ANY;
  sctp->path.sent += packet->size;
  sctp->output = packet->next;
  if (sctp->output == NULL) sctp->output_end = &sctp->output;
  sctp->output_count--;
  sctp->current = packet;
}

int prtc_association_output(struct prtc_sctp *sctp, size_t capacity) {
  if (sctp->output == NULL && sctp->current == NULL && !sctp->unflushed) return 0;
  return run(&(struct call){.sctp = sctp, .size = capacity}, output_work);
}

/* ----------------------------------------------------------------------------------------------------------------- send */

static bool is_reset_wanted(const struct prtc_sctp *sctp, uint32_t stream) {
  return sctp->reset_count > 0 && (sctp->resets[stream / 8] >> stream % 8 & 1) != 0;
}

static void send_work(void *argument) {
  struct call *call = argument;
  const prtc_sctp_message *message = call->message;
  struct sctp_tcb *tcb = prtc_association_of(call->sctp);
  struct sctp_sendv_spa info;
  if (prtc_association_send_whole(call->sctp, tcb, message)) {
    call->sctp->unflushed = true;
    return;
  }
  memset(&info, 0, sizeof info);
  info.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  info.sendv_sndinfo.snd_sid = (uint16_t)message->stream;
  info.sendv_sndinfo.snd_ppid = htonl(message->ppid);
  if (message->unordered) info.sendv_sndinfo.snd_flags |= SCTP_UNORDERED;
  if (message->end) info.sendv_sndinfo.snd_flags |= SCTP_EOR;
  if (message->reliability != PRTC_RELIABLE) {
    info.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    info.sendv_prinfo.pr_policy = message->reliability == PRTC_LIMITED_LIFE_TIME ? SCTP_PR_SCTP_TTL : SCTP_PR_SCTP_RTX;
    info.sendv_prinfo.pr_value = message->reliability_value;
  }
  /* usrsctp sends within this call unless the association is still in its handshake. That state, borrowed for the length of
   * the call, makes it only queue: the messages leave together at the next transmit, sharing packets. */
  int state = tcb->asoc.state;
  if (SCTP_GET_STATE(tcb) == SCTP_STATE_OPEN) {
    tcb->asoc.state = (state & ~SCTP_STATE_MASK) | SCTP_STATE_COOKIE_ECHOED;
  }
  ssize_t sent = usrsctp_sendv(call->sctp->socket, message->data, message->size, NULL, 0, &info, sizeof info,
                               SCTP_SENDV_SPA, 0);
  tcb->asoc.state = state;
  if (sent == (ssize_t)message->size) {
    call->sctp->unflushed = true;
    if (message->reliability == PRTC_LIMITED_LIFE_TIME) prtc_association_note_life_time(call->sctp, message);
  } else {
    call->result = sent < 0 && (errno == EWOULDBLOCK || errno == EAGAIN) ? PRTC_ERROR_AGAIN : PRTC_ERROR_INVALID_STATE;
  }
}

int prtc_association_send(struct prtc_sctp *sctp, const prtc_sctp_message *message) {
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  if (tcb == NULL) return PRTC_ERROR_INVALID_STATE;
  if (message->stream >= tcb->asoc.streamoutmax) return PRTC_ERROR_NOT_FOUND;
  bool exists = message->stream < tcb->asoc.streamoutcnt; /* it, or a higher one, has been used */
  bool is_closing = exists && tcb->asoc.strmout[message->stream].state > SCTP_STREAM_OPEN;
  int code;
  if (!prtc_association_has_room(sctp) || is_reset_wanted(sctp, message->stream) || is_closing) {
    code = PRTC_ERROR_AGAIN;
  } else {
    code = run(&(struct call){.sctp = sctp, .message = message}, send_work);
  }
  if (code == PRTC_ERROR_AGAIN) sctp->blocked = true;
  return code;
}

int prtc_association_abandon(struct prtc_sctp *sctp, uint32_t stream) {
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  if (tcb == NULL) return PRTC_ERROR_INVALID_STATE;
  if (stream >= tcb->asoc.streamoutcnt) return stream < tcb->asoc.streamoutmax ? 0 : PRTC_ERROR_NOT_FOUND;
  return prtc_association_abandon_begun(sctp, tcb, stream);
}

/* -------------------------------------------------------------------------------------------------------------- streams */

static void reset_work(void *argument) {
  struct call *call = argument;
  struct prtc_sctp *sctp = call->sctp;
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  union {
    struct sctp_reset_streams request;
    uint8_t bytes[sizeof(struct sctp_reset_streams) + sizeof(uint16_t)];
  } option;
  for (uint32_t stream = 0; stream < tcb->asoc.streamoutmax && sctp->reset_count > 0; stream++) {
    bool exists = stream < tcb->asoc.streamoutcnt;
    if (!is_reset_wanted(sctp, stream) || (exists && tcb->asoc.strmout[stream].state != SCTP_STREAM_OPEN)) continue;
    memset(&option, 0, sizeof option);
    option.request.srs_assoc_id = SCTP_FUTURE_ASSOC;
    option.request.srs_flags = SCTP_STREAM_RESET_OUTGOING;
    option.request.srs_number_streams = 1;
    option.request.srs_stream_list[0] = (uint16_t)stream;
    if (!set_option(sctp->socket, IPPROTO_SCTP, SCTP_RESET_STREAMS, &option, sizeof option)) {
      call->result = PRTC_ERROR_NOT_SUPPORTED;
    }
    sctp->resets[stream / 8] &= (uint8_t)~(1u << stream % 8);
    sctp->reset_count--;
  }
}

int prtc_association_continue(struct prtc_sctp *sctp) {
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  if (sctp->reset_count == 0 || tcb == NULL || SCTP_GET_STATE(tcb) != SCTP_STATE_OPEN) return 0;
  return run(&(struct call){.sctp = sctp}, reset_work);
}

int prtc_association_reset_stream(struct prtc_sctp *sctp, uint32_t stream) {
  struct sctp_tcb *tcb = prtc_association_of(sctp);
  if (tcb == NULL) return PRTC_ERROR_INVALID_STATE;
  if (stream >= tcb->asoc.streamoutmax) return PRTC_ERROR_NOT_FOUND;
  if (SCTP_GET_STATE(tcb) == SCTP_STATE_OPEN && !tcb->asoc.reconfig_supported) return PRTC_ERROR_NOT_SUPPORTED;
  if (sctp->resets == NULL) sctp->resets = prtc_allocate(sctp->context, 65536 / 8);
  if (sctp->resets == NULL) return PRTC_ERROR_NO_MEMORY;
  if (!is_reset_wanted(sctp, stream)) {
    sctp->resets[stream / 8] |= (uint8_t)(1u << stream % 8);
    sctp->reset_count++;
  }
  return prtc_association_continue(sctp);
}

static void add_streams_work(void *argument) {
  struct call *call = argument;
  struct sctp_add_streams request;
  memset(&request, 0, sizeof request);
  request.sas_assoc_id = SCTP_FUTURE_ASSOC;
  request.sas_outstrms = (uint16_t)call->number;
  if (!set_option(call->sctp->socket, IPPROTO_SCTP, SCTP_ADD_STREAMS, &request, sizeof request)) {
    call->result = errno == EALREADY ? PRTC_ERROR_AGAIN : PRTC_ERROR_INVALID_STATE;
  }
}

int prtc_association_add_streams(struct prtc_sctp *sctp, uint32_t count) {
  if (prtc_association_of(sctp) == NULL) return PRTC_ERROR_INVALID_STATE;
  return run(&(struct call){.sctp = sctp, .number = count}, add_streams_work);
}

/* ---------------------------------------------------------------------------------------------------------------- abort */

static void abort_work(void *argument) {
  struct call *call = argument;
  struct sctp_tcb *tcb = prtc_association_of(call->sctp);
  struct mbuf *cause = sctp_generate_cause(SCTP_CAUSE_USER_INITIATED_ABT, ""); /* RFC 9260 section 3.3.10.12 */
  sctp_abort_an_association(tcb->sctp_ep, tcb, cause, SCTP_SO_LOCKED);
}

int prtc_association_abort(struct prtc_sctp *sctp) {
  if (prtc_association_of(sctp) == NULL) return 0;
  return run(&(struct call){.sctp = sctp}, abort_work);
}
