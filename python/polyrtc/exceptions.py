# SPDX-License-Identifier: BSD-3-Clause
"""The exceptions under the names that aiortc gives them, and those of the W3C that it lacks.

All are subclasses of :class:`~polyrtc.errors.PrtcError`; where aiortc raises ``ValueError`` (bad SDP, bad arguments) the
class raised here is a ``ValueError`` too.
"""

from __future__ import annotations

from .errors import (
    ArgumentError,
    DescriptionSyntaxError,
    ErrorCode,
    InvalidAccessError,
    InvalidModificationError,
    InvalidStateError,
    NotSupportedError,
    OperationError,
    PrtcError,
)

__all__ = [
    "ArgumentError",
    "DescriptionSyntaxError",
    "IncompleteMessageError",
    "InternalError",
    "InvalidAccessError",
    "InvalidModificationError",
    "InvalidStateError",
    "NotSupportedError",
    "OperationError",
    "PrtcError",
]

InternalError = OperationError
"""aiortc's name for what the W3C calls OperationError."""


class IncompleteMessageError(OperationError):
    """The rest of a message that is read in parts will not come: its sender gave it up, or the channel closed."""


def argument_error(message: str) -> ArgumentError:
    return ArgumentError(ErrorCode.INVALID_ARGUMENT, "INVALID_ARGUMENT", message)


def invalid_state(message: str) -> InvalidStateError:
    return InvalidStateError(ErrorCode.INVALID_STATE, "INVALID_STATE", message)


def invalid_modification(message: str) -> InvalidModificationError:
    return InvalidModificationError(ErrorCode.INVALID_MODIFICATION, "INVALID_MODIFICATION", message)


def not_supported(message: str) -> NotSupportedError:
    return NotSupportedError(ErrorCode.NOT_SUPPORTED, "NOT_SUPPORTED", message)
