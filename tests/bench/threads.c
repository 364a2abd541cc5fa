/* Whether endpoints in several threads hinder each other: the CPU time of the same work in one thread, in several threads at once, and in
 * as many processes, which share nothing by nature. Threads that take more than processes share something: a lock, or a line of the
 * cache. (Both may take more than one alone: they share the machine.)
 *
 *     threads [--json FILE] [THREADS [ROUNDS]]       by default as many as there are processors, 7 rounds of each in turns
 *
 * The work is both ends of a connection in virtual time, without sockets: set-up, a MiB in messages of 16 KiB, 4,000 messages of 64 bytes.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/testing.h"
#include "tests/endurance/pair.h"

enum { MOST_THREADS = 64, MOST_ROUNDS = 101, CONNECTIONS = 40, LARGE = 16384, LARGE_COUNT = 64, SMALL = 64, SMALL_COUNT = 4000 };
enum way { ALONE, THREADS, PROCESSES, WAYS };

static const char *const way_names[WAYS] = {"alone", "threads", "processes"};

static double cpu_now(void) {
  struct timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static bool has_large(const struct pair *pair) { return pair->sides[1].received == LARGE_COUNT; }
static bool has_all(const struct pair *pair) { return pair->sides[1].received == LARGE_COUNT + SMALL_COUNT; }

static void send_many(struct pair *pair, size_t count, size_t size) {
  static const uint8_t message[LARGE];
  const struct side *side = &pair->sides[0];
  for (size_t i = 0; i < count; i++) {
    PRTC_REQUIRE(prtc_peer_send(side->peer, pair->now, side->opened, PRTC_MESSAGE_BINARY, message, size) == 0);
  }
}

/* CPU seconds of this thread. */
static double work(void) {
  double began = cpu_now();
  for (uint8_t seed = 1; seed <= CONNECTIONS; seed++) {
    struct pair *pair = pair_open(NULL, seed);
    PRTC_REQUIRE(pair != NULL && pair_negotiate(pair) == 0 && pair_run(pair, 10 * PAIR_SECOND, pair_is_connected));
    send_many(pair, LARGE_COUNT, LARGE);
    PRTC_REQUIRE(pair_run(pair, 60 * PAIR_SECOND, has_large));
    send_many(pair, SMALL_COUNT, SMALL);
    PRTC_REQUIRE(pair_run(pair, 60 * PAIR_SECOND, has_all));
    pair_close(pair);
  }
  return cpu_now() - began;
}

static void *work_in_thread(void *seconds) {
  *(double *)seconds = work();
  return NULL;
}

/* Of all of them, each. */
static double in_threads(size_t count) {
  pthread_t threads[MOST_THREADS];
  double seconds[MOST_THREADS], sum = 0;
  for (size_t i = 0; i < count; i++) PRTC_REQUIRE(pthread_create(&threads[i], NULL, work_in_thread, &seconds[i]) == 0);
  for (size_t i = 0; i < count; i++) {
    PRTC_REQUIRE(pthread_join(threads[i], NULL) == 0);
    sum += seconds[i];
  }
  return sum / (double)count;
}

static double in_processes(size_t count) {
  double *seconds = mmap(NULL, count * sizeof *seconds, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), sum = 0;
  PRTC_REQUIRE(seconds != MAP_FAILED);
  for (size_t i = 0; i < count; i++) {
    pid_t child = fork();
    PRTC_REQUIRE(child >= 0);
    if (child == 0) {
      double own = work();
      seconds[i] = own;
      _exit(0);
    }
  }
  for (size_t i = 0; i < count; i++) {
    int status;
    PRTC_REQUIRE(wait(&status) > 0 && status == 0);
  }
  for (size_t i = 0; i < count; i++) sum += seconds[i];
  munmap(seconds, count * sizeof *seconds);
  return sum / (double)count;
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

int main(int argc, char **argv) {
  static double taken[WAYS][MOST_ROUNDS];
  const char *json = NULL;
  size_t count = (size_t)sysconf(_SC_NPROCESSORS_ONLN), rounds = 7, given = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) json = argv[++i];
    else if (given++ == 0) count = strtoul(argv[i], NULL, 10);
    else rounds = strtoul(argv[i], NULL, 10);
  }
  PRTC_REQUIRE(count >= 1 && count <= MOST_THREADS && rounds >= 1 && rounds <= MOST_ROUNDS);
  for (size_t round = 0; round < rounds; round++) {
    taken[ALONE][round] = in_threads(1);
    taken[THREADS][round] = in_threads(count);
    taken[PROCESSES][round] = in_processes(count);
  }
  double medians[WAYS];
  for (int way = 0; way < WAYS; way++) {
    qsort(taken[way], rounds, sizeof taken[way][0], compare);
    medians[way] = taken[way][rounds / 2] / CONNECTIONS * 1e3;
    printf("%-9s x %-2zu %7.2f CPU ms a connection with its messages (%.2f to %.2f)\n", way_names[way], way == ALONE ? 1 : count,
           medians[way], taken[way][0] / CONNECTIONS * 1e3, taken[way][rounds - 1] / CONNECTIONS * 1e3);
  }
  printf("threads take %.3f times what processes take\n", medians[THREADS] / medians[PROCESSES]);
  prtc_test_count++;
  if (json == NULL) return 0;
  FILE *file = fopen(json, "w");
  PRTC_REQUIRE(file != NULL);
  fprintf(file, "{\"threads\": %zu", count);
  for (int way = 0; way < WAYS; way++) fprintf(file, ", \"%s_ms\": %.4f", way_names[way], medians[way]);
  fprintf(file, "}\n");
  fclose(file);
  return 0;
}
