// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"sync"
	"time"
)

// patience is how long the calls of a queue wait for one that does not return; unless it is one that is waited for always.
const patience = 20 * time.Millisecond

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
	held    bool            // none begins
	group   *sync.WaitGroup // of the goroutines of the connection
}

// add queues a call.
func (c *calls) add(next call) {
	c.mu.Lock()
	c.waiting = append(c.waiting, next)
	c.start()
	c.mu.Unlock()
}

// start sees to it that the calls are made, with the lock held.
func (c *calls) start() {
	if !c.running && !c.held && len(c.waiting) > 0 {
		c.running = true
		c.group.Add(1)
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

// takeMessages takes those messages out that wait.
func (c *calls) takeMessages() (taken []DataChannelMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rest := c.waiting[:0]
	for _, one := range c.waiting {
		if one.channel != nil {
			taken = append(taken, one.message)
		} else {
			rest = append(rest, one)
		}
	}
	c.waiting = rest
	return taken
}

func (c *calls) next() (call, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held || len(c.waiting) == 0 {
		c.running = false
		c.waiting = append([]call(nil), c.waiting...)
		return call{}, false
	}
	next := c.waiting[0]
	c.waiting[0] = call{}
	c.waiting = c.waiting[1:]
	return next, true
}

func (c *calls) run() {
	defer c.group.Done()
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
	c.group.Add(1)
	timer := time.AfterFunc(patience, func() {
		c.mu.Lock()
		overtaken = !returned
		c.mu.Unlock()
		if overtaken {
			c.run() // with the count of the group
		} else {
			c.group.Done()
		}
	})
	return func() bool {
		if timer.Stop() {
			c.group.Done()
			return false
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		returned = true
		return overtaken
	}
}
