# SPDX-License-Identifier: BSD-3-Clause
"""libnice's own agent, by Debian's introspection data: ICE and nothing else. Runs in Debian's Python.

It has no DTLS: what arrives over the path it tells as "data", and it sends what it is told to. Its descriptions have a fingerprint
that no certificate has.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
import threading
from typing import Any

import gi

gi.require_version("Nice", "0.1")
from gi.repository import GLib, Nice  # noqa: E402

DESCRIPTION = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=ice-options:trickle
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:0
a=ice-ufrag:{ufrag}
a=ice-pwd:{password}
a=fingerprint:sha-256 {fingerprint}
a=setup:{setup}
a=sctp-port:5000
"""


def tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)


# Not among what is introspected. The hash of an object is its address in C; no context is the default one.
LIBRARY = ctypes.CDLL("libnice.so.10")
RECEIVED = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *(ctypes.c_uint,) * 3, ctypes.c_void_p, ctypes.c_void_p)(
    lambda agent, stream, component, size, data, user: tell(event="data", first=ctypes.string_at(data, size)[0])
)


class Peer:
    def open(self, trickle: bool = False, configuration: dict[str, Any] | None = None) -> None:
        given = configuration or {}
        self.trickle = trickle
        options = Nice.AgentOption.ICE_TRICKLE
        if given.get("nomination", "regular") == "regular":
            options |= Nice.AgentOption.REGULAR_NOMINATION
        self.agent = Nice.Agent.new_full(GLib.MainContext.default(), Nice.Compatibility.RFC5245, options)
        self.agent.set_property("upnp", False)
        self.agent.set_property("ice-tcp", False)
        self.agent.connect("candidate-gathering-done", lambda agent, stream: tell(event="gathered"))
        self.agent.connect("component-state-changed", self._state)
        self.agent.connect("new-selected-pair-full", lambda agent, stream, component, ours, theirs: tell(
            event="pair", local=self.agent.generate_local_candidate_sdp(ours),
            remote=self.agent.generate_local_candidate_sdp(theirs)))
        self.stream = self.agent.add_stream(1)
        for server in given.get("iceServers", []):
            self._use(server)
        LIBRARY.nice_agent_attach_recv(ctypes.c_void_p(hash(self.agent)), self.stream, 1, None, RECEIVED, None)
        self.role = ""

    def _use(self, server: dict[str, Any]) -> None:
        for url in server["urls"]:
            scheme, host, transport = re.fullmatch(r"(stun|turn):([\d.]+)(?:\?transport=(tcp))?", url).groups()  # type: ignore[union-attr]
            if scheme == "stun":
                self.agent.set_property("stun-server", host)
                self.agent.set_property("stun-server-port", 3478)
            else:
                kind = Nice.RelayType.TCP if transport else Nice.RelayType.UDP
                self.agent.set_relay_info(self.stream, 1, host, 3478, server["username"], server["credential"], kind)

    def _state(self, agent: Any, stream: int, component: int, state: int) -> None:
        tell(event="state", state=Nice.component_state_to_string(Nice.ComponentState(state)))

    def _gather(self, role: str, setup: str) -> dict[str, str]:
        self.role = role
        self.agent.set_property("controlling-mode", role == "offer")
        assert self.agent.gather_candidates(self.stream)
        _, ufrag, password = self.agent.get_local_credentials(self.stream)
        fingerprint = ":".join(["AB"] * 32)
        sdp = DESCRIPTION.format(ufrag=ufrag, password=password, fingerprint=fingerprint, setup=setup)
        return {"type": role, "sdp": sdp.replace("\n", "\r\n")}

    def candidates(self) -> list[str]:
        """Those that there are by now."""
        found = self.agent.get_local_candidates(self.stream, 1)
        return [self.agent.generate_local_candidate_sdp(candidate).removeprefix("a=") for candidate in found]

    def offer(self) -> dict[str, str]:
        return self._gather("offer", "actpass")

    def answer(self, sdp: str) -> dict[str, str]:
        answer = self._gather("answer", "passive")
        self.accept(sdp)
        return answer

    def accept(self, sdp: str) -> None:
        ufrag, password = (re.search(rf"^a=ice-{name}:(\S+)", sdp, re.MULTILINE)[1] for name in ("ufrag", "pwd"))  # type: ignore[index]
        assert self.agent.set_remote_credentials(self.stream, ufrag, password)
        for line in re.findall(r"^a=(candidate:.*?)\r?$", sdp, re.MULTILINE):
            self.candidate(line)

    def candidate(self, candidate: str, **_: Any) -> None:
        if not candidate:
            self.agent.peer_candidate_gathering_done(self.stream)
            return
        parsed = self.agent.parse_remote_candidate_sdp(self.stream, f"a={candidate}")
        if parsed is not None:  # not UDP
            self.agent.set_remote_candidates(self.stream, 1, [parsed])

    def send(self, text: str) -> None:
        self.agent.send(self.stream, 1, len(text), text)

    def close(self) -> None:
        self.agent.remove_stream(self.stream)


def main() -> None:
    peer, loop = Peer(), GLib.MainLoop()

    def asked(line: str) -> None:
        request = json.loads(line)
        n, action = request.pop("n"), request.pop("do")
        try:
            result = getattr(peer, action)(**request)
            tell(n=n, result=result if isinstance(result, dict) else {"value": result})
        except Exception as error:
            tell(n=n, error=f"{type(error).__name__}: {error}")

    def read() -> None:
        for line in sys.stdin:
            GLib.idle_add(asked, line)
        GLib.idle_add(loop.quit)

    threading.Thread(target=read, daemon=True).start()
    loop.run()


main()
