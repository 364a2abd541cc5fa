// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"polyrtc.dev/polyrtc/internal/native"
)

// engine is a driver with its endpoint, shared by the connections of an API. The first one makes it, the last one to close takes it
// away with all its descriptors and memory.
//
// mu is the lock for the engine and for all that hangs on it: connections, channels, transports. No handler of an application is
// called with it. One goroutine waits for the driver's descriptor, in Go's own poller and so without a thread; commands are given by
// whoever calls.
type engine struct {
	mu       sync.Mutex
	endpoint native.Endpoint
	watched  *os.File // a copy of the driver's descriptor
	peers    map[uint64]owner
	gone     []uint64 // peers to be freed after the events that are being handled
	events   [64]native.RawEvent
	handling bool // of events
	flushing bool // a goroutine is on its way
	idle     bool // nothing was sent since something arrived
	over     bool
	ended    bool           // that it is over was told to its goroutine
	tasks    sync.WaitGroup // its goroutines
	outputs  map[int]io.Writer
}

// owner takes the events of a peer. The lock is held.
type owner interface {
	onEvent(event *native.RawEvent)
	onEngineFailed(err error)
}

// driverSettings are those that all connections of an engine share.
type driverSettings struct {
	udpPort  uint
	logLevel uint
	outputs  map[int]io.Writer // by native.Prtc_output; the log under logOutput
}

const (
	logOutput    = -1
	outputToWait = 16 << 20 // bytes that may wait to be written; they are after each turn
)

func newEngine(settings driverSettings) (*engine, error) {
	capacity := func(output native.Prtc_output) uint64 {
		if settings.outputs[int(output)] == nil {
			return 0
		}
		return outputToWait
	}
	keyLog := uint(0)
	if settings.outputs[int(native.OUTPUT_KEY_LOG)] != nil {
		keyLog = 1
	}
	endpoint := native.NewDriver(settings.logLevel, keyLog, capacity(native.OUTPUT_CAPTURE), capacity(native.OUTPUT_RECORDING),
		settings.udpPort)
	if endpoint.Swigcptr() == 0 {
		return nil, &Error{code: -202, message: "the driver could not be made: descriptors or memory are lacking"}
	}
	// With a copy, since closing is that of the driver and not of the file.
	descriptor, err := syscall.Dup(endpoint.Descriptor())
	if err == nil {
		syscall.CloseOnExec(descriptor)
		if err = syscall.SetNonblock(descriptor, true); err != nil { // for os.NewFile: then it goes to the poller
			syscall.Close(descriptor)
		}
	}
	if err != nil {
		native.DeleteEndpoint(endpoint)
		return nil, err
	}
	e := &engine{
		endpoint: endpoint,
		watched:  os.NewFile(uintptr(descriptor), "polyrtc"),
		peers:    map[uint64]owner{},
		outputs:  settings.outputs,
	}
	readable, err := e.watched.SyscallConn()
	if err != nil {
		e.watched.Close()
		native.DeleteEndpoint(endpoint)
		return nil, err
	}
	e.tasks.Add(1)
	go e.run(readable)
	return e, nil
}

// run is the engine's goroutine: it is called when the descriptor may be readable, and says whether it need not be again.
func (e *engine) run(readable syscall.RawConn) {
	defer e.tasks.Done()
	defer e.watched.Close()
	_ = readable.Read(func(uintptr) (over bool) {
		for more := true; more && !over; {
			e.mu.Lock()
			more = e.turn(true)
			over = e.over
			e.mu.Unlock()
		}
		return over
	})
}

// turn sends what is queued and hands out what has happened; when `ready`, after taking what arrived. Whether there may be more.
func (e *engine) turn(ready bool) bool {
	if e.over || e.handling {
		return false
	}
	e.idle = e.idle || ready
	count := native.Round(e.endpoint, ready, e.events[:])
	e.handling = true
	for i := 0; i < count && !e.over; i++ {
		e.handle(&e.events[i])
	}
	e.handling = false
	e.write()
	e.freeGone()
	return count > 0 || count == codeAgain
}

func (e *engine) handle(event *native.RawEvent) {
	if native.Prtc_event_type(event.Type) == native.EVENT_ENDPOINT_FAILED {
		err := newError(int(event.Code), "")
		for _, owner := range e.peers {
			owner.onEngineFailed(err) // which removes it
		}
		return
	}
	if owner := e.peers[event.Peer]; owner != nil {
		owner.onEvent(event)
	}
}

// flush sends at once what commands have queued, and hands out what follows from it.
func (e *engine) flush() {
	for e.turn(false) {
	}
}

// flushSoon is flush for what comes often. What is sent first leaves at once, so that an answer has no way to go but the network's;
// what follows waits for a goroutine, which sends all that is queued until it is there.
func (e *engine) flushSoon() {
	if e.flushing || e.over {
		return
	}
	if e.idle {
		e.idle = false
		e.flush()
		return
	}
	e.flushing = true
	e.tasks.Add(1)
	go func() {
		defer e.tasks.Done()
		e.mu.Lock()
		e.flushing = false
		e.flush()
		e.unlock()
	}()
}

// remove lets a peer go, after what it still has to say was sent.
func (e *engine) remove(peer uint64) {
	if _, there := e.peers[peer]; there {
		delete(e.peers, peer)
		e.gone = append(e.gone, peer)
		e.freeGone()
	}
}

func (e *engine) freeGone() {
	if e.handling || e.over || len(e.gone) == 0 {
		return
	}
	e.endpoint.Flush()
	for _, peer := range e.gone {
		e.endpoint.FreePeer(peer)
	}
	e.gone = nil
	if len(e.peers) == 0 {
		e.close()
	}
}

// close frees all that is C's, and ends the engine's goroutine.
func (e *engine) close() {
	e.over = true
	e.write()
	native.DeleteEndpoint(e.endpoint)
	e.endpoint = nil
}

// unlock is for everybody but the engine's goroutine: who has made it end tells it.
func (e *engine) unlock() {
	tell := e.over && !e.ended
	e.ended = e.over
	e.mu.Unlock()
	if tell {
		_ = e.watched.SetReadDeadline(time.Unix(1, 0)) // the file may be closed already
	}
}

// wait is for who has closed a connection: when that was the last one, the engine's goroutines have ended when it returns.
func (e *engine) wait() {
	e.mu.Lock()
	over := e.over
	e.mu.Unlock()
	if over {
		e.tasks.Wait()
	}
}

// write passes on what is for files of the application.
func (e *engine) write() {
	if len(e.outputs) == 0 {
		return
	}
	for which, writer := range e.outputs {
		if which == logOutput {
			for line := e.endpoint.Log(); line != ""; line = e.endpoint.Log() {
				_, _ = io.WriteString(writer, line+"\n")
			}
			continue
		}
		for bytes := e.endpoint.Output(which); bytes.Swigcptr() != 0; bytes = e.endpoint.Output(which) {
			data := make([]byte, bytes.GetSize())
			bytes.CopyData(data)
			_, _ = writer.Write(data)
		}
	}
}

// add makes a peer of an owner. peer is called with the lock held, and gives the code of what is wrong in place of an id.
func (e *engine) add(owner owner, peer func(endpoint native.Endpoint) (uint64, error)) (uint64, error) {
	id, err := peer(e.endpoint)
	if err != nil {
		return 0, err
	}
	e.peers[id] = owner
	return id, nil
}
