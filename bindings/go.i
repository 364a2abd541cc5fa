/* Go by cgo: how bytes, text, addresses and structs cross.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Structs stay structs, read through methods (48 ns each) before the next call on the endpoint; the bytes of one are copied into a
 * slice of the caller's. Addresses are text. Text that may be missing is "" in Go: HasText tells.
 */

%{
#include <stdbool.h>
%}

%rename("%(camelcase)s", %$isfunction) "";
%rename("%(camelcase)s", %$isvariable) "";

/* Go sees the nil. */
%define POLYRTC_NULL_IS(name, sentence)
%enddef
%define POLYRTC_NULL_IS_ERRNO(name)
%enddef

%define POLYRTC_ENTER
%exception {
  if (!prtc_handle_enter(arg1)) _swig_gopanic("polyrtc: the endpoint is in use by another goroutine");
  $action
  prtc_handle_leave(arg1);
}
%enddef

/* There is no lock for all threads. */
%define POLYRTC_ENTER_LONG
POLYRTC_ENTER
%enddef

%define POLYRTC_LONG(name)
%enddef

%ignore prtc_handle::receive_many; /* a loop over Receive does as well here */

/* ---------------------------------------------------------------------------------------------------------------- inputs */

%typemap(gotype) (const uint8_t *data, size_t size), (uint8_t *out, size_t capacity) "[]byte"
%typemap(in) (const uint8_t *data, size_t size), (uint8_t *out, size_t capacity) %{
  $1 = ($1_ltype)$input.array;
  $2 = ($2_ltype)$input.len;
%}

%typemap(gotype) (const char *text, size_t text_size) "string"
%typemap(in) (const char *text, size_t text_size) %{
  $1 = $input.n > 0 ? ($1_ltype)$input.p : ($1_ltype)"";
  $2 = ($2_ltype)$input.n;
%}
%typemap(freearg) (const char *text, size_t text_size) ""

%typemap(gotype) const prtc_address * "string"
%typemap(in) const prtc_address * (prtc_address address) %{
  prtc_handle_read_address($input.p, (size_t)$input.n, &address);
  $1 = &address;
%}

/* --------------------------------------------------------------------------------------------------------------- outputs */

/* Text comes out as a string whose bytes are C's. SWIG's own copy of it is one that `go vet` warns of. */
%go_import("strings")
%insert(go_wrapper) %{
func takeString(s string) string {
	taken := strings.Clone(s)
	Swig_free(*(*uintptr)(unsafe.Pointer(&s)))
	return taken
}
%}
%typemap(goout) const char *, const prtc_address * %{ $result = takeString($1) %}

%typemap(out, fragment="AllocateString") const prtc_address * %{
  {
    char text[PRTC_ADDRESS_TEXT_SIZE];
    const char *address = $1 == NULL ? "" : prtc_handle_address_text($1, text);
    $result = Swig_AllocateString(address, strlen(address));
  }
%}

%define POLYRTC_STRUCT(name, struct_name)
%nodefaultctor struct_name;
%nodefaultdtor struct_name;
%rename(name) struct_name;
%enddef
POLYRTC_STRUCT(Datagram, prtc_datagram)
POLYRTC_STRUCT(Event, prtc_event)
POLYRTC_STRUCT(Request, prtc_request)
POLYRTC_STRUCT(PeerStates, prtc_peer_states)
POLYRTC_STRUCT(ChannelInfo, prtc_channel_info)
POLYRTC_STRUCT(Stats, prtc_endpoint_stats)
POLYRTC_STRUCT(Bytes, prtc_handle_bytes)

%immutable;

typedef struct prtc_datagram {
  uint64_t socket;
  uint32_t protocol, interface_index;
  size_t size, segment_size;
  uint32_t ecn, fragmentation;
} prtc_datagram;
%extend prtc_datagram {
  const prtc_address *local_address() { return &$self->local; }
  const prtc_address *remote_address() { return &$self->remote; }
  void copy_data(uint8_t *out, size_t capacity) { memcpy(out, $self->data, capacity < $self->size ? capacity : $self->size); }
}

typedef struct prtc_event {
  uint32_t type;
  int32_t code;
  uint64_t peer, object;
  uint32_t state, kind, flags, index;
  size_t size;
  const char *text, *mid, *ufrag;
} prtc_event;
%extend prtc_event {
  bool has_text() { return $self->text != NULL; }
  void copy_data(uint8_t *out, size_t capacity) { memcpy(out, $self->data, capacity < $self->size ? capacity : $self->size); }
}

typedef struct prtc_request {
  uint32_t type;
  uint64_t id, socket;
  uint32_t interface_index;
  const char *name;
} prtc_request;
%extend prtc_request {
  const prtc_address *bind_address() { return &$self->address; }
  const prtc_address *remote_address() { return &$self->remote; }
}

typedef struct prtc_peer_states {
  uint32_t signaling, ice_gathering, ice_connection, connection, sctp_transport, has_sctp, can_trickle, max_message_size;
  uint32_t max_channels, ice_role;
} prtc_peer_states;

typedef struct prtc_channel_info {
  const char *label, *protocol;
  uint32_t unordered, has_max_retransmits, max_retransmits, has_max_packet_life_time, max_packet_life_time, negotiated;
  uint32_t stream_id, priority, state;
  uint64_t buffered_amount, buffered_amount_low_threshold, messages_sent, bytes_sent, messages_received, bytes_received;
} prtc_channel_info;

typedef struct prtc_handle_bytes {
  size_t size;
} prtc_handle_bytes;
%extend prtc_handle_bytes {
  void copy_data(uint8_t *out, size_t capacity) { memcpy(out, $self->data, capacity < $self->size ? capacity : $self->size); }
}

typedef struct prtc_endpoint_stats {
  uint64_t datagrams_received, datagrams_sent, bytes_received, bytes_sent, datagrams_dropped, peers, datagrams_unknown;
} prtc_endpoint_stats;

%mutable;
