// SPDX-License-Identifier: BSD-3-Clause

package native_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"polyrtc.dev/polyrtc/internal/native"
)

// host is a peer in an endpoint of its own.
type host struct {
	t        *testing.T
	ip       string
	endpoint native.Endpoint
	peer     uint64
	channel  uint64            // once it is open
	sockets  map[string]uint64 // by address
	messages []string
}

func newHost(t *testing.T, ip string) *host {
	seed := make([]byte, 32)
	rand.Read(seed)
	endpoint := native.NewEndpoint(seed, 0, 0, 0, 0, 0, 0, 0)
	t.Cleanup(func() { native.DeleteEndpoint(endpoint) })
	peer := endpoint.CreatePeer(0, 0, 0, 0, 0, 0)
	return &host{t: t, ip: ip, endpoint: endpoint, peer: peer, sockets: map[string]uint64{}}
}

func (h *host) check(code int) int {
	h.t.Helper()
	if code < 0 {
		h.t.Fatal(native.ErrorName(code), native.ErrorText(code))
	}
	return code
}

// step is one round of the run loop; true when there was anything to do.
func (h *host) step(now uint64, other *host) (busy bool) {
	for request := h.endpoint.Request(); request.Swigcptr() != 0; request = h.endpoint.Request() {
		busy = true
		h.answer(now, native.Prtc_request_type(request.GetType()), request.GetId(), request.GetSocket())
	}
	for out := h.endpoint.Transmit(now); out.Swigcptr() != 0; out = h.endpoint.Transmit(now) {
		busy = true
		data := make([]byte, out.GetSize())
		out.CopyData(data)
		from := fmt.Sprintf("%s:%d", h.ip, 5000+out.GetSocket())
		to := other.sockets[out.RemoteAddress()]
		other.endpoint.Receive(now, to, "", from, data, uint(out.GetSegmentSize()), out.GetEcn())
	}
	for count := h.endpoint.Fetch(); count > 0; count = h.endpoint.Fetch() {
		busy = true
		for i := 0; i < count; i++ {
			h.handle(now, h.endpoint.Event(uint(i)), other)
		}
	}
	return busy
}

func (h *host) answer(now uint64, kind native.Prtc_request_type, id, socket uint64) {
	address := ""
	switch kind {
	case native.REQUEST_CLOSE:
		return
	case native.REQUEST_INTERFACES:
		h.check(h.endpoint.AddInterface(h.ip+":0", 1, uint(native.NETWORK_ETHERNET), 0, "eth0"))
	case native.REQUEST_OPEN_UDP:
		address = fmt.Sprintf("%s:%d", h.ip, 5000+socket)
		h.sockets[address] = socket
	}
	h.check(h.endpoint.Reply(now, id, 0, 0, address))
}

func (h *host) handle(now uint64, event native.Event, other *host) {
	switch native.Prtc_event_type(event.GetType()) {
	case native.EVENT_ICE_CANDIDATE:
		if event.HasText() {
			index := int(event.GetIndex())
			h.check(other.endpoint.AddIceCandidate(other.peer, now, event.GetText(), event.GetMid(), index, event.GetUfrag()))
		}
	case native.EVENT_DATA_CHANNEL, native.EVENT_CHANNEL_OPEN:
		h.channel = event.GetObject()
	case native.EVENT_CHANNEL_MESSAGE:
		data := make([]byte, event.GetSize())
		event.CopyData(data)
		h.messages = append(h.messages, string(data))
	}
}

func describe(kind native.Prtc_sdp_type, from, to *host) {
	from.check(from.endpoint.SetLocalDescription(from.peer, 0, int(kind), ""))
	sdp := from.endpoint.Description(from.peer, int(native.DESCRIPTION_LOCAL))
	to.check(to.endpoint.SetRemoteDescription(to.peer, 0, int(kind), sdp))
}

// run drives both until done, in a time that is only a number.
func run(a, b *host, done func() bool) {
	for now := uint64(0); !done(); {
		if aBusy, bBusy := a.step(now, b), b.step(now, a); aBusy || bBusy {
			continue
		}
		next := uint64(61e6)
		for _, h := range []*host{a, b} {
			if deadline := h.endpoint.Deadline(); deadline >= 0 && uint64(deadline) < next {
				next = uint64(deadline)
			}
		}
		if next > now {
			now = next
		}
		if now > 60e6 {
			a.t.Fatal("a minute of virtual time has passed")
		}
		a.check(a.endpoint.Timeout(now))
		b.check(b.endpoint.Timeout(now))
	}
}

func TestTwoPeersInMemory(t *testing.T) {
	a, b := newHost(t, "192.0.2.1"), newHost(t, "192.0.2.2")
	if a.endpoint.CreateDataChannel(a.peer, 0, "chat", "", 1, -1, -1, 0, -1, 0) == 0 {
		t.Fatal(native.ErrorName(a.endpoint.Code()))
	}
	describe(native.SDP_OFFER, a, b)
	describe(native.SDP_ANSWER, b, a)
	run(a, b, func() bool { return a.channel != 0 && b.channel != 0 })
	if label := b.endpoint.ChannelInfo(b.peer, b.channel).GetLabel(); label != "chat" {
		t.Errorf("the label is %q", label)
	}
	a.check(a.endpoint.SendText(a.peer, 0, a.channel, "héllo"))
	b.check(b.endpoint.SendBytes(b.peer, 0, b.channel, []byte{0, 1, 255}))
	run(a, b, func() bool { return len(a.messages) > 0 && len(b.messages) > 0 })
	if a.messages[0] != "\x00\x01\xff" || b.messages[0] != "héllo" {
		t.Errorf("received %q and %q", a.messages, b.messages)
	}
}

func TestErrorsAreValues(t *testing.T) {
	h := newHost(t, "192.0.2.1")
	if name := native.ErrorName(h.endpoint.RestartIce(77, 0)); name != "NOT_FOUND" {
		t.Errorf("a peer that does not exist: %s", name)
	}
	h.endpoint.Close()
	if name := native.ErrorName(h.endpoint.Timeout(0)); name != "CLOSED" {
		t.Errorf("an endpoint that was closed: %s", name)
	}
}
