# SPDX-License-Identifier: BSD-3-Clause
"""ORTC's objects without a peer connection, under aiortc's names: RTCIceGatherer, and what carries the transports above it.

    gatherer = RTCIceGatherer()
    ice = RTCIceTransport(gatherer)
    dtls = RTCDtlsTransport(ice, [RTCCertificate.generateCertificate()])
    sctp = RTCSctpTransport(dtls)

    await gatherer.gather()
    ...                          # both sides tell each other their parameters and candidates, in any way
    ice.addRemoteCandidate(...)
    await ice.start(...)
    await dtls.start(...)
    await sctp.start(...)
    channel = RTCDataChannel(sctp, RTCDataChannelParameters(label="chat"))
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .candidate import RTCIceCandidate, candidate_from_sdp
from .configuration import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy, settings_of
from .datachannel import RTCDataChannel
from .emitter import Emitter
from .engine import Engine
from .errors import ErrorCode, PrtcError
from .exceptions import OperationError, invalid_state
from .sansio import Address, Buffer, Event, EventType, Peer, States
from .transports import RTCIceParameters

if TYPE_CHECKING:
    from .certificate import RTCCertificate
    from .loop import Flag
    from .transports import RTCDtlsTransport, RTCIceTransport, RTCSctpTransport

CLOSE_TIMEOUT = 5  # seconds for the goodbye


class RTCIceGatherer(Emitter):
    """Finds the candidates of this side. It belongs to the loop in which it is first used.

    Fires "statechange", and "localcandidate" with each :class:`RTCIceCandidate` and ``None`` at the end.
    """

    def __init__(
        self,
        iceServers: list[RTCIceServer] | None = None,
        iceTransportPolicy: RTCIceTransportPolicy = RTCIceTransportPolicy.ALL,
        configuration: RTCConfiguration | None = None,
    ) -> None:
        """`configuration`: what else there is to choose."""
        super().__init__()
        given = configuration or RTCConfiguration()
        servers = iceServers if iceServers is not None else given.iceServers
        policy = iceTransportPolicy if iceTransportPolicy != RTCIceTransportPolicy.ALL else given.iceTransportPolicy
        self._configuration = replace(given, iceServers=servers, iceTransportPolicy=policy)
        settings_of(self._configuration)  # what is of a wrong type is refused here
        self._certificates: list[RTCCertificate] = list(self._configuration.certificates or ())
        self._ice: RTCIceTransport | None = None
        self._dtls: RTCDtlsTransport | None = None
        self._sctp: RTCSctpTransport | None = None
        self.__bound: tuple[Engine, Peer] | None = None
        self.__state = "new"
        self.__candidates: list[RTCIceCandidate] = []
        self.__remote: RTCIceParameters | None = None
        self.__remote_candidates: list[RTCIceCandidate] = []
        self.__role = "controlled"
        self.__channels: dict[int, RTCDataChannel] = {}
        self.__full_readers: set[RTCDataChannel] = set()
        self.__waiters: list[Flag] = []
        self.__failure: OperationError | None = None
        self.__closing = False
        self.__closed = False
        self.__last_states: States | None = None
        self.__last_parameters: dict[str, Any] | None = None

    @property
    def state(self) -> str:
        """``"new"``, ``"gathering"`` or ``"completed"``, as in aiortc; ``"closed"`` once the transports were stopped."""
        return self.__state

    async def gather(self) -> None:
        """Gathers, and returns when that is complete."""
        if self.__state == "new":
            self._command("gather")
            self._engine.hold(self, self._peer)
        await self._wait(lambda: self.__state in ("completed", "closed"))

    @staticmethod
    def getDefaultIceServers() -> list[RTCIceServer]:
        """None: no server is asked that was not named."""
        return []

    def getLocalCandidates(self) -> list[RTCIceCandidate]:
        return list(self.__candidates)

    def getLocalParameters(self) -> RTCIceParameters:
        return RTCIceParameters(**self._parameters()["iceParameters"])

    # ------------------------------------------------------------------------------------------------ for the transports

    @property
    def _engine(self) -> Engine:
        return self.__bind()[0]

    @property
    def _peer(self) -> Peer:
        return self.__bind()[1]

    def _use_certificates(self, certificates: Sequence[RTCCertificate]) -> None:
        if not certificates:
            return
        self._certificates = list(certificates)
        if self.__bound is not None:
            self._command("set_certificate", certificates[0]._pem)

    def _now(self) -> int:
        return self._engine.driver.now()

    def _command(self, name: str, *arguments: Any) -> None:
        if self.__closing:
            raise invalid_state("the transports are closed")
        getattr(self._peer, name)(self._now(), *arguments)
        self._engine.schedule()

    def _parameters(self) -> dict[str, Any]:
        if not self.__closed:
            try:
                self.__last_parameters = self._peer.parameters()
            except PrtcError as error:
                raise invalid_state("gather first: there are no parameters before") from error
        if self.__last_parameters is None:
            raise invalid_state("the transports are closed")
        return self.__last_parameters

    def _start_ice(self, parameters: RTCIceParameters, role: str) -> None:
        told = RTCIceParameters(parameters.usernameFragment, parameters.password, bool(parameters.iceLite))
        if told == self.__remote and not self.__closing:
            return  # started already: who asks again waits for it, too. The role may be another by now
        self._command("start_ice", {"iceParameters": vars(told)}, role == "controlling")
        self.__role, self.__remote = role, told

    def _send(self, data: Buffer) -> None:
        self._command("send_raw", data)

    async def _wait(self, done: Callable[[], bool]) -> None:
        """Until it is so, or all is over."""
        while not done() and not self.__closing:
            flag = self._engine.loop.flag()
            self.__waiters.append(flag)
            await flag.wait()

    async def _close(self) -> None:
        """Says goodbye and ends all transports. Twice is harmless."""
        if self.__bound is None:
            self.__closing = True
            self.__end()
        elif not self.__closing:
            self.__closing = True
            self.__remember()
            self._peer.close(self._now())
            self._engine.schedule()
        self.__wake()
        if self.__bound is not None and not self.__closed:
            flag = self._engine.loop.flag()
            self.__waiters.append(flag)
            await flag.wait(CLOSE_TIMEOUT)
            self.__end()

    def _add_channel(self, channel: RTCDataChannel, id: int) -> None:
        self.__channels[id] = channel

    def _pause_messages(self, channel: RTCDataChannel, paused: bool) -> None:
        before = bool(self.__full_readers)
        (self.__full_readers.add if paused else self.__full_readers.discard)(channel)
        if before != bool(self.__full_readers) and not self.__closing:
            self._peer.pause_messages(paused)
            self._engine.schedule()

    def _states(self) -> States:
        if self.__last_states is None or not self.__closed:
            self.__last_states = self._peer.states()
        return self.__last_states

    def _selected_pair(self) -> tuple[Address, Address] | None:
        return None if self.__bound is None or self.__closed else self._peer.selected_pair()

    def _ice_role(self) -> str:
        """As it is now: it changes when both sides take the same."""
        return self.__role if self.__remote is None else self._states().ice_role

    def _data_mid(self) -> str | None:
        return None

    def _data_section(self, remote: bool) -> list[str]:
        """The lines that a description would have of it."""
        candidates = self.__remote_candidates if remote else self.__candidates
        parameters = self.__remote if remote else self.getLocalParameters() if self.__state in ("gathering", "completed") else None
        lines = [f"a={candidate.candidate}" for candidate in candidates]
        if parameters is not None:
            lines += [f"a=ice-ufrag:{parameters.usernameFragment}", f"a=ice-pwd:{parameters.password}"]
        return lines

    def _add_remote_candidate(self, candidate: RTCIceCandidate | None) -> None:
        if candidate is None:
            self._command("add_candidates", {"iceCandidatesComplete": True})
        else:
            self._command("add_candidates", {"iceCandidates": [candidate.candidate]})
            self.__remote_candidates.append(candidate)

    def _error_of(self, event: Event) -> OperationError:
        name = ErrorCode(event.code).name if event.code in ErrorCode._value2member_map_ else "UNKNOWN"
        return OperationError(event.code, name, event.text or name)

    # ------------------------------------------------------------------------------------------------------------ inside

    def __bind(self) -> tuple[Engine, Peer]:
        if self.__bound is None:
            engine = Engine.of_running_loop(self._configuration.udpPort)
            configuration = replace(self._configuration, certificates=self._certificates or None)
            try:
                peer = engine.driver.endpoint.create_peer(engine.driver.now(), **settings_of(configuration))
            except BaseException:
                engine.close_if_unused()
                raise
            engine.add(self, peer)
            self.__bound = (engine, peer)
        return self.__bound

    def __wake(self) -> None:
        waiters, self.__waiters = self.__waiters, []
        for flag in waiters:
            flag.set()

    def __end(self) -> None:
        if self.__closed:
            return
        self.__remember()
        self.__closed = True
        self.__set_state("closed")
        for channel in list(self.__channels.values()):
            channel._close()
        self.__channels.clear()
        for transport in (self._sctp, self._dtls, self._ice):
            if transport is not None:
                transport._set_state("closed")
        if self.__bound is not None:
            self._engine.remove(self._peer)
        self.__wake()

    def __remember(self) -> None:
        """What may be asked once it is closed."""
        if self.__bound is not None:
            with contextlib.suppress(PrtcError):  # there is nothing yet, or no more
                self.__last_states = self._states()
                self.__last_parameters = self._parameters()

    def __set_state(self, state: str) -> None:
        if state != self.__state:
            self.__state = state
            self.emit("statechange")

    def _on_event(self, event: Event) -> None:
        kind = event.type
        if kind == EventType.DATA_CHANNEL and self._sctp is not None:
            channel = RTCDataChannel(self._sctp, event.object)
            self.__channels[event.object] = channel
            channel._announce()
            self._sctp.emit("datachannel", channel)
        elif event.object in self.__channels and EventType.CHANNEL_OPEN <= kind <= EventType.CHANNEL_CLOSED:
            self.__channels[event.object]._on_event(event)
            if kind == EventType.CHANNEL_CLOSED:
                del self.__channels[event.object]
        elif kind == EventType.ICE_CANDIDATE:
            candidate = candidate_from_sdp(event.text) if event.text else None
            if candidate is not None:
                candidate.usernameFragment = None  # the parameters say it
                self.__candidates.append(candidate)
            if event.text != "":
                self.emit("localcandidate", candidate)
        elif kind == EventType.ICE_GATHERING_STATE_CHANGE:
            self.__set_state("completed" if event.state_name == "complete" else event.state_name)
        elif kind == EventType.ICE_TRANSPORT_STATE_CHANGE and self._ice is not None:
            self._ice._set_state(event.state_name)
        elif kind == EventType.ICE_SELECTED_PAIR_CHANGE and self._ice is not None:
            self._ice.emit("selectedcandidatepairchange")
        elif kind == EventType.DTLS_TRANSPORT_STATE_CHANGE and self._dtls is not None:
            if event.state_name == "connected" and (certificate := self._peer.remote_certificate()) is not None:
                self._dtls._remote_certificates = [certificate]
            self._dtls._set_state(event.state_name)
        elif kind == EventType.SCTP_TRANSPORT_STATE_CHANGE and self._sctp is not None:
            self._sctp._set_state(event.state_name)
        elif kind == EventType.TRANSPORT_DATA:
            transport = self._ice if event.kind == 1 else self._dtls
            if transport is not None:
                transport.emit("data", event.data)
        elif kind == EventType.FAILED:
            self.__failure = self._error_of(event)
        elif kind == EventType.CONNECTION_STATE_CHANGE and event.state_name == "closed":
            self.__end()
        self.__wake()

    def _messages_to(self, channel: int) -> Callable[[str | bytes], None] | None:
        found = self.__channels.get(channel)
        return None if found is None else found._on_message

    def _on_engine_failed(self, event: Event) -> None:
        self.__failure = self._error_of(event)
        self.__closing = True
        self.__end()

    @property
    def _failure(self) -> OperationError | None:
        return self.__failure
