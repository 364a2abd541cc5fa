// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"context"
	"time"

	"polyrtc.dev/polyrtc/internal/native"
)

// goodbyeTimeout is how long closing waits, at most, until the goodbye has left.
const goodbyeTimeout = time.Second

// carrier is a peer of the engine with what a PeerConnection and an ICEGatherer have in common: channels, transports, the end. All
// members but the first two lines are guarded by the engine's lock.
type carrier struct {
	engine *engine
	group  group // of the goroutines in which handlers are called
	calls  calls

	peer      uint64
	detach    bool
	inParts   bool // messages come in parts, on all channels
	channels  map[uint64]*DataChannel
	full      map[*DataChannel]bool // those with enough to be read
	ice       *ICETransport
	dtls      *DTLSTransport
	sctp      *SCTPTransport
	closing   bool
	closed    bool
	ended     chan struct{} // closed when it is closed
	failure   error
	onFailure func(error)
	remember  func() // what may be asked when it is closed
	finish    func() // what is special about the end
}

func (c *carrier) init() {
	c.calls.group = &c.group
	c.channels = map[uint64]*DataChannel{}
	c.full = map[*DataChannel]bool{}
	c.ended = make(chan struct{})
}

// call queues what a handler of the application is to be told, if there is a handler. A handler that does not return holds up the
// others for a moment only.
func (c *carrier) call(f func()) { c.calls.add(call{f: f}) }

// command gives one to the engine: f is called with the lock held, and returns the engine's code. What it queues is sent at once.
func (c *carrier) command(f func(endpoint native.Endpoint, now uint64) int) error {
	e := c.engine
	e.mu.Lock()
	defer e.unlock()
	if c.closing {
		return ErrConnectionClosed
	}
	err := c.check(f(e.endpoint, e.endpoint.Now()))
	e.flush()
	return err
}

// check is the error of a code, with the sentence that the engine has for it.
func (c *carrier) check(code int) error {
	if code >= 0 {
		return nil
	}
	return newError(code, c.engine.endpoint.PeerMessage(c.peer))
}

// channelEvent hands an event of a channel to it. Whether it was one.
func (c *carrier) channelEvent(event *native.RawEvent) bool {
	kind := native.Prtc_event_type(event.Type)
	if kind < native.EVENT_CHANNEL_OPEN || kind > native.EVENT_CHANNEL_CLOSED {
		return false
	}
	if channel := c.channels[event.Object]; channel != nil {
		channel.onEvent(event)
	}
	return true
}

// announce tells of a channel that the other side has opened. Events of it wait until the handler has returned, so that it can say
// what is to become of them. Without a handler the channel is closed, and so it is
// when a thousand wait for it.
func (c *carrier) announce(id uint64, handler func(*DataChannel)) {
	channel := c.addChannel(id)
	if handler == nil || c.calls.full() {
		channel.close()
		return
	}
	channel.state = DataChannelStateOpen // W3C section 6.2: it may be used before its "open"
	channel.calls.hold(true)
	c.calls.add(call{waitedFor: true, f: func() {
		defer channel.calls.hold(false)
		handler(channel)
	}})
}

func (c *carrier) addChannel(id uint64) *DataChannel {
	channel := newDataChannel(c, id)
	c.channels[id] = channel
	return channel
}

// enough says that a channel has enough to be read, or wants more. Messages are taken while none has enough.
func (c *carrier) enough(channel *DataChannel, enough bool) {
	before := len(c.full)
	if enough {
		c.full[channel] = true
	} else {
		delete(c.full, channel)
	}
	if c.closed || (before == 0) == (len(c.full) == 0) {
		return
	}
	paused := uint(0)
	if len(c.full) > 0 {
		paused = 1
	}
	c.engine.endpoint.PauseMessages(c.peer, paused)
	c.engine.flushSoon()
}

// failed is for the event of that name.
func (c *carrier) failed(err error) {
	c.failure = err
	if handler := c.onFailure; handler != nil {
		c.call(func() { handler(err) })
	}
}

// close says goodbye and ends it: when it returns, all that was C's is freed.
func (c *carrier) close() {
	e := c.engine
	e.mu.Lock()
	c.beginClose()
	e.flush()
	e.unlock()
	timer := time.NewTimer(goodbyeTimeout)
	select {
	case <-c.ended:
	case <-timer.C: // the goodbye could not be sent
		e.mu.Lock()
		c.end()
		e.unlock()
	}
	timer.Stop()
	e.wait()
}

// closeGracefully waits until handlers have returned, too.
func (c *carrier) closeGracefully(ctx context.Context) error {
	c.close()
	return c.group.wait(ctx)
}

func (c *carrier) beginClose() {
	if !c.closing {
		c.remember()
		c.closing = true
		c.engine.endpoint.ClosePeer(c.peer, c.engine.endpoint.Now())
	}
}

// end is the last step, by the engine's event or without it.
func (c *carrier) end() {
	if c.closed {
		return
	}
	c.closing, c.closed = true, true
	for _, channel := range c.channels {
		channel.end(nil)
	}
	c.full = map[*DataChannel]bool{}
	c.finish()
	c.ice.setState(ICETransportStateClosed)
	c.dtls.setState(DTLSTransportStateClosed)
	c.sctp.setState(SCTPTransportStateClosed)
	c.engine.remove(c.peer)
	close(c.ended)
}
