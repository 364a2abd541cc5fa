# SPDX-License-Identifier: BSD-3-Clause
"""RTCCertificate (W3C WebRTC 1.0 section 4.9), under aiortc's names.

A certificate is made before any connection, by whom it may be needed, and given to connections in their RTCConfiguration. It is
PEM text with a few answers about it: each engine reads it for itself, so it may be used in several loops and threads.
"""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import native
from .errors import ErrorCode
from .sansio import check, error

#: In getFingerprints, in this order, as in aiortc.
FINGERPRINT_ALGORITHMS = ("sha-256", "sha-384", "sha-512")

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

#: What W3C WebRTC 1.0 section 4.9.1 asks for, and nothing else.
_ALGORITHMS: dict[str, tuple[int, dict[str, Any]]] = {
    "ECDSA": (native.KEY_ECDSA_P256, {"namedCurve": "P-256"}),
    "RSASSA-PKCS1-v1_5": (
        native.KEY_RSA_2048,
        {"modulusLength": 2048, "publicExponent": (b"\1\0\1", bytearray(b"\1\0\1"), [1, 0, 1], 65537), "hash": "SHA-256"},
    ),
}


@dataclass
class RTCDtlsFingerprint:
    """A certificate's fingerprint (RFC 8122)."""

    algorithm: str
    """The hash function, for instance ``"sha-256"``."""
    value: str
    """``"AB:CD:…"``"""


class RTCCertificate:
    """A private key and its certificate. Made by :meth:`generateCertificate`, or read with :meth:`fromPEM`."""

    def __init__(self, handle: native.Certificate) -> None:
        """For the two class methods."""
        self._pem = handle.pem() or ""
        self._expires = handle.expires()
        self._fingerprints = [(algorithm, handle.fingerprint(algorithm) or "") for algorithm in FINGERPRINT_ALGORITHMS]

    def __repr__(self) -> str:
        return f"<RTCCertificate {self._fingerprints[0][1][:23]}… until {self.expires:%Y-%m-%d}>"

    def __eq__(self, other: object) -> bool:
        """The same key and certificate."""
        return isinstance(other, RTCCertificate) and self._pem == other._pem

    def __hash__(self) -> int:
        return hash(self._pem)

    @classmethod
    def generateCertificate(
        cls, keygenAlgorithm: str | Mapping[str, Any] = "ECDSA", lifetime: datetime.timedelta | None = None
    ) -> RTCCertificate:
        """A new key and a self-signed certificate. (aiortc's name: without arguments it is aiortc's call.)

        keygenAlgorithm: "ECDSA" (P-256), or "RSASSA-PKCS1-v1_5" (2,048 bits; it takes a moment), or the W3C's dictionary, which may
        also say ``"expires"``, in milliseconds from now. lifetime: 30 days unless given.
        """
        key_type, life = _key_type(keygenAlgorithm)
        if lifetime is not None:
            life = lifetime // datetime.timedelta(milliseconds=1)
        now = time.time()
        handle = native.Certificate(os.urandom(32))
        check(handle.generate(key_type, int(now), 0 if life is None else int(now) * 1000 + life))
        return cls(handle)

    @classmethod
    def fromPEM(cls, pem: str) -> RTCCertificate:
        """Reads a certificate and its private key, in one text in any order (for instance two files one after the other).

        Keys: ECDSA P-256, or RSA of 2,048 to 4,096 bits; not encrypted. ValueError for what is not readable.
        """
        handle = native.Certificate(os.urandom(32))
        code = handle.parse(pem)
        if code == ErrorCode.INVALID_ARGUMENT:
            raise error(code, "the private key belongs to another certificate")
        check(code)
        return cls(handle)

    def toPEM(self) -> str:
        """Certificate and private key, for fromPEM. Keep it as secret as the key."""
        return self._pem

    @property
    def expires(self) -> datetime.datetime:
        """When it becomes invalid. (A datetime as in aiortc; the W3C's number is ``expires.timestamp() * 1000``.)"""
        return _EPOCH + datetime.timedelta(milliseconds=self._expires)

    def _check_expiry(self) -> None:
        if self._expires <= time.time() * 1000:
            raise error(ErrorCode.INVALID_ACCESS, f"{self!r} has expired")

    def getFingerprints(self) -> list[RTCDtlsFingerprint]:
        """With SHA-256 (which stands in descriptions), SHA-384 and SHA-512."""
        return [RTCDtlsFingerprint(algorithm, value) for algorithm, value in self._fingerprints]


def _key_type(algorithm: str | Mapping[str, Any]) -> tuple[int, int | None]:
    """The number of the kind of key, and milliseconds of life when the dictionary says so."""
    wanted = {"name": algorithm} if isinstance(algorithm, str) else dict(algorithm)
    known = {name.lower(): value for name, value in _ALGORITHMS.items()}.get(str(wanted.get("name", "")).lower())
    if known is None:
        raise error(ErrorCode.NOT_SUPPORTED, f"{algorithm!r} is none of {', '.join(_ALGORITHMS)}")
    for name, value in known[1].items():
        given = wanted.get(name, value)
        given = given.get("name") if name == "hash" and isinstance(given, Mapping) else given
        if given != value and not (isinstance(value, tuple) and given in value):
            raise error(ErrorCode.NOT_SUPPORTED, f"{name} of {wanted['name']} cannot be {given!r}")
    expires = wanted.get("expires")
    return known[0], None if expires is None else int(expires)
