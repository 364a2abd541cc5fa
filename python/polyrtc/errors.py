"""What can go wrong, from the one table of the core (``polyrtc/error.h``).

SPDX-License-Identifier: BSD-3-Clause

Each code of the table names the exception that the W3C gives it; the classes here are those exceptions. ``code`` and
``name`` say more exactly which line of the table it is.
"""

from __future__ import annotations

import enum


class ErrorCode(enum.IntEnum):
    """``prtc_error``: transient from -1, the other side's fault from -100, fatal from -200."""

    OK = 0
    INVALID_ARGUMENT = -1
    INVALID_STATE = -2
    BUFFER_TOO_SMALL = -3
    NOT_FOUND = -4
    QUEUE_FULL = -5
    MESSAGE_TOO_LARGE = -6
    NOT_SUPPORTED = -7
    SYNTAX = -8
    INVALID_ACCESS = -9
    INVALID_MODIFICATION = -10
    OUT_OF_IDS = -11
    AGAIN = -12
    MALFORMED = -30
    UNAUTHENTICATED = -31
    UNEXPECTED = -32
    PROTOCOL = -100
    FINGERPRINT_MISMATCH = -101
    DTLS_ALERT = -102
    ICE_FAILED = -103
    CONSENT_EXPIRED = -104
    SCTP_ABORTED = -105
    TIMEOUT = -106
    NO_MEMORY = -200
    CRYPTO = -201
    INTERNAL = -202
    CLOSED = -203


class PrtcError(Exception):
    """Base of all. ``code`` is an :class:`ErrorCode` value, ``name`` its name ("INVALID_STATE")."""

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.name = name


class InvalidStateError(PrtcError):
    """The object is not in a state in which this can be done."""


class InvalidAccessError(PrtcError, ValueError):
    """A description is well formed but not acceptable. (aiortc raises ValueError.)"""


class InvalidModificationError(PrtcError):
    """A local description was changed in a way that is not allowed."""


class NotSupportedError(PrtcError):
    """Not implemented."""


class OperationError(PrtcError):
    """Anything else that failed."""


class DescriptionSyntaxError(PrtcError, ValueError):
    """W3C ``SyntaxError``: SDP, a candidate or a URL is not well formed; the message names line and reason."""


class ArgumentError(PrtcError, ValueError):
    """W3C ``TypeError``: an argument is outside what is accepted."""


#: From the W3C name in the core's table to the class that is raised.
EXCEPTIONS: dict[str, type[PrtcError]] = {
    "InvalidStateError": InvalidStateError,
    "InvalidAccessError": InvalidAccessError,
    "InvalidModificationError": InvalidModificationError,
    "NotSupportedError": NotSupportedError,
    "OperationError": OperationError,
    "SyntaxError": DescriptionSyntaxError,
    "TypeError": ArgumentError,
}
