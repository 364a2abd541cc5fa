# SPDX-License-Identifier: BSD-3-Clause
"""What works with whom: the results of a run as a table, in docs/interop.md between two marks."""

from __future__ import annotations

from pathlib import Path

from .catalogue import PEERS

FILE = Path(__file__).parents[2] / "docs" / "interop.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


class Table:
    def __init__(self) -> None:
        self._results: dict[str, dict[str, list[bool]]] = {}
        self._lacks: dict[str, dict[str, str]] = {}

    def result(self, row: str, peer: str, passed: bool) -> None:
        self._results.setdefault(row, {}).setdefault(peer, []).append(passed)

    def lacks(self, row: str, peer: str, reason: str) -> None:
        self._lacks.setdefault(row, {})[peer] = reason

    def text(self) -> str:
        notes: list[str] = []
        lines = ["| | " + " | ".join(PEERS) + " |", "|---|" + "---|" * len(PEERS)]
        for row in sorted(self._results | self._lacks, key=list(self._results | self._lacks).index):
            lines.append(f"| {row} | " + " | ".join(self._cell(row, peer, notes) for peer in PEERS) + " |")
        return "\n".join(lines + [""] + [f"{number}. {note}" for number, note in enumerate(notes, 1)])

    def _cell(self, row: str, peer: str, notes: list[str]) -> str:
        words = []
        results = self._results.get(row, {}).get(peer)
        if results is not None:
            words.append("yes" if all(results) else f"{sum(results)} of {len(results)}")
        reason = self._lacks.get(row, {}).get(peer)
        if reason is not None:
            note = f"{peer}: {reason}."
            if note not in notes:
                notes.append(note)
            words.append(f"({notes.index(note) + 1})")
        return " ".join(words) or "not run"

    def write(self) -> None:
        before, rest = FILE.read_text().split(BEGIN)
        _, after = rest.split(END)
        FILE.write_text(f"{before}{BEGIN}\n{self.text()}\n{END}{after}")
