// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"net"
	"sync"

	"polyrtc.dev/polyrtc/ice"
	"polyrtc.dev/polyrtc/internal/native"
)

// API makes connections with the settings of a SettingEngine. Its connections share an engine, and with it a certificate and a lock:
// what two APIs make has nothing in common.
type API struct {
	settings SettingEngine
	mu       sync.Mutex
	engines  []*engine // nil, or one that is over: to be made
	next     int
}

var defaultAPI = NewAPI() // of the package's NewPeerConnection

// NewAPI makes an API.
func NewAPI(options ...func(*API)) *API {
	api := &API{}
	for _, option := range options {
		option(api)
	}
	count := api.settings.engines
	if count < 1 || api.settings.udpPort != 0 { // one port is one engine's
		count = 1
	}
	api.engines = make([]*engine, count)
	return api
}

// WithSettingEngine gives an API its settings.
func WithSettingEngine(s SettingEngine) func(a *API) {
	return func(a *API) { a.settings = s }
}

// NewICEUDPMux is for SettingEngine.SetICEUDPMux: the engine opens the socket's port for itself. (The first argument is pion's logger.)
func NewICEUDPMux(_ interface{}, udpConn net.PacketConn) ice.UDPMux { return ice.UDPMuxOf(udpConn) }

// NewICETCPMux is for SettingEngine.SetICETCPMux: the engine opens the listener's port for itself. (The first argument is pion's logger,
// the last one a size of buffers: both are of no meaning.)
func NewICETCPMux(_ interface{}, listener net.Listener, _ int) ice.TCPMux {
	return ice.TCPMuxOf(listener)
}

// bind makes a peer for an owner; attach is told of it with the engine's lock held.
func (api *API) bind(o owner, s *settings, attach func(e *engine, peer uint64)) error {
	api.mu.Lock()
	defer api.mu.Unlock()
	place := &api.engines[api.next%len(api.engines)]
	e := *place
	if e != nil {
		e.mu.Lock()
	}
	if e == nil || e.over {
		if e != nil {
			e.unlock()
		}
		made, err := newEngine(api.settings.driver())
		if err != nil {
			return err
		}
		e = made
		e.mu.Lock()
	}
	id, err := e.add(o, s.peer)
	if err == nil {
		*place = e
		api.next++
		attach(e, id)
		e.flush() // where candidates are gathered from the start
	} else if len(e.peers) == 0 && len(e.gone) == 0 {
		e.close()
	}
	e.unlock()
	if err != nil {
		e.wait()
	}
	return err
}

// Version of the engine, "0.1.0".
func Version() string { return native.Version() }
