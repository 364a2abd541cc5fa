# SPDX-License-Identifier: BSD-3-Clause
"""What connections do, for who wants to see: log lines, TLS keys, captures, recordings. See docs/see-inside.md.

Log lines of the engine go to ``logging``, under "polyrtc.ice", "polyrtc.dtls" and so on, as far as these loggers are enabled. The
files are written when :func:`see_inside` asks for them.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from typing import BinaryIO

from .sansio import Endpoint, Output

#: Layers of the core that write log lines.
LAYERS = ("endpoint", "mdns", "peer", "jsep", "transport", "ice", "turn", "tls", "dtls", "sctp", "data")

#: Bytes that may wait. They are written after each turn of the loop, so this is what one turn may bring.
CAPTURE_SIZE = 16 * 1024 * 1024
RECORDING_SIZE = 64 * 1024 * 1024

_SUFFIX = {Output.KEY_LOG: "key log", Output.CAPTURE: "capture", Output.RECORDING: "recording"}
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG, "trace": 5}

_paths: dict[Output, Path] = {}
_taken: set[Path] = set()
_lock = threading.Lock()


def see_inside(
    *,
    key_log: str | os.PathLike[str] | None = None,
    capture: str | os.PathLike[str] | None = None,
    recording: str | os.PathLike[str] | None = None,
) -> None:
    """Which files are written from now on, by the connections of every event loop that has none yet. ``None``: not that file.

    key_log: TLS secrets in the NSS key log format (to which lines are added). The environment's SSLKEYLOGFILE counts only for who
    gives it here: ``see_inside(key_log=os.environ.get("SSLKEYLOGFILE"))``.
    capture: a pcapng file for Wireshark, in which SCTP is decrypted.
    recording: for ``python -m polyrtc replay``.

    Each of them gives away what was sent. A file is made when the first connection of a loop is; a second loop, or a loop whose
    connections were all closed before, writes another file, with "-2" and so on in its name.
    """
    given = {Output.KEY_LOG: key_log, Output.CAPTURE: capture, Output.RECORDING: recording}
    with _lock:
        _paths.clear()
        _paths.update({which: Path(path) for which, path in given.items() if path})
        _taken.clear()


def _open(which: Output, path: Path) -> BinaryIO:
    """The file itself, or another when this process writes it already (a key log is shared)."""
    if which == Output.KEY_LOG:
        return _private(path, "ab")
    with _lock:
        candidate, number = path, 1
        while candidate in _taken:
            number += 1
            candidate = path.with_stem(f"{path.stem}-{number}")
        _taken.add(candidate)
    return _private(candidate, "wb")


def _private(path: Path, mode: str) -> BinaryIO:
    """For the user's eyes alone, and without a buffer, so that others can read while it grows."""
    return open(path, mode, buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))  # type: ignore[return-value]


class Inside:
    """What one endpoint writes. Made before it, attached to it, polled after each turn."""

    def __init__(self) -> None:
        with _lock:
            paths = dict(_paths)
        self._files = {which: _open(which, path) for which, path in paths.items()}
        self.key_log = Output.KEY_LOG in paths
        self.capture_size = CAPTURE_SIZE if Output.CAPTURE in paths else 0
        self.recording_size = RECORDING_SIZE if Output.RECORDING in paths else 0
        self._logs = False

    def set_levels(self, endpoint: Endpoint) -> None:
        """As the loggers are enabled now."""
        self._logs = False
        endpoint.set_log_level(0)
        for layer in LAYERS:
            level = _core_level(logging.getLogger(f"polyrtc.{layer}"))
            endpoint.set_log_level(level, layer)
            self._logs = self._logs or level > 0

    @property
    def active(self) -> bool:
        """Whether there is something to poll for."""
        return self._logs or bool(self._files)

    def poll(self, endpoint: Endpoint) -> None:
        if self._logs:
            for line in endpoint.log():
                _write_line(line)
        for which, file in list(self._files.items()):
            try:
                if data := endpoint.output(which):
                    file.write(data)
            except OSError as error:
                logging.getLogger("polyrtc").error("the %s is not written any more: %s", _SUFFIX[which], error)
                self._files.pop(which).close()

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()


def _core_level(logger: logging.Logger) -> int:
    for number, level in enumerate((logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 5)):
        if not logger.isEnabledFor(level):
            return number
    return 5


def _write_line(line: str) -> None:
    """ "<time> <level> <layer> <peer>: <text>" """
    head, _, text = line.partition(": ")
    _, level, layer, peer = head.split(" ", 3)
    logger = logging.getLogger(f"polyrtc.{layer}")
    if peer == "0":
        logger.log(_LEVELS[level], "%s", text)
    else:
        logger.log(_LEVELS[level], "peer %s: %s", peer, text)
