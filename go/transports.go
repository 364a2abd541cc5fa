// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"net"
	"strconv"

	"polyrtc.dev/polyrtc/internal/native"
)

// ICEParameters are what one side's checks are authenticated with.
type ICEParameters struct {
	UsernameFragment string `json:"usernameFragment"`
	Password         string `json:"password"`
	ICELite          bool   `json:"iceLite"`
}

// DTLSParameters are what one side's certificate is recognised by, and its part in the handshake.
type DTLSParameters struct {
	Role         DTLSRole          `json:"role"`
	Fingerprints []DTLSFingerprint `json:"fingerprints"`
}

// SCTPCapabilities say how large a message may be, in bytes; 0: no limit.
type SCTPCapabilities struct {
	MaxMessageSize uint32 `json:"maxMessageSize"`
}

// ICETransport is the lowest of a connection's transports: to look at, or, over an ICEGatherer, to be started.
type ICETransport struct {
	owner    *carrier
	gatherer *ICEGatherer // nil: a connection's
	section  func(remote bool) []string
	role     func() ICERole

	// Guarded by the engine's lock
	state   ICETransportState
	onState func(ICETransportState)
	onPair  func(*ICECandidatePair)
	onData  func([]byte)
}

func newICETransport(owner *carrier, section func(bool) []string, role func() ICERole) *ICETransport {
	return &ICETransport{owner: owner, section: section, role: role, state: ICETransportStateNew}
}

// DTLSTransport is over an ICETransport.
type DTLSTransport struct {
	owner *carrier
	ice   *ICETransport

	state       DTLSTransportState
	certificate []byte
	onState     func(DTLSTransportState)
	onData      func([]byte)
}

// SCTPTransport carries the data channels, over a DTLSTransport.
type SCTPTransport struct {
	owner *carrier
	dtls  *DTLSTransport

	state         SCTPTransportState
	onState       func(SCTPTransportState)
	onClose       func(error)
	onDataChannel func(*DataChannel)
}

// transportEvent is for what is told of the transports. The lock is held.
func (c *carrier) transportEvent(event *native.RawEvent) {
	switch native.Prtc_event_type(event.Type) {
	case native.EVENT_ICE_TRANSPORT_STATE_CHANGE:
		c.ice.setState(iceTransportStateOf[event.State])
	case native.EVENT_ICE_SELECTED_PAIR_CHANGE:
		if f := c.ice.onPair; f != nil {
			pair := c.ice.pair()
			c.call(func() { f(pair) })
		}
	case native.EVENT_DTLS_TRANSPORT_STATE_CHANGE:
		state := dtlsStateOf[event.State]
		if state == DTLSTransportStateConnected {
			if der := c.engine.endpoint.RemoteCertificate(c.peer); der.Swigcptr() != 0 {
				c.dtls.certificate = make([]byte, der.GetSize())
				der.CopyData(c.dtls.certificate)
			}
		}
		c.dtls.setState(state)
	case native.EVENT_SCTP_TRANSPORT_STATE_CHANGE:
		c.sctp.setState(SCTPTransportState(event.State + 1))
	}
}

// The engine's numbers, in which the states have another order
var iceTransportStateOf = map[uint32]ICETransportState{
	0: ICETransportStateNew, 1: ICETransportStateChecking, 2: ICETransportStateConnected, 3: ICETransportStateCompleted,
	4: ICETransportStateDisconnected, 5: ICETransportStateFailed, 6: ICETransportStateClosed,
}

var dtlsStateOf = map[uint32]DTLSTransportState{
	0: DTLSTransportStateNew, 1: DTLSTransportStateConnecting, 2: DTLSTransportStateConnected, 3: DTLSTransportStateClosed,
	4: DTLSTransportStateFailed,
}

func (c *carrier) locked(f func()) {
	c.engine.mu.Lock()
	defer c.engine.unlock()
	f()
}

// ---------------------------------------------------------------------------------------------------------------------- ICE

func (t *ICETransport) setState(state ICETransportState) {
	if state == t.state {
		return
	}
	t.state = state
	if f := t.onState; f != nil {
		t.owner.call(func() { f(state) })
	}
}

// State of the transport.
func (t *ICETransport) State() (state ICETransportState) {
	t.owner.locked(func() { state = t.state })
	return state
}

// Role is unknown before the first negotiation. Two sides that take the same settle it while they check.
func (t *ICETransport) Role() (role ICERole) {
	t.owner.locked(func() { role = t.role() })
	return role
}

// OnConnectionStateChange is called with each new state.
func (t *ICETransport) OnConnectionStateChange(f func(ICETransportState)) {
	t.owner.locked(func() { t.onState = f })
}

// OnSelectedCandidatePairChange is called with each new pair that data goes over.
func (t *ICETransport) OnSelectedCandidatePairChange(f func(*ICECandidatePair)) {
	t.owner.locked(func() { t.onPair = f })
}

// GetSelectedCandidatePair is the pair that data goes over, nil before there is one.
func (t *ICETransport) GetSelectedCandidatePair() (pair *ICECandidatePair, err error) {
	t.owner.locked(func() { pair = t.pair() })
	return pair, nil
}

func (t *ICETransport) pair() *ICECandidatePair {
	if t.owner.closed {
		return nil
	}
	endpoint := t.owner.engine.endpoint
	local := endpoint.SelectedLocal(t.owner.peer)
	if local == "" {
		return nil
	}
	remote := endpoint.SelectedRemote()
	return NewICECandidatePair(findCandidate(t.section(false), local), findCandidate(t.section(true), remote))
}

// findCandidate is the one of an address; one that was not signalled is of type prflx.
func findCandidate(lines []string, address string) *ICECandidate {
	host, port, _ := net.SplitHostPort(address)
	number, _ := strconv.ParseUint(port, 10, 16)
	for _, candidate := range candidatesOf(lines) {
		if candidate.Address == host && candidate.Port == uint16(number) {
			found := candidate
			return &found
		}
	}
	return &ICECandidate{Component: 1, Address: host, Port: uint16(number), Protocol: ICEProtocolUDP, Typ: ICECandidateTypePrflx}
}

// GetLocalParameters are this side's.
func (t *ICETransport) GetLocalParameters() (ICEParameters, error) { return t.parameters(false) }

// GetRemoteParameters are the other side's.
func (t *ICETransport) GetRemoteParameters() (ICEParameters, error) { return t.parameters(true) }

func (t *ICETransport) parameters(remote bool) (ICEParameters, error) {
	var lines []string
	t.owner.locked(func() { lines = t.section(remote) })
	found := ICEParameters{UsernameFragment: attributeOf(lines, "ice-ufrag"), Password: attributeOf(lines, "ice-pwd")}
	if found.UsernameFragment == "" {
		return found, ErrInvalidState
	}
	return found, nil
}

// --------------------------------------------------------------------------------------------------------------------- DTLS

func (t *DTLSTransport) setState(state DTLSTransportState) {
	if state == t.state {
		return
	}
	t.state = state
	if f := t.onState; f != nil {
		t.owner.call(func() { f(state) })
	}
}

// State of the transport.
func (t *DTLSTransport) State() (state DTLSTransportState) {
	t.owner.locked(func() { state = t.state })
	return state
}

// OnStateChange is called with each new state.
func (t *DTLSTransport) OnStateChange(f func(DTLSTransportState)) {
	t.owner.locked(func() { t.onState = f })
}

// ICETransport below it.
func (t *DTLSTransport) ICETransport() *ICETransport { return t.ice }

// GetRemoteCertificate is the other side's, X.509 in DER; nil before it is connected.
func (t *DTLSTransport) GetRemoteCertificate() (der []byte) {
	t.owner.locked(func() { der = append(der, t.certificate...) })
	return der
}

// --------------------------------------------------------------------------------------------------------------------- SCTP

func (t *SCTPTransport) setState(state SCTPTransportState) {
	if state == t.state {
		return
	}
	t.state = state
	if f := t.onState; f != nil {
		t.owner.call(func() { f(state) })
	}
	if f := t.onClose; f != nil && state == SCTPTransportStateClosed {
		err := t.owner.failure
		t.owner.call(func() { f(err) })
	}
}

// State of the transport.
func (t *SCTPTransport) State() (state SCTPTransportState) {
	t.owner.locked(func() { state = t.state })
	return state
}

// OnStateChange is called with each new state. (Not in pion.)
func (t *SCTPTransport) OnStateChange(f func(SCTPTransportState)) {
	t.owner.locked(func() { t.onState = f })
}

// OnClose is called when the association ends; with an error when it has failed.
func (t *SCTPTransport) OnClose(f func(err error)) { t.owner.locked(func() { t.onClose = f }) }

// Transport below it.
func (t *SCTPTransport) Transport() *DTLSTransport { return t.dtls }

// GetCapabilities of this side.
func (t *SCTPTransport) GetCapabilities() SCTPCapabilities {
	return SCTPCapabilities{MaxMessageSize: 256 << 10}
}

// MaxChannels is how many there can be at a time; 0 before the association is up.
func (t *SCTPTransport) MaxChannels() (channels uint16) {
	t.owner.locked(func() {
		if !t.owner.closed {
			channels = uint16(t.owner.engine.endpoint.States(t.owner.peer).GetMaxChannels())
		}
	})
	return channels
}

// MaxMessageSize is what the other side takes, in bytes; NoLimit for no limit. (Not in pion.)
func (t *SCTPTransport) MaxMessageSize() (size uint32) {
	t.owner.locked(func() {
		if !t.owner.closed {
			size = uint32(t.owner.engine.endpoint.States(t.owner.peer).GetMaxMessageSize())
		}
	})
	return size
}
