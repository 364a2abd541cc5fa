/* The recording of an endpoint's inputs, for polyrtc/replay.h: every call that can change anything, with its time and
 * arguments, and a hash of what the calls gave that give something.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The format. "PRTCREC1", then entries. An entry is
 *
 *   its operation's number                 one byte
 *   the time, as the difference to the     number, zigzag: 0, -1, 1, -2 … as 0, 1, 2, 3 …
 *   entry before it (to 0 at first)
 *   values, as its signature says:
 *     n   a number                         LEB128: 7 bits a byte from the lowest, the top bit says that there are more
 *     i   a number with a sign             zigzag
 *     b   bytes                            n: 0 for NULL, else 1 more than their length; and the bytes
 *     a   an address                       as b: nothing, or family (1 byte), IP (4 or 16), port (2), scope (4), highest
 *     byte first
 *
 * A call's entry is written before the call, so the one that crashes is the last. Structs that an application fills are
 * bytes as in memory, but for their pointers, which are zero (what they point to follows or precedes): a recording is for
 * the same version on the same kind of machine, for nothing else would give the same bytes. It holds the seed, hence all
 * keys.
 *
 * tests/build/recording_test.py sees to it that no function of the public headers is forgotten.
 */
#ifndef PRTC_BASE_RECORDING_H
#define PRTC_BASE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <polyrtc/types.h>

#include "core/base/sink.h"

#define PRTC_RECORDING_MAGIC "PRTCREC1"

/* X(name, number, signature, what the values are). Names of calls are those of the functions without "prtc_". */
#define PRTC_OPERATIONS(X)                                                                                      \
  X(begin, 1, "bbi", "version, seed, wall clock; the entry's time is that of the configuration")              \
  X(result, 2, "in", "what the call before gave: a code, and a hash")                                         \
  X(end, 3, "n", "the recording stops here, although the endpoint goes on: 1, the bound was reached")        \
  X(endpoint_ports, 4, "n", "follows `begin` when all peers share one UDP port: prtc_endpoint_config.udp_port") \
  X(endpoint_receive, 10, "nnnaabnnn", "one datagram: its members; all empty: a call with none")            \
  X(endpoint_transmit, 11, "n", "capacity")                                                                     \
  X(endpoint_timeout, 12, "", "")                                                                              \
  X(endpoint_event, 13, "n", "capacity")                                                                        \
  X(endpoint_request, 14, "", "")                                                                              \
  X(endpoint_reply, 15, "niia", "id, code, system error, address")                                             \
  X(reply_interface, 16, "annnb", "before the reply, one each")                                                \
  X(reply_address, 17, "a", "before the reply, one each")                                                      \
  X(reply_data, 23, "b", "before the reply: its data")                                                         \
  X(endpoint_accepted, 18, "naa", "listener, local, remote")                                                   \
  X(endpoint_socket_closed, 19, "ni", "socket, system error")                                                  \
  X(endpoint_unreachable, 20, "nai", "socket, remote, system error")                                           \
  X(endpoint_interfaces_changed, 21, "", "")                                                                   \
  X(endpoint_writable, 22, "nn", "connection, writable")                                                       \
  X(peer_new, 30, "b", "prtc_peer_config; after its servers, certificates and texts")                          \
  X(peer_server, 31, "bbb", "URL, user name, credential")                                                      \
  X(peer_certificate, 32, "b", "PEM")                                                                          \
  X(peer_option, 49, "bb", "name, text: a member of prtc_peer_config that is a text")                          \
  X(peer_free, 33, "n", "peer")                                                                                \
  X(peer_create_offer, 34, "nbn", "peer, prtc_offer_options, capacity")                                        \
  X(peer_create_answer, 35, "nn", "peer, capacity")                                                            \
  X(peer_set_local_description, 36, "nnb", "peer, type, SDP")                                                  \
  X(peer_set_remote_description, 37, "nnb", "peer, type, SDP")                                                 \
  X(peer_add_ice_candidate, 38, "nbbib", "peer, candidate, mid, index, ufrag")                                 \
  X(peer_restart_ice, 39, "n", "peer")                                                                         \
  X(peer_close, 40, "n", "peer")                                                                               \
  X(peer_create_data_channel, 41, "nbbb", "peer, prtc_channel_config, label, protocol")                        \
  X(peer_send, 42, "nnnb", "peer, channel, kind, message")                                                     \
  X(peer_close_channel, 43, "nn", "peer, channel")                                                             \
  X(peer_set_buffered_amount_low_threshold, 44, "nnn", "peer, channel, threshold")                             \
  X(peer_get_fingerprint, 45, "n", "peer")                                                                      \
  X(peer_send_part, 46, "nnnbn", "peer, channel, kind, part, flags")                                           \
  X(peer_set_channel_streaming, 47, "nnn", "peer, channel, streaming")                                         \
  X(peer_pause_messages, 48, "nn", "peer, paused")                                                             \
  X(peer_set_configuration, 50, "nb", "peer, prtc_peer_config; after its servers, certificates and texts")   \
  X(peer_gather, 51, "n", "peer")                                                                              \
  X(peer_start_ice, 52, "nbn", "peer, JSON, controlling")                                                      \
  X(peer_add_candidates, 53, "nb", "peer, JSON")                                                               \
  X(peer_start_dtls, 54, "nb", "peer, JSON")                                                                   \
  X(peer_start_sctp, 55, "nb", "peer, JSON")                                                                   \
  X(peer_send_raw, 56, "nb", "peer, datagram")                                                                 \
  X(peer_set_certificate, 57, "nb", "peer, PEM")

enum prtc_operation {
#define PRTC_X(name, number, signature, what) PRTC_OP_##name = number,
  PRTC_OPERATIONS(PRTC_X)
#undef PRTC_X
  PRTC_OP_LAST = 255
};

/* NULL for what is no operation. */
const char *prtc_operation_name(unsigned number);
const char *prtc_operation_signature(unsigned number);

struct prtc_context;

struct prtc_recording {
  struct prtc_sink sink;
  bool on;
  prtc_time last;
};

struct prtc_value {
  char kind; /* as in a signature */
  uint64_t number;
  const void *data;
  size_t size;
};

#define PRTC_NUMBER(value) ((struct prtc_value){'n', (uint64_t)(value), NULL, 0})
#define PRTC_SIGNED(value) ((struct prtc_value){'i', (uint64_t)(int64_t)(value), NULL, 0})
#define PRTC_BYTES(pointer, length) ((struct prtc_value){'b', 0, (pointer), (length)})
#define PRTC_STRING(text) ((struct prtc_value){'b', 0, (text), prtc_recording_length(text)})
#define PRTC_ADDRESS(pointer) ((struct prtc_value){'a', 0, (pointer), 0})

/* The first line of every function that is recorded. PRTC_NEVER stands for "no time of its own". */
#define PRTC_RECORD(context, name, now, ...)                                                                            \
  do {                                                                                                                    \
    if ((context)->recording.on) {                                                                                           \
      const struct prtc_value prtc_values[] = {__VA_ARGS__};                                                              \
      prtc_recording_write((context), PRTC_OP_##name, (now), prtc_values, sizeof prtc_values / sizeof prtc_values[0]);       \
    }                                                                                                                     \
  } while (0)
#define PRTC_RECORD_BARE(context, name, now)                                                           \
  do {                                                                                                 \
    if ((context)->recording.on) prtc_recording_write((context), PRTC_OP_##name, (now), NULL, 0);            \
  } while (0)

void prtc_recording_begin(struct prtc_context *context, size_t bound, prtc_time now, const uint8_t seed[32],
                          int64_t wall_clock);
void prtc_recording_write(struct prtc_context *context, enum prtc_operation operation, prtc_time now,
                       const struct prtc_value *values, size_t count);
size_t prtc_recording_length(const char *text); /* 0 for NULL */

/* A hash to compare by; nothing depends on its quality but that. It goes on from `hash`, 0 at first. */
uint64_t prtc_recording_hash(uint64_t hash, const void *data, size_t size);

/* Reading. What it points to is in the file. */
struct prtc_recording_reader {
  const uint8_t *data;
  size_t size, position;
  prtc_time last;
};

struct prtc_recording_entry {
  enum prtc_operation operation;
  prtc_time time;
  size_t count;
  struct prtc_value values[10]; /* data of addresses: the ten or so bytes, see prtc_recording_address */
};

/* 1; 0 at the end, or where the file is cut off; PRTC_ERROR_MALFORMED. The file begins with PRTC_RECORDING_MAGIC. */
int prtc_recording_read(struct prtc_recording_reader *reader, struct prtc_recording_entry *out);
/* False when it is none. */
bool prtc_recording_address(const struct prtc_value *value, prtc_address *out);

#endif
