# SPDX-License-Identifier: BSD-3-Clause
"""The peers: how each is started, and what it has not."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
BUILT = HERE.parents[1] / ".build" / "interop"  # where tests/run puts what it compiles


@dataclass(frozen=True)
class Entry:
    command: list[str]
    lacks: dict[str, str] = field(default_factory=dict)
    """What a test `needs` and the peer has not, and why. Such a test is not run with it, and the table says so. With
    ", offering" behind it: not when the peer makes the offer."""
    hold: bool = False
    """When it offers, no candidate reaches either side before it has applied the answer."""


def _python(name: str) -> list[str]:
    return [sys.executable, str(HERE / "peers" / name)]


def _node(name: str) -> list[str]:
    return ["node", str(HERE / "peers" / name)]


NO_TCP = {"ICE over TCP": "has no ICE over TCP", "ICE over TCP, passive": "has no ICE over TCP"}
NO_PASSIVE_TCP = {"ICE over TCP, passive": "connects, but accepts no connections"}
WITHOUT_A_WORD = "closes without a word, so that only the loss of consent (RFC 7675) tells"

OURS = Entry(_python("polyrtc_peer.py"))

#: Browsers as peers; in tests/browser there is more of them.
BROWSERS = {name: Entry([*_python("browser_peer.py"), name]) for name in ("chromium", "firefox")}

#: An ICE agent and nothing else, in Debian's Python.
LIBNICE = Entry(["/usr/bin/python3", str(HERE / "peers" / "libnice_peer.py")])

PEERS = {
    "aiortc": Entry(
        _python("aiortc_peer.py"),
        lacks={"restart": "has no ICE restart", **NO_TCP},
    ),
    "libwebrtc-python": Entry(_python("libwebrtc_peer.py"), lacks=NO_PASSIVE_TCP),
    "libwebrtc-node": Entry(_node("libwebrtc.mjs")),
    "libdatachannel": Entry(
        _node("libdatachannel.mjs"),
        # It begins ICE before it has stored the fingerprint of the answer. With candidates in the descriptions and a busy
        # machine DTLS comes first, then, and it refuses our certificate.
        hold=True,
        lacks={
            "candidates in the descriptions, offering": "can begin DTLS before it has the fingerprint of the answer, and fails",
            "restart": "has no ICE restart, and refuses an offer with other credentials",
            "goodbye": "ends its SCTP association, sends no DTLS close_notify: the loss of consent (RFC 7675) tells",
            **NO_PASSIVE_TCP,
        },
    ),
    "werift": Entry(
        _node("werift.mjs"),
        lacks={
            "empty": "does not send an empty message",
            "unordered and limited": "asks for an ordered channel when there is a limit, too",
            "end": WITHOUT_A_WORD,
            "goodbye": WITHOUT_A_WORD,
            **NO_TCP,
        },
    ),
    "polyrtc-node": Entry(_node("polyrtc.mjs")),
    "pion": Entry([str(BUILT / "pion")]),
    "polyrtc-go": Entry([str(BUILT / "polyrtc-go")]),  # the same program, with its import changed
    "str0m": Entry(
        [str(BUILT / "str0m" / "debug" / "str0m-peer")],
        lacks={"empty": "does not send an empty message", **dict.fromkeys(NO_TCP, "leaves the connections of TCP to its application")},
    ),
}
