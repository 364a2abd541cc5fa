/* One port for all peers of an endpoint: sockets, whose datagrams are whose, and what hostile others can do.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "core/endpoint/crowd_test.h"

#include <polyrtc/replay.h>

static struct crowd crowd;

static const prtc_address stranger = {.family = PRTC_FAMILY_IPV4, .ip = {203, 0, 113, 9}, .port = 999};

static prtc_address port(uint16_t number) { return crowd_address(192, 0, 2, 1, number); }

static void open_pairs(size_t count) {
  for (size_t i = 0; i < count; i++) (void)crowd_pair(&crowd);
  crowd_run(&crowd, 2000000);
  for (size_t i = 0; i < count; i++) PRTC_CHECK(crowd_is_open(&crowd, i));
}

/* Where the client's peer is. */
static prtc_address client_address(size_t pair) {
  prtc_address local, remote;
  PRTC_REQUIRE(prtc_peer_get_selected_pair(crowd.peers[CLIENT][pair].peer, &local, &remote) == 1);
  return local;
}

/* -------------------------------------------------------------------------------------------------------------- sockets */

static void all_peers_use_one_socket(void) {
  crowd_open(&crowd, 40, 7000, 0);
  open_pairs(30);
  PRTC_CHECK_INT(crowd.opens, 1);
  PRTC_CHECK(crowd_socket_at(&crowd, &(prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 1}, .port = 7000}) !=
             NULL);
  for (size_t i = 0; i < 30; i++) {
    prtc_address local, remote;
    PRTC_CHECK_INT(prtc_peer_get_selected_pair(crowd.peers[SERVER][i].peer, &local, &remote), 1);
    PRTC_CHECK_INT(local.port, 7000);
    crowd_exchange(&crowd, i);
  }
  PRTC_CHECK(crowd_stats(&crowd).datagrams_unknown <= 60); /* answers that came when they were not waited for any more */
  for (size_t i = 0; i < 30; i++) {
    PRTC_CHECK_INT(crowd.closes, 0);
    crowd_free_peer(&crowd, SERVER, i);
    crowd_settle(&crowd);
  }
  PRTC_CHECK_INT(crowd.closes, 1); /* with the last one */
  (void)crowd_pair(&crowd);
  crowd_run(&crowd, 2000000);
  PRTC_CHECK(crowd_is_open(&crowd, 30));
  PRTC_CHECK_INT(crowd.opens, 2);
  crowd_close(&crowd);
}

static void the_system_may_choose_the_port(void) {
  crowd_open(&crowd, 4, PRTC_PORT_ANY, 0);
  open_pairs(3);
  PRTC_CHECK_INT(crowd.opens, 1);
  PRTC_CHECK(crowd_socket_at(&crowd, &(prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 1}, .port = 40000}) !=
             NULL);
  crowd_close(&crowd);
  prtc_endpoint_config config;
  PRTC_INIT(&config);
  config.udp_port = PRTC_PORT_ANY + 1;
  PRTC_CHECK(prtc_endpoint_new(&config) == NULL);
}

static void those_who_come_while_it_is_being_opened_wait(void) {
  crowd_open(&crowd, 4, 7000, 0);
  crowd.replies_late = true;
  for (int i = 0; i < 4; i++) (void)crowd_pair(&crowd);
  crowd_run(&crowd, 100000);
  PRTC_CHECK_INT(crowd.late_count, 1);
  crowd_free_peer(&crowd, SERVER, 0); /* who had asked */
  PRTC_CHECK_INT(crowd_reply(&crowd, SERVER, &crowd.late[0]), PRTC_OK);
  crowd_run(&crowd, 2000000);
  for (size_t i = 1; i < 4; i++) PRTC_CHECK(crowd_is_open(&crowd, i));
  crowd_close(&crowd);

  /* nobody waits any more: the driver is to close it; and it can be asked for again */
  crowd_open(&crowd, 4, 7000, 0);
  crowd.replies_late = true;
  (void)crowd_pair(&crowd);
  crowd_run(&crowd, 100000);
  crowd_free_peer(&crowd, SERVER, 0);
  PRTC_CHECK_INT(crowd_reply(&crowd, SERVER, &crowd.late[0]), PRTC_ERROR_NOT_FOUND);
  crowd_socket_at(&crowd, &(prtc_address){.family = PRTC_FAMILY_IPV4, .ip = {192, 0, 2, 1}, .port = 7000})->open = false;
  crowd.replies_late = false;
  size_t next = crowd_pair(&crowd);
  crowd_run(&crowd, 2000000);
  PRTC_CHECK(crowd_is_open(&crowd, next));
  crowd_close(&crowd);
}

static void a_port_that_is_taken_is_asked_for_again_by_the_next_peer(void) {
  crowd_open(&crowd, 4, 7000, 0);
  crowd.bind_fails = true;
  size_t unlucky = crowd_pair(&crowd);
  crowd_run(&crowd, 1000000);
  PRTC_CHECK(!crowd_is_open(&crowd, unlucky));
  crowd.bind_fails = false;
  size_t lucky = crowd_pair(&crowd);
  crowd_run(&crowd, 2000000);
  PRTC_CHECK(crowd_is_open(&crowd, lucky));
  crowd_close(&crowd);
}

static void a_socket_that_fails_is_lost_for_all(void) {
  crowd_open(&crowd, 4, 7000, 0);
  open_pairs(3);
  prtc_address at = port(7000);
  struct crowd_socket *socket = crowd_socket_at(&crowd, &at);
  socket->open = false;
  PRTC_CHECK_INT(prtc_endpoint_socket_closed(crowd.endpoints[SERVER], crowd.now, socket->id, 5), PRTC_OK);
  PRTC_CHECK_INT(prtc_endpoint_socket_closed(crowd.endpoints[SERVER], crowd.now, socket->id, 5), PRTC_ERROR_NOT_FOUND);
  crowd_run(&crowd, 1000000);
  size_t next = crowd_pair(&crowd);
  crowd_run(&crowd, 2000000);
  PRTC_CHECK(crowd_is_open(&crowd, next));
  crowd_run(&crowd, 100000000);
  for (size_t i = 0; i < 3; i++) PRTC_CHECK_INT(crowd.peers[SERVER][i].connection, PRTC_CONNECTION_FAILED);
  crowd_exchange(&crowd, next);
  crowd_close(&crowd);
}

/* -------------------------------------------------------------------------------------------- peers come, change and go */

static void a_restart_keeps_both_generations_reachable(void) {
  crowd_open(&crowd, 4, 7000, 0);
  open_pairs(3);
  for (int side = 0; side < 2; side++) {
    PRTC_CHECK_INT(prtc_peer_restart_ice(crowd.peers[CLIENT][side].peer, crowd.now), PRTC_OK);
    crowd_signal(&crowd, (size_t)side, PRTC_SDP_OFFER); /* the offer alone: the path of before is in use meanwhile */
    crowd_exchange(&crowd, (size_t)side);
    crowd_run(&crowd, 12000000);
    PRTC_CHECK_INT(crowd.peers[SERVER][side].connection, PRTC_CONNECTION_CONNECTED);
    crowd_signal(&crowd, (size_t)side, PRTC_SDP_ANSWER);
    crowd_run(&crowd, 2000000);
    crowd_exchange(&crowd, (size_t)side);
  }
  crowd_run(&crowd, 60000000); /* consent goes on, with the new credentials */
  for (size_t i = 0; i < 3; i++) {
    PRTC_CHECK_INT(crowd.peers[SERVER][i].connection, PRTC_CONNECTION_CONNECTED);
    crowd_exchange(&crowd, i);
  }
  PRTC_CHECK(crowd_stats(&crowd).datagrams_unknown <= 60); /* answers that came when they were not waited for any more */
  crowd_close(&crowd);
}

static void the_same_path_again_after_a_goodbye(void) {
  crowd_open(&crowd, 16, 7000, 0);
  crowd.forced_port = 5555; /* every time the client has the same address */
  for (size_t i = 0; i < 6; i++) {
    PRTC_CHECK_INT(crowd_pair(&crowd), i);
    crowd_run(&crowd, 2000000);
    PRTC_CHECK(crowd_is_open(&crowd, i));
    crowd_exchange(&crowd, i);
    /* Either side says goodbye; the server's peer is freed only every other time. */
    PRTC_CHECK_INT(prtc_peer_close(crowd.peers[i % 2][i].peer, crowd.now), PRTC_OK);
    crowd_run(&crowd, 100000);
    crowd_free_peer(&crowd, CLIENT, i);
    if (i % 3 == 0) crowd_free_peer(&crowd, SERVER, i);
    crowd_settle(&crowd);
  }
  crowd_close(&crowd);
}

/* The client vanished, and somebody (itself, after a reload; or another behind the same NAT) comes from the same
 * address. */
static void a_path_moves_when_consent_is_lost(void) {
  crowd_open(&crowd, 4, 7000, 0);
  crowd.forced_port = 5555;
  open_pairs(1);
  crowd_free_peer(&crowd, CLIENT, 0); /* no goodbye */
  crowd_settle(&crowd);
  size_t next = crowd_pair(&crowd);
  crowd_run(&crowd, 10000000);
  PRTC_CHECK(!crowd_is_open(&crowd, next)); /* whose data would it be? */
  crowd_run(&crowd, 30000000);
  PRTC_CHECK_INT(crowd.peers[SERVER][0].connection, PRTC_CONNECTION_FAILED);
  PRTC_CHECK(crowd_is_open(&crowd, next));
  crowd_exchange(&crowd, next);
  crowd_close(&crowd);
}

/* All ask one server from one socket: the answers are told apart by their transactions. */
static void addresses_behind_a_nat_are_gathered(void) {
  static char sdp[65536];
  crowd_open(&crowd, 16, 7000, 0);
  crowd.stun_server = "stun:203.0.113.5:3478";
  open_pairs(12);
  for (size_t i = 0; i < 12; i++) {
    PRTC_REQUIRE(prtc_peer_get_description(crowd.peers[SERVER][i].peer, PRTC_DESCRIPTION_LOCAL, &(prtc_sdp_type){0}, sdp,
                                           sizeof sdp) > 0);
    PRTC_CHECK(strstr(sdp, " 203.0.113.77 7000 typ srflx raddr 192.0.2.1 rport 7000") != NULL);
    crowd_exchange(&crowd, i);
  }
  crowd_close(&crowd);
}

/* Two at one address at the same time: the first keeps it, the second says why it failed. */
static void a_second_peer_on_a_path_in_use_fails_with_an_event(void) {
  crowd_open(&crowd, 4, 7000, 0);
  crowd.forced_port = 5555;
  crowd.all_hear = true;
  open_pairs(1);
  size_t second = crowd_pair(&crowd);
  for (int i = 0; i < 100; i++) {
    crowd_run(&crowd, 1000000);
    if (i % 10 == 0) crowd_exchange(&crowd, 0);
  }
  PRTC_CHECK_INT(crowd.peers[SERVER][0].connection, PRTC_CONNECTION_CONNECTED);
  PRTC_CHECK_INT(crowd.peers[SERVER][second].connection, PRTC_CONNECTION_FAILED);
  PRTC_CHECK_INT(crowd.peers[SERVER][second].failures, 1);
  PRTC_CHECK(strstr(crowd.peers[SERVER][second].failure, "another connection of the same port") != NULL);
  PRTC_CHECK_INT(crowd.peers[CLIENT][second].connection, PRTC_CONNECTION_FAILED);
  crowd_close(&crowd);
}

/* Two peers of the endpoint itself have one address, and may find that out. */
static void two_peers_of_one_endpoint_do_not_connect(void) {
  crowd_open(&crowd, 4, 7000, 0);
  open_pairs(1);
  static char sdp[65536];
  prtc_endpoint *endpoint = crowd.endpoints[SERVER];
  prtc_peer *peers[2];
  prtc_peer_config config;
  PRTC_INIT(&config);
  for (int i = 0; i < 2; i++) PRTC_CHECK_INT(prtc_peer_new(endpoint, crowd.now, &config, &peers[i]), PRTC_OK);
  prtc_channel_config channel;
  prtc_channel_id id;
  PRTC_INIT(&channel);
  channel.label = "c", channel.label_size = 1, channel.stream_id = PRTC_STREAM_NONE;
  PRTC_CHECK_INT(prtc_peer_create_data_channel(peers[0], crowd.now, &channel, &id), PRTC_OK);
  for (int i = 0; i < 2; i++) {
    prtc_sdp_type type = i == 0 ? PRTC_SDP_OFFER : PRTC_SDP_ANSWER;
    int size = i == 0 ? prtc_peer_create_offer(peers[0], crowd.now, NULL, sdp, sizeof sdp)
                      : prtc_peer_create_answer(peers[1], crowd.now, sdp, sizeof sdp);
    PRTC_CHECK_INT(prtc_peer_set_local_description(peers[i], crowd.now, type, sdp, (size_t)size), PRTC_OK);
    PRTC_CHECK_INT(prtc_peer_set_remote_description(peers[1 - i], crowd.now, type, sdp, (size_t)size), PRTC_OK);
  }
  for (int i = 0; i < 2; i++) { /* signalling by hand: crowd_see knows only pairs across the wire */
    const char *candidate = "candidate:1 1 udp 2130706431 192.0.2.1 7000 typ host";
    PRTC_CHECK_INT(prtc_peer_add_ice_candidate(peers[i], crowd.now, candidate, "0", 0, NULL), PRTC_OK);
  }
  crowd_run(&crowd, 100000000);
  prtc_address local, remote;
  PRTC_CHECK(prtc_peer_get_selected_pair(peers[0], &local, &remote) == 0 ||
             prtc_peer_get_selected_pair(peers[1], &local, &remote) == 0);
  crowd_exchange(&crowd, 0);
  for (int i = 0; i < 2; i++) prtc_peer_free(peers[i]);
  crowd_close(&crowd);
}

/* -------------------------------------------------------------------------------------------------------------- hostile */

/* What one peer has sent, from elsewhere: it is nobody's, or the peer's whose ufrag it names, which does not believe it. */
static void replays_from_other_addresses(void) {
  crowd_open(&crowd, 8, 7000, 0);
  open_pairs(3);
  prtc_address at = port(7000);
  for (int i = 0; i < 200; i++) {
    crowd_run(&crowd, 50000);
    if (i % 5 == 0) PRTC_CHECK_INT(crowd_send(&crowd, CLIENT, (size_t)i % 3, "x", 1), PRTC_OK);
    struct crowd_flight copy = crowd.last;
    if (copy.size == 0) continue;
    uint64_t sent = crowd_stats(&crowd).datagrams_sent;
    int code = crowd_arrive(&crowd, &stranger, &at, copy.bytes, copy.size);
    bool request = copy.bytes[0] == 0 && copy.bytes[1] == 1; /* authentic, so it is answered, and no more */
    PRTC_CHECK(code < 0 || request);
    prtc_address victim = client_address((size_t)(i + 1) % 3); /* and from where another peer is */
    (void)crowd_arrive(&crowd, &victim, &at, copy.bytes, copy.size);
    crowd_settle(&crowd);
    PRTC_CHECK(crowd_stats(&crowd).datagrams_sent - sent <= 6);
  }
  for (size_t i = 0; i < 3; i++) crowd_exchange(&crowd, i);
  for (size_t i = 0; i < 3; i++) PRTC_CHECK_INT(client_address(i).port, 10000 + i);
  crowd_close(&crowd);
}

static size_t binding_request(uint8_t *out, const char *username, uint32_t transaction) {
  size_t name = strlen(username), padded = (name + 3) / 4 * 4;
  const uint8_t header[] = {0, 1, 0, (uint8_t)(4 + padded), 0x21, 0x12, 0xA4, 0x42};
  memset(out, 0, 24 + padded);
  memcpy(out, header, sizeof header);
  memcpy(out + 8, &transaction, sizeof transaction);
  out[21] = 6, out[23] = (uint8_t)name;
  memcpy(out + 24, username, name);
  return 24 + padded;
}

/* A ufrag that is right but nothing else; ones that are guessed; any bytes; in numbers. None of it is answered or kept. */
static void floods_of_what_nobody_sent(void) {
  crowd_open(&crowd, 8, 7000, 0);
  open_pairs(3);
  crowd_run(&crowd, 1000000);
  static char sdp[65536];
  char username[64] = "";
  PRTC_REQUIRE(prtc_peer_get_description(crowd.peers[SERVER][0].peer, PRTC_DESCRIPTION_LOCAL, &(prtc_sdp_type){0}, sdp,
                                         sizeof sdp) > 0);
  PRTC_REQUIRE(sscanf(strstr(sdp, "a=ice-ufrag:"), "a=ice-ufrag:%15s", username) == 1);
  strcat(username, ":guess");
  prtc_endpoint_stats before = crowd_stats(&crowd);
  prtc_address at = port(7000), from = stranger;
  uint8_t bytes[1500];
  unsigned random = 1;
  for (unsigned i = 0; i < 20000; i++) {
    random = random * 1664525 + 1013904223;
    from.port = (uint16_t)(1 + random % 65535);
    from.ip[2] = (uint8_t)(random >> 16);
    size_t size = 1 + (random >> 8) % 200;
    for (size_t k = 0; k < size; k++) bytes[k] = (uint8_t)((random >> (k % 24)) + k * i);
    if (i % 4 == 0) size = binding_request(bytes, username, i);
    if (i % 4 == 1) size = binding_request(bytes, "guessed1:guess", i);
    if (i % 4 == 2) memcpy(bytes, (const uint8_t[]){1, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42}, 8); /* an answer to nothing */
    PRTC_CHECK(crowd_arrive(&crowd, &from, &at, bytes, size) < 0);
  }
  crowd_settle(&crowd);
  prtc_endpoint_stats after = crowd_stats(&crowd);
  PRTC_CHECK_INT(after.datagrams_dropped - before.datagrams_dropped, 20000);
  PRTC_CHECK_INT(after.datagrams_unknown - before.datagrams_unknown, 15000);
  PRTC_CHECK_INT(after.datagrams_sent, before.datagrams_sent);
  for (size_t i = 0; i < 3; i++) crowd_exchange(&crowd, i);
  crowd_close(&crowd);
}

static bool from_the_client_s_first(struct crowd *unused, const struct crowd_flight *flight) {
  (void)unused;
  return flight->from.port == 10000;
}

/* One that is a peer itself sends its (authentic) checks as if from another's address: the other one loses nothing. */
static void a_peer_that_steals_the_address_of_another(void) {
  crowd_open(&crowd, 8, 7000, 0);
  open_pairs(2);
  prtc_address at = port(7000), victim = client_address(0);
  unsigned stolen = 0;
  for (int i = 0; i < 300; i++) {
    crowd_run(&crowd, 100000);
    if (crowd.last.size == 0 || crowd.last.from.port != client_address(1).port || crowd.last.bytes[0] > 3) continue;
    struct crowd_flight copy = crowd.last;
    stolen++;
    (void)crowd_arrive(&crowd, &victim, &at, copy.bytes, copy.size);
    crowd_settle(&crowd);
    crowd_exchange(&crowd, 0);
    crowd_exchange(&crowd, 1);
  }
  PRTC_CHECK(stolen > 5);
  /* The same of an address where nobody is yet: who really comes from there has it. */
  crowd.forced_port = 6666;
  prtc_address future = victim;
  future.port = 6666;
  crowd_run(&crowd, 5000000);
  for (int i = 0; i < 100 && (crowd.last.from.port != client_address(1).port || crowd.last.bytes[0] != 0); i++) {
    crowd_run(&crowd, 100000);
  }
  PRTC_CHECK_INT(crowd_arrive(&crowd, &future, &at, crowd.last.bytes, crowd.last.size), PRTC_OK);
  size_t late = crowd_pair(&crowd);
  crowd_run(&crowd, 2000000);
  PRTC_CHECK(crowd_is_open(&crowd, late));
  for (size_t i = 0; i < 3; i++) crowd_exchange(&crowd, i);
  /* And with the victim silent, until consent is lost, no thief gets at what it was sent. */
  crowd.drop = from_the_client_s_first;
  crowd_run(&crowd, 50000000);
  PRTC_CHECK_INT(crowd.peers[SERVER][0].connection, PRTC_CONNECTION_FAILED);
  for (size_t i = 1; i < 3; i++) crowd_exchange(&crowd, i);
  crowd_close(&crowd);
}

/* A connection that the server's listener has accepted, from another port each time. */
static prtc_socket_id connection_from(uint16_t number) {
  prtc_address local = port(7000), remote = stranger;
  prtc_socket_id id = 0;
  remote.port = number;
  PRTC_CHECK_INT(prtc_endpoint_accepted(crowd.endpoints[SERVER], crowd.now, crowd.listener, &local, &remote, &id), PRTC_OK);
  crowd_bind(&crowd, SERVER, id, &(prtc_address){.port = number});
  return id;
}

static int say(prtc_socket_id connection, const void *data, size_t size) {
  const prtc_datagram datagram = {.socket = connection, .protocol = PRTC_PROTOCOL_TCP, .data = data, .size = size};
  return prtc_endpoint_receive(crowd.endpoints[SERVER], crowd.now, &datagram, 1);
}

static bool is_closed(prtc_socket_id connection) {
  crowd_settle(&crowd);
  return !crowd_socket(&crowd, SERVER, connection)->open;
}

/* The first frame says whose a connection is. Here it is a check that the client has sent by UDP, which is as good. */
static void connections_are_those_of_whom_they_name(void) {
  uint8_t frame[1502], bytes[200];
  crowd_open(&crowd, 8, 7000, 0);
  crowd.tcp_candidates = PRTC_TCP_CANDIDATES_ALL;
  open_pairs(2);
  PRTC_CHECK_INT(crowd.opens, 1);
  PRTC_REQUIRE(crowd.listener != 0);
  for (int i = 0; i < 200 && (crowd.last.bytes[0] != 0 || crowd.last.bytes[1] != 1); i++) crowd_run(&crowd, 100000);
  PRTC_REQUIRE(crowd.last.bytes[0] == 0 && crowd.last.bytes[1] == 1);
  frame[0] = (uint8_t)(crowd.last.size >> 8), frame[1] = (uint8_t)crowd.last.size;
  memcpy(frame + 2, crowd.last.bytes, crowd.last.size);

  prtc_socket_id whole = connection_from(1), slow = connection_from(2), more = connection_from(3);
  PRTC_CHECK_INT(say(whole, frame, crowd.last.size + 2), PRTC_OK);
  for (size_t i = 0; i < crowd.last.size + 2; i++) PRTC_CHECK_INT(say(slow, frame + i, 1), PRTC_OK);
  memcpy(bytes, frame, 100);
  PRTC_CHECK_INT(say(more, frame, 100), PRTC_OK);
  memcpy(bytes, frame + 100, crowd.last.size + 2 - 100);
  memcpy(bytes + crowd.last.size + 2 - 100, frame, 20); /* and the beginning of the next */
  PRTC_CHECK_INT(say(more, bytes, crowd.last.size + 2 - 100 + 20), PRTC_OK);
  crowd_settle(&crowd);
  PRTC_CHECK_INT(crowd.streamed, 3); /* an answer or a check each, for it has been there before */
  PRTC_CHECK(!is_closed(whole) && !is_closed(slow) && !is_closed(more));

  /* Who names nobody is closed. */
  prtc_socket_id wrong = connection_from(4), large = connection_from(5), nothing = connection_from(6),
                 gone = connection_from(7);
  size_t size = binding_request(bytes + 2, "guessed1:guess", 1);
  bytes[0] = 0, bytes[1] = (uint8_t)size;
  PRTC_CHECK_INT(say(wrong, bytes, size + 2), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK(is_closed(wrong));
  PRTC_CHECK_INT(say(large, "GET / HTTP/1.1", 14), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK(is_closed(large));
  PRTC_CHECK_INT(say(nothing, "\0\0", 2), PRTC_ERROR_UNEXPECTED);
  PRTC_CHECK(is_closed(nothing));
  PRTC_CHECK_INT(say(gone, frame, 10), PRTC_OK);
  PRTC_CHECK_INT(prtc_endpoint_writable(crowd.endpoints[SERVER], crowd.now, gone, 0), PRTC_OK);
  PRTC_CHECK_INT(prtc_endpoint_socket_closed(crowd.endpoints[SERVER], crowd.now, gone, 0), PRTC_OK);
  PRTC_CHECK(say(gone, frame, 10) < 0);

  /* Those who say nothing are closed when many have come after them, and with the listener. */
  prtc_socket_id silent[300];
  for (uint16_t i = 0; i < 300; i++) silent[i] = connection_from((uint16_t)(100 + i));
  crowd_settle(&crowd);
  for (uint16_t i = 0; i < 300; i++) PRTC_CHECK_INT(is_closed(silent[i]), i < 44);
  crowd_free_peer(&crowd, SERVER, 0);
  PRTC_CHECK(!is_closed(silent[299]) && crowd.listener != 0);
  crowd_exchange(&crowd, 1);
  crowd_free_peer(&crowd, SERVER, 1);
  PRTC_CHECK(is_closed(silent[299]) && is_closed(silent[44]) && is_closed(whole) && crowd.listener == 0);
  crowd_close(&crowd);
}

static void a_recording_of_one_port_runs_again(void) {
  crowd_open(&crowd, 8, 7000, 8 << 20);
  open_pairs(3);
  crowd_exchange(&crowd, 1);
  crowd_free_peer(&crowd, SERVER, 2);
  crowd_settle(&crowd);
  static uint8_t recording[8 << 20];
  int size = prtc_endpoint_output(crowd.endpoints[SERVER], PRTC_OUTPUT_RECORDING, recording, sizeof recording);
  PRTC_REQUIRE(size > 1000);
  prtc_replay_config config;
  PRTC_INIT(&config);
  config.recording = recording;
  config.recording_size = (size_t)size;
  prtc_replay *replay = prtc_replay_new(&config);
  PRTC_REQUIRE(replay != NULL);
  prtc_replay_step step;
  int code;
  while ((code = prtc_replay_next(replay, &step)) > 0) {}
  PRTC_CHECK_INT(code, 0);
  PRTC_CHECK_TEXT(prtc_replay_message(replay), "");
  PRTC_CHECK(step.number > 100);
  prtc_replay_free(replay);
  crowd_close(&crowd);
}

/* An allocator that counts, and fails once. */
struct meter {
  long live, left; /* left: allocations until that one; -1: none fails */
};

static bool spend(struct meter *meter) { return meter->left < 0 || --meter->left >= 0; }
static void *meter_allocate(void *context, size_t size) {
  struct meter *meter = context;
  if (!spend(meter)) return NULL;
  meter->live++;
  return malloc(size);
}
static void *meter_reallocate(void *context, void *pointer, size_t size) {
  struct meter *meter = context;
  if (!spend(meter)) return NULL;
  meter->live += pointer == NULL;
  return realloc(pointer, size);
}
static void meter_release(void *context, void *pointer) {
  struct meter *meter = context;
  meter->live -= pointer != NULL;
  free(pointer);
}

/* At whatever moment: a peer may not come to be, or not connect; the others do, and all memory comes back. */
static void memory_is_lacking_while_sockets_are_shared(void) {
  static char sdp[65536];
  unsigned worked = 0;
  for (long left = 0; left < 400; left++) {
    struct meter meter = {.left = -1};
    const prtc_allocator allocator = {&meter, meter_allocate, meter_reallocate, meter_release};
    crowd_allocator = &allocator;
    crowd_open(&crowd, 4, 7000, 0);
    open_pairs(1);
    crowd_allocator = NULL;
    prtc_endpoint *endpoint = crowd.endpoints[SERVER];
    prtc_peer *peer = NULL;
    prtc_peer_config config;
    prtc_request request;
    PRTC_INIT(&config);
    meter.left = left; /* one allocation fails of those that a peer takes which gathers beside the first */
    int code = prtc_peer_new(endpoint, crowd.now, &config, &peer);
    int size = code < 0 ? code : prtc_peer_create_offer(peer, crowd.now, NULL, sdp, sizeof sdp);
    prtc_channel_config channel;
    prtc_channel_id id;
    PRTC_INIT(&channel);
    channel.label = "c", channel.label_size = 1, channel.stream_id = PRTC_STREAM_NONE;
    if (code >= 0) (void)prtc_peer_create_data_channel(peer, crowd.now, &channel, &id);
    if (size >= 0) (void)prtc_peer_set_local_description(peer, crowd.now, PRTC_SDP_OFFER, NULL, 0);
    while (prtc_endpoint_request(endpoint, &request) > 0) (void)crowd_reply(&crowd, SERVER, &request);
    bool spent = meter.left < 0;
    meter.left = -1;
    prtc_peer_free(peer);
    prtc_event event;
    bool fatal = false;
    while (prtc_endpoint_event(endpoint, &event, 1) > 0) fatal = fatal || event.type == PRTC_EVENT_ENDPOINT_FAILED;
    if (!fatal) crowd_exchange(&crowd, 0), worked++;
    crowd_close(&crowd);
    PRTC_CHECK_INT(meter.live, 0);
    if (!spent) break;
  }
  PRTC_CHECK(worked > 10);
}

int main(void) {
  PRTC_RUN(all_peers_use_one_socket);
  PRTC_RUN(the_system_may_choose_the_port);
  PRTC_RUN(those_who_come_while_it_is_being_opened_wait);
  PRTC_RUN(a_port_that_is_taken_is_asked_for_again_by_the_next_peer);
  PRTC_RUN(a_socket_that_fails_is_lost_for_all);
  PRTC_RUN(a_restart_keeps_both_generations_reachable);
  PRTC_RUN(the_same_path_again_after_a_goodbye);
  PRTC_RUN(a_path_moves_when_consent_is_lost);
  PRTC_RUN(addresses_behind_a_nat_are_gathered);
  PRTC_RUN(a_second_peer_on_a_path_in_use_fails_with_an_event);
  PRTC_RUN(two_peers_of_one_endpoint_do_not_connect);
  PRTC_RUN(replays_from_other_addresses);
  PRTC_RUN(floods_of_what_nobody_sent);
  PRTC_RUN(a_peer_that_steals_the_address_of_another);
  PRTC_RUN(connections_are_those_of_whom_they_name);
  PRTC_RUN(a_recording_of_one_port_runs_again);
  PRTC_RUN(memory_is_lacking_while_sockets_are_shared);
  return PRTC_TEST_RESULT();
}
