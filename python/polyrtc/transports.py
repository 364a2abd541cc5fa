# SPDX-License-Identifier: BSD-3-Clause
"""The transports below a connection, to look at (W3C WebRTC 1.0 sections 5.5, 5.6 and 6.1), and without a connection, to be started one
by one as in ORTC and aiortc: see gatherer.py.

Each has a ``state`` and fires "statechange".
"""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .candidate import RTCIceCandidate, candidate_from_sdp
from .certificate import RTCDtlsFingerprint
from .emitter import Emitter
from .exceptions import argument_error, invalid_state

if TYPE_CHECKING:
    from .certificate import RTCCertificate
    from .datachannel import RTCDataChannelParameters
    from .gatherer import RTCIceGatherer
    from .peerconnection import RTCPeerConnection
    from .sansio import Buffer


class _Done(Awaitable[None]):
    def __await__(self) -> Generator[None, None, None]:
        yield from ()


class _Transport(Emitter):
    def __init__(self, owner: RTCPeerConnection | RTCIceGatherer, state: str) -> None:
        super().__init__()
        self._owner = owner  # what carries it
        self._state = state

    @property
    def _gatherer(self) -> RTCIceGatherer:
        from .gatherer import RTCIceGatherer

        if not isinstance(self._owner, RTCIceGatherer):
            raise invalid_state("the transport is that of a connection, which starts and stops it")
        return self._owner

    async def stop(self) -> None:
        """Ends this transport and with it the others of its gatherer: they have one goodbye. Twice is harmless."""
        await self._gatherer._close()

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

    Fires "statechange", "gatheringstatechange", "selectedcandidatepairchange", and "data" with ``bytes`` while DTLS is not started over it.
    """

    def __init__(self, gatherer: RTCIceGatherer | RTCPeerConnection) -> None:
        super().__init__(gatherer, "new")
        self.__connection = gatherer
        self.__gathering_state = "new"
        from .gatherer import RTCIceGatherer

        if isinstance(gatherer, RTCIceGatherer):
            if gatherer._ice is not None:
                raise invalid_state("the gatherer has an ICE transport")
            gatherer._ice = self

    @property
    def iceGatherer(self) -> RTCIceGatherer:
        """ORTC's; InvalidStateError for that of a connection."""
        return self._gatherer

    @property
    def role(self) -> str:
        """``"controlling"``, ``"controlled"``, or ``"unknown"`` before the first negotiation. Two that take the same role settle it
        while they check (RFC 8445 section 7.3.1.1)."""
        return self.__connection._ice_role()

    async def start(self, remoteParameters: RTCIceParameters, role: str = "controlled") -> None:
        """Starts the checks, and returns once they have found a pair or failed: ``state`` says which. One side is to be
        ``"controlling"``."""
        if role not in ("controlling", "controlled"):
            raise argument_error(f"the role is {role!r}, neither controlling nor controlled")
        self._gatherer._start_ice(remoteParameters, role)
        await self._gatherer._wait(lambda: self.state in ("connected", "completed", "failed", "closed"))

    def addRemoteCandidate(self, candidate: RTCIceCandidate | None) -> Awaitable[None]:
        """A candidate of the other side; ``None``: there will be no more. It is added at once, as in ORTC; what is returned may be
        awaited, as in aiortc, and need not."""
        self._gatherer._add_remote_candidate(candidate)
        return _Done()

    def send(self, data: Buffer) -> None:
        """A datagram, while DTLS is not started: the other side's come with "data". InvalidStateError unless connected, ValueError when
        it is too large, or begins as STUN does, with a byte of 0 to 3."""
        self._gatherer._send(data)

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


@dataclass
class RTCDtlsParameters:
    """What one side's certificate is recognised by, and its part in the handshake: ``"auto"``, ``"client"`` or ``"server"``."""

    fingerprints: list[RTCDtlsFingerprint] = field(default_factory=list)
    role: str = "auto"


class RTCDtlsTransport(_Transport):
    """State: ``"new"``, ``"connecting"``, ``"connected"``, ``"closed"``, ``"failed"``. Fires "statechange", and "data" with ``bytes`` while
    SCTP is not started over it."""

    def __init__(self, transport: RTCIceTransport | RTCPeerConnection, certificates: Sequence[RTCCertificate] = ()) -> None:
        """The first certificate is used; none: one that the peers of a loop share."""
        ice = transport if isinstance(transport, RTCIceTransport) else RTCIceTransport(transport)
        super().__init__(ice._owner, "new")
        self.__connection = ice._owner
        self.__transport = ice
        self._remote_certificates: list[bytes] = []
        self.__start_role = "auto"
        if transport is ice:
            self._gatherer._dtls = self
            self._gatherer._use_certificates(certificates)

    def getLocalParameters(self) -> RTCDtlsParameters:
        given = self._gatherer._parameters()["dtlsParameters"]
        return RTCDtlsParameters([RTCDtlsFingerprint(**one) for one in given["fingerprints"]], given["role"])

    async def start(self, remoteParameters: RTCDtlsParameters) -> None:
        """Starts the handshake, and returns once it is done or has failed: ``state`` says which."""
        fingerprints = [{"algorithm": one.algorithm, "value": one.value} for one in remoteParameters.fingerprints]
        self._gatherer._command("start_dtls", {"dtlsParameters": {"role": remoteParameters.role, "fingerprints": fingerprints}})
        controlling = self.__transport.role == "controlling"
        roles = {"client": "server", "server": "client", "auto": "server" if controlling else "client"}
        self.__start_role = roles[remoteParameters.role]
        await self._gatherer._wait(lambda: self.state in ("connected", "failed", "closed"))

    def send(self, data: Buffer) -> None:
        """A record of application data, while SCTP is not started: the other side's come with "data"."""
        self._gatherer._send(data)

    @property
    def transport(self) -> RTCIceTransport:
        """aiortc's name."""
        return self.__transport

    @property
    def role(self) -> str:
        """``"client"`` or ``"server"`` of the handshake; ``"auto"`` before that is negotiated. (Not in the W3C's text.)"""
        if self.__start_role != "auto":
            return self.__start_role
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

    def __init__(self, transport: RTCDtlsTransport | RTCPeerConnection, port: int = 5000) -> None:
        dtls = transport if isinstance(transport, RTCDtlsTransport) else RTCDtlsTransport(transport)
        super().__init__(dtls._owner, "new")
        self.__connection = dtls._owner
        self.__transport = dtls
        if port != 5000:
            raise argument_error("the local port is 5000")
        if transport is dtls:
            self._gatherer._sctp = self

    async def start(self, remoteCaps: RTCSctpCapabilities | None, remotePort: int = 5000) -> None:
        """Starts the association; "statechange" tells when it is up. Channels may be made before."""
        largest = 65536 if remoteCaps is None else remoteCaps.maxMessageSize
        self._gatherer._command("start_sctp", {"sctpParameters": {"port": remotePort, "maxMessageSize": largest}})

    def _create_channel(self, parameters: RTCDataChannelParameters, send_open: bool) -> int:
        gatherer, p = self._gatherer, parameters
        channel = gatherer._peer.create_data_channel(
            gatherer._now(),
            p.label,
            protocol=p.protocol,
            ordered=p.ordered,
            max_retransmits=p.maxRetransmits,
            max_packet_life_time=p.maxPacketLifeTime,
            negotiated=p.negotiated or not send_open,
            stream_id=p.id,
        )
        gatherer._engine.schedule()
        return channel

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
