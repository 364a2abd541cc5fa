# SPDX-License-Identifier: BSD-3-Clause
"""Tools: ``python -m polyrtc replay FILE`` runs a recording again and prints what happened as a time line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import BinaryIO

from .errors import ErrorCode, PrtcError
from .sansio import Event, EventType, Output, Replay, Step

CAPTURE_SIZE = 64 * 1024 * 1024


def describe(event: Event) -> str:
    """One event as a line of the time line."""
    words = [EventType(event.type).name.lower().replace("_", " ") if event.type in EventType._value2member_map_ else str(event.type)]
    if event.state_name:
        words[0] = words[0].removesuffix(" state change") + ": " + event.state_name
    if event.type == EventType.ICE_CANDIDATE:
        words.append("no more" if event.text is None else event.text or "end of the generation")
    elif event.text:
        words.append(event.text)
    if event.code:
        words.append(f"({ErrorCode(event.code).name if event.code in ErrorCode._value2member_map_ else event.code})")
    if event.data is not None:
        words.append(f"{len(event.data)} bytes, {'binary' if event.kind else 'text'}")
    if event.object and event.type >= EventType.DATA_CHANNEL:
        words.insert(1, f"{event.object}")
    return " ".join(words)


def print_step(step: Step, begin: int, every: bool) -> None:
    time = f"{(step.time - begin) / 1e6:12.6f}"
    if every:
        size = f" {step.size} bytes" if step.size else ""
        print(f"{time}  #{step.number} {step.call}{size} = {step.code}")
    for event in step.events:
        print(f"{time}  {f'peer {event.peer}' if event.peer else 'endpoint'}  {describe(event)}")


def write(file: BinaryIO | None, replay: Replay, which: Output) -> None:
    if file is not None:
        file.write(replay.endpoint.output(which))


def run(options: argparse.Namespace) -> int:
    try:
        replay = Replay(
            Path(options.file).read_bytes(),
            options.log,
            key_log=options.key_log is not None,
            capture_size=CAPTURE_SIZE if options.capture else 0,
        )
    except (OSError, ValueError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 2
    key_log = open(options.key_log, "wb") if options.key_log else None
    capture = open(options.capture, "wb") if options.capture else None
    begin: int | None = None
    steps = 0
    result = 0
    try:
        for step in replay:
            begin = step.time if begin is None else begin
            steps = step.number
            for line in replay.endpoint.log():
                print(f"{'':12}  {line}")
            print_step(step, begin, options.all)
            write(key_log, replay, Output.KEY_LOG)
            write(capture, replay, Output.CAPTURE)
    except PrtcError as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        result = 1 if error.code == ErrorCode.UNEXPECTED else 2
    for file in (key_log, capture):
        if file is not None:
            file.close()
    if result == 0:
        print(f"{steps} steps, each as it was recorded{'; ' if replay.message else ''}{replay.message}")
    return result


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m polyrtc")
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser(
        "replay",
        help="run a recording again, byte for byte, and print its events",
        description="Runs a recording of an endpoint again and prints its events as a time line, in seconds. Exit status: 0 when "
        "every step came out as recorded, 1 when one did not (which is named), 2 when the file is no recording or damaged.",
    )
    command.add_argument("file", help="written by polyrtc.see_inside(recording=...)")
    command.add_argument("--all", action="store_true", help="print every call, not events alone")
    command.add_argument("--log", type=int, default=0, metavar="LEVEL", help="print the log too: 1 errors to 5 everything")
    command.add_argument("--capture", metavar="FILE", help="write a pcapng of the decrypted traffic")
    command.add_argument("--key-log", metavar="FILE", help="write the TLS secrets")
    command.set_defaults(run=run)
    options = parser.parse_args(arguments)
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
