// Package native is the engine as SWIG gives it to Go, and beside it what is called for every message (hot.go). Its other files are
// generated: bindings/install go puts them here.
//
// SPDX-License-Identifier: BSD-3-Clause
package native

// #cgo CFLAGS: -w
// #cgo linux,amd64,!musl LDFLAGS: ${SRCDIR}/libpolyrtc_linux_amd64.a
// #cgo linux,arm64,!musl LDFLAGS: ${SRCDIR}/libpolyrtc_linux_arm64.a
// #cgo linux,amd64,musl LDFLAGS: ${SRCDIR}/libpolyrtc_linux_amd64_musl.a
// #cgo linux,arm64,musl LDFLAGS: ${SRCDIR}/libpolyrtc_linux_arm64_musl.a
// #cgo LDFLAGS: -lm -lpthread
import "C"
