// Package polyrtc is WebRTC as a library, under pion's names: a program for pion/webrtc moves by changing its import, as far as data
// channels go.
//
//	import webrtc "polyrtc.dev/polyrtc"
//
// The engine is one in C for several languages, linked in. See README.md, and docs/go.md for what is other than in pion.
//
// Everything here may be used by any number of goroutines at any time. Handlers of one connection, and those of one channel, are called
// one after the other, in goroutines that there are only while there is something to call; they may call everything but GracefulClose.
//
// SPDX-License-Identifier: BSD-3-Clause
package polyrtc

import (
	"context"
	"strings"

	"polyrtc.dev/polyrtc/internal/native"
)

// PeerConnection is a connection between this program and a browser, or another WebRTC peer. It is to be closed.
type PeerConnection struct {
	carrier
	api *API

	// Guarded by the engine's lock
	configuration  Configuration
	signalingState SignalingState
	gatheringState ICEGatheringState
	iceState       ICEConnectionState
	state          PeerConnectionState
	gathered       []chan struct{}
	early          []ICECandidateInit
	described      map[native.Prtc_description]*SessionDescription // the last, once it is closed
	lastStats      StatsReport
	changed        chan struct{} // closed with each change of the state, for another
	rejected       uint64        // the transport whose section the other side has refused

	onNegotiation    func()
	onCandidate      func(*ICECandidate)
	onCandidateError func(url string, code int, text string)
	onGathering      func(ICEGatheringState)
	onICE            func(ICEConnectionState)
	onState          func(PeerConnectionState)
	onDataChannel    func(*DataChannel)
	signalingHandler func(SignalingState)
}

// earlyCandidates is how many candidates are kept that come before the remote description.
const earlyCandidates = 100

// NewPeerConnection makes a connection without any settings; see NewAPI for those.
func NewPeerConnection(configuration Configuration) (*PeerConnection, error) {
	return defaultAPI.NewPeerConnection(configuration)
}

// NewPeerConnection makes a connection.
func (api *API) NewPeerConnection(configuration Configuration) (*PeerConnection, error) {
	settings, err := configuration.settings(&api.settings)
	if err != nil {
		return nil, err
	}
	pc := &PeerConnection{
		api:            api,
		configuration:  configuration.copy(),
		signalingState: SignalingStateStable,
		gatheringState: ICEGatheringStateNew,
		iceState:       ICEConnectionStateNew,
		state:          PeerConnectionStateNew,
		described:      map[native.Prtc_description]*SessionDescription{},
		changed:        make(chan struct{}),
	}
	pc.init()
	pc.remember, pc.finish = pc.keep, pc.onEnd
	pc.detach, pc.inParts = api.settings.detach, api.settings.inParts()
	pc.ice = newICETransport(&pc.carrier, pc.section, pc.role)
	pc.dtls = &DTLSTransport{owner: &pc.carrier, ice: pc.ice, state: DTLSTransportStateNew}
	pc.sctp = &SCTPTransport{owner: &pc.carrier, dtls: pc.dtls, state: SCTPTransportStateConnecting}
	err = api.bind(pc, settings, func(e *engine, peer uint64) { pc.engine, pc.peer = e, peer })
	if err != nil {
		return nil, err
	}
	return pc, nil
}

func (c Configuration) copy() Configuration {
	c.ICEServers = append([]ICEServer(nil), c.ICEServers...)
	c.Certificates = append([]Certificate(nil), c.Certificates...)
	return c
}

// -------------------------------------------------------------------------------------------------------------- negotiation

// CreateOffer makes an offer, to begin a connection or to change it.
func (pc *PeerConnection) CreateOffer(options *OfferOptions) (SessionDescription, error) {
	restart := uint(0)
	if options != nil && options.ICERestart {
		restart = 1
	}
	return pc.create(SDPTypeOffer, func(endpoint native.Endpoint, now uint64) string {
		return endpoint.CreateOffer(pc.peer, now, restart)
	})
}

// CreateAnswer makes an answer to the offer that was set as the remote description.
func (pc *PeerConnection) CreateAnswer(_ *AnswerOptions) (SessionDescription, error) {
	return pc.create(SDPTypeAnswer, func(endpoint native.Endpoint, now uint64) string {
		return endpoint.CreateAnswer(pc.peer, now)
	})
}

func (pc *PeerConnection) create(kind SDPType, f func(native.Endpoint, uint64) string) (made SessionDescription, err error) {
	err = pc.command(func(endpoint native.Endpoint, now uint64) int {
		made = SessionDescription{kind, f(endpoint, now)}
		return endpoint.Code()
	})
	if err != nil {
		return SessionDescription{}, err
	}
	return made, nil
}

// SetLocalDescription applies what CreateOffer or CreateAnswer made; an empty description is the one that the state asks for. Gathering
// begins: see OnICECandidate and GatheringCompletePromise.
func (pc *PeerConnection) SetLocalDescription(desc SessionDescription) error {
	return pc.command(func(endpoint native.Endpoint, now uint64) int {
		return endpoint.SetLocalDescription(pc.peer, now, int(desc.Type), desc.SDP)
	})
}

// SetRemoteDescription applies the other side's. An offer that meets one of ours rolls ours back (W3C section 4.4.2).
func (pc *PeerConnection) SetRemoteDescription(desc SessionDescription) error {
	return pc.command(func(endpoint native.Endpoint, now uint64) int {
		code := endpoint.SetRemoteDescription(pc.peer, now, int(desc.Type), desc.SDP)
		if code >= 0 {
			for i := range pc.early {
				_ = pc.addCandidate(&pc.early[i]) // it may be of another offer, or none
			}
			pc.early = nil
		}
		return code
	})
}

// AddICECandidate adds a candidate of the other side; one with an empty text says that there will be no more. Those that come before
// their description are kept for it, up to a hundred; then ErrNoRemoteDescription. (pion refuses them all, but gathers so slowly that
// its programs need not take care.)
func (pc *PeerConnection) AddICECandidate(candidate ICECandidateInit) error {
	full := false
	err := pc.command(func(endpoint native.Endpoint, now uint64) int {
		if pc.description(native.DESCRIPTION_REMOTE) != nil {
			return pc.addCandidate(&candidate)
		}
		if full = len(pc.early) >= earlyCandidates; !full {
			pc.early = append(pc.early, candidate)
		}
		return 0
	})
	if full {
		return ErrNoRemoteDescription
	}
	return err
}

func (pc *PeerConnection) addCandidate(candidate *ICECandidateInit) int {
	mid, ufrag, index := "", "", -1
	if candidate.SDPMid != nil {
		mid = *candidate.SDPMid
	}
	if candidate.SDPMLineIndex != nil {
		index = int(*candidate.SDPMLineIndex)
	}
	if candidate.UsernameFragment != nil {
		ufrag = *candidate.UsernameFragment
	}
	if mid == "" && index < 0 && candidate.Candidate != "" {
		index = 0 // pion's programs send the text alone
	}
	endpoint := pc.engine.endpoint
	return endpoint.AddIceCandidate(pc.peer, endpoint.Now(), candidate.Candidate, mid, index, ufrag)
}

// RestartICE has the next offer made with new ICE credentials; OnNegotiationNeeded follows. (OfferOptions.ICERestart does the same.)
func (pc *PeerConnection) RestartICE() error {
	return pc.command(func(endpoint native.Endpoint, now uint64) int { return endpoint.RestartIce(pc.peer, now) })
}

// GatheringCompletePromise gives a channel that is closed when all candidates are known, and LocalDescription has them; also when the
// connection is closed before. (It is better to send candidates as they are found: OnICECandidate.)
func GatheringCompletePromise(pc *PeerConnection) (gatherComplete <-chan struct{}) {
	complete := make(chan struct{})
	pc.engine.mu.Lock()
	defer pc.engine.unlock()
	if pc.gatheringState == ICEGatheringStateComplete || pc.closed {
		close(complete)
	} else {
		pc.gathered = append(pc.gathered, complete)
	}
	return complete
}

// WaitConnected waits until the connection is there; the error says why it has failed, or was closed.
func (pc *PeerConnection) WaitConnected(ctx context.Context) error {
	for {
		var state PeerConnectionState
		var failure error
		var changed chan struct{}
		pc.locked(func() { state, failure, changed = pc.state, pc.failure, pc.changed })
		switch {
		case state == PeerConnectionStateConnected:
			return nil
		case state == PeerConnectionStateFailed && failure != nil:
			return failure
		case state == PeerConnectionStateFailed:
			return ErrICEFailed
		case state == PeerConnectionStateClosed && failure != nil:
			return failure
		case state == PeerConnectionStateClosed:
			return ErrConnectionClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SetConfiguration sets other ICE servers, another policy (W3C section 4.4.1.6): those of the next gathering.
func (pc *PeerConnection) SetConfiguration(configuration Configuration) error {
	if configuration.Certificates != nil && !pc.sameCertificates(configuration.Certificates) {
		return ErrModifyingCertificates
	}
	if configuration.BundlePolicy != BundlePolicyUnknown && configuration.BundlePolicy != pc.GetConfiguration().BundlePolicy {
		return ErrModifyingBundlePolicy
	}
	settings, err := configuration.settings(&SettingEngine{passiveTCP: pc.api.settings.passiveTCP, noActiveTCP: pc.api.settings.noActiveTCP,
		networkTypes: pc.api.settings.networkTypes})
	if err != nil {
		return err
	}
	settings.certificates = nil
	return pc.command(func(endpoint native.Endpoint, now uint64) int {
		if settings.add(endpoint) != nil {
			return codeInvalidArgument
		}
		code := endpoint.SetConfiguration(pc.peer, now, settings.policy)
		if code >= 0 {
			certificates := pc.configuration.Certificates
			bundle := pc.configuration.BundlePolicy
			pc.configuration = configuration.copy()
			pc.configuration.Certificates, pc.configuration.BundlePolicy = certificates, bundle
		}
		return code
	})
}

func (pc *PeerConnection) sameCertificates(given []Certificate) bool {
	old := pc.GetConfiguration().Certificates
	if len(old) != len(given) {
		return false
	}
	for i := range old {
		if !old[i].Equals(given[i]) {
			return false
		}
	}
	return true
}

// CreateDataChannel makes a channel.
func (pc *PeerConnection) CreateDataChannel(label string, options *DataChannelInit) (*DataChannel, error) {
	p := &DataChannelParameters{Label: label, Ordered: true}
	if o := options; o != nil {
		p.MaxPacketLifeTime, p.MaxRetransmits, p.ID = o.MaxPacketLifeTime, o.MaxRetransmits, o.ID
		if o.Ordered != nil {
			p.Ordered = *o.Ordered
		}
		if o.Protocol != nil {
			p.Protocol = *o.Protocol
		}
		p.Negotiated = o.Negotiated != nil && *o.Negotiated
	}
	e := pc.engine
	e.mu.Lock()
	defer e.unlock()
	if pc.closing {
		return nil, ErrConnectionClosed
	}
	channel, err := pc.createChannel(p, true)
	if err != nil {
		return nil, err
	}
	e.flush()
	return channel, nil
}

// Close says goodbye, closes every channel and the connection. When it returns, nothing of it is left but handlers that are being called.
// Legal at any moment, twice, and in a handler. What was queued and not sent is dropped: to have it sent, close the channels first.
func (pc *PeerConnection) Close() error {
	pc.close()
	return nil
}

// GracefulClose is Close, and waits until all handlers have returned. Not to be called by one of them.
func (pc *PeerConnection) GracefulClose() error {
	return pc.CloseContext(context.Background())
}

// CloseContext is GracefulClose, which waits for handlers no longer than ctx.
func (pc *PeerConnection) CloseContext(ctx context.Context) error { return pc.closeGracefully(ctx) }

// ------------------------------------------------------------------------------------------------------------- what there is

// ConnectionState of the connection.
func (pc *PeerConnection) ConnectionState() (state PeerConnectionState) {
	pc.locked(func() { state = pc.state })
	return state
}

// ICEConnectionState of the connection.
func (pc *PeerConnection) ICEConnectionState() (state ICEConnectionState) {
	pc.locked(func() { state = pc.iceState })
	return state
}

// ICEGatheringState of the connection.
func (pc *PeerConnection) ICEGatheringState() (state ICEGatheringState) {
	pc.locked(func() { state = pc.gatheringState })
	return state
}

// SignalingState of the connection.
func (pc *PeerConnection) SignalingState() (state SignalingState) {
	pc.locked(func() { state = pc.signalingState })
	return state
}

// Failure is why the connection failed last, nil when it has not: ErrICEFailed, ErrConsentExpired, ErrDTLSAlert or another, with a
// sentence.
func (pc *PeerConnection) Failure() (err error) {
	pc.locked(func() { err = pc.failure })
	return err
}

// LocalDescription is the pending one if there is one, else the current one, with the candidates that are known so far; nil for none.
func (pc *PeerConnection) LocalDescription() *SessionDescription {
	return pc.describe(native.DESCRIPTION_LOCAL)
}

// RemoteDescription is the pending one if there is one, else the current one.
func (pc *PeerConnection) RemoteDescription() *SessionDescription {
	return pc.describe(native.DESCRIPTION_REMOTE)
}

// CurrentLocalDescription is the one that was last negotiated.
func (pc *PeerConnection) CurrentLocalDescription() *SessionDescription {
	return pc.describe(native.DESCRIPTION_CURRENT_LOCAL)
}

// CurrentRemoteDescription is the one that was last negotiated.
func (pc *PeerConnection) CurrentRemoteDescription() *SessionDescription {
	return pc.describe(native.DESCRIPTION_CURRENT_REMOTE)
}

// PendingLocalDescription is the one that is being negotiated.
func (pc *PeerConnection) PendingLocalDescription() *SessionDescription {
	return pc.describe(native.DESCRIPTION_PENDING_LOCAL)
}

// PendingRemoteDescription is the one that is being negotiated.
func (pc *PeerConnection) PendingRemoteDescription() *SessionDescription {
	return pc.describe(native.DESCRIPTION_PENDING_REMOTE)
}

func (pc *PeerConnection) describe(which native.Prtc_description) (found *SessionDescription) {
	pc.locked(func() { found = pc.description(which) })
	return found
}

// description is that, with the lock held.
func (pc *PeerConnection) description(which native.Prtc_description) *SessionDescription {
	if pc.closed {
		return pc.described[which]
	}
	sdp := pc.engine.endpoint.Description(pc.peer, int(which))
	if sdp == "" {
		return nil
	}
	return &SessionDescription{SDPType(pc.engine.endpoint.DescriptionType()), sdp}
}

// CanTrickleICECandidates says whether the other side takes candidates one by one (RFC 8838).
func (pc *PeerConnection) CanTrickleICECandidates() ICETrickleCapability {
	capability := ICETrickleCapabilityUnknown
	pc.locked(func() {
		if pc.closed {
			return
		}
		switch states := pc.engine.endpoint.States(pc.peer); states.GetCanTrickle() {
		case 0:
			capability = ICETrickleCapabilityUnsupported
		case 1:
			capability = ICETrickleCapabilitySupported
		}
	})
	return capability
}

// GetConfiguration is the configuration as it holds.
func (pc *PeerConnection) GetConfiguration() (configuration Configuration) {
	pc.locked(func() { configuration = pc.configuration.copy() })
	return configuration
}

// SCTP is the transport of the data channels.
func (pc *PeerConnection) SCTP() *SCTPTransport { return pc.sctp }

// GetStats is what has been counted (W3C webrtc-stats); once the connection is closed, as it was then.
func (pc *PeerConnection) GetStats() (report StatsReport) {
	pc.locked(func() { report = pc.stats() })
	return report
}

func (pc *PeerConnection) stats() StatsReport {
	if !pc.closed {
		pc.lastStats = pc.readStats()
	}
	return pc.lastStats
}

// section has the lines of the data section of one side's description. The lock is held.
func (pc *PeerConnection) section(remote bool) []string {
	which := native.DESCRIPTION_LOCAL
	if remote {
		which = native.DESCRIPTION_REMOTE
	}
	description := pc.description(which)
	if description == nil {
		return nil
	}
	return dataSection(description.SDP)
}

func (pc *PeerConnection) role() ICERole {
	if pc.closed {
		return ICERoleUnknown
	}
	return ICERole(pc.engine.endpoint.States(pc.peer).GetIceRole())
}

// ----------------------------------------------------------------------------------------------------------------- handlers

// OnSignalingStateChange is called with each new signaling state.
func (pc *PeerConnection) OnSignalingStateChange(f func(SignalingState)) {
	pc.locked(func() { pc.signalingHandler = f })
}

// OnNegotiationNeeded is called when an offer is to be made.
func (pc *PeerConnection) OnNegotiationNeeded(f func()) { pc.locked(func() { pc.onNegotiation = f }) }

// OnICECandidate is called with each candidate of this side, to be sent to the other, and with nil at the end.
func (pc *PeerConnection) OnICECandidate(f func(*ICECandidate)) {
	pc.locked(func() { pc.onCandidate = f })
}

// OnICECandidateError is called when an ICE server does not answer or refuses: its URL, the code of STUN (701 when it could not be
// reached), and why. (Not in pion.)
func (pc *PeerConnection) OnICECandidateError(f func(url string, code int, text string)) {
	pc.locked(func() { pc.onCandidateError = f })
}

// OnICEGatheringStateChange is called with each new state of gathering.
func (pc *PeerConnection) OnICEGatheringStateChange(f func(ICEGatheringState)) {
	pc.locked(func() { pc.onGathering = f })
}

// OnICEConnectionStateChange is called with each new state of ICE.
func (pc *PeerConnection) OnICEConnectionStateChange(f func(ICEConnectionState)) {
	pc.locked(func() { pc.onICE = f })
}

// OnConnectionStateChange is called with each new state of the connection; closed is the last one, also when the other side has closed
// it.
func (pc *PeerConnection) OnConnectionStateChange(f func(PeerConnectionState)) {
	pc.locked(func() { pc.onState = f })
}

// OnFailure is called when the connection fails, with the reason. (Not in pion.)
func (pc *PeerConnection) OnFailure(f func(error)) { pc.locked(func() { pc.onFailure = f }) }

// OnDataChannel is called with each channel that the other side has opened. Its events wait until the handler has returned, so that it can
// set the channel's own. Without a handler such channels are closed, as in pion.
func (pc *PeerConnection) OnDataChannel(f func(*DataChannel)) {
	pc.locked(func() { pc.onDataChannel = f })
}

// --------------------------------------------------------------------------------------------------- from the engine, locked

func (pc *PeerConnection) onEvent(event *native.RawEvent) {
	if pc.closed || pc.channelEvent(event) {
		return
	}
	switch native.Prtc_event_type(event.Type) {
	case native.EVENT_DATA_CHANNEL:
		pc.announce(event.Object, pc.onDataChannel)
	case native.EVENT_ICE_CANDIDATE:
		pc.onCandidateEvent(event)
	case native.EVENT_SIGNALING_STATE_CHANGE:
		pc.signalingState = SignalingState(event.State + 1)
		if f, state := pc.signalingHandler, pc.signalingState; f != nil {
			pc.call(func() { f(state) })
		}
	case native.EVENT_ICE_GATHERING_STATE_CHANGE:
		pc.setGathering(ICEGatheringState(event.State + 1))
	case native.EVENT_ICE_CONNECTION_STATE_CHANGE:
		pc.setICE(ICEConnectionState(event.State + 1))
	case native.EVENT_CONNECTION_STATE_CHANGE:
		if state := PeerConnectionState(event.State + 1); state == PeerConnectionStateClosed {
			pc.end()
		} else {
			pc.setState(state)
		}
	case native.EVENT_NEGOTIATION_NEEDED:
		if f := pc.onNegotiation; f != nil {
			pc.call(f)
		}
	case native.EVENT_FAILED:
		pc.failed(newError(int(event.Code), event.Text()))
	case native.EVENT_ICE_CANDIDATE_ERROR:
		if f := pc.onCandidateError; f != nil {
			url, text, _ := strings.Cut(event.Text(), " ")
			code := int(event.Code)
			pc.call(func() { f(url, code, text) })
		}
	case native.EVENT_ICE_TRANSPORT_STATE_CHANGE:
		pc.transportEvent(event)
		if pc.ice.state == ICETransportStateClosed {
			pc.rejected = event.Object // its section was: the connection goes on without
		}
	case native.EVENT_DTLS_TRANSPORT_STATE_CHANGE:
		pc.transportEvent(event)
		if pc.dtls.state == DTLSTransportStateClosed && event.Object != pc.rejected {
			pc.beginClose() // the other side has said goodbye
		}
	default:
		pc.transportEvent(event)
	}
}

// onCandidateEvent: an empty text ends a generation, which is of no use to an application: nil follows.
func (pc *PeerConnection) onCandidateEvent(event *native.RawEvent) {
	f := pc.onCandidate
	if f == nil {
		return
	}
	if !event.HasText() {
		pc.call(func() { f(nil) })
		return
	}
	candidate, err := parseCandidate(event.Text())
	if err != nil {
		return // the end of a generation
	}
	candidate.SDPMid, candidate.SDPMLineIndex, candidate.ufrag = event.Mid(), uint16(event.Index), event.Ufrag()
	pc.call(func() { f(candidate) })
}

func (pc *PeerConnection) setGathering(state ICEGatheringState) {
	pc.gatheringState = state
	if state == ICEGatheringStateComplete {
		pc.wakeGathered()
	}
	if f := pc.onGathering; f != nil {
		pc.call(func() { f(state) })
	}
}

func (pc *PeerConnection) wakeGathered() {
	for _, complete := range pc.gathered {
		close(complete)
	}
	pc.gathered = nil
}

func (pc *PeerConnection) setICE(state ICEConnectionState) {
	if state == pc.iceState {
		return
	}
	pc.iceState = state
	if f := pc.onICE; f != nil {
		pc.call(func() { f(state) })
	}
}

func (pc *PeerConnection) setState(state PeerConnectionState) {
	if state == pc.state {
		return
	}
	pc.state = state
	close(pc.changed)
	pc.changed = make(chan struct{})
	if f := pc.onState; f != nil {
		pc.call(func() { f(state) })
	}
}

// keep is what may be asked once it is closed.
func (pc *PeerConnection) keep() {
	for which := native.DESCRIPTION_LOCAL; which <= native.DESCRIPTION_PENDING_REMOTE; which++ {
		pc.described[which] = pc.description(which)
	}
	pc.lastStats = pc.readStats()
}

// onEnd is PeerConnection's part of the end.
func (pc *PeerConnection) onEnd() {
	pc.signalingState = SignalingStateClosed
	pc.wakeGathered()
	pc.setICE(ICEConnectionStateClosed)
	pc.setState(PeerConnectionStateClosed)
}

func (pc *PeerConnection) onEngineFailed(err error) {
	pc.failed(err)
	pc.setState(PeerConnectionStateFailed)
	pc.end()
}
