//go:build !cgo

// SPDX-License-Identifier: BSD-3-Clause

package native

// The engine is C: without cgo there is nothing. The name says so in the compiler's message.
var _ = polyrtc_needs_CGO_ENABLED_1_and_a_C_compiler
