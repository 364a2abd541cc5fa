/* polyrtc.i: what the languages get. One class, Endpoint, over handle.h; the packages in python/, node/ and go/ put their own
 * habits on top of it.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Each language's folder (python.i, node.i, go.i) says how these cross:
 *   (const uint8_t *data, size_t size)        bytes in, borrowed for the call
 *   (const char *text, size_t text_size)      text in, UTF-8 with its length (it may hold a NUL)
 *   const prtc_address *                      in and out: "192.0.2.1:5000" or "[2001:db8::1]:5000", or the language's own pair
 *   const prtc_event *, prtc_datagram *, …    out: a value of the language, with a copy of the bytes
 * Errors are the numbers of polyrtc/error.h; the packages turn them into exceptions with error_name, error_text and error_class.
 *
 * A method `x` without a body is the function prtc_handle_x. Names are snake_case in Python, camelCase in JavaScript, CamelCase
 * in Go.
 */
%module(package="polyrtc", moduleimport="from . import _polyrtc") native

%{
#include "bindings/handle.h"
%}

%include <stdint.i>

#if defined(SWIGPYTHON)
%include "python.i"
#elif defined(SWIGJAVASCRIPT)
%include "node.i"
#elif defined(SWIGGO)
%include "go.i"
#else
#error polyrtc.i has typemaps for Python, JavaScript and Go
#endif

/* ---------------------------------------------------------------------------------------------------------------- errors */

%inline %{
static const char *error_name(int code) { return prtc_error_name(code); }
static const char *error_text(int code) { return prtc_strerror(code); }
static const char *error_class(int code) { return prtc_error_exception(code); }
static const char *version(void) { return prtc_version(); }
%}

/* The enumerations of the public headers (see BUILD): EVENT_CHANNEL_OPEN, REQUEST_OPEN_UDP and so on. */
%rename("%(strip:[PRTC_])s", %$isenumitem) "";
%include "constants.i"

/* -------------------------------------------------------------------------------------------------------------- Endpoint */

%nodefaultctor prtc_handle;
%rename(Endpoint) prtc_handle;
struct prtc_handle {};

%newobject new_driver;
%newobject new_portable_driver;
POLYRTC_NULL_IS_ERRNO(new_driver)
POLYRTC_NULL_IS_ERRNO(new_portable_driver)
%inline %{
static struct prtc_handle *new_driver(uint32_t log_level, uint32_t key_log, uint64_t capture_size, uint64_t recording_size,
                                      uint32_t udp_port) {
  return prtc_handle_new_driver(log_level, key_log, capture_size, recording_size, udp_port);
}
static struct prtc_handle *new_portable_driver(uint32_t log_level, uint32_t key_log, uint64_t capture_size,
                                               uint64_t recording_size, uint32_t udp_port) {
  return prtc_handle_new_portable_driver(log_level, key_log, capture_size, recording_size, udp_port);
}
%}

%newobject new_replay;
POLYRTC_NULL_IS(new_replay, "this is not a recording")
%inline %{
static struct prtc_handle *new_replay(const uint8_t *data, size_t size, uint32_t log_level, uint32_t key_log,
                                      uint64_t capture_size) {
  return prtc_handle_new_replay(data, size, log_level, key_log, capture_size);
}
%}

POLYRTC_NULL_IS(prtc_handle::prtc_handle, "the seed must be of 32 bytes")
%extend prtc_handle {
  prtc_handle(const uint8_t *data, size_t size, uint64_t now, int64_t wall_clock, uint32_t log_level, uint32_t key_log,
              uint64_t capture_size, uint64_t recording_size, uint32_t udp_port) {
    return prtc_handle_new(data, size, now, wall_clock, log_level, key_log, capture_size, recording_size, udp_port);
  }
  ~prtc_handle() { prtc_handle_free($self); }
}

/* What may take long, so that other threads of the language run meanwhile where it has a lock for all of them. */
POLYRTC_ENTER_LONG
%extend prtc_handle {
  int receive_many(uint64_t now, const prtc_datagram *datagrams, size_t datagram_count);
  int receive(uint64_t now, uint64_t socket, const prtc_address *local, const prtc_address *remote, const uint8_t *data,
              size_t size, uint32_t segment_size, uint32_t ecn);
  int timeout(uint64_t now);
  int process();
  int flush();
  uint64_t create_peer(uint64_t now, uint32_t ice_transport_policy, uint32_t use_loopback, uint32_t max_message_size,
                       uint32_t send_queue_size, uint32_t mtu);
}

/* All the rest is short. */
POLYRTC_ENTER
%extend prtc_handle {
  void close();
  int code();
  int descriptor();
  uint64_t now();
  int watches();
  int watched(uint32_t index);
  uint32_t watched_for(uint32_t index);
  uint64_t watched_id(uint32_t index);
  int64_t wake_up();

  const prtc_datagram *transmit(uint64_t now);
  int64_t deadline();
  int fetch();
  const prtc_event *event(uint32_t index);

  const prtc_request *request();
  int add_interface(const prtc_address *address, uint32_t index, uint32_t network_type, uint32_t temporary, const char *name);
  int add_address(const prtc_address *address);
  int add_data(const uint8_t *data, size_t size);
  int reply(uint64_t now, uint64_t id, int code, int system_error, const prtc_address *address);
  uint64_t accepted(uint64_t now, uint64_t listener, const prtc_address *local, const prtc_address *remote);
  int writable(uint64_t now, uint64_t connection, uint32_t writable);
  int socket_closed(uint64_t now, uint64_t socket, int system_error);
  int unreachable(uint64_t now, uint64_t socket, const prtc_address *remote, int system_error);
  int interfaces_changed(uint64_t now);

  void forget_arguments();
  int add_certificate(const char *pem);
  int add_option(const char *name, const char *value);
  int add_ice_server(const char *url, const char *username, const char *credential);
  int set_configuration(uint64_t peer, uint64_t now, uint32_t ice_transport_policy);
  int free_peer(uint64_t peer);
  const char *peer_message(uint64_t peer);
  const char *create_offer(uint64_t peer, uint64_t now, uint32_t ice_restart);
  const char *create_answer(uint64_t peer, uint64_t now);
  int set_local_description(uint64_t peer, uint64_t now, int type, const char *text, size_t text_size);
  int set_remote_description(uint64_t peer, uint64_t now, int type, const char *text, size_t text_size);
  int add_ice_candidate(uint64_t peer, uint64_t now, const char *candidate, const char *mid, int index, const char *ufrag);
  int restart_ice(uint64_t peer, uint64_t now);
  int gather(uint64_t peer, uint64_t now);
  const char *parameters(uint64_t peer);
  int start_ice(uint64_t peer, uint64_t now, const char *text, size_t text_size, uint32_t controlling);
  int add_candidates(uint64_t peer, uint64_t now, const char *text, size_t text_size);
  int set_certificate(uint64_t peer, uint64_t now, const char *pem);
  int start_dtls(uint64_t peer, uint64_t now, const char *text, size_t text_size);
  int start_sctp(uint64_t peer, uint64_t now, const char *text, size_t text_size);
  int send_raw(uint64_t peer, uint64_t now, const uint8_t *data, size_t size);
  const char *description(uint64_t peer, int which);
  int description_type();
  const prtc_peer_states *states(uint64_t peer);
  int close_peer(uint64_t peer, uint64_t now);

  uint64_t create_data_channel(uint64_t peer, uint64_t now, const char *text, size_t text_size, const char *protocol,
                               uint32_t ordered, int64_t max_retransmits, int64_t max_packet_life_time, uint32_t negotiated,
                               int64_t stream_id, uint32_t priority);
  int send_text(uint64_t peer, uint64_t now, uint64_t channel, const char *text, size_t text_size);
  int send_bytes(uint64_t peer, uint64_t now, uint64_t channel, const uint8_t *data, size_t size);
  int close_channel(uint64_t peer, uint64_t now, uint64_t channel);
  int send_text_part(uint64_t peer, uint64_t now, uint64_t channel, const char *text, size_t text_size, uint32_t flags);
  int send_bytes_part(uint64_t peer, uint64_t now, uint64_t channel, const uint8_t *data, size_t size, uint32_t flags);
  int set_streaming(uint64_t peer, uint64_t channel, uint32_t streaming);
  int pause_messages(uint64_t peer, uint32_t paused);
  int set_threshold(uint64_t peer, uint64_t channel, uint64_t threshold);
  const prtc_channel_info *channel_info(uint64_t peer, uint64_t channel);

  const char *peer_stats(uint64_t peer, uint64_t now);
  const char *fingerprint(uint64_t peer);
  const prtc_handle_bytes *remote_certificate(uint64_t peer);
  const prtc_address *selected_local(uint64_t peer);
  const prtc_address *selected_remote();
  const char *log();
  int set_log_level(const char *layer, uint32_t level);
  const prtc_handle_bytes *output(int which);

  int replay_next();
  int replay_events();
  uint64_t replay_number();
  uint64_t replay_time();
  const char *replay_call();
  int replay_code();
  uint64_t replay_size();
  const char *replay_message();
  const prtc_endpoint_stats *stats();
}
%exception;

/* ----------------------------------------------------------------------------------------------------------- Certificate */

%nodefaultctor prtc_handle_certificate;
%rename(Certificate) prtc_handle_certificate;
struct prtc_handle_certificate {};

POLYRTC_NULL_IS(prtc_handle_certificate::prtc_handle_certificate, "the seed must be of 32 bytes")
POLYRTC_LONG(prtc_handle_certificate::generate)
%extend prtc_handle_certificate {
  prtc_handle_certificate(const uint8_t *data, size_t size) { return prtc_handle_certificate_new(data, size); }
  ~prtc_handle_certificate() { prtc_handle_certificate_free($self); }
  int generate(uint32_t key_type, int64_t wall_clock, int64_t expires);
  int parse(const char *text, size_t text_size);
  const char *pem();
  int64_t expires();
  const char *fingerprint(const char *algorithm);
}
