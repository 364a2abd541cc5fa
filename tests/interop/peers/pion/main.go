// A peer (../../README.md) over pion.
//
// SPDX-License-Identifier: BSD-3-Clause
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"
)

// Bytes that a channel holds before the next message waits, and those at which it goes on.
const mostBuffered, lowBuffered = 1 << 20, 1 << 19

type object = map[string]any

var output sync.Mutex

func tell(line object) {
	bytes, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	output.Lock()
	defer output.Unlock()
	os.Stdout.Write(append(bytes, '\n'))
}

type configuration struct {
	ICEServers []struct {
		URLs                 []string
		Username, Credential string
	}
	ICETransportPolicy string

	// Beyond the W3C. ICE over TCP alone: "active", "passive"
	TCP string
}

func (c *configuration) read() (read webrtc.Configuration) {
	for _, server := range c.ICEServers {
		read.ICEServers = append(read.ICEServers, webrtc.ICEServer{
			URLs: server.URLs, Username: server.Username, Credential: server.Credential,
		})
	}
	read.ICETransportPolicy = webrtc.NewICETransportPolicy(c.ICETransportPolicy)
	return read
}

type request struct {
	N  int    `json:"n"`
	Do string `json:"do"`

	Trickle, Restart      bool
	Configuration         *configuration
	Label, SDP, Text      string
	Kind                  string
	First, Count, Size    int
	Candidate, SDPMid     string
	SDPMLineIndex         uint16
	Ordered, Negotiated   *bool
	MaxRetransmits        *uint16
	MaxPacketLifeTime, ID *uint16
	Protocol              *string
}

type channel struct {
	*webrtc.DataChannel
	low chan struct{}
}

type peer struct {
	connection *webrtc.PeerConnection
	trickle    bool
	mutex      sync.Mutex
	channels   map[string]channel
}

// onlyTCP has nothing but TCP candidates; what is "passive" listens for all connections of this process.
func onlyTCP(settings *webrtc.SettingEngine, kind string) error {
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	settings.SetIncludeLoopbackCandidate(true)
	if kind != "passive" {
		return nil
	}
	listener, err := net.Listen("tcp", ":0")
	if err == nil {
		settings.SetICETCPMux(webrtc.NewICETCPMux(nil, listener, 8))
	}
	return err
}

func (p *peer) open(trickle bool, given *configuration) error {
	settings, read := webrtc.SettingEngine{}, webrtc.Configuration{}
	if given != nil {
		read = given.read()
	} else {
		settings.SetIncludeLoopbackCandidate(true)
	}
	if given != nil && given.TCP != "" {
		if err := onlyTCP(&settings, given.TCP); err != nil {
			return err
		}
	}
	connection, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(read)
	if err != nil {
		return err
	}
	p.connection, p.trickle, p.channels = connection, trickle, map[string]channel{}
	connection.OnDataChannel(func(made *webrtc.DataChannel) { p.add(made, true) })
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		tell(object{"event": "state", "state": state.String()})
	})
	connection.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if !trickle {
			return
		}
		line := object{"event": "candidate", "candidate": "", "sdpMid": "0", "sdpMLineIndex": 0}
		if candidate != nil {
			line["candidate"] = candidate.ToJSON().Candidate
		}
		tell(line)
	})
	return nil
}

func (p *peer) add(made *webrtc.DataChannel, announced bool) {
	label := made.Label()
	added := channel{made, make(chan struct{}, 1)}
	p.mutex.Lock()
	p.channels[label] = added
	p.mutex.Unlock()
	made.SetBufferedAmountLowThreshold(lowBuffered)
	made.OnBufferedAmountLow(func() {
		select {
		case added.low <- struct{}{}:
		default:
		}
	})
	made.OnOpen(func() { tell(object{"event": "open", "label": label, "announced": announced}) })
	made.OnClose(func() { tell(object{"event": "closed", "label": label}) })
	made.OnMessage(func(message webrtc.DataChannelMessage) {
		kind, hash := "binary", sha256.Sum256(message.Data)
		if message.IsString {
			kind = "text"
		}
		tell(object{
			"event": "message", "label": label, "kind": kind, "size": len(message.Data), "sha256": hex.EncodeToString(hash[:]),
		})
	})
}

func (p *peer) find(label string) (channel, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	found, there := p.channels[label]
	if !there {
		return found, fmt.Errorf("there is no channel %q", label)
	}
	return found, nil
}

func (p *peer) create(r request) error {
	made, err := p.connection.CreateDataChannel(r.Label, &webrtc.DataChannelInit{
		Ordered: r.Ordered, MaxRetransmits: r.MaxRetransmits, MaxPacketLifeTime: r.MaxPacketLifeTime, Protocol: r.Protocol,
		Negotiated: r.Negotiated, ID: r.ID,
	})
	if err == nil {
		p.add(made, false)
	}
	return err
}

// apply sets the local description and gives what is to be sent: with the candidates, or without when they trickle.
func (p *peer) apply(description webrtc.SessionDescription, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(p.connection)
	if err := p.connection.SetLocalDescription(description); err != nil {
		return nil, err
	}
	if !p.trickle {
		<-gathered
		description = *p.connection.LocalDescription()
	}
	return object{"type": description.Type.String(), "sdp": description.SDP}, nil
}

func message(number int, kind string, size int) []byte {
	hash := sha256.Sum256(fmt.Append(nil, number))
	unit := string(hash[:])
	if kind == "text" {
		unit = hex.EncodeToString(hash[:])
	}
	return []byte(strings.Repeat(unit, size/len(unit)+1)[:size])
}

func (p *peer) send(r request) error {
	target, err := p.find(r.Label)
	if err != nil {
		return err
	}
	if r.Kind == "" {
		return target.SendText(r.Text)
	}
	for number := r.First; number < r.First+r.Count; number++ {
		if target.BufferedAmount() > mostBuffered {
			<-target.low
		}
		data := message(number, r.Kind, r.Size)
		if r.Kind == "text" {
			err = target.SendText(string(data))
		} else {
			err = target.Send(data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) info(label string) (any, error) {
	found, err := p.find(label)
	if err != nil {
		return nil, err
	}
	return object{
		"id": found.ID(), "ordered": found.Ordered(), "maxRetransmits": found.MaxRetransmits(),
		"maxPacketLifeTime": found.MaxPacketLifeTime(), "protocol": found.Protocol(),
	}, nil
}

func (p *peer) do(r request) (any, error) {
	switch r.Do {
	case "open":
		return nil, p.open(r.Trickle, r.Configuration)
	case "channel":
		return nil, p.create(r)
	case "offer":
		return p.apply(p.connection.CreateOffer(&webrtc.OfferOptions{ICERestart: r.Restart}))
	case "answer":
		offer := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: r.SDP}
		if err := p.connection.SetRemoteDescription(offer); err != nil {
			return nil, err
		}
		return p.apply(p.connection.CreateAnswer(nil))
	case "accept":
		return nil, p.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.SDP})
	case "candidate":
		return nil, p.connection.AddICECandidate(webrtc.ICECandidateInit{
			Candidate: r.Candidate, SDPMid: &r.SDPMid, SDPMLineIndex: &r.SDPMLineIndex,
		})
	case "send":
		return nil, p.send(r)
	case "info":
		return p.info(r.Label)
	case "close_channel":
		found, err := p.find(r.Label)
		if err == nil {
			err = found.Close()
		}
		return nil, err
	case "close":
		return nil, p.connection.Close()
	}
	return nil, errors.New("there is no request " + r.Do)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	peer := &peer{}
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			panic(err)
		}
		answer := func() {
			result, err := peer.do(r)
			switch {
			case err != nil:
				tell(object{"n": r.N, "error": err.Error()})
			case result == nil:
				tell(object{"n": r.N, "result": object{}})
			default:
				tell(object{"n": r.N, "result": result})
			}
		}
		if r.Do == "send" { // takes as long as the channel does
			go answer()
		} else {
			answer()
		}
	}
}
