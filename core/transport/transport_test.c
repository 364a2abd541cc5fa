/* Two stacks joined by hand, without SDP.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/transport/internal.h"

#include <stdlib.h>

#include "core/base/testing.h"
#include "core/ice/internal.h"

enum { FLIGHTS = 1024, DELAY = 5000 };

struct side {
  struct prtc_context context;
  prtc_certificate *certificate;
  struct prtc_transport *transport;
  prtc_address address; /* of its only socket; port 0: closed */
  prtc_socket_id socket;
  uint32_t ice_state, dtls_state, sctp_state, gathering_state;
  int failure;
  char reason[256];
  unsigned opened, messages, closed;
  int channel_failure;
  prtc_channel_id channel; /* the latest opened */
  size_t bytes;
};

struct flight {
  prtc_time at;
  int to;
  prtc_address from;
  size_t size;
  uint8_t bytes[1500];
};

static struct side sides[2];
static struct flight flights[FLIGHTS];
static size_t first, count;
static prtc_time now;
static size_t longest_train;

static bool starving; /* side 0 gets only small pieces of memory */
static size_t small = 1000;

static void *allocate(void *unused, size_t size) {
  (void)unused;
  return starving && size > small ? NULL : malloc(size);
}
static void *reallocate(void *unused, void *pointer, size_t size) {
  (void)unused;
  return starving && size > small ? NULL : realloc(pointer, size);
}
static void release(void *unused, void *pointer) {
  (void)unused;
  free(pointer);
}

static void open_sides(void) {
  static const prtc_allocator allocator = {NULL, allocate, reallocate, release};
  memset(sides, 0, sizeof sides);
  first = count = longest_train = 0;
  now = 1000000;
  for (int i = 0; i < 2; i++) {
    struct side *side = &sides[i];
    const uint8_t seed[32] = {(uint8_t)(i + 1)};
    prtc_context_init(&side->context, seed, i == 0 ? &allocator : NULL, PRTC_LOG_NONE);
    side->certificate = prtc_certificate_new(&side->context, 1700000000);
    const struct prtc_transport_config config = {.certificate = side->certificate,
                                                 .controlling = i == 0,
                                                 .max_message_size = PRTC_MAX_MESSAGE_SIZE_DEFAULT,
                                                 .send_queue_size = PRTC_SEND_QUEUE_DEFAULT,
                                                 .mtu = 1200};
    side->transport = prtc_transport_new(&side->context, now, &config);
    PRTC_REQUIRE(side->transport != NULL);
  }
}

static void close_sides(void) {
  for (int i = 0; i < 2; i++) {
    prtc_transport_free(sides[i].transport);
    prtc_certificate_release(sides[i].certificate);
    prtc_context_clear(&sides[i].context);
  }
}

static void answer(int i, const prtc_request *asked) {
  static prtc_socket_id next_socket;
  struct side *side = &sides[i];
  prtc_request request = *asked;
  prtc_reply reply = {.size = sizeof reply};
  prtc_interface interfaces[3] = {{.index = 1, .network_type = PRTC_NETWORK_LOOPBACK},
                                  {.index = 2, .network_type = PRTC_NETWORK_ETHERNET},
                                  {.index = 2, .network_type = PRTC_NETWORK_ETHERNET}};
  PRTC_REQUIRE(prtc_address_parse(&interfaces[0].address, "127.0.0.1", 9) == 0);
  PRTC_REQUIRE(prtc_address_parse(&interfaces[1].address, i == 0 ? "192.0.2.1" : "192.0.2.2", 9) == 0);
  PRTC_REQUIRE(prtc_address_parse(&interfaces[2].address, "fe80::1", 7) == 0);
  if (request.type == PRTC_REQUEST_CLOSE) {
    PRTC_CHECK(request.socket == side->socket);
    side->address.port = 0;
    return;
  }
  if (request.type == PRTC_REQUEST_INTERFACES) {
    reply.interfaces = interfaces;
    reply.interface_count = 3;
  } else if (request.type == PRTC_REQUEST_OPEN_UDP) {
    PRTC_CHECK(prtc_address_equal(&request.address, &interfaces[1].address)); /* neither loopback nor link-local */
    request.socket = side->socket = ++next_socket;
    side->address = request.address;
    side->address.port = 7000;
    reply.address = side->address;
  } else {
    reply.code = PRTC_ERROR_NOT_SUPPORTED;
  }
  PRTC_CHECK_INT(prtc_transport_reply(side->transport, now, &request, &reply), PRTC_OK);
}

static void take_event(int i, const struct prtc_transport_event *event) {
  struct side *side = &sides[i], *other = &sides[1 - i];
  switch (event->type) {
    case PRTC_TRANSPORT_EVENT_CANDIDATE:
      PRTC_CHECK_INT(prtc_transport_add_remote_candidate(other->transport, now, &event->candidate), PRTC_OK);
      break;
    case PRTC_TRANSPORT_EVENT_GATHERING_STATE: side->gathering_state = event->state; break;
    case PRTC_TRANSPORT_EVENT_ICE_STATE: side->ice_state = event->state; break;
    case PRTC_TRANSPORT_EVENT_DTLS_STATE: side->dtls_state = event->state; break;
    case PRTC_TRANSPORT_EVENT_SCTP_STATE: side->sctp_state = event->state; break;
    case PRTC_TRANSPORT_EVENT_FAILED:
      side->failure = event->code;
      memcpy(side->reason, event->text, sizeof side->reason);
      break;
    case PRTC_TRANSPORT_EVENT_CHANNEL:
      if (event->channel.type == PRTC_EVENT_CHANNEL_OPEN) side->opened++, side->channel = event->channel.object;
      if (event->channel.type == PRTC_EVENT_CHANNEL_CLOSED) side->closed++;
      if (event->channel.type == PRTC_EVENT_CHANNEL_ERROR) side->channel_failure = event->channel.code;
      if (event->channel.type == PRTC_EVENT_CHANNEL_MESSAGE) side->messages++, side->bytes += event->channel.size;
      break;
    default: break;
  }
}

static void settle(int i) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  struct side *side = &sides[i];
  struct prtc_transport_event event;
  prtc_request request;
  prtc_datagram datagram = {0};
  for (bool busy = true; busy;) {
    busy = false;
    while (prtc_transport_request(side->transport, &request) > 0) answer(i, &request), busy = true;
    while (prtc_transport_transmit(side->transport, now, &datagram, buffer, sizeof buffer) > 0) {
      busy = true;
      size_t segment = datagram.segment_size != 0 ? datagram.segment_size : datagram.size;
      if (datagram.size / segment > longest_train) longest_train = datagram.size / segment;
      for (size_t at = 0; at < datagram.size; at += segment) {
        size_t size = datagram.size - at < segment ? datagram.size - at : segment;
        PRTC_REQUIRE(size <= 1200 && count < FLIGHTS);
        struct flight *flight = &flights[(first + count++) % FLIGHTS];
        *flight = (struct flight){.at = now + DELAY, .to = 1 - i, .from = side->address, .size = size};
        memcpy(flight->bytes, datagram.data + at, size);
      }
      datagram = (prtc_datagram){0};
    }
    while (prtc_transport_event(side->transport, &event) > 0) take_event(i, &event), busy = true;
  }
}

static void arrive(void) {
  const struct flight *flight = &flights[first];
  const struct side *to = &sides[flight->to];
  const prtc_datagram datagram = {
      .socket = to->socket, .local = to->address, .remote = flight->from, .data = flight->bytes, .size = flight->size};
  if (to->address.port != 0) (void)prtc_transport_receive(to->transport, now, &datagram);
  first = (first + 1) % FLIGHTS;
  count--;
}

static void run(prtc_time duration) {
  prtc_time until = now + duration;
  for (;;) {
    for (int i = 0; i < 2; i++) settle(i);
    for (int i = 0; i < 2; i++) settle(i); /* events of one are commands to the other */
    prtc_time next = until;
    if (count > 0 && flights[first].at < next) next = flights[first].at;
    for (int i = 0; i < 2; i++) {
      prtc_time deadline = prtc_transport_deadline(sides[i].transport);
      PRTC_REQUIRE(deadline > now);
      if (deadline < next) next = deadline;
    }
    now = next;
    if (now >= until) return;
    while (count > 0 && flights[first].at <= now) arrive();
    for (int i = 0; i < 2; i++) {
      if (prtc_transport_deadline(sides[i].transport) <= now) (void)prtc_transport_timeout(sides[i].transport, now);
    }
  }
}

static void join(bool wrong_fingerprint) {
  for (int i = 0; i < 2; i++) {
    struct side *side = &sides[i], *other = &sides[1 - i];
    prtc_fingerprint fingerprint;
    struct prtc_transport_remote remote = {.dtls_role = i == 0 ? PRTC_DTLS_ROLE_SERVER : PRTC_DTLS_ROLE_CLIENT,
                                           .fingerprints = &fingerprint,
                                           .fingerprint_count = 1,
                                           .sctp_port = 5000,
                                           .max_message_size = 65536};
    const struct side *whose = wrong_fingerprint && i == 0 ? side : other;
    PRTC_REQUIRE(prtc_certificate_get_fingerprint(whose->certificate, "sha-256", &fingerprint) == PRTC_OK);
    PRTC_REQUIRE(prtc_transport_get_ice_parameters(other->transport, &remote.ice) == PRTC_OK);
    PRTC_REQUIRE(prtc_transport_gather(side->transport, now) == PRTC_OK);
    PRTC_REQUIRE(prtc_transport_set_remote(side->transport, now, &remote) == PRTC_OK);
  }
}

static prtc_channel_id make_channel(int i) {
  prtc_channel_config config;
  prtc_channel_id channel = 0;
  const char *reason = NULL;
  prtc_channel_config_init(&config);
  config.label = "x";
  config.label_size = 1;
  PRTC_REQUIRE(prtc_transport_create_channel(sides[i].transport, now, &config, &channel, &reason) == PRTC_OK);
  return channel;
}

static void connects_and_carries(void) {
  static uint8_t message[60000];
  open_sides();
  prtc_channel_id channel = make_channel(0);
  join(false);
  run(2000000);
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK_INT(sides[i].gathering_state, PRTC_ICE_GATHERING_COMPLETE);
    PRTC_CHECK(sides[i].ice_state == PRTC_ICE_TRANSPORT_CONNECTED || sides[i].ice_state == PRTC_ICE_TRANSPORT_COMPLETED);
    PRTC_CHECK_INT(sides[i].dtls_state, PRTC_DTLS_TRANSPORT_CONNECTED);
    PRTC_CHECK_INT(sides[i].sctp_state, PRTC_SCTP_TRANSPORT_CONNECTED);
    PRTC_CHECK_INT(sides[i].opened, 1);
  }
  PRTC_CHECK_INT(prtc_transport_get_dtls_role(sides[0].transport), PRTC_DTLS_ROLE_SERVER);
  PRTC_CHECK(prtc_transport_get_max_channels(sides[0].transport) >= 1024);
  for (int i = 0; i < 20; i++) {
    PRTC_CHECK_INT(prtc_transport_send(sides[0].transport, now, channel, PRTC_MESSAGE_BINARY, message, sizeof message),
                   PRTC_OK);
  }
  PRTC_CHECK_INT(prtc_transport_send(sides[0].transport, now, channel, PRTC_MESSAGE_BINARY, message, 65537),
                 PRTC_ERROR_MESSAGE_TOO_LARGE);
  run(5000000);
  PRTC_CHECK_INT(sides[1].messages, 20);
  PRTC_CHECK_INT(sides[1].bytes, 20 * sizeof message);
  PRTC_CHECK(longest_train > 1);
  close_sides();
}

static void a_wrong_fingerprint_fails(void) {
  open_sides();
  make_channel(0);
  join(true);
  run(5000000);
  PRTC_CHECK_INT(sides[0].dtls_state, PRTC_DTLS_TRANSPORT_FAILED);
  PRTC_CHECK_INT(sides[0].failure, PRTC_ERROR_FINGERPRINT_MISMATCH);
  PRTC_CHECK_INT(sides[1].failure, PRTC_ERROR_DTLS_ALERT);
  PRTC_CHECK(sides[0].reason[0] != '\0');
  PRTC_CHECK(sides[0].opened == 0 && sides[1].opened == 0);
  PRTC_CHECK_INT(sides[0].closed, 1);
  close_sides();
}

static void close_says_goodbye_and_drains(void) {
  open_sides();
  make_channel(0);
  join(false);
  run(2000000);
  PRTC_CHECK_INT(prtc_transport_close(sides[1].transport, now), PRTC_OK);
  run(100000);
  PRTC_CHECK(prtc_transport_is_drained(sides[1].transport));
  PRTC_CHECK_INT(sides[1].address.port, 0);
  PRTC_CHECK(sides[0].closed == 1 && sides[1].closed == 1);
  PRTC_CHECK_INT(sides[0].sctp_state, PRTC_SCTP_TRANSPORT_CLOSED);
  PRTC_CHECK_INT(sides[0].dtls_state, PRTC_DTLS_TRANSPORT_CLOSED);
  PRTC_CHECK(prtc_transport_deadline(sides[1].transport) == PRTC_NEVER);
  close_sides();
}

/* All of it arrives before anything is fetched: the message, the ABORT, and close_notify. */
static void what_came_before_the_goodbye_is_told_before_it(void) {
  static const uint32_t EXPECTED[] = {PRTC_EVENT_CHANNEL_MESSAGE, PRTC_EVENT_CHANNEL_ERROR, PRTC_EVENT_CHANNEL_CLOSED};
  struct prtc_transport_event event;
  size_t told = 0;
  open_sides();
  prtc_channel_id channel = make_channel(0);
  join(false);
  run(2000000);
  PRTC_CHECK_INT(prtc_transport_send(sides[0].transport, now, channel, PRTC_MESSAGE_TEXT, (const uint8_t *)"bye", 3),
                 PRTC_OK);
  settle(0);
  PRTC_CHECK_INT(prtc_transport_close(sides[0].transport, now), PRTC_OK);
  settle(0);
  PRTC_CHECK_INT(count, 3);
  while (count > 0) arrive();
  PRTC_CHECK(prtc_transport_deadline(sides[1].transport) > now);
  while (prtc_transport_event(sides[1].transport, &event) > 0) {
    if (event.type == PRTC_TRANSPORT_EVENT_CHANNEL) {
      PRTC_REQUIRE(told < 3);
      PRTC_CHECK_INT(event.channel.type, EXPECTED[told++]);
    } else if (event.type == PRTC_TRANSPORT_EVENT_DTLS_STATE) {
      PRTC_CHECK(told == 3 && event.state == PRTC_DTLS_TRANSPORT_CLOSED);
      told++;
    }
  }
  PRTC_CHECK_INT(told, 4);
  close_sides();
}

/* It has not fetched the goodbye when it says its own. */
static void both_say_goodbye(void) {
  open_sides();
  make_channel(0);
  join(false);
  run(2000000);
  PRTC_CHECK_INT(prtc_transport_close(sides[0].transport, now), PRTC_OK);
  settle(0);
  while (count > 0) arrive();
  PRTC_CHECK_INT(prtc_transport_close(sides[1].transport, now), PRTC_OK);
  run(100000);
  for (int i = 0; i < 2; i++) {
    PRTC_CHECK(prtc_transport_is_drained(sides[i].transport));
    PRTC_CHECK_INT(sides[i].closed, 1);
    PRTC_CHECK_INT(sides[i].dtls_state, PRTC_DTLS_TRANSPORT_CLOSED);
    PRTC_CHECK_INT(sides[i].sctp_state, PRTC_SCTP_TRANSPORT_CLOSED);
  }
  close_sides();
}

/* Data was under way when the other side said goodbye: nobody repeats it. */
static void an_association_without_dtls_is_quiet(void) {
  static uint8_t message[60000];
  open_sides();
  prtc_channel_id channel = make_channel(0);
  join(false);
  run(2000000);
  PRTC_CHECK_INT(prtc_transport_send(sides[0].transport, now, channel, PRTC_MESSAGE_BINARY, message, sizeof message),
                 PRTC_OK);
  settle(0);
  PRTC_CHECK(prtc_sctp_deadline(sides[0].transport->sctp) < now + 10000000);
  PRTC_CHECK_INT(prtc_dtls_close(sides[1].transport->dtls, now), PRTC_OK); /* as one that sends no ABORT */
  run(1000000);
  PRTC_CHECK_INT(sides[0].dtls_state, PRTC_DTLS_TRANSPORT_CLOSED);
  PRTC_CHECK_INT(sides[0].sctp_state, PRTC_SCTP_TRANSPORT_CLOSED);
  PRTC_CHECK(sides[0].closed == 1 && sides[0].channel_failure == PRTC_ERROR_SCTP_ABORTED);
  PRTC_CHECK(prtc_transport_deadline(sides[0].transport) == prtc_ice_deadline(sides[0].transport->ice));
  run(60000000);
  close_sides();
}

/* usrsctp ran out of memory: the application hears of it, and so does the other side. */
static void an_association_without_memory_ends(void) {
  static uint8_t message[65000];
  open_sides();
  make_channel(0);
  join(false);
  run(2000000);
  for (int i = 0; i < 16; i++) {
    size_t size = i == 0 ? 50000 : sizeof message;
    PRTC_CHECK_INT(prtc_transport_send(sides[1].transport, now, sides[1].channel, PRTC_MESSAGE_BINARY, message, size),
                   PRTC_OK);
    /* By the first, DTLS has its room for a datagram: then messages that cannot be read fill usrsctp. */
    if (i == 0) run(1000000);
  }
  PRTC_CHECK_INT(sides[0].messages, 1);
  starving = true;
  run(1000000);
  starving = false;
  run(2000000);
  PRTC_CHECK_INT(sides[0].failure, PRTC_ERROR_NO_MEMORY);
  PRTC_CHECK(sides[0].closed == 1 && sides[1].closed == 1);
  PRTC_CHECK_INT(sides[0].sctp_state, PRTC_SCTP_TRANSPORT_CLOSED);
  PRTC_CHECK_INT(sides[1].sctp_state, PRTC_SCTP_TRANSPORT_CLOSED);
  close_sides();
}

/* The streams whose reset waits take more memory than there is. */
static void a_channel_that_cannot_be_reset_is_closed(void) {
  open_sides();
  prtc_channel_id channel = make_channel(0);
  join(false);
  run(2000000);
  starving = true;
  PRTC_CHECK_INT(prtc_transport_close_channel(sides[0].transport, now, channel), PRTC_OK);
  settle(0);
  starving = false;
  run(1000000);
  PRTC_CHECK_INT(sides[0].closed, 1);
  PRTC_CHECK_INT(sides[0].sctp_state, PRTC_SCTP_TRANSPORT_CONNECTED);
  close_sides();
}

/* The events were fetched before what is to be sent was. */
static void an_abort_is_sent_although_its_end_was_told(void) {
  static uint8_t buffer[PRTC_TRAIN_SIZE];
  struct prtc_transport_event event;
  prtc_datagram datagram = {0};
  open_sides();
  make_channel(0);
  join(false);
  run(2000000);
  PRTC_CHECK_INT(prtc_sctp_abort(sides[0].transport->sctp, now), 0);
  while (prtc_transport_event(sides[0].transport, &event) > 0) take_event(0, &event);
  PRTC_CHECK_INT(sides[0].sctp_state, PRTC_SCTP_TRANSPORT_CLOSED);
  PRTC_CHECK(prtc_transport_transmit(sides[0].transport, now, &datagram, buffer, sizeof buffer) > 0);
  close_sides();
}

static void why_a_channel_is_refused(void) {
  prtc_channel_config config;
  prtc_channel_id channel;
  const char *reason = "";
  open_sides();
  prtc_channel_config_init(&config);
  config.label = "\xff";
  config.label_size = 1;
  PRTC_CHECK_INT(prtc_transport_create_channel(sides[0].transport, now, &config, &channel, &reason),
                 PRTC_ERROR_INVALID_ARGUMENT);
  PRTC_CHECK_TEXT(reason, "label and protocol must be UTF-8");
  PRTC_CHECK_INT(prtc_transport_close(sides[0].transport, now), PRTC_OK);
  config.label_size = 0;
  PRTC_CHECK_INT(prtc_transport_create_channel(sides[0].transport, now, &config, &channel, &reason),
                 PRTC_ERROR_INVALID_STATE);
  PRTC_CHECK_TEXT(reason, "the connection is closed");
  close_sides();
}

/* What the other side can cause at will, as often as it likes, is one event until it is fetched. */
static void changes_of_the_pair_do_not_pile_up(void) {
  struct prtc_transport_event event;
  unsigned changes = 0;
  open_sides();
  join(false);
  run(2000000);
  for (int i = 0; i < 1000; i++) {
    prtc_ice_push_event(sides[1].transport->ice, &(struct ice_event){.type = PRTC_ICE_EVENT_SELECTED_PAIR});
    prtc_transport_pump(sides[1].transport, now);
  }
  while (prtc_transport_event(sides[1].transport, &event) > 0) changes += event.type == PRTC_TRANSPORT_EVENT_SELECTED_PAIR;
  PRTC_CHECK_INT(changes, 1);
  close_sides();
}

/* The other side makes ICE and the pair change, and nobody fetches. */
static void states_do_not_pile_up(void) {
  struct prtc_transport_event event;
  size_t events = 0;
  uint32_t last = 0;
  open_sides();
  for (int i = 0; i <= 10000; i++) {
    prtc_transport_push_state(sides[1].transport, PRTC_TRANSPORT_EVENT_ICE_STATE,
                              i % 2 == 0 ? PRTC_ICE_TRANSPORT_DISCONNECTED : PRTC_ICE_TRANSPORT_CONNECTED);
    prtc_transport_push(sides[1].transport, &(struct prtc_transport_event){.type = PRTC_TRANSPORT_EVENT_SELECTED_PAIR});
  }
  for (; prtc_transport_event(sides[1].transport, &event) > 0; events++) {
    if (event.type == PRTC_TRANSPORT_EVENT_ICE_STATE) last = event.state;
  }
  PRTC_CHECK_INT(events, MANY_EVENTS);
  PRTC_CHECK_INT(last, PRTC_ICE_TRANSPORT_DISCONNECTED);
  close_sides();
}

/* A description that is refused changes nothing: not the fingerprints either. */
static void a_bad_description_changes_nothing(void) {
  open_sides();
  join(false);
  run(2000000);
  prtc_fingerprint wrong;
  PRTC_REQUIRE(prtc_certificate_get_fingerprint(sides[0].certificate, "sha-256", &wrong) == PRTC_OK);
  const struct prtc_transport_remote remote = {
      .ice = {.ufrag = "a"}, .dtls_role = PRTC_DTLS_ROLE_CLIENT, .fingerprints = &wrong, .fingerprint_count = 1};
  PRTC_CHECK_INT(prtc_transport_set_remote(sides[0].transport, now, &remote), PRTC_ERROR_SYNTAX);
  run(1000000);
  PRTC_CHECK_INT(sides[0].dtls_state, PRTC_DTLS_TRANSPORT_CONNECTED);
  close_sides();
}

/* There is memory for DTLS, but not for SCTP. */
static void an_association_that_cannot_be_made_ends(void) {
  unsigned found = 0;
  for (small = 1000; small < 100000; small *= 2) {
    open_sides();
    make_channel(0);
    join(false);
    starving = true;
    run(200000);
    starving = false;
    uint32_t state = sides[0].dtls_state;
    bool was_connected = state == PRTC_DTLS_TRANSPORT_CONNECTED || state == PRTC_DTLS_TRANSPORT_CLOSED;
    run(2000000);
    if (was_connected && sides[0].opened == 0) {
      found++;
      PRTC_CHECK_INT(sides[0].failure, PRTC_ERROR_NO_MEMORY);
      PRTC_CHECK_INT(sides[0].closed, 1);
      PRTC_CHECK_INT(sides[0].dtls_state, PRTC_DTLS_TRANSPORT_CLOSED);
      PRTC_CHECK_INT(sides[1].dtls_state, PRTC_DTLS_TRANSPORT_CLOSED);
    }
    close_sides();
  }
  small = 1000;
  PRTC_CHECK(found > 0);
}

static void data_from_strangers_is_dropped(void) {
  open_sides();
  make_channel(0);
  join(false);
  run(2000000);
  uint8_t hello[64] = {22, 0xFE, 0xFD}, media[20] = {0x80};
  prtc_datagram datagram = {.socket = sides[0].socket, .local = sides[0].address, .data = hello, .size = sizeof hello};
  PRTC_REQUIRE(prtc_address_parse(&datagram.remote, "198.51.100.7:9", 14) == PRTC_OK);
  PRTC_CHECK_INT(prtc_transport_receive(sides[0].transport, now, &datagram), PRTC_ERROR_UNEXPECTED);
  datagram.data = media;
  datagram.size = sizeof media;
  PRTC_CHECK_INT(prtc_transport_receive(sides[0].transport, now, &datagram), PRTC_ERROR_UNEXPECTED);
  datagram.size = 0;
  PRTC_CHECK_INT(prtc_transport_receive(sides[0].transport, now, &datagram), PRTC_ERROR_MALFORMED);
  close_sides();
}

int main(void) {
  PRTC_RUN(connects_and_carries);
  PRTC_RUN(a_wrong_fingerprint_fails);
  PRTC_RUN(close_says_goodbye_and_drains);
  PRTC_RUN(what_came_before_the_goodbye_is_told_before_it);
  PRTC_RUN(both_say_goodbye);
  PRTC_RUN(an_association_without_dtls_is_quiet);
  PRTC_RUN(an_association_without_memory_ends);
  PRTC_RUN(a_channel_that_cannot_be_reset_is_closed);
  PRTC_RUN(an_abort_is_sent_although_its_end_was_told);
  PRTC_RUN(why_a_channel_is_refused);
  PRTC_RUN(changes_of_the_pair_do_not_pile_up);
  PRTC_RUN(states_do_not_pile_up);
  PRTC_RUN(a_bad_description_changes_nothing);
  PRTC_RUN(an_association_that_cannot_be_made_ends);
  PRTC_RUN(data_from_strangers_is_dropped);
  return PRTC_TEST_RESULT();
}
