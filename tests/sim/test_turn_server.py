# SPDX-License-Identifier: BSD-3-Clause
"""The simulator's TURN server itself, by messages made by hand."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.sim import SECOND, stun
from tests.sim.network import Address
from tests.sim.stun import Attribute, Class, Message, Method
from tests.sim.turn_server import BINDING, FAMILIES, PERMISSION, Client, ToClient, ToPeer, TurnServer, error

SERVER = ("198.51.100.240", 3478)
PEER = ("192.0.2.7", 4000)
UDP_TRANSPORT = b"\x11\0\0\0"


class Hand:
    """A client that knows nothing by itself."""

    def __init__(self, server: TurnServer, address: Address = ("203.0.113.1", 20_000)) -> None:
        self.server = server
        self.client = Client("udp", address, SERVER)
        self.now = 1_000 * SECOND
        self.username, self.password = "user", "secret"
        self.realm = self.nonce = b""
        self._serial = itertools.count()

    def ask(self, method: Method, *attributes: tuple[int, Any], peers: list[Address] | None = None) -> Message:
        """With credentials, once a challenge has told realm and nonce. Checks what is true of every answer."""
        request = Message(method, Class.REQUEST, next(self._serial).to_bytes(12, "big"))
        for attribute in attributes:
            request.add(*attribute)
        for peer in peers or ():
            request.add_address(Attribute.XOR_PEER_ADDRESS, peer)
        if self.nonce:
            request.add(Attribute.USERNAME, self.username)
            request.add(Attribute.REALM, self.realm).add(Attribute.NONCE, self.nonce)
            request.key = stun.long_term_key(self.username, self.realm.decode(), self.password)
        return self.send(request)

    def send(self, request: Message) -> Message:
        (output,) = self.server.from_client(self.now, self.client, request.encode())
        assert isinstance(output, ToClient) and output.client == self.client
        answer = stun.decode(output.data)
        assert answer is not None and (answer.method, answer.transaction) == (request.method, request.transaction)
        if code_of(answer) in (401, 438):
            self.realm, self.nonce = answer.get(Attribute.REALM) or b"", answer.get(Attribute.NONCE) or b""
        elif request.key is not None:
            assert stun.authentic(output.data, request.key)
        return answer

    def allocate(self, *attributes: tuple[int, Any]) -> Message:
        asked = ((Attribute.REQUESTED_TRANSPORT, UDP_TRANSPORT), *attributes)
        if not self.nonce:
            assert code_of(self.ask(Method.ALLOCATE, *asked)) == 401
        return self.ask(Method.ALLOCATE, *asked)

    def allocated(self, *attributes: tuple[int, Any]) -> list[Address]:
        answer = self.allocate(*attributes)
        assert code_of(answer) == 0
        return [answer.address(value) for value in answer.all(Attribute.XOR_RELAYED_ADDRESS)]

    def say(self, data: bytes) -> list[Any]:
        return self.server.from_client(self.now, self.client, data)


def code_of(answer: Message) -> int:
    value = answer.get(Attribute.ERROR_CODE)
    assert (value is not None) == (answer.kind == Class.ERROR)
    return value[2] * 100 + value[3] if value is not None else 0


@pytest.fixture
def server() -> TurnServer:
    return TurnServer(["198.51.100.240", "2001:db8::240"])


@pytest.fixture
def hand(server: TurnServer) -> Hand:
    return Hand(server)


def test_binding(hand: Hand) -> None:
    answer = hand.ask(Method.BINDING)
    assert answer.address(answer.get(Attribute.XOR_MAPPED_ADDRESS) or b"") == hand.client.address


def test_an_allocation(hand: Hand) -> None:
    answer = hand.allocate()
    relay = answer.address(answer.get(Attribute.XOR_RELAYED_ADDRESS) or b"")
    assert relay[0] == "198.51.100.240" and relay[1] >= 49_152
    assert answer.address(answer.get(Attribute.XOR_MAPPED_ADDRESS) or b"") == hand.client.address
    assert answer.get(Attribute.LIFETIME) == (600).to_bytes(4, "big")


def test_an_allocation_asked_for_twice(hand: Hand) -> None:
    """The same request is a retransmission and gets the same answer; another one is an error."""
    hand.allocate()
    request = Message(Method.ALLOCATE, Class.REQUEST, b"of two times")
    request.add(Attribute.REQUESTED_TRANSPORT, UDP_TRANSPORT).add(Attribute.USERNAME, "user")
    request.add(Attribute.REALM, hand.realm).add(Attribute.NONCE, hand.nonce)
    request.key = stun.long_term_key("user", "example.org", "secret")
    assert code_of(hand.send(request)) == 437
    hand.client = hand.client._replace(address=("203.0.113.1", 20_001))
    first, second = hand.send(request), hand.send(request)
    assert first.get(Attribute.XOR_RELAYED_ADDRESS) == second.get(Attribute.XOR_RELAYED_ADDRESS) is not None


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ([], 400),
        ([(Attribute.REQUESTED_TRANSPORT, b"\x06\0\0\0")], 442),
        ([(Attribute.REQUESTED_TRANSPORT, b"\x11")], 400),
        ([(Attribute.REQUESTED_TRANSPORT, UDP_TRANSPORT), (Attribute.REQUESTED_ADDRESS_FAMILY, b"\x03\0\0\0")], 400),
        ([(Attribute.REQUESTED_TRANSPORT, UDP_TRANSPORT), (Attribute.DONT_FRAGMENT, b"")], 420),
    ],
    ids=str,
)
def test_bad_allocations(hand: Hand, attributes: list[tuple[int, Any]], code: int) -> None:
    hand.ask(Method.ALLOCATE)
    assert code_of(hand.ask(Method.ALLOCATE, *attributes)) == code
    assert not hand.server.allocations


def test_families(hand: Hand) -> None:
    six = (Attribute.REQUESTED_ADDRESS_FAMILY, FAMILIES[6])
    assert hand.allocated(six)[0][0] == "2001:db8::240"
    hand.client = hand.client._replace(protocol="tcp")
    both = (Attribute.ADDITIONAL_ADDRESS_FAMILY, FAMILIES[6])
    assert [ip for ip, _ in hand.allocated(both)] == ["198.51.100.240", "2001:db8::240"]


def test_a_family_that_is_not_there() -> None:
    hand = Hand(TurnServer(["198.51.100.240"]))
    assert code_of(hand.allocate((Attribute.REQUESTED_ADDRESS_FAMILY, FAMILIES[6]))) == 440
    answer = hand.allocate((Attribute.ADDITIONAL_ADDRESS_FAMILY, FAMILIES[6]))
    assert len(answer.all(Attribute.XOR_RELAYED_ADDRESS)) == 1
    assert (answer.get(Attribute.ADDRESS_ERROR_CODE) or b"")[:4] == b"\x02\x00\x04\x28"


def test_credentials(hand: Hand) -> None:
    hand.password = "guessed"
    assert code_of(hand.allocate()) == 401
    hand.password, hand.username = "secret", "nobody"
    assert code_of(hand.allocate()) == 401
    hand.username = "user"
    assert code_of(hand.allocate()) == 0


def test_nonces_end(hand: Hand) -> None:
    hand.server.nonce_lifetime = 10 * SECOND
    hand.allocated()
    hand.now += 10 * SECOND
    old = hand.nonce
    assert code_of(hand.ask(Method.REFRESH)) == 438 and hand.nonce != old
    assert code_of(hand.ask(Method.REFRESH)) == 0


def test_quota(hand: Hand) -> None:
    hand.server.quota = 1
    hand.allocated()
    hand.client = hand.client._replace(protocol="tcp")
    assert code_of(hand.allocate()) == 486


def test_another_server(hand: Hand) -> None:
    hand.server.alternate = ("198.51.100.241", 3479)
    answer = hand.allocate()
    assert code_of(answer) == 300
    assert stun.decode_address(answer.get(Attribute.ALTERNATE_SERVER) or b"") == ("198.51.100.241", 3479)


def test_the_end_of_an_allocation(hand: Hand) -> None:
    (relay,) = hand.allocated()
    hand.now += 599 * SECOND
    assert code_of(hand.ask(Method.REFRESH, (Attribute.LIFETIME, 1000))) == 0  # 600 is the most
    hand.now += 599 * SECOND
    assert code_of(hand.ask(Method.CREATE_PERMISSION, peers=[PEER])) == 0
    hand.now += SECOND
    assert code_of(hand.ask(Method.CREATE_PERMISSION, peers=[PEER])) == 437
    assert hand.server.from_peer(hand.now, relay, PEER, b"data") == []
    hand.allocated()
    assert code_of(hand.ask(Method.REFRESH, (Attribute.LIFETIME, 0))) == 0
    assert code_of(hand.ask(Method.REFRESH)) == 437 and not hand.server.allocations


def test_indications(hand: Hand) -> None:
    (relay,) = hand.allocated()
    send = Message(Method.SEND, Class.INDICATION, bytes(12)).add_address(Attribute.XOR_PEER_ADDRESS, PEER)
    send.add(Attribute.DATA, b"to you")
    assert hand.say(send.encode()) == [] and hand.server.from_peer(hand.now, relay, PEER, b"to me") == []
    assert code_of(hand.ask(Method.CREATE_PERMISSION, peers=[PEER, ("192.0.2.8", 0)])) == 0
    assert hand.say(send.encode()) == [ToPeer(relay, PEER, b"to you")]
    other_port = (PEER[0], 4001)
    (output,) = hand.server.from_peer(hand.now, relay, other_port, b"to me")
    assert isinstance(output, ToClient)
    data = stun.decode(output.data)
    assert data is not None and (data.method, data.kind) == (Method.DATA, Class.INDICATION)
    assert data.address(data.get(Attribute.XOR_PEER_ADDRESS) or b"") == other_port
    assert data.get(Attribute.DATA) == b"to me"
    hand.now += PERMISSION
    assert hand.say(send.encode()) == [] and hand.server.from_peer(hand.now, relay, PEER, b"to me") == []


def test_channels(hand: Hand) -> None:
    (relay,) = hand.allocated()
    number = (Attribute.CHANNEL_NUMBER, b"\x40\x01\0\0")
    assert hand.say(stun.channel_data(0x4001, b"early")) == []
    assert code_of(hand.ask(Method.CHANNEL_BIND, number, peers=[PEER])) == 0
    assert hand.say(stun.channel_data(0x4001, b"to you")) == [ToPeer(relay, PEER, b"to you")]
    assert hand.server.from_peer(hand.now, relay, PEER, b"to me") == [
        ToClient(hand.client, stun.channel_data(0x4001, b"to me"))
    ]
    assert code_of(hand.ask(Method.CHANNEL_BIND, number, peers=[PEER])) == 0
    assert code_of(hand.ask(Method.CHANNEL_BIND, number, peers=[("192.0.2.8", 1)])) == 400
    assert code_of(hand.ask(Method.CHANNEL_BIND, (Attribute.CHANNEL_NUMBER, b"\x40\x02\0\0"), peers=[PEER])) == 400
    assert code_of(hand.ask(Method.CHANNEL_BIND, (Attribute.CHANNEL_NUMBER, b"\x50\0\0\0"), peers=[("192.0.2.9", 1)])) == 400
    hand.now += PERMISSION
    assert hand.say(stun.channel_data(0x4001, b"without permission")) == []
    assert code_of(hand.ask(Method.CREATE_PERMISSION, peers=[PEER])) == 0
    assert hand.say(stun.channel_data(0x4001, b"again")) == [ToPeer(relay, PEER, b"again")]
    assert code_of(hand.ask(Method.REFRESH)) == 0
    hand.now += BINDING - PERMISSION
    assert hand.say(stun.channel_data(0x4001, b"late")) == []


def test_peers_that_may_not_be_reached(hand: Hand) -> None:
    hand.server.forbidden = ["127.0.0.1"]
    assert code_of(hand.ask(Method.CREATE_PERMISSION, peers=[PEER])) == 401
    assert code_of(hand.ask(Method.CREATE_PERMISSION, peers=[PEER])) == 437
    hand.allocated()
    assert code_of(hand.ask(Method.CREATE_PERMISSION)) == 400
    assert code_of(hand.ask(Method.CREATE_PERMISSION, peers=[PEER, ("127.0.0.1", 22)])) == 403
    assert code_of(hand.ask(Method.CREATE_PERMISSION, peers=[("2001:db8::1", 22)])) == 443
    assert code_of(hand.ask(Method.CREATE_PERMISSION, (Attribute.XOR_PEER_ADDRESS, b"\0\1"))) == 400


def test_nonsense(hand: Hand) -> None:
    hand.allocated()
    for data in (b"", b"\0", b"\x40", b"\x40\x00\x00\x09", bytes(20), b"\x00\x03" + bytes(30), b"\xff" * 100):
        assert hand.say(data) == []


def test_faults(hand: Hand) -> None:
    hand.server.faults["allocate"] = error(508)
    assert code_of(hand.allocate()) == 508
    hand.server.faults["allocate"] = lambda message: []
    request = Message(Method.ALLOCATE, Class.REQUEST, bytes(12)).add(Attribute.REQUESTED_TRANSPORT, UDP_TRANSPORT)
    request.add(Attribute.USERNAME, "user").add(Attribute.REALM, hand.realm).add(Attribute.NONCE, hand.nonce)
    request.key = stun.long_term_key("user", "example.org", "secret")
    hand.server.reset()
    hand.server.faults["challenge"] = lambda message: [b"nonsense"]
    assert hand.say(request.encode()) == [ToClient(hand.client, b"nonsense")]


def test_frames_of_a_stream() -> None:
    messages = [
        Message(Method.BINDING, Class.REQUEST, bytes(12)).encode(), stun.channel_data(0x4001, b"12345", stream=True),
        stun.channel_data(0x4002, b"", stream=True),
    ]
    stream = bytearray()
    got = []
    for byte in b"".join(messages):
        stream.append(byte)
        got += stun.frames(stream)
    assert got == [messages[0], stun.channel_data(0x4001, b"12345"), messages[2]] and not stream
