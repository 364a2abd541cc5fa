# SPDX-License-Identifier: BSD-3-Clause
"""RTCCertificate: aiortc's calls, the W3C's, and other people's PEM."""

from __future__ import annotations

import datetime
import inspect

import aiortc
import pytest
from aiortc.rtcdtlstransport import generate_certificate
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from polyrtc import RTCCertificate, RTCConfiguration, RTCDtlsFingerprint, RTCPeerConnection
from polyrtc.exceptions import InvalidAccessError, NotSupportedError

from .support import Inbox, loopback, open_channel

pytestmark = pytest.mark.asyncio


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, expires_in: datetime.timedelta) -> str:
    """What a user brings who made it with `cryptography`."""
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, now - datetime.timedelta(days=9), now + expires_in)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return (private + certificate).decode()


async def test_as_in_aiortc() -> None:
    ours, theirs = RTCCertificate.generateCertificate(), aiortc.RTCCertificate.generateCertificate()
    assert isinstance(ours.expires, datetime.datetime) and ours.expires.tzinfo is not None
    assert abs(ours.expires - theirs.expires) < datetime.timedelta(minutes=1)
    assert [f.algorithm for f in ours.getFingerprints()] == [f.algorithm for f in theirs.getFingerprints()]
    assert [len(f.value) for f in ours.getFingerprints()] == [len(f.value) for f in theirs.getFingerprints()]
    assert list(inspect.signature(RTCDtlsFingerprint).parameters) == ["algorithm", "value"]


async def test_fingerprints_are_those_of_the_certificate() -> None:
    ours = RTCCertificate.generateCertificate()
    certificate = x509.load_pem_x509_certificate(ours.toPEM().encode())
    for fingerprint, algorithm in zip(ours.getFingerprints(), (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()), strict=True):
        assert fingerprint.value == certificate.fingerprint(algorithm).hex(":").upper()
    assert certificate.not_valid_after_utc == ours.expires


async def test_w3c_generate() -> None:
    hour = {"name": "ECDSA", "namedCurve": "P-256", "expires": 3_600_000}
    certificate = await RTCPeerConnection.generateCertificate(hour)
    left = certificate.expires - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=59) < left <= datetime.timedelta(hours=1)
    full = {"name": "RSASSA-PKCS1-v1_5", "modulusLength": 2048, "publicExponent": bytes([1, 0, 1]), "hash": "SHA-256"}
    key = serialization.load_pem_private_key((await RTCPeerConnection.generateCertificate(full)).toPEM().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey) and key.key_size == 2048
    for bad in ("DSA", {"name": "ECDSA", "namedCurve": "P-384"}, full | {"hash": "SHA-1"}, full | {"modulusLength": 1024}, {}):
        with pytest.raises(NotSupportedError):
            await RTCPeerConnection.generateCertificate(bad)


@pytest.mark.parametrize("kind", ["ecdsa", "rsa", "aiortc"])
async def test_given_ones_are_used(kind: str) -> None:
    """As an offerer and as an answerer; the fingerprint in the description is the certificate's."""
    if kind == "aiortc":  # what an application of aiortc may have kept
        key = ec.generate_private_key(ec.SECP256R1())
        text = generate_certificate(key).public_bytes(serialization.Encoding.PEM).decode() + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
    else:
        key = ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else rsa.generate_private_key(65537, 2048)
        text = pem(key, datetime.timedelta(days=1))
    certificate = RTCCertificate.fromPEM(text)
    again = RTCCertificate.fromPEM(certificate.toPEM())
    assert again == certificate and len({again, certificate}) == 1 and again != RTCCertificate.generateCertificate()
    assert again.getFingerprints() == certificate.getFingerprints()
    fingerprint = f"a=fingerprint:sha-256 {certificate.getFingerprints()[0].value}"
    for given in ("offerer", "answerer", "both"):
        a = RTCPeerConnection(loopback(certificates=[certificate] if given != "answerer" else None))
        b = RTCPeerConnection(loopback(certificates=[certificate] if given != "offerer" else None))
        here, there = await open_channel(a, b)
        inbox = Inbox(there)
        here.send(given)
        assert await inbox.get() == given
        assert (fingerprint in a.localDescription.sdp) == (given != "answerer")
        assert (fingerprint in b.localDescription.sdp) == (given != "offerer")
        await a.close()
        await b.close()


async def test_expired_ones_are_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    old = RTCCertificate.fromPEM(pem(key, datetime.timedelta(seconds=-1)))
    good = RTCCertificate.generateCertificate()
    for certificates in ([old], [good, old]):
        with pytest.raises(InvalidAccessError, match="expired"):
            RTCPeerConnection(RTCConfiguration(certificates=certificates))
    with pytest.raises(ValueError):
        RTCCertificate.generateCertificate(lifetime=datetime.timedelta(seconds=-5))


async def test_what_is_not_readable() -> None:
    text = RTCCertificate.generateCertificate().toPEM()
    other = RTCCertificate.generateCertificate().toPEM()
    certificate, key = text.split("-----BEGIN PRIVATE KEY")
    for bad in ("", "hello", certificate, "-----BEGIN PRIVATE KEY" + key, text[:200]):
        with pytest.raises(ValueError):
            RTCCertificate.fromPEM(bad)
    with pytest.raises(ValueError, match="another certificate"):
        RTCCertificate.fromPEM(certificate + "-----BEGIN PRIVATE KEY" + other.split("-----BEGIN PRIVATE KEY")[1])
