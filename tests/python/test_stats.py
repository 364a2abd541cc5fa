# SPDX-License-Identifier: BSD-3-Clause
"""getStats: the objects and members of W3C webrtc-stats, and that they count what happens."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta, timezone

import pytest

from polyrtc import RTCDataChannel, RTCPeerConnection, RTCStatsReport

from .support import Inbox, channels, state

pytestmark = pytest.mark.asyncio

#: The members that each type must have on a connection that works.
MEMBERS = {
    "peer-connection": {"dataChannelsOpened", "dataChannelsClosed"},
    "transport": {
        "packetsSent", "packetsReceived", "bytesSent", "bytesReceived", "iceRole", "iceLocalUsernameFragment", "iceState",
        "dtlsState", "selectedCandidatePairId", "selectedCandidatePairChanges", "localCertificateId", "remoteCertificateId",
        "dtlsRole", "tlsVersion", "dtlsCipher",
    },
    "candidate-pair": {
        "transportId", "localCandidateId", "remoteCandidateId", "state", "nominated", "packetsSent", "packetsReceived",
        "bytesSent", "bytesReceived", "totalRoundTripTime", "requestsSent", "requestsReceived", "responsesSent",
        "responsesReceived", "consentRequestsSent",
    },
    "local-candidate": {
        "transportId", "address", "port", "protocol", "candidateType", "priority", "foundation", "usernameFragment", "networkType",
    },
    "remote-candidate": {"transportId", "address", "port", "protocol", "candidateType", "priority", "usernameFragment"},
    "certificate": {"fingerprint", "fingerprintAlgorithm", "base64Certificate"},
    "data-channel": {
        "label", "protocol", "dataChannelIdentifier", "state", "messagesSent", "bytesSent", "messagesReceived", "bytesReceived",
    },
}  # fmt: skip


def one(report: RTCStatsReport, type: str) -> dict[str, object]:
    (found,) = [vars(stats) for stats in report.values() if stats.type == type]
    return found


async def talk(ours: RTCDataChannel, theirs: RTCDataChannel) -> None:
    inbox = Inbox(theirs)
    for _ in range(10):
        ours.send("x" * 100)
    for _ in range(10):
        await inbox.get()


async def test_every_object_is_there_and_counts() -> None:
    async with channels(protocol="p") as (a, b, ours, theirs):
        await talk(ours, theirs)
        for peer in (a, b):
            await state(peer, "iceConnectionState", "completed")  # a pair is nominated
        first, second = await a.getStats(), await b.getStats()
    for report in (first, second):
        for stats in report.values():
            missing = MEMBERS[stats.type] - vars(stats).keys()
            assert not missing, f"{stats.type} has no {missing}"
            assert abs(stats.timestamp - datetime.now(timezone.utc)) < timedelta(minutes=1)
            assert report[stats.id] is stats
        assert {stats.type for stats in report.values()} == set(MEMBERS)
        transport = one(report, "transport")
        pair = vars(report[str(transport["selectedCandidatePairId"])])
        assert pair["state"] == "succeeded" and pair["nominated"] is True
        sent_over = [stats.bytesSent for stats in report.values() if stats.type == "candidate-pair"]
        assert sum(sent_over) > 1000  # not over this one alone: the handshake takes the first that works
        assert report[pair["localCandidateId"]].type == "local-candidate"
        assert report[pair["remoteCandidateId"]].type == "remote-candidate"
        assert transport["dtlsState"] == "connected" and transport["tlsVersion"] == "FEFD"
        for kind in ("local", "remote"):
            certificate = report[str(transport[f"{kind}CertificateId"])]
            digest = hashlib.sha256(base64.b64decode(certificate.base64Certificate)).hexdigest()
            assert digest == certificate.fingerprint.replace(":", "").lower()
    assert {one(first, "transport")["iceRole"], one(second, "transport")["iceRole"]} == {"controlling", "controlled"}
    assert {one(first, "transport")["dtlsRole"], one(second, "transport")["dtlsRole"]} == {"client", "server"}
    sent, got = one(first, "data-channel"), one(second, "data-channel")
    assert sent["label"] == got["label"] == "chat" and sent["protocol"] == "p"
    assert (sent["messagesSent"], sent["bytesSent"]) == (got["messagesReceived"], got["bytesReceived"]) == (10, 1000)
    assert one(first, "peer-connection")["dataChannelsOpened"] == 1
    assert first[one(first, "transport")["localCertificateId"]].fingerprint == second["certificate-remote"].fingerprint
    with pytest.raises(AttributeError):
        _ = first["peer-connection"].bytesSent


async def test_a_connection_that_is_new() -> None:
    connection = RTCPeerConnection()
    assert [stats.type for stats in (await connection.getStats()).values()] == ["peer-connection"]
    await connection.close()


async def test_labels_are_quoted() -> None:
    connection = RTCPeerConnection()
    connection.createDataChannel('"quoted" \\ é \n \0')
    assert one(await connection.getStats(), "data-channel")["label"] == '"quoted" \\ é \n \0'
    await connection.close()


async def test_counters_only_grow_and_stay_readable_after_close() -> None:
    async with channels() as (a, _, ours, theirs):
        await talk(ours, theirs)
        before = await a.getStats()
        await talk(ours, theirs)
        after = await a.getStats()
        for id, stats in before.items():
            for name, value in vars(stats).items():
                if name.endswith(("Sent", "Received", "Opened", "Closed")):
                    assert getattr(after[id], name) >= value
        assert one(after, "data-channel")["messagesSent"] == 20
    last = await a.getStats()
    assert one(last, "data-channel")["messagesSent"] == 20
    assert await a.getStats() is last
