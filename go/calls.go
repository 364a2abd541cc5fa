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

	unheard     []DataChannelMessage // that came while the channel had no handler for them
	unheardSize int                  // when it is too large, they have been dropped
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
func (c *calls) takeMessages() (unheard, waiting []DataChannelMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := c.waiting[:0]
	for _, one := range c.waiting {
		if one.channel != nil {
			waiting = append(waiting, one.message)
		} else {
			rest = append(rest, one)
		}
	}
	c.waiting = rest
	unheard, c.unheard, c.unheardSize = c.unheard, nil, 0
	return unheard, waiting
}

// hear has those messages delivered first that came before there was a handler.
func (c *calls) hear(channel *DataChannel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var first []call
	for _, message := range c.unheard {
		channel.queued.Add(message.size())
		first = append(first, call{channel: channel, message: message})
	}
	c.waiting = append(first, c.waiting...)
	c.unheard, c.unheardSize = nil, 0
	c.start()
}

// keep keeps a message that nobody hears, up to a bound beyond which nobody is going to.
func (c *calls) keep(message DataChannelMessage) {
	c.unheardSize += int(message.size())
	if c.unheardSize > readHigh {
		c.unheard = nil
	} else {
		c.unheard = append(c.unheard, message)
	}
}

func (c *calls) next() (call, bool) {
	var relieved *DataChannel
	defer func() {
		if relieved != nil {
			relieved.relieve()
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.held && len(c.waiting) > 0 {
		next := c.waiting[0]
		c.waiting[0] = call{}
		c.waiting = c.waiting[1:]
		if next.channel == nil || (next.channel.onMessage.Load() != nil && c.unheardSize == 0) {
			return next, true
		}
		c.keep(next.message)
		relieved = next.channel
		relieved.queued.Add(-next.message.size())
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
