// Package native is the engine as SWIG gives it to Go. Its other files are generated: bindings/install go puts them here.
//
// SPDX-License-Identifier: BSD-3-Clause
package native

// #cgo CFLAGS: -I${SRCDIR}/../../.. -I${SRCDIR}/../../../core/include -I${SRCDIR}/../../../drivers/include -w
// #cgo LDFLAGS: ${SRCDIR}/libpolyrtc.a -lm -lpthread
import "C"
