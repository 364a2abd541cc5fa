# SPDX-License-Identifier: BSD-3-Clause
"""RTCConfiguration and its parts (W3C WebRTC 1.0 section 4.2), under aiortc's names."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .certificate import RTCCertificate
from .exceptions import argument_error, not_supported
from .sansio import ANY_PORT, IceServer


@dataclass
class RTCIceServer:
    """A STUN or TURN server (W3C WebRTC 1.0 section 4.2.2)."""

    urls: str | list[str]
    """``stun:host[:port]`` (RFC 7064), ``turn:host[:port][?transport=udp|tcp]`` or, over TLS, ``turns:host[:port]`` (RFC 7065), one or
    several."""
    username: str | None = None
    """Of TURN, which needs both."""
    credential: str | None = None
    credentialType: str = "password"


class RTCIceTransportPolicy(enum.Enum):
    """Which candidates may be used (W3C WebRTC 1.0 section 4.2.4)."""

    ALL = "all"
    RELAY = "relay"


class RTCBundlePolicy(enum.Enum):
    """How media share a transport (W3C WebRTC 1.0 section 4.2.5). Data alone has one transport whatever it says."""

    BALANCED = "balanced"
    MAX_COMPAT = "max-compat"
    MAX_BUNDLE = "max-bundle"


@dataclass
class RTCConfiguration:
    """How a connection is to be made."""

    iceServers: list[RTCIceServer] | None = None
    """``None`` is no server at all. (aiortc then asks a public STUN server; here nothing is asked that was not named.)"""
    iceTransportPolicy: RTCIceTransportPolicy = RTCIceTransportPolicy.ALL
    bundlePolicy: RTCBundlePolicy = RTCBundlePolicy.BALANCED
    alwaysNegotiateDataChannels: bool = False
    """An offer has a section for data channels, whether one has been created or not."""

    certificates: list[RTCCertificate] | None = None
    """W3C, not in aiortc. The first is used, none of them may have expired. ``None``: one that the connections of a loop share."""

    iceCandidatePoolSize: int = 0
    """W3C, not in aiortc. 1 or more: candidates are gathered from the start, and told once there is a local description."""

    # Beyond the W3C and aiortc
    useLoopback: bool = False
    """Gather loopback addresses too. Without it they serve only when there is no other address."""
    hideAddresses: bool = False
    """Tell the other side random ``.local`` names in place of local addresses, as browsers do; multicast DNS answers for them."""
    maxMessageSize: int = 0
    """The largest message taken from the other side, in bytes, at most 256 MiB; 0: 256 KiB. ``polyrtc.NO_LIMIT``: none is announced,
    for messages that are read in parts; of those that are not, up to 16 MiB are taken."""
    sendQueueSize: int = 0
    """Bytes that may wait to be sent over all channels; 0: 16 MiB. Beyond it ``send`` raises OperationError."""
    mtu: int = 0
    """Bytes of a datagram that the path surely takes; 0: 1,200."""
    maxMtu: int = 0
    """Bytes up to which larger datagrams are looked for (RFC 8899), once there is much to send; 0: 16,376. The same as ``mtu``: that is fixed."""
    tcpCandidates: str | None = None
    """ICE over TCP (RFC 6544), for where UDP does not get through. ``"active"``, the same as ``None``: connections are made to an other side
    that can be connected to, as many servers can; ``"all"``: it may connect to this side, too; ``"none"``."""
    interfaceFilter: str = ""
    """Which network interfaces are used: ``"eth0 wlan*"`` those alone, ``"!docker* !veth*"`` all others."""
    addressFilter: str = ""
    """Which local addresses are used: ``"10.0.0.0/8 !10.1.0.0/16"``; ``"::/0"`` is IPv6 alone."""
    portRange: tuple[int, int] | None = None
    """The lowest and the highest port to be used. ``None``: any."""
    addressMappings: str = ""
    """For servers behind a 1:1 NAT: ``"10.0.0.2=203.0.113.2"`` tells the other side the public address in place of the local one, ``+`` for
    ``=`` beside it; ``*`` is any local address."""
    iceLite: bool = False
    """Be an ICE-lite agent (RFC 8445 section 2.5), for servers with public addresses: the other side does the checks."""
    icePacing: int = 0
    """Milliseconds between connectivity checks that are offered, at least 5; the larger of both sides' counts. 0: 50."""
    renomination: bool = True
    """Offer that the connection moves to a better network when there is one (draft-thatcher-ice-renomination)."""
    iceCredentials: tuple[str, str] | None = None
    """User name fragment and password of this side's first generation, for who has arranged them otherwise than by signalling: 4 to 32
    and 22 to 64 letters, digits, ``+`` and ``/``. ``None``: random ones."""
    iceDisconnectTimeout: int = 0
    """Milliseconds without anything from the other side until ``disconnected``; 0: 7,000."""
    iceConsentTimeout: int = 0
    """Milliseconds without an answer until consent has expired (RFC 7675), which is ``failed``; 0: 30,000."""
    trustAnchors: str | None = None
    """PEM of the certificates that those of ``turns:`` servers must lead to, in place of the system's."""
    insecureTls: bool = False
    """Take any certificate of ``turns:`` servers: whoever is on the way can then play the server."""
    udpPort: int = 0
    """One UDP port for all connections of the event loop that name it, for servers behind a firewall. 0: each has ports of its own;
    ``polyrtc.ANY_PORT``: one port that the system chooses. Two connections of one process that share a port do not connect with each other."""


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "alwaysNegotiateDataChannels": bool,
    "iceCandidatePoolSize": int,
    "useLoopback": bool,
    "hideAddresses": bool,
    "maxMessageSize": int,
    "sendQueueSize": int,
    "mtu": int,
    "maxMtu": int,
    "tcpCandidates": (str, type(None)),
    "interfaceFilter": str,
    "addressFilter": str,
    "addressMappings": str,
    "iceLite": bool,
    "icePacing": int,
    "renomination": bool,
    "iceDisconnectTimeout": int,
    "iceConsentTimeout": int,
    "trustAnchors": (str, type(None)),
    "insecureTls": bool,
    "udpPort": int,
}
"""Of the members that go to the engine as they are."""


def settings_of(configuration: RTCConfiguration) -> dict[str, Any]:
    """The configuration as the engine takes it. What is of a wrong type is refused here, by its name; what has a wrong value, by the
    engine."""
    if not isinstance(configuration, RTCConfiguration):
        raise argument_error(f"the configuration is {configuration!r}, no RTCConfiguration")
    for name, kind in _KINDS.items():
        value = getattr(configuration, name)
        if not isinstance(value, kind) or (kind is int and not _is_number(value)):
            raise argument_error(f"{name} may not be {value!r}")
    if configuration.udpPort > ANY_PORT:
        raise argument_error(f"{configuration.udpPort} is no UDP port")
    lowest, highest = _ports(configuration.portRange)
    ufrag, password = _credentials(configuration.iceCredentials)
    for certificate in configuration.certificates or ():
        if not isinstance(certificate, RTCCertificate):
            raise argument_error(f"certificates has {certificate!r}, no RTCCertificate")
    return {
        "ice_servers": _servers(configuration.iceServers),
        "ice_transport_policy": _policy(configuration.iceTransportPolicy),
        "use_loopback": configuration.useLoopback,
        "hide_addresses": configuration.hideAddresses,
        "max_message_size": configuration.maxMessageSize,
        "send_queue_size": configuration.sendQueueSize,
        "mtu": configuration.mtu,
        "max_mtu": configuration.maxMtu,
        "always_negotiate_data": configuration.alwaysNegotiateDataChannels,
        "tcp_candidates": configuration.tcpCandidates or "active",
        "ice_candidate_pool_size": configuration.iceCandidatePoolSize,
        "interface_filter": configuration.interfaceFilter,
        "address_filter": configuration.addressFilter,
        "port_minimum": lowest,
        "port_maximum": highest,
        "address_mappings": configuration.addressMappings,
        "ice_lite": configuration.iceLite,
        "ice_pacing": configuration.icePacing,
        "no_renomination": not configuration.renomination,
        "ice_ufrag": ufrag,
        "ice_password": password,
        "ice_disconnect_timeout": configuration.iceDisconnectTimeout,
        "ice_consent_timeout": configuration.iceConsentTimeout,
        "trust_anchors": configuration.trustAnchors or "",
        "insecure_tls": configuration.insecureTls,
        "certificates": [certificate.toPEM() for certificate in configuration.certificates or ()],
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32


def _ports(given: object) -> tuple[int, int]:
    if given is None:
        return 0, 0
    if not isinstance(given, (tuple, list)) or len(given) != 2 or not all(_is_number(port) for port in given):
        raise argument_error(f"portRange may not be {given!r}: it has the lowest and the highest port")
    return given[0], given[1]


def _credentials(given: object) -> tuple[str, str]:
    if given is None:
        return "", ""
    if not isinstance(given, (tuple, list)) or len(given) != 2 or not all(isinstance(text, str) and text for text in given):
        raise argument_error(f"iceCredentials may not be {given!r}: it has the user name fragment and the password")
    return given[0], given[1]


def _policy(given: object) -> str:
    """The W3C's word will do, too."""
    try:
        return RTCIceTransportPolicy(given).value
    except ValueError:
        raise argument_error(f"iceTransportPolicy may not be {given!r}") from None


def _servers(given: object) -> list[IceServer]:
    if not isinstance(given, (list, tuple, type(None))):
        raise argument_error("iceServers is no list of RTCIceServer")
    servers: list[IceServer] = []
    for server in given or ():
        if not isinstance(server, RTCIceServer):
            raise argument_error(f"iceServers has {server!r}, no RTCIceServer")
        urls = [server.urls] if isinstance(server.urls, str) else server.urls
        if not isinstance(urls, (list, tuple)) or not all(isinstance(url, str) for url in urls):
            raise argument_error(f"the urls of an ICE server may not be {urls!r}")
        if not urls:
            raise argument_error("an ICE server has no urls")
        if not all(isinstance(text, (str, type(None))) for text in (server.username, server.credential)):
            raise argument_error("the username and the credential of an ICE server are texts")
        if server.credentialType != "password":
            raise not_supported(f"the credentialType {server.credentialType!r} of an ICE server is not supported")
        servers += [IceServer(url, server.username, server.credential) for url in urls]
    return servers
