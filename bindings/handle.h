/* What the languages hold: an endpoint, alone or in a driver, and room for what it gives out. The functions here are the C
 * API in a shape that crosses SWIG: numbers, text, bytes, and pointers to structs that are turned into values before the
 * next call.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Peers and channels are named by their ids, so nothing that a language's garbage collector keeps can dangle: what is gone
 * answers NOT_FOUND, and everything answers CLOSED once the handle is closed.
 *
 * Functions that return `int` return 0 or more, or a prtc_error. Those that return an id return 0, and those that return a
 * pointer NULL, when there is nothing or after an error: prtc_handle_code then tells which. What a pointer points to is
 * valid until the next call.
 */
#ifndef PRTC_BINDINGS_HANDLE_H
#define PRTC_BINDINGS_HANDLE_H

#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>

PRTC_BEGIN_DECLS

struct prtc_handle;

/* ----------------------------------------------------------------------------------------------------------------- life */

/* seed: 32 bytes. NULL when memory is lacking or the seed has another size. */
struct prtc_handle *prtc_handle_new(const uint8_t *seed, size_t seed_size, uint64_t now, int64_t wall_clock,
                                    uint32_t log_level, uint32_t key_log, uint64_t capture_size, uint64_t recording_size,
                                    uint32_t udp_port);
/* With a driver. NULL: errno says why. */
struct prtc_handle *prtc_handle_new_driver(uint32_t log_level, uint32_t key_log, uint64_t capture_size,
                                           uint64_t recording_size, uint32_t udp_port);
struct prtc_handle *prtc_handle_new_portable_driver(uint32_t log_level, uint32_t key_log, uint64_t capture_size,
                                                    uint64_t recording_size, uint32_t udp_port);
/* Of a recording (it is copied), for prtc_handle_replay_next. NULL: it is none, or memory is lacking. */
struct prtc_handle *prtc_handle_new_replay(const uint8_t *data, size_t size, uint32_t log_level, uint32_t key_log,
                                           uint64_t capture_size);
void prtc_handle_free(struct prtc_handle *handle);
/* Frees endpoint and driver; the handle stays, and answers CLOSED. */
void prtc_handle_close(struct prtc_handle *handle);

/* A handle is used by one thread at a time: 1, or 0 when another thread is in a call. The wrappers enter before each call
 * and leave after it, so a binding may let other threads of its language run meanwhile. */
int prtc_handle_enter(struct prtc_handle *handle);
void prtc_handle_leave(struct prtc_handle *handle);

/* Of the last call that returned 0 or NULL. */
int prtc_handle_code(struct prtc_handle *handle);

/* --------------------------------------------------------------------------------------------------------------- driver */

/* INVALID_STATE when there is no driver. */
int prtc_handle_process(struct prtc_handle *handle);
int prtc_handle_flush(struct prtc_handle *handle);
int prtc_handle_descriptor(struct prtc_handle *handle);
uint64_t prtc_handle_now(struct prtc_handle *handle);
/* Asks what to watch: how many descriptors there are. The next three then tell of each, from 0: the descriptor (-1 beyond
 * the last), 1 for input, 2 for output or 3 for both, and its id. */
int prtc_handle_watches(struct prtc_handle *handle);
int prtc_handle_watched(struct prtc_handle *handle, uint32_t index);
uint32_t prtc_handle_watched_for(struct prtc_handle *handle, uint32_t index);
uint64_t prtc_handle_watched_id(struct prtc_handle *handle, uint32_t index);
/* When to process at the latest although nothing that is watched fires; -1: never. */
int64_t prtc_handle_wake_up(struct prtc_handle *handle);

/* A round of a loop in one call, for a language that pays for each: sends what commands have queued and fetches events into
 * `out` (they are valid as those of prtc_endpoint_event); where there are none and `ready` is 1, processes what has come, and
 * again. Returns how many events; 0: nothing is left to do until the descriptor is readable or a command was given; AGAIN:
 * there may be more; INVALID_STATE when there is no driver. */
int prtc_handle_round(struct prtc_handle *handle, uint32_t ready, prtc_event *out, size_t capacity);

/* ----------------------------------------------------------------------------------------------------------- five verbs */

int prtc_handle_receive_many(struct prtc_handle *handle, uint64_t now, const prtc_datagram *datagrams, size_t count);
int prtc_handle_receive(struct prtc_handle *handle, uint64_t now, uint64_t socket, const prtc_address *local,
                        const prtc_address *remote, const uint8_t *data, size_t size, uint32_t segment_size, uint32_t ecn);
const prtc_datagram *prtc_handle_transmit(struct prtc_handle *handle, uint64_t now);
int64_t prtc_handle_deadline(struct prtc_handle *handle); /* -1: never */
int prtc_handle_timeout(struct prtc_handle *handle, uint64_t now);
/* Fetches the next batch of events: how many there are. prtc_handle_event then gives each, from 0. Commands may follow
 * before all are taken. */
int prtc_handle_fetch(struct prtc_handle *handle);
const prtc_event *prtc_handle_event(struct prtc_handle *handle, uint32_t index);

/* ------------------------------------------------------------------------------------------------------------- requests */

const prtc_request *prtc_handle_request(struct prtc_handle *handle);
/* What a reply carries is added first, then replied. */
int prtc_handle_add_interface(struct prtc_handle *handle, const prtc_address *address, uint32_t index,
                              uint32_t network_type, uint32_t temporary, const char *name);
int prtc_handle_add_address(struct prtc_handle *handle, const prtc_address *address);
int prtc_handle_add_data(struct prtc_handle *handle, const uint8_t *data, size_t size); /* once */
int prtc_handle_reply(struct prtc_handle *handle, uint64_t now, uint64_t id, int code, int system_error,
                      const prtc_address *address);
/* The connection's id, or 0: it is to be closed. */
uint64_t prtc_handle_accepted(struct prtc_handle *handle, uint64_t now, uint64_t listener, const prtc_address *local,
                              const prtc_address *remote);
int prtc_handle_writable(struct prtc_handle *handle, uint64_t now, uint64_t connection, uint32_t writable);
int prtc_handle_socket_closed(struct prtc_handle *handle, uint64_t now, uint64_t socket, int system_error);
int prtc_handle_unreachable(struct prtc_handle *handle, uint64_t now, uint64_t socket, const prtc_address *remote,
                            int system_error);
int prtc_handle_interfaces_changed(struct prtc_handle *handle, uint64_t now);

/* ---------------------------------------------------------------------------------------------------------------- peers */

/* Drops what was added for a reply or a peer that is not made after all: an argument further on was refused. */
void prtc_handle_forget_arguments(struct prtc_handle *handle);

/* Servers and certificates (PEM) are added first, then the peer is made with them. Empty text is none. */
int prtc_handle_add_certificate(struct prtc_handle *handle, const char *pem);
int prtc_handle_add_ice_server(struct prtc_handle *handle, const char *url, const char *username, const char *credential);
/* Likewise, as prtc_peer_config_set: the members of prtc_peer_config for which create_peer has no argument. */
int prtc_handle_add_option(struct prtc_handle *handle, const char *name, const char *value);
uint64_t prtc_handle_create_peer(struct prtc_handle *handle, uint64_t now, uint32_t ice_transport_policy,
                                 uint32_t use_loopback, uint32_t max_message_size, uint32_t send_queue_size, uint32_t mtu);
/* As create_peer, for a peer that there is; what was not added stays as it is, but for the servers. */
int prtc_handle_set_configuration(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint32_t ice_transport_policy);
int prtc_handle_free_peer(struct prtc_handle *handle, uint64_t peer);
/* What the last call on the peer complained about; "" when nothing. */
const char *prtc_handle_peer_message(struct prtc_handle *handle, uint64_t peer); /* peer 0: why the last one was refused */

const char *prtc_handle_create_offer(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint32_t ice_restart);
const char *prtc_handle_create_answer(struct prtc_handle *handle, uint64_t peer, uint64_t now);
/* Without text: the implicit description. */
int prtc_handle_set_local_description(struct prtc_handle *handle, uint64_t peer, uint64_t now, int type, const char *text,
                                      size_t text_size);
int prtc_handle_set_remote_description(struct prtc_handle *handle, uint64_t peer, uint64_t now, int type, const char *text,
                                       size_t text_size);
/* index -1, mid "" and ufrag "" are none. */
int prtc_handle_add_ice_candidate(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *candidate,
                                  const char *mid, int index, const char *ufrag);
/* The transports one by one: polyrtc/transport.h. */
int prtc_handle_gather(struct prtc_handle *handle, uint64_t peer, uint64_t now);
const char *prtc_handle_parameters(struct prtc_handle *handle, uint64_t peer);
int prtc_handle_start_ice(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text, size_t size,
                          uint32_t controlling);
int prtc_handle_add_candidates(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text, size_t size);
int prtc_handle_set_certificate(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *pem);
int prtc_handle_start_dtls(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text, size_t size);
int prtc_handle_start_sctp(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text, size_t size);
int prtc_handle_send_raw(struct prtc_handle *handle, uint64_t peer, uint64_t now, const uint8_t *data, size_t size);
int prtc_handle_restart_ice(struct prtc_handle *handle, uint64_t peer, uint64_t now);
/* NULL with code 0: there is none. The type of what was returned: prtc_handle_description_type. */
const char *prtc_handle_description(struct prtc_handle *handle, uint64_t peer, int which);
int prtc_handle_description_type(struct prtc_handle *handle);
const prtc_peer_states *prtc_handle_states(struct prtc_handle *handle, uint64_t peer);
int prtc_handle_close_peer(struct prtc_handle *handle, uint64_t peer, uint64_t now);

/* ------------------------------------------------------------------------------------------------------------- channels */

/* -1: not given */
uint64_t prtc_handle_create_data_channel(struct prtc_handle *handle, uint64_t peer, uint64_t now, const char *text,
                                         size_t text_size, const char *protocol, uint32_t ordered, int64_t max_retransmits,
                                         int64_t max_packet_life_time, uint32_t negotiated, int64_t stream_id,
                                         uint32_t priority);
int prtc_handle_send_text(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel, const char *text,
                          size_t text_size);
int prtc_handle_send_bytes(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel, const uint8_t *data,
                           size_t size);
int prtc_handle_close_channel(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel);
/* A part of a message: flags are PRTC_MESSAGE_… of data.h. */
int prtc_handle_send_text_part(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel, const char *text,
                               size_t text_size, uint32_t flags);
int prtc_handle_send_bytes_part(struct prtc_handle *handle, uint64_t peer, uint64_t now, uint64_t channel,
                                const uint8_t *data, size_t size, uint32_t flags);
int prtc_handle_set_streaming(struct prtc_handle *handle, uint64_t peer, uint64_t channel, uint32_t streaming);
int prtc_handle_pause_messages(struct prtc_handle *handle, uint64_t peer, uint32_t paused);
int prtc_handle_set_threshold(struct prtc_handle *handle, uint64_t peer, uint64_t channel, uint64_t threshold);
const prtc_channel_info *prtc_handle_channel_info(struct prtc_handle *handle, uint64_t peer, uint64_t channel);

/* -------------------------------------------------------------------------------------------------------------- insight */

const char *prtc_handle_peer_stats(struct prtc_handle *handle, uint64_t peer, uint64_t now);
const char *prtc_handle_fingerprint(struct prtc_handle *handle, uint64_t peer);
/* NULL with code 0: no pair is selected. The remote address of the same pair: prtc_handle_selected_remote. */
const prtc_address *prtc_handle_selected_local(struct prtc_handle *handle, uint64_t peer);
const prtc_address *prtc_handle_selected_remote(struct prtc_handle *handle);
typedef struct prtc_handle_bytes {
  const uint8_t *data;
  size_t size;
} prtc_handle_bytes;
/* X.509 in DER; NULL with code 0: there is none yet. */
const prtc_handle_bytes *prtc_handle_remote_certificate(struct prtc_handle *handle, uint64_t peer);
const char *prtc_handle_log(struct prtc_handle *handle); /* NULL: no more lines */
int prtc_handle_set_log_level(struct prtc_handle *handle, const char *layer, uint32_t level); /* layer "": all */
/* The next bytes of a prtc_output; NULL: there are none. */
const prtc_handle_bytes *prtc_handle_output(struct prtc_handle *handle, int which);
const prtc_endpoint_stats *prtc_handle_stats(struct prtc_handle *handle);

/* --------------------------------------------------------------------------------------------------------------- replay */

/* As prtc_replay_next; the step's events are prtc_handle_event's, its other members those of the functions below. */
int prtc_handle_replay_next(struct prtc_handle *handle);
int prtc_handle_replay_events(struct prtc_handle *handle); /* how many */
uint64_t prtc_handle_replay_number(struct prtc_handle *handle);
uint64_t prtc_handle_replay_time(struct prtc_handle *handle);
const char *prtc_handle_replay_call(struct prtc_handle *handle);
int prtc_handle_replay_code(struct prtc_handle *handle);
uint64_t prtc_handle_replay_size(struct prtc_handle *handle);
const char *prtc_handle_replay_message(struct prtc_handle *handle);

/* --------------------------------------------------------------------------------------------------------- certificates */

/* A certificate outside of any endpoint: made or read, to be given to peers as PEM. */
struct prtc_handle_certificate;

/* seed: 32 random bytes, fresh for each. NULL when memory is lacking or the seed has another size. */
struct prtc_handle_certificate *prtc_handle_certificate_new(const uint8_t *seed, size_t seed_size);
void prtc_handle_certificate_free(struct prtc_handle_certificate *certificate);
/* One of the two first, once: 0 or an error. Without it, the others answer NULL and -1. */
int prtc_handle_certificate_generate(struct prtc_handle_certificate *certificate, uint32_t key_type, int64_t wall_clock,
                                     int64_t expires);
int prtc_handle_certificate_parse(struct prtc_handle_certificate *certificate, const char *text, size_t text_size);
const char *prtc_handle_certificate_pem(struct prtc_handle_certificate *certificate);
int64_t prtc_handle_certificate_expires(struct prtc_handle_certificate *certificate); /* ms since 1970 */
/* "AB:CD:…"; NULL for an unknown algorithm. */
const char *prtc_handle_certificate_fingerprint(struct prtc_handle_certificate *certificate, const char *algorithm);

/* An address as text, "" for none and "?" for one that cannot be printed; `out` has PRTC_ADDRESS_TEXT_SIZE bytes. */
const char *prtc_handle_address_text(const prtc_address *address, char *out);
/* Reads it back: family none for "", and a family that no function accepts for what is not an address. */
void prtc_handle_read_address(const char *text, size_t size, prtc_address *out);
#define PRTC_HANDLE_BAD_FAMILY 255

PRTC_END_DECLS

#endif
