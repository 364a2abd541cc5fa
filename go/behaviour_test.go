// SPDX-License-Identifier: BSD-3-Clause

package polyrtc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"

	webrtc "polyrtc.dev/polyrtc"
)

func ufrag(description *webrtc.SessionDescription) string {
	return regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(description.SDP)[1]
}

// TestTrickle sends candidates as they are found, with the states that both sides go through.
func TestTrickle(t *testing.T) {
	offerer, answerer := pair(t, loopback())
	var mutex sync.Mutex
	states := map[string]bool{}
	saw := func(what string) {
		mutex.Lock()
		defer mutex.Unlock()
		states[what] = true
	}
	over := make(chan struct{}, 2)
	carry := func(from, to *webrtc.PeerConnection) {
		from.OnICECandidate(func(candidate *webrtc.ICECandidate) {
			if candidate == nil {
				over <- struct{}{}
				return
			}
			if init := candidate.ToJSON(); *init.SDPMid != "0" || init.UsernameFragment == nil || !strings.HasPrefix(init.Candidate, "candidate:") {
				t.Errorf("the candidate is %+v", init)
			}
			check(t, to.AddICECandidate(candidate.ToJSON()))
		})
		from.OnSignalingStateChange(func(state webrtc.SignalingState) { saw(state.String()) })
		from.OnICEGatheringStateChange(func(state webrtc.ICEGatheringState) { saw(state.String()) })
		from.OnICEConnectionStateChange(func(state webrtc.ICEConnectionState) { saw("ice " + state.String()) })
		from.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { saw(state.String()) })
	}
	carry(offerer, answerer)
	carry(answerer, offerer)
	needed := make(chan struct{}, 1)
	offerer.OnNegotiationNeeded(func() { needed <- struct{}{} })
	_, err := offerer.CreateDataChannel("", nil)
	check(t, err)
	got(t, needed)
	offer, err := offerer.CreateOffer(nil)
	check(t, err)
	check(t, offerer.SetLocalDescription(offer))
	check(t, answerer.SetRemoteDescription(offer))
	answer, err := answerer.CreateAnswer(nil)
	check(t, err)
	check(t, answerer.SetLocalDescription(answer))
	check(t, offerer.SetRemoteDescription(answer))
	check(t, offerer.WaitConnected(limit(t)))
	check(t, answerer.WaitConnected(limit(t)))
	got(t, over)
	got(t, over)
	if answerer.CanTrickleICECandidates() != webrtc.ICETrickleCapabilitySupported {
		t.Error("the other side trickles")
	}
	check(t, offerer.GracefulClose())
	check(t, answerer.GracefulClose())
	for _, state := range strings.Split("stable,have-local-offer,have-remote-offer,gathering,complete,ice checking,ice connected,ice closed,"+
		"connecting,connected,closed", ",") {
		if !states[state] {
			t.Errorf("%s was not told, but %v", state, states)
		}
	}
}

func TestRestart(t *testing.T) {
	ends, channels := connected(t, loopback())
	closeBoth(t, ends)
	messages := make(chan webrtc.DataChannelMessage, 1)
	channels[1].OnMessage(func(message webrtc.DataChannelMessage) { messages <- message })
	before := ufrag(ends[0].LocalDescription())
	needed := make(chan struct{}, 1)
	ends[0].OnNegotiationNeeded(func() { needed <- struct{}{} })
	for i, options := range []*webrtc.OfferOptions{{ICERestart: true}, nil} {
		if options == nil {
			check(t, ends[0].RestartICE())
			got(t, needed)
		}
		offer, err := ends[0].CreateOffer(options)
		check(t, err)
		check(t, ends[0].SetLocalDescription(offer))
		<-webrtc.GatheringCompletePromise(ends[0])
		check(t, ends[1].SetRemoteDescription(*ends[0].LocalDescription()))
		check(t, ends[1].SetLocalDescription(webrtc.SessionDescription{}))
		<-webrtc.GatheringCompletePromise(ends[1])
		check(t, ends[0].SetRemoteDescription(*ends[1].LocalDescription()))
		after := ufrag(ends[0].LocalDescription())
		if after == before {
			t.Error("the credentials are the same")
		}
		before = after
		check(t, channels[0].SendText(fmt.Sprint(i)))
		if message := got(t, messages); string(message.Data) != fmt.Sprint(i) {
			t.Errorf("there came %q", message.Data)
		}
	}
}

func TestWhatThereIsToSee(t *testing.T) {
	ends, channels := connected(t, loopback())
	closeBoth(t, ends)
	answered := make(chan struct{})
	channels[1].OnMessage(func(webrtc.DataChannelMessage) { close(answered) })
	check(t, channels[0].Send(make([]byte, 1000)))
	got(t, answered)
	report := ends[0].GetStats()
	kinds := map[string]int{}
	for id, one := range report {
		kinds[fmt.Sprintf("%T", one)]++
		if stats, ok := one.(webrtc.TransportStats); ok {
			if stats.DTLSState != webrtc.DTLSTransportStateConnected || stats.ICERole != webrtc.ICERoleControlling || stats.BytesSent < 1000 {
				t.Errorf("%s: %+v", id, stats)
			}
			if pair, ok := report[stats.SelectedCandidatePairID].(webrtc.ICECandidatePairStats); !ok ||
				pair.State != webrtc.StatsICECandidatePairStateSucceeded {
				t.Errorf("the selected pair is %+v", report[stats.SelectedCandidatePairID])
			}
		}
	}
	for _, kind := range []string{"PeerConnection", "DataChannel", "Transport", "ICECandidatePair", "ICECandidate", "Certificate"} {
		if kinds["polyrtc."+kind+"Stats"] == 0 {
			t.Errorf("there is nothing about %s, but %v", kind, kinds)
		}
	}
	if stats, ok := report.GetDataChannelStats(channels[0]); !ok || stats.MessagesSent != 1 || stats.BytesSent != 1000 {
		t.Errorf("of the channel: %+v", stats)
	}
	sctp := ends[0].SCTP()
	dtls := sctp.Transport()
	if sctp.State() != webrtc.SCTPTransportStateConnected || sctp.MaxChannels() == 0 || sctp.MaxMessageSize() != 256<<10 {
		t.Error(sctp.State(), sctp.MaxChannels(), sctp.MaxMessageSize())
	}
	if dtls.State() != webrtc.DTLSTransportStateConnected || len(dtls.GetRemoteCertificate()) == 0 {
		t.Error(dtls.State())
	}
	selected, err := dtls.ICETransport().GetSelectedCandidatePair()
	check(t, err)
	if selected.Local.Typ != webrtc.ICECandidateTypeHost || selected.Remote.Address == "" {
		t.Error(selected)
	}
	if *channels[0].ID() != *channels[1].ID() || channels[0].Transport() != sctp || !channels[0].Ordered() {
		t.Error(channels[0].ID(), channels[1].ID())
	}
}

// TestTransportsOneByOne is ORTC's way: datagrams over ICE, then records over DTLS, then channels.
func TestTransportsOneByOne(t *testing.T) {
	api := loopback()
	type side struct {
		gatherer *webrtc.ICEGatherer
		ice      *webrtc.ICETransport
		dtls     *webrtc.DTLSTransport
		sctp     *webrtc.SCTPTransport
		data     chan string
		channels chan *webrtc.DataChannel
	}
	var sides [2]*side
	certificate, err := webrtc.GenerateCertificate(nil)
	check(t, err)
	for i := range sides {
		s := &side{data: make(chan string, 1), channels: make(chan *webrtc.DataChannel, 1)}
		s.gatherer, err = api.NewICEGatherer(webrtc.ICEGatherOptions{})
		check(t, err)
		t.Cleanup(func() { check(t, s.gatherer.GracefulClose()) })
		s.ice = api.NewICETransport(s.gatherer)
		if i == 0 {
			s.dtls, err = api.NewDTLSTransport(s.ice, []webrtc.Certificate{*certificate})
		} else {
			s.dtls, err = api.NewDTLSTransport(s.ice, nil)
		}
		check(t, err)
		s.sctp = api.NewSCTPTransport(s.dtls)
		s.sctp.OnDataChannel(func(channel *webrtc.DataChannel) { s.channels <- channel })
		s.ice.OnData(func(data []byte) { s.data <- string(data) })
		s.dtls.OnData(func(data []byte) { s.data <- string(data) })
		if _, err := s.gatherer.GetLocalParameters(); !errors.Is(err, webrtc.ErrInvalidState) {
			t.Errorf("parameters before there are any: %v", err)
		}
		gathered := make(chan struct{})
		s.gatherer.OnLocalCandidate(func(candidate *webrtc.ICECandidate) {
			if candidate == nil {
				close(gathered)
			}
		})
		check(t, s.gatherer.Gather())
		got(t, gathered)
		sides[i] = s
	}
	both := func(start func(one, other *side, role webrtc.ICERole) error) {
		t.Helper()
		results := make(chan error, 2)
		for i, s := range sides {
			go func(one, other *side, role webrtc.ICERole) { results <- start(one, other, role) }(s, sides[1-i], webrtc.ICERole(i+1))
		}
		check(t, got(t, results))
		check(t, got(t, results))
	}
	both(func(one, other *side, role webrtc.ICERole) error {
		candidates, err := other.gatherer.GetLocalCandidates()
		if err == nil {
			err = one.ice.SetRemoteCandidates(candidates)
		}
		parameters, _ := other.gatherer.GetLocalParameters()
		if err == nil {
			err = one.ice.StartContext(limit(t), nil, parameters, &role)
		}
		return err
	})
	check(t, sides[0].ice.Send([]byte("over ICE")))
	if data := got(t, sides[1].data); data != "over ICE" {
		t.Errorf("there came %q", data)
	}
	for _, s := range sides {
		s.ice.OnData(nil) // what comes is DTLS of the side that is quicker
	}
	both(func(one, other *side, _ webrtc.ICERole) error {
		parameters, err := other.dtls.GetLocalParameters()
		if err == nil {
			err = one.dtls.StartContext(limit(t), parameters)
		}
		return err
	})
	if prints, _ := certificate.GetFingerprints(); len(sides[1].dtls.GetRemoteCertificate()) == 0 || prints[0].Value == "" {
		t.Error("there is no certificate")
	}
	check(t, sides[1].dtls.Send([]byte("over DTLS")))
	if data := got(t, sides[0].data); data != "over DTLS" {
		t.Errorf("there came %q", data)
	}
	for _, s := range sides {
		s.dtls.OnData(nil) // what comes is SCTP of the side that is quicker
	}
	both(func(one, other *side, _ webrtc.ICERole) error {
		return one.sctp.StartContext(limit(t), other.sctp.GetCapabilities())
	})
	channel, err := api.NewDataChannel(sides[0].sctp, &webrtc.DataChannelParameters{Label: "Foo", Ordered: true})
	check(t, err)
	check(t, channel.WaitOpen(limit(t)))
	if label := got(t, sides[1].channels).Label(); label != "Foo" {
		t.Errorf("the label is %q", label)
	}
	check(t, sides[0].sctp.Stop())
	if state := sides[0].ice.State(); state != webrtc.ICETransportStateClosed {
		t.Error(state)
	}
	if err := sides[0].gatherer.Gather(); !errors.Is(err, webrtc.ErrClosed) {
		t.Error(err)
	}
	pc, _ := pair(t, api)
	if err := pc.SCTP().Transport().ICETransport().Stop(); !errors.Is(err, webrtc.ErrInvalidState) {
		t.Errorf("a connection's transport was stopped: %v", err)
	}
}

// TestHandlers: one of OnOpen that does not return does not hold up messages, and one of a connection no others.
func TestHandlers(t *testing.T) {
	offerer, answerer := pair(t, loopback())
	release := make(chan struct{})
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { close(release) }) })
	messages, states := make(chan string, 10), make(chan webrtc.PeerConnectionState, 10)
	answerer.OnICEConnectionStateChange(func(webrtc.ICEConnectionState) { <-release })
	answerer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) { states <- state })
	answerer.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnOpen(func() {
			messages <- "open"
			<-release
		})
		channel.OnMessage(func(message webrtc.DataChannelMessage) { messages <- string(message.Data) })
		channel.OnClose(func() { messages <- "close" })
	})
	channel, err := offerer.CreateDataChannel("", nil)
	check(t, err)
	channel.OnOpen(func() {
		for i := 0; i < 3; i++ {
			check(t, channel.SendText(fmt.Sprint(i)))
		}
		check(t, channel.Close())
	})
	negotiate(t, offerer, answerer)
	for _, wanted := range []string{"open", "0", "1", "2", "close"} {
		if message := got(t, messages); message != wanted {
			t.Errorf("there came %s, not %s", message, wanted)
		}
	}
	for state := got(t, states); state != webrtc.PeerConnectionStateConnected; state = got(t, states) {
	}
	opened := make(chan struct{})
	again, err := offerer.CreateDataChannel("again", nil)
	check(t, err)
	check(t, again.WaitOpen(limit(t)))
	again.OnOpen(func() { close(opened) }) // is told at once
	got(t, opened)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := answerer.CloseContext(ctx); err != context.Canceled {
		t.Errorf("closing has not waited for the handlers: %v", err)
	}
	once.Do(func() { close(release) })
}

func TestAChannelThatNobodyWants(t *testing.T) {
	offerer, answerer := pair(t, loopback())
	closed := make(chan struct{})
	channel, err := offerer.CreateDataChannel("", nil)
	check(t, err)
	channel.OnClose(func() { close(closed) })
	negotiate(t, offerer, answerer)
	got(t, closed)
	check(t, channel.CloseContext(limit(t)))
}

// TestASlowHandler stops the other side, and loses nothing.
func TestASlowHandler(t *testing.T) {
	ends, channels := connected(t, loopback())
	closeBoth(t, ends)
	release, done := make(chan struct{}), make(chan int)
	count := 0
	channels[1].OnMessage(func(message webrtc.DataChannelMessage) {
		<-release
		if message.IsString {
			done <- count
		}
		count++
	})
	sent := 0
	for ; ; sent++ {
		err := channels[0].Send(make([]byte, 10000))
		if errors.Is(err, webrtc.ErrQueueFull) {
			break
		}
		check(t, err)
		if sent > 100000 {
			t.Fatal("a gigabyte was taken that nobody reads")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	waiting := make(chan error)
	go func() { waiting <- channels[0].SendContext(ctx, make([]byte, 10)) }()
	cancel()
	if err := got(t, waiting); err != context.Canceled {
		t.Errorf("waiting for room was not given up: %v", err)
	}
	close(release)
	check(t, channels[0].SendTextContext(limit(t), "END"))
	if count := got(t, done); count != sent {
		t.Errorf("%d messages came of %d", count, sent)
	}
}

func TestAMessageThatIsGivenUp(t *testing.T) {
	ends, channels := connected(t, loopback(func(s *webrtc.SettingEngine) { s.DetachDataChannels() }))
	closeBoth(t, ends)
	writer, err := channels[0].NextWriter(limit(t), false)
	check(t, err)
	_, err = writer.Write(make([]byte, 100000))
	check(t, err)
	reader, err := channels[1].NextReader(limit(t))
	check(t, err)
	_, err = io.ReadFull(reader, make([]byte, 90000))
	check(t, err)
	writer.Abort()
	if _, err := io.Copy(io.Discard, reader); err != webrtc.ErrIncomplete {
		t.Errorf("the end is %v", err)
	}
	if err := channels[0].SendText("a character that is cut: \xe2\x82"); !errors.Is(err, webrtc.ErrSyntax) {
		t.Errorf("that is no text: %v", err)
	}
	check(t, channels[0].SendTextContext(limit(t), "next"))
	reader, err = channels[1].NextReader(limit(t))
	check(t, err)
	if text, err := io.ReadAll(reader); err != nil || string(text) != "next" {
		t.Errorf("there came %q, %v", text, err)
	}
	check(t, channels[0].Close())
	if _, err := channels[1].NextReader(limit(t)); err != io.EOF {
		t.Errorf("the channel's end is %v", err)
	}
}

// TestIdleConnectionsHaveNoGoroutines: there is one for each engine, however many connections it has.
func TestIdleConnectionsHaveNoGoroutines(t *testing.T) {
	api := loopback(func(s *webrtc.SettingEngine) { s.SetEngines(2) })
	for i := 0; i < 20; i++ {
		ends, _ := connected(t, api)
		closeBoth(t, ends)
	}
	for ctx := limit(t); len(ours()) != 2; {
		if ctx.Err() != nil {
			t.Fatalf("%d goroutines:\n%s", len(ours()), strings.Join(ours(), "\n\n"))
		}
	}
}

func TestBytesInsideOfAStructWithPointers(t *testing.T) {
	ends, channels := connected(t, loopback())
	closeBoth(t, ends)
	value := struct {
		pointer *int
		bytes   [10]byte
	}{pointer: new(int)}
	check(t, channels[0].Send(value.bytes[:])) // cgo has rules about pointers to what has pointers
	check(t, channels[0].SendContext(limit(t), value.bytes[1:]))
}

// TestMessagesBeforeAnybodyListens wait, and stop the other side when they are many; a channel that closes lets the others go on.
func TestMessagesBeforeAnybodyListens(t *testing.T) {
	ends, channels := connected(t, loopback())
	closeBoth(t, ends)
	announced := make(chan *webrtc.DataChannel, 1)
	ends[1].OnDataChannel(func(channel *webrtc.DataChannel) { announced <- channel })
	ignored, err := ends[0].CreateDataChannel("ignored", nil)
	check(t, err)
	check(t, ignored.WaitOpen(limit(t)))
	unread := got(t, announced)
	const count = 300
	for i := 0; i < count; i++ {
		check(t, channels[0].Send(append([]byte{byte(i)}, make([]byte, 9999)...)))
	}
	next, done := 0, make(chan struct{})
	channels[1].OnMessage(func(message webrtc.DataChannelMessage) {
		if message.Data[0] != byte(next) {
			t.Errorf("there came %d, not %d", message.Data[0], byte(next))
		}
		if next++; next == count {
			close(done)
		}
	})
	got(t, done)

	for i := 0; i < count; i++ {
		check(t, ignored.Send(make([]byte, 10000)))
	}
	check(t, unread.Close())
	heard := make(chan struct{})
	channels[1].OnMessage(func(webrtc.DataChannelMessage) { close(heard) })
	check(t, channels[0].SendTextContext(limit(t), "after it"))
	got(t, heard)
}
