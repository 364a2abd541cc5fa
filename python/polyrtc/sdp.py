# SPDX-License-Identifier: BSD-3-Clause
"""The two functions of ``aiortc.sdp`` that applications use for trickle ICE."""

from .candidate import candidate_from_sdp, candidate_to_sdp

__all__ = ["candidate_from_sdp", "candidate_to_sdp"]
