#!/usr/bin/env python3
# Makes docs/terminal.png, the picture in README.md, from the real page. To be run by hand when the page has changed.
#
# SPDX-License-Identifier: BSD-3-Clause

import asyncio
import tempfile
from pathlib import Path

from browsers import Chromium
from test_terminal import Screen, serve

ROOT = Path(__file__).resolve().parents[2]
PROFILE = rf"""
cd {ROOT}
name() {{ printf '\e]0;%s\a' "$1"; }}
name polyrtc
PS1='\[\e[32m\]~/polyrtc\[\e[0m\] \[\e[90m\]❯\[\e[0m\] '
alias ls='ls --color'
alias git='git --no-pager'
colours() {{
  for hue in {{0..71}}; do
    printf '\e[48;2;%d;%d;%dm ' $((90 + hue * 2)) $((224 - hue * 2)) $((176 + hue))
  done
  printf '\e[0m\n'
}}
"""


def make(path, size):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)


async def main():
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "shared"
        for name, size in (("photos/1", 1), ("talks/1", 1), ("measurements.csv", 4_812_330), ("sunrise.flac", 38_204_118),
                           ("thesis.pdf", 2_143_780), ("../nightly.tar", 312_400_000)):
            make(folder / name, size)
        async with serve(Path(home), "--files", str(folder), profile=PROFILE) as (_, address), Chromium() as browser:
            page = await browser.open(address)
            await page.resize(1240, 500, scale=2)
            await page.evaluate("() => { delete window.showSaveFilePicker; }")
            screen = Screen(page)
            await screen.sees("❯")
            await page.press("F", "Alt", "Shift")
            for title in ("python3", "tests"):
                await page.press("T", "Alt", "Shift")
                await screen.sees("❯")
                await screen.run(f"name {title}", "❯[^❯]*❯")
            await page.press("ArrowRight", "Alt", "Shift")
            await screen.run("git log --oneline | head -4", "❯[^❯]*❯")
            await screen.run("ls core", "❯[^❯]*❯[^❯]*❯")
            await screen.run("stty size; colours", "(❯[^❯]*){4}")
            await page.type("echo 'Grüße, ¡hola! λ → ∞'")
            await page.wait_for("() => performance.now() > 16000")  # for a line of the round trip
            await page.evaluate("() => document.querySelector('[title=\"Download sunrise.flac\"]').click()")
            await page.wait_for("() => document.querySelector('[data-state=done]')")
            await page.choose("#chosen", Path(home) / "nightly.tar")
            await page.wait_for("() => document.querySelector('progress').value > 0.25")
            (ROOT / "docs/terminal.png").write_bytes(await page.screenshot())


asyncio.run(main())
