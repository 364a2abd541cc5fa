# SPDX-License-Identifier: BSD-3-Clause
"""A peer's process, by the protocol of README.md, and two of them that a test joins."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from .catalogue import BROWSERS, LIBNICE, OURS, PEERS

#: Seconds after which something is not coming any more. Nothing is asserted about time.
PATIENCE = 30

#: The largest message that is tried; a peer that announces less gets less.
LARGEST = 256 * 1024

TRACE = bool(os.environ.get("INTEROP_TRACE"))


class PeerError(Exception):
    """What a peer answered instead of a result, or that it has gone."""


class Peer:
    def __init__(self, name: str, before: Sequence[str] = ()) -> None:
        """before: a command that runs another one, such as ip netns exec."""
        self.name = name
        self.on_candidate: Callable[[dict[str, Any]], None] = lambda line: None
        self.description: dict[str, str] = {}
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [*before, *({"polyrtc": OURS, "libnice": LIBNICE} | BROWSERS | PEERS)[name].command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._n = 0
        self._ended = False
        self._changed = threading.Condition()
        self._results: dict[int, dict[str, Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    # ---------------------------------------------------------------------------------------------------- what tests use

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """A request, and its result; PeerError with what the peer said otherwise."""
        n = self.post(do, **arguments)
        result = self._wait(f"the result of {do}", lambda: self._results.pop(n, None))
        if "error" in result:
            raise PeerError(f"{self.name}: {do}: {result['error']}")
        return dict(result["result"])

    def post(self, do: str, **arguments: Any) -> int:
        """A request whose result nobody waits for."""
        with self._changed:
            self._n += 1
            n = self._n
            self._trace(">", {"n": n, "do": do, **arguments})
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps({"n": n, "do": do, **arguments}).encode() + b"\n")
                self._process.stdin.flush()
            except OSError as error:
                raise PeerError(f"{self.name} has ended: {error}\n{self.said()}") from error
        return n

    def event(self, event: str, patience: float = PATIENCE, **wanted: Any) -> dict[str, Any]:
        """The next event of that kind, and with these values, that no one has asked for yet."""
        wanted["event"] = event

        def look() -> dict[str, Any] | None:
            for index, line in enumerate(self._events):
                if all(line.get(name) == value for name, value in wanted.items()):
                    return self._events.pop(index)
            return None

        return self._wait(f"the event {wanted}", look, patience)

    def waiting(self, event: str) -> list[dict[str, Any]]:
        """The events of that kind that no one has asked for yet."""
        with self._changed:
            return [line for line in self._events if line["event"] == event]

    def stop(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
            self._process.wait(5)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def said(self) -> str:
        """The end of what it has written to stderr."""
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace").strip()
        return f"{self.name} says:\n{text[-3000:]}" if text else ""

    # ------------------------------------------------------------------------------------------------------------ inside

    def _read(self) -> None:
        assert self._process.stdout is not None
        for bytes_ in self._process.stdout:
            if not bytes_.startswith(b"{"):  # a library that prints
                continue
            line = json.loads(bytes_)
            self._trace("<", line)
            if line.get("event") == "candidate":
                self.on_candidate(line)
                continue
            with self._changed:
                if "n" in line:
                    self._results[line["n"]] = line
                else:
                    self._events.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, what: str, look: Callable[[], dict[str, Any] | None], patience: float = PATIENCE) -> dict[str, Any]:
        until = time.monotonic() + patience
        with self._changed:
            while True:
                found = look()
                if found is not None:
                    return found
                if self._ended:
                    raise PeerError(f"{self.name} has ended; {what} did not come\n{self.said()}")
                if not self._changed.wait(until - time.monotonic()) and time.monotonic() >= until:
                    raise PeerError(f"{self.name}: {what} did not come; what did: {self._events}\n{self.said()}")

    def _trace(self, direction: str, line: dict[str, Any]) -> None:
        if TRACE:
            print(f"{time.monotonic():.3f} {self.name} {direction} {json.dumps(line)}", flush=True)


class Pair:
    """polyrtc and another (it may be polyrtc, too), before they know of each other."""

    def __init__(self, ours: Peer, theirs: Peer, we_offer: bool) -> None:
        self.ours = ours
        self.theirs = theirs
        self.offerer, self.answerer = (ours, theirs) if we_offer else (theirs, ours)
        self.both = (ours, theirs)
        self.only_tcp = False  # no other candidate reaches the other side

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        """Stops both, and shows what they have said: the test's report has it when the test has failed."""
        self.stop()
        for peer in self.both:
            if said := peer.said():
                print(said)

    def other(self, peer: Peer) -> Peer:
        return self.theirs if peer is self.ours else self.ours

    def open(self, *, trickle: bool = False, configurations: Sequence[dict[str, Any]] = ({}, {})) -> None:
        for peer, configuration in zip(self.both, configurations, strict=True):
            peer.ask("open", trickle=trickle, **({"configuration": configuration} if configuration else {}))

    def connect(self, *, trickle: bool = False, configurations: Sequence[dict[str, Any]] = ({}, {})) -> None:
        """Makes both connections, ours by the first configuration, and a channel, "first", of the offerer's."""
        self.open(trickle=trickle, configurations=configurations)
        self.offerer.ask("channel", label="first")
        self.negotiate(self.offerer)
        self.opened(self.offerer, "first")

    def negotiate(self, offerer: Peer, **offer: Any) -> None:
        answerer = self.other(offerer)
        to_answerer, to_offerer = (_Carrier(one, other, self.only_tcp) for one, other in ((offerer, answerer), (answerer, offerer)))
        hold = self.only_tcp or (offerer.name in PEERS and PEERS[offerer.name].hold)
        offerer.description = offerer.ask("offer", **offer)
        sdp = offerer.description["sdp"]
        answerer.description = answerer.ask("answer", sdp=to_answerer.take(sdp) if hold else sdp)
        if not hold:
            to_answerer.begin()
        sdp = answerer.description["sdp"]
        offerer.ask("accept", sdp=to_offerer.take(sdp) if hold else sdp)
        to_answerer.begin()
        to_offerer.begin()

    def open_channel(self, opener: Peer, label: str, **init: Any) -> None:
        """A channel more, once connected."""
        opener.ask("channel", label=label, **init)
        self.opened(opener, label)

    def opened(self, opener: Peer, label: str) -> None:
        opener.event("open", label=label, announced=False)
        self.other(opener).event("open", label=label, announced=True)

    def talk(self, label: str, what: str) -> None:
        """A text each way."""
        for sender in self.both:
            text = f"{what}, says {sender.name}"
            sender.ask("send", label=label, text=text)
            message = self.other(sender).event("message", label=label)
            assert (message["kind"], message["sha256"]) == ("text", sha256(text.encode()))

    def largest(self, receiver: Peer) -> int:
        """Bytes of the largest message that this one takes, as it says (RFC 8841 section 6)."""
        found = re.search(r"^a=max-message-size:(\d+)", receiver.description["sdp"], re.MULTILINE)
        return min(int(found[1]) if found else 65536, LARGEST)

    def stop(self) -> None:
        for peer in self.both:
            peer.stop()


class _Carrier:
    """Brings candidates from one peer to the other; those from before the other has the description wait."""

    def __init__(self, source: Peer, target: Peer, only_tcp: bool) -> None:
        self._target = target
        self._only_tcp = only_tcp
        self._lock = threading.Lock()
        self._early: list[dict[str, Any]] | None = []
        source.on_candidate = self._carry

    def _carry(self, line: dict[str, Any]) -> None:
        if self._only_tcp and " udp " in line["candidate"].lower():
            return
        with self._lock:
            if self._early is None:
                self._send(line)
            else:
                self._early.append(line)

    def take(self, sdp: str) -> str:
        """Takes the candidates out of a description, to carry them instead."""
        for line in re.findall(r"^a=(candidate:.*?)\r?$", sdp, re.MULTILINE):
            self._carry({"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0})
        return re.sub(r"^a=(candidate:.*|end-of-candidates)\n", "", sdp, flags=re.MULTILINE)

    def begin(self) -> None:
        with self._lock:
            for line in self._early or ():
                self._send(line)
            self._early = None

    def _send(self, line: dict[str, Any]) -> None:
        self._target.post("candidate", **{name: line[name] for name in ("candidate", "sdpMid", "sdpMLineIndex")})


# ---------------------------------------------------------------------------------------------------------------- messages


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@functools.lru_cache(maxsize=4096)
def hash_of(number: int, kind: str, size: int) -> str:
    """The hash of a numbered message, see README.md."""
    digest = hashlib.sha256(str(number).encode())
    unit = digest.hexdigest().encode() if kind == "text" else digest.digest()
    return sha256((unit * (size // len(unit) + 1))[:size])
