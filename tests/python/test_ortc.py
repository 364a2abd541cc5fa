# SPDX-License-Identifier: BSD-3-Clause
"""ORTC's objects without a connection, against each other and against aiortc's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiortc
import pytest

from polyrtc import (
    InvalidStateError,
    RTCCertificate,
    RTCConfiguration,
    RTCDataChannel,
    RTCDataChannelParameters,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceTransport,
    RTCPeerConnection,
    RTCSctpCapabilities,
    RTCSctpTransport,
)

from .support import PATIENCE, Inbox, loopback, state

pytestmark = pytest.mark.asyncio


class Side:
    """One side's objects, all of polyrtc."""

    def __init__(self, **config: Any) -> None:
        self.gatherer = RTCIceGatherer(configuration=loopback(**config))
        self.ice = RTCIceTransport(self.gatherer)
        self.certificate = RTCCertificate.generateCertificate()
        self.dtls = RTCDtlsTransport(self.ice, [self.certificate])
        self.sctp = RTCSctpTransport(self.dtls)


def know(ours: Any, theirs: Any) -> None:
    for candidate in theirs.gatherer.getLocalCandidates():
        ours.ice.addRemoteCandidate(candidate)
    ours.ice.addRemoteCandidate(None)


async def connect_ice(a: Side, b: Side) -> None:
    await asyncio.gather(a.gatherer.gather(), b.gatherer.gather())
    know(a, b)
    know(b, a)
    await asyncio.gather(
        a.ice.start(b.gatherer.getLocalParameters(), "controlling"), b.ice.start(a.gatherer.getLocalParameters(), "controlled")
    )


async def connect_dtls(a: Side, b: Side) -> None:
    await asyncio.gather(a.dtls.start(b.dtls.getLocalParameters()), b.dtls.start(a.dtls.getLocalParameters()))


@asynccontextmanager
async def sides(**config: Any) -> AsyncIterator[tuple[Side, Side]]:
    a, b = Side(**config), Side(**config)
    try:
        async with asyncio.timeout(PATIENCE):
            yield a, b
    finally:
        await asyncio.gather(a.ice.stop(), b.ice.stop())


async def test_gatherer() -> None:
    gatherer = RTCIceGatherer(configuration=loopback())
    ice = RTCIceTransport(gatherer)
    states, candidates = [], []
    gatherer.on("statechange", lambda: states.append(gatherer.state))
    gatherer.on("localcandidate", candidates.append)
    with pytest.raises(InvalidStateError):
        gatherer.getLocalParameters()
    assert gatherer.state == "new" and ice.iceGatherer is gatherer
    await gatherer.gather()
    await gatherer.gather()
    assert states == ["gathering", "completed"]
    assert candidates[-1] is None and candidates[:-1] == gatherer.getLocalCandidates() == ice.getLocalCandidates()
    assert any(candidate.ip == "127.0.0.1" for candidate in gatherer.getLocalCandidates())
    assert gatherer.getLocalParameters() == ice.getLocalParameters()
    await ice.stop()
    assert (gatherer.state, ice.state) == ("closed", "closed")
    with pytest.raises(InvalidStateError):
        await gatherer.gather() or ice.send(b"x")


async def test_one_after_the_other() -> None:
    async with sides() as (a, b):
        await connect_ice(a, b)
        assert a.ice.state in ("connected", "completed") and (a.ice.role, b.ice.role) == ("controlling", "controlled")
        inbox: asyncio.Queue[bytes] = asyncio.Queue()
        b.ice.on("data", inbox.put_nowait)
        b.dtls.on("data", inbox.put_nowait)
        a.ice.send(b"a datagram")
        assert await inbox.get() == b"a datagram"
        with pytest.raises(ValueError):
            a.ice.send(b"\x01 is STUN's")
        await connect_dtls(a, b)
        assert a.dtls.state == b.dtls.state == "connected" and (a.dtls.role, b.dtls.role) == ("server", "client")
        assert len(a.dtls.getRemoteCertificates()) == 1
        a.dtls.send(b"a record")
        assert await inbox.get() == b"a record"
        made: asyncio.Future[RTCDataChannel] = asyncio.get_running_loop().create_future()
        b.sctp.on("datachannel", made.set_result)
        channel = RTCDataChannel(a.sctp, RTCDataChannelParameters(label="chat", protocol="p", ordered=False))
        await asyncio.gather(
            a.sctp.start(RTCSctpTransport.getCapabilities(), b.sctp.port), b.sctp.start(RTCSctpCapabilities(65536), a.sctp.port)
        )
        other = await made
        assert (other.label, other.protocol, other.ordered, other.transport) == ("chat", "p", False, b.sctp)
        received = Inbox(other)
        await state(channel, "readyState", "open")
        channel.send("over all of them")
        assert await received.get() == "over all of them"
        assert b.sctp.state == "connected" and b.sctp.maxMessageSize == 65536 and a.sctp.maxChannels
        await a.sctp.stop()
        await state(other, "readyState", "closed")
    assert (b.ice.state, b.dtls.state, b.sctp.state) == ("closed",) * 3


async def test_negotiated_and_hidden() -> None:
    async with sides(hideAddresses=True) as (a, b):
        await connect_ice(a, b)
        await connect_dtls(a, b)
        assert all(candidate.ip.endswith(".local") for candidate in a.gatherer.getLocalCandidates())
        parameters = RTCDataChannelParameters(label="both", negotiated=True, id=7)
        ours, theirs = RTCDataChannel(a.sctp, parameters), RTCDataChannel(b.sctp, parameters)
        inbox = Inbox(theirs)
        await asyncio.gather(a.sctp.start(None, 5000), b.sctp.start(None, 5000))
        await state(ours, "readyState", "open")
        ours.send(b"bytes")
        assert await inbox.get() == b"bytes"


async def test_a_wrong_certificate() -> None:
    async with sides() as (a, b):
        await connect_ice(a, b)
        wrong = b.dtls.getLocalParameters()
        wrong.fingerprints[0].value = ":".join(["00"] * 32)
        await asyncio.gather(a.dtls.start(wrong), b.dtls.start(a.dtls.getLocalParameters()))
        assert a.dtls.state == "failed"


async def test_as_aiortc_has_it() -> None:
    """Candidates may be awaited, and nobody says who controls: the role that ICE settles on is also DTLS's."""
    async with sides() as (a, b):
        await asyncio.gather(a.gatherer.gather(), b.gatherer.gather())
        for ours, theirs in ((a, b), (b, a)):
            for candidate in theirs.gatherer.getLocalCandidates():
                await ours.ice.addRemoteCandidate(candidate)
        parameters = a.gatherer.getLocalParameters(), b.gatherer.getLocalParameters()
        await asyncio.gather(a.ice.start(parameters[1]), b.ice.start(parameters[0]))
        assert {a.ice.role, b.ice.role} == {"controlling", "controlled"}
        await asyncio.gather(a.ice.start(parameters[1]), b.ice.start(parameters[0]))  # again: nothing happens
        assert {a.ice.role, b.ice.role} == {"controlling", "controlled"}
        await connect_dtls(a, b)
        assert (a.dtls.state, b.dtls.state) == ("connected", "connected")
        assert {a.dtls.role, b.dtls.role} == {"client", "server"}
    assert RTCIceGatherer.getDefaultIceServers() == []


async def test_after_the_end() -> None:
    """What was so can still be asked."""
    async with sides() as (a, b):
        await connect_ice(a, b)
        await connect_dtls(a, b)
        await asyncio.gather(a.sctp.start(None), b.sctp.start(None))
        await state(a.sctp, "state", "connected")

        def seen() -> object:
            one = (a.gatherer.getLocalParameters(), a.gatherer.getLocalCandidates(), a.ice.getRemoteParameters(), a.ice.role)
            return *one, a.dtls.getLocalParameters(), a.dtls.role, a.sctp.maxMessageSize, a.sctp.maxChannels

        before = seen()
        await a.dtls.stop()
        assert seen() == before


async def test_stopped_unused() -> None:
    a = Side()
    await a.sctp.stop()
    assert (a.gatherer.state, a.ice.state, a.dtls.state, a.sctp.state) == ("closed",) * 4
    with pytest.raises(InvalidStateError):
        await a.ice.start(RTCIceParameters("user", "a password of 22 letters"))
    with pytest.raises(InvalidStateError):
        a.gatherer.getLocalParameters()


async def test_the_certificate_comes_last() -> None:
    """As in aiortc's own tests: the DTLS transport is made when ICE is connected already."""
    ices = [RTCIceTransport(RTCIceGatherer(configuration=RTCConfiguration(useLoopback=True))) for _ in range(2)]
    for ice in ices:
        await ice.iceGatherer.gather()
    for ours, theirs in (ices, ices[::-1]):
        for candidate in theirs.iceGatherer.getLocalCandidates():
            await ours.addRemoteCandidate(candidate)
    await asyncio.gather(*(o.start(t.iceGatherer.getLocalParameters(), role)
                           for o, t, role in ((*ices, "controlling"), (*ices[::-1], "controlled"))))
    assert {ice.state for ice in ices} <= {"connected", "completed"}
    certificates = [RTCCertificate.generateCertificate() for _ in ices]
    dtls = [RTCDtlsTransport(ice, [certificate]) for ice, certificate in zip(ices, certificates)]
    for transport, certificate in zip(dtls, certificates):
        (fingerprint,) = transport.getLocalParameters().fingerprints
        assert fingerprint in certificate.getFingerprints()
    await asyncio.gather(*(ours.start(theirs.getLocalParameters()) for ours, theirs in (dtls, dtls[::-1])))
    assert [transport.state for transport in dtls] == ["connected", "connected"]
    with pytest.raises(InvalidStateError):
        RTCDtlsTransport(ices[0], certificates)
    for ice in ices:
        await ice.stop()


async def test_what_is_refused() -> None:
    async with sides() as (a, b):
        with pytest.raises(InvalidStateError):
            RTCIceTransport(a.gatherer)
        await a.gatherer.gather()
        with pytest.raises(ValueError):
            await a.ice.start(a.gatherer.getLocalParameters(), "king")
        with pytest.raises(InvalidStateError):
            await a.dtls.start(a.dtls.getLocalParameters())
        with pytest.raises(InvalidStateError):
            await a.sctp.start(None, 5000)
    connection = RTCPeerConnection(RTCConfiguration())
    connection.createDataChannel("chat")
    await connection.setLocalDescription()
    assert connection.sctp is not None
    with pytest.raises(InvalidStateError):
        await connection.sctp.transport.transport.stop()
    await connection.close()


@pytest.mark.parametrize("controlling", [True, False])
async def test_with_aiortc(controlling: bool) -> None:
    """The same objects on the other side are aiortc's."""
    ours = Side()
    gatherer = aiortc.RTCIceGatherer()
    ice = aiortc.RTCIceTransport(gatherer)
    dtls = aiortc.RTCDtlsTransport(ice, [aiortc.RTCCertificate.generateCertificate()])
    sctp = aiortc.RTCSctpTransport(dtls)
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(ours.gatherer.gather(), gatherer.gather())
            for candidate in gatherer.getLocalCandidates():
                ours.ice.addRemoteCandidate(_convert(candidate))
            ours.ice.addRemoteCandidate(None)
            for mine in ours.gatherer.getLocalCandidates():
                if mine.protocol == "udp":
                    await ice.addRemoteCandidate(_theirs(mine))
            await ice.addRemoteCandidate(None)
            ice._connection.ice_controlling = not controlling
            theirs, parameters = gatherer.getLocalParameters(), ours.gatherer.getLocalParameters()
            role = "controlling" if controlling else "controlled"
            await asyncio.gather(ours.ice.start(theirs, role), ice.start(parameters))  # type: ignore[arg-type]
            await asyncio.gather(ours.dtls.start(dtls.getLocalParameters()), dtls.start(ours.dtls.getLocalParameters()))  # type: ignore[arg-type]
            assert (ours.dtls.state, dtls.state) == ("connected", "connected")
            made: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            sctp.on("datachannel", made.set_result)
            await sctp.start(aiortc.RTCSctpTransport.getCapabilities(), ours.sctp.port)
            await ours.sctp.start(RTCSctpCapabilities(65536), sctp.port)
            channel = RTCDataChannel(ours.sctp, RTCDataChannelParameters(label="chat"))
            inbox = Inbox(channel)
            other = await made
            other.on("message", lambda message: other.send(message + ", and back"))
            await state(channel, "readyState", "open")
            channel.send("there")
            assert await inbox.get() == "there, and back"
    finally:
        await sctp.stop()
        await dtls.stop()
        await ice.stop()
        await ours.ice.stop()


def _theirs(candidate: Any) -> Any:
    members = {name: getattr(candidate, name) for name in ("component", "foundation", "ip", "port", "priority", "protocol", "type")}
    return aiortc.RTCIceCandidate(**members)


def _convert(candidate: Any) -> Any:
    from polyrtc.candidate import RTCIceCandidate

    return RTCIceCandidate(
        **{name: getattr(candidate, name) for name in ("component", "foundation", "ip", "port", "priority", "protocol", "type")}
    )
