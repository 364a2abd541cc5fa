// Package polyrtc is WebRTC as a library: the engine of polyrtc in Go.
//
// A first thread: the engine itself is in internal/native, driven by the five verbs (memory_test.go shows how); peer connections
// with pion's names come on top of it.
//
// SPDX-License-Identifier: BSD-3-Clause
package polyrtc

import "polyrtc.dev/polyrtc/internal/native"

// Version of the engine, "0.1.0".
func Version() string { return native.Version() }

// Error is a negative code of the engine.
type Error int

func (e Error) Error() string { return native.ErrorName(int(e)) + ": " + native.ErrorText(int(e)) }

// check returns the error that a code stands for, if any.
func check(code int) error {
	if code < 0 {
		return Error(code)
	}
	return nil
}

// source is an endpoint, as far as its events go.
type source interface {
	Fetch() int
	Event(index uint) native.Event
	Close()
}

// drain hands the next events of an endpoint to handle, until there are none: whether there were any. One that has failed says so once:
// it is closed with all its peers, which can do nothing any more, and its error is returned.
func drain(endpoint source, handle func(native.Event)) (bool, error) {
	for any := false; ; any = true {
		count := endpoint.Fetch()
		if count <= 0 {
			return any, check(count)
		}
		for i := 0; i < count; i++ {
			event := endpoint.Event(uint(i))
			if native.Prtc_event_type(event.GetType()) == native.EVENT_ENDPOINT_FAILED {
				endpoint.Close()
				return true, Error(event.GetCode())
			}
			handle(event)
		}
	}
}
