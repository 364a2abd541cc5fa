// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"encoding/json"
	"fmt"
)

// The numbers of these types are pion's: 0 is unknown. Their texts are the W3C's.

// name is the text of a number; the first is that of what is unknown.
func name(names []string, number int) string {
	if number < 0 || number >= len(names) {
		return names[0]
	}
	return names[number]
}

// number is the reverse: 0 for an unknown text.
func number(names []string, text string) int {
	for i, name := range names {
		if name == text && i > 0 {
			return i
		}
	}
	return 0
}

func parse(names []string, text []byte) (int, error) {
	found := number(names, string(text))
	if found == 0 {
		return 0, fmt.Errorf("%w: %q", ErrUnknownType, text)
	}
	return found, nil
}

const unknown = "Unknown"

// SDPType is the type of a SessionDescription.
type SDPType int

// The types of descriptions.
const (
	SDPTypeUnknown SDPType = iota
	SDPTypeOffer
	SDPTypePranswer
	SDPTypeAnswer
	SDPTypeRollback
)

var sdpTypes = []string{unknown, "offer", "pranswer", "answer", "rollback"}

// NewSDPType is the type of a text.
func NewSDPType(raw string) SDPType { return SDPType(number(sdpTypes, raw)) }

func (t SDPType) String() string { return name(sdpTypes, int(t)) }

// MarshalText and UnmarshalText are for JSON.
func (t SDPType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is the reverse.
func (t *SDPType) UnmarshalText(text []byte) (err error) {
	value, err := parse(sdpTypes, text)
	*t = SDPType(value)
	return err
}

// SignalingState is the state of offer and answer.
type SignalingState int32

// The signaling states.
const (
	SignalingStateUnknown SignalingState = iota
	SignalingStateStable
	SignalingStateHaveLocalOffer
	SignalingStateHaveRemoteOffer
	SignalingStateHaveLocalPranswer
	SignalingStateHaveRemotePranswer
	SignalingStateClosed
)

var signalingStates = []string{
	unknown, "stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed",
}

func (s SignalingState) String() string { return name(signalingStates, int(s)) }

// ICEGatheringState is the state of gathering.
type ICEGatheringState int

// The gathering states.
const (
	ICEGatheringStateUnknown ICEGatheringState = iota
	ICEGatheringStateNew
	ICEGatheringStateGathering
	ICEGatheringStateComplete
)

var gatheringStates = []string{unknown, "new", "gathering", "complete"}

// NewICEGatheringState is the state of a text.
func NewICEGatheringState(raw string) ICEGatheringState {
	return ICEGatheringState(number(gatheringStates, raw))
}

func (s ICEGatheringState) String() string { return name(gatheringStates, int(s)) }

// ICEGathererState is the state of an ICEGatherer.
type ICEGathererState uint32

// The states of a gatherer.
const (
	ICEGathererStateUnknown ICEGathererState = iota
	ICEGathererStateNew
	ICEGathererStateGathering
	ICEGathererStateComplete
	ICEGathererStateClosed
)

var gathererStates = []string{unknown, "new", "gathering", "complete", "closed"}

func (s ICEGathererState) String() string { return name(gathererStates, int(s)) }

// ICEConnectionState is the state of ICE for a connection.
type ICEConnectionState int

// The states of ICE.
const (
	ICEConnectionStateUnknown ICEConnectionState = iota
	ICEConnectionStateNew
	ICEConnectionStateChecking
	ICEConnectionStateConnected
	ICEConnectionStateCompleted
	ICEConnectionStateDisconnected
	ICEConnectionStateFailed
	ICEConnectionStateClosed
)

var iceStates = []string{unknown, "new", "checking", "connected", "completed", "disconnected", "failed", "closed"}

// NewICEConnectionState is the state of a text.
func NewICEConnectionState(raw string) ICEConnectionState {
	return ICEConnectionState(number(iceStates, raw))
}

func (s ICEConnectionState) String() string { return name(iceStates, int(s)) }

// ICETransportState is the state of an ICETransport.
type ICETransportState int

// The states of an ICE transport. (Their order is pion's, and the engine's another.)
const (
	ICETransportStateUnknown ICETransportState = iota
	ICETransportStateNew
	ICETransportStateChecking
	ICETransportStateConnected
	ICETransportStateCompleted
	ICETransportStateFailed
	ICETransportStateDisconnected
	ICETransportStateClosed
)

var iceTransportStates = []string{unknown, "new", "checking", "connected", "completed", "failed", "disconnected", "closed"}

func (s ICETransportState) String() string { return name(iceTransportStates, int(s)) }

// MarshalText and UnmarshalText are for JSON.
func (s ICETransportState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the reverse.
func (s *ICETransportState) UnmarshalText(text []byte) error {
	value, err := parse(iceTransportStates, text)
	*s = ICETransportState(value)
	return err
}

// PeerConnectionState is the state of a connection.
type PeerConnectionState int

// The states of a connection.
const (
	PeerConnectionStateUnknown PeerConnectionState = iota
	PeerConnectionStateNew
	PeerConnectionStateConnecting
	PeerConnectionStateConnected
	PeerConnectionStateDisconnected
	PeerConnectionStateFailed
	PeerConnectionStateClosed
)

var connectionStates = []string{unknown, "new", "connecting", "connected", "disconnected", "failed", "closed"}

func (s PeerConnectionState) String() string { return name(connectionStates, int(s)) }

// DTLSTransportState is the state of a DTLSTransport.
type DTLSTransportState int

// The states of a DTLS transport.
const (
	DTLSTransportStateUnknown DTLSTransportState = iota
	DTLSTransportStateNew
	DTLSTransportStateConnecting
	DTLSTransportStateConnected
	DTLSTransportStateClosed
	DTLSTransportStateFailed
)

var dtlsStates = []string{unknown, "new", "connecting", "connected", "closed", "failed"}

func (s DTLSTransportState) String() string { return name(dtlsStates, int(s)) }

// MarshalText and UnmarshalText are for JSON.
func (s DTLSTransportState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the reverse.
func (s *DTLSTransportState) UnmarshalText(text []byte) error {
	value, err := parse(dtlsStates, text)
	*s = DTLSTransportState(value)
	return err
}

// SCTPTransportState is the state of a SCTPTransport.
type SCTPTransportState int

// The states of an SCTP transport.
const (
	SCTPTransportStateUnknown SCTPTransportState = iota
	SCTPTransportStateConnecting
	SCTPTransportStateConnected
	SCTPTransportStateClosed
)

var sctpStates = []string{unknown, "connecting", "connected", "closed"}

func (s SCTPTransportState) String() string { return name(sctpStates, int(s)) }

// DataChannelState is the state of a DataChannel.
type DataChannelState int

// The states of a channel.
const (
	DataChannelStateUnknown DataChannelState = iota
	DataChannelStateConnecting
	DataChannelStateOpen
	DataChannelStateClosing
	DataChannelStateClosed
)

var channelStates = []string{unknown, "connecting", "open", "closing", "closed"}

func (s DataChannelState) String() string { return name(channelStates, int(s)) }

// MarshalText and UnmarshalText are for JSON.
func (s DataChannelState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is the reverse.
func (s *DataChannelState) UnmarshalText(text []byte) error {
	value, err := parse(channelStates, text)
	*s = DataChannelState(value)
	return err
}

// ICERole is the part of one side in the checks.
type ICERole int

// The roles in ICE.
const (
	ICERoleUnknown ICERole = iota
	ICERoleControlling
	ICERoleControlled
)

var iceRoles = []string{"unknown", "controlling", "controlled"}

func (r ICERole) String() string { return name(iceRoles, int(r)) }

// MarshalText and UnmarshalText are for JSON.
func (r ICERole) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is the reverse.
func (r *ICERole) UnmarshalText(text []byte) error {
	*r = ICERole(number(iceRoles, string(text)))
	return nil
}

// DTLSRole is the part of one side in the handshake.
type DTLSRole byte

// The roles in DTLS.
const (
	DTLSRoleUnknown DTLSRole = iota
	DTLSRoleAuto
	DTLSRoleClient
	DTLSRoleServer
)

var dtlsRoles = []string{unknown, "auto", "client", "server"}

func (r DTLSRole) String() string { return name(dtlsRoles, int(r)) }

// ICETransportPolicy says which candidates may be used.
type ICETransportPolicy int

// The policies.
const (
	ICETransportPolicyAll ICETransportPolicy = iota
	ICETransportPolicyRelay
)

// ICEGatherPolicy is ORTC's name.
type ICEGatherPolicy = ICETransportPolicy

var policies = []string{"all", "relay"}

// NewICETransportPolicy is the policy of a text.
func NewICETransportPolicy(raw string) ICETransportPolicy {
	return ICETransportPolicy(number(policies, raw))
}

func (p ICETransportPolicy) String() string { return name(policies, int(p)) }

// MarshalText and UnmarshalText are for JSON.
func (p ICETransportPolicy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText is the reverse.
func (p *ICETransportPolicy) UnmarshalText(text []byte) error {
	*p = NewICETransportPolicy(string(text))
	return nil
}

// BundlePolicy says how media share a transport; data alone has one whatever it says.
type BundlePolicy int

// The policies.
const (
	BundlePolicyUnknown BundlePolicy = iota
	BundlePolicyBalanced
	BundlePolicyMaxCompat
	BundlePolicyMaxBundle
)

var bundlePolicies = []string{unknown, "balanced", "max-compat", "max-bundle"}

func (p BundlePolicy) String() string { return name(bundlePolicies, int(p)) }

// MarshalJSON writes the W3C's text.
func (p BundlePolicy) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// UnmarshalJSON is the reverse.
func (p *BundlePolicy) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	*p = BundlePolicy(number(bundlePolicies, text))
	return err
}

// RTCPMuxPolicy is of no meaning for data.
type RTCPMuxPolicy int

// The policies.
const (
	RTCPMuxPolicyUnknown RTCPMuxPolicy = iota
	RTCPMuxPolicyNegotiate
	RTCPMuxPolicyRequire
)

var muxPolicies = []string{unknown, "negotiate", "require"}

func (p RTCPMuxPolicy) String() string { return name(muxPolicies, int(p)) }

// MarshalJSON writes the W3C's text.
func (p RTCPMuxPolicy) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// UnmarshalJSON is the reverse.
func (p *RTCPMuxPolicy) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	*p = RTCPMuxPolicy(number(muxPolicies, text))
	return err
}

// ICECredentialType is how an ICE server knows its clients.
type ICECredentialType int

// The types of credentials: there is one.
const (
	ICECredentialTypePassword ICECredentialType = iota
)

func (t ICECredentialType) String() string { return "password" }

// MarshalText and UnmarshalText are for JSON.
func (t ICECredentialType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is the reverse.
func (t *ICECredentialType) UnmarshalText(text []byte) error {
	if string(text) != "password" {
		return &Error{code: -7, message: fmt.Sprintf("the credential type %q is not supported", text)}
	}
	*t = ICECredentialTypePassword
	return nil
}

// ICETrickleCapability says whether the other side takes candidates one by one (RFC 8838).
type ICETrickleCapability int

// What is known of it.
const (
	ICETrickleCapabilityUnknown ICETrickleCapability = iota
	ICETrickleCapabilitySupported
	ICETrickleCapabilityUnsupported
)

func (t ICETrickleCapability) String() string {
	return name([]string{"unknown", "supported", "unsupported"}, int(t))
}

// ICECandidateType is how an address came to be known.
type ICECandidateType int

// The types of candidates.
const (
	ICECandidateTypeUnknown ICECandidateType = iota
	ICECandidateTypeHost
	ICECandidateTypeSrflx
	ICECandidateTypePrflx
	ICECandidateTypeRelay
)

var candidateTypes = []string{unknown, "host", "srflx", "prflx", "relay"}

// NewICECandidateType is the type of a text.
func NewICECandidateType(raw string) (ICECandidateType, error) {
	value, err := parse(candidateTypes, []byte(raw))
	return ICECandidateType(value), err
}

func (t ICECandidateType) String() string { return name(candidateTypes, int(t)) }

// MarshalText and UnmarshalText are for JSON.
func (t ICECandidateType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText is the reverse.
func (t *ICECandidateType) UnmarshalText(text []byte) (err error) {
	*t, err = NewICECandidateType(string(text))
	return err
}

// ICEProtocol is UDP or TCP.
type ICEProtocol int

// The protocols of candidates.
const (
	ICEProtocolUnknown ICEProtocol = iota
	ICEProtocolUDP
	ICEProtocolTCP
)

var protocols = []string{unknown, "udp", "tcp"}

// NewICEProtocol is the protocol of a text.
func NewICEProtocol(raw string) (ICEProtocol, error) {
	value, err := parse(protocols, []byte(raw))
	return ICEProtocol(value), err
}

func (p ICEProtocol) String() string { return name(protocols, int(p)) }

// NetworkType is a protocol over a family of addresses.
type NetworkType int

// The types of networks.
const (
	NetworkTypeUnknown NetworkType = iota
	NetworkTypeUDP4
	NetworkTypeUDP6
	NetworkTypeTCP4
	NetworkTypeTCP6
)

var networkTypes = []string{unknown, "udp4", "udp6", "tcp4", "tcp6"}

// NewNetworkType is the type of a text.
func NewNetworkType(raw string) (NetworkType, error) {
	value, err := parse(networkTypes, []byte(raw))
	return NetworkType(value), err
}

func (t NetworkType) String() string { return name(networkTypes, int(t)) }

// Protocol is "udp" or "tcp".
func (t NetworkType) Protocol() string {
	switch t {
	case NetworkTypeUDP4, NetworkTypeUDP6:
		return "udp"
	case NetworkTypeTCP4, NetworkTypeTCP6:
		return "tcp"
	}
	return unknown
}
