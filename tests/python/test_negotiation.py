# SPDX-License-Identifier: BSD-3-Clause
"""Offer and answer of RTCPeerConnection beyond the first one (W3C WebRTC 1.0 sections 4.4 and 4.7)."""

from __future__ import annotations

import asyncio
import hashlib
from random import Random

import pytest

from polyrtc import RTCBundlePolicy, RTCConfiguration, RTCIceCandidate, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from polyrtc.exceptions import InvalidModificationError, InvalidStateError, OperationError

from .support import PATIENCE, Inbox, channels, loopback, negotiate, open_channel, pair, state

pytestmark = pytest.mark.asyncio


def ufrag(description: RTCSessionDescription | None) -> str:
    assert description is not None
    return description.sdp.partition("a=ice-ufrag:")[2].partition("\r\n")[0]


def watch(connection: RTCPeerConnection) -> list[str]:
    """The signaling states, as they come."""
    seen: list[str] = []
    connection.on("signalingstatechange", lambda: seen.append(connection.signalingState))
    return seen


# ------------------------------------------------------------------------------------------------------ perfect negotiation


class Perfect:
    """The example of the W3C's section 10.7, word by word."""

    def __init__(self, connection: RTCPeerConnection, polite: bool, random: Random) -> None:
        self.pc, self.polite, self.random = connection, polite, random
        self.other: Perfect
        self.making_offer = self.ignore_offer = self.setting_answer = False
        self.line: asyncio.Queue[RTCSessionDescription | RTCIceCandidate | None] = asyncio.Queue()
        self.rolled_back = 0
        connection.on("negotiationneeded", self.on_negotiation_needed)
        connection.on("icecandidate", self.send)
        self.task = asyncio.create_task(self.carry())

    def send(self, message: RTCSessionDescription | RTCIceCandidate | None) -> None:
        self.line.put_nowait(message)

    async def carry(self) -> None:
        while True:
            message = await self.line.get()
            await asyncio.sleep(self.random.random() / 200)  # the signalling server
            await self.other.receive(message)

    async def on_negotiation_needed(self) -> None:
        try:
            self.making_offer = True
            await asyncio.sleep(self.random.random() / 200)
            await self.pc.setLocalDescription()
            assert self.pc.localDescription is not None
            self.send(self.pc.localDescription)
        finally:
            self.making_offer = False

    async def receive(self, message: RTCSessionDescription | RTCIceCandidate | None) -> None:
        if not isinstance(message, RTCSessionDescription):
            try:
                await self.pc.addIceCandidate(message)
            except (InvalidStateError, OperationError):
                if not self.ignore_offer:
                    raise
            return
        ready = not self.making_offer and (self.pc.signalingState == "stable" or self.setting_answer)
        collides = message.type == "offer" and not ready
        self.ignore_offer = not self.polite and collides
        if self.ignore_offer:
            return
        self.rolled_back += collides and self.pc.signalingState == "have-local-offer"
        self.setting_answer = message.type == "answer"
        await self.pc.setRemoteDescription(message)
        self.setting_answer = False
        if message.type == "offer":
            await self.pc.setLocalDescription()
            assert self.pc.localDescription is not None
            self.send(self.pc.localDescription)


@pytest.mark.parametrize("seed", range(10))
async def test_perfect_negotiation(seed: int) -> None:
    random = Random(seed)
    async with pair() as (a, b):
        sides = Perfect(a, True, random), Perfect(b, False, random)
        sides[0].other, sides[1].other = sides[1], sides[0]
        inboxes: list[Inbox] = []
        for connection in (a, b):
            connection.on("datachannel", lambda channel: inboxes.append(Inbox(channel)))
        ours = [connection.createDataChannel("chat") for connection in (a, b)]
        for channel in ours:
            await state(channel, "readyState", "open")
        for side in sides:  # both again, at the same moment
            side.pc.restartIce()
        async with asyncio.timeout(PATIENCE):
            while not (a.signalingState == b.signalingState == "stable" and all(side.line.empty() for side in sides)):
                await asyncio.sleep(0.01)
        for channel in ours:
            channel.send("hello")
        assert [await inbox.get() for inbox in inboxes] == ["hello", "hello"]
        for connection in (a, b):  # the restart may still check while the old pair carries the messages
            await state(connection, "connectionState", "connected")
        for side in sides:
            side.task.cancel()


@pytest.mark.parametrize("rounds", range(6))
async def test_candidates_of_an_offer_that_was_rolled_back(rounds: int) -> None:
    """After the answer only the answer's are told. The offer yields so many rounds of the loop later."""
    async with pair() as (a, b):
        told: list[str | None] = []
        a.on("icecandidate", lambda candidate: told.append(candidate and candidate.usernameFragment))
        b.on("icecandidate", lambda _: None)
        a.createDataChannel("chat")
        b.createDataChannel("chat")
        await b.setLocalDescription()
        await a.setLocalDescription()
        offered = ufrag(a.localDescription)
        for _ in range(rounds):
            await asyncio.sleep(0)
        assert b.localDescription is not None
        await a.setRemoteDescription(b.localDescription)
        await a.setLocalDescription()
        answered = ufrag(a.localDescription)
        assert offered != answered
        del told[:]
        while None not in told:
            await asyncio.sleep(0.01)
        assert set(told) == {answered, None}


# ----------------------------------------------------------------------------------------------------------- the operations


async def test_calls_at_the_same_time_take_effect_in_order() -> None:
    async with pair() as (a, b):
        a.createDataChannel("chat")
        seen = watch(b)
        a.on("icecandidate", lambda _: None)
        b.on("icecandidate", lambda _: None)
        offer = await a.createOffer()
        candidate = RTCIceCandidate.fromJSON({"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0"})
        await asyncio.gather(
            a.setLocalDescription(offer), b.setRemoteDescription(offer), b.addIceCandidate(candidate), b.setLocalDescription()
        )
        assert seen == ["have-remote-offer", "stable"]
        assert b.remoteDescription is not None and "192.0.2.1" in b.remoteDescription.sdp
        assert b.localDescription is not None and b.localDescription.type == "answer"


async def test_nothing_hangs_after_close() -> None:
    """Calls that wait end with close; those that come after it are refused."""
    a = RTCPeerConnection(loopback(iceServers=[RTCIceServer("stun:192.0.2.1")]))  # which does not answer
    a.createDataChannel("chat")
    waiting = [asyncio.create_task(a.setLocalDescription()) for _ in range(3)]
    await asyncio.sleep(0)
    later = asyncio.create_task(a.createOffer())
    closing = [asyncio.create_task(a.close()) for _ in range(2)]
    async with asyncio.timeout(PATIENCE):
        results = await asyncio.gather(*waiting, later, *closing, return_exceptions=True)
    assert all(result is None or isinstance(result, (InvalidStateError, RTCSessionDescription)) for result in results)
    with pytest.raises(InvalidStateError):
        await a.setLocalDescription()
    with pytest.raises(InvalidStateError):
        await a.addIceCandidate(None)
    with pytest.raises(InvalidStateError):
        a.restartIce()


# ------------------------------------------------------------------------------------------------------------ descriptions


async def test_current_and_pending_descriptions() -> None:
    async with pair() as (a, b):
        a.createDataChannel("chat")
        assert a.canTrickleIceCandidates is None
        await a.setLocalDescription()
        assert (a.currentLocalDescription, a.pendingRemoteDescription) == (None, None)
        offer = a.pendingLocalDescription
        assert offer is not None and offer == a.localDescription
        await b.setRemoteDescription(offer)
        assert b.pendingRemoteDescription == offer and b.canTrickleIceCandidates is True
        await b.setLocalDescription()
        answer = b.localDescription
        assert answer is not None and b.currentLocalDescription == answer and b.currentRemoteDescription == offer
        await a.setRemoteDescription(answer)
        assert a.pendingLocalDescription is None and a.currentRemoteDescription == answer
        await a.close()
        assert a.currentRemoteDescription == answer and a.localDescription is not None


async def test_pranswer() -> None:
    async with pair() as (a, b):
        channel = a.createDataChannel("chat")
        seen = watch(a), watch(b)
        await a.setLocalDescription()
        assert a.localDescription is not None
        await b.setRemoteDescription(a.localDescription)
        answer = await b.createAnswer()
        await b.setLocalDescription(RTCSessionDescription(answer.sdp, "pranswer"))
        assert b.localDescription is not None and b.localDescription.type == "pranswer"
        await a.setRemoteDescription(b.localDescription)
        await state(channel, "readyState", "open")  # it carries already
        with pytest.raises(InvalidStateError):
            await a.setLocalDescription(RTCSessionDescription("", "rollback"))
        await b.setLocalDescription()  # now the answer
        assert b.localDescription is not None and b.localDescription.type == "answer"
        await a.setRemoteDescription(b.localDescription)
        assert seen == (
            ["have-local-offer", "have-remote-pranswer", "stable"],
            ["have-remote-offer", "have-local-pranswer", "stable"],
        )
        assert channel.readyState == "open"


async def test_rollback_of_either_side() -> None:
    async with pair() as (a, b):
        needed = [0]
        a.on("negotiationneeded", lambda: needed.__setitem__(0, needed[0] + 1))
        a.createDataChannel("chat")
        await a.setLocalDescription()
        assert a.localDescription is not None
        await b.setRemoteDescription(a.localDescription)
        await b.setRemoteDescription(RTCSessionDescription("", "rollback"))
        assert (b.signalingState, b.remoteDescription) == ("stable", None)
        await a.setLocalDescription(RTCSessionDescription("", "rollback"))
        assert (a.signalingState, a.localDescription, a.iceGatheringState) == ("stable", None, "new")
        assert needed == [1]  # spared by the offer, due after the rollback
        await open_channel(a, b)
        with pytest.raises(InvalidStateError):
            await a.setLocalDescription(RTCSessionDescription("", "rollback"))


async def test_an_offer_of_another_is_not_ours() -> None:
    async with pair() as (a, b):
        a.createDataChannel("chat")
        offer = await a.createOffer()
        with pytest.raises(InvalidModificationError):
            await a.setLocalDescription(RTCSessionDescription(offer.sdp + "a=x\r\n", "offer"))
        with pytest.raises(InvalidStateError):
            await b.setLocalDescription(RTCSessionDescription(offer.sdp, "answer"))


async def test_candidates_of_another_generation_are_refused() -> None:
    async with channels() as (a, _, _, _):
        candidate = RTCIceCandidate.fromJSON(
            {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "0", "usernameFragment": "another"}
        )
        with pytest.raises(OperationError):
            await a.addIceCandidate(candidate)


# ------------------------------------------------------------------------------------------------------------ renegotiation


@pytest.mark.parametrize("restarts", ["offerer", "answerer"])
async def test_ice_restart_with_data_in_flight(restarts: str) -> None:
    async with channels() as (a, b, ours, theirs):
        first, second = (a, b) if restarts == "offerer" else (b, a)
        inbox = Inbox(theirs)
        states: list[str] = []
        for connection in (a, b):
            connection.on("connectionstatechange", lambda connection=connection: states.append(connection.connectionState))
        before = ufrag(a.localDescription), ufrag(b.localDescription)
        messages = [bytes([number]) * 20_000 for number in range(100)]
        needed = asyncio.Event()
        first.on("negotiationneeded", needed.set)
        for number, message in enumerate(messages):
            ours.send(message)
            if number == 30:
                first.restartIce()
            if number == 50:
                async with asyncio.timeout(PATIENCE):
                    await needed.wait()
                await negotiate(first, second)
        assert [await inbox.get() for _ in messages] == messages
        after = ufrag(a.localDescription), ufrag(b.localDescription)
        assert before[0] != after[0] and before[1] != after[1]
        assert states == []  # connected all the while
        assert ours.readyState == theirs.readyState == "open"


async def test_data_is_rejected_and_revived() -> None:
    async with channels() as (a, b, ours, theirs):
        transport = b.sctp
        closed = asyncio.Event()
        ours.on("close", closed.set)
        offer = await a.createOffer()
        section = offer.sdp.partition("m=application ")[2].split(" ")[0]
        await a.setLocalDescription(offer)
        await b.setRemoteDescription(
            RTCSessionDescription(offer.sdp.replace(f"m=application {section} ", "m=application 0 "), "offer")
        )
        await b.setLocalDescription()
        assert b.localDescription is not None and "m=application 0 " in b.localDescription.sdp
        assert theirs.readyState == "closed" and b.sctp is None and b.connectionState == "new"
        await a.setRemoteDescription(b.localDescription)
        async with asyncio.timeout(PATIENCE):
            await closed.wait()
        again, there = await open_channel(b, a)
        inbox = Inbox(there)
        again.send("again")
        assert await inbox.get() == "again"
        assert b.sctp is not None and b.sctp is not transport
        assert a.connectionState == b.connectionState == "connected"


@pytest.mark.parametrize("who", ["offers", "answers"])
async def test_the_other_side_closes_while_an_offer_is_pending(who: str) -> None:
    """As in aiortc: the connection closes itself at once, and what would have come of the offer is refused."""
    async with channels() as (a, b, ours, _):
        offerer, answerer = (a, b) if who == "offers" else (b, a)
        await offerer.setLocalDescription()
        assert offerer.localDescription is not None
        await answerer.setRemoteDescription(offerer.localDescription)
        await b.close()
        await state(a, "connectionState", "closed")
        assert (a.signalingState, ours.readyState) == ("closed", "closed")
        with pytest.raises(InvalidStateError, match="^RTCPeerConnection is closed$"):
            await a.setLocalDescription()


# ------------------------------------------------------------------------------------------------- transports, configuration


async def test_the_transports() -> None:
    async with pair() as (a, b):
        a.createDataChannel("chat")
        assert a.sctp is not None
        ice = a.sctp.transport.iceTransport
        assert (ice.role, ice.component, ice.state, ice.gatheringState) == ("unknown", "rtp", "new", "new")
        assert ice.getSelectedCandidatePair() is None and ice.getLocalParameters() is None
        seen: list[str] = []
        selected: list[bool] = []
        ice.on("statechange", lambda: seen.append(ice.state))
        ice.on("gatheringstatechange", lambda: seen.append(ice.gatheringState))
        ice.on("selectedcandidatepairchange", lambda: selected.append(True))
        dtls: list[str] = []
        a.sctp.transport.on("statechange", lambda: dtls.append(a.sctp.transport.state if a.sctp else "none"))
        sctp: list[str] = []
        a.sctp.on("statechange", lambda: sctp.append(a.sctp.state if a.sctp else "none"))
        await open_channel(a, b)
        assert b.sctp is not None
        assert (ice.role, b.sctp.transport.transport.role) == ("controlling", "controlled")
        assert seen[:3] == ["gathering", "complete", "checking"]
        assert dtls == ["connecting", "connected"] and sctp == ["connected"] and selected
        chosen = ice.getSelectedCandidatePair()
        assert chosen is not None and chosen.local in ice.getLocalCandidates()
        theirs = b.sctp.transport.iceTransport
        assert ice.getRemoteParameters() == theirs.getLocalParameters()
        assert len(ice.getRemoteCandidates()) == len(theirs.getLocalCandidates()) > 0


async def test_two_that_offer_settle_their_roles() -> None:
    """Each takes the other one's offer for an answer, so both control at first (RFC 8445 section 7.3.1.1)."""
    async with pair() as (a, b):
        ours, theirs = (connection.createDataChannel("chat", negotiated=True, id=1) for connection in (a, b))
        for connection in (a, b):
            await connection.setLocalDescription()
        for one, other, setup in ((a, b, "active"), (b, a, "passive")):
            assert other.localDescription is not None
            sdp = other.localDescription.sdp.replace("a=setup:actpass", f"a=setup:{setup}")
            await one.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        for channel in (ours, theirs):
            await state(channel, "readyState", "open")
        assert a.sctp is not None and b.sctp is not None
        assert {c.sctp.transport.iceTransport.role for c in (a, b) if c.sctp} == {"controlling", "controlled"}


async def test_remote_certificates() -> None:
    certificate = await RTCPeerConnection.generateCertificate()
    a, b = RTCPeerConnection(loopback(certificates=[certificate])), RTCPeerConnection(loopback())
    a.createDataChannel("chat")
    assert a.sctp is not None
    dtls = a.sctp.transport
    assert dtls.getRemoteCertificates() == []
    await open_channel(a, b)
    assert b.sctp is not None
    (theirs,), (ours,) = dtls.getRemoteCertificates(), b.sctp.transport.getRemoteCertificates()
    assert theirs != ours
    assert hashlib.sha256(ours).hexdigest().upper() == certificate.getFingerprints()[0].value.replace(":", "")
    await asyncio.gather(a.close(), b.close())
    assert dtls.getRemoteCertificates() == [theirs]  # as it was


async def test_configuration() -> None:
    async with pair() as (a, b):
        server = RTCIceServer("stun:192.0.2.1")
        a.setConfiguration(loopback(maxMessageSize=1000))
        await open_channel(a, b)
        assert a.getConfiguration().maxMessageSize == 1000
        assert b.sctp is not None and b.sctp.maxMessageSize == 1000
        for wrong in (dict(certificates=[]), dict(maxMessageSize=2000), dict(bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)):
            with pytest.raises(InvalidModificationError):
                a.setConfiguration(RTCConfiguration(**wrong))
        with pytest.raises(ValueError):
            a.setConfiguration(RTCConfiguration(iceServers=[RTCIceServer("stun:a b")]))
        await negotiate(a, b)
        before = ufrag(a.localDescription)
        a.setConfiguration(RTCConfiguration(iceServers=[server]))
        assert a.getConfiguration() == loopback(maxMessageSize=1000, iceServers=[server])
        assert ufrag(a.localDescription) == before  # nothing follows by itself
        a.on("icecandidate", lambda candidate: None)  # does not wait for the server, which is not there
        await negotiate(a, b)
        assert ufrag(a.localDescription) != before
        await a.close()
        with pytest.raises(InvalidStateError):
            a.setConfiguration(RTCConfiguration())
