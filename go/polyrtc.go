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
