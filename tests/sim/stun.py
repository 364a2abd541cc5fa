# SPDX-License-Identifier: BSD-3-Clause
"""STUN messages (RFC 8489 section 5) and ChannelData (RFC 8656 section 12.4), as the simulator's servers read and write them."""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
import zlib
from dataclasses import dataclass, field
from ipaddress import ip_address

from .network import Address

COOKIE = b"\x21\x12\xa4\x42"


class Class(enum.IntEnum):
    REQUEST, INDICATION, SUCCESS, ERROR = range(4)


class Method(enum.IntEnum):
    BINDING = 1
    ALLOCATE = 3
    REFRESH = 4
    SEND = 6
    DATA = 7
    CREATE_PERMISSION = 8
    CHANNEL_BIND = 9


class Attribute(enum.IntEnum):
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    CHANNEL_NUMBER = 0x000C
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_ADDRESS_FAMILY = 0x0017
    EVEN_PORT = 0x0018
    REQUESTED_TRANSPORT = 0x0019
    DONT_FRAGMENT = 0x001A
    XOR_MAPPED_ADDRESS = 0x0020
    RESERVATION_TOKEN = 0x0022
    ADDITIONAL_ADDRESS_FAMILY = 0x8000
    ADDRESS_ERROR_CODE = 0x8001
    SOFTWARE = 0x8022
    ALTERNATE_SERVER = 0x8023
    FINGERPRINT = 0x8028


@dataclass(slots=True)
class Message:
    """One message. `key` is what its MESSAGE-INTEGRITY is made with; None: it has none."""

    method: int
    kind: Class
    transaction: bytes
    attributes: list[tuple[int, bytes]] = field(default_factory=list)
    key: bytes | None = None
    fingerprint: bool = True

    def get(self, attribute: int) -> bytes | None:
        """The value of the first attribute of this type."""
        return next((value for type, value in self.attributes if type == attribute), None)

    def all(self, attribute: int) -> list[bytes]:
        return [value for type, value in self.attributes if type == attribute]

    def add(self, attribute: int, value: bytes | str | int) -> Message:
        """A number is 4 bytes, as in LIFETIME."""
        if isinstance(value, int):
            value = value.to_bytes(4, "big")
        self.attributes.append((attribute, value.encode() if isinstance(value, str) else value))
        return self

    def add_address(self, attribute: int, address: Address) -> Message:
        return self.add(attribute, xor(encode_address(address), self.transaction))

    def address(self, value: bytes) -> Address:
        """Of an attribute that holds an address, XORed. ValueError when it does not."""
        return decode_address(xor(value, self.transaction))

    def without(self, *attributes: int) -> Message:
        self.attributes = [(type, value) for type, value in self.attributes if type not in attributes]
        return self

    def encode(self) -> bytes:
        body = b"".join(_attribute(type, value) for type, value in self.attributes)
        if self.key is not None:  # section 14.5: the length in the header includes the attribute, the hash does not
            code = hmac.digest(self.key, self._header(len(body) + 24) + body, "sha1")
            body += _attribute(Attribute.MESSAGE_INTEGRITY, code)
        if self.fingerprint:
            crc = zlib.crc32(self._header(len(body) + 8) + body) ^ 0x5354554E
            body += _attribute(Attribute.FINGERPRINT, crc.to_bytes(4, "big"))
        return self._header(len(body)) + body

    def _header(self, length: int) -> bytes:
        m, c = self.method, int(self.kind)
        type = (m & 0xF80) << 2 | (m & 0x70) << 1 | m & 0xF | (c & 2) << 7 | (c & 1) << 4
        return struct.pack("!HH4s12s", type, length, COOKIE, self.transaction)


def decode(data: bytes) -> Message | None:
    """None for what is no STUN message."""
    if len(data) < 20 or data[0] & 0xC0 or data[4:8] != COOKIE:
        return None
    type, length = struct.unpack("!HH", data[:4])
    if length % 4 or length + 20 != len(data):
        return None
    method = (type >> 2) & 0xF80 | (type >> 1) & 0x70 | type & 0xF
    message = Message(method, Class((type >> 7) & 2 | (type >> 4) & 1), bytes(data[8:20]), fingerprint=False)
    at = 20
    while at < len(data):
        name, size = struct.unpack("!HH", data[at : at + 4])
        if at + 4 + size > len(data):
            return None
        message.attributes.append((name, bytes(data[at + 4 : at + 4 + size])))
        at += 4 + (size + 3) // 4 * 4
    return message


def authentic(data: bytes, key: bytes) -> bool:
    """Whether an encoded message has the MESSAGE-INTEGRITY that the key makes."""
    at = 20
    while at + 4 <= len(data):
        name, size = struct.unpack("!HH", data[at : at + 4])
        if name == Attribute.MESSAGE_INTEGRITY:
            covered = data[:2] + struct.pack("!H", at + 24 - 20) + data[4:at]
            return hmac.compare_digest(hmac.digest(key, covered, "sha1"), data[at + 4 : at + 24])
        at += 4 + (size + 3) // 4 * 4
    return False


def long_term_key(username: str, realm: str, password: str) -> bytes:
    """RFC 8489 section 9.2.2"""
    return hashlib.md5(f"{username}:{realm}:{password}".encode()).digest()


def _attribute(type: int, value: bytes) -> bytes:
    return struct.pack("!HH", type, len(value)) + value + bytes(-len(value) % 4)


def encode_address(address: Address) -> bytes:
    ip = ip_address(address[0])
    return struct.pack("!BBH", 0, 1 if ip.version == 4 else 2, address[1]) + ip.packed


def decode_address(value: bytes) -> Address:
    if len(value) < 4 or len(value) != {1: 8, 2: 20}.get(value[1]):
        raise ValueError("not an address")
    return str(ip_address(value[4:])), int.from_bytes(value[2:4], "big")


def xor(value: bytes, transaction: bytes) -> bytes:
    """Section 14.2: the port and the address are XORed with the cookie and the transaction id. Its own inverse."""
    mask = COOKIE[:2] + COOKIE + transaction
    return value[:2] + bytes(a ^ b for a, b in zip(value[2:], mask))


# ------------------------------------------------------------------------------------------------------------- ChannelData


def channel_data(number: int, data: bytes, *, stream: bool = False) -> bytes:
    """Over a stream, the end is padded to a multiple of four bytes."""
    return struct.pack("!HH", number, len(data)) + data + (bytes(-len(data) % 4) if stream else b"")


def decode_channel_data(data: bytes) -> tuple[int, bytes] | None:
    if len(data) < 4 or data[0] & 0xC0 != 0x40:
        return None
    number, size = struct.unpack("!HH", data[:4])
    return (number, bytes(data[4 : 4 + size])) if len(data) >= 4 + size else None


def frames(stream: bytearray) -> list[bytes]:
    """Takes whole messages from the beginning of a stream (RFC 8656 section 3.4: their headers say how long they are)."""
    taken = []
    while len(stream) >= 4:
        size = int.from_bytes(stream[2:4], "big")
        whole = 4 + (size + 3) // 4 * 4 if stream[0] & 0xC0 == 0x40 else 20 + size
        if len(stream) < whole:
            break
        taken.append(bytes(stream[: 4 + size if stream[0] & 0xC0 == 0x40 else whole]))
        del stream[:whole]
    return taken
