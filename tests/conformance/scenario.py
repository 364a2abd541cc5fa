# SPDX-License-Identifier: BSD-3-Clause
"""Scenarios as they are written (scenarios/*.txt), read into steps. README.md explains the format."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "scenarios"


@dataclass
class Step:
    line: int
    text: str
    side: str = ""
    """``a`` or ``b``; empty for what concerns both: then ``words`` says it all."""
    verb: str = ""
    words: list[str] = field(default_factory=list)
    given: Any = None
    result: Any = None
    error: str = "none"
    errors: dict[str, str] = field(default_factory=dict)
    """Of languages that differ."""


@dataclass
class Scenario:
    title: str
    file: str
    steps: list[Step]


def _repeated(value: dict[str, Any]) -> Any:
    """A long text is written as ``{"repeat": "l", "times": 65535}``."""
    return value["repeat"] * value["times"] if value.keys() == {"repeat", "times"} else value


def _value(text: str) -> tuple[Any, str]:
    """A value of JSON at the beginning, and what follows it."""
    value, end = json.JSONDecoder(object_hook=_repeated).raw_decode(text)
    return value, text[end:].strip()


def read_step(text: str, line: int = 0) -> Step:
    step = Step(line, text)
    rest = text
    if match := re.match(r"([ab])\s+(>|\?|\w+)\s*", text):
        step.side, step.verb, rest = match[1], match[2], text[match.end() :]
    while match := re.match(r"[A-Za-z_][\w-]*\s*", rest):
        step.words.append(match[0].strip())
        rest = rest[match.end() :]
    if rest and rest[0] not in "=!":
        step.given, rest = _value(rest)
    if rest.startswith("="):
        step.result, rest = _value(rest[1:].lstrip())
    elif rest.startswith("!"):
        match = re.fullmatch(r"!\s*(\w+)(?:\s*\((.*)\))?", rest)
        if match is None:
            raise ValueError(f"{rest!r} names no error")
        step.error, rest = match[1], ""
        step.errors = dict(one.strip().split(": ") for one in (match[2] or "").split(",") if one)
    if rest:
        raise ValueError(f"line {line}: {rest!r} is not understood")
    return step


def read(path: Path) -> list[Scenario]:
    """A heading is a line that begins with ``==``, a comment one that begins with ``#``."""
    found: list[Scenario] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if text.startswith("=="):
            found.append(Scenario(text[2:].strip(), path.name, []))
        elif text and not text.startswith("#"):
            try:
                found[-1].steps.append(read_step(text, number))
            except ValueError as error:
                raise ValueError(f"{path}:{number}: {text}: {error}") from error
    return found


@cache
def common() -> dict[str, list[Step]]:
    """Steps that several scenarios have, by their names."""
    return {found.title: found.steps for found in read(FOLDER / "common.txt")}


def scenarios() -> list[Scenario]:
    return [one for path in sorted(FOLDER.glob("*.txt")) if path.name != "common.txt" for one in read(path)]
