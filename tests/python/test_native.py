# SPDX-License-Identifier: BSD-3-Clause
"""The native module under polyrtc.sansio: that its tables agree with Python's, and that nothing dangles or races."""

from __future__ import annotations

import ast
import gc
import inspect
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polyrtc import native, sansio
from polyrtc.driver import Driver
from polyrtc.errors import EXCEPTIONS, ErrorCode, PrtcError
from polyrtc.sansio import Datagram, Endpoint, EventType, IceServer, Peer, Request, RequestType


@pytest.mark.parametrize(
    ("enumeration", "prefix"),
    [
        (sansio.EventType, "EVENT_"),
        (sansio.RequestType, "REQUEST_"),
        (sansio.NetworkType, "NETWORK_"),
        (sansio.MessageKind, "MESSAGE_"),
        (sansio.ChannelState, "CHANNEL_"),
        (sansio.DescriptionKind, "DESCRIPTION_"),
        (sansio.Protocol, "PROTOCOL_"),
    ],
)
def test_enumerations_are_those_of_the_headers(enumeration: Any, prefix: str) -> None:
    for member in enumeration:
        assert getattr(native, prefix + member.name) == member
    assert len({int(member) for member in EventType}) == native.EVENT_TRANSPORT_DATA


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (sansio.SIGNALING_STATES, "SIGNALING_"),
        (sansio.ICE_GATHERING_STATES, "ICE_GATHERING_"),
        (sansio.ICE_CONNECTION_STATES, "ICE_CONNECTION_"),
        (sansio.CONNECTION_STATES, "CONNECTION_"),
        (sansio.ICE_TRANSPORT_STATES, "ICE_TRANSPORT_"),
        (sansio.DTLS_TRANSPORT_STATES, "DTLS_TRANSPORT_"),
        (sansio.SCTP_TRANSPORT_STATES, "SCTP_TRANSPORT_"),
        (sansio.CHANNEL_STATES, "CHANNEL_"),
        (sansio.ICE_TRANSPORT_POLICIES, "ICE_POLICY_"),
        (sansio.SDP_TYPES[1:], "SDP_"),
    ],
)
def test_texts_of_states_are_those_of_the_headers(names: tuple[str, ...], prefix: str) -> None:
    first = 1 if prefix == "SDP_" else 0
    for number, name in enumerate(names, first):
        assert getattr(native, prefix + name.upper().replace("-", "_")) == number


def test_errors_are_those_of_the_header() -> None:
    """Each code of C's table, and no other, is one of Python's, and has an exception."""
    in_c = {code: native.error_name(code) for code in range(-299, 0) if native.error_name(code) != "UNKNOWN"}
    assert in_c == {int(code): code.name for code in ErrorCode if code != 0}
    assert {native.error_class(code) for code in in_c} <= set(EXCEPTIONS)
    for code in in_c:
        raised = sansio.error(code)
        assert (raised.code, raised.name, str(raised)) == (code, in_c[code], native.error_text(code))


def test_the_types_describe_the_module() -> None:
    """SWIG writes no types, so native.pyi is by hand: its functions and their parameters are those of the module."""
    stub = Path(native.__file__).with_suffix(".pyi").read_text()
    described = [node for node in ast.parse(stub).body if isinstance(node, ast.ClassDef)]
    assert "Endpoint" in {node.name for node in described}
    for node in described:
        functions = [member for member in node.body if isinstance(member, ast.FunctionDef)]
        methods = {function.name: [argument.arg for argument in function.args.args] for function in functions}
        actual = {
            name: list(inspect.signature(method).parameters)
            for name, method in vars(getattr(native, node.name)).items()
            if inspect.isfunction(method) and (name == "__init__" or not name.startswith("_"))
        }
        assert methods == actual, node.name


def commands(peer: Peer) -> list[Callable[[], object]]:
    return [
        lambda: peer.create_offer(0),
        lambda: peer.create_answer(0),
        lambda: peer.set_local_description(0, "offer"),
        lambda: peer.set_remote_description(0, "offer", "v=0"),
        lambda: peer.add_ice_candidate(0, ""),
        lambda: peer.restart_ice(0),
        lambda: peer.description(),
        lambda: peer.states(),
        lambda: peer.close(0),
        lambda: peer.create_data_channel(0),
        lambda: peer.send(0, 1, "text"),
        lambda: peer.send(0, 1, b"bytes"),
        lambda: peer.close_channel(0, 1),
        lambda: peer.set_buffered_amount_low_threshold(1, 1),
        lambda: peer.channel_info(1),
        lambda: peer.fingerprint(),
        lambda: peer.selected_pair(),
    ]


def test_what_was_freed_raises_and_does_not_crash() -> None:
    endpoint = Endpoint()
    peer = endpoint.create_peer(0)
    peer.free()
    peer.free()
    for command in commands(peer):
        with pytest.raises(PrtcError) as raised:
            command()
        assert raised.value.code == ErrorCode.NOT_FOUND
    peer = endpoint.create_peer(0)
    endpoint.free()
    endpoint.free()
    for command in commands(peer):
        with pytest.raises(PrtcError) as raised:
            command()
        assert raised.value.code == ErrorCode.CLOSED
    for verb in (endpoint.events, endpoint.requests, lambda: endpoint.transmit(0), lambda: endpoint.timeout(0), endpoint.stats):
        with pytest.raises(PrtcError):
            verb()


def test_collected_in_any_order() -> None:
    endpoint = Endpoint()
    peer = endpoint.create_peer(0)
    del endpoint
    gc.collect()
    assert peer.states().connection == "new"
    driver = Driver()
    endpoint = driver.endpoint
    del driver
    gc.collect()
    assert endpoint.create_peer(0).fingerprint().startswith("sha-256 ")


def test_arguments_of_wrong_kinds() -> None:
    endpoint = Endpoint()
    for wrong in (
        lambda: Endpoint(seed=b"short"),
        lambda: endpoint.receive(0, Datagram(1, data="text")),  # type: ignore[arg-type]
        lambda: endpoint.receive(0, Datagram(1, remote=("no address", 1))),
        lambda: endpoint.receive(0, Datagram(1, remote=("192.0.2.1", 65536))),
        lambda: endpoint.receive(-1, []),
        lambda: endpoint.receive(0, [None]),  # type: ignore[list-item]
        lambda: endpoint.create_peer(0, ice_servers=["nonsense"]),
        lambda: endpoint.create_peer(0, ice_transport_policy="some"),
        lambda: endpoint.create_peer(0, ice_servers=[IceServer("stun:192.0.2.1\0x")]),
        lambda: endpoint.create_peer(0).set_local_description(0, "question"),
        lambda: endpoint.create_peer(0).create_data_channel(0, stream_id=-2),
        lambda: endpoint.create_peer(0).create_data_channel(0, stream_id=2**40),
    ):
        with pytest.raises((ValueError, TypeError, AttributeError, OverflowError)):
            wrong()
    # a failed create_peer leaves nothing behind for the next
    assert endpoint.create_peer(0).states().signaling == "stable"


@pytest.mark.parametrize(
    "refused",
    (
        {"ice_servers": ["stun:192.0.2.1", ""]},
        {"ice_servers": ["stun:192.0.2.1", 5]},
        {"ice_servers": ["stun:192.0.2.1"], "certificates": ["\0"]},
        {"ice_servers": ["stun:192.0.2.1"], "mtu": -1},
    ),
)
def test_a_peer_has_nothing_of_one_that_was_refused(refused: Any) -> None:
    endpoint = Endpoint(seed=bytes(32))
    with pytest.raises(Exception):
        endpoint.create_peer(0, **refused)
    peer = endpoint.create_peer(0)
    peer.create_data_channel(0, "chat")
    peer.set_local_description(0, "offer")
    (request,) = endpoint.requests()
    with pytest.raises(PrtcError):  # nor has a reply, of another
        endpoint.reply(0, request.id, interfaces=[sansio.Interface("192.0.2.7"), sansio.Interface("nowhere")])
    endpoint.reply(0, request.id, interfaces=[sansio.Interface("192.0.2.8")])
    (request,) = endpoint.requests()
    assert request.address == ("192.0.2.8", 0)
    endpoint.reply(0, request.id, address=("192.0.2.8", 5000))
    assert endpoint.transmit_all(0) == []


def test_a_question_has_no_sentence_of_a_command_before() -> None:
    peer = Endpoint(seed=bytes(32)).create_peer(0)
    with pytest.raises(ValueError, match="^line 1: not of the form"):
        peer.set_remote_description(0, "offer", "nonsense")
    with pytest.raises(PrtcError, match="^there is no such peer, channel, socket or request$"):
        peer.channel_info(1)
    assert peer.remote_certificate() is None and peer.description() is None


def test_addresses_cross_unchanged() -> None:
    endpoint = Endpoint()
    peer = endpoint.create_peer(0, use_loopback=True)
    peer.create_data_channel(0)
    peer.set_local_description(0, "offer")
    hosts = ["192.0.2.7", "2001:db8::7", "fe80::7%3"]
    (request,) = endpoint.requests()
    assert request.type == RequestType.INTERFACES
    assert endpoint.reply(0, request.id, interfaces=[sansio.Interface(host, 3, name="eth0") for host in hosts])
    assert not endpoint.reply(0, request.id)  # it was answered
    opened = [request for request in endpoint.requests() if request.type == RequestType.OPEN_UDP]
    assert {address[0] for request in opened if (address := request.address)} <= set(hosts)
    assert {"192.0.2.7", "2001:db8::7"} <= {address[0] for request in opened if (address := request.address)}


def test_a_second_thread_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the GIL is released in a long call, another thread cannot enter the same endpoint; all others it can."""
    endpoint, other = Endpoint(), Endpoint()
    told: list[str] = []
    stop = threading.Event()

    def enter() -> None:
        while not stop.is_set():
            try:
                endpoint.deadline()
            except RuntimeError as error:
                told.append(str(error))
            other.deadline()

    thread = threading.Thread(target=enter)
    thread.start()
    # 4 MB of nonsense that is looked at datagram by datagram, outside of the GIL
    train = Datagram(1, remote=("192.0.2.1", 1), data=bytes(64_000), segment_size=20)
    refused = 0
    try:
        for _ in range(10_000):
            try:
                endpoint.receive(0, [train] * 64)
            except RuntimeError:
                refused += 1
            if told or refused:
                break
    finally:
        stop.set()
        thread.join()
    assert told or refused
    assert all("in use by another thread" in text for text in told)
    assert endpoint.deadline() is None  # and it works on


def test_a_forked_child_of_a_driver_is_refused() -> None:
    driver = Driver()
    driver.endpoint.create_peer(driver.now(), use_loopback=True)
    driver.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            driver.process()
        except PrtcError as error:
            status = 0 if error.code == ErrorCode.INVALID_STATE else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    driver.process()
    driver.close()
    driver.close()
    with pytest.raises(PrtcError):
        driver.process()


def test_requests_are_tuples_with_names() -> None:
    endpoint = Endpoint()
    peer = endpoint.create_peer(0, ice_servers=["stun:stun.example.org:3478"])
    peer.create_data_channel(0)
    peer.set_local_description(0, "offer")
    requests = endpoint.requests()
    assert all(isinstance(request, Request) for request in requests)
    assert [request.name for request in requests if request.type == RequestType.RESOLVE] == ["stun.example.org"]
