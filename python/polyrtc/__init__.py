# SPDX-License-Identifier: BSD-3-Clause
"""WebRTC for Python: aiortc's names on polyrtc's engine.

    import polyrtc
    pc = polyrtc.RTCPeerConnection()
    channel = pc.createDataChannel("chat")

``polyrtc.sansio`` is the same engine without asyncio, sockets or clock.
"""

import logging

from .candidate import RTCIceCandidate, RTCPeerConnectionIceErrorEvent
from .certificate import RTCCertificate, RTCDtlsFingerprint
from .configuration import RTCBundlePolicy, RTCConfiguration, RTCIceServer, RTCIceTransportPolicy
from .datachannel import RTCDataChannel, RTCDataChannelParameters
from .description import RTCSessionDescription
from .exceptions import InvalidAccessError, InvalidStateError
from .gatherer import RTCIceGatherer
from .inside import see_inside
from .peerconnection import RTCPeerConnection
from .sansio import ANY_PORT, NO_LIMIT
from .stats import RTCStats, RTCStatsReport
from .transports import (
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidatePair,
    RTCIceParameters,
    RTCIceTransport,
    RTCSctpCapabilities,
    RTCSctpTransport,
)

__version__ = "0.1.0"

__all__ = [
    "ANY_PORT",
    "InvalidAccessError",
    "InvalidStateError",
    "NO_LIMIT",
    "RTCBundlePolicy",
    "RTCCertificate",
    "RTCConfiguration",
    "RTCDataChannel",
    "RTCDataChannelParameters",
    "RTCDtlsFingerprint",
    "RTCDtlsParameters",
    "RTCDtlsTransport",
    "RTCIceCandidate",
    "RTCIceCandidatePair",
    "RTCIceGatherer",
    "RTCIceParameters",
    "RTCIceServer",
    "RTCIceTransport",
    "RTCIceTransportPolicy",
    "RTCPeerConnection",
    "RTCPeerConnectionIceErrorEvent",
    "RTCSctpCapabilities",
    "RTCSctpTransport",
    "RTCSessionDescription",
    "RTCStats",
    "RTCStatsReport",
    "see_inside",
]

logging.getLogger("polyrtc").addHandler(logging.NullHandler())
