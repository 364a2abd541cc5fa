# SPDX-License-Identifier: BSD-3-Clause
"""With Janus, whose echo test sends back what comes over a data channel; as a full ICE agent and as a lite one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.peer import Peer, hash_of, sha256

from .janus import Janus
from .world import World


@pytest.mark.parametrize("lite", [False, True], ids=["full", "lite"])
@pytest.mark.parametrize("site", ["public", "masquerade", "random"])
def test_echo(tmp_path: Path, site: str, lite: bool) -> None:
    """It has a public address, and no server is needed."""
    with World(site, "public") as world, Janus(world, tmp_path, lite=lite) as janus:
        peer = Peer("polyrtc", world.inside("left"))
        try:
            echo(peer, janus)
        finally:
            peer.stop()
            print(peer.said(), janus.log())


def echo(peer: Peer, janus: Janus) -> None:
    session = f"/{janus.ask('create')['data']['id']}"
    handle = f"{session}/{janus.ask('attach', session, plugin='janus.plugin.echotest')['data']['id']}"
    peer.ask("open", configuration={"iceServers": []})
    peer.ask("channel", label="JanusDataChannel")
    janus.ask("message", handle, body={"audio": False, "video": False}, jsep=peer.ask("offer"))
    peer.ask("accept", sdp=janus.event(session)["jsep"]["sdp"])
    janus.ask("trickle", handle, candidate={"completed": True})
    peer.event("open", label="JanusDataChannel")
    peer.ask("send", label="JanusDataChannel", text="hello")
    said = peer.event("message", label="JanusDataChannel")
    assert said["sha256"] == sha256(b"Janus EchoTest here! You wrote: hello")
    peer.ask("send", label="JanusDataChannel", kind="binary", first=0, count=100, size=16_000)
    for number in range(100):
        assert peer.event("message", label="JanusDataChannel")["sha256"] == hash_of(number, "binary", 16_000)
    janus.ask("hangup", handle)
    peer.event("closed", label="JanusDataChannel")
