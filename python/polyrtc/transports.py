# SPDX-License-Identifier: BSD-3-Clause
"""The transports below a connection, to look at (W3C WebRTC 1.0 sections 5.5, 5.6 and 6.1).

Each has a ``state`` and fires "statechange".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .emitter import Emitter

if TYPE_CHECKING:
    from .peerconnection import RTCPeerConnection


class _Transport(Emitter):
    def __init__(self, state: str) -> None:
        super().__init__()
        self._state = state

    @property
    def state(self) -> str:
        return self._state

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self.emit("statechange")


class RTCIceTransport(_Transport):
    """State: ``"new"``, ``"checking"``, ``"connected"``, ``"completed"``, ``"disconnected"``, ``"failed"`` or
    ``"closed"``."""

    def __init__(self) -> None:
        super().__init__("new")


class RTCDtlsTransport(_Transport):
    """State: ``"new"``, ``"connecting"``, ``"connected"``, ``"closed"``, ``"failed"``."""

    def __init__(self) -> None:
        super().__init__("new")
        self.__transport = RTCIceTransport()

    @property
    def transport(self) -> RTCIceTransport:
        return self.__transport


@dataclass
class RTCSctpCapabilities:
    maxMessageSize: int
    """Bytes of the largest message that is taken; 0: no limit (RFC 8841 section 6)."""


class RTCSctpTransport(_Transport):
    """State: ``"connecting"``, ``"connected"``, ``"closed"``; before anything is negotiated ``"new"``, as in aiortc."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        super().__init__("new")
        self.__connection = connection
        self.__transport = RTCDtlsTransport()

    @property
    def transport(self) -> RTCDtlsTransport:
        return self.__transport

    @property
    def mid(self) -> str | None:
        """The identification of its section in the descriptions (RFC 5888); ``None`` before there is one."""
        return self.__connection._data_mid()

    @property
    def maxMessageSize(self) -> int | None:
        """Bytes of the largest message that may be sent; ``None``: no limit (the W3C's infinity)."""
        return self.__connection._states().max_message_size

    @property
    def maxChannels(self) -> int | None:
        """How many channels there can be at a time; ``None`` before the association is up."""
        return self.__connection._states().max_channels

    @property
    def port(self) -> int:
        """The local SCTP port of RFC 8841."""
        return 5000

    @staticmethod
    def getCapabilities() -> RTCSctpCapabilities:
        """What is announced unless RTCConfiguration.maxMessageSize says otherwise."""
        return RTCSctpCapabilities(maxMessageSize=256 * 1024)
