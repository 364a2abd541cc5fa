# SPDX-License-Identifier: BSD-3-Clause
"""Runs a scenario with two agents, each a process: tells them what to do, carries what one has to tell the other, and compares
the events.

They are compared in order, stream by stream: all of a channel, all of the connection's negotiation and state, and so on.
Between streams the network decides.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import tempfile
import threading
import zlib
from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any

from .scenario import Scenario, Step, common

#: Seconds after which something is not coming any more. Nothing is asserted about time.
PATIENCE = 20

#: Every line that comes and goes, with pytest's -s.
TRACE = bool(os.environ.get("CONFORMANCE_TRACE"))

#: To which stream an event belongs that is not of a channel.
STREAMS = {
    "negotiationneeded": "negotiation",
    "signalingstatechange": "negotiation",
    "connectionstatechange": "connection",
    "failed": "connection",
    "iceconnectionstatechange": "ICE",
    "icegatheringstatechange": "gathering",
    "icecandidate": "gathering",
    "datachannel": "channels",
}

#: Streams that a scenario need not speak of, nor of a channel's buffer.
OPTIONAL = {"ICE", "gathering"}


class Difference(AssertionError):
    """What happened is not what the scenario says."""


class Agent:
    """A process that speaks the protocol of README.md; its lines go into the queue."""

    def __init__(self, language: str, command: Sequence[str], environment: dict[str, str], lacks: set[str]) -> None:
        """``lacks``: the events that it does not tell."""
        self.language = language
        self.lacks = lacks
        self.lines: queue.Queue[tuple[str, str]] = queue.Queue()
        self.side = ""
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, env=environment
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.put((self.side, line.decode()))
        self.lines.put((self.side, ""))

    def write(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._process.stdin.flush()

    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def end(self) -> int:
        """Ends its input; its status, which is that of a kill when it does not end by itself."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self._process.kill()
        return self._process.wait()


class Side:
    """What one agent has said in this scenario."""

    def __init__(self, name: str, agent: Agent, lines: queue.Queue[tuple[str, str]]) -> None:
        self.name = name
        self.agent = agent
        agent.side, agent.lines = name, lines
        self.results: dict[int, dict[str, Any]] = {}
        self.streams: defaultdict[str, deque[dict[str, Any]]] = defaultdict(deque)
        self.channels: dict[str, int] = {}
        self.candidates: list[dict[str, Any]] = []
        self.told = ""
        """The description that the other side has: it takes the candidates of this one."""
        self.is_closed = False
        """By its own command: what it tells of that is its language's habit, as is whether a closed state has an event."""

    def has_told(self, candidate: dict[str, Any]) -> bool:
        """Whether the other side knows of the generation that the candidate is of."""
        return f"a=ice-ufrag:{candidate['usernameFragment']}\r\n" in self.told


class Run:
    """One scenario with two agents."""

    def __init__(self, a: Agent, b: Agent) -> None:
        self._lines: queue.Queue[tuple[str, str]] = queue.Queue()
        self._sides = {"a": Side("a", a, self._lines), "b": Side("b", b, self._lines)}
        self._n = 0
        self._unwatched: dict[int, str] = {}
        self._trickles = True

    def run(self, scenario: Scenario) -> None:
        self._steps(scenario.steps, scenario.file)
        for side in self._sides.values():
            self._ask(side, "states")  # so that all is here that has happened until now
        if untold := self._untold():
            raise Difference(f"{scenario.file}: {scenario.title}: nothing is said of {untold}")
        self._trickles = False
        for side in self._sides.values():
            self._ask(side, "end")

    def _steps(self, steps: list[Step], file: str) -> None:
        for step in steps:
            try:
                self._step(step)
            except Difference as difference:
                raise Difference(f"{file}:{step.line}: {step.text}\n  {difference}") from None

    def _step(self, step: Step) -> None:
        if step.verb in (">", "?"):
            self._expect(self._sides[step.side], step, may_be_another=step.verb == "?")
        elif step.verb:
            self._command(self._sides[step.side], step)
        elif step.words[0] == "trickle":
            self._trickles = step.words[1] == "on"
        elif step.words[0] in ("offer", "answer"):
            self._describe(step, *(self._sides[name] for name in step.words[1:3]))
        elif step.words[0] == "again":
            side, other = (self._sides[name] for name in step.words[1:3])
            self._succeed(other, "setRemoteDescription", **self._succeed(side, "localDescription"))
        else:
            self._steps(common()[" ".join(step.words)], "common.txt")

    # ------------------------------------------------------------------------------------------------------- commands

    def _command(self, side: Side, step: Step) -> None:
        arguments = step.given if isinstance(step.given, dict) else {}
        if step.verb == "send" and isinstance(step.given, str):
            arguments = {"text": step.given}
        elif step.verb == "threshold":
            arguments = {"value": step.given}
        if step.words and step.verb != "createDataChannel":
            arguments = arguments | {"channel": side.channels[step.words[0]]}
        side.is_closed |= step.verb == "close"
        result = self._ask(side, "stats" if step.verb == "counts" else step.verb, **arguments)
        self._check_result(side, step, result)
        if step.verb == "createDataChannel" and "channel" in result:
            side.channels[step.words[0]] = result["channel"]

    def _check_result(self, side: Side, step: Step, result: dict[str, Any]) -> None:
        if result.get("error", "none") != step.errors.get(side.agent.language, step.error):
            raise Difference(f"gave {result.get('error', 'no error')}: {result.get('message', result)}")
        if step.verb in ("stats", "counts"):
            self._check_stats(step, result["stats"])
        elif step.result is not None and (different := _different(step.result, result)):
            raise Difference(f"gave {different}")

    def _check_stats(self, step: Step, objects: list[dict[str, Any]]) -> None:
        """For each type that is named: there are such objects, each with all of these members, and with these values if they
        are given."""
        for type, members in step.result.items():
            found = [one for one in objects if one["type"] == type]
            if not found:
                raise Difference(f"there are no statistics of a {type}")
            for one in found:
                if missing := set(members) - set(one):
                    raise Difference(f"the {type} lacks {sorted(missing)}; it has {sorted(one)}")
                if isinstance(members, dict) and (different := _different(members, one)):
                    raise Difference(f"of the {type} {different}")

    def _describe(self, step: Step, side: Side, other: Side) -> None:
        """Makes and sets an offer or answer, and sets it on the other side; "edit" changes it on its way."""
        options = step.given or {}
        type = step.words[0]
        made = self._succeed(side, "create" + type.title())
        self._succeed(side, "setLocalDescription", **made)
        if options.get("complete"):
            while not any(event.get("state") == "complete" for event in side.streams["gathering"]):
                self._next()
            made = self._succeed(side, "localDescription")
        for word in ("changed", "same"):
            if word in options:
                self._compare_line(options[word], side.told, made["sdp"], word == "same")
        for pattern, replacement in options.get("edit", []):
            edited = re.sub(pattern, replacement, made["sdp"])
            if edited == made["sdp"]:
                raise Difference(f"there is no {pattern} in the description")
            made["sdp"] = edited
        result = self._ask(other, "setRemoteDescription", type=options.get("type", type), sdp=made["sdp"])
        self._check_result(other, step, result)
        if "error" not in result:
            side.told = made["sdp"]
        self._carry_candidates()

    @staticmethod
    def _compare_line(start: str, before: str, now: str, same: bool) -> None:
        """The first line that begins so is the same as in the description before, or another."""
        lines = [next((line for line in sdp.splitlines() if line.startswith(start)), "") for sdp in (before, now)]
        if (lines[0] == lines[1]) != same:
            raise Difference(f"the description has {lines[1]!r}, and the one before it had {lines[0]!r}")

    def _succeed(self, side: Side, do: str, **arguments: Any) -> dict[str, Any]:
        result = self._ask(side, do, **arguments)
        if "error" in result:
            raise Difference(f"{side.name} {do} gave {result['error']}: {result['message']}")
        return {name: value for name, value in result.items() if name != "n"}

    def _post(self, side: Side, do: str, **arguments: Any) -> int:
        self._n += 1
        line = {"n": self._n, "do": do, **arguments}
        if TRACE:
            print(f"{side.name} <- {json.dumps(line)[:300]}")
        side.agent.write(line)
        return self._n

    def _ask(self, side: Side, do: str, **arguments: Any) -> dict[str, Any]:
        n = self._post(side, do, **arguments)
        while n not in side.results:
            self._next(f"an answer to {do}")
        return side.results.pop(n)

    def _carry_candidates(self) -> None:
        for side, other in ((self._sides["a"], self._sides["b"]), (self._sides["b"], self._sides["a"])):
            for candidate in side.candidates if self._trickles else []:
                if side.has_told(candidate):
                    self._unwatched[self._post(other, "addIceCandidate", **candidate)] = f"{other.name}: {candidate}"
            side.candidates = [one for one in side.candidates if not side.has_told(one)]

    # --------------------------------------------------------------------------------------------------------- events

    def _next(self, wanted: str = "") -> None:
        """Takes a line of either side."""
        try:
            name, text = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            raise Difference(f"{wanted or 'it'} does not come. Told, and not asked for: {self._untold()}") from None
        side = self._sides[name]
        if not text:
            raise Difference(f"{name} has ended: {side.agent.errors()}")
        if TRACE:
            print(f"{name} -> {text[:300]}", end="")
        line = json.loads(text)
        if "event" in line:
            self._take(side, line)
        elif line["n"] in self._unwatched:
            about = self._unwatched.pop(line["n"])
            if "error" in line and not any(one.is_closed for one in self._sides.values()):
                raise Difference(f"{about} was refused: {line['error']}: {line['message']}")
        else:
            side.results[line["n"]] = line

    def _take(self, side: Side, event: dict[str, Any]) -> None:
        name = event["event"]
        gathering = side.streams["gathering"]
        if name == "icecandidate":
            if event["candidate"] is not None:
                side.candidates.append({member: event[member] for member in event if member != "event"})
                self._carry_candidates()
            if gathering and gathering[-1]["event"] == name and event["candidate"] is not None:
                return  # several stand as one
        if not side.is_closed and event.get("state") != "closed":
            side.streams[_stream(name, event.get("channel", 0))].append(event)

    def _expect(self, side: Side, step: Step, may_be_another: bool) -> None:
        name, wanted = step.words[0], dict(step.given) if isinstance(step.given, dict) else {}
        if name in side.agent.lacks:
            return
        stream = _stream(name, side.channels.get(step.words[1], 0) if len(step.words) > 1 else 0)
        if name == "message":
            wanted = _message(step.given)
        elif name == "icecandidate":
            wanted = {} if step.given is None and "null" not in step.words else {"candidate": None}
        elif name != "datachannel" and name in STREAMS and len(step.words) > 1:
            wanted["name" if name == "failed" else "state"] = step.words[1]
        elif name == "error" and len(step.words) > 2:
            wanted["name"] = step.words[2]
        events = side.streams[stream]
        while not events:
            self._next(name)
        different = _different({"event": name} | wanted, events[0])
        if different and may_be_another:
            return
        event = events.popleft()
        if different:
            raise Difference(f"it is {self._told(event)}: {different}")
        if name == "datachannel":
            side.channels[step.words[1]] = event["channel"]

    def _untold(self) -> list[str]:
        return [
            f"{side.name}: {self._told(event)}"
            for side in self._sides.values()
            for stream, events in side.streams.items()
            if stream not in OPTIONAL and not stream.startswith("buffer")
            for event in events
        ]

    @staticmethod
    def _told(event: dict[str, Any]) -> str:
        more = {name: value for name, value in event.items() if name not in ("event", "channel")}
        return f"{event['event']} {json.dumps(more, ensure_ascii=False) if more else ''}".strip()


def _stream(event: str, channel: int) -> str:
    """When a buffer is low the network decides: that is a stream of its own."""
    if event == "bufferedamountlow":
        return f"buffer of channel {channel}"
    return STREAMS.get(event) or f"channel {channel}"


def _different(wanted: dict[str, Any], found: dict[str, Any]) -> str:
    """What of the wanted members is not found so; ``{"at least": 5}`` stands for such numbers."""
    for name, value in wanted.items():
        has = found.get(name)
        if isinstance(value, dict) and "at least" in value:
            if not isinstance(has, int) or has < value["at least"]:
                return f"{name} is {has!r}, not {value['at least']} or more"
        elif has != value:
            return f"{name} is {has!r}, not {value!r}"
    return ""


def _message(given: Any) -> dict[str, Any]:
    """A text, or what "fill" stands for."""
    if isinstance(given, str):
        whole = given.encode()
        short = {"text": given} if len(whole) < 1000 else {}
        return {"kind": "text", "size": len(whole), "sum": zlib.adler32(whole)} | short
    size, kind = given["fill"], given.get("kind", "text")
    step = bytes(ord("a") + i for i in range(26)) if kind == "text" else bytes(i * 7 % 256 for i in range(256))
    return {"kind": kind, "size": size, "sum": zlib.adler32((step * (size // len(step) + 1))[:size])}
