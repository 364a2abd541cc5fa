// The agent of Go: the package polyrtc.dev/polyrtc, by the protocol of ../../README.md.
//
// SPDX-License-Identifier: BSD-3-Clause
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"hash/adler32"
	"os"
	"strings"
	"sync"

	"polyrtc.dev/polyrtc"
)

const short = 1000 // bytes of a message that are told; of a longer one its size and sum are

type object map[string]interface{}

type request struct {
	N  int    `json:"n"`
	Do string `json:"do"`

	// create
	MaxMessageSize              uint32 `json:"maxMessageSize"`
	SendQueueSize               uint32 `json:"sendQueueSize"`
	AlwaysNegotiateDataChannels bool   `json:"alwaysNegotiateDataChannels"`
	ICECandidatePoolSize        uint8  `json:"iceCandidatePoolSize"`

	// descriptions and candidates
	Type             string  `json:"type"`
	SDP              string  `json:"sdp"`
	Candidate        string  `json:"candidate"`
	SDPMid           *string `json:"sdpMid"`
	SDPMLineIndex    *uint16 `json:"sdpMLineIndex"`
	UsernameFragment *string `json:"usernameFragment"`

	// channels
	Label             string  `json:"label"`
	Protocol          *string `json:"protocol"`
	Ordered           *bool   `json:"ordered"`
	MaxRetransmits    *uint16 `json:"maxRetransmits"`
	MaxPacketLifeTime *uint16 `json:"maxPacketLifeTime"`
	Negotiated        *bool   `json:"negotiated"`
	ID                *uint16 `json:"id"`
	Channel           int     `json:"channel"`
	Text              *string `json:"text"`
	Kind              string  `json:"kind"`
	Fill              int     `json:"fill"`
	Value             uint64  `json:"value"`
}

// What the W3C calls the errors
var names = []struct {
	err  error
	name string
}{
	{polyrtc.ErrClosed, "InvalidStateError"},
	{polyrtc.ErrInvalidState, "InvalidStateError"},
	{polyrtc.ErrInvalidArgument, "TypeError"},
	{polyrtc.ErrMessageTooLarge, "TypeError"},
	{polyrtc.ErrNotSupported, "NotSupportedError"},
	{polyrtc.ErrSyntax, "SyntaxError"},
	{polyrtc.ErrInvalidAccess, "InvalidAccessError"},
	{polyrtc.ErrInvalidModification, "InvalidModificationError"},
}

func nameOf(err error) string {
	var refused *json.UnmarshalTypeError // the language's types have no room for the value
	if errors.As(err, &refused) {
		return "TypeError"
	}
	for _, known := range names {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	return "OperationError"
}

// -------------------------------------------------------------------------------------------------------------------- lines

var out struct {
	sync.Mutex
	generation int // of the connection that is told of
}

func write(line object) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(line); err != nil {
		panic(err)
	}
	os.Stdout.Write(text.Bytes())
}

func (a *agent) tell(line object) {
	out.Lock()
	defer out.Unlock()
	if a.generation == out.generation {
		write(line)
	}
}

// -------------------------------------------------------------------------------------------------------------------- agent

// agent has one connection, and its channels by number.
type agent struct {
	generation int
	connection *polyrtc.PeerConnection

	mutex    sync.Mutex
	channels []*polyrtc.DataChannel
}

func newAgent(r *request, generation int) (*agent, error) {
	var settings polyrtc.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	if r.MaxMessageSize != 0 {
		settings.SetSCTPMaxMessageSize(r.MaxMessageSize)
	}
	if r.SendQueueSize != 0 {
		settings.SetSendQueueSize(r.SendQueueSize)
	}
	connection, err := polyrtc.NewAPI(polyrtc.WithSettingEngine(settings)).NewPeerConnection(polyrtc.Configuration{
		AlwaysNegotiateDataChannels: r.AlwaysNegotiateDataChannels,
		ICECandidatePoolSize:        r.ICECandidatePoolSize,
	})
	if err != nil {
		return nil, err
	}
	a := &agent{generation: generation, connection: connection}
	state := func(event string, state string) { a.tell(object{"event": event, "state": state}) }
	connection.OnSignalingStateChange(func(s polyrtc.SignalingState) { state("signalingstatechange", s.String()) })
	connection.OnICEGatheringStateChange(func(s polyrtc.ICEGatheringState) { state("icegatheringstatechange", s.String()) })
	connection.OnICEConnectionStateChange(func(s polyrtc.ICEConnectionState) { state("iceconnectionstatechange", s.String()) })
	connection.OnConnectionStateChange(func(s polyrtc.PeerConnectionState) { state("connectionstatechange", s.String()) })
	connection.OnNegotiationNeeded(func() { a.tell(object{"event": "negotiationneeded"}) })
	connection.OnFailure(func(err error) { a.tell(object{"event": "failed", "name": engineName(err)}) })
	connection.OnICECandidate(func(c *polyrtc.ICECandidate) {
		if c == nil {
			a.tell(object{"event": "icecandidate", "candidate": nil})
			return
		}
		init := c.ToJSON()
		a.tell(object{"event": "icecandidate", "candidate": init.Candidate, "sdpMid": init.SDPMid,
			"sdpMLineIndex": init.SDPMLineIndex, "usernameFragment": init.UsernameFragment})
	})
	connection.OnDataChannel(func(d *polyrtc.DataChannel) {
		number := a.add(d)
		line := options(d)
		line["event"], line["channel"] = "datachannel", number
		a.tell(line)
		a.listen(d, number)
	})
	return a, nil
}

func engineName(err error) string {
	var e *polyrtc.Error
	if errors.As(err, &e) {
		return e.Name()
	}
	return err.Error()
}

func (a *agent) add(d *polyrtc.DataChannel) int {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.channels = append(a.channels, d)
	return len(a.channels)
}

func (a *agent) channel(number int) *polyrtc.DataChannel {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.channels[number-1]
}

func (a *agent) listen(d *polyrtc.DataChannel, number int) {
	event := func(name string) func() { return func() { a.tell(object{"event": name, "channel": number}) } }
	d.OnOpen(event("open"))
	d.OnBufferedAmountLow(event("bufferedamountlow"))
	d.OnClose(event("close"))
	d.OnError(func(err error) { a.tell(object{"event": "error", "channel": number, "name": engineName(err)}) })
	d.OnMessage(func(m polyrtc.DataChannelMessage) {
		line := object{"event": "message", "channel": number, "kind": "binary", "size": len(m.Data)}
		line["sum"] = adler32.Checksum(m.Data)
		if m.IsString {
			line["kind"] = "text"
			if len(m.Data) <= short {
				line["text"] = string(m.Data)
			}
		}
		a.tell(line)
	})
}

func options(d *polyrtc.DataChannel) object {
	return object{"label": d.Label(), "protocol": d.Protocol(), "ordered": d.Ordered(), "negotiated": d.Negotiated(),
		"maxRetransmits": d.MaxRetransmits(), "maxPacketLifeTime": d.MaxPacketLifeTime(), "id": d.ID()}
}

// pattern is what "fill" stands for; ../../runner.py knows it as well.
func pattern(kind string, size int) []byte {
	data := make([]byte, size)
	for i := range data {
		if kind == "text" {
			data[i] = byte('a' + i%26)
		} else {
			data[i] = byte(i * 7)
		}
	}
	return data
}

func (a *agent) send(r *request) error {
	d := a.channel(r.Channel)
	if r.Text != nil {
		return d.SendText(*r.Text)
	}
	if r.Kind == "binary" {
		return d.Send(pattern(r.Kind, r.Fill))
	}
	return d.SendText(string(pattern("text", r.Fill)))
}

func trickle(t polyrtc.ICETrickleCapability) interface{} {
	if t == polyrtc.ICETrickleCapabilityUnknown {
		return nil
	}
	return t == polyrtc.ICETrickleCapabilitySupported
}

func describe(d *polyrtc.SessionDescription, err error) (object, error) {
	if err != nil || d == nil {
		return object{"type": nil}, err
	}
	return object{"type": d.Type.String(), "sdp": d.SDP}, nil
}

func (a *agent) carryOut(r *request) (object, error) {
	pc := a.connection
	switch r.Do {
	case "createOffer":
		d, err := pc.CreateOffer(nil)
		return describe(&d, err)
	case "createAnswer":
		d, err := pc.CreateAnswer(nil)
		return describe(&d, err)
	case "localDescription":
		return describe(pc.LocalDescription(), nil)
	case "setLocalDescription":
		return nil, pc.SetLocalDescription(polyrtc.SessionDescription{Type: polyrtc.NewSDPType(r.Type), SDP: r.SDP})
	case "setRemoteDescription":
		return nil, pc.SetRemoteDescription(polyrtc.SessionDescription{Type: polyrtc.NewSDPType(r.Type), SDP: r.SDP})
	case "addIceCandidate":
		return nil, pc.AddICECandidate(polyrtc.ICECandidateInit{Candidate: r.Candidate, SDPMid: r.SDPMid,
			SDPMLineIndex: r.SDPMLineIndex, UsernameFragment: r.UsernameFragment})
	case "restartIce":
		return nil, pc.RestartICE()
	case "createDataChannel":
		d, err := pc.CreateDataChannel(r.Label, &polyrtc.DataChannelInit{Ordered: r.Ordered, Protocol: r.Protocol,
			MaxPacketLifeTime: r.MaxPacketLifeTime, MaxRetransmits: r.MaxRetransmits, Negotiated: r.Negotiated, ID: r.ID})
		if err != nil {
			return nil, err
		}
		number := a.add(d)
		a.listen(d, number)
		return object{"channel": number}, nil
	case "send":
		return nil, a.send(r)
	case "closeChannel":
		return nil, a.channel(r.Channel).Close()
	case "threshold":
		a.channel(r.Channel).SetBufferedAmountLowThreshold(r.Value)
		return nil, nil
	case "channel":
		d := a.channel(r.Channel)
		line := options(d)
		line["readyState"], line["bufferedAmount"] = d.ReadyState().String(), d.BufferedAmount()
		line["bufferedAmountLowThreshold"] = d.BufferedAmountLowThreshold()
		return line, nil
	case "states":
		return object{"signalingState": pc.SignalingState().String(), "iceGatheringState": pc.ICEGatheringState().String(),
			"iceConnectionState": pc.ICEConnectionState().String(), "connectionState": pc.ConnectionState().String(),
			"canTrickleIceCandidates": trickle(pc.CanTrickleICECandidates())}, nil
	case "stats":
		var objects []interface{}
		for _, one := range pc.GetStats() {
			objects = append(objects, one)
		}
		return object{"stats": objects}, nil
	case "close":
		return nil, pc.Close()
	}
	return nil, polyrtc.ErrNotSupported
}

func main() {
	var a *agent
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		text, err := input.ReadString('\n')
		if err != nil {
			return
		}
		var r request
		err = json.NewDecoder(strings.NewReader(text)).Decode(&r)
		var line object
		switch {
		case err != nil:
		case r.Do == "create":
			a, err = newAgent(&r, out.generation)
		case r.Do == "end":
			out.Lock()
			out.generation++ // nothing more is told of it
			out.Unlock()
			err = a.connection.Close()
		default:
			line, err = a.carryOut(&r)
		}
		if err != nil {
			line = object{"error": nameOf(err), "message": err.Error()}
		} else if line == nil {
			line = object{}
		}
		line["n"] = r.N
		out.Lock()
		write(line)
		out.Unlock()
	}
}
