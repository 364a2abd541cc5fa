/* Two threads, each with endpoints of its own, at the same time: they share nothing. (Under --config=tsan that is proved.)
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <pthread.h>

#include "core/base/testing.h"
#include "tests/endurance/pair.h"

enum { THREADS = 2, CONNECTIONS = 5, MESSAGES = 200 };

struct outcome {
  pthread_t thread;
  pthread_barrier_t *start;
  uint64_t transcript, received, closed;
};

static bool has_all(const struct pair *pair) {
  return pair->sides[0].received == MESSAGES && pair->sides[1].received == MESSAGES;
}

static void *live(void *argument) {
  struct outcome *outcome = argument;
  uint8_t message[3000] = {0};
  pthread_barrier_wait(outcome->start);
  for (uint8_t seed = 1; seed <= CONNECTIONS; seed++) {
    struct pair *pair = pair_open(NULL, seed);
    bool good = pair_negotiate(pair) == 0 && pair_run(pair, 10 * PAIR_SECOND, pair_is_connected);
    const struct side *a = &pair->sides[0], *b = &pair->sides[1];
    for (int i = 0; i < MESSAGES && good; i++) {
      good = prtc_peer_send(a->peer, pair->now, a->opened, PRTC_MESSAGE_BINARY, message, sizeof message) == 0 &&
             prtc_peer_send(b->peer, pair->now, b->taken, PRTC_MESSAGE_TEXT, message, 1) == 0;
    }
    good = good && pair_run(pair, 60 * PAIR_SECOND, has_all);
    outcome->received += pair->sides[0].received + pair->sides[1].received;
    good = good && prtc_peer_close(pair->sides[0].peer, pair->now) == 0;
    if (good && pair_run(pair, 10 * PAIR_SECOND, pair_is_closed)) outcome->closed++;
    outcome->transcript = outcome->transcript * 31 + pair->transcript;
    pair_close(pair);
  }
  return NULL;
}

static void two_threads_share_nothing(void) {
  struct outcome outcomes[THREADS] = {0};
  pthread_barrier_t start;
  PRTC_REQUIRE(pthread_barrier_init(&start, NULL, THREADS) == 0);
  for (int i = 0; i < THREADS; i++) {
    outcomes[i].start = &start;
    PRTC_REQUIRE(pthread_create(&outcomes[i].thread, NULL, live, &outcomes[i]) == 0);
  }
  for (int i = 0; i < THREADS; i++) PRTC_REQUIRE(pthread_join(outcomes[i].thread, NULL) == 0);
  pthread_barrier_destroy(&start);
  for (int i = 0; i < THREADS; i++) {
    PRTC_CHECK_INT(outcomes[i].received, 2 * MESSAGES * CONNECTIONS);
    PRTC_CHECK_INT(outcomes[i].closed, CONNECTIONS);
    /* The same seeds: the same bytes, whatever the other thread does. */
    PRTC_CHECK(outcomes[i].transcript == outcomes[0].transcript);
  }
}

int main(void) {
  PRTC_RUN(two_threads_share_nothing);
  return PRTC_TEST_RESULT();
}
