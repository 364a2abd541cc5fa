/* See congestion.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usrsctp calls by a table of functions. Its own are called first, or last, for what is not the size of the window: the
 * states of fast recovery. Windows are bytes, times milliseconds where nothing else is said.
 */
#include "core/sctp/congestion.h"

#include "core/sctp/usrsctp.h"

enum {
  BETA_PERCENT = 70,          /* RFC 9438 section 4.6: what a loss leaves of the window */
  RTT_LEAST_RISE = 4000,      /* RFC 9406 section 4.3: MIN_RTT_THRESH and MAX_RTT_THRESH, µs */
  RTT_MOST_RISE = 16000,
  SLOWER = 4, ROUNDS = 5,     /* CSS_GROWTH_DIVISOR, CSS_ROUNDS */
  TRAIN_GAP = 2000,           /* µs: SACKs that are no further apart, or than an eighth of the path, are of one train */
  LEAST_WINDOW = 16,          /* packets, before HyStart leaves slow start */
  SHORT_RTT = 8000,           /* µs: on a shorter path there is no need to leave slow start early */
  BASE_RTT_AGE = 10000,       /* after so long the least round trip is measured anew */
  QUEUE_SLACK = 10000,        /* µs that a queue may always take */
  BYTES_PER_MILLISECOND = 256 * 1024,
};

/* A path's, in usrsctp's memory for its own algorithms: zero at first. */
struct state {
  uint8_t is_ready, is_cautious; /* cautious: HyStart's conservative slow start */
  uint8_t is_full;        /* it is the window that limits, not the application */
  uint8_t rounds;
  uint8_t drains;         /* the window was made small to see the least round trip */
  uint32_t round_end;     /* TSN */
  uint32_t round_at, sack_at; /* µs: when the round began, when its train of SACKs was heard last; they wrap around */
  uint32_t base_rtt;      /* µs, the least; 0: unknown */
  uint32_t rtt;           /* µs, the latest sample */
  uint32_t cautious_rtt;  /* … that led to being cautious */
  uint32_t base_at;       /* when base_rtt was measured */
  uint32_t epoch;         /* when this growth began; 0: it has not */
  uint32_t window_max;    /* W_max */
  uint32_t origin;        /* the window that K is reckoned from */
  uint32_t k;             /* K */
  uint32_t reno;          /* W_est */
  uint32_t rest;          /* of the growth, in 1/1024 bytes */
};

static struct state *state_of(struct sctp_nets *net) {
  _Static_assert(sizeof(struct state) <= sizeof net->cc_mod, "it has to fit in");
  return (struct state *)(void *)&net->cc_mod;
}

static const struct sctp_cc_functions *theirs(void) { return &sctp_cc_functions[SCTP_CC_RFC2581]; }

static uint32_t microseconds(void) {
  struct timeval time;
  (void)SCTP_GETTIME_TIMEVAL(&time);
  return (uint32_t)time.tv_sec * 1000000u + (uint32_t)time.tv_usec;
}

static uint32_t now(void) { return sctp_get_tick_count() != 0 ? sctp_get_tick_count() : 1; }

static uint32_t cube_root(uint64_t of) {
  uint64_t root = 0;
  for (int bit = 20; bit >= 0; bit--) {
    uint64_t next = root | UINT64_C(1) << bit;
    if (next * next * next <= of) root = next;
  }
  return (uint32_t)root;
}

static uint32_t least(uint64_t a, uint64_t b) { return (uint32_t)(a < b ? a : b); }

static uint32_t part(uint32_t window, uint32_t percent) { return (uint32_t)((uint64_t)window * percent / 100); }

/* ------------------------------------------------------------------------------------------------------------ slow start */

static uint32_t rise_of(uint32_t rtt) {
  uint32_t rise = rtt / 8;
  return rise < RTT_LEAST_RISE ? RTT_LEAST_RISE : rise > RTT_MOST_RISE ? RTT_MOST_RISE : rise;
}

static void leave_slow_start(struct sctp_nets *net) {
  struct state *state = state_of(net);
  net->ssthresh = net->cwnd;
  state->is_cautious = 0;
  state->window_max = net->cwnd;
}

/* Of what is sent now and then each packet may have its SACK delayed: that is no queue. */
static bool may_leave_slow_start(const struct sctp_nets *net, const struct state *state) {
  return net->cwnd < net->ssthresh && state->is_full && net->cwnd >= LEAST_WINDOW * net->mtu;
}

/* RFC 9406 section 4.2. usrsctp measures one round trip at a time, so it is compared with the least that there has been,
 * not with the round before. */
static void watch_round_trip(struct sctp_nets *net) {
  struct state *state = state_of(net);
  if (!may_leave_slow_start(net, state)) return;
  if (!state->is_cautious && state->rtt >= state->base_rtt + rise_of(state->base_rtt)) {
    state->is_cautious = 1;
    state->rounds = 0;
    state->cautious_rtt = state->rtt;
  } else if (state->is_cautious && state->rtt < state->base_rtt + rise_of(state->base_rtt)) {
    state->is_cautious = 0; /* it was a burst */
  }
}

/* The other sign of HyStart (Ha and Rhee, 2008): SACKs that follow each other closely for half a round trip are of packets
 * that fill half the path; and by the next round they fill it. */
static void watch_train(struct sctp_nets *net) {
  struct state *state = state_of(net);
  uint32_t time = microseconds(), gap = state->base_rtt / 8 > TRAIN_GAP ? state->base_rtt / 8 : TRAIN_GAP;
  if (state->base_rtt < SHORT_RTT || !may_leave_slow_start(net, state) || time - state->sack_at > gap) return;
  state->sack_at = time;
  if (time - state->round_at > state->base_rtt / 2) leave_slow_start(net);
}

static void begin_round(struct sctp_nets *net) {
  struct state *state = state_of(net);
  state->round_at = state->sack_at = microseconds();
  if (state->is_cautious && may_leave_slow_start(net, state) && ++state->rounds >= ROUNDS) leave_slow_start(net);
}

/* ----------------------------------------------------------------------------------------------------------------- CUBIC */

/* RFC 9438 section 4.2, with C = 0.4: K³ = (W_max - cwnd) / C, in segments and seconds. */
static void begin_epoch(struct sctp_nets *net) {
  struct state *state = state_of(net);
  state->epoch = now();
  state->reno = net->cwnd;
  state->rest = 0;
  if (state->window_max > net->cwnd) {
    state->k = cube_root((uint64_t)(state->window_max - net->cwnd) * UINT64_C(2500000000) / net->mtu);
    state->origin = state->window_max;
  } else {
    state->k = 0;
    state->origin = net->cwnd;
  }
}

/* W_cubic(t), t after the epoch's begin. */
static uint32_t cubic(const struct sctp_nets *net, const struct state *state, uint32_t t) {
  uint64_t distance = least(t > state->k ? t - state->k : state->k - t, 100000);
  uint64_t change = distance * distance * distance / 1000000 * net->mtu / 2500;
  if (t > state->k) return least(state->origin + change, UINT32_MAX / 2);
  return change < state->origin ? (uint32_t)(state->origin - change) : 0;
}

/* RFC 9438 section 4.3: what a sender of RFC 5681 would have by now */
static void grow_reno(const struct sctp_nets *net, struct state *state, uint32_t acked) {
  uint64_t growth = (uint64_t)net->mtu * acked * 1024 / net->cwnd;
  if (state->reno < state->window_max) growth = growth * 9 / 17; /* 3 (1 - β) / (1 + β) */
  growth += state->rest;
  state->reno += (uint32_t)(growth / 1024);
  state->rest = (uint32_t)(growth % 1024);
}

static bool has_long_queue(const struct state *state) {
  return state->base_rtt != 0 && state->rtt > 2 * state->base_rtt + QUEUE_SLACK;
}

static void avoid_congestion(struct sctp_nets *net, uint32_t acked) {
  struct state *state = state_of(net);
  if (state->epoch == 0) begin_epoch(net);
  if (has_long_queue(state)) return;
  grow_reno(net, state, acked);
  uint32_t target = cubic(net, state, now() - state->epoch + state->base_rtt / 1000);
  target = least(target, net->cwnd + net->cwnd / 2);
  if (target > net->cwnd) net->cwnd += (uint32_t)((uint64_t)(target - net->cwnd) * acked / net->cwnd);
  if (state->reno > net->cwnd) net->cwnd = state->reno;
}

/* A loss. RFC 9438 sections 4.6 and 4.7 (fast convergence) */
static void reduce(struct sctp_nets *net, uint32_t window) {
  struct state *state = state_of(net);
  state->window_max = window < state->window_max ? part(window, 100 - (100 - BETA_PERCENT) / 2) : window;
  state->epoch = 0;
  state->is_cautious = 0;
  net->ssthresh = part(window, BETA_PERCENT);
  if (net->ssthresh < 2 * net->mtu) net->ssthresh = 2 * net->mtu;
}

/* ------------------------------------------------------------------------------------------------- the least round trip */

/* A queue that stands hides it: once in a while the window is made so small that the queue becomes empty. */
static void measure_anew(struct sctp_nets *net) {
  struct state *state = state_of(net);
  if (net->cwnd >= net->ssthresh && state->rtt > state->base_rtt + state->base_rtt / 4 + RTT_LEAST_RISE) {
    uint32_t window = (uint32_t)((uint64_t)net->cwnd * state->base_rtt / state->rtt);
    if (state->window_max < net->cwnd) state->window_max = net->cwnd;
    net->cwnd = window > 4 * net->mtu ? window - window / 8 : 4 * net->mtu;
    net->ssthresh = net->cwnd;
    state->epoch = 0;
    state->drains = 1;
  }
  state->base_at = now();
}

static void measured(struct sctp_tcb *tcb, struct sctp_nets *net, struct timeval *time) {
  struct state *state = state_of(net);
  (void)tcb, (void)time;
  state->rtt = least(net->rtt > 0 ? net->rtt : 1, UINT32_MAX / 4);
  if (state->base_rtt == 0 || state->rtt <= state->base_rtt || state->drains == 3) {
    state->base_rtt = state->rtt;
    state->base_at = now();
    state->drains = 0;
  } else if (state->drains > 0) {
    state->drains++; /* the first samples are of packets that were under way */
  } else if (state->is_full && now() - state->base_at > BASE_RTT_AGE) {
    measure_anew(net);
  }
  watch_round_trip(net);
}

/* ------------------------------------------------------------------------------------------------------ usrsctp's calls */

static void prepare(struct sctp_association *association, struct sctp_nets *net) {
  struct state *state = state_of(net);
  if (state->is_ready) return;
  state->is_ready = 1;
  state->round_end = association->last_acked_seq;
  net->ssthresh = UINT32_MAX / 2; /* RFC 5681 section 3.1: arbitrarily high at first */
}

static void after_sack(struct sctp_tcb *tcb, struct sctp_association *association, int moved, int reneged, int will_exit) {
  struct sctp_nets *net = association->primary_destination;
  struct state *state = state_of(net);
  (void)reneged;
  prepare(association, net);
  /* RFC 9260 section 6.3.2, R3: T3-rtx is restarted when the earliest chunk is acknowledged. Of SACKs without gaps usrsctp
   * forgets that: it starts the timer only where none runs, so one fires although nothing is late. */
  if (moved) sctp_timer_stop(SCTP_TIMER_TYPE_SEND, tcb->sctp_ep, tcb, net, 0);
  if (SCTP_TSN_GE(association->last_acked_seq, state->round_end)) {
    state->round_end = association->sending_seq - 1;
    begin_round(net);
  } else {
    watch_train(net);
  }
  uint32_t acked = net->net_ack;
  state->is_full = net->flight_size + acked >= net->cwnd;
  bool recovers = association->fast_retran_loss_recovery && !will_exit;
  if (acked == 0 || !moved || recovers || !state->is_full) return;
  if (net->cwnd < net->ssthresh) {
    net->cwnd = least((uint64_t)net->cwnd + (state->is_cautious ? acked / SLOWER : acked), UINT32_MAX / 4);
  } else {
    avoid_congestion(net, acked);
  }
}

static void after_fast_retransmit(struct sctp_tcb *tcb, struct sctp_association *association) {
  struct sctp_nets *net = association->primary_destination;
  uint32_t window = net->cwnd;
  bool recovered = association->fast_retran_loss_recovery == 0;
  theirs()->sctp_cwnd_update_after_fr(tcb, association);
  if (!recovered || association->fast_retran_loss_recovery == 0) return;
  reduce(net, window);
  net->cwnd = net->ssthresh;
}

static void after_timeout(struct sctp_tcb *tcb, struct sctp_nets *net) {
  uint32_t window = net->cwnd, threshold = net->ssthresh;
  theirs()->sctp_cwnd_update_after_timeout(tcb, net);
  /* RFC 5681 section 3.1: it is held constant while what was lost is sent again */
  if (window < threshold && threshold < UINT32_MAX / 2) net->ssthresh = threshold;
  else reduce(net, window);
}

void prtc_congestion_install(struct sctp_tcb *tcb) {
  tcb->asoc.cc_functions = *theirs();
  tcb->asoc.cc_functions.sctp_cwnd_update_after_sack = after_sack;
  tcb->asoc.cc_functions.sctp_cwnd_update_after_fr = after_fast_retransmit;
  tcb->asoc.cc_functions.sctp_cwnd_update_after_timeout = after_timeout;
  tcb->asoc.cc_functions.sctp_rtt_calculated = measured;
}

size_t prtc_congestion_useful(struct sctp_tcb *tcb) {
  uint32_t milliseconds = state_of(tcb->asoc.primary_destination)->base_rtt / 1000;
  return (size_t)BYTES_PER_MILLISECOND * (milliseconds > 0 ? milliseconds : 1);
}
