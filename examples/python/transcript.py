"""What two peers say to each other from createOffer to the first message: every datagram and event, with its time.

Both live in this process, on a network made of a list: nothing leaves the machine, and no time passes. The seeds are fixed, so each run
prints the same. docs/how-webrtc-works.md is told along this output.

SPDX-License-Identifier: BSD-3-Clause
"""

from polyrtc.sansio import Datagram, Endpoint, Event, EventType, Interface, NetworkType, RequestType

DELAY = 20_000  # microseconds from one to the other

STUN_CLASSES = {0x0001: "STUN binding request", 0x0101: "STUN binding response", 0x0111: "STUN binding error"}
DTLS_RECORDS = {20: "ChangeCipherSpec", 21: "Alert", 22: "Handshake", 23: "application data, encrypted"}
DTLS_MESSAGES = {1: "ClientHello", 2: "ServerHello", 11: "Certificate", 12: "ServerKeyExchange", 13: "CertificateRequest",
                 14: "ServerHelloDone", 15: "CertificateVerify", 16: "ClientKeyExchange"}  # fmt: skip


def describe(data: bytes) -> str:
    """Names a datagram by its first bytes, as RFC 7983 tells protocols apart."""
    if data[0] < 4:
        name = STUN_CLASSES[int.from_bytes(data[:2], "big")]
        return name + (" with USE-CANDIDATE" if b"\x00\x25\x00\x00" in data else "")
    names, at = [], 0
    while at + 13 <= len(data):
        kind, epoch = data[at], int.from_bytes(data[at + 3 : at + 5], "big")
        if kind == 22:
            names.append(DTLS_MESSAGES.get(data[at + 13], "Handshake") if epoch == 0 else "Finished, encrypted")
        else:
            names.append(DTLS_RECORDS[kind])
        at += 13 + int.from_bytes(data[at + 11 : at + 13], "big")
    return "DTLS " + ", ".join(names)


class Side:
    """One computer: an endpoint with one peer, one address and one socket at most."""

    def __init__(self, name: str, host: str, seed: int) -> None:
        self.name, self.host = name, host
        self.endpoint = Endpoint(seed=bytes([seed]) * 32, now=0, wall_clock=1_800_000_000)
        self.peer = self.endpoint.create_peer(0)
        self.socket = 0

    def answer_requests(self, now: int) -> bool:
        requests = self.endpoint.requests()
        for request in requests:
            if request.type == RequestType.INTERFACES:
                interface = Interface(self.host, 1, NetworkType.ETHERNET, name="eth0")
                self.endpoint.reply(now, request.id, interfaces=[interface])
            elif request.type == RequestType.OPEN_UDP:
                self.socket = request.socket
                self.endpoint.reply(now, request.id, address=(self.host, 5000))
        return bool(requests)


class World:
    def __init__(self) -> None:
        self.now = 0
        self.alice, self.bob = Side("alice", "192.0.2.1", 1), Side("bob", "192.0.2.2", 2)
        self.flying: list[tuple[int, Side, Datagram]] = []
        self.done = False

    def say(self, who: str, what: str) -> None:
        print(f"{self.now / 1000:6.1f} ms  {who:5}  {what}")

    def other(self, side: Side) -> Side:
        return self.bob if side is self.alice else self.alice

    def on_event(self, side: Side, event: Event) -> None:
        name = EventType(event.type).name.lower().replace("_", " ")
        if event.type == EventType.ICE_CANDIDATE:
            if event.text:  # signalling: here a function call, in life a WebSocket or whatever you have
                self.other(side).peer.add_ice_candidate(self.now, event.text, event.mid, event.index, event.ufrag)
            self.say(side.name, f"* {name}: {event.text or ('end of candidates' if event.text == '' else 'null')}")
        elif event.type == EventType.CHANNEL_MESSAGE:
            self.say(side.name, f"* {name}: {bytes(event.data or b'').decode()!r}")
            self.done = True
        else:
            self.say(side.name, f"* {name}{': ' + event.state_name if event.state_name else ''}")
        if event.type == EventType.CHANNEL_OPEN and side is self.alice:
            self.alice.peer.send(self.now, event.object, "hello")

    def settle(self) -> None:
        """The run loop of both: transmit, event, request, until there is nothing more to do now."""
        busy = True
        while busy:
            busy = False
            for side in (self.alice, self.bob):
                for datagram in side.endpoint.transmit_all(self.now):
                    busy = True
                    for data in datagram.segments():
                        self.say(side.name, f"> {describe(bytes(data))} ({len(data)} bytes)")
                        self.flying.append((self.now + DELAY, side, Datagram(0, data=bytes(data))))
                while events := side.endpoint.events():
                    busy = True
                    for event in events:
                        self.on_event(side, event)
                busy |= side.answer_requests(self.now)

    def run(self) -> None:
        while True:
            self.settle()
            if self.done:
                return
            times = [side.endpoint.deadline() for side in (self.alice, self.bob)] + [at for at, _, _ in self.flying[:1]]
            self.now = min(time for time in times if time is not None)
            while self.flying and self.flying[0][0] <= self.now:
                _, sender, datagram = self.flying.pop(0)
                receiver = self.other(sender)
                datagram.socket, datagram.local, datagram.remote = receiver.socket, (receiver.host, 5000), (sender.host, 5000)
                receiver.endpoint.receive(self.now, datagram)
            for side in (self.alice, self.bob):
                side.endpoint.timeout(self.now)


def main() -> None:
    world = World()
    alice, bob = world.alice.peer, world.bob.peer
    alice.create_data_channel(0, "chat")
    world.say("alice", "createOffer, setLocalDescription:")
    alice.set_local_description(0, "offer", offer := alice.create_offer(0))
    print("\n" + offer.replace("\r\n", "\n").strip() + "\n")
    world.say("bob", "setRemoteDescription, createAnswer, setLocalDescription:")
    bob.set_remote_description(0, "offer", offer)
    bob.set_local_description(0, "answer", answer := bob.create_answer(0))
    print("\n" + answer.replace("\r\n", "\n").strip() + "\n")
    world.say("alice", "setRemoteDescription")
    alice.set_remote_description(0, "answer", answer)
    world.run()


if __name__ == "__main__":
    main()
