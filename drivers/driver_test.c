/* A driver (the argument says which) with the real core over real sockets of the loopback interface.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/sides_test.h"

static void ten_thousand_messages_each_way(void) {
  struct side a, b;
  connect_sides(&a, &b);
  send_numbers(&a);
  send_numbers(&b);
  PRTC_CHECK(run(&a, &b, has_all));
  PRTC_CHECK_INT(a.received, MESSAGES);
  PRTC_CHECK_INT(b.received, MESSAGES);
  PRTC_CHECK(a.in_order && b.in_order);
  PRTC_CHECK_TEXT(a.failure, "");
  free_sides(&a, &b);
}

static bool has_gathered(const struct side *a, const struct side *b) {
  (void)b;
  return a->gathering == PRTC_ICE_GATHERING_COMPLETE;
}

static void over_one_port_for_all_peers(void) {
  struct side a, b;
  prtc_driver_config config;
  PRTC_INIT(&config);
  config.udp_port = PRTC_PORT_ANY;
  connect_with(&a, &b, &config);
  send_numbers(&a);
  send_numbers(&b);
  PRTC_CHECK(run(&a, &b, has_all));
  PRTC_CHECK(a.in_order && b.in_order);
  /* The socket is the endpoint's: it stays for the next peer while there is one, and goes with the last. */
  prtc_peer *first = a.peer, *next;
  prtc_peer_config peer_config;
  PRTC_INIT(&peer_config);
  peer_config.use_loopback = 1;
  PRTC_REQUIRE(prtc_peer_new(a.endpoint, prtc_driver_now(a.driver), &peer_config, &next) == 0);
  a.peer = next;
  create_channel(&a);
  a.gathering = PRTC_ICE_GATHERING_NEW;
  PRTC_REQUIRE(prtc_peer_set_local_description(next, prtc_driver_now(a.driver), PRTC_SDP_OFFER, NULL, 0) == 0);
  PRTC_CHECK(run(&a, &(struct side){0}, has_gathered));
  char sdp[16384], wanted[32];
  PRTC_REQUIRE(prtc_peer_get_description(next, PRTC_DESCRIPTION_LOCAL, &(prtc_sdp_type){0}, sdp, sizeof sdp) > 0);
  snprintf(wanted, sizeof wanted, " 127.0.0.1 %u typ host", (unsigned)a.port);
  PRTC_CHECK(a.port != 0 && strstr(sdp, wanted) != NULL);
  prtc_peer_free(first);
  prtc_peer_free(next);
  free_sides(&a, &b);
}

enum { CLIENTS = 4 };

/* Candidates of a client and of the server's peer for it that the other side is told of: for odd ones those of TCP
 * alone. */
static bool is_told(size_t client, const char *candidate) {
  bool tcp = strstr(candidate, " tcp ") != NULL;
  return tcp == (client % 2 == 1);
}

static void serve(struct side *server, struct side *peers, struct side *clients) {
  prtc_event events[32];
  int count;
  for (bool active = true; active;) {
    active = false;
    PRTC_CHECK_INT(prtc_driver_flush(server->driver), 0);
    while ((count = prtc_endpoint_event(server->endpoint, events, 32)) > 0) {
      for (int k = 0; k < count; k++) {
        size_t i = 0;
        while (prtc_peer_get_id(peers[i].peer) != events[k].peer) i++;
        bool hidden = events[k].type == PRTC_EVENT_ICE_CANDIDATE && events[k].text != NULL && !is_told(i, events[k].text);
        if (!hidden) handle(&peers[i], &clients[i], &events[k]);
      }
      active = true;
    }
    for (size_t i = 0; i < CLIENTS; i++) {
      PRTC_CHECK_INT(prtc_driver_flush(clients[i].driver), 0);
      while ((count = prtc_endpoint_event(clients[i].endpoint, events, 32)) > 0) {
        for (int k = 0; k < count; k++) {
          bool hidden = events[k].type == PRTC_EVENT_ICE_CANDIDATE && events[k].text != NULL && !is_told(i, events[k].text);
          if (!hidden) handle(&clients[i], &peers[i], &events[k]);
        }
        active = true;
      }
    }
  }
}

static bool run_all(struct side *server, struct side *peers, struct side *clients,
                    bool (*done)(const struct side *, const struct side *)) {
  prtc_time end = prtc_driver_now(NULL) + PATIENCE_MS * 1000u;
  for (;;) {
    serve(server, peers, clients);
    size_t ready = 0;
    for (size_t i = 0; i < CLIENTS; i++) ready += done(&peers[i], &clients[i]);
    if (ready == CLIENTS) return true;
    prtc_time now = prtc_driver_now(NULL);
    if (now > end) return false;
    (void)prtc_driver_wait(server->driver, now + 2000);
    PRTC_CHECK_INT(prtc_driver_process(server->driver), 0);
    for (size_t i = 0; i < CLIENTS; i++) PRTC_CHECK_INT(prtc_driver_process(clients[i].driver), 0);
  }
}

/* UDP and TCP clients of one server, whose one port has both. */
static void udp_and_tcp_on_one_port(void) {
  struct side server, peers[CLIENTS], clients[CLIENTS];
  prtc_driver_config config;
  prtc_peer_config peer_config;
  struct sockaddr_in probe = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof probe;
  int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* a port that is free */
  PRTC_REQUIRE(bind(descriptor, (struct sockaddr *)&probe, length) == 0);
  PRTC_REQUIRE(getsockname(descriptor, (struct sockaddr *)&probe, &length) == 0);
  close(descriptor);
  PRTC_INIT(&config);
  PRTC_INIT(&peer_config);
  config.udp_port = ntohs(probe.sin_port);
  peer_config.use_loopback = 1;
  peer_config.tcp_candidates = PRTC_TCP_CANDIDATES_ALL;
  open_side(&server, &config, NULL);
  prtc_peer_free(server.peer);
  for (size_t i = 0; i < CLIENTS; i++) {
    peers[i] = server;
    PRTC_REQUIRE(prtc_peer_new(server.endpoint, prtc_driver_now(NULL), &peer_config, &peers[i].peer) == 0);
    open_side(&clients[i], NULL, NULL);
    create_channel(&clients[i]);
    describe(&clients[i], &peers[i], PRTC_SDP_OFFER);
    describe(&peers[i], &clients[i], PRTC_SDP_ANSWER);
  }
  PRTC_CHECK(run_all(&server, peers, clients, is_open));
  for (size_t i = 0; i < CLIENTS; i++) {
    prtc_address local, remote;
    PRTC_CHECK_INT(prtc_peer_get_selected_pair(clients[i].peer, &local, &remote), 1);
    PRTC_CHECK_INT(remote.port, config.udp_port);
    send_numbers(&clients[i]);
    send_numbers(&peers[i]);
  }
  PRTC_CHECK(run_all(&server, peers, clients, has_all));
  for (size_t i = 0; i < CLIENTS; i++) {
    PRTC_CHECK(clients[i].in_order && peers[i].in_order);
    PRTC_CHECK_TEXT(clients[i].failure, "");
    prtc_driver_free(clients[i].driver);
  }
  prtc_driver_free(server.driver);
}

#define LARGE_MESSAGES 200

static bool has_all_large(const struct side *a, const struct side *b) {
  (void)a;
  return b->received >= LARGE_MESSAGES;
}

/* Buffers that hold less than one train: what finds no room waits for it, and nothing gets stuck. */
static void small_buffers_make_it_slower_only(void) {
  static uint8_t message[64 * 1024];
  struct side a, b;
  prtc_driver_config config;
  PRTC_INIT(&config);
  config.send_buffer = 1; /* the kernel makes a few kilobytes of it */
  config.receive_buffer = 256 * 1024;
  connect_with(&a, &b, &config);
  for (uint32_t i = 0; i < LARGE_MESSAGES; i++) {
    memcpy(message, &i, sizeof i);
    PRTC_CHECK_INT(prtc_peer_send(a.peer, prtc_driver_now(a.driver), a.channel, PRTC_MESSAGE_BINARY, message,
                                  sizeof message),
                   0);
  }
  PRTC_CHECK(run(&a, &b, has_all_large));
  PRTC_CHECK(b.in_order);
  PRTC_CHECK_TEXT(a.failure, "");
  free_sides(&a, &b);
}

static void it_is_quiet_when_idle(void) {
  struct side a, b;
  connect_sides(&a, &b);
  settle(&a, &b);
  /* Consent is checked every few seconds, so within one second there is little to do; a spin would show in thousands. */
  size_t calls = 0;
  prtc_time end = prtc_driver_now(NULL) + 1000000;
  while (prtc_driver_now(NULL) < end) {
    if (prtc_driver_wait(a.driver, end) > 0) {
      calls++;
      prtc_driver_process(a.driver);
    }
    if (calls > 1000) break;
  }
  PRTC_CHECK(calls < 50);
  free_sides(&a, &b);
}

/* The other side learns it from the SCTP ABORT. (Its connection state is not `closed`, which only its own close makes.) */
static bool is_closed(const struct side *a, const struct side *b) {
  return a->state == PRTC_CONNECTION_CLOSED && b->channel_closed;
}

static void closing_says_goodbye(void) {
  struct side a, b;
  connect_sides(&a, &b);
  PRTC_CHECK_INT(prtc_peer_close(a.peer, prtc_driver_now(a.driver)), 0);
  PRTC_CHECK(run(&a, &b, is_closed));
  PRTC_CHECK(b.state == PRTC_CONNECTION_CONNECTED); /* so it was not by a time-out */
  free_sides(&a, &b);
}

static bool first_has_all(const struct side *a, const struct side *b) {
  (void)b;
  return a->received >= MESSAGES;
}

/* A stranger sends far more than anybody can read: every call returns, and the connection goes on. */
static void a_flood_does_not_starve(void) {
  struct side a, b;
  connect_sides(&a, &b);
  PRTC_REQUIRE(a.port != 0);
  int stranger = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(a.port)};
  inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
  PRTC_REQUIRE(connect(stranger, (struct sockaddr *)&address, sizeof address) == 0);
  uint8_t junk[1200];
  for (size_t i = 0; i < sizeof junk; i++) junk[i] = (uint8_t)(i * 7 + 20);
  send_numbers(&b);
  for (int round = 0; round < 300; round++) {
    for (int i = 0; i < 100; i++) {
      junk[0] = (uint8_t)(round + i); /* of every kind that RFC 7983 tells apart */
      (void)!write(stranger, junk, sizeof junk);
    }
    PRTC_CHECK_INT(prtc_driver_process(a.driver), 0);
    PRTC_CHECK_INT(prtc_driver_process(b.driver), 0);
    settle(&a, &b);
  }
  close(stranger);
  PRTC_CHECK(run(&a, &b, first_has_all));
  PRTC_CHECK(a.in_order);
  PRTC_CHECK_INT(a.received, MESSAGES);
  prtc_endpoint_stats stats;
  PRTC_INIT(&stats);
  PRTC_CHECK_INT(prtc_endpoint_get_stats(a.endpoint, &stats), 0);
  PRTC_CHECK(stats.datagrams_dropped > 1000);
  free_sides(&a, &b);
}

/* A forked child may do what it likes with its copy: the parent's connection does not notice. */
static void a_forked_child_is_inert(void) {
  struct side a, b;
  connect_sides(&a, &b);
  pid_t child = fork();
  PRTC_REQUIRE(child >= 0);
  if (child == 0) {
    bool inert = prtc_driver_process(a.driver) == PRTC_ERROR_INVALID_STATE;
    inert = inert && prtc_driver_wait(a.driver, PRTC_NEVER) == PRTC_ERROR_INVALID_STATE;
    (void)prtc_peer_close(a.peer, prtc_driver_now(a.driver));
    inert = inert && prtc_driver_flush(a.driver) == PRTC_ERROR_INVALID_STATE;
    prtc_driver_free(a.driver);
    prtc_driver_free(b.driver);
    _exit(inert ? 0 : 1);
  }
  int status = -1;
  PRTC_CHECK_INT(waitpid(child, &status, 0), child);
  PRTC_CHECK_INT(status, 0);
  send_numbers(&a);
  send_numbers(&b);
  PRTC_CHECK(run(&a, &b, has_all));
  PRTC_CHECK(a.in_order && b.in_order);
  free_sides(&a, &b);
}

/* The name of a server becomes an address (without a name server: it is the loopback's), and the server is asked. */
static void a_stun_server_has_a_name(void) {
  struct side a, nobody = {0};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  char url[64];
  int server = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  PRTC_REQUIRE(bind(server, (struct sockaddr *)&address, length) == 0);
  PRTC_REQUIRE(getsockname(server, (struct sockaddr *)&address, &length) == 0);
  snprintf(url, sizeof url, "stun:localhost:%d", ntohs(address.sin_port));
  open_side(&a, NULL, url);
  create_channel(&a);
  PRTC_REQUIRE(prtc_peer_set_local_description(a.peer, prtc_driver_now(a.driver), PRTC_SDP_OFFER, NULL, 0) == 0);
  uint8_t request[1500];
  ssize_t size = -1;
  prtc_time end = prtc_driver_now(NULL) + PATIENCE_MS * 1000u;
  while (size < 0 && prtc_driver_now(NULL) < end) {
    settle(&a, &nobody);
    struct pollfd watched[WATCHES] = {{.fd = server, .events = POLLIN}};
    size_t count = watch(&a, watched, 1);
    poll(watched, count, patience(&a, &nobody));
    size = recv(server, request, sizeof request, 0);
    if (is_due(&a, watched + 1, count - 1)) PRTC_CHECK_INT(prtc_driver_process(a.driver), 0);
  }
  const uint8_t binding_request[] = {0x00, 0x01};
  const uint8_t magic_cookie[] = {0x21, 0x12, 0xa4, 0x42};
  PRTC_CHECK(size >= 20 && memcmp(request, binding_request, 2) == 0 && memcmp(request + 4, magic_cookie, 4) == 0);
  close(server);
  prtc_driver_free(a.driver);
}

/* RFC 6761 section 6.4: no such name exists. Whether a name server says so or none answers, gathering ends. */
static void an_unknown_name_ends(void) {
  struct side a, nobody = {0};
  open_side(&a, NULL, "stun:nobody.invalid");
  create_channel(&a);
  PRTC_REQUIRE(prtc_peer_set_local_description(a.peer, prtc_driver_now(a.driver), PRTC_SDP_OFFER, NULL, 0) == 0);
  PRTC_CHECK(run(&a, &nobody, has_gathered));
  prtc_driver_free(a.driver);

  open_side(&a, NULL, "stun:nobody.invalid"); /* freed while the name is being asked for */
  create_channel(&a);
  PRTC_REQUIRE(prtc_peer_set_local_description(a.peer, prtc_driver_now(a.driver), PRTC_SDP_OFFER, NULL, 0) == 0);
  PRTC_CHECK_INT(prtc_driver_flush(a.driver), 0);
  prtc_driver_free(a.driver);
}

#define DESCRIPTORS 256

static size_t open_descriptors(void) {
  size_t count = 0;
  for (int i = 0; i < DESCRIPTORS; i++) count += fcntl(i, F_GETFD) >= 0;
  return count;
}

static void freeing_closes_every_descriptor(void) {
  struct side a, b;
  size_t before = open_descriptors();
  connect_sides(&a, &b);
  PRTC_CHECK(open_descriptors() > before + 1);
  free_sides(&a, &b);
  PRTC_CHECK_INT(open_descriptors(), before);

  open_side(&a, NULL, NULL); /* in the midst of gathering */
  PRTC_CHECK_INT(prtc_driver_flush(a.driver), 0);
  prtc_driver_free(a.driver);
  PRTC_CHECK_INT(open_descriptors(), before);
}

static void no_descriptor_survives_exec(void) {
  struct side a, b;
  bool was_open[DESCRIPTORS];
  for (int i = 0; i < DESCRIPTORS; i++) was_open[i] = fcntl(i, F_GETFD) >= 0;
  connect_sides(&a, &b);
  for (int i = 0; i < DESCRIPTORS; i++) {
    int flags = fcntl(i, F_GETFD);
    if (flags >= 0 && !was_open[i]) PRTC_CHECK((flags & FD_CLOEXEC) != 0);
  }
  free_sides(&a, &b);
}

/* One descriptor and no deadline, or the sockets and a deadline: always enough to know when to call. */
static void it_says_what_to_watch(void) {
  struct side a, b;
  prtc_watch watches[WATCHES];
  connect_sides(&a, &b);
  settle(&a, &b);
  int count = prtc_driver_watches(a.driver, watches, WATCHES);
  PRTC_CHECK_INT(prtc_driver_watches(a.driver, NULL, 0), count);
  if (portable != 0) {
    PRTC_CHECK_INT(prtc_driver_descriptor(a.driver), -1);
    PRTC_CHECK(count >= 1);
    PRTC_CHECK(prtc_driver_deadline(a.driver) < prtc_driver_now(a.driver) + 60000000);
  } else {
    PRTC_CHECK_INT(count, 1);
    PRTC_CHECK_INT(watches[0].descriptor, prtc_driver_descriptor(a.driver));
    PRTC_CHECK(prtc_driver_deadline(a.driver) == PRTC_NEVER);
  }
  for (int i = 0; i < count; i++) PRTC_CHECK(watches[i].descriptor >= 0 && watches[i].input == 1 && watches[i].output == 0);
  free_sides(&a, &b);

  open_side(&a, NULL, NULL);
  settle(&a, &(struct side){0});
  PRTC_CHECK_INT(prtc_driver_wait(a.driver, 1), 0); /* that time is over, and nothing else to do */
  prtc_driver_free(a.driver);
}

/* Memory for all but a block of an event's texts: that ends an endpoint. */
static bool is_refused(size_t size) { return size > 16 * 1024 && size < 16 * 1024 + 100; }
static void *fatal_allocate(void *context, size_t size) {
  (void)context;
  return is_refused(size) ? NULL : malloc(size);
}
static void *fatal_reallocate(void *context, void *pointer, size_t size) {
  (void)context;
  return is_refused(size) ? NULL : realloc(pointer, size);
}
static void fatal_release(void *context, void *pointer) {
  (void)context;
  free(pointer);
}

static void a_failed_endpoint_is_told(void) {
  const prtc_allocator allocator = {NULL, fatal_allocate, fatal_reallocate, fatal_release};
  prtc_driver_config config;
  prtc_peer_config peer_config;
  prtc_channel_config chat;
  prtc_channel_id channel;
  prtc_peer *peer;
  prtc_event event;
  PRTC_INIT(&config);
  PRTC_INIT(&peer_config);
  PRTC_INIT(&chat);
  prtc_channel_config_init(&chat);
  config.allocator = &allocator;
  config.portable = portable;
  peer_config.use_loopback = 1;
  prtc_driver *driver = prtc_driver_new(&config);
  PRTC_REQUIRE(driver != NULL);
  prtc_endpoint *endpoint = prtc_driver_endpoint(driver);
  prtc_time now = prtc_driver_now(driver);
  PRTC_REQUIRE(prtc_peer_new(endpoint, now, &peer_config, &peer) == 0);
  PRTC_REQUIRE(prtc_peer_create_data_channel(peer, now, &chat, &channel) == 0);
  PRTC_REQUIRE(prtc_peer_set_local_description(peer, now, PRTC_SDP_OFFER, NULL, 0) == 0);
  PRTC_CHECK_INT(prtc_driver_flush(driver), 0);
  do {
    PRTC_REQUIRE(prtc_endpoint_event(endpoint, &event, 1) == 1);
  } while (event.type != PRTC_EVENT_ENDPOINT_FAILED);
  PRTC_CHECK_INT(event.code, PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK_INT(prtc_driver_flush(driver), PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK_INT(prtc_driver_process(driver), PRTC_ERROR_NO_MEMORY);
  prtc_driver_free(driver);
}

int main(int argc, char **argv) {
  portable = argc > 1 && strcmp(argv[1], "portable") == 0;
  PRTC_RUN(it_says_what_to_watch);
  PRTC_RUN(ten_thousand_messages_each_way);
  PRTC_RUN(over_one_port_for_all_peers);
  PRTC_RUN(udp_and_tcp_on_one_port);
  PRTC_RUN(small_buffers_make_it_slower_only);
  PRTC_RUN(it_is_quiet_when_idle);
  PRTC_RUN(closing_says_goodbye);
  PRTC_RUN(a_flood_does_not_starve);
  PRTC_RUN(a_forked_child_is_inert);
  PRTC_RUN(a_stun_server_has_a_name);
  PRTC_RUN(an_unknown_name_ends);
  PRTC_RUN(freeing_closes_every_descriptor);
  PRTC_RUN(no_descriptor_survives_exec);
  PRTC_RUN(a_failed_endpoint_is_told);
  return PRTC_TEST_RESULT();
}
