// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"errors"
	"testing"
	"time"

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

// TestOptionsOfTheEngine: settings whose effect is not to be seen on this machine alone.
func TestOptionsOfTheEngine(t *testing.T) {
	var e SettingEngine
	e.SetNAT1To1IPs([]string{"203.0.113.1", "203.0.113.2/10.0.0.2"}, ICECandidateTypeHost)
	e.SetICETimeouts(5*time.Second, 25*time.Second, time.Second)
	e.SetTrustAnchors("PEM")
	e.SetInsecureTLS(true)
	e.SetRenomination(false)
	settings, err := (&Configuration{ICECandidatePoolSize: 3}).settings(&e)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, option := range settings.options {
		found[option[0]] = option[1]
	}
	for name, value := range map[string]string{
		"address_mappings":        "*=203.0.113.1 10.0.0.2=203.0.113.2",
		"ice_disconnect_timeout":  "5000",
		"ice_consent_timeout":     "30000",
		"trust_anchors":           "PEM",
		"insecure_tls":            "1",
		"no_renomination":         "1",
		"ice_candidate_pool_size": "3",
	} {
		if found[name] != value {
			t.Errorf("%s is %q, not %q", name, found[name], value)
		}
	}
	e.SetNAT1To1IPs([]string{"203.0.113.1"}, ICECandidateTypeSrflx)
	if e.mappings[0] != "*+203.0.113.1" {
		t.Error(e.mappings)
	}
}
