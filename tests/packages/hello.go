// Two connections in one process: one sends a greeting over a data channel, the other prints it.
//
// SPDX-License-Identifier: BSD-3-Clause
package main

import (
	"fmt"
	"log"

	webrtc "polyrtc.dev/polyrtc"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// describe returns what from says of itself, once it has set that.
func describe(from *webrtc.PeerConnection, description webrtc.SessionDescription, err error) webrtc.SessionDescription {
	check(err)
	gathered := webrtc.GatheringCompletePromise(from)
	check(from.SetLocalDescription(description))
	<-gathered
	return *from.LocalDescription()
}

func main() {
	alice, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	check(err)
	bob, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	check(err)
	received := make(chan string)
	bob.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnMessage(func(message webrtc.DataChannelMessage) { received <- string(message.Data) })
	})
	chat, err := alice.CreateDataChannel("chat", nil)
	check(err)
	chat.OnOpen(func() { check(chat.SendText("hello")) })

	offer, err := alice.CreateOffer(nil)
	check(bob.SetRemoteDescription(describe(alice, offer, err)))
	answer, err := bob.CreateAnswer(nil)
	check(alice.SetRemoteDescription(describe(bob, answer, err)))
	fmt.Println("bob received:", <-received)
	check(alice.Close())
	check(bob.Close())
}
