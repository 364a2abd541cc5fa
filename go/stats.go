// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"encoding/json"
	"time"
)

// StatsTimestamp is milliseconds since 1970.
type StatsTimestamp float64

// Time of the timestamp.
func (s StatsTimestamp) Time() time.Time {
	return time.Unix(0, int64(float64(s)*float64(time.Millisecond))).UTC()
}

// StatsType is what an object of the statistics is about.
type StatsType string

// The types that there are.
const (
	StatsTypePeerConnection  StatsType = "peer-connection"
	StatsTypeDataChannel     StatsType = "data-channel"
	StatsTypeTransport       StatsType = "transport"
	StatsTypeCandidatePair   StatsType = "candidate-pair"
	StatsTypeLocalCandidate  StatsType = "local-candidate"
	StatsTypeRemoteCandidate StatsType = "remote-candidate"
	StatsTypeCertificate     StatsType = "certificate"
)

// StatsICECandidatePairState is the state of a pair.
type StatsICECandidatePairState string

// The states of a pair.
const (
	StatsICECandidatePairStateFrozen     StatsICECandidatePairState = "frozen"
	StatsICECandidatePairStateWaiting    StatsICECandidatePairState = "waiting"
	StatsICECandidatePairStateInProgress StatsICECandidatePairState = "in-progress"
	StatsICECandidatePairStateFailed     StatsICECandidatePairState = "failed"
	StatsICECandidatePairStateSucceeded  StatsICECandidatePairState = "succeeded"
)

// Stats is one object of the statistics: one of the types below.
type Stats interface{ statsID() string }

// StatsReport has the objects by their IDs (W3C webrtc-stats).
type StatsReport map[string]Stats

// PeerConnectionStats is W3C RTCPeerConnectionStats.
type PeerConnectionStats struct {
	Timestamp             StatsTimestamp `json:"timestamp"`
	Type                  StatsType      `json:"type"`
	ID                    string         `json:"id"`
	DataChannelsOpened    uint32         `json:"dataChannelsOpened"`
	DataChannelsClosed    uint32         `json:"dataChannelsClosed"`
	DataChannelsRequested uint32         `json:"dataChannelsRequested"`
	DataChannelsAccepted  uint32         `json:"dataChannelsAccepted"`
}

// DataChannelStats is W3C RTCDataChannelStats.
type DataChannelStats struct {
	Timestamp             StatsTimestamp   `json:"timestamp"`
	Type                  StatsType        `json:"type"`
	ID                    string           `json:"id"`
	Label                 string           `json:"label"`
	Protocol              string           `json:"protocol"`
	DataChannelIdentifier int32            `json:"dataChannelIdentifier"`
	TransportID           string           `json:"transportId"`
	State                 DataChannelState `json:"state"`
	MessagesSent          uint32           `json:"messagesSent"`
	BytesSent             uint64           `json:"bytesSent"`
	MessagesReceived      uint32           `json:"messagesReceived"`
	BytesReceived         uint64           `json:"bytesReceived"`
}

// TransportStats is W3C RTCTransportStats.
type TransportStats struct {
	Timestamp                    StatsTimestamp     `json:"timestamp"`
	Type                         StatsType          `json:"type"`
	ID                           string             `json:"id"`
	PacketsSent                  uint64             `json:"packetsSent"`
	PacketsReceived              uint64             `json:"packetsReceived"`
	BytesSent                    uint64             `json:"bytesSent"`
	BytesReceived                uint64             `json:"bytesReceived"`
	ICERole                      ICERole            `json:"iceRole"`
	ICELocalUsernameFragment     string             `json:"iceLocalUsernameFragment"`
	DTLSState                    DTLSTransportState `json:"dtlsState"`
	DTLSRole                     string             `json:"dtlsRole"`
	ICEState                     ICETransportState  `json:"iceState"`
	SelectedCandidatePairID      string             `json:"selectedCandidatePairId"`
	SelectedCandidatePairChanges uint32             `json:"selectedCandidatePairChanges"`
	LocalCertificateID           string             `json:"localCertificateId"`
	RemoteCertificateID          string             `json:"remoteCertificateId"`
	TLSVersion                   string             `json:"tlsVersion,omitempty"`
	DTLSCipher                   string             `json:"dtlsCipher,omitempty"`
}

// ICECandidatePairStats is W3C RTCIceCandidatePairStats.
type ICECandidatePairStats struct {
	Timestamp                   StatsTimestamp             `json:"timestamp"`
	Type                        StatsType                  `json:"type"`
	ID                          string                     `json:"id"`
	TransportID                 string                     `json:"transportId"`
	LocalCandidateID            string                     `json:"localCandidateId"`
	RemoteCandidateID           string                     `json:"remoteCandidateId"`
	State                       StatsICECandidatePairState `json:"state"`
	Nominated                   bool                       `json:"nominated"`
	PacketsSent                 uint64                     `json:"packetsSent"`
	PacketsReceived             uint64                     `json:"packetsReceived"`
	BytesSent                   uint64                     `json:"bytesSent"`
	BytesReceived               uint64                     `json:"bytesReceived"`
	LastPacketSentTimestamp     StatsTimestamp             `json:"lastPacketSentTimestamp"`
	LastPacketReceivedTimestamp StatsTimestamp             `json:"lastPacketReceivedTimestamp"`
	TotalRoundTripTime          float64                    `json:"totalRoundTripTime"`
	CurrentRoundTripTime        float64                    `json:"currentRoundTripTime"`
	AvailableOutgoingBitrate    float64                    `json:"availableOutgoingBitrate"`
	RequestsReceived            uint64                     `json:"requestsReceived"`
	RequestsSent                uint64                     `json:"requestsSent"`
	ResponsesReceived           uint64                     `json:"responsesReceived"`
	ResponsesSent               uint64                     `json:"responsesSent"`
	ConsentRequestsSent         uint64                     `json:"consentRequestsSent"`
}

// ICECandidateStats is W3C RTCIceCandidateStats, of either side.
type ICECandidateStats struct {
	Timestamp        StatsTimestamp   `json:"timestamp"`
	Type             StatsType        `json:"type"`
	ID               string           `json:"id"`
	TransportID      string           `json:"transportId"`
	IP               string           `json:"ip"`
	Address          string           `json:"address"`
	Port             int32            `json:"port"`
	Protocol         string           `json:"protocol"`
	CandidateType    ICECandidateType `json:"candidateType"`
	Priority         int64            `json:"priority"`
	URL              string           `json:"url"`
	RelayProtocol    string           `json:"relayProtocol"`
	Foundation       string           `json:"foundation"`
	RelatedAddress   string           `json:"relatedAddress"`
	RelatedPort      int32            `json:"relatedPort"`
	UsernameFragment string           `json:"usernameFragment"`
	TCPType          string           `json:"tcpType"`
}

// CertificateStats is W3C RTCCertificateStats.
type CertificateStats struct {
	Timestamp            StatsTimestamp `json:"timestamp"`
	Type                 StatsType      `json:"type"`
	ID                   string         `json:"id"`
	Fingerprint          string         `json:"fingerprint"`
	FingerprintAlgorithm string         `json:"fingerprintAlgorithm"`
	Base64Certificate    string         `json:"base64Certificate"`
}

func (s PeerConnectionStats) statsID() string   { return s.ID }
func (s DataChannelStats) statsID() string      { return s.ID }
func (s TransportStats) statsID() string        { return s.ID }
func (s ICECandidatePairStats) statsID() string { return s.ID }
func (s ICECandidateStats) statsID() string     { return s.ID }
func (s CertificateStats) statsID() string      { return s.ID }

// UnmarshalStatsJSON reads one object.
func UnmarshalStatsJSON(b []byte) (Stats, error) {
	var head struct {
		Type StatsType `json:"type"`
	}
	if err := json.Unmarshal(b, &head); err != nil {
		return nil, err
	}
	switch head.Type {
	case StatsTypePeerConnection:
		var s PeerConnectionStats
		err := json.Unmarshal(b, &s)
		return s, err
	case StatsTypeDataChannel:
		var s DataChannelStats
		err := json.Unmarshal(b, &s)
		return s, err
	case StatsTypeTransport:
		var s TransportStats
		err := json.Unmarshal(b, &s)
		return s, err
	case StatsTypeCandidatePair:
		var s ICECandidatePairStats
		err := json.Unmarshal(b, &s)
		return s, err
	case StatsTypeLocalCandidate, StatsTypeRemoteCandidate:
		var s ICECandidateStats
		err := json.Unmarshal(b, &s)
		s.IP = s.Address
		return s, err
	case StatsTypeCertificate:
		var s CertificateStats
		err := json.Unmarshal(b, &s)
		return s, err
	}
	return nil, ErrUnknownType
}

// readStats asks the engine. The lock is held.
func (c *carrier) readStats() StatsReport {
	report := StatsReport{}
	endpoint := c.engine.endpoint
	var objects []json.RawMessage
	if json.Unmarshal([]byte(endpoint.PeerStats(c.peer, endpoint.Now())), &objects) != nil {
		return report
	}
	for _, object := range objects {
		if stats, err := UnmarshalStatsJSON(object); err == nil {
			report[stats.statsID()] = stats
		}
	}
	return report
}

// GetDataChannelStats finds those of a channel.
func (r StatsReport) GetDataChannelStats(dc *DataChannel) (DataChannelStats, bool) {
	id := dc.ID()
	for _, one := range r {
		if stats, ok := one.(DataChannelStats); ok && id != nil && stats.DataChannelIdentifier == int32(*id) {
			return stats, true
		}
	}
	return DataChannelStats{}, false
}

// GetConnectionStats finds those of the connection.
func (r StatsReport) GetConnectionStats(_ *PeerConnection) (PeerConnectionStats, bool) {
	for _, one := range r {
		if stats, ok := one.(PeerConnectionStats); ok {
			return stats, true
		}
	}
	return PeerConnectionStats{}, false
}
