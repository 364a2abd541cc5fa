# SPDX-License-Identifier: BSD-3-Clause
"""docs/how-webrtc-works.md is told along what examples/python/transcript.py prints: each line that it quotes is in there, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]


def test_the_guide_quotes_what_really_happens() -> None:
    environment = os.environ | {"PYTHONPATH": str(TOP / "python")}
    program = [sys.executable, str(TOP / "examples/python/transcript.py")]
    run = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    printed = iter(run.stdout.splitlines())
    guide = (TOP / "docs/how-webrtc-works.md").read_text()
    blocks = re.findall(r"^```transcript\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
    quoted = [line for block in blocks for line in block.splitlines()]
    assert len(quoted) > 15
    for line in quoted:
        assert any(other == line for other in printed), f"not printed, or not in this order: {line}"
