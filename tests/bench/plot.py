#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draws what was measured.

plot.py RESULTS.json PLOT.svg            of one_port: instructions for one datagram against the number of peers
plot.py --beside RESULTS.json PLOT.svg   of run: what each workload costs the peers, in multiples of polyrtc
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 44, 84
LEAST = 0.2  # where bars begin
COLOURS = ("#2a6f97", "#e07a1f", "#3a7d44", "#8b3a62", "#555555", "#b8860b")


def text(x: float, y: float, words: str, anchor: str = "middle", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{words}</text>'


def plot(title: str, across: str, up: str, xs: list[float], series: dict[str, list[float]]) -> str:
    """A line for each series; the abscissa is logarithmic, the ordinate begins at 0."""
    low, high = math.log10(min(xs)), math.log10(max(xs))
    top = max(max(values) for values in series.values()) * 1.1
    step = 10 ** math.floor(math.log10(top))
    step = step if top / step >= 4 else step / 2 if top / step >= 2 else step / 5

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - low) / (high - low or 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(WIDTH / 2, 24, title, size=15),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 48, across),
        f'<g transform="rotate(-90 18 {HEIGHT / 2})">{text(18, HEIGHT / 2, up)}</g>',
    ]
    tick = 0.0
    while tick <= top:
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#dddddd"/>')
        parts.append(text(LEFT - 8, y(tick) + 4, f"{tick:,.0f}", "end"))
        tick += step
    parts += [text(x(value), HEIGHT - BOTTOM + 18, f"{value:,.0f}") for value in xs]
    place = float(LEFT)
    for (name, values), colour in zip(series.items(), COLOURS):
        points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in zip(xs, values))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="3.5" fill="{colour}"/>' for a, b in zip(xs, values)]
        parts.append(f'<rect x="{place}" y="{HEIGHT - 28}" width="12" height="12" fill="{colour}"/>')
        parts.append(text(place + 17, HEIGHT - 18, name, "start", 11))
        place += 32 + 6.0 * len(name)
    return "\n".join([*parts, "</svg>", ""])


def medians(records: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By workload and peer: of the number that is compared, which comes first."""
    found: dict[str, dict[str, list[float]]] = {}
    for record in records:
        if "numbers" in record:
            value = next(iter(record["numbers"].values()))
            found.setdefault(record["workload"], {}).setdefault(record["peer"], []).append(value)
    return {work: {peer: statistics.median(values) for peer, values in peers.items()} for work, peers in found.items()}


def bars(found: dict[str, dict[str, float]]) -> str:
    """A group for each workload, a bar for each peer, as long as the logarithm of how many times polyrtc's cost its own is."""
    peers = list(dict.fromkeys(peer for row in found.values() for peer in row))
    height, left, right = 18, 90, 110
    total = 50 + sum((len(row) + 1) * height for row in found.values())
    ratios = {work: {peer: value / row["polyrtc"] for peer, value in row.items()} for work, row in found.items()}
    most = max(max(row.values()) for row in ratios.values())

    def x(ratio: float) -> float:
        return left + max(0.0, math.log(max(ratio, LEAST) / LEAST) / math.log(most / LEAST)) * (WIDTH - left - right)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{total}" fill="#ffffff"/>',
        text(WIDTH / 2, 24, "What it costs, in multiples of polyrtc (logarithmic)", size=15),
    ]
    y = 46
    for work, row in ratios.items():
        parts.append(text(left - 10, y + 13, work, "end", 13))
        for peer, ratio in sorted(row.items(), key=lambda item: item[1]):
            colour = COLOURS[peers.index(peer) % len(COLOURS)]
            parts.append(f'<rect x="{left}" y="{y}" width="{x(ratio) - left:.1f}" height="{height - 4}" fill="{colour}"/>')
            parts.append(text(x(ratio) + 6, y + 12, f"{peer} {ratio:.1f}", "start", 11))
            y += height
        y += height
    parts.append(f'<line x1="{x(1):.1f}" x2="{x(1):.1f}" y1="40" y2="{total - 10}" stroke="#000000" stroke-dasharray="3 3"/>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    *options, source, target = sys.argv[1:]
    results = json.loads(Path(source).read_text())
    if options == ["--beside"]:
        drawn = bars(medians(results))
    else:
        drawn = plot("One UDP port for all peers", "idle peers on the port", "instructions for one datagram", results["peers"],
                     results["instructions"])
    Path(target).write_text(drawn)


if __name__ == "__main__":
    main()
