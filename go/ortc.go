// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"context"
	"encoding/json"

	"polyrtc.dev/polyrtc/internal/native"
)

// ORTC's objects: the transports one by one, without descriptions. Each side gathers, tells the other its parameters and candidates in
// any way, and starts ICE, DTLS and SCTP one after the other.

// ICEGatherOptions are those of NewICEGatherer.
type ICEGatherOptions struct {
	ICEServers           []ICEServer
	ICEGatherPolicy      ICEGatherPolicy
	ICECandidatePoolSize uint8
}

// ICEGatherer finds the candidates of this side. It is to be closed, which ends the transports over it.
type ICEGatherer struct {
	carrier
	api     *API
	options ICEGatherOptions

	// Guarded by the engine's lock, once there is one; see bound
	state            ICEGathererState
	candidates       []ICECandidate
	remote           *ICEParameters
	remoteCandidates []ICECandidate
	local            *parameters // the last, once it is closed
	changed          chan struct{}
	onCandidate      func(*ICECandidate)
	onState          func(ICEGathererState)
}

// parameters as the engine has them, in JSON.
type parameters struct {
	ICEParameters  *ICEParameters  `json:"iceParameters,omitempty"`
	Candidates     []string        `json:"iceCandidates,omitempty"`
	Complete       bool            `json:"iceCandidatesComplete,omitempty"`
	DTLSParameters *dtlsParameters `json:"dtlsParameters,omitempty"`
	SCTPParameters *sctpParameters `json:"sctpParameters,omitempty"`
}

type dtlsParameters struct {
	Role         string            `json:"role"`
	Fingerprints []DTLSFingerprint `json:"fingerprints"`
}

type sctpParameters struct {
	Port           int    `json:"port"`
	MaxMessageSize uint32 `json:"maxMessageSize"`
}

// NewICEGatherer makes a gatherer.
func (api *API) NewICEGatherer(opts ICEGatherOptions) (*ICEGatherer, error) {
	g := &ICEGatherer{api: api, options: opts, state: ICEGathererStateNew, changed: make(chan struct{})}
	g.init()
	g.detach, g.inParts = api.settings.detach, api.settings.inParts()
	g.remember, g.finish = g.keep, g.onEnd
	g.ice = newICETransport(&g.carrier, g.section, g.role)
	g.dtls = &DTLSTransport{owner: &g.carrier, ice: g.ice, state: DTLSTransportStateNew}
	g.sctp = &SCTPTransport{owner: &g.carrier, dtls: g.dtls, state: SCTPTransportStateConnecting}
	g.ice.gatherer = g
	return g, g.bind(nil)
}

// bind makes the peer; again with a certificate, before it is used.
func (g *ICEGatherer) bind(certificates []Certificate) error {
	configuration := Configuration{
		ICEServers:           g.options.ICEServers,
		ICETransportPolicy:   g.options.ICEGatherPolicy,
		ICECandidatePoolSize: g.options.ICECandidatePoolSize,
		Certificates:         certificates,
	}
	settings, err := configuration.settings(&g.api.settings)
	if err != nil {
		return err
	}
	return g.api.bind(g, settings, func(e *engine, peer uint64) { g.engine, g.peer = e, peer })
}

// NewICETransport makes the transport over a gatherer.
func (api *API) NewICETransport(gatherer *ICEGatherer) *ICETransport { return gatherer.ice }

// NewDTLSTransport makes the transport over that one. The first certificate is used; none: one that the connections of the API share.
func (api *API) NewDTLSTransport(transport *ICETransport, certificates []Certificate) (*DTLSTransport, error) {
	g := transport.gatherer
	if g == nil {
		return nil, errOfConnection
	}
	if len(certificates) > 0 {
		e := g.engine
		e.mu.Lock()
		if g.closing || g.state != ICEGathererStateNew {
			e.unlock()
			return nil, errCertificateChosen
		}
		// Another peer takes the place of the first, which has done nothing yet.
		old := g.peer
		e.unlock()
		if err := g.bind(certificates); err != nil {
			return nil, err
		}
		e.mu.Lock()
		e.remove(old)
		e.unlock()
	}
	return g.dtls, nil
}

// NewSCTPTransport makes the transport over that one.
func (api *API) NewSCTPTransport(dtls *DTLSTransport) *SCTPTransport { return dtls.owner.sctp }

// NewDataChannel makes a channel.
func (api *API) NewDataChannel(transport *SCTPTransport, params *DataChannelParameters) (*DataChannel, error) {
	c := transport.owner
	c.engine.mu.Lock()
	defer c.engine.unlock()
	if c.closing {
		return nil, ErrConnectionClosed
	}
	channel, err := c.createChannel(params, true)
	if err != nil {
		return nil, err
	}
	c.engine.flush()
	return channel, nil
}

// ----------------------------------------------------------------------------------------------------------------- gatherer

// Gather begins; OnLocalCandidate tells of each candidate, and with nil of the end.
func (g *ICEGatherer) Gather() error {
	return g.command(func(endpoint native.Endpoint, now uint64) int { return endpoint.Gather(g.peer, now) })
}

// State of the gatherer.
func (g *ICEGatherer) State() (state ICEGathererState) {
	g.locked(func() { state = g.state })
	return state
}

// OnLocalCandidate is called with each candidate, and with nil at the end.
func (g *ICEGatherer) OnLocalCandidate(f func(*ICECandidate)) { g.locked(func() { g.onCandidate = f }) }

// OnStateChange is called with each new state.
func (g *ICEGatherer) OnStateChange(f func(ICEGathererState)) { g.locked(func() { g.onState = f }) }

// GetLocalCandidates are those that were found so far.
func (g *ICEGatherer) GetLocalCandidates() (found []ICECandidate, err error) {
	g.locked(func() { found = append(found, g.candidates...) })
	return found, nil
}

// GetLocalParameters are this side's. Gather first.
func (g *ICEGatherer) GetLocalParameters() (ICEParameters, error) {
	local, err := g.parameters()
	if err != nil {
		return ICEParameters{}, err
	}
	return *local.ICEParameters, nil
}

// Close ends the gatherer and the transports over it, which have one goodbye. Twice is harmless.
func (g *ICEGatherer) Close() error {
	g.close()
	return nil
}

// GracefulClose is Close, and waits until all handlers have returned. Not to be called by one of them.
func (g *ICEGatherer) GracefulClose() error {
	return g.closeGracefully(context.Background())
}

func (g *ICEGatherer) parameters() (local *parameters, err error) {
	g.locked(func() { local, err = g.readParameters() })
	return local, err
}

func (g *ICEGatherer) readParameters() (*parameters, error) {
	if g.closed {
		if g.local == nil {
			return nil, ErrConnectionClosed
		}
		return g.local, nil
	}
	text := g.engine.endpoint.Parameters(g.peer)
	if text == "" {
		return nil, errNotStarted
	}
	var raw struct {
		ICEParameters  *ICEParameters  `json:"iceParameters"`
		DTLSParameters *dtlsParameters `json:"dtlsParameters"`
	}
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return nil, err
	}
	return &parameters{ICEParameters: raw.ICEParameters, DTLSParameters: raw.DTLSParameters}, nil
}

// give gives parameters of the other side to the engine.
func (g *ICEGatherer) give(given parameters, f func(endpoint native.Endpoint, now uint64, text string) int) error {
	text, err := json.Marshal(given)
	if err != nil {
		return err
	}
	return g.command(func(endpoint native.Endpoint, now uint64) int { return f(endpoint, now, string(text)) })
}

// wait waits until something is so, with the lock held when it is asked; the gatherer's end is an error.
func (g *ICEGatherer) wait(ctx context.Context, done func() bool) error {
	for {
		var changed chan struct{}
		var err error
		so := false
		g.locked(func() {
			changed, so = g.changed, done()
			if g.closing && !so {
				err = ErrConnectionClosed
			}
		})
		if so || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ------------------------------------------------------------------------------------------------------- the transports over it

// Start starts the checks, and returns once they have found a pair; the error says why they have not. One side is to be controlling; nil
// is controlled. (The first argument is pion's: nil, or the transport's own.)
func (t *ICETransport) Start(gatherer *ICEGatherer, params ICEParameters, role *ICERole) error {
	return t.StartContext(context.Background(), gatherer, params, role)
}

// StartContext is Start, with an end to waiting.
func (t *ICETransport) StartContext(ctx context.Context, _ *ICEGatherer, params ICEParameters, role *ICERole) error {
	g := t.gatherer
	if g == nil {
		return errOfConnection
	}
	controlling := uint(0)
	if role != nil && *role == ICERoleControlling {
		controlling = 1
	}
	err := g.give(parameters{ICEParameters: &params}, func(endpoint native.Endpoint, now uint64, text string) int {
		code := endpoint.StartIce(g.peer, now, text, controlling)
		if code >= 0 {
			g.remote = &params
		}
		return code
	})
	if err != nil {
		return err
	}
	failed := false
	err = g.wait(ctx, func() bool {
		failed = t.state == ICETransportStateFailed
		return failed || t.state == ICETransportStateConnected || t.state == ICETransportStateCompleted
	})
	if failed {
		err = g.reason(ErrICEFailed)
	}
	return err
}

func (g *ICEGatherer) reason(otherwise error) (err error) {
	g.locked(func() { err = g.failure })
	if err == nil {
		err = otherwise
	}
	return err
}

// AddRemoteCandidate adds one of the other side's; nil: there will be no more.
func (t *ICETransport) AddRemoteCandidate(remoteCandidate *ICECandidate) error {
	g := t.gatherer
	if g == nil {
		return errOfConnection
	}
	given := parameters{Complete: true}
	if remoteCandidate != nil {
		given = parameters{Candidates: []string{remoteCandidate.attribute()}}
	}
	return g.give(given, func(endpoint native.Endpoint, now uint64, text string) int {
		code := endpoint.AddCandidates(g.peer, now, text)
		if code >= 0 && remoteCandidate != nil {
			g.remoteCandidates = append(g.remoteCandidates, *remoteCandidate)
		}
		return code
	})
}

// SetRemoteCandidates adds several.
func (t *ICETransport) SetRemoteCandidates(remoteCandidates []ICECandidate) error {
	for i := range remoteCandidates {
		if err := t.AddRemoteCandidate(&remoteCandidates[i]); err != nil {
			return err
		}
	}
	return nil
}

// Stop ends all transports of the gatherer: they have one goodbye.
func (t *ICETransport) Stop() error { return t.owner.stop() }

// GracefulStop is Stop, and waits until all handlers have returned.
func (t *ICETransport) GracefulStop() error {
	if t.gatherer == nil {
		return errOfConnection
	}
	return t.gatherer.GracefulClose()
}

func (c *carrier) stop() error {
	if c.ice.gatherer == nil {
		return errOfConnection
	}
	c.close()
	return nil
}

// Send sends a datagram, while DTLS is not started. (This and the next are not in pion.)
func (t *ICETransport) Send(data []byte) error { return t.owner.sendRaw(data) }

// OnData is called with each datagram of the other side, while DTLS is not started.
func (t *ICETransport) OnData(f func([]byte)) { t.owner.locked(func() { t.onData = f }) }

func (c *carrier) sendRaw(data []byte) error {
	c.engine.mu.Lock()
	defer c.engine.unlock()
	if c.closing {
		return ErrConnectionClosed
	}
	code := native.SendRaw(c.engine.endpoint, c.peer, data)
	c.engine.flushSoon()
	return c.check(code)
}

// GetLocalParameters are this side's. Gather first.
func (t *DTLSTransport) GetLocalParameters() (DTLSParameters, error) {
	g := t.ice.gatherer
	if g == nil {
		return DTLSParameters{}, errOfConnection
	}
	local, err := g.parameters()
	if err != nil {
		return DTLSParameters{}, err
	}
	return DTLSParameters{DTLSRole(number(dtlsRoles, local.DTLSParameters.Role)), local.DTLSParameters.Fingerprints}, nil
}

// Start starts the handshake, and returns once it is done; the error says why it has failed.
func (t *DTLSTransport) Start(remoteParameters DTLSParameters) error {
	return t.StartContext(context.Background(), remoteParameters)
}

// StartContext is Start, with an end to waiting.
func (t *DTLSTransport) StartContext(ctx context.Context, remoteParameters DTLSParameters) error {
	g := t.ice.gatherer
	if g == nil {
		return errOfConnection
	}
	given := &dtlsParameters{Role: "auto", Fingerprints: remoteParameters.Fingerprints}
	if remoteParameters.Role > DTLSRoleAuto {
		given.Role = remoteParameters.Role.String()
	}
	err := g.give(parameters{DTLSParameters: given}, func(endpoint native.Endpoint, now uint64, text string) int {
		return endpoint.StartDtls(g.peer, now, text)
	})
	if err != nil {
		return err
	}
	failed := false
	err = g.wait(ctx, func() bool {
		failed = t.state == DTLSTransportStateFailed
		return failed || t.state == DTLSTransportStateConnected
	})
	if failed {
		err = g.reason(ErrProtocol)
	}
	return err
}

// Stop ends all transports of the gatherer.
func (t *DTLSTransport) Stop() error { return t.owner.stop() }

// Send sends a record of application data, while SCTP is not started. (This and the next are not in pion.)
func (t *DTLSTransport) Send(data []byte) error { return t.owner.sendRaw(data) }

// OnData is called with each record of the other side, while SCTP is not started.
func (t *DTLSTransport) OnData(f func([]byte)) { t.owner.locked(func() { t.onData = f }) }

// Start starts the association; channels open when it is up.
func (t *SCTPTransport) Start(capabilities SCTPCapabilities) error {
	g := t.dtls.ice.gatherer
	if g == nil {
		return errOfConnection
	}
	given := &sctpParameters{Port: 5000, MaxMessageSize: capabilities.MaxMessageSize}
	return g.give(parameters{SCTPParameters: given}, func(endpoint native.Endpoint, now uint64, text string) int {
		return endpoint.StartSctp(g.peer, now, text)
	})
}

// StartContext is Start, and waits until the association is up.
func (t *SCTPTransport) StartContext(ctx context.Context, capabilities SCTPCapabilities) error {
	if err := t.Start(capabilities); err != nil {
		return err
	}
	return t.dtls.ice.gatherer.wait(ctx, func() bool { return t.state == SCTPTransportStateConnected })
}

// Stop ends all transports of the gatherer.
func (t *SCTPTransport) Stop() error { return t.owner.stop() }

// OnDataChannel is called with each channel that the other side has opened, over a transport that was started here.
func (t *SCTPTransport) OnDataChannel(f func(*DataChannel)) {
	t.owner.locked(func() { t.onDataChannel = f })
}

// --------------------------------------------------------------------------------------------------- from the engine, locked

func (g *ICEGatherer) onEvent(event *native.RawEvent) {
	if g.closed || g.channelEvent(event) {
		return
	}
	defer g.wake()
	switch native.Prtc_event_type(event.Type) {
	case native.EVENT_DATA_CHANNEL:
		g.announce(event.Object, g.sctp.onDataChannel)
	case native.EVENT_ICE_CANDIDATE:
		g.onCandidateEvent(event)
	case native.EVENT_ICE_GATHERING_STATE_CHANGE:
		g.setState(ICEGathererState(event.State + 1))
	case native.EVENT_TRANSPORT_DATA:
		f := g.dtls.onData
		if event.Kind == 1 {
			f = g.ice.onData
		}
		if f != nil && !g.calls.full() { // else it is lost, as on any network
			data := event.Data()
			g.calls.add(call{waitedFor: true, f: func() { f(data) }})
		}
	case native.EVENT_FAILED:
		g.failed(newError(int(event.Code), event.Text()))
	case native.EVENT_CONNECTION_STATE_CHANGE:
		if PeerConnectionState(event.State+1) == PeerConnectionStateClosed {
			g.end()
		}
	default:
		g.transportEvent(event)
	}
}

func (g *ICEGatherer) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

func (g *ICEGatherer) onCandidateEvent(event *native.RawEvent) {
	var told *ICECandidate
	if event.HasText() {
		candidate, err := parseCandidate(event.Text())
		if err != nil {
			return // the end of a generation
		}
		candidate.ufrag = "" // the parameters say it
		g.candidates = append(g.candidates, *candidate)
		told = candidate
	}
	if f := g.onCandidate; f != nil {
		g.call(func() { f(told) })
	}
}

func (g *ICEGatherer) setState(state ICEGathererState) {
	if state == g.state {
		return
	}
	g.state = state
	if f := g.onState; f != nil {
		g.call(func() { f(state) })
	}
}

func (g *ICEGatherer) keep() {
	if local, err := g.readParameters(); err == nil {
		g.local = local
	}
}

func (g *ICEGatherer) onEnd() {
	g.setState(ICEGathererStateClosed)
	g.wake()
}

func (g *ICEGatherer) onEngineFailed(err error) {
	g.failed(err)
	g.end()
}

func (g *ICEGatherer) role() ICERole {
	if g.remote == nil || g.closed {
		return ICERoleUnknown
	}
	return ICERole(g.engine.endpoint.States(g.peer).GetIceRole())
}

// section has the lines that a description would have.
func (g *ICEGatherer) section(remote bool) (lines []string) {
	candidates, params := g.candidates, g.remote
	if remote {
		candidates = g.remoteCandidates
	} else if local, err := g.readParameters(); err == nil {
		params = local.ICEParameters
	} else {
		params = nil
	}
	for i := range candidates {
		lines = append(lines, "a="+candidates[i].attribute())
	}
	if params != nil {
		lines = append(lines, "a=ice-ufrag:"+params.UsernameFragment, "a=ice-pwd:"+params.Password)
	}
	return lines
}
