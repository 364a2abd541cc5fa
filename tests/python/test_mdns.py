# SPDX-License-Identifier: BSD-3-Clause
"""Multicast by the drivers, with real sockets: names in place of addresses.

Each test runs this file as a program in a network namespace of its own, so that nobody else hears of it or takes part.
"""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Callable

import pytest

from polyrtc.driver import Driver
from polyrtc.sansio import EventType

# A link-local address that is there at once: where the kernel makes it, a question may leave before it is known to be nobody else's.
CABLE = (
    "ip link add cable type veth peer name wall"
    " && ip link set cable addrgenmode none && ip link set wall addrgenmode none"
    " && ip address add 192.0.2.7/24 dev cable && ip address add 2001:db8::7/64 dev cable nodad"
    " && ip address add fe80::7/64 dev cable nodad && ip link set wall up && ip link set cable up"
)
PATIENCE = 20  # seconds


@pytest.mark.parametrize("portable", [False, True], ids=["best", "portable"])
@pytest.mark.parametrize("network", ["", CABLE], ids=["loopback alone", "cable"])
@pytest.mark.parametrize("mode", ["connect", "resolver"])
def test_multicast(mode: str, network: str, portable: bool) -> None:
    script = " && ".join(part for part in ("ip link set lo up", network, 'exec "$0" "$@"') if part)
    command = ["unshare", "--map-root-user", "--net", "sh", "-c", script, sys.executable, "-m", __spec__.name]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([*command, mode, str(int(portable))], env=environment, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == {"connect": "connected by names\n", "resolver": "answered for both\n"}[mode]


def step(drivers: list[Driver], candidate: Callable[[Driver, str], None], patience: float = PATIENCE) -> None:
    """Drives all once; tells of what each has gathered."""
    for driver in drivers:
        driver.flush()
        while events := driver.endpoint.events():
            for event in events:
                if event.type == EventType.ICE_CANDIDATE and event.text:
                    candidate(driver, event.text)
    for driver in drivers:
        driver.flush()
    watched = [watch for driver in drivers for watch in driver.watches()]
    deadlines = [wake_up - driver.now() for driver in drivers if (wake_up := driver.wake_up()) is not None]
    timeout = max(0, min([patience * 1_000_000, *deadlines])) / 1e6
    select.select([w.descriptor for w in watched if w.input], [w.descriptor for w in watched if w.output], [], timeout)
    for driver in drivers:
        driver.process()


def connect(portable: bool) -> None:
    """Two drivers that are told nothing but names; only one of them is told at all, so that it has to find the other."""
    drivers = [Driver(portable=portable), Driver(portable=portable)]
    peers = [driver.endpoint.create_peer(driver.now(), use_loopback=True, hide_addresses=True) for driver in drivers]
    peers[0].create_data_channel(drivers[0].now(), "data")
    for here, there, kind in ((0, 1, "offer"), (1, 0, "answer")):
        peers[here].set_local_description(drivers[here].now(), kind)
        description = peers[here].description()
        assert description is not None and "a=candidate" not in description.sdp
        peers[there].set_remote_description(drivers[there].now(), kind, description.sdp)

    def tell(driver: Driver, text: str) -> None:
        assert re.search(r"^candidate:\d+ 1 (udp|tcp) \d+ [-0-9a-f]{36}\.local \d+ typ host", text)
        if driver is drivers[0]:
            peers[1].add_ice_candidate(drivers[1].now(), text, "0", 0)

    end = drivers[0].now() + PATIENCE * 1_000_000
    while any(peer.states().connection != "connected" for peer in peers):
        assert drivers[0].now() < end
        step(drivers, tell)
    print("connected by names")


def ask(group: str, interface: int, name: str, driver: Driver) -> bytes:
    """What a program of the same machine gets that shares the port and the group, as multicast DNS has it."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    with socket.socket(socket.AF_INET6 if ":" in group else socket.AF_INET, socket.SOCK_DGRAM) as asking:
        if ":" in group:
            asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface)
        else:
            asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("@4s4si", b"", b"", interface))
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        asking.bind((group, 5353, 0, interface) if ":" in group else (group, 5353))
        if ":" in group:
            asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                              socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", interface))
        else:
            membership = struct.pack("@4s4si", socket.inet_aton(group), b"", interface)
            asking.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        asking.setblocking(False)
        question = struct.pack(">6H", 0, 0, 1, 0, 0, 0) + labels + b"\0\0\xff\0\1"
        asking.sendto(question, (group, 5353))
        end = driver.now() + PATIENCE * 1_000_000
        while True:
            assert driver.now() < end
            step([driver], lambda *_: None, 1)
            try:
                answer, sender = asking.recvfrom(9000)
            except BlockingIOError:
                asking.sendto(question, (group, 5353))  # what was just announced is not answered for within a second
                continue
            assert sender[1] == 5353
            if answer[2] & 0x80 and labels in answer:
                return answer


def resolver(portable: bool) -> None:
    driver = Driver(portable=portable)
    peer = driver.endpoint.create_peer(driver.now(), hide_addresses=True)
    peer.create_data_channel(driver.now(), "data")
    peer.set_local_description(driver.now(), "offer")
    texts: list[str] = []
    while peer.states().ice_gathering != "complete":
        step([driver], lambda _, text: texts.append(text))
    driver.flush()  # joins the groups
    cable = "cable" in [name for _, name in socket.if_nameindex()]
    names = sorted({text.split()[4] for text in texts})
    assert len(names) == 2  # of an IPv4 and an IPv6 address
    # Linux has no route for IPv6 multicast on its loopback interface: there all goes by IPv4.
    for group, name in zip(("224.0.0.251", "ff02::fb" if cable else "224.0.0.251"), names):
        answer = ask(group, socket.if_nametoindex("cable" if cable else "lo"), name, driver)
        assert answer[:12] == struct.pack(">6H", 0, 0x8400, 0, 1, 0, 1)
        (size,) = struct.unpack_from(">H", answer, 12 + 44 + 8)
        address = {4: socket.AF_INET, 16: socket.AF_INET6}[size]
        found = socket.inet_ntop(address, answer[12 + 44 + 10 :][:size])
        assert found in (("192.0.2.7", "2001:db8::7") if cable else ("127.0.0.1", "::1"))
    print("answered for both")


def main() -> None:
    {"connect": connect, "resolver": resolver}[sys.argv[1]](sys.argv[2] == "1")


if __name__ == "__main__":
    main()
