# SPDX-License-Identifier: BSD-3-Clause
"""The transports below a connection, to look at (W3C WebRTC 1.0 sections 5.5, 5.6 and 6.1).

Each has a ``state`` and fires "statechange".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .candidate import RTCIceCandidate, candidate_from_sdp
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


@dataclass
class RTCIceParameters:
    """What one side's checks are authenticated with (W3C section 5.6.2)."""

    usernameFragment: str
    password: str
    iceLite: bool = False


@dataclass
class RTCIceCandidatePair:
    """W3C section 5.6.3"""

    local: RTCIceCandidate
    remote: RTCIceCandidate


class RTCIceTransport(_Transport):
    """State: ``"new"``, ``"checking"``, ``"connected"``, ``"completed"``, ``"disconnected"``, ``"failed"`` or
    ``"closed"``.

    Fires "statechange", "gatheringstatechange" and "selectedcandidatepairchange".
    """

    def __init__(self, connection: RTCPeerConnection) -> None:
        super().__init__("new")
        self.__connection = connection
        self.__gathering_state = "new"

    @property
    def role(self) -> str:
        """``"controlling"``, ``"controlled"``, or ``"unknown"`` before the first negotiation. Two that take the same role settle it
        while they check (RFC 8445 section 7.3.1.1)."""
        return self.__connection._ice_role()

    @property
    def component(self) -> str:
        """``"rtp"``: there is one component."""
        return "rtp"

    @property
    def gatheringState(self) -> str:
        """``"new"``, ``"gathering"`` or ``"complete"``."""
        return self.__gathering_state

    def getLocalCandidates(self) -> list[RTCIceCandidate]:
        return self.__candidates(False)

    def getRemoteCandidates(self) -> list[RTCIceCandidate]:
        """Those that were signalled."""
        return self.__candidates(True)

    def getLocalParameters(self) -> RTCIceParameters | None:
        return self.__parameters(False)

    def getRemoteParameters(self) -> RTCIceParameters | None:
        return self.__parameters(True)

    def getSelectedCandidatePair(self) -> RTCIceCandidatePair | None:
        """The pair that data goes over; ``None`` before there is one. A candidate that was not signalled is of type "prflx"."""
        pair = self.__connection._selected_pair()
        if pair is None:
            return None
        local, remote = pair
        return RTCIceCandidatePair(
            _find(self.getLocalCandidates(), local[0], local[1]), _find(self.getRemoteCandidates(), remote[0], remote[1])
        )

    def __candidates(self, remote: bool) -> list[RTCIceCandidate]:
        lines = self.__connection._data_section(remote)
        return [candidate_from_sdp(line) for line in lines if line.startswith("a=candidate:")]

    def __parameters(self, remote: bool) -> RTCIceParameters | None:
        found = dict(line[2:].split(":", 1) for line in self.__connection._data_section(remote) if line.startswith("a=ice-"))
        if "ice-ufrag" not in found or "ice-pwd" not in found:
            return None
        return RTCIceParameters(found["ice-ufrag"], found["ice-pwd"])

    def _set_gathering_state(self, state: str) -> None:
        if state != self.__gathering_state:
            self.__gathering_state = state
            self.emit("gatheringstatechange")


def _find(candidates: list[RTCIceCandidate], ip: str, port: int) -> RTCIceCandidate:
    for candidate in candidates:
        if candidate.ip == ip and candidate.port == port:
            return candidate
    return RTCIceCandidate(component=1, foundation="", ip=ip, port=port, priority=0, protocol="udp", type="prflx")


class RTCDtlsTransport(_Transport):
    """State: ``"new"``, ``"connecting"``, ``"connected"``, ``"closed"``, ``"failed"``. Fires "statechange"."""

    def __init__(self, connection: RTCPeerConnection) -> None:
        super().__init__("new")
        self.__connection = connection
        self.__transport = RTCIceTransport(connection)
        self._remote_certificates: list[bytes] = []

    @property
    def transport(self) -> RTCIceTransport:
        """aiortc's name."""
        return self.__transport

    @property
    def role(self) -> str:
        """``"client"`` or ``"server"`` of the handshake; ``"auto"`` before that is negotiated. (Not in the W3C's text.)"""
        ours, theirs = self.__setup(False), self.__setup(True)
        if ours == "active" or (ours == "actpass" and theirs == "passive"):
            return "client"
        if ours == "passive" or (ours == "actpass" and theirs == "active"):
            return "server"
        return "auto"

    _role = role  # aiortc's

    def __setup(self, remote: bool) -> str:
        lines = self.__connection._data_section(remote)
        return next((line[8:] for line in lines if line.startswith("a=setup:")), "")

    def getRemoteCertificates(self) -> list[bytes]:
        """The other side's certificate, X.509 in DER; empty before it is connected (W3C section 5.5.1)."""
        return list(self._remote_certificates)

    @property
    def iceTransport(self) -> RTCIceTransport:
        """The W3C's name."""
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
        self.__transport = RTCDtlsTransport(connection)

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
