// SPDX-License-Identifier: BSD-3-Clause

package polyrtc

import (
	"errors"
	"io"
	"net"

	"polyrtc.dev/polyrtc/internal/native"
)

// Error is what the engine complains about: a code of its one table, and where there is more to say a sentence.
//
// Errors of the same code are the same to errors.Is, so errors.Is(err, polyrtc.ErrQueueFull) tells one from the others.
type Error struct {
	code    int
	message string
}

func (e *Error) Error() string { return e.Name() + ": " + e.Message() }

// Name is the error's in the engine's table, "QUEUE_FULL".
func (e *Error) Name() string { return native.ErrorName(e.code) }

// Message says in a sentence what is wrong.
func (e *Error) Message() string {
	if e.message != "" {
		return e.message
	}
	return native.ErrorText(e.code)
}

// Is makes errors.Is see the code; what is closed is also io.ErrClosedPipe and net.ErrClosed, as other connections have it.
func (e *Error) Is(target error) bool {
	if other, ok := target.(*Error); ok {
		return other.code == e.code
	}
	closed := target == io.ErrClosedPipe || target == net.ErrClosed || target == ErrConnectionClosed
	return closed && e.code == codeClosed
}

const (
	codeInvalidArgument = -1
	codeInvalidState    = -2
	codeNotFound        = -4
	codeAgain           = -12
	codeFatal           = -200 // and below
	codeClosed          = -203
)

// What may be wrong, for errors.Is.
var (
	ErrInvalidArgument     error = &Error{code: codeInvalidArgument}
	ErrInvalidState        error = &Error{code: codeInvalidState}
	ErrNotFound            error = &Error{code: codeNotFound}
	ErrQueueFull           error = &Error{code: -5} // nothing was queued: wait for OnBufferedAmountLow, or use SendContext
	ErrMessageTooLarge     error = &Error{code: -6} // for the other side
	ErrNotSupported        error = &Error{code: -7}
	ErrSyntax              error = &Error{code: -8} // a description, candidate, URL or certificate that is not well formed
	ErrInvalidAccess       error = &Error{code: -9}
	ErrInvalidModification error = &Error{code: -10}
	ErrOutOfIDs            error = &Error{code: -11}

	// Why a connection or a channel failed
	ErrProtocol            error = &Error{code: -100}
	ErrFingerprintMismatch error = &Error{code: -101}
	ErrDTLSAlert           error = &Error{code: -102}
	ErrICEFailed           error = &Error{code: -103}
	ErrConsentExpired      error = &Error{code: -104}
	ErrSCTPAborted         error = &Error{code: -105}
	ErrTimeout             error = &Error{code: -106}

	ErrNoMemory error = &Error{code: -200}
	ErrClosed   error = &Error{code: codeClosed} // also io.ErrClosedPipe and net.ErrClosed

	// ErrConnectionClosed: the connection is closed. It is ErrClosed, too.
	ErrConnectionClosed error = &stateError{"connection closed", codeClosed}
	// ErrDataChannelNotOpen: the channel is not open yet, or no more (then it is ErrClosed, too).
	ErrDataChannelNotOpen error = &stateError{"data channel not open", codeInvalidState}
	// ErrNoRemoteDescription: a candidate came before its description.
	ErrNoRemoteDescription error = &stateError{"remote description is not set", codeInvalidState}
	// ErrIncomplete: the rest of a message will not come: the other side gave it up, or the channel closed amid it.
	ErrIncomplete = errors.New("polyrtc: the rest of the message will not come")

	ErrNegotiatedWithoutID         error = &stateError{"negotiated set without channel id", codeInvalidArgument}
	ErrRetransmitsOrPacketLifeTime error = &stateError{"both MaxPacketLifeTime and MaxRetransmits was set", codeInvalidArgument}
	ErrMaxDataChannelID            error = &stateError{"maximum number ID for datachannel specified", codeInvalidArgument}
	ErrPrivateKeyType              error = &stateError{"private key type not supported", -7}
	ErrCertificateExpired          error = &stateError{"x509Cert expired", -9}
	ErrModifyingCertificates       error = &stateError{"certificates cannot be modified", -10}
	ErrModifyingBundlePolicy       error = &stateError{"bundle policy cannot be modified", -10}
	ErrUnknownType                       = errors.New("unknown")
	errDetachNotEnabled            error = &stateError{"enable detaching by calling SettingEngine.DetachDataChannels()", codeInvalidState}
	errRead                        error = &stateError{"the channel is being read", codeInvalidState}
	errNotStarted                  error = &stateError{"gather first: there are no parameters before", codeInvalidState}
	errOneTransport                error = &stateError{"the one below has a transport already", codeInvalidState}
	errOfConnection                error = &stateError{"the transport is that of a connection, which starts and stops it", codeInvalidState}
	errCertificateChosen           error = &stateError{"the certificate is chosen when gathering begins: make the DTLS transport before", codeInvalidState}
	errUnreadableCertificate             = &stateError{"there is no certificate with its private key", -8}
	errICECredentials                    = &stateError{"username and credential of an ICE server are texts", codeInvalidArgument}
	errChannelClosed               error = &Error{code: codeClosed, message: "the data channel is closed"}
)

// stateError is an error with a name of its own, and at the same time one of the engine's table.
type stateError struct {
	text string
	code int
}

func (e *stateError) Error() string { return e.text }

func (e *stateError) Is(target error) bool { return (&Error{code: e.code}).Is(target) }

// newError is the error of a code, nil for none.
func newError(code int, message string) error {
	if code >= 0 {
		return nil
	}
	return &Error{code: code, message: message}
}
