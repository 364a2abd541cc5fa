# SPDX-License-Identifier: BSD-3-Clause
"""aiortc as a peer of the benchmarks. It leaves loopback out, and has no switch for it."""

import aioice.ice
import aiortc
import aiortc_like
import workloads

aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

workloads.main(aiortc_like.AiortcLike(aiortc, aiortc.RTCConfiguration(iceServers=[])))
