/* The handshake over a bad network: every loss, repetition, reordering, fragments.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <openssl/ssl.h>

#include "core/base/random.h"
#include "core/dtls/certificate.h"
#include "core/dtls/filter.h"
#include "core/dtls/pair_test.h"

static struct pair pair;

/* Loses datagrams `first` and `second` of all, numbered client 0, server 0, client 1, server 1 … */
static unsigned lose_two(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  unsigned index = number * 2 + from;
  (void)data;
  (void)size;
  return index == p->parameters[0] || index == p->parameters[1] ? 0 : 1;
}

static void loss_of_each_one_and_two(void) {
  for (unsigned first = 0; first < 10; first++) {
    for (unsigned second = first; second < 10; second++) {
      pair_init(&pair, 61);
      pair.rule = lose_two;
      pair.parameters[0] = first;
      pair.parameters[1] = second;
      pair_start(&pair);
      pair_run(&pair, 3000000);
      pair_check_works(&pair);
      PRTC_CHECK(prtc_dtls_deadline(pair.sides[0].dtls) == PRTC_NEVER);
      PRTC_CHECK(prtc_dtls_deadline(pair.sides[1].dtls) == PRTC_NEVER);
      pair_clear(&pair);
    }
  }
}

/* All of one side's first datagrams are lost, up to eight in a row. */
static unsigned lose_first(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  (void)data;
  (void)size;
  return from == p->parameters[0] && number >= p->parameters[1] && number < p->parameters[1] + p->parameters[2] ? 0 : 1;
}

static void loss_in_a_row(void) {
  for (unsigned from = 0; from < 2; from++) {
    for (unsigned start = 0; start < 3; start++) {
      for (unsigned count = 1; count <= 8; count++) {
        pair_init(&pair, 63);
        pair.rule = lose_first;
        pair.parameters[0] = from;
        pair.parameters[1] = start;
        pair.parameters[2] = count;
        pair_start(&pair);
        pair_run(&pair, 29000000);
        pair_check_works(&pair);
        pair_clear(&pair);
      }
    }
  }
}

/* A third lost and a third repeated, by many seeds. */
static struct prtc_random network;

static unsigned lose_at_random(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  (void)p;
  (void)from;
  (void)number;
  (void)data;
  (void)size;
  return prtc_random_below(&network, 3);
}

static void random_loss_and_repetition(void) {
  unsigned connected = 0, sent = 0;
  for (unsigned seed = 0; seed < 200; seed++) {
    uint8_t key[32] = {(uint8_t)seed, 1};
    prtc_random_init(&network, key);
    pair_init(&pair, (uint8_t)seed);
    pair.rule = lose_at_random;
    pair_start(&pair);
    pair_run(&pair, 31000000);
    if (pair_connected(&pair)) {
      connected++;
      pair_check_works(&pair);
    } else {
      printf("seed %u: %s, %s\n", seed, pair.sides[0].text, pair.sides[1].text);
    }
    sent += pair.sides[0].sent + pair.sides[1].sent;
    pair_clear(&pair);
  }
  printf("%u of 200 connected, %u datagrams\n", connected, sent);
  PRTC_CHECK_INT(connected, 200);
}

/* The server's last flight is lost, and it goes on to send data: that is kept until the flight has come after all. */
static unsigned lose_last_flight(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  (void)p;
  (void)data;
  (void)size;
  return from == 1 && number == 1 ? 0 : 1;
}

static void data_that_overtakes_the_handshake(void) {
  uint8_t data[100], record[200];
  pair_init(&pair, 65);
  pair.rule = lose_last_flight;
  pair_start(&pair);
  while (pair.sides[1].state != PRTC_DTLS_TRANSPORT_CONNECTED) PRTC_REQUIRE(pair_step(&pair, pair.now + 1000000));
  for (uint8_t i = 0; i < 12; i++) {
    memset(data, i, sizeof data);
    int size = prtc_dtls_seal(pair.sides[1].dtls, data, sizeof data, record, sizeof record);
    PRTC_REQUIRE(size > 0);
    int result = prtc_dtls_receive(pair.sides[0].dtls, pair.now, record, (size_t)size);
    PRTC_CHECK_INT(result, i < 8 ? 0 : PRTC_ERROR_QUEUE_FULL); /* what is kept has a bound */
    side_collect(&pair.sides[0]);
    PRTC_CHECK_INT(pair.sides[0].messages, 0);                 /* and is not believed */
  }
  pair_run(&pair, 1000000);
  PRTC_CHECK_INT(pair.sides[0].messages, 8);
  PRTC_CHECK(pair.sides[0].data[0] == 7);
  pair_check_works(&pair);
  pair_clear(&pair);
}

/* Somebody who repeats the client's last datagram gets nothing for it; the client itself gets the flight, but not without
 * end. */
static uint8_t client_last[2048];
static size_t client_last_size;

static unsigned keep_client_last(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  (void)p;
  if (from == 0 && number == 1) {
    memcpy(client_last, data, *size);
    client_last_size = *size;
  }
  return from == 0 || number == 0 ? 1 : 0; /* the server's last flight is always lost */
}

static void last_flight_on_request(void) {
  pair_init(&pair, 67);
  pair.rule = keep_client_last;
  pair_start(&pair);
  pair_run(&pair, 200000);
  PRTC_CHECK_INT(pair.sides[1].sent, 2);
  for (int i = 0; i < 10; i++) prtc_dtls_receive(pair.sides[1].dtls, pair.now, client_last, client_last_size);
  pair_run(&pair, 0);
  PRTC_CHECK_INT(pair.sides[1].sent, 2);
  pair_run(&pair, 40000000);
  PRTC_CHECK_INT(pair.sides[0].state, PRTC_DTLS_TRANSPORT_FAILED);
  PRTC_CHECK_INT(pair.sides[0].code, PRTC_ERROR_TIMEOUT);
  PRTC_CHECK_INT(pair.sides[1].state, PRTC_DTLS_TRANSPORT_CONNECTED);
  PRTC_CHECK(pair.sides[1].sent > 10 && pair.sides[1].sent <= 2 + 16);
  pair_clear(&pair);
}

/* --------------------------------------------------------------------------------------------------------- fragments */

/* The client's first message is larger than a datagram, as that of a browser with post-quantum keys: BoringSSL's own client
 * splits it. */
static void make_hello_large(struct side *client, size_t extra) {
  uint8_t protocols[2048];
  PRTC_CHECK_INT(prtc_dtls_start(client->dtls, 0, PRTC_DTLS_ROLE_CLIENT), 0); /* makes the SSL_CTX */
  for (size_t i = 0; i < extra; i++) protocols[i] = i % 100 == 0 ? 99 : 'p';
  PRTC_REQUIRE(extra % 100 == 0);
  PRTC_REQUIRE(SSL_CTX_set_alpn_protos(client->certificate->ssl_context, protocols, (unsigned)extra) == 0);
  prtc_dtls_free(client->dtls);
  prtc_dtls_config config;
  PRTC_INIT(&config);
  config.certificate = client->certificate;
  client->dtls = prtc_dtls_new(client->context, &config);
}

/* Of the first two datagrams of the client, in this order: parameters[0] of the second, then [1] of the first, then [2]
 * of the second. */
static uint8_t first_part[2048];
static size_t first_part_size;

static unsigned shuffle_hello(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  if (from != 0 || number > 1) return 1;
  if (number == 0) {
    memcpy(first_part, data, *size);
    first_part_size = *size;
    return 0;
  }
  for (unsigned i = 0; i < p->parameters[0]; i++) pair_carry(p, 0, data, *size);
  for (unsigned i = 0; i < p->parameters[1]; i++) pair_carry(p, 0, first_part, first_part_size);
  return p->parameters[2];
}

static void large_client_hello(void) {
  static const unsigned orders[][3] = {{0, 1, 1}, {1, 1, 0}, {2, 2, 2}, {0, 3, 1}, {3, 1, 0}, {1, 0, 0}, {0, 1, 0}};
  for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
    pair_init(&pair, 69);
    make_hello_large(&pair.sides[0], 1400);
    pair.rule = shuffle_hello;
    memcpy(pair.parameters, orders[i], sizeof orders[i]);
    PRTC_CHECK_INT(pair_tell(&pair, 0, "sha-256"), 0);
    PRTC_CHECK_INT(pair_tell(&pair, 1, "sha-256"), 0);
    PRTC_CHECK_INT(prtc_dtls_start(pair.sides[1].dtls, pair.now, PRTC_DTLS_ROLE_AUTO), 0);
    PRTC_CHECK_INT(prtc_dtls_start(pair.sides[0].dtls, pair.now, PRTC_DTLS_ROLE_CLIENT), 0);
    pair_run(&pair, i < 5 ? 100000 : 1000000); /* the last two lose a part: one repetition */
    PRTC_CHECK(first_part_size > 1000);
    pair_check_works(&pair);
    pair_clear(&pair);
  }
}

/* A ClientHello cut into pieces of any size, in any order, some twice, some overlapping, several in a datagram. */
static unsigned cut_hello(struct pair *p, unsigned from, unsigned number, uint8_t *data, size_t *size) {
  if (from != 0 || number != 0) return 1;
  const size_t header = PRTC_RECORD_HEADER_SIZE + 12;
  size_t body = *size - header, part = p->parameters[0], count = (body + part - 1) / part;
  for (size_t i = 0; i < 2 * count; i++) {
    size_t piece = (count * 2 - 1 - i) % count;
    if (prtc_random_below(&network, 2)) piece = prtc_random_below(&network, (uint32_t)count);
    size_t offset = piece * part, end = offset + part + p->parameters[1];
    if (end > body) end = body;
    uint8_t record[2048];
    memcpy(record, data, header);
    record[10] = (uint8_t)i;
    record[11] = (uint8_t)((end - offset + 12) >> 8);
    record[12] = (uint8_t)(end - offset + 12);
    record[20] = (uint8_t)(offset >> 8);
    record[21] = (uint8_t)offset;
    record[23] = (uint8_t)((end - offset) >> 8);
    record[24] = (uint8_t)(end - offset);
    memcpy(record + header, data + header + offset, end - offset);
    pair_carry(p, 0, record, header + end - offset);
  }
  return 0;
}

static void client_hello_in_pieces(void) {
  unsigned at_once = 0;
  for (unsigned part = 3; part < 200; part += 4) {
    uint8_t key[32] = {(uint8_t)part};
    prtc_random_init(&network, key);
    pair_init(&pair, 71);
    pair.rule = cut_hello;
    pair.parameters[0] = part;
    pair.parameters[1] = part % 3; /* overlap */
    pair_start(&pair);
    pair_run(&pair, 200000);
    if (pair_connected(&pair)) at_once++; /* the random order may leave out a piece: then a repetition is needed */
    pair_run(&pair, 1000000);
    pair_check_works(&pair);
    pair_clear(&pair);
  }
  PRTC_CHECK(at_once > 10);
}

/* The least MTU: every flight is several datagrams. */
static void small_mtu(void) {
  pair_init(&pair, 73);
  side_clear(&pair.sides[0]);
  side_clear(&pair.sides[1]);
  side_init(&pair.sides[0], 73, 256);
  side_init(&pair.sides[1], 74, 256);
  pair_start(&pair);
  uint8_t data[256];
  unsigned datagrams = 0;
  for (int round = 0; round < 6; round++) {
    for (unsigned i = 0; i < 2; i++) {
      int size;
      while ((size = prtc_dtls_transmit(pair.sides[i].dtls, pair.now, data, sizeof data)) > 0) {
        datagrams++;
        prtc_dtls_receive(pair.sides[1 - i].dtls, pair.now, data, (size_t)size);
      }
      PRTC_CHECK_INT(size, 0);
    }
  }
  side_collect(&pair.sides[0]);
  side_collect(&pair.sides[1]);
  PRTC_CHECK(datagrams > 6);
  pair_check_works(&pair);
  pair_clear(&pair);
}

int main(void) {
  PRTC_RUN(loss_of_each_one_and_two);
  PRTC_RUN(loss_in_a_row);
  PRTC_RUN(random_loss_and_repetition);
  PRTC_RUN(data_that_overtakes_the_handshake);
  PRTC_RUN(last_flight_on_request);
  PRTC_RUN(large_client_hello);
  PRTC_RUN(client_hello_in_pieces);
  PRTC_RUN(small_mtu);
  return PRTC_TEST_RESULT();
}
