/* What idle connections take: so many between two endpoints, each with one open channel and 1,024 streams each way on offer. Prints bytes a
 * connection and side: what the allocator of one side was asked for, and what the process holds for both, with BoringSSL. Then they are
 * closed, and nothing is to be left.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <malloc.h>
#include <unistd.h>

#include "core/endpoint/crowd_test.h"

enum { MOST = 32 * 1024 };

static struct crowd crowd;
static struct prtc_meter meter = {.left = -1};

static size_t resident(void) {
  unsigned long all = 0, in_memory = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  PRTC_REQUIRE(file != NULL && fscanf(file, "%lu %lu", &all, &in_memory) == 2);
  fclose(file);
  return in_memory * (size_t)sysconf(_SC_PAGESIZE);
}

static void connect(void) {
  size_t pair = crowd_pair(&crowd);
  while (!crowd_is_open(&crowd, pair)) crowd_run(&crowd, CROWD_DELAY);
  crowd_exchange(&crowd, pair);
}

static size_t connect_many(size_t connections) {
  size_t first = crowd.peer_counts[SERVER];
  for (size_t i = 0; i < connections; i++) connect();
  crowd_run(&crowd, 60000000);
  return first;
}

/* Bytes that the allocator then still has given out. */
static size_t close_many(size_t first, size_t connections) {
  for (size_t pair = first; pair < first + connections; pair++) {
    for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_peer_close(crowd.peers[i][pair].peer, crowd.now), PRTC_OK);
    crowd_run(&crowd, 1000000);
    for (int i = 0; i < 2; i++) crowd_free_peer(&crowd, i, pair);
  }
  crowd_run(&crowd, 60000000);
  return meter.bytes;
}

int main(int count, char **arguments) {
  size_t connections = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000;
  const prtc_allocator allocator = prtc_metered(&meter);
  crowd_allocator = &allocator;
  crowd_open(&crowd, 2 * connections + 100, 40000, 0);
  memset(crowd.flights, 0, crowd.flight_capacity * sizeof *crowd.flights); /* the wire takes its pages now */
  for (int i = 0; i < 100; i++) connect(); /* what is made once is there */
  crowd_run(&crowd, 60000000);
  size_t bytes = meter.bytes, pages = resident();
  size_t first = connect_many(connections);
  malloc_trim(0);
  size_t metered = (meter.bytes - bytes) / connections, held = (resident() - pages) / connections / 2;
  printf("%zu idle connections: %zu bytes each from the allocator, %zu in the process\n", connections, metered, held);
  PRTC_CHECK(metered <= MOST);
  PRTC_CHECK(connections < 500 || held <= MOST);
  /* What is kept is what finds as many again: the tables of an endpoint do not shrink. */
  size_t closed = close_many(first, connections), again = close_many(connect_many(connections), connections);
  printf("closed, %zu bytes more than before for all; as many again, and closed: %zu\n", closed - bytes, again - bytes);
  PRTC_CHECK(again <= closed);
  crowd_close(&crowd);
  PRTC_CHECK_INT(meter.bytes, 0);
  return PRTC_TEST_RESULT();
}
