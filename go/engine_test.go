// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"errors"
	"testing"

	"polyrtc.dev/polyrtc/internal/native"
)

func TestAnEngineThatFailsTakesItsConnectionsAlong(t *testing.T) {
	api := NewAPI()
	states, failures := make(chan PeerConnectionState, 2), make(chan error, 1)
	var ends [2]*PeerConnection
	for i := range ends {
		pc, err := api.NewPeerConnection(Configuration{})
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = pc
	}
	ends[0].OnConnectionStateChange(func(state PeerConnectionState) { states <- state })
	ends[0].OnFailure(func(err error) { failures <- err })
	e := ends[0].engine
	e.mu.Lock()
	e.handle(&native.RawEvent{Type: uint32(native.EVENT_ENDPOINT_FAILED), Code: -200})
	e.freeGone()
	e.unlock()
	e.wait()
	if err := <-failures; !errors.Is(err, ErrNoMemory) {
		t.Errorf("the failure is %v", err)
	}
	if first, second := <-states, <-states; first != PeerConnectionStateFailed || second != PeerConnectionStateClosed {
		t.Errorf("the states are %s, %s", first, second)
	}
	for _, pc := range ends {
		if _, err := pc.CreateOffer(nil); !errors.Is(err, ErrClosed) {
			t.Errorf("an offer of what has failed: %v", err)
		}
		if err := pc.GracefulClose(); err != nil {
			t.Error(err)
		}
	}
	next, err := api.NewPeerConnection(Configuration{})
	if err != nil {
		t.Fatal("the next one gets an engine of its own:", err)
	}
	if next.engine == e {
		t.Error("it has the one that failed")
	}
	next.Close()
}
