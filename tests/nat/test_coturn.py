# SPDX-License-Identifier: BSD-3-Clause
"""Through coturn, over whatever reaches it; polyrtc on both sides, and with others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.interop.peer import Pair

from .conftest import Meet
from .coturn import block, make_certificate, server
from .test_nat import connected
from .world import SERVER, SERVER6

#: Each way to the server, over IPv4 and IPv6.
URLS = {
    "UDP": f"turn:{SERVER}",
    "UDP over IPv6": f"turn:[{SERVER6}]",
    "TCP": f"turn:{SERVER}?transport=tcp",
    "TCP over IPv6": f"turn:[{SERVER6}]?transport=tcp",
    "TLS": f"turns:{SERVER}",
    "TLS over IPv6": f"turns:[{SERVER6}]",
}


def relay_only(*urls: str, **more: Any) -> dict[str, Any]:
    return {"iceServers": [server(*urls)], "iceTransportPolicy": "relay", **more}


def transfer(pair: Pair) -> None:
    """Both ways at once, through what there is now."""
    for peer in pair.both:
        peer.post("send", label="first", kind="binary", first=0, count=200, size=16_000)
    for peer in pair.both:
        for _ in range(200):
            peer.event("message", label="first")


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
@pytest.mark.parametrize(("left", "right"), [("random", "random"), ("public", "masquerade")])
def test_relay_policy(meet: Meet, url: str, left: str, right: str) -> None:
    """Nothing but what coturn relays."""
    _, coturn, pair = meet(left, right)
    configuration = relay_only(url, trustAnchors=coturn.certificate)
    pair.connect(configurations=(configuration, configuration))
    assert connected(pair) == ["relay", "relay"]
    transfer(pair)
    for peer in pair.both:
        peer.ask("close")
    for _ in pair.both:  # each allocation is given back
        coturn.says("closed (2nd stage)")


@pytest.mark.parametrize("we_offer", [True, False])
def test_where_nothing_else_helps(meet: Meet, we_offer: bool) -> None:
    """Two symmetric NATs: all candidates are tried, and a relay is found."""
    _, _, pair = meet("random", "random", six=False, we_offer=we_offer)
    servers = {"iceServers": [{"urls": [f"stun:{SERVER}"]}, server(f"turn:{SERVER}")]}
    pair.connect(configurations=(servers, servers))
    assert "relay" in connected(pair)
    transfer(pair)


def test_between_the_families(meet: Meet) -> None:
    """One side has IPv6 alone, and the other uses nothing but an IPv4 relay."""
    _, _, pair = meet("masquerade", "masquerade")
    pair.connect(configurations=(relay_only(URLS["UDP over IPv6"]), relay_only(URLS["UDP"])))
    assert connected(pair) == ["relay", "relay"]


@pytest.mark.parametrize("url", [URLS["TCP"], URLS["TLS"]], ids=["TCP", "TLS"])
def test_where_udp_is_blocked(meet: Meet, url: str) -> None:
    """The other side is behind a NAT as well: only a stream to the server leads out."""
    _, coturn, pair = meet("no UDP", "masquerade", six=False)
    servers = {"iceServers": [{"urls": [f"stun:{SERVER}"]}, server(f"turn:{SERVER}", url)], "trustAnchors": coturn.certificate}
    pair.connect(configurations=(servers, servers), trickle=True)
    assert "relay" in connected(pair)
    transfer(pair)


@pytest.mark.parametrize("trust", ["the system's", "another", "any"])
def test_whom_tls_trusts(meet: Meet, tmp_path: Path, trust: str) -> None:
    """The certificate of the server is its own. RFC 8656 section 3.1, RFC 8446: it is verified, unless we are told not to."""
    world, coturn, pair = meet("masquerade", "public", six=False)
    make_certificate(tmp_path)  # another one
    how: dict[str, dict[str, Any]] = {
        "the system's": {}, "another": {"trustAnchors": (tmp_path / "certificate.pem").read_text()}, "any": {"insecureTls": True}
    }
    pair.connect(configurations=({"iceServers": [server(URLS["TLS"])], **how[trust]}, {"iceServers": []}), trickle=True)
    connected(pair)  # what else there is is used
    errors = pair.ours.waiting("candidate error")
    if trust == "any":
        assert not errors and "ALLOCATE processed, success" in coturn.log()
    else:
        assert errors and "ALLOCATE processed" not in coturn.log()
        assert "certificate" in errors[0]["text"].lower()


def test_the_document_s_command(meet: Meet) -> None:
    world, _, _ = meet("masquerade", "public")
    (command,) = block("sh").splitlines()
    assert "Total lost packets 0" in world.run("left", *command.split())


def test_a_wrong_password(meet: Meet) -> None:
    _, _, pair = meet("masquerade", "public", six=False)
    wrong = {"iceServers": [{**server(URLS["UDP"]), "credential": "wrong"}]}
    pair.connect(configurations=(wrong, {"iceServers": []}))
    assert connected(pair)[0] == "host"  # what else there is is used
