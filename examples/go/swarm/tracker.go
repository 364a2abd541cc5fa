// SPDX-License-Identifier: BSD-3-Clause

package main

import (
	"context"
	"math/rand"

	"polyrtc.dev/polyrtc"
)

// neighbours is with how many of those who came before it a peer connects.
const neighbours = 4

// tracker knows who is there, and carries descriptions from one to the other.
type tracker struct {
	peers  []*peer
	failed chan error // the first that something went wrong with
}

func newTracker() *tracker { return &tracker{failed: make(chan error, 1)} }

// join connects a new peer with some of the others.
func (t *tracker) join(ctx context.Context, p *peer) error {
	p.failed = t.failed
	others := rand.Perm(len(t.peers))
	t.peers = append(t.peers, p)
	for i := 0; i < len(others) && i < neighbours; i++ {
		if err := connect(ctx, p, t.peers[others[i]]); err != nil {
			return err
		}
	}
	return nil
}

func connect(ctx context.Context, from, to *peer) error {
	offering, err := from.connect(to.name, true)
	if err != nil {
		return err
	}
	answering, err := to.connect(from.name, false)
	if err != nil {
		return err
	}
	if err := carry(ctx, offering, answering, polyrtc.SDPTypeOffer); err != nil {
		return err
	}
	return carry(ctx, answering, offering, polyrtc.SDPTypeAnswer)
}

// carry makes one side's description, and gives it to the other with all candidates.
func carry(ctx context.Context, from, to *polyrtc.PeerConnection, kind polyrtc.SDPType) error {
	gathered := polyrtc.GatheringCompletePromise(from)
	if err := from.SetLocalDescription(polyrtc.SessionDescription{Type: kind}); err != nil {
		return err
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return ctx.Err()
	}
	return to.SetRemoteDescription(*from.LocalDescription())
}

func (t *tracker) close() {
	for _, p := range t.peers {
		p.close()
	}
}
