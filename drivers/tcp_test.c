/* ICE over TCP with a driver (the argument says which), over real connections of the loopback interface.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/sides_test.h"

#define DESCRIPTORS 256

/* Each open TCP socket of this process, listening or connected, that was not there `before`. */
static size_t find_sockets(bool listening, int *out, size_t capacity) {
  size_t count = 0;
  for (int i = 0; i < DESCRIPTORS && count < capacity; i++) {
    int type = 0, accepts = 0;
    socklen_t length = sizeof type;
    struct sockaddr_storage peer;
    socklen_t peer_length = sizeof peer;
    if (getsockopt(i, SOL_SOCKET, SO_TYPE, &type, &length) != 0 || type != SOCK_STREAM) continue;
    length = sizeof accepts;
    if (getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) != 0 || (accepts != 0) != listening) continue;
    if (!listening && getpeername(i, (struct sockaddr *)&peer, &peer_length) != 0) continue;
    out[count++] = i;
  }
  return count;
}

static size_t connection_count(void) {
  int found[DESCRIPTORS];
  return find_sockets(false, found, DESCRIPTORS);
}

/* Two sides that have nothing but TCP between them, with a channel. */
static void connect_over_tcp(struct side *a, struct side *b) {
  char stats[32768];
  connect_sides(a, b);
  const struct side *sides[] = {a, b};
  for (int i = 0; i < 2; i++) {
    PRTC_REQUIRE(prtc_peer_get_stats(sides[i]->peer, prtc_driver_now(sides[i]->driver), stats, sizeof stats) > 0);
    PRTC_CHECK(strstr(stats, "\"localCandidateId\":\"local-host-tcp-") != NULL);
    PRTC_CHECK(strstr(stats, "\"localCandidateId\":\"local-host-127") == NULL); /* no pair of UDP at all */
    PRTC_CHECK(strstr(stats, "\"tcpType\":\"active\"") != NULL && strstr(stats, "\"tcpType\":\"passive\"") != NULL);
  }
}

/* Of all connections that were made, one is left: two ends of it. */
static bool has_no_spare(const struct side *a, const struct side *b) { return is_open(a, b) && connection_count() == 2; }

static void exchange_numbers(struct side *a, struct side *b) {
  a->received = b->received = 0;
  send_numbers(a);
  send_numbers(b);
  PRTC_CHECK(run(a, b, has_all));
  PRTC_CHECK(a->in_order && b->in_order);
  PRTC_CHECK_INT(a->received + b->received, 2 * MESSAGES);
  PRTC_CHECK_TEXT(a->failure, "");
}

static void ten_thousand_messages_each_way(void) {
  struct side a, b;
  connect_over_tcp(&a, &b);
  exchange_numbers(&a, &b);
  PRTC_CHECK(run(&a, &b, has_no_spare));
  free_sides(&a, &b);
}

/* Only one side can be connected to: the other has active candidates alone, as is the default. */
static void to_a_server(void) {
  for (int server = 0; server < 2; server++) {
    struct side a, b;
    tcp_candidates = server == 0 ? PRTC_TCP_CANDIDATES_ALL : PRTC_TCP_CANDIDATES_ACTIVE;
    open_side(&a, NULL, NULL);
    tcp_candidates = server == 1 ? PRTC_TCP_CANDIDATES_ALL : PRTC_TCP_CANDIDATES_ACTIVE;
    open_side(&b, NULL, NULL);
    create_channel(&a);
    describe(&a, &b, PRTC_SDP_OFFER);
    describe(&b, &a, PRTC_SDP_ANSWER);
    PRTC_CHECK(run(&a, &b, has_no_spare));
    free_sides(&a, &b);
  }
  tcp_candidates = PRTC_TCP_CANDIDATES_ALL;
}

static bool output_was_watched;

/* Small buffers on both ends: nearly every write is partial, and waits. */
static void a_slow_connection(void) {
  static uint8_t message[64 * 1024];
  const int small = 1; /* the kernel makes a few kilobytes of it */
  struct side a, b;
  int found[DESCRIPTORS];
  open_side(&a, NULL, NULL);
  open_side(&b, NULL, NULL);
  create_channel(&a);
  describe(&a, &b, PRTC_SDP_OFFER);
  describe(&b, &a, PRTC_SDP_ANSWER);
  settle(&a, &b);
  /* Inherited by what is accepted */
  size_t count = find_sockets(true, found, DESCRIPTORS);
  PRTC_REQUIRE(count >= 2);
  for (size_t i = 0; i < count; i++) {
    PRTC_REQUIRE(setsockopt(found[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    PRTC_REQUIRE(setsockopt(found[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  }
  PRTC_REQUIRE(run(&a, &b, is_open));
  PRTC_REQUIRE(run(&a, &b, has_no_spare));
  size_t ends = find_sockets(false, found, DESCRIPTORS);
  for (size_t i = 0; i < ends; i++) {
    PRTC_REQUIRE(setsockopt(found[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    PRTC_REQUIRE(setsockopt(found[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  }
  for (uint32_t i = 0; i < 100; i++) {
    memcpy(message, &i, sizeof i);
    PRTC_CHECK_INT(prtc_peer_send(a.peer, prtc_driver_now(a.driver), a.channel, PRTC_MESSAGE_BINARY, message,
                                  sizeof message),
                   0);
  }
  prtc_time end = prtc_driver_now(NULL) + PATIENCE_MS * 1000u;
  output_was_watched = false;
  while (b.received < 100 && prtc_driver_now(NULL) < end) {
    struct pollfd watched[WATCHES];
    settle(&a, &b);
    size_t of_a = watch(&a, watched, 0), of_both = watch(&b, watched, of_a);
    for (size_t i = 0; i < of_a; i++) output_was_watched = output_was_watched || (watched[i].events & POLLOUT) != 0;
    poll(watched, of_both, patience(&a, &b));
    PRTC_CHECK_INT(prtc_driver_process(a.driver), 0);
    PRTC_CHECK_INT(prtc_driver_process(b.driver), 0);
  }
  PRTC_CHECK_INT(b.received, 100);
  PRTC_CHECK(b.in_order);
  int still[DESCRIPTORS];
  PRTC_CHECK_INT(find_sockets(false, still, DESCRIPTORS), ends);
  for (size_t i = 0; i < ends; i++) PRTC_CHECK_INT(still[i], found[i]); /* it was slow, and never given up for another */
  if (portable != 0) PRTC_CHECK(output_was_watched); /* with one descriptor for all it cannot be seen */
  PRTC_CHECK_INT(prtc_driver_flush(a.driver), 0);
  if (portable != 0) {
    struct pollfd watched[WATCHES];
    PRTC_CHECK(run(&a, &b, is_open));
    size_t of_a = watch(&a, watched, 0);
    for (size_t i = 0; i < of_a; i++) PRTC_CHECK((watched[i].events & POLLOUT) == 0); /* and no longer than needed */
  }
  free_sides(&a, &b);
}

/* A way that is refused costs nothing: the one after it is taken. */
static void refused(void) {
  struct side a, b;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  char candidate[128];
  int nobody = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* bound, and does not listen */
  PRTC_REQUIRE(bind(nobody, (struct sockaddr *)&address, length) == 0);
  PRTC_REQUIRE(getsockname(nobody, (struct sockaddr *)&address, &length) == 0);
  open_side(&a, NULL, NULL);
  open_side(&b, NULL, NULL);
  create_channel(&a);
  describe(&a, &b, PRTC_SDP_OFFER);
  describe(&b, &a, PRTC_SDP_ANSWER);
  snprintf(candidate, sizeof candidate, "candidate:9 1 tcp 2130706431 127.0.0.1 %u typ host tcptype passive",
           ntohs(address.sin_port));
  PRTC_REQUIRE(prtc_peer_add_ice_candidate(a.peer, prtc_driver_now(a.driver), candidate, "0", 0, NULL) == 0);
  PRTC_CHECK(run(&a, &b, is_open));
  char stats[32768];
  PRTC_REQUIRE(prtc_peer_get_stats(a.peer, prtc_driver_now(a.driver), stats, sizeof stats) > 0);
  char pair[256];
  snprintf(pair, sizeof pair, "\"remoteCandidateId\":\"remote-host-tcp-127.0.0.1:%u\",\"state\":\"failed\"",
           ntohs(address.sin_port));
  PRTC_CHECK(strstr(stats, pair) != NULL);
  close(nobody);
  free_sides(&a, &b);
}

/* A connection that somebody kills is made again, and nothing is lost. */
static void killed(void) {
  struct side a, b;
  connect_over_tcp(&a, &b);
  exchange_numbers(&a, &b);
  for (int round = 0; round < 2; round++) {
    int found[DESCRIPTORS];
    size_t count = find_sockets(false, found, DESCRIPTORS);
    const struct linger reset = {.l_onoff = 1};
    PRTC_REQUIRE(count >= 2);
    send_numbers(&a);
    PRTC_CHECK_INT(prtc_driver_flush(a.driver), 0); /* something is under way */
    for (size_t i = 0; i < count; i++) {
      (void)setsockopt(found[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      PRTC_CHECK_INT(shutdown(found[i], SHUT_RDWR), 0);
    }
    a.received = b.received = 0;
    send_numbers(&b);
    PRTC_CHECK(run(&a, &b, has_all));
    PRTC_CHECK(a.in_order && b.in_order);
    PRTC_CHECK_TEXT(a.failure, "");
    PRTC_CHECK(!a.channel_closed && !b.channel_closed);
  }
  free_sides(&a, &b);
}

static bool is_closed(const struct side *a, const struct side *b) {
  return a->state == PRTC_CONNECTION_CLOSED && b->channel_closed;
}

static void closing_says_goodbye(void) {
  struct side a, b;
  connect_over_tcp(&a, &b);
  send_numbers(&b); /* on its way towards the one that closes, which must not make the goodbye fail */
  PRTC_CHECK_INT(prtc_driver_flush(b.driver), 0);
  PRTC_CHECK_INT(prtc_peer_close(a.peer, prtc_driver_now(a.driver)), 0);
  PRTC_CHECK(run(&a, &b, is_closed));
  PRTC_CHECK(b.state == PRTC_CONNECTION_CONNECTED); /* so it was not by a time-out */
  free_sides(&a, &b);
}

/* Raw connections to the side's listener. */
static int stranger(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  PRTC_REQUIRE(descriptor >= 0 && connect(descriptor, (struct sockaddr *)&address, sizeof address) == 0);
  PRTC_REQUIRE(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0);
  return descriptor;
}

static uint16_t listening_port(void) {
  struct sockaddr_in address;
  socklen_t length = sizeof address;
  int found[DESCRIPTORS];
  size_t count = find_sockets(true, found, DESCRIPTORS);
  for (size_t i = 0; i < count; i++) {
    if (getsockname(found[i], (struct sockaddr *)&address, &length) == 0 && address.sin_family == AF_INET) {
      return ntohs(address.sin_port);
    }
  }
  PRTC_REQUIRE(false);
  return 0;
}

static bool has_ended(int descriptor) {
  uint8_t byte;
  return recv(descriptor, &byte, 1, 0) == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void open_listening(struct side *side) {
  open_side(side, NULL, NULL);
  create_channel(side);
  PRTC_REQUIRE(prtc_peer_set_local_description(side->peer, prtc_driver_now(side->driver), PRTC_SDP_OFFER, NULL, 0) == 0);
  settle(side, &(struct side){0});
}

/* Strangers have few places, and what is not a frame that begins a check has none. */
static void strangers(void) {
  struct side a;
  open_listening(&a);
  uint16_t port = listening_port();
  int descriptors[40];
  for (size_t i = 0; i < 40; i++) descriptors[i] = stranger(port);
  size_t ended = 0;
  for (prtc_time end = prtc_driver_now(NULL) + PATIENCE_MS * 1000u; ended < 24 && prtc_driver_now(NULL) < end;) {
    PRTC_CHECK_INT(prtc_driver_process(a.driver), 0);
    ended = 0;
    for (size_t i = 0; i < 40; i++) ended += has_ended(descriptors[i]);
  }
  PRTC_CHECK_INT(ended, 24); /* 16 may stay, for ten seconds */
  for (size_t i = 0; i < 40; i++) {
    if (!has_ended(descriptors[i])) PRTC_CHECK_INT(write(descriptors[i], "GET / HTTP/1.1\r\n\r\n", 18), 18);
  }
  for (prtc_time end = prtc_driver_now(NULL) + PATIENCE_MS * 1000u; ended < 40 && prtc_driver_now(NULL) < end;) {
    PRTC_CHECK_INT(prtc_driver_process(a.driver), 0);
    ended = 0;
    for (size_t i = 0; i < 40; i++) ended += has_ended(descriptors[i]);
  }
  PRTC_CHECK_INT(ended, 40); /* "GE" is the length of a frame that no check has */
  for (size_t i = 0; i < 40; i++) close(descriptors[i]);
  prtc_driver_free(a.driver);
}

/* No descriptor is left for a connection that waits: the driver does not spin, and takes it when there is one. */
static void descriptors_run_out(void) {
  struct side a, nobody = {0};
  struct rlimit before, none;
  open_listening(&a);
  int descriptor = stranger(listening_port());
  PRTC_REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  none = before;
  none.rlim_cur = (rlim_t)descriptor;
  while (fcntl((int)none.rlim_cur - 1, F_GETFD) < 0) none.rlim_cur--; /* the lowest that is free is beyond */
  for (int i = 0; i < (int)none.rlim_cur; i++) PRTC_REQUIRE(fcntl(i, F_GETFD) >= 0);
  PRTC_REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  PRTC_CHECK_INT(prtc_driver_process(a.driver), 0);
  size_t calls = 0;
  for (prtc_time end = prtc_driver_now(NULL) + 300000; prtc_driver_now(NULL) < end && calls < 1000; calls++) {
    if (prtc_driver_wait(a.driver, end) > 0) PRTC_CHECK_INT(prtc_driver_process(a.driver), 0);
  }
  PRTC_CHECK(calls < 50);
  PRTC_REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  size_t connections = connection_count();
  for (prtc_time end = prtc_driver_now(NULL) + PATIENCE_MS * 1000u;
       connection_count() == connections && prtc_driver_now(NULL) < end;) {
    (void)prtc_driver_wait(a.driver, end);
    PRTC_CHECK_INT(prtc_driver_process(a.driver), 0);
    settle(&a, &nobody);
  }
  PRTC_CHECK_INT(connection_count(), connections + 1);
  close(descriptor);
  prtc_driver_free(a.driver);
}

static void a_forked_child_is_inert(void) {
  struct side a, b;
  connect_over_tcp(&a, &b);
  pid_t child = fork();
  PRTC_REQUIRE(child >= 0);
  if (child == 0) {
    (void)prtc_peer_close(a.peer, prtc_driver_now(a.driver));
    bool inert = prtc_driver_flush(a.driver) == PRTC_ERROR_INVALID_STATE;
    prtc_driver_free(a.driver);
    prtc_driver_free(b.driver);
    _exit(inert ? 0 : 1);
  }
  int status = -1;
  PRTC_CHECK_INT(waitpid(child, &status, 0), child);
  PRTC_CHECK_INT(status, 0);
  exchange_numbers(&a, &b);
  free_sides(&a, &b);
}

static size_t open_descriptors(void) {
  size_t count = 0;
  for (int i = 0; i < DESCRIPTORS; i++) count += fcntl(i, F_GETFD) >= 0;
  return count;
}

static void freeing_closes_every_descriptor(void) {
  struct side a, b;
  bool was_open[DESCRIPTORS];
  for (int i = 0; i < DESCRIPTORS; i++) was_open[i] = fcntl(i, F_GETFD) >= 0;
  size_t before = open_descriptors();
  connect_over_tcp(&a, &b);
  for (int i = 0; i < DESCRIPTORS; i++) { /* and none survives exec */
    int flags = fcntl(i, F_GETFD);
    if (flags >= 0 && !was_open[i]) PRTC_CHECK((flags & FD_CLOEXEC) != 0);
  }
  free_sides(&a, &b);
  PRTC_CHECK_INT(open_descriptors(), before);
}

int main(int argc, char **argv) {
  portable = argc > 1 && strcmp(argv[1], "portable") == 0;
  tcp_candidates = PRTC_TCP_CANDIDATES_ALL;
  udp_is_blocked = true;
  PRTC_RUN(ten_thousand_messages_each_way);
  PRTC_RUN(to_a_server);
  PRTC_RUN(a_slow_connection);
  PRTC_RUN(refused);
  PRTC_RUN(killed);
  PRTC_RUN(closing_says_goodbye);
  PRTC_RUN(strangers);
  PRTC_RUN(descriptors_run_out);
  PRTC_RUN(a_forked_child_is_inert);
  PRTC_RUN(freeing_closes_every_descriptor);
  return PRTC_TEST_RESULT();
}
