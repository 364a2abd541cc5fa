# SPDX-License-Identifier: BSD-3-Clause
"""An internet of network namespaces: a switch, a server's machine, and two sites with the kernel's own NATs before them.

    server 198.51.100.10 ─┐             ┌─ router of site 1 ── 10.1.0.2          (left)
           2001:db8::10   ├── switch ───┤                      2001:db8:1::2
                                        └─ router of site 2 ── 10.2.0.2          (right)
                                                               2001:db8:2::2

A public site has no router: 198.51.100.101 and 2001:db8::101. Needs root, or sudo without a password.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

ROOT = () if os.getuid() == 0 else ("sudo", "-n", "--preserve-env=PYTHONPATH,PYTHONUTF8,SSLKEYLOGFILE")

SERVER = "198.51.100.10"
SERVER6 = "2001:db8::10"

#: What is between a site and the internet. The kernel keeps the port where it can, and lets in what answers: a port-restricted
#: cone. With `random` each other side sees another port: a symmetric NAT.
SITES = {
    "public": "",
    "masquerade": "masquerade",
    "random": "masquerade random",
    "no UDP": "masquerade",
}

RULES = """
table ip nat {{
  chain postrouting {{
    type nat hook postrouting priority srcnat
    oifname "wan" {translate}
  }}
}}
table inet filter {{
  chain input {{
    type filter hook input priority filter
    iifname "wan" meta l4proto {{ tcp, udp }} ct state new drop
  }}
  chain forward {{
    type filter hook forward priority filter
    iifname "wan" ct state new drop
    {refuse}
  }}
}}
"""


class World:
    def __init__(self, left: str, right: str, *, six: bool = True, four: bool = True) -> None:
        self._prefix = f"polyrtc-{os.getpid()}-"
        self._namespaces: list[str] = []
        self._four, self._six = four, six
        self.sites = (left, right)

    def __enter__(self) -> World:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(self._namespaces):
            subprocess.run([*ROOT, "ip", "netns", "delete", name], check=True)

    def inside(self, namespace: str) -> tuple[str, ...]:
        """What goes before a command that is to run in "server", "left" or "right" (or a router: "router 1", "router 2")."""
        return (*ROOT, "ip", "netns", "exec", self._name(namespace))

    def run(self, namespace: str, *command: str, given: str = "") -> str:
        done = subprocess.run([*self.inside(namespace), *command], input=given, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    # ----------------------------------------------------------------------------------------------------------- building

    def _name(self, namespace: str) -> str:
        return self._prefix + namespace.replace(" ", "")

    def _build(self) -> None:
        for name in ("switch", "server", "left", "right", *(f"router {n}" for n, s in enumerate(self.sites, 1) if SITES[s])):
            self._ip("netns", "add", self._name(name))
            self._namespaces.append(self._name(name))
            self._ip("-n", self._name(name), "link", "set", "lo", "up")
        self._ip("-n", self._name("switch"), "link", "add", "switch", "type", "bridge")
        self._ip("-n", self._name("switch"), "link", "set", "switch", "up")
        self._plug("server", "10")
        # Elsewhere is where packets for private addresses get lost, and nobody says so: as on the internet.
        self._address("switch", "switch", "198.51.100.254", "2001:db8::254")
        self._elsewhere("server", True, True)
        for number, (host, site) in enumerate(zip(("left", "right"), self.sites, strict=True), 1):
            if SITES[site]:
                self._route(number, host, site)
            else:
                self._plug(host, f"10{number}")
                self._elsewhere(host, self._four, self._six)  # Firefox tells no address where there is no default route
        for number, site in enumerate(self.sites, 1):  # who is on the switch knows the way to the sites' own IPv6 networks
            if SITES[site]:
                for name in ("server", *(["left"] if not SITES[self.sites[0]] else []),
                             *(["right"] if not SITES[self.sites[1]] else []),
                             *(f"router {n}" for n, other in enumerate(self.sites, 1) if SITES[other] and n != number)):
                    if self._six:
                        self._ip("-n", self._name(name), "route", "add", f"2001:db8:{number}::/64", "via", f"2001:db8::{number}")

    def _ip(self, *arguments: str) -> None:
        subprocess.run([*ROOT, "ip", *arguments], check=True)

    def _elsewhere(self, namespace: str, four: bool, six: bool) -> None:
        for family, gateway, has_it in (("-4", "198.51.100.254", four), ("-6", "2001:db8::254", six)):
            if has_it:
                self._ip("-n", self._name(namespace), family, "route", "add", "default", "via", gateway)

    def _cable(self, near: str, near_end: str, far: str, far_end: str) -> None:
        near, far = self._name(near), self._name(far)
        self._ip("link", "add", near_end, "netns", near, "type", "veth", "peer", "name", far_end, "netns", far)
        self._ip("-n", near, "link", "set", "dev", near_end, "up")
        self._ip("-n", far, "link", "set", "dev", far_end, "up")

    def _address(self, namespace: str, device: str, four: str, six: str, bits: int = 24) -> None:
        name = self._name(namespace)
        if self._four or namespace in ("server", "switch"):
            self._ip("-n", name, "addr", "add", f"{four}/{bits}", "dev", device)
        if self._six or namespace in ("server", "switch"):
            self._ip("-n", name, "addr", "add", f"{six}/64", "dev", device, "nodad")

    def _plug(self, namespace: str, number: str) -> None:
        """Onto the switch."""
        port = f"port{number}"
        self._cable(namespace, "wan", "switch", port)
        self._ip("-n", self._name("switch"), "link", "set", "dev", port, "master", "switch")
        self._address(namespace, "wan", f"198.51.100.{number}", f"2001:db8::{number}")

    def _route(self, number: int, host: str, site: str) -> None:
        router = f"router {number}"
        self._plug(router, f"{number}")
        self._cable(host, "wan", router, "lan")
        self._address(router, "lan", f"10.{number}.0.1", f"2001:db8:{number}::1")
        self._address(host, "wan", f"10.{number}.0.2", f"2001:db8:{number}::2")
        if self._four:
            self._ip("-n", self._name(host), "route", "add", "default", "via", f"10.{number}.0.1")
        if self._six:
            self._ip("-n", self._name(host), "route", "add", "default", "via", f"2001:db8:{number}::1")
        self.run(router, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        refuse = 'iifname "lan" meta l4proto udp drop' if site == "no UDP" else ""
        self.run(router, "nft", "-f", "-", given=RULES.format(translate=SITES[site], refuse=refuse))


