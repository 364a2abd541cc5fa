# SPDX-License-Identifier: BSD-3-Clause
"""WebRTC for Python: aiortc's names on polyrtc's engine.

    import polyrtc
    pc = polyrtc.RTCPeerConnection()
    channel = pc.createDataChannel("chat")

``polyrtc.sansio`` is the same engine without asyncio, sockets or clock.

Importing this imports next to nothing: each name brings its module when it is first used.
"""

TYPE_CHECKING = False  # for type checkers it is true, by its name; typing need not be imported for it

if TYPE_CHECKING:
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

    __version__: str

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

_MODULE_OF = {
    "RTCIceCandidate": "candidate",
    "RTCPeerConnectionIceErrorEvent": "candidate",
    "RTCCertificate": "certificate",
    "RTCDtlsFingerprint": "certificate",
    "RTCBundlePolicy": "configuration",
    "RTCConfiguration": "configuration",
    "RTCIceServer": "configuration",
    "RTCIceTransportPolicy": "configuration",
    "RTCDataChannel": "datachannel",
    "RTCDataChannelParameters": "datachannel",
    "RTCSessionDescription": "description",
    "InvalidAccessError": "exceptions",
    "InvalidStateError": "exceptions",
    "RTCIceGatherer": "gatherer",
    "see_inside": "inside",
    "RTCPeerConnection": "peerconnection",
    "ANY_PORT": "sansio",
    "NO_LIMIT": "sansio",
    "RTCStats": "stats",
    "RTCStatsReport": "stats",
    "RTCDtlsParameters": "transports",
    "RTCDtlsTransport": "transports",
    "RTCIceCandidatePair": "transports",
    "RTCIceParameters": "transports",
    "RTCIceTransport": "transports",
    "RTCSctpCapabilities": "transports",
    "RTCSctpTransport": "transports",
}
_MODULES = {"configuration", "contrib", "driver", "errors", "exceptions", "inside", "sansio", "sdp", *_MODULE_OF.values()}


if not TYPE_CHECKING:  # which must not take any name for known

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name == "__version__":
            value = import_module(".native", __name__).version()
        elif name in _MODULE_OF:
            value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
        elif name in _MODULES:
            value = import_module(f".{name}", __name__)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES, "__version__"})
