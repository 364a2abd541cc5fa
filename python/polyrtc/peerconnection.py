# SPDX-License-Identifier: BSD-3-Clause
"""RTCPeerConnection (W3C WebRTC 1.0 section 4.4), under aiortc's names and with its behaviour, on asyncio or trio."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from .candidate import RTCIceCandidate, RTCPeerConnectionIceErrorEvent, candidate_from_sdp
from .certificate import RTCCertificate
from .configuration import RTCConfiguration, settings_of
from .datachannel import RTCDataChannel
from .description import RTCSessionDescription
from .emitter import Emitter
from .engine import Engine
from .errors import ErrorCode, OperationError, PrtcError
from .exceptions import argument_error, invalid_modification, invalid_state, not_supported
from .loop import Flag, is_loop_running, running_loop
from .sansio import Address, DescriptionKind, Event, EventType, Peer, States
from .stats import RTCStatsReport
from .transports import RTCSctpTransport

logger = logging.getLogger("polyrtc.rtcpeerconnection")

GATHERING_TIMEOUT = 5.0
"""Seconds for which setLocalDescription waits for gathering, at most, when nobody listens to "icecandidate"."""

CLOSE_TIMEOUT = 1.0
"""Seconds for which close() waits for the engine to say that it is closed, at most."""

_EARLY_CANDIDATES = 100
"""So many candidates are kept that come before the remote description; the others are forgotten."""

_LOCAL = {"offer": ("stable", "have-local-offer"), "answer": ("have-remote-offer", "have-local-pranswer")}
_REMOTE = {"offer": ("stable", "have-local-offer", "have-remote-offer"), "answer": ("have-local-offer", "have-remote-pranswer")}
_REMOTE_EMPTY = _REMOTE | {"offer": ("stable", "have-remote-offer")}
"""The signaling states in which a description may be set, in aiortc's words; what is not here the engine knows."""

_CHANNEL_EVENTS = frozenset(
    (
        EventType.CHANNEL_OPEN,
        EventType.CHANNEL_MESSAGE,
        EventType.CHANNEL_BUFFERED_AMOUNT_LOW,
        EventType.CHANNEL_CLOSING,
        EventType.CHANNEL_ERROR,
        EventType.CHANNEL_CLOSED,
    )
)


class RTCPeerConnection(Emitter):
    """A connection between this program and a browser, or another WebRTC peer.

    May be made before a loop runs; it belongs to the loop in which it is first used.

    Events, without arguments unless noted:

    - "datachannel" with an :class:`RTCDataChannel` that the other side opened;
    - "icecandidate" with an :class:`RTCIceCandidate`, and with ``None`` once gathering is over;
    - "connectionstatechange", "iceconnectionstatechange", "icegatheringstatechange", "signalingstatechange";
    - "icecandidateerror" with an :class:`RTCPeerConnectionIceErrorEvent` when a STUN server does not answer or refuses;
    - "negotiationneeded";
    - "failed" with an :class:`~polyrtc.exceptions.OperationError` that says in a sentence why the connection failed, once a failure.

    With a listener of "icecandidate" (trickle ICE, RFC 8838) :meth:`setLocalDescription` returns at once. Without one the
    candidates must be in the description, so it waits until gathering is complete, but no longer than 5 seconds
    (``polyrtc.peerconnection.GATHERING_TIMEOUT``).

    Calls take effect in the order in which they begin to run, each at once: the W3C's operations chain never has to wait. What
    :meth:`setLocalDescription` waits for, gathering, holds nobody else up, and ends with :meth:`close`.

    As in aiortc, a connection that the other side has closed closes itself, at once and in whatever state. What was queued and not sent yet is dropped by a
    close from either side: to have it sent, wait until ``bufferedAmount`` is 0, or close the channels first.
    """

    def __init__(self, configuration: RTCConfiguration | None = None) -> None:
        super().__init__()
        self.__configuration = configuration or RTCConfiguration()
        self.__bound: tuple[Engine, Peer] | None = None
        self.__channels: dict[int, RTCDataChannel] = {}
        self.__full_readers: set[RTCDataChannel] = set()
        self.__sctp: RTCSctpTransport | None = None
        self.__transport_id = 1  # the engine's, of __sctp
        self.__left: dict[int, RTCSctpTransport] = {}  # whose sections were rejected, until they are closed
        self.__held: list[Event] | None = None
        self.__signaling_state = "stable"
        self.__ice_gathering_state = "new"
        self.__ice_connection_state = "new"
        self.__connection_state = "new"
        self.__failure: OperationError | None = None
        self.__closing = False
        self.__early_candidates: list[RTCIceCandidate | None] = []
        self.__gathered: Flag | None = None
        self.__closed: Flag | None = None
        self.__descriptions: dict[int, RTCSessionDescription | None] = {}  # the last, once it is closed
        self.__last_states: States | None = None
        self.__last_stats: RTCStatsReport | None = None
        settings_of(self.__configuration)  # also where no loop runs yet: what is of a wrong type is refused here
        for certificate in self.__configuration.certificates or ():
            certificate._check_expiry()
        if is_loop_running():
            self.__bind()  # so that a configuration that is not acceptable is refused here

    def __repr__(self) -> str:
        return f"<RTCPeerConnection {self.connectionState}>"

    # ------------------------------------------------------------------------------------------------------------ states

    @property
    def connectionState(self) -> str:
        """``"new"``, ``"connecting"``, ``"connected"``, ``"disconnected"``, ``"failed"`` or ``"closed"``."""
        return self.__connection_state

    @property
    def iceConnectionState(self) -> str:
        """``"new"``, ``"checking"``, ``"connected"``, ``"completed"``, ``"disconnected"``, ``"failed"`` or ``"closed"``."""
        return self.__ice_connection_state

    @property
    def iceGatheringState(self) -> str:
        """``"new"``, ``"gathering"`` or ``"complete"``."""
        return self.__ice_gathering_state

    @property
    def signalingState(self) -> str:
        """``"stable"``, ``"have-local-offer"``, ``"have-remote-offer"``, ``"have-local-pranswer"``,
        ``"have-remote-pranswer"`` or ``"closed"``."""
        return self.__signaling_state

    @property
    def failure(self) -> OperationError | None:
        """Why it failed last, in a sentence; ``None`` when it has not. (Not in the W3C's text.) ``failure.name`` is "ICE_FAILED",
        "CONSENT_EXPIRED", "FINGERPRINT_MISMATCH", "DTLS_ALERT", "TIMEOUT", "SCTP_ABORTED" or another of the table of errors."""
        return self.__failure

    @property
    def localDescription(self) -> RTCSessionDescription | None:
        """With the candidates that are known so far: the pending one if there is one, else the current one."""
        return self.__description(DescriptionKind.LOCAL)

    @property
    def remoteDescription(self) -> RTCSessionDescription | None:
        """The pending one if there is one, else the current one."""
        return self.__description(DescriptionKind.REMOTE)

    @property
    def currentLocalDescription(self) -> RTCSessionDescription | None:
        """The one that was last negotiated, with the candidates that are known so far."""
        return self.__description(DescriptionKind.CURRENT_LOCAL)

    @property
    def currentRemoteDescription(self) -> RTCSessionDescription | None:
        """The one that was last negotiated."""
        return self.__description(DescriptionKind.CURRENT_REMOTE)

    @property
    def pendingLocalDescription(self) -> RTCSessionDescription | None:
        """The one that is being negotiated; ``None`` in the state "stable"."""
        return self.__description(DescriptionKind.PENDING_LOCAL)

    @property
    def pendingRemoteDescription(self) -> RTCSessionDescription | None:
        """The one that is being negotiated; ``None`` in the state "stable"."""
        return self.__description(DescriptionKind.PENDING_REMOTE)

    @property
    def canTrickleIceCandidates(self) -> bool | None:
        """Whether the other side takes candidates one by one (RFC 8838); ``None`` before it has described itself."""
        return None if self.__bound is None else self._states().can_trickle

    @property
    def sctp(self) -> RTCSctpTransport | None:
        """The transport of the data channels; ``None`` before there is a need for it, and after its section was rejected. A section
        that is offered anew has another."""
        return self.__sctp

    def getConfiguration(self) -> RTCConfiguration:
        """The configuration as it holds."""
        return self.__configuration

    def setConfiguration(self, configuration: RTCConfiguration) -> None:
        """Other ICE servers, another policy (W3C section 4.4.1.6): those of the next gathering. The next offer restarts ICE for it; until
        then nothing happens by itself. InvalidModificationError says what may not change: certificates and bundlePolicy; and what is
        beyond the W3C once there is a data channel or an answer. Of both, what is not given stays."""
        self.__assert_not_closed()
        settings_of(configuration)  # what is of a wrong type is refused here
        old = self.__configuration
        configuration = replace(
            configuration,
            certificates=old.certificates if configuration.certificates is None else configuration.certificates,
            useLoopback=configuration.useLoopback or old.useLoopback,
            hideAddresses=configuration.hideAddresses or old.hideAddresses,
            maxMessageSize=configuration.maxMessageSize or old.maxMessageSize,
            sendQueueSize=configuration.sendQueueSize or old.sendQueueSize,
            alwaysNegotiateDataChannels=configuration.alwaysNegotiateDataChannels or old.alwaysNegotiateDataChannels,
            tcpCandidates=configuration.tcpCandidates or old.tcpCandidates,
            iceCandidatePoolSize=configuration.iceCandidatePoolSize or old.iceCandidatePoolSize,
            interfaceFilter=configuration.interfaceFilter or old.interfaceFilter,
            addressFilter=configuration.addressFilter or old.addressFilter,
            portRange=configuration.portRange or old.portRange,
            addressMappings=configuration.addressMappings or old.addressMappings,
            iceLite=configuration.iceLite or old.iceLite,
            icePacing=configuration.icePacing or old.icePacing,
            renomination=configuration.renomination and old.renomination,
            trustAnchors=configuration.trustAnchors or old.trustAnchors,
            insecureTls=configuration.insecureTls or old.insecureTls,
            udpPort=configuration.udpPort or old.udpPort,
        )
        if configuration.certificates != old.certificates or configuration.bundlePolicy != old.bundlePolicy:
            raise invalid_modification("certificates and bundlePolicy cannot be changed")
        if self.__bound is not None and configuration.udpPort != old.udpPort:
            raise invalid_modification("udpPort cannot be changed any more")
        if self.__bound is not None:
            engine, peer = self.__bound
            peer.set_configuration(engine.driver.now(), **settings_of(configuration))
        self.__configuration = configuration

    # ------------------------------------------------------------------------------------------------------- negotiation

    async def createOffer(self) -> RTCSessionDescription:
        """An offer to begin a connection, or to change it."""
        self.__assert_not_closed()
        _, peer = self.__bind()
        return RTCSessionDescription(sdp=peer.create_offer(self._now()), type="offer")

    async def createAnswer(self) -> RTCSessionDescription:
        """An answer to the offer that was set as the remote description."""
        self.__assert_not_closed()
        if self.__signaling_state not in _LOCAL["answer"]:
            raise invalid_state(f'Cannot create answer in signaling state "{self.__signaling_state}"')
        _, peer = self.__bind()
        return RTCSessionDescription(sdp=peer.create_answer(self._now()), type="answer")

    async def setLocalDescription(self, sessionDescription: RTCSessionDescription | None = None) -> None:
        """Applies what createOffer or createAnswer gave; ``None`` makes the one that the state asks for.

        Waits for gathering unless somebody listens to "icecandidate", see the class.
        """
        self.__assert_not_closed()
        engine, peer = self.__bind()
        if sessionDescription is not None:
            self.__assert_state(sessionDescription.type, _LOCAL)
            peer.set_local_description(self._now(), sessionDescription.type, sessionDescription.sdp)
        elif self.__signaling_state in ("have-remote-offer", "have-local-pranswer"):
            peer.set_local_description(self._now(), "answer")
        else:
            peer.set_local_description(self._now(), "offer")
        self.__carry_out(engine, peer)
        if not self.listeners("icecandidate") and not self.__closing:
            await self.__wait_for_gathering(engine, peer)

    async def setRemoteDescription(self, sessionDescription: RTCSessionDescription) -> None:
        """Applies what the other side sent. SDP that is not well formed raises a ValueError that names line and reason.

        An offer that meets one of ours (glare) rolls ours back (W3C section 4.4.2), so the side that is to yield has nothing
        to do, and the other one ignores the offer: "perfect negotiation". (aiortc refuses it. One without text, which could not
        be applied anyway, is refused with InvalidStateError as there.)
        """
        self.__assert_not_closed()
        self.__assert_state(sessionDescription.type, _REMOTE if sessionDescription.sdp else _REMOTE_EMPTY)
        engine, peer = self.__bind()
        peer.set_remote_description(self._now(), sessionDescription.type, sessionDescription.sdp)
        self.__carry_out(engine, peer)
        early, self.__early_candidates = self.__early_candidates, []
        for candidate in early:
            try:
                await self.addIceCandidate(candidate)
            except (PrtcError, ValueError) as error:  # it was of another offer, one that was ignored, or is none
                logger.warning("%r: a candidate that came early is not used: %s", self, error)

    async def addIceCandidate(self, candidate: RTCIceCandidate | None) -> None:
        """Adds a candidate of the other side; ``None``: there will be no more.

        One that comes before the remote description is kept for it, with a warning. (The W3C forbids it, aiortc allows it.)
        """
        self.__assert_not_closed()
        if candidate is not None and candidate.sdpMid is None and candidate.sdpMLineIndex is None:
            raise argument_error("Candidate must have either sdpMid or sdpMLineIndex")
        engine, peer = self.__bind()
        if self.remoteDescription is None:
            logger.warning("RTCPeerConnection addIceCandidate called without remote description")
            if len(self.__early_candidates) < _EARLY_CANDIDATES:
                self.__early_candidates.append(candidate)
        elif candidate is None:
            peer.add_ice_candidate(self._now(), "")
        else:
            peer.add_ice_candidate(
                self._now(), candidate.candidate, candidate.sdpMid, candidate.sdpMLineIndex, candidate.usernameFragment
            )
        engine.schedule()

    def restartIce(self) -> None:
        """The next offer has new ICE credentials; "negotiationneeded" follows."""
        self.__assert_not_closed()
        engine, peer = self.__bind()
        peer.restart_ice(self._now())
        engine.schedule()

    async def close(self) -> None:
        """Says goodbye, closes every channel and the connection. Legal at any moment, twice, and from a listener."""
        self.__begin_close()
        if self.__closed is not None and not await self.__closed.wait(CLOSE_TIMEOUT):
            self.__end_close()

    # ----------------------------------------------------------------------------------------------------- data channels

    def createDataChannel(
        self,
        label: str,
        maxPacketLifeTime: int | None = None,
        maxRetransmits: int | None = None,
        ordered: bool = True,
        protocol: str = "",
        negotiated: bool = False,
        id: int | None = None,
    ) -> RTCDataChannel:
        """A new data channel, see :class:`RTCDataChannelParameters`. Needs a running loop."""
        self.__assert_not_closed()
        if maxPacketLifeTime is not None and maxRetransmits is not None:
            raise argument_error("Cannot specify both maxPacketLifeTime and maxRetransmits")
        for name, value, most in (
            ("maxPacketLifeTime", maxPacketLifeTime, 65535),
            ("maxRetransmits", maxRetransmits, 65535),
            ("id", id, 65534),
        ):
            if value is not None and not 0 <= value <= most:
                raise argument_error(f"{name} must be in range 0-{most}")
        if negotiated and id is None:
            raise argument_error("ID must be in range 0-65534 if data channel is negotiated out-of-band")
        engine, peer = self.__bind()
        channel = peer.create_data_channel(
            self._now(),
            label,
            protocol=protocol,
            ordered=ordered,
            max_retransmits=maxRetransmits,
            max_packet_life_time=maxPacketLifeTime,
            negotiated=negotiated,
            stream_id=id,
        )
        engine.schedule()
        return self.__add_channel(channel)

    @staticmethod
    async def generateCertificate(keygenAlgorithm: str | Mapping[str, Any] = "ECDSA") -> RTCCertificate:
        """W3C generateCertificate: see :meth:`RTCCertificate.generateCertificate`. The loop goes on meanwhile."""
        return await running_loop().in_thread(lambda: RTCCertificate.generateCertificate(keygenAlgorithm))

    # ------------------------------------------------------------------------------------------------------------- media

    def addTrack(self, track: object) -> NoReturn:
        """Not supported: data channels alone for now."""
        raise not_supported("polyrtc has no media yet")

    def addTransceiver(self, trackOrKind: object, direction: str = "sendrecv") -> NoReturn:
        """Not supported: data channels alone for now."""
        raise not_supported("polyrtc has no media yet")

    def getSenders(self) -> list[NoReturn]:
        """Empty: there is no media."""
        return []

    def getReceivers(self) -> list[NoReturn]:
        """Empty: there is no media."""
        return []

    def getTransceivers(self) -> list[NoReturn]:
        """Empty: there is no media."""
        return []

    async def getStats(self) -> RTCStatsReport:
        """What has been counted (W3C webrtc-stats): the peer connection, its transport, candidates, pairs of them, certificates and
        data channels. Once the connection is closed: as it was then."""
        if self.__connection_state != "closed" or self.__last_stats is None:
            self.__last_stats = RTCStatsReport._of(self._peer.stats(self._now()))
        return self.__last_stats

    # ------------------------------------------------------------------------------------ for the channels and transports

    @property
    def _engine(self) -> Engine:
        return self.__bind()[0]

    @property
    def _peer(self) -> Peer:
        return self.__bind()[1]

    def _now(self) -> int:
        return self._engine.driver.now()

    def _pause_messages(self, channel: RTCDataChannel, paused: bool) -> None:
        """A reader has enough, or wants more: messages are taken while none has enough."""
        before = bool(self.__full_readers)
        (self.__full_readers.add if paused else self.__full_readers.discard)(channel)
        if before != bool(self.__full_readers) and self.__bound is not None and not self._engine.closed:
            try:
                self._peer.pause_messages(paused)
            except PrtcError:  # the peer is closed
                return
            self._engine.schedule()

    def _states(self) -> States:
        if self.__connection_state != "closed" or self.__last_states is None:
            self.__last_states = self._peer.states()
        return self.__last_states

    def _data_section(self, remote: bool) -> list[str]:
        """The lines of the data section of the latest description; none when there is none."""
        description = self.remoteDescription if remote else self.localDescription
        if description is None:
            return []
        section = description.sdp.partition("\r\nm=application ")[2].partition("\r\nm=")[0]
        return section.split("\r\n")[1:]

    def _data_mid(self) -> str | None:
        lines = self._data_section(False) or self._data_section(True)
        return next((line[6:] for line in lines if line.startswith("a=mid:")), None)

    def _selected_pair(self) -> tuple[Address, Address] | None:
        return None if self.__bound is None or self.__connection_state == "closed" else self._peer.selected_pair()

    def _ice_role(self) -> str:
        return "unknown" if self.__bound is None else self._states().ice_role

    def _error_of(self, event: Event) -> OperationError:
        name = ErrorCode(event.code).name if event.code in ErrorCode._value2member_map_ else "UNKNOWN"
        return OperationError(event.code, name, event.text or name)

    # ------------------------------------------------------------------------------------------------------------ events

    def _on_event(self, event: Event) -> None:
        kind = event.type
        if self.__held is not None and self.__is_held(event, self.__held):
            self.__held.append(event)
        elif kind in _CHANNEL_EVENTS:
            channel = self.__channels.get(event.object)
            if channel is not None:
                channel._on_event(event)
                if kind == EventType.CHANNEL_CLOSED:
                    self.__channels.pop(event.object, None)
        elif kind == EventType.DATA_CHANNEL:
            channel = self.__add_channel(event.object)
            channel._announce()
            self.emit("datachannel", channel)
        elif kind == EventType.ICE_CANDIDATE:
            self.__on_candidate(event)
        elif kind == EventType.SIGNALING_STATE_CHANGE:
            self.__signaling_state = event.state_name
            self.emit("signalingstatechange")
        elif kind == EventType.ICE_GATHERING_STATE_CHANGE:
            self.__ice_gathering_state = event.state_name
            if event.state_name == "complete":
                self.__wake_gathered()
            if self.__sctp is not None:
                self.__sctp.transport.transport._set_gathering_state(event.state_name)
            self.emit("icegatheringstatechange")
        elif kind == EventType.ICE_CONNECTION_STATE_CHANGE:
            self.__ice_connection_state = event.state_name
            self.emit("iceconnectionstatechange")
        elif kind == EventType.CONNECTION_STATE_CHANGE:
            self.__on_connection_state(event.state_name)
        elif kind == EventType.NEGOTIATION_NEEDED:
            self.emit("negotiationneeded")
        elif kind == EventType.FAILED:
            self.__failure = self._error_of(event)
            self.emit("failed", self.__failure)
        elif kind == EventType.ICE_TRANSPORT_STATE_CHANGE:
            self.__transport(event.object).transport.transport._set_state(event.state_name)
            if event.state_name == "closed" and event.object == self.__transport_id and not self.__closing:
                self.__leave()  # its section was rejected
        elif kind == EventType.ICE_SELECTED_PAIR_CHANGE:
            self.__transport(event.object).transport.transport.emit("selectedcandidatepairchange")
        elif kind == EventType.DTLS_TRANSPORT_STATE_CHANGE:
            dtls = self.__transport(event.object).transport
            if event.state_name == "connected" and (certificate := self._peer.remote_certificate()) is not None:
                dtls._remote_certificates = [certificate]
            dtls._set_state(event.state_name)
            if event.state_name == "closed" and event.object == self.__transport_id:
                self.__begin_close()  # the other side has said goodbye
        elif kind == EventType.SCTP_TRANSPORT_STATE_CHANGE:
            self.__transport(event.object)._set_state(event.state_name)
        elif kind == EventType.ICE_CANDIDATE_ERROR:
            url, _, text = (event.text or "").partition(" ")
            self.emit("icecandidateerror", RTCPeerConnectionIceErrorEvent(url, event.code, text))

    def _messages_to(self, channel: int) -> Callable[[str | bytes], None] | None:
        found = self.__channels.get(channel)
        return None if found is None else found._on_message

    def _on_engine_failed(self, event: Event) -> None:
        self.__failure = self._error_of(event)
        if self.__connection_state != "closed":
            self.__on_connection_state("failed")
            self.emit("failed", self.__failure)
        if self.__closing:
            self.__end_close()
        else:
            self.__begin_close()

    def __on_candidate(self, event: Event) -> None:
        """An empty text ends a generation. It is of no use to an application: ``None`` follows."""
        if event.text is None:
            self.emit("icecandidate", None)
        elif event.text:
            candidate = candidate_from_sdp(event.text)
            candidate.sdpMid = event.mid
            candidate.sdpMLineIndex = event.index
            candidate.usernameFragment = event.ufrag
            self.emit("icecandidate", candidate)

    def __on_connection_state(self, state: str) -> None:
        self.__connection_state = state
        self.emit("connectionstatechange")
        if state == "closed":
            self.__end_close()

    # ------------------------------------------------------------------------------------------------------------ inside

    def __bind(self) -> tuple[Engine, Peer]:
        """The engine of the running loop and this connection's peer in it, from the first use on."""
        if self.__bound is None:
            engine = Engine.of_running_loop(self.__configuration.udpPort)
            try:
                peer = engine.driver.endpoint.create_peer(engine.driver.now(), **settings_of(self.__configuration))
            except BaseException:
                engine.close_if_unused()
                raise
            engine.add(self, peer)
            self.__bound = (engine, peer)
            if self.__configuration.iceCandidatePoolSize:
                engine.schedule()
        return self.__bound

    def __carry_out(self, engine: Engine, peer: Peer) -> None:
        """A description was applied: what follows from it at once, the state above all, has happened before the caller goes
        on. From now on the connection lives by itself until it is closed."""
        engine.hold(self, peer)
        self.__hold_gathering(engine)
        if peer.states().sctp_transport is not None:
            self.__need_sctp()
        engine.dispatch()
        engine.schedule()
        if not self.__closing and not self.__channels and peer.states().sctp_transport is None:
            self.__sctp = None  # the offer was rolled back

    def __hold_gathering(self, engine: Engine) -> None:
        """What is gathered is told after the caller of setLocalDescription has gone on (in the W3C's text it is a task that is
        queued), so that who sends the description there sends it before its candidates. A task that waits for the call goes
        on in the next round of the loop: so it is the one after."""
        if self.__held is None:
            self.__held = []
            engine.loop.soon(lambda: engine.loop.soon(self.__tell_gathering))

    @staticmethod
    def __is_held(event: Event, held: list[Event]) -> bool:
        if event.type == EventType.ICE_GATHERING_STATE_CHANGE:
            return bool(held) or event.state_name == "complete"
        return event.type == EventType.ICE_CANDIDATE

    def __tell_gathering(self) -> None:
        held, self.__held = self.__held or [], None
        known = [found.sdp for found in (self.currentLocalDescription, self.pendingLocalDescription) if found is not None]
        for event in held:
            if event.ufrag and not any(f"a=ice-ufrag:{event.ufrag}\r\n" in sdp for sdp in known):
                continue  # its offer was rolled back meanwhile: the other side would refuse it after our answer
            self._on_event(event)

    async def __wait_for_gathering(self, engine: Engine, peer: Peer) -> None:
        description = peer.description()
        if description is None or "m=" not in description.sdp or self.__ice_gathering_state == "complete":
            return
        if self.__gathered is None:
            self.__gathered = engine.loop.flag()
        if not await self.__gathered.wait(GATHERING_TIMEOUT):
            logger.warning("%r: gathering has not ended in %g s; going on with what is known", self, GATHERING_TIMEOUT)

    def __wake_gathered(self) -> None:
        if self.__gathered is not None:
            self.__gathered.set()
            self.__gathered = None

    def __assert_not_closed(self) -> None:
        if self.__closing:
            raise invalid_state("RTCPeerConnection is closed")

    def __assert_state(self, type: str, allowed: Mapping[str, tuple[str, ...]]) -> None:
        if self.__signaling_state not in allowed.get(type, (self.__signaling_state,)):
            raise invalid_state(f'Cannot handle {type} in signaling state "{self.__signaling_state}"')

    def __need_sctp(self) -> RTCSctpTransport:
        if self.__sctp is None:
            self.__sctp = RTCSctpTransport(self)
        return self.__sctp

    def __leave(self) -> None:
        if self.__sctp is not None:
            self.__left[self.__transport_id] = self.__sctp
        self.__sctp = None
        self.__transport_id += 1

    def __transport(self, id: int) -> RTCSctpTransport:
        """Of the engine's id: they count from 1."""
        if id in self.__left:
            return self.__left[id]
        while self.__transport_id < id:
            self.__leave()
        return self.__need_sctp()

    def __add_channel(self, channel: int) -> RTCDataChannel:
        transport = self.__transport((channel >> 32) + 1)  # as polyrtc/peer.h has the ids
        self.__channels[channel] = added = RTCDataChannel(transport, channel)
        return added

    def __description(self, which: int) -> RTCSessionDescription | None:
        if self.__bound is None or self.__connection_state == "closed":
            return self.__descriptions.get(which)
        found = self._peer.description(which)
        return None if found is None else RTCSessionDescription(sdp=found.sdp, type=found.type)

    def __begin_close(self) -> None:
        if self.__closing:
            return
        self.__closing = True
        if self.__bound is None or self.__bound[0].closed:  # never used, or its loop has gone
            self.__signaling_state = self.__ice_connection_state = self.__connection_state = "closed"
            self.__channels.clear()
            self.remove_all_listeners()
            return
        engine, peer = self.__bound
        self.__closed = engine.loop.flag()
        engine.hold(self, peer)
        self.__descriptions = {kind: self.__description(kind) for kind in DescriptionKind}
        self.__last_states = peer.states()
        self.__last_stats = RTCStatsReport._of(peer.stats(engine.driver.now()))
        if engine.failed:  # it will not say that this is closed
            self.__on_connection_state("closed")
            return
        peer.close(engine.driver.now())
        engine.flush()
        engine.dispatch()

    def __end_close(self) -> None:
        """The last step, by the engine's event, or without it when it does not come."""
        if self.__closed is None or self.__bound is None:
            return
        engine, peer = self.__bound
        closed, self.__closed = self.__closed, None
        for channel in list(self.__channels.values()):
            channel._close()
        self.__channels.clear()
        self.__signaling_state = self.__ice_connection_state = self.__connection_state = "closed"
        self.__wake_gathered()
        engine.remove(peer)
        # Nothing more will come: let go of what the listeners hold.
        self.remove_all_listeners()
        closed.set()
