# SPDX-License-Identifier: BSD-3-Clause
"""TURN servers by their names, over TLS: whose certificate is believed, and that the streams end with a goodbye."""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from polyrtc.sansio import IceServer
from tests.sim import SimPeer, Simulation, TurnNode
from tests.sim.routes import route
from tests.sim.test_turn import errors_of, exchange

NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)  # by the wall clock of the hosts
NAME = "turn.example.org"


def certificate(folder: Path, name: str, begins: datetime) -> tuple[ssl.SSLContext, str]:
    """A server's, made by itself, of 30 days; and PEM of it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=30))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    made = builder.add_extension(x509.BasicConstraints(True, None), critical=True).sign(key, hashes.SHA256())
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    (folder / "server.pem").write_text(pem + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, pem


def two(sim: Simulation, host: str, anchors: str) -> tuple[SimPeer, SimPeer]:
    """They have nothing but what the server of that name relays."""
    config = {"ice_servers": [IceServer(f"turns:{host}", "user", "secret")], "ice_transport_policy": "relay", "trust_anchors": anchors}
    a, b = (sim.host(name, wall_clock=int(NOW.timestamp())).peer(**config) for name in ("a", "b"))
    return a, b


@pytest.mark.parametrize("name, known", [(NAME, NAME), ("TURN.Example.ORG", NAME), ("relay.example.org", "*.example.org")])
def test_a_server_with_a_name(sim: Simulation, tmp_path: Path, name: str, known: str) -> None:
    context, pem = certificate(tmp_path, known, NOW - timedelta(days=1))
    turn = TurnNode(sim.internet, port=5349)
    turn.listen(sim, context)
    assert turn.door is not None
    sim.names[name] = [*turn.interfaces]
    a, b = two(sim, name, pem)
    sim.connect(a, b)
    assert route(a, b) == "relay-relay" and {client.protocol for client in turn.server.allocations} == {"tcp"}
    exchange(sim, a, b)
    a.close()
    b.close()
    sim.run(5)
    assert not turn.server.allocations and turn.door.goodbyes == 2


@pytest.mark.parametrize("why", ["another name", "expired", "not yet valid", "another authority", "no such host"])
def test_who_is_not_believed(sim: Simulation, tmp_path: Path, why: str) -> None:
    """It gets no user name, and what failed is told: 701, with the URL."""
    begins = NOW + {"expired": timedelta(days=-31), "not yet valid": timedelta(days=1)}.get(why, timedelta(days=-1))
    context, pem = certificate(tmp_path, "elsewhere.example.org" if why == "another name" else NAME, begins)
    if why == "another authority":
        _, pem = certificate(tmp_path, NAME, begins)
    turn = TurnNode(sim.internet, port=5349)
    turn.listen(sim, context)
    if why != "no such host":
        sim.names[NAME] = [*turn.interfaces]
    a, b = two(sim, NAME, pem)
    errors = errors_of(a)
    sim.negotiate(a, b)
    sim.until(lambda: a.states.connection == b.states.connection == "failed", 60)
    assert not turn.server.counters and not turn.server.allocations
    ((_, text),) = a.failures
    assert text == "no TURN server has given an address, and the policy allows no other"
    (error,) = errors
    assert error.code == 701 and error.text is not None and error.text.startswith(f"turns:{NAME}:5349")
    assert ("certificate" in error.text) == (why != "no such host")
