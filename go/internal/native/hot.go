// SPDX-License-Identifier: BSD-3-Clause

package native

/*
#include "polyrtc.h"

static struct prtc_handle *handle_of(uintptr_t handle) { return (struct prtc_handle *)handle; }

static int hot_round(uintptr_t handle, uint32_t ready, void *events, size_t capacity) {
  return prtc_handle_round(handle_of(handle), ready, events, capacity);
}

// Whole messages, and parts of them where there are flags or `part` says so.
static int hot_send(uintptr_t of, uint64_t peer, uint64_t channel, uint32_t text, const uint8_t *data, size_t size, uint32_t part,
                    uint32_t flags) {
  struct prtc_handle *handle = handle_of(of);
  uint64_t now = prtc_handle_now(handle);
  if (data == NULL) data = (const uint8_t *)"";
  if (text && part) return prtc_handle_send_text_part(handle, peer, now, channel, (const char *)data, size, flags);
  if (text) return prtc_handle_send_text(handle, peer, now, channel, (const char *)data, size);
  if (part) return prtc_handle_send_bytes_part(handle, peer, now, channel, data, size, flags);
  return prtc_handle_send_bytes(handle, peer, now, channel, data, size);
}

static int hot_raw(uintptr_t of, uint64_t peer, const uint8_t *data, size_t size) {
  return prtc_handle_send_raw(handle_of(of), peer, prtc_handle_now(handle_of(of)), data, size);
}

static uint64_t hot_buffered(uintptr_t handle, uint64_t peer, uint64_t channel) {
  const prtc_channel_info *info = prtc_handle_channel_info(handle_of(handle), peer, channel);
  return info == NULL ? UINT64_MAX : info->buffered_amount;
}
*/
import "C"

import "unsafe"

// RawEvent has the layout of C's prtc_event. What it points to is C's, and valid until the next call of Round, Process or the like.
type RawEvent struct {
	Type             uint32
	Code             int32
	Peer, Object     uint64
	State, Kind      uint32
	Flags, Index     uint32
	data, size       uintptr
	text, mid, ufrag uintptr
}

// That both languages see the same struct is decided when this is compiled.
var (
	_ [unsafe.Sizeof(RawEvent{}) - C.sizeof_prtc_event]struct{}
	_ [C.sizeof_prtc_event - unsafe.Sizeof(RawEvent{})]struct{}
)

// pointer is the address that a member of C's struct holds. (Such members are numbers here, so that Go's collector need not look.)
func pointer(member *uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(member)) }

// Size of the data.
func (e *RawEvent) Size() int { return int(e.size) }

// Data is a copy of the bytes.
func (e *RawEvent) Data() []byte {
	if e.size == 0 {
		return []byte{}
	}
	return append([]byte(nil), unsafe.Slice((*byte)(pointer(&e.data)), int(e.size))...)
}

// HasText tells a text that is empty from none.
func (e *RawEvent) HasText() bool { return e.text != 0 }

// Text of the event; "" for none. So with the next two.
func (e *RawEvent) Text() string { return text(&e.text) }

// Mid of a candidate.
func (e *RawEvent) Mid() string { return text(&e.mid) }

// Ufrag of a candidate.
func (e *RawEvent) Ufrag() string { return text(&e.ufrag) }

func text(member *uintptr) string {
	if *member == 0 {
		return ""
	}
	return C.GoString((*C.char)(pointer(member)))
}

// Round is prtc_handle_round.
func Round(endpoint Endpoint, ready bool, events []RawEvent) int {
	return int(C.hot_round(C.uintptr_t(endpoint.Swigcptr()), flag(ready), unsafe.Pointer(&events[0]), C.size_t(len(events))))
}

// Send queues a whole message. The bytes are borrowed for the call.
func Send(endpoint Endpoint, peer, channel uint64, data []byte) int {
	return send(endpoint, peer, channel, 0, data, 0, 0)
}

// SendText queues a whole message of text.
func SendText(endpoint Endpoint, peer, channel uint64, text string) int {
	return send(endpoint, peer, channel, 1, bytesOf(text), 0, 0)
}

// SendPart queues a part of a message.
func SendPart(endpoint Endpoint, peer, channel uint64, text bool, data []byte, flags uint32) int {
	return send(endpoint, peer, channel, flag(text), data, 1, C.uint32_t(flags))
}

func send(endpoint Endpoint, peer, channel uint64, text C.uint32_t, data []byte, part, flags C.uint32_t) int {
	handle := C.uintptr_t(endpoint.Swigcptr())
	if len(data) == 0 {
		return int(C.hot_send(handle, C.uint64_t(peer), C.uint64_t(channel), text, nil, 0, part, flags))
	}
	return int(C.hot_send(handle, C.uint64_t(peer), C.uint64_t(channel), text, (*C.uint8_t)(unsafe.Pointer(&data[0])),
		C.size_t(len(data)), part, flags))
}

// SendRaw is prtc_handle_send_raw.
func SendRaw(endpoint Endpoint, peer uint64, data []byte) int {
	if len(data) == 0 {
		return int(C.hot_raw(C.uintptr_t(endpoint.Swigcptr()), C.uint64_t(peer), nil, 0))
	}
	return int(C.hot_raw(C.uintptr_t(endpoint.Swigcptr()), C.uint64_t(peer), (*C.uint8_t)(unsafe.Pointer(&data[0])),
		C.size_t(len(data))))
}

// Buffered is the channel's bufferedAmount; false when the channel is not there any more.
func Buffered(endpoint Endpoint, peer, channel uint64) (uint64, bool) {
	amount := uint64(C.hot_buffered(C.uintptr_t(endpoint.Swigcptr()), C.uint64_t(peer), C.uint64_t(channel)))
	return amount, amount != 1<<64-1
}

func flag(set bool) C.uint32_t {
	if set {
		return 1
	}
	return 0
}

// bytesOf lends the bytes of a text, which are not written to.
func bytesOf(s string) []byte {
	if s == "" {
		return nil
	}
	header := (*struct {
		data unsafe.Pointer
		size int
	})(unsafe.Pointer(&s))
	return unsafe.Slice((*byte)(header.data), header.size)
}
