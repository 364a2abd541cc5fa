/* Streams: what the contract of endpoint.h says of TCP connections, with ICE over TCP as their user. UDP is blocked
 * throughout.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/world_test.h"

enum { PIPES = 64, PIPE_SIZE = 1024 * 1024 };

/* A connection between the two nodes; end 0 has made it. What is written at one end is read at the other in the same
 * instant, in chunks of the size of `chunk`. */
struct pipe {
  int nodes[2];
  prtc_socket_id ids[2]; /* 0: that end is closed */
  prtc_address addresses[2];
};

static struct world world;
static struct pipe pipes[PIPES];
static size_t pipe_count, chunk;
static prtc_socket_id listeners[WORLD_NODES];
static prtc_address listening[WORLD_NODES];
static uint64_t unanswered; /* a request to connect that the test wants left alone, */
static prtc_socket_id unanswered_socket;
static bool leave_connects;
static unsigned closes;
static size_t written[WORLD_NODES];

static void deliver(int node, prtc_socket_id id, const prtc_address *remote, const uint8_t *data, size_t size) {
  for (size_t at = 0; at < size; at += chunk) {
    size_t length = size - at < chunk ? size - at : chunk;
    uint8_t *copy = malloc(length); /* of the exact size: a sanitizer sees what is read beyond */
    PRTC_REQUIRE(copy != NULL);
    memcpy(copy, data + at, length);
    const prtc_datagram datagram = {
        .socket = id, .protocol = PRTC_PROTOCOL_TCP, .remote = *remote, .data = copy, .size = length};
    int code = prtc_endpoint_receive(world.nodes[node].endpoint, world.now, &datagram, 1);
    PRTC_CHECK(code == PRTC_OK || PRTC_ERROR_IS_TRANSIENT(code) || code == PRTC_ERROR_NO_MEMORY);
    free(copy);
  }
}

static void tcp_send(struct world *w, int node, const prtc_datagram *datagram) {
  (void)w;
  PRTC_CHECK_INT(datagram->segment_size, 0);
  written[node] += datagram->size;
  for (size_t i = 0; i < pipe_count; i++) {
    for (int end = 0; end < 2; end++) {
      struct pipe *pipe = &pipes[i];
      if (pipe->nodes[end] != node || pipe->ids[end] != datagram->socket) continue;
      PRTC_CHECK(prtc_address_equal(&datagram->remote, &pipe->addresses[1 - end]));
      if (pipe->ids[1 - end] != 0) {
        deliver(pipe->nodes[1 - end], pipe->ids[1 - end], &pipe->addresses[end], datagram->data, datagram->size);
      }
      return;
    }
  }
  PRTC_CHECK(false); /* for a connection that does not stand */
}

static void end_pipe(struct pipe *pipe, int end) {
  if (pipe->ids[end] == 0) return;
  prtc_socket_id id = pipe->ids[end];
  pipe->ids[end] = 0;
  (void)prtc_endpoint_socket_closed(world.nodes[pipe->nodes[end]].endpoint, world.now, id, 0);
}

static void connect_pipe(int node, const prtc_request *request) {
  prtc_endpoint *endpoint = world.nodes[node].endpoint, *other = world.nodes[1 - node].endpoint;
  prtc_reply reply = {
      .size = sizeof reply, .id = request->id, .address = request->address, .code = PRTC_ERROR_INVALID_STATE};
  bool listens = listeners[1 - node] != 0 && prtc_address_equal(&listening[1 - node], &request->remote);
  reply.address.port = (uint16_t)(40000 + pipe_count);
  if (listens) {
    PRTC_REQUIRE(pipe_count < PIPES);
    struct pipe *pipe = &pipes[pipe_count++];
    *pipe = (struct pipe){.nodes = {node, 1 - node}, .ids = {request->socket, 0}, .addresses = {reply.address, request->remote}};
    if (prtc_endpoint_accepted(other, world.now, listeners[1 - node], &pipe->addresses[1], &pipe->addresses[0],
                               &pipe->ids[1]) == 0) {
      reply.code = 0;
    } else {
      pipe->ids[0] = 0;
    }
  }
  if (prtc_endpoint_reply(endpoint, world.now, &reply) < 0 && reply.code == 0) {
    pipes[pipe_count - 1].ids[0] = 0;
    end_pipe(&pipes[pipe_count - 1], 1);
  }
}

static void tcp_request(struct world *w, int node, const prtc_request *request) {
  prtc_reply reply = {.size = sizeof reply, .id = request->id, .address = request->address};
  (void)w;
  switch (request->type) {
    case PRTC_REQUEST_LISTEN_TCP:
      reply.address.port = 7000;
      listeners[node] = request->socket;
      listening[node] = reply.address;
      if (prtc_endpoint_reply(world.nodes[node].endpoint, world.now, &reply) == PRTC_ERROR_NOT_FOUND) listeners[node] = 0;
      break;
    case PRTC_REQUEST_CONNECT_TCP:
      if (leave_connects) {
        unanswered = request->id;
        unanswered_socket = request->socket;
      } else {
        connect_pipe(node, request);
      }
      break;
    default:
      if (listeners[node] == request->socket) listeners[node] = 0;
      for (size_t i = 0; i < pipe_count; i++) {
        for (int end = 0; end < 2; end++) {
          if (pipes[i].nodes[end] != node || pipes[i].ids[end] != request->socket) continue;
          pipes[i].ids[end] = 0;
          closes++;
          end_pipe(&pipes[i], 1 - end);
        }
      }
  }
}

static bool drop_all(struct world *w, const struct flight *flight) {
  (void)w, (void)flight;
  return true;
}

static void open_both(const prtc_allocator *allocator) {
  world_open(&world, allocator);
  world.drop = drop_all;
  world.tcp_request = tcp_request;
  world.tcp_send = tcp_send;
  memset(pipes, 0, sizeof pipes);
  memset(listeners, 0, sizeof listeners);
  memset(written, 0, sizeof written);
  pipe_count = closes = 0;
  unanswered = 0;
  leave_connects = false;
  chunk = PIPE_SIZE;
}

static int make_peer(int node, uint32_t candidates) {
  prtc_peer_config config;
  PRTC_INIT(&config);
  config.tcp_candidates = candidates;
  return prtc_peer_new(world.nodes[node].endpoint, world.now, &config, &world.nodes[node].peer);
}

static prtc_channel_id connect_two(uint32_t first, uint32_t second) {
  PRTC_REQUIRE(make_peer(0, first) == 0 && make_peer(1, second) == 0);
  prtc_channel_id channel = world_channel(&world, 0, "chat");
  world_signal(&world, 0, PRTC_SDP_OFFER);
  world_signal(&world, 1, PRTC_SDP_ANSWER);
  world_run(&world, 2000000);
  return channel;
}

static size_t open_pipes(void) {
  size_t count = 0;
  for (size_t i = 0; i < pipe_count; i++) count += pipes[i].ids[0] != 0 && pipes[i].ids[1] != 0;
  return count;
}

static struct pipe *the_pipe(void) {
  PRTC_REQUIRE(open_pipes() == 1);
  size_t i = 0;
  while (pipes[i].ids[0] == 0 || pipes[i].ids[1] == 0) i++;
  return &pipes[i];
}

static void check_open(void) {
  for (int i = 0; i < 2; i++) PRTC_CHECK(world_find(&world, i, PRTC_EVENT_CHANNEL_OPEN, -1) != NULL);
}

static const struct seen *message_at(int node) { return world_find(&world, node, PRTC_EVENT_CHANNEL_MESSAGE, -1); }

static void connects(void) {
  static const uint32_t configs[][2] = {{PRTC_TCP_CANDIDATES_ALL, PRTC_TCP_CANDIDATES_ALL},
                                        {PRTC_TCP_CANDIDATES_ACTIVE, PRTC_TCP_CANDIDATES_ALL},
                                        {PRTC_TCP_CANDIDATES_ALL, PRTC_TCP_CANDIDATES_ACTIVE}};
  for (size_t i = 0; i < 3; i++) {
    open_both(NULL);
    (void)connect_two(configs[i][0], configs[i][1]);
    check_open();
    (void)the_pipe();
    prtc_endpoint_stats stats;
    PRTC_INIT(&stats);
    PRTC_CHECK_INT(prtc_endpoint_get_stats(world.nodes[0].endpoint, &stats), 0);
    PRTC_CHECK(stats.bytes_sent > written[0]); /* and UDP, in vain */
    world_close(&world);
  }
  open_both(NULL);
  (void)connect_two(PRTC_TCP_CANDIDATES_NONE, PRTC_TCP_CANDIDATES_ALL);
  PRTC_CHECK_INT(pipe_count, 0);
  world_close(&world);
}

/* However the bytes are cut, and whatever the datagram says of its protocol. */
static void any_chunks(void) {
  static uint8_t message[50000];
  for (size_t i = 0; i < sizeof message; i++) message[i] = (uint8_t)(i * 7);
  static const size_t chunks[] = {1, 3, 100, 1201, 65536};
  for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
    open_both(NULL);
    chunk = chunks[i];
    prtc_channel_id channel = connect_two(PRTC_TCP_CANDIDATES_ALL, PRTC_TCP_CANDIDATES_ALL);
    check_open();
    PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_BINARY, message, sizeof message),
                   0);
    world_run(&world, 1000000);
    const struct seen *seen = message_at(1);
    PRTC_REQUIRE(seen != NULL && seen->event.size == sizeof message);
    PRTC_CHECK(memcmp(seen->data, message, sizeof message) == 0);
    world_close(&world);
  }
}

/* A connection that takes no more is given no more; what waits is neither lost nor without a bound. */
static void back_pressure(void) {
  open_both(NULL);
  prtc_channel_id channel = connect_two(PRTC_TCP_CANDIDATES_ACTIVE, PRTC_TCP_CANDIDATES_ALL);
  check_open();
  const struct pipe *pipe = the_pipe();
  int end = pipe->nodes[0] == 0 ? 0 : 1;
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  size_t before = written[0];
  PRTC_CHECK_INT(prtc_endpoint_writable(endpoint, world.now, pipe->ids[end], 0), 0);
  PRTC_CHECK_INT(prtc_peer_send(world.nodes[0].peer, world.now, channel, PRTC_MESSAGE_TEXT, (const uint8_t *)"hello", 5),
                 0);
  world_run(&world, 12000000); /* with checks of consent by both, whose answers wait as well */
  PRTC_CHECK_INT(written[0], before);
  PRTC_CHECK(message_at(1) == NULL);
  PRTC_CHECK_INT(prtc_endpoint_writable(endpoint, world.now, pipe->ids[end], 1), 0);
  world_run(&world, 5000000);
  PRTC_CHECK(message_at(1) != NULL);
  PRTC_CHECK_INT(open_pipes(), 1);
  PRTC_CHECK(world_find(&world, 0, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_FAILED) == NULL);

  /* For longer than consent lasts it is as good as lost. */
  PRTC_CHECK_INT(prtc_endpoint_writable(endpoint, world.now, pipe->ids[end], 0), 0);
  world_run(&world, 40000000);
  PRTC_CHECK(world_find(&world, 0, PRTC_EVENT_CONNECTION_STATE_CHANGE, PRTC_CONNECTION_FAILED) != NULL);
  world_close(&world);
}

/* Who has shown that he knows the password may send longer frames; who has not, few of any kind. */
static void frames(void) {
  static uint8_t bytes[2 + 65535];
  open_both(NULL);
  (void)connect_two(PRTC_TCP_CANDIDATES_ALL, PRTC_TCP_CANDIDATES_ALL);
  check_open();
  const struct pipe *pipe = the_pipe();
  int end = pipe->nodes[0] == 0 ? 0 : 1;
  memset(bytes, 23, sizeof bytes); /* like DTLS */
  bytes[0] = bytes[1] = 255;
  chunk = 10000;
  deliver(0, pipe->ids[end], &pipe->addresses[1 - end], bytes, sizeof bytes);
  world_run(&world, 1000000);
  PRTC_CHECK(pipe == the_pipe()); /* it stands */

  prtc_address local = listening[0], remote = {.family = PRTC_FAMILY_IPV4, .ip = {198, 51, 100, 1}, .port = 1234};
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  prtc_socket_id id;
  prtc_request request;
  for (int what = 0; what < 2; what++) {
    PRTC_REQUIRE(prtc_endpoint_accepted(endpoint, world.now, listeners[0], &local, &remote, &id) == 0);
    memset(bytes, 0, sizeof bytes);
    if (what == 0) {
      bytes[0] = 1201 >> 8, bytes[1] = 1201 & 255;
      deliver(0, id, &remote, bytes, 2); /* its length is enough */
    } else {
      for (int i = 0; i < 40; i++) bytes[3 * i + 1] = 1;
      deliver(0, id, &remote, bytes, 3 * 31);
      while (prtc_endpoint_request(endpoint, &request) > 0) PRTC_CHECK(request.type != PRTC_REQUEST_CLOSE);
      deliver(0, id, &remote, bytes, 3);
    }
    bool closed = false;
    while (prtc_endpoint_request(endpoint, &request) > 0) {
      closed = closed || (request.type == PRTC_REQUEST_CLOSE && request.socket == id);
    }
    PRTC_CHECK(closed);
    remote.port++;
  }
  world_close(&world);
}

static void what_is_no_stream(void) {
  prtc_address address = {.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 9}, .port = 9};
  prtc_socket_id id = 0;
  open_both(NULL);
  (void)connect_two(PRTC_TCP_CANDIDATES_ALL, PRTC_TCP_CANDIDATES_ALL);
  prtc_endpoint *endpoint = world.nodes[0].endpoint;
  PRTC_REQUIRE(world.nodes[0].socket_count > 0);
  prtc_socket_id udp = world.nodes[0].sockets[0].id, stream = the_pipe()->ids[the_pipe()->nodes[0] == 0 ? 0 : 1];
  const prtc_socket_id others[] = {0, 999, udp, stream};
  for (size_t i = 0; i < 4; i++) {
    PRTC_CHECK_INT(prtc_endpoint_accepted(endpoint, world.now, others[i], &address, &address, &id), PRTC_ERROR_NOT_FOUND);
    if (others[i] != stream) {
      PRTC_CHECK_INT(prtc_endpoint_writable(endpoint, world.now, others[i], 1), PRTC_ERROR_NOT_FOUND);
    }
  }
  PRTC_CHECK_INT(prtc_endpoint_writable(endpoint, world.now, listeners[0], 1), PRTC_ERROR_NOT_FOUND);
  PRTC_CHECK_INT(id, 0);
  uint8_t junk[3] = {0, 1, 9}; /* to the listener, which has no bytes */
  const prtc_datagram datagram = {
      .socket = listeners[0], .protocol = PRTC_PROTOCOL_TCP, .remote = address, .data = junk, .size = 3};
  PRTC_CHECK(prtc_endpoint_receive(endpoint, world.now, &datagram, 1) < 0);
  world_close(&world);
}

/* Who goes takes listener and connections along, also one that is still being made. */
static void all_is_closed(void) {
  for (int close = 0; close < 2; close++) {
    open_both(NULL);
    (void)connect_two(PRTC_TCP_CANDIDATES_ALL, PRTC_TCP_CANDIDATES_ALL);
    check_open();
    PRTC_CHECK(listeners[0] != 0 && open_pipes() == 1);
    if (close) PRTC_CHECK_INT(prtc_peer_close(world.nodes[0].peer, world.now), 0);
    if (!close) prtc_peer_free(world.nodes[0].peer);
    if (!close) world.nodes[0].peer = NULL;
    world_run(&world, 1000000);
    PRTC_CHECK_INT(listeners[0], 0);
    PRTC_CHECK_INT(open_pipes(), 0);
    PRTC_CHECK_INT(world.nodes[0].socket_count, 0);
    world_close(&world);
  }
}

static void an_attempt_is_given_up(void) {
  for (int how = 0; how < 3; how++) {
    prtc_request request;
    open_both(NULL);
    leave_connects = true;
    (void)connect_two(PRTC_TCP_CANDIDATES_ACTIVE, PRTC_TCP_CANDIDATES_ALL);
    PRTC_REQUIRE(unanswered != 0);
    prtc_endpoint *endpoint = world.nodes[0].endpoint;
    bool closed = false;
    if (how == 0) prtc_peer_free(world.nodes[0].peer);
    if (how == 0) world.nodes[0].peer = NULL;
    if (how == 1) PRTC_CHECK_INT(prtc_peer_close(world.nodes[0].peer, world.now), 0);
    if (how == 2) { /* it takes too long */
      static uint8_t buffer[PRTC_DATAGRAM_SIZE];
      prtc_datagram datagram;
      for (prtc_time end = world.now + 45000000; prtc_endpoint_deadline(endpoint) < end;) {
        world.now = prtc_endpoint_deadline(endpoint);
        PRTC_CHECK_INT(prtc_endpoint_timeout(endpoint, world.now), 0);
        while (prtc_endpoint_transmit(endpoint, world.now, &datagram, buffer, sizeof buffer) > 0) {}
      }
    }
    if (how == 1) { /* what is to be said goodbye with is fetched first */
      static uint8_t buffer[PRTC_DATAGRAM_SIZE];
      prtc_datagram datagram;
      while (prtc_endpoint_transmit(endpoint, world.now, &datagram, buffer, sizeof buffer) > 0) {}
    }
    while (prtc_endpoint_request(endpoint, &request) > 0) {
      closed = closed || (request.type == PRTC_REQUEST_CLOSE && request.socket == unanswered_socket);
    }
    PRTC_CHECK(closed);
    prtc_reply reply = {.size = sizeof reply, .id = unanswered};
    PRTC_CHECK_INT(prtc_endpoint_reply(endpoint, world.now, &reply), PRTC_ERROR_NOT_FOUND);
    world_close(&world);
  }
}

/* The driver says that a connection has ended in the moment in which it is to be closed: it is not asked for what it has
 * not. */
static void closed_by_both(void) {
  prtc_request request;
  open_both(NULL);
  (void)connect_two(PRTC_TCP_CANDIDATES_ALL, PRTC_TCP_CANDIDATES_ALL);
  check_open();
  const struct pipe *pipe = the_pipe();
  prtc_socket_id id = pipe->ids[pipe->nodes[0] == 0 ? 0 : 1];
  PRTC_CHECK_INT(prtc_peer_restart_ice(world.nodes[0].peer, world.now), 0);
  PRTC_CHECK_INT(prtc_endpoint_socket_closed(world.nodes[0].endpoint, world.now, id, 104), 0);
  PRTC_CHECK_INT(prtc_endpoint_socket_closed(world.nodes[0].endpoint, world.now, id, 104), PRTC_ERROR_NOT_FOUND);
  while (prtc_endpoint_request(world.nodes[0].endpoint, &request) > 0) {
    PRTC_CHECK(request.type != PRTC_REQUEST_CLOSE || request.socket != id);
  }
  world_close(&world);
}

static unsigned long transcript_of_run(void) {
  open_both(NULL);
  (void)connect_two(PRTC_TCP_CANDIDATES_ALL, PRTC_TCP_CANDIDATES_ALL);
  unsigned long transcript = world.transcript * 31 + written[0] * 7 + written[1];
  world_close(&world);
  return transcript;
}

static void the_same_again(void) { PRTC_CHECK(transcript_of_run() == transcript_of_run()); }

/* Whatever there is no memory for: nothing crashes, nothing is kept. */
static void memory_runs_out(void) {
  struct prtc_meter meter = {.left = -1};
  const prtc_allocator allocator = prtc_metered(&meter);
  unsigned connected = 0;
  for (int left = 0; left < 400; left++) {
    open_both(&allocator);
    PRTC_REQUIRE(make_peer(0, PRTC_TCP_CANDIDATES_ALL) == 0 && make_peer(1, PRTC_TCP_CANDIDATES_ALL) == 0);
    (void)world_channel(&world, 0, "chat");
    world_signal(&world, 0, PRTC_SDP_OFFER);
    world_signal(&world, 1, PRTC_SDP_ANSWER);
    meter.once = true;
    meter.left = left;
    chunk = 700; /* frames are cut, and kept in part */
    for (prtc_time end = world.now + 3000000; world.now < end;) {
      bool fatal = world_find(&world, 0, PRTC_EVENT_ENDPOINT_FAILED, -1) != NULL ||
                   world_find(&world, 1, PRTC_EVENT_ENDPOINT_FAILED, -1) != NULL;
      if (fatal || !world_step(&world, end)) break;
    }
    meter.once = false;
    meter.left = -1;
    connected += world_find(&world, 1, PRTC_EVENT_CHANNEL_OPEN, -1) != NULL;
    world_close(&world);
    PRTC_CHECK_INT(meter.blocks, 0);
  }
  PRTC_CHECK(connected > 100);
}

int main(void) {
  PRTC_RUN(connects);
  PRTC_RUN(any_chunks);
  PRTC_RUN(back_pressure);
  PRTC_RUN(frames);
  PRTC_RUN(what_is_no_stream);
  PRTC_RUN(all_is_closed);
  PRTC_RUN(an_attempt_is_given_up);
  PRTC_RUN(closed_by_both);
  PRTC_RUN(the_same_again);
  PRTC_RUN(memory_runs_out);
  return PRTC_TEST_RESULT();
}
