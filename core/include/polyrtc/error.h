/* polyrtc/error.h: what can go wrong, in one table.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * 0 or a positive number is success. Negative codes come in three ranges:
 *
 *     -1 …  -99  transient  the call had no effect (or a bad datagram was dropped and counted); the object goes on
 *   -100 … -199  peer       the other side misbehaved; the part concerned has failed
 *   -200 … -299  fatal      that for which the call was made cannot go on, or was not made. Of an object that has ended the
 *                           code is sticky: every later call but `event` and `free` returns it, and it comes once as an
 *                           event. NO_MEMORY and CRYPTO of a call without that event mean this call alone: it had no
 *                           effect, and the object goes on
 *
 * The same table makes the enum, prtc_strerror, prtc_error_name and the exceptions of every binding.
 */
#ifndef POLYRTC_ERROR_H
#define POLYRTC_ERROR_H

#include <polyrtc/types.h>

/* X(name, code, W3C DOMException name that a binding raises, sentence) */
#define PRTC_ERROR_TABLE(X)                                                                                                \
  /* transient: arguments and state */                                                                                     \
  X(INVALID_ARGUMENT, -1, "TypeError", "an argument is outside what the function accepts")                                 \
  X(INVALID_STATE, -2, "InvalidStateError", "the object is not in a state in which this can be done")                      \
  X(BUFFER_TOO_SMALL, -3, "OperationError", "the output does not fit the buffer; nothing was lost, call again with more")  \
  X(NOT_FOUND, -4, "OperationError", "there is no such peer, channel, socket or request")                                  \
  X(QUEUE_FULL, -5, "OperationError", "the bound of a queue is reached; nothing was queued")                               \
  X(MESSAGE_TOO_LARGE, -6, "TypeError", "the message is larger than the other side accepts")                               \
  X(NOT_SUPPORTED, -7, "NotSupportedError", "this is not implemented")                                                     \
  X(SYNTAX, -8, "SyntaxError", "the text is not well formed")                                                              \
  X(INVALID_ACCESS, -9, "InvalidAccessError", "the description is well formed but not acceptable")                         \
  X(INVALID_MODIFICATION, -10, "InvalidModificationError", "a local description may not be changed in this way")           \
  X(OUT_OF_IDS, -11, "OperationError", "no free id is left")                                                               \
  X(AGAIN, -12, "OperationError", "not now: try again after the next event")                                               \
  /* transient: a datagram that was dropped */                                                                             \
  X(MALFORMED, -30, "OperationError", "a datagram could not be parsed and was dropped")                                    \
  X(UNAUTHENTICATED, -31, "OperationError", "a datagram failed its integrity check and was dropped")                       \
  X(UNEXPECTED, -32, "OperationError", "a datagram does not belong to anything that is under way and was dropped")         \
  /* the other side misbehaved */                                                                                          \
  X(PROTOCOL, -100, "OperationError", "the other side broke the protocol")                                                 \
  X(FINGERPRINT_MISMATCH, -101, "OperationError", "the other side's certificate does not match its fingerprint")           \
  X(DTLS_ALERT, -102, "OperationError", "the other side ended the DTLS handshake with an alert")                           \
  X(ICE_FAILED, -103, "OperationError", "no candidate pair works")                                                         \
  X(CONSENT_EXPIRED, -104, "OperationError", "the other side has stopped answering")                                       \
  X(SCTP_ABORTED, -105, "OperationError", "the SCTP association was aborted")                                              \
  X(TIMEOUT, -106, "OperationError", "the other side did not answer in time")                                              \
  /* fatal */                                                                                                              \
  X(NO_MEMORY, -200, "OperationError", "memory could not be allocated")                                                    \
  X(CRYPTO, -201, "OperationError", "the cryptographic library failed")                                                    \
  X(INTERNAL, -202, "OperationError", "an internal invariant does not hold: please report it")                             \
  X(CLOSED, -203, "InvalidStateError", "the object is closed")

typedef enum prtc_error {
  PRTC_OK = 0,
#define PRTC_X(name, code, exception, sentence) PRTC_ERROR_##name = code,
  PRTC_ERROR_TABLE(PRTC_X)
#undef PRTC_X
  PRTC_ERROR_LAST = -299 /* no error has this value: it fixes the width of the enum */
} prtc_error;

#define PRTC_ERROR_IS_TRANSIENT(code) ((code) < 0 && (code) > -100)
#define PRTC_ERROR_IS_PEER(code) ((code) <= -100 && (code) > -200)
#define PRTC_ERROR_IS_FATAL(code) ((code) <= -200)

PRTC_BEGIN_DECLS

/* The sentence of an error; "success" for 0 and more; "unknown error" for what is not in the table. Static storage. */
PRTC_API const char *prtc_strerror(int code);

/* "INVALID_ARGUMENT"; "OK" for 0 and more; "UNKNOWN" otherwise. Static storage. */
PRTC_API const char *prtc_error_name(int code);

/* The DOMException name (or "TypeError") under which a binding raises it. Static storage. */
PRTC_API const char *prtc_error_exception(int code);

PRTC_END_DECLS

#endif
