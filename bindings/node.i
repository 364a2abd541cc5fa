/* JavaScript by Node-API: how bytes, text, addresses and structs cross.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Structs become objects, bytes a Buffer of their own, addresses text. Numbers of 64 bits become JavaScript numbers: ids count up
 * from 1 and times are microseconds, so they stay below 2^53.
 */

/* snake_case of C is camelCase here; what is named Endpoint keeps its name */
%rename("%(lowercamelcase)s", %$isfunction) "";

%define POLYRTC_NULL_IS(name, sentence)
%exception name {
  $action
  if (result == NULL) SWIG_exception_fail(SWIG_ValueError, sentence);
}
%enddef

%define POLYRTC_NULL_IS_ERRNO(name)
%exception name {
  $action
  if (result == NULL) SWIG_exception_fail(SWIG_SystemError, strerror(errno));
}
%enddef

%define POLYRTC_ENTER
%exception {
  if (!prtc_handle_enter(arg1)) SWIG_exception_fail(SWIG_RuntimeError, "the endpoint is in use by another thread");
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

%ignore prtc_handle::receive_many; /* a loop over receive does as well here */

%{
#include <errno.h>

#include "bindings/node_loop.h"

static Napi::Value polyrtc_from_text(Napi::Env env, const char *text) {
  return text == NULL ? env.Null() : Napi::Value(Napi::String::New(env, text));
}

static Napi::Value polyrtc_from_bytes(Napi::Env env, const uint8_t *data, size_t size) {
  return data == NULL ? env.Null() : Napi::Value(Napi::Buffer<uint8_t>::Copy(env, data, size));
}

static Napi::Value polyrtc_from_address(Napi::Env env, const prtc_address *address) {
  char text[PRTC_ADDRESS_TEXT_SIZE];
  return Napi::String::New(env, prtc_handle_address_text(address, text));
}

static Napi::Number polyrtc_number(Napi::Env env, uint64_t value) { return Napi::Number::New(env, (double)value); }
%}

/* ---------------------------------------------------------------------------------------------------------------- inputs */

%typemap(in) (const uint8_t *data, size_t size) {
  if (!$input.IsTypedArray() || $input.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    SWIG_exception_fail(SWIG_TypeError, "in method '$symname': expected a Uint8Array or Buffer");
  }
  Napi::Uint8Array array = $input.As<Napi::Uint8Array>();
  $1 = array.Data();
  $2 = array.ByteLength();
}

%typemap(in) (const char *text, size_t text_size) (std::string text) {
  if (!$input.IsString()) SWIG_exception_fail(SWIG_TypeError, "in method '$symname': expected a string");
  text = $input.As<Napi::String>().Utf8Value();
  $1 = ($1_ltype)text.data();
  $2 = text.size();
}

/* Text that ends at its NUL must not have one before. */
%typemap(in) const char * (std::string terminated) {
  if (!$input.IsString()) SWIG_exception_fail(SWIG_TypeError, "in method '$symname': expected a string");
  terminated = $input.As<Napi::String>().Utf8Value();
  if (terminated.find('\0') != std::string::npos) SWIG_exception_fail(SWIG_ValueError, "in method '$symname': a NUL in the text");
  $1 = ($1_ltype)terminated.c_str();
}
%typemap(freearg) const char * ""

%typemap(in) const prtc_address * (prtc_address address) {
  if (!$input.IsString()) SWIG_exception_fail(SWIG_TypeError, "in method '$symname': expected an address as a string");
  std::string text = $input.As<Napi::String>().Utf8Value();
  prtc_handle_read_address(text.data(), text.size(), &address);
  $1 = &address;
}

/* --------------------------------------------------------------------------------------------------------------- outputs */

%typemap(out) const char * {
  $result = polyrtc_from_text(env, $1);
}

%typemap(out) const prtc_address * {
  $result = $1 == NULL ? env.Null() : polyrtc_from_address(env, $1);
}

%typemap(out) const prtc_datagram * {
  if ($1 == NULL) {
    $result = env.Null();
  } else {
    Napi::Object object = Napi::Object::New(env);
    object.Set("socket", polyrtc_number(env, $1->socket));
    object.Set("protocol", polyrtc_number(env, $1->protocol));
    object.Set("interfaceIndex", polyrtc_number(env, $1->interface_index));
    object.Set("local", polyrtc_from_address(env, &$1->local));
    object.Set("remote", polyrtc_from_address(env, &$1->remote));
    object.Set("data", polyrtc_from_bytes(env, $1->data, $1->size));
    object.Set("segmentSize", polyrtc_number(env, $1->segment_size));
    object.Set("ecn", polyrtc_number(env, $1->ecn));
    object.Set("fragmentation", polyrtc_number(env, $1->fragmentation));
    $result = object;
  }
}

%typemap(out) const prtc_event * {
  if ($1 == NULL) {
    $result = env.Null();
  } else {
    Napi::Object object = Napi::Object::New(env);
    object.Set("type", polyrtc_number(env, $1->type));
    object.Set("code", Napi::Number::New(env, $1->code));
    object.Set("peer", polyrtc_number(env, $1->peer));
    object.Set("object", polyrtc_number(env, $1->object));
    object.Set("state", polyrtc_number(env, $1->state));
    object.Set("kind", polyrtc_number(env, $1->kind));
    object.Set("flags", polyrtc_number(env, $1->flags));
    object.Set("index", polyrtc_number(env, $1->index));
    object.Set("data", polyrtc_from_bytes(env, $1->data, $1->size));
    object.Set("text", polyrtc_from_text(env, $1->text));
    object.Set("mid", polyrtc_from_text(env, $1->mid));
    object.Set("ufrag", polyrtc_from_text(env, $1->ufrag));
    $result = object;
  }
}

%typemap(out) const prtc_request * {
  if ($1 == NULL) {
    $result = env.Null();
  } else {
    Napi::Object object = Napi::Object::New(env);
    object.Set("type", polyrtc_number(env, $1->type));
    object.Set("id", polyrtc_number(env, $1->id));
    object.Set("socket", polyrtc_number(env, $1->socket));
    object.Set("address", polyrtc_from_address(env, &$1->address));
    object.Set("remote", polyrtc_from_address(env, &$1->remote));
    object.Set("interfaceIndex", polyrtc_number(env, $1->interface_index));
    object.Set("name", polyrtc_from_text(env, $1->name));
    $result = object;
  }
}

%typemap(out) const prtc_peer_states * {
  if ($1 == NULL) {
    $result = env.Null();
  } else {
    Napi::Object object = Napi::Object::New(env);
    object.Set("signaling", polyrtc_number(env, $1->signaling));
    object.Set("iceGathering", polyrtc_number(env, $1->ice_gathering));
    object.Set("iceConnection", polyrtc_number(env, $1->ice_connection));
    object.Set("connection", polyrtc_number(env, $1->connection));
    object.Set("sctpTransport", polyrtc_number(env, $1->sctp_transport));
    object.Set("hasSctp", Napi::Boolean::New(env, $1->has_sctp != 0));
    object.Set("canTrickle", $1->can_trickle == 2 ? env.Null() : Napi::Value(Napi::Boolean::New(env, $1->can_trickle == 1)));
    object.Set("maxMessageSize", polyrtc_number(env, $1->max_message_size));
    object.Set("maxChannels", polyrtc_number(env, $1->max_channels));
    object.Set("iceRole", polyrtc_number(env, $1->ice_role));
    $result = object;
  }
}

%typemap(out) const prtc_channel_info * {
  if ($1 == NULL) {
    $result = env.Null();
  } else {
    Napi::Object object = Napi::Object::New(env);
    object.Set("label", Napi::String::New(env, $1->label, $1->label_size));
    object.Set("protocol", Napi::String::New(env, $1->protocol, $1->protocol_size));
    object.Set("ordered", Napi::Boolean::New(env, $1->unordered == 0));
    object.Set("maxRetransmits", $1->has_max_retransmits ? Napi::Value(polyrtc_number(env, $1->max_retransmits)) : env.Null());
    object.Set("maxPacketLifeTime",
               $1->has_max_packet_life_time ? Napi::Value(polyrtc_number(env, $1->max_packet_life_time)) : env.Null());
    object.Set("negotiated", Napi::Boolean::New(env, $1->negotiated != 0));
    object.Set("streamId", $1->stream_id == PRTC_STREAM_NONE ? env.Null() : Napi::Value(polyrtc_number(env, $1->stream_id)));
    object.Set("priority", polyrtc_number(env, $1->priority));
    object.Set("state", polyrtc_number(env, $1->state));
    object.Set("bufferedAmount", polyrtc_number(env, $1->buffered_amount));
    object.Set("bufferedAmountLowThreshold", polyrtc_number(env, $1->buffered_amount_low_threshold));
    object.Set("messagesSent", polyrtc_number(env, $1->messages_sent));
    object.Set("bytesSent", polyrtc_number(env, $1->bytes_sent));
    object.Set("messagesReceived", polyrtc_number(env, $1->messages_received));
    object.Set("bytesReceived", polyrtc_number(env, $1->bytes_received));
    $result = object;
  }
}

%typemap(out) const prtc_handle_bytes * {
  $result = $1 == NULL ? env.Null() : polyrtc_from_bytes(env, $1->data, $1->size);
}

%typemap(out) const prtc_endpoint_stats * {
  if ($1 == NULL) {
    $result = env.Null();
  } else {
    Napi::Object object = Napi::Object::New(env);
    object.Set("datagramsReceived", polyrtc_number(env, $1->datagrams_received));
    object.Set("datagramsSent", polyrtc_number(env, $1->datagrams_sent));
    object.Set("bytesReceived", polyrtc_number(env, $1->bytes_received));
    object.Set("bytesSent", polyrtc_number(env, $1->bytes_sent));
    object.Set("datagramsDropped", polyrtc_number(env, $1->datagrams_dropped));
    object.Set("peers", polyrtc_number(env, $1->peers));
    object.Set("datagramsUnknown", polyrtc_number(env, $1->datagrams_unknown));
    $result = object;
  }
}

/* ------------------------------------------------------------------------------------------------------------------ loop */

%typemap(in, numinputs=0) napi_env env {
  $1 = env;
}

/* The endpoint, and its object */
%typemap(in) (prtc_handle *handle, napi_value endpoint) {
  void *found = nullptr;
  if (!SWIG_IsOK(SWIG_ConvertPtr($input, &found, $descriptor(prtc_handle *), 0)) || found == nullptr) {
    SWIG_exception_fail(SWIG_TypeError, "in method '$symname': expected an Endpoint");
  }
  $1 = static_cast<prtc_handle *>(found);
  $2 = $input;
}

%typemap(in) (prtc_handle_certificate *certificate, napi_value object) {
  void *found = nullptr;
  if (!SWIG_IsOK(SWIG_ConvertPtr($input, &found, $descriptor(prtc_handle_certificate *), 0)) || found == nullptr) {
    SWIG_exception_fail(SWIG_TypeError, "in method '$symname': expected a Certificate");
  }
  $1 = static_cast<prtc_handle_certificate *>(found);
  $2 = $input;
}

%typemap(in) napi_value {
  $1 = $input;
}

%typemap(out) napi_value {
  if ($1 == nullptr) SWIG_fail; /* an exception is pending */
  $result = Napi::Value(env, $1);
}

%inline %{
static napi_value attach(napi_env env, struct prtc_handle *handle, napi_value endpoint, napi_value on_turn) {
  return prtc_node_attach(env, handle, endpoint, on_turn);
}
static napi_value generate_certificate(napi_env env, struct prtc_handle_certificate *certificate, napi_value object,
                                       uint32_t key_type, int64_t wall_clock, int64_t expires, napi_value done) {
  return prtc_node_generate(env, certificate, object, key_type, wall_clock, expires, done);
}
%}
