# SPDX-License-Identifier: BSD-3-Clause
"""polyrtc in Python, through its public API, as a peer of the benchmarks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "python"))

import aiortc_like
import polyrtc
import workloads

workloads.main(aiortc_like.AiortcLike(polyrtc, polyrtc.RTCConfiguration(useLoopback=True)))
