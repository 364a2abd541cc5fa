// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"fmt"
	"strconv"
	"strings"
)

// SessionDescription is an offer or an answer; as JSON it is what browsers send and take.
type SessionDescription struct {
	Type SDPType `json:"type"`
	SDP  string  `json:"sdp"`
}

// OfferAnswerOptions are there for pion's programs: neither is of a meaning here. (Candidates are always taken one by one.)
type OfferAnswerOptions struct {
	VoiceActivityDetection bool
	ICETricklingSupported  bool
}

// OfferOptions are those of CreateOffer.
type OfferOptions struct {
	OfferAnswerOptions
	ICERestart bool // new ICE credentials
}

// AnswerOptions are those of CreateAnswer.
type AnswerOptions struct {
	OfferAnswerOptions
}

// ICECandidateInit is a candidate as browsers send and take it.
type ICECandidateInit struct {
	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex"`
	UsernameFragment *string `json:"usernameFragment"`
}

// ICECandidate is an address at which one side may be reached.
type ICECandidate struct {
	Foundation     string           `json:"foundation"`
	Priority       uint32           `json:"priority"`
	Address        string           `json:"address"`
	Protocol       ICEProtocol      `json:"protocol"`
	Port           uint16           `json:"port"`
	Typ            ICECandidateType `json:"type"`
	Component      uint16           `json:"component"`
	RelatedAddress string           `json:"relatedAddress"`
	RelatedPort    uint16           `json:"relatedPort"`
	TCPType        string           `json:"tcpType"`
	SDPMid         string           `json:"sdpMid"`
	SDPMLineIndex  uint16           `json:"sdpMLineIndex"`
	ufrag          string
}

func (c ICECandidate) String() string {
	text := fmt.Sprintf("%s %s %s:%d", c.Protocol, c.Typ, c.Address, c.Port)
	if c.RelatedAddress != "" {
		text += fmt.Sprintf(" related %s:%d", c.RelatedAddress, c.RelatedPort)
	}
	return text
}

// ToJSON is the candidate as the other side takes it.
func (c ICECandidate) ToJSON() ICECandidateInit {
	init := ICECandidateInit{Candidate: c.attribute(), SDPMid: &c.SDPMid, SDPMLineIndex: &c.SDPMLineIndex}
	if c.ufrag != "" {
		init.UsernameFragment = &c.ufrag
	}
	return init
}

// attribute is the text of RFC 8839 section 5.1.
func (c *ICECandidate) attribute() string {
	text := fmt.Sprintf("candidate:%s %d %s %d %s %d typ %s", c.Foundation, c.Component, c.Protocol, c.Priority, c.Address, c.Port, c.Typ)
	if c.RelatedAddress != "" {
		text += fmt.Sprintf(" raddr %s rport %d", c.RelatedAddress, c.RelatedPort)
	}
	if c.TCPType != "" {
		text += " tcptype " + c.TCPType
	}
	return text
}

// parseCandidate reads that text, with or without what may stand before it.
func parseCandidate(text string) (*ICECandidate, error) {
	fields := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(text, "a="), "candidate:"))
	wrong := &Error{code: -8, message: fmt.Sprintf("not a candidate: %q", text)}
	if len(fields) < 8 || fields[6] != "typ" {
		return nil, wrong
	}
	component, err1 := strconv.ParseUint(fields[1], 10, 16)
	priority, err2 := strconv.ParseUint(fields[3], 10, 32)
	port, err3 := strconv.ParseUint(fields[5], 10, 16)
	protocol, err4 := NewICEProtocol(strings.ToLower(fields[2]))
	typ, err5 := NewICECandidateType(fields[7])
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return nil, wrong
		}
	}
	candidate := &ICECandidate{
		Foundation: fields[0],
		Component:  uint16(component),
		Protocol:   protocol,
		Priority:   uint32(priority),
		Address:    fields[4],
		Port:       uint16(port),
		Typ:        typ,
	}
	for i := 8; i+1 < len(fields); i += 2 {
		switch fields[i] {
		case "raddr":
			candidate.RelatedAddress = fields[i+1]
		case "rport":
			related, _ := strconv.ParseUint(fields[i+1], 10, 16)
			candidate.RelatedPort = uint16(related)
		case "tcptype":
			candidate.TCPType = fields[i+1]
		case "ufrag":
			candidate.ufrag = fields[i+1]
		}
	}
	return candidate, nil
}

// ICECandidatePair is an address of each side.
type ICECandidatePair struct {
	Local  *ICECandidate
	Remote *ICECandidate
}

func (p *ICECandidatePair) String() string {
	return fmt.Sprintf("(local) %s <-> (remote) %s", p.Local, p.Remote)
}

// NewICECandidatePair makes a pair.
func NewICECandidatePair(local, remote *ICECandidate) *ICECandidatePair {
	return &ICECandidatePair{Local: local, Remote: remote}
}

// dataSection has the lines of a description's section for data.
func dataSection(sdp string) []string {
	at := strings.Index(sdp, "\r\nm=application ")
	if at < 0 {
		return nil
	}
	section := sdp[at+2:]
	if end := strings.Index(section, "\r\nm="); end >= 0 {
		section = section[:end]
	}
	return strings.Split(section, "\r\n")
}

// attributeOf is the value of an attribute, "ice-ufrag", among such lines.
func attributeOf(lines []string, name string) string {
	for _, line := range lines {
		if strings.HasPrefix(line, "a="+name+":") {
			return line[len(name)+3:]
		}
	}
	return ""
}

func candidatesOf(lines []string) (found []ICECandidate) {
	for _, line := range lines {
		if strings.HasPrefix(line, "a=candidate:") {
			if candidate, err := parseCandidate(line); err == nil {
				found = append(found, *candidate)
			}
		}
	}
	return found
}
