/* Two UDP sockets and nothing else: what a round trip costs where there is no WebRTC. For `rtt` alone; ../README.md has what is
 * asked of a peer.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { WARM_UP = 200, SIZE_MAX_ = 2048 };

static void check(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void print_port(int socket, const char *type) {
  struct sockaddr_in own;
  socklen_t length = sizeof own;
  check(getsockname(socket, (struct sockaddr *)&own, &length) == 0, "getsockname");
  printf("{\"sdp\": {\"type\": \"%s\", \"sdp\": \"%d\"}}\n", type, ntohs(own.sin_port));
  fflush(stdout);
}

/* The last number of the line is the other side's port. */
static void read_port(int socket) {
  char line[256];
  struct sockaddr_in other = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  check(fgets(line, sizeof line, stdin) != NULL, "no line");
  const char *at = line + strcspn(line, "0123456789");
  other.sin_port = htons((uint16_t)atoi(at));
  check(connect(socket, (struct sockaddr *)&other, sizeof other) == 0, "connect");
}

static void offer(int socket, size_t size, size_t count) {
  static char message[SIZE_MAX_];
  double *times = calloc(count, sizeof *times), spent = 0;
  print_port(socket, "offer");
  read_port(socket);
  for (size_t i = 0; i < count + WARM_UP; i++) {
    if (i == WARM_UP) spent = cpu();
    double start = seconds();
    check(send(socket, message, size, 0) == (ssize_t)size && recv(socket, message, size, 0) == (ssize_t)size, "round trip");
    if (i >= WARM_UP) times[i - WARM_UP] = (seconds() - start) * 1e6;
  }
  spent = cpu() - spent;
  check(send(socket, "", 1, 0) == 1, "send");
  qsort(times, count, sizeof *times, compare);
  printf("{\"result\": {\"p50_us\": %.1f, \"p99_us\": %.1f, \"cpu_s\": %.6f, \"n\": %zu}}\n", times[count / 2],
         times[count * 99 / 100], spent, count);
  free(times);
}

/* Until a datagram of one byte. */
static void answer(int socket) {
  static char message[SIZE_MAX_];
  double first = 0, first_cpu = 0;
  unsigned long received = 0, bytes = 0;
  read_port(socket);
  print_port(socket, "answer");
  for (;;) {
    ssize_t size = recv(socket, message, sizeof message, 0);
    if (size == 1) break;
    check(size > 0 && send(socket, message, (size_t)size, 0) == size, "echo");
    if (received++ == WARM_UP) first = seconds(), first_cpu = cpu();
    bytes += (size_t)size;
  }
  printf("{\"result\": {\"received\": %lu, \"bytes\": %lu, \"secs\": %.6f, \"cpu_s\": %.6f}}\n", received, bytes,
         seconds() - first, cpu() - first_cpu);
}

int main(int argc, char **argv) {
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int socket_ = socket(AF_INET, SOCK_DGRAM, 0);
  check(argc > 4 && strcmp(argv[2], "rtt") == 0, "usage: offer|answer rtt SIZE COUNT");
  check(socket_ >= 0 && bind(socket_, (struct sockaddr *)&own, sizeof own) == 0, "socket");
  if (strcmp(argv[1], "offer") == 0) offer(socket_, (size_t)atol(argv[3]), (size_t)atol(argv[4]));
  else answer(socket_);
  return 0;
}
