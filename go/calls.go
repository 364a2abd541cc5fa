// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"context"
	"sync"
	"time"
)

// patience is how long the calls of a queue wait for one that does not return; unless it is one that is waited for always.
const patience = 20 * time.Millisecond

// group counts goroutines, as sync.WaitGroup does, but may grow while somebody waits.
type group struct {
	mu    sync.Mutex
	count int
	none  chan struct{} // closed when there are none any more
}

func (g *group) add() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count++
}

func (g *group) done() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count--
	if g.count == 0 && g.none != nil {
		close(g.none)
		g.none = nil
	}
}

// wait waits until there are none, or ctx is over.
func (g *group) wait(ctx context.Context) error {
	g.mu.Lock()
	if g.count == 0 {
		g.mu.Unlock()
		return nil
	}
	if g.none == nil {
		g.none = make(chan struct{})
	}
	none := g.none
	g.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mostCalls may wait on one queue, of those that are not counted otherwise.
const mostCalls = 1000

// call is one that an application's handler gets: f, or a message for the handler of the channel.
type call struct {
	f         func()
	channel   *DataChannel
	message   DataChannelMessage
	waitedFor bool // the next one is made when it has returned, however long that takes
}

// calls makes calls one after the other, in a goroutine that is there only while there are any. The engine's lock is not held.
//
// A handler that does not return soon (one of OnOpen that goes on to send, say) does not hold up those of other events: after a
// moment another goroutine takes over. Messages are waited for always: they come one by one and in order.
type calls struct {
	mu      sync.Mutex
	waiting []call
	running bool
	held    bool   // none begins
	group   *group // of the goroutines of the connection

	unheard []call // messages that came while the channel had no handler for them
}

// add queues a call.
func (c *calls) add(next call) {
	c.mu.Lock()
	c.waiting = append(c.waiting, next)
	c.start()
	c.mu.Unlock()
}

// full says whether so many wait that what the other side causes is not to be added: the application does not take it.
func (c *calls) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiting) > mostCalls
}

// start sees to it that the calls are made, with the lock held.
func (c *calls) start() {
	if !c.running && !c.held && len(c.waiting) > 0 {
		c.running = true
		c.group.add()
		go c.run()
	}
}

// hold keeps all calls back, until it is said again with false.
func (c *calls) hold(held bool) {
	c.mu.Lock()
	c.held = held
	c.start()
	c.mu.Unlock()
}

// takeMessages takes those messages out that nobody has heard, and those that wait.
func (c *calls) takeMessages() (taken []DataChannelMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := []call(nil)
	for _, one := range append(c.unheard, c.waiting...) {
		if one.channel != nil {
			taken = append(taken, one.message)
		} else {
			rest = append(rest, one)
		}
	}
	c.unheard, c.waiting = nil, rest
	return taken
}

// hear has those messages delivered first that came before there was a handler.
func (c *calls) hear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = append(c.unheard, c.waiting...)
	c.unheard = nil
	c.start()
}

func (c *calls) next() (call, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.held && len(c.waiting) > 0 {
		next := c.waiting[0]
		c.waiting[0] = call{}
		c.waiting = c.waiting[1:]
		if next.channel == nil || (next.channel.onMessage.Load() != nil && len(c.unheard) == 0) {
			return next, true
		}
		c.unheard = append(c.unheard, next)
	}
	c.running = false
	c.waiting = append([]call(nil), c.waiting...)
	return call{}, false
}

func (c *calls) run() {
	defer c.group.done()
	overtaken, returned := false, true
	defer func() {
		if !returned && !overtaken { // by runtime.Goexit, as a test's FailNow does
			c.mu.Lock()
			c.running = false
			c.start()
			c.mu.Unlock()
		}
	}()
	for !overtaken {
		next, ok := c.next()
		if !ok {
			return
		}
		returned = false
		switch {
		case next.channel != nil:
			next.channel.deliver(next.message)
		case next.waitedFor:
			next.f()
		default:
			func() {
				over := c.overtakeLater()
				defer func() { overtaken = over() }()
				next.f()
			}()
		}
		returned = true
	}
}

// overtakeLater has another goroutine go on with the calls in a while, unless the function that it returns was called before: that
// tells whether one does.
func (c *calls) overtakeLater() (over func() bool) {
	returned, overtaken := false, false
	c.group.add()
	timer := time.AfterFunc(patience, func() {
		c.mu.Lock()
		overtaken = !returned
		c.mu.Unlock()
		if overtaken {
			c.run() // with the count of the group
		} else {
			c.group.done()
		}
	})
	return func() bool {
		if timer.Stop() {
			c.group.done()
			return false
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		returned = true
		return overtaken
	}
}
