#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Draws what was measured.

plot.py RESULTS.json PLOT.svg            of one_port: instructions for one datagram against the number of peers
plot.py --beside RESULTS.json PLOT.svg   of run: what each workload costs the peers, in multiples of polyrtc
plot.py --distance RESULTS.json THROUGHPUT.svg QUEUE.svg   of //tests/sim:bottleneck -- --json: over the round trip
plot.py --many RESULTS.json PLOT.svg     of many: what idle connections and datagrams cost, against the number of connections
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

from results import medians

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 34, 44, 84
LEAST = 0.2  # where bars begin
COLOURS = ("#2a6f97", "#5b9bc4", "#8fc0dd", "#bcd9ea", "#d9ebf5", "#e07a1f", "#3a7d44", "#8b3a62", "#555555", "#b8860b", "#7a5c99", "#a65e2e")


def text(x: float, y: float, words: str, anchor: str = "middle", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{words}</text>'


def scale(values: list[float]) -> tuple[list[float], float, float]:
    """What is written at a linear ordinate, where it begins and ends."""
    top = max(values) * 1.1
    step = 10 ** math.floor(math.log10(top))
    step = step if top / step >= 4 else step / 2 if top / step >= 2 else step / 5
    return [number * step for number in range(int(top / step) + 1)], 0.0, top


def ladder(values: list[float]) -> tuple[list[float], float, float]:
    """The same of a logarithmic one."""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**power for power in range(first, last + 1)], 10.0**first, 10.0**last


def plot(title: str, across: str, up: str, xs: list[float], series: dict[str, list[float]], steep: bool = False) -> str:
    """A line for each series; the abscissa is logarithmic. The ordinate begins at 0, or is logarithmic too where it is `steep`."""
    low, high = math.log10(min(xs)), math.log10(max(xs))
    every = [value for values in series.values() for value in values]
    ticks, bottom, top = ladder(every) if steep else scale(every)

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - low) / (high - low or 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        part = math.log(value / bottom) / math.log(top / bottom) if steep else value / top
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        text(WIDTH / 2, 24, title, size=15),
        text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 48, across),
        f'<g transform="rotate(-90 18 {HEIGHT / 2})">{text(18, HEIGHT / 2, up)}</g>',
    ]
    for tick in ticks:
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#dddddd"/>')
        parts.append(text(LEFT - 8, y(tick) + 4, f"{tick:,.10g}", "end"))
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


def beside(records: list[dict[str, Any]]) -> str:
    """A group for each workload, a bar for each peer, as long as the logarithm of how many times polyrtc's cost its own is. A thin line
    goes from the least to the most."""
    found: dict[str, dict[str, tuple[float, float, float]]] = {}
    for (peer, work), numbers in medians(records).items():
        if numbers:
            found.setdefault(work, {})[peer] = next(iter(numbers.values()))  # the number that is compared comes first
    found = {work: row for work, row in found.items() if "polyrtc" in row}
    peers = list(dict.fromkeys(peer for row in found.values() for peer in row))
    height, left, right = 18, 90, 150
    total = 50 + sum((len(row) + 1) * height for row in found.values())
    ratios = {work: {peer: [value / row["polyrtc"][0] for value in values] for peer, values in row.items()} for work, row in found.items()}
    most = max((values[2] for row in ratios.values() for values in row.values()), default=1.0)

    def x(ratio: float) -> float:
        return left + max(0.0, math.log(max(ratio, LEAST) / LEAST) / math.log(max(most, 1.1) / LEAST)) * (WIDTH - left - right)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {total}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{total}" fill="#ffffff"/>',
        text(WIDTH / 2, 24, "What it costs, in multiples of polyrtc (logarithmic)", size=15),
    ]
    y = 46
    for work, rows in ratios.items():
        parts.append(text(left - 10, y + 13, work, "end", 13))
        for peer, (ratio, least, greatest) in sorted(rows.items(), key=lambda item: item[1]):
            colour = COLOURS[peers.index(peer) % len(COLOURS)]
            parts.append(f'<rect x="{left}" y="{y}" width="{x(ratio) - left:.1f}" height="{height - 4}" fill="{colour}"/>')
            middle = y + height / 2 - 2
            parts.append(f'<line x1="{x(least):.1f}" x2="{x(greatest):.1f}" y1="{middle}" y2="{middle}" stroke="#000000"/>')
            parts.append(text(max(x(ratio), x(greatest)) + 6, y + 12, f"{peer} {ratio:.1f}", "start", 11))
            y += height
        y += height
    parts.append(f'<line x1="{x(1):.1f}" x2="{x(1):.1f}" y1="40" y2="{total - 10}" stroke="#000000" stroke-dasharray="3 3"/>')
    return "\n".join([*parts, "</svg>", ""])


def many(results: list[dict[str, float]]) -> str:
    """Of `many`: what idle connections take, and what a datagram does."""
    connections = [result["connections"] for result in results]
    panels = [
        plot("Idle connections of one server", "connections on one port", "per cent of a core", connections,
             {"checks both ways, every 5 s": [result["idle_percent"] for result in results]}, steep=True),
        plot("A message that is sent back", "connections on one port, which talk in turns", "CPU µs of the server for a datagram",
             connections, {"real sockets": [result["datagram_us"] for result in results]}),
    ]  # fmt: skip
    inner = [panel.replace("<svg ", f'<svg y="{number * HEIGHT}" height="{HEIGHT}" ', 1) for number, panel in enumerate(panels)]
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {2 * HEIGHT}">', *inner, "</svg>", ""])


def distance(results: list[dict[str, Any]]) -> tuple[str, str]:
    """Of a bottleneck in the simulator: what a channel gets beside what a TCP would (Mathis et al., 1997), and the queue that it keeps."""
    times = sorted({result["rtt_ms"] for result in results})

    def series(value: str, **which: Any) -> list[float]:
        found = {result["rtt_ms"]: result[value] for result in results if all(result[key] == which[key] for key in which)}
        return [float(found[time]) for time in times]

    rates: dict[str, list[float]] = {}
    for loss in (0, 0.1, 1, 2):
        rates[f"{loss} % lost"] = series("got_mbit", loss=loss, queue_bdp=1, cross="none")
    for loss in (0.1, 1, 2):
        rates[f"TCP, {loss} %"] = [min(95.0, 1200 * 8 / (time * 1e3) * 1.22 / math.sqrt(loss / 100)) for time in times]
    queues = {
        "room for 1 BDP": series("queue_ms", loss=0, queue_bdp=1, cross="none"),
        "room for 4": series("queue_ms", loss=0, queue_bdp=4, cross="none"),
        "beside bursts": series("queue_ms", loss=0, queue_bdp=1, cross="bursts"),
        "beside a TCP": series("queue_ms", loss=0, queue_bdp=1, cross="tcp"),
        "the round trip itself": times,
    }
    return (plot("One channel over 100 Mbit/s", "round trip, ms", "Mbit/s of messages", times, rates, steep=True),
            plot("The queue before the bottleneck", "round trip, ms", "mean, ms", times, queues))


def main() -> None:
    if sys.argv[1] == "--distance":
        for path, drawing in zip(sys.argv[3:], distance(json.loads(Path(sys.argv[2]).read_text()))):
            Path(path).write_text(drawing)
        return
    *options, source, target = sys.argv[1:]
    results = json.loads(Path(source).read_text())
    if options == ["--beside"]:
        drawn = beside(results)
    elif options == ["--many"]:
        drawn = many(results)
    else:
        drawn = plot("One UDP port for all peers", "idle peers on the port", "instructions for one datagram", results["peers"],
                     results["instructions"])
    Path(target).write_text(drawn)


if __name__ == "__main__":
    main()
