#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""plot.py RESULTS.json PLOT.svg: draws what one_port has measured: instructions for one datagram against the number of peers."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 20, 44, 84
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


def main() -> None:
    results = json.loads(Path(sys.argv[1]).read_text())
    drawn = plot("One UDP port for all peers", "idle peers on the port", "instructions for one datagram", results["peers"],
                 results["instructions"])
    Path(sys.argv[2]).write_text(drawn)


if __name__ == "__main__":
    main()
