// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"encoding/json"
	"time"

	"polyrtc.dev/polyrtc/internal/native"
)

// ICEServer is a STUN or TURN server: "stun:host[:port]", "turn:host[:port][?transport=udp|tcp]", or over TLS "turns:host[:port]".
type ICEServer struct {
	URLs           []string          `json:"urls"`
	Username       string            `json:"username,omitempty"`
	Credential     interface{}       `json:"credential,omitempty"` // a string
	CredentialType ICECredentialType `json:"credentialType,omitempty"`
}

// UnmarshalJSON takes one URL in place of a list of them, too, as browsers do.
func (s *ICEServer) UnmarshalJSON(data []byte) error {
	var given struct {
		URLs           json.RawMessage   `json:"urls"`
		Username       string            `json:"username"`
		Credential     interface{}       `json:"credential"`
		CredentialType ICECredentialType `json:"credentialType"`
	}
	if err := json.Unmarshal(data, &given); err != nil {
		return err
	}
	*s = ICEServer{Username: given.Username, Credential: given.Credential, CredentialType: given.CredentialType}
	var one string
	if json.Unmarshal(given.URLs, &one) == nil {
		s.URLs = []string{one}
		return nil
	}
	if len(given.URLs) == 0 {
		return nil
	}
	return json.Unmarshal(given.URLs, &s.URLs)
}

// Configuration is how a connection is to be made (W3C RTCConfiguration). What is beyond the W3C is in the SettingEngine.
type Configuration struct {
	// ICEServers: none is no server at all; nothing is asked that was not named.
	ICEServers         []ICEServer        `json:"iceServers,omitempty"`
	ICETransportPolicy ICETransportPolicy `json:"iceTransportPolicy,omitempty"`
	BundlePolicy       BundlePolicy       `json:"bundlePolicy,omitempty"`
	RTCPMuxPolicy      RTCPMuxPolicy      `json:"rtcpMuxPolicy,omitempty"`
	// Certificates: the first is used, and none of them may have expired. None: one that the connections of an API share.
	Certificates []Certificate `json:"certificates,omitempty"`
	// ICECandidatePoolSize: 1 or more gathers candidates from the start; they are told once there is a local description.
	ICECandidatePoolSize uint8 `json:"iceCandidatePoolSize,omitempty"`
	// AlwaysNegotiateDataChannels: an offer has a section for data channels, whether one was created or not.
	AlwaysNegotiateDataChannels bool `json:"alwaysNegotiateDataChannels,omitempty"`
}

// settings are a configuration and a SettingEngine, as the engine takes them.
type settings struct {
	servers      []nativeServer
	policy       uint
	certificates []string
	options      [][2]string
	loopback     bool
	maxMessage   uint
	sendQueue    uint
	mtu          uint
}

type nativeServer struct{ url, username, credential string }

func (c *Configuration) settings(e *SettingEngine) (*settings, error) {
	s := &settings{policy: uint(c.ICETransportPolicy)}
	for _, server := range c.ICEServers {
		credential, ok := server.Credential.(string)
		if !ok && server.Credential != nil {
			return nil, errICECredentials
		}
		for _, url := range server.URLs {
			s.servers = append(s.servers, nativeServer{url, server.Username, credential})
		}
	}
	for _, certificate := range c.Certificates {
		if !certificate.Expires().After(time.Now()) {
			return nil, ErrCertificateExpired
		}
		text, err := certificate.PEM()
		if err != nil {
			return nil, err
		}
		s.certificates = append(s.certificates, text)
	}
	s.number("ice_candidate_pool_size", uint64(c.ICECandidatePoolSize))
	s.flag("always_negotiate_data", c.AlwaysNegotiateDataChannels)
	if err := e.apply(s); err != nil {
		return nil, err
	}
	return s, nil
}

// text adds an option of prtc_peer_config by its name there.
func (s *settings) text(name, value string) {
	if value != "" {
		s.options = append(s.options, [2]string{name, value})
	}
}

func (s *settings) flag(name string, set bool) {
	if set {
		s.text(name, "1")
	}
}

func (s *settings) number(name string, value uint64) {
	if value != 0 {
		s.text(name, decimal(value))
	}
}

// add gives them to the engine, for what is made or changed next.
func (s *settings) add(endpoint native.Endpoint) error {
	code := 0
	for _, server := range s.servers {
		if code >= 0 {
			code = endpoint.AddIceServer(server.url, server.username, server.credential)
		}
	}
	for _, pem := range s.certificates {
		if code >= 0 {
			code = endpoint.AddCertificate(pem)
		}
	}
	for _, option := range s.options {
		if code >= 0 {
			code = endpoint.AddOption(option[0], option[1])
		}
	}
	if code < 0 {
		endpoint.ForgetArguments()
	}
	return newError(code, "")
}

// peer makes a peer with them.
func (s *settings) peer(endpoint native.Endpoint) (uint64, error) {
	if err := s.add(endpoint); err != nil {
		return 0, err
	}
	loopback := uint(0)
	if s.loopback {
		loopback = 1
	}
	id := endpoint.CreatePeer(endpoint.Now(), s.policy, loopback, s.maxMessage, s.sendQueue, s.mtu)
	if id == 0 {
		return 0, newError(endpoint.Code(), endpoint.PeerMessage(0))
	}
	return id, nil
}
