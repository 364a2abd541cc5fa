// SPDX-License-Identifier: BSD-3-Clause

package polyrtc_test

import (
	"context"
	"testing"
	"time"

	webrtc "polyrtc.dev/polyrtc"
)

// limit is the context of a test: what waits longer has failed.
func limit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// loopback has connections that use this machine alone.
func loopback(settings ...func(*webrtc.SettingEngine)) *webrtc.API {
	s := webrtc.SettingEngine{}
	s.SetIncludeLoopbackCandidate(true)
	s.SetInterfaceFilter(func(name string) bool { return name == "lo" })
	for _, set := range settings {
		set(&s)
	}
	return webrtc.NewAPI(webrtc.WithSettingEngine(s))
}

// pair makes two connections, which are closed with the test. Candidates go from one to the other as they are found.
func pair(t testing.TB, api *webrtc.API) (offerer, answerer *webrtc.PeerConnection) {
	t.Helper()
	var ends [2]*webrtc.PeerConnection
	for i := range ends {
		pc, err := api.NewPeerConnection(webrtc.Configuration{})
		check(t, err)
		t.Cleanup(func() { check(t, pc.GracefulClose()) })
		ends[i] = pc
	}
	return ends[0], ends[1]
}

// negotiate lets the first offer; descriptions have all candidates.
func negotiate(t testing.TB, offerer, answerer *webrtc.PeerConnection) {
	t.Helper()
	offer, err := offerer.CreateOffer(nil)
	check(t, err)
	gathered := webrtc.GatheringCompletePromise(offerer)
	check(t, offerer.SetLocalDescription(offer))
	<-gathered
	check(t, answerer.SetRemoteDescription(*offerer.LocalDescription()))
	answer, err := answerer.CreateAnswer(nil)
	check(t, err)
	gathered = webrtc.GatheringCompletePromise(answerer)
	check(t, answerer.SetLocalDescription(answer))
	<-gathered
	check(t, offerer.SetRemoteDescription(*answerer.LocalDescription()))
}

// got waits for what a channel brings.
func got[T any](t testing.TB, channel <-chan T) T {
	t.Helper()
	select {
	case value := <-channel:
		return value
	case <-limit(t).Done():
		t.Fatal("nothing came")
		panic("")
	}
}

func TestTwoConnections(t *testing.T) {
	offerer, answerer := pair(t, loopback())
	there, back := make(chan webrtc.DataChannelMessage, 10), make(chan webrtc.DataChannelMessage, 10)
	labels := make(chan string, 1)
	answerer.OnDataChannel(func(channel *webrtc.DataChannel) {
		labels <- channel.Label()
		channel.OnMessage(func(message webrtc.DataChannelMessage) {
			there <- message
			if err := channel.SendText("back"); err != nil {
				t.Error(err)
			}
		})
	})
	channel, err := offerer.CreateDataChannel("chat", nil)
	check(t, err)
	channel.OnOpen(func() {
		if err := channel.Send([]byte{0, 1, 255}); err != nil {
			t.Error(err)
		}
	})
	channel.OnMessage(func(message webrtc.DataChannelMessage) { back <- message })
	negotiate(t, offerer, answerer)
	if label := got(t, labels); label != "chat" {
		t.Errorf("the label is %q", label)
	}
	if message := got(t, there); message.IsString || string(message.Data) != "\x00\x01\xff" {
		t.Errorf("there came %v", message)
	}
	if message := got(t, back); !message.IsString || string(message.Data) != "back" {
		t.Errorf("back came %v", message)
	}
	check(t, offerer.WaitConnected(limit(t)))
}
