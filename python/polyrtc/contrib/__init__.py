# SPDX-License-Identifier: BSD-3-Clause
"""What applications need beside WebRTC itself, under aiortc's names."""
