#!/usr/bin/env python3
"""tools_test PROGRAM...: runs the tools over ORTC's transports as a user does.

SPDX-License-Identifier: BSD-3-Clause
"""

import json
import os
import re
import socket
import struct
import subprocess
import sys
import unittest

PATIENCE = 60
PROGRAMS = {os.path.basename(path): path for path in sys.argv[1:]}


def run(name, *options):
    return subprocess.run([PROGRAMS[name], *options], capture_output=True, text=True, timeout=PATIENCE)


class Program:
    """A program that is talked with."""

    def __init__(self, name, *options):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [PROGRAMS[name], *options], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, bufsize=1)

    def say(self, line):
        self.process.stdin.write(line + "\n")

    def hear(self):
        return self.process.stdout.readline().rstrip("\n")

    def end(self):
        self.process.stdin.close()

    def status(self):
        return self.process.wait(PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()


def crc32c(data):
    """RFC 9260 appendix A"""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def init_packet():
    """An SCTP INIT from and to port 5000 (RFC 9260 section 3.3.2), its checksum little-endian as CRC32c is."""
    chunk = struct.pack(">BBHIIHHI", 1, 0, 20, 0x12345678, 131072, 16, 16, 1)
    header = struct.pack(">HHI", 5000, 5000, 0)
    return header + struct.pack("<I", crc32c(header + bytes(4) + chunk)) + chunk


class Tools(unittest.TestCase):
    def test_help(self):
        self.assertEqual(len(PROGRAMS), 9)
        for name in PROGRAMS:
            result = run(name, "--help")
            self.assertEqual((result.returncode, result.stderr), (0, ""), name)
            self.assertTrue(result.stdout.startswith(f"usage: {name}"), name)
            self.assertEqual(run(name, "--nonsense").returncode, 2, name)

    def test_gatherer(self):
        result = run("ice_gatherer", "--loopback", "--server", "stun:no-such-host.invalid")
        self.assertEqual(result.returncode, 0, result.stderr)
        *lines, last = result.stdout.splitlines()
        self.assertRegex(last, r"^ *[0-9.]+ ms  complete$")
        candidates = [line for line in lines if re.match(r"^ *[0-9.]+ ms  candidate:\d+ 1 (udp|tcp) \d+ \S+ \d+ typ host", line)]
        self.assertTrue(any("127.0.0.1" in line for line in candidates), result.stdout)
        self.assertTrue(any("error 701" in line for line in lines), result.stdout)
        result = run("ice_gatherer", "--loopback", "--hide")
        self.assertNotIn("127.0.0.1", result.stdout)
        self.assertIn(".local ", result.stdout)
        self.assertEqual(run("ice_gatherer", "--server", "nonsense").returncode, 1)

    def test_loopbacks(self):
        for name in ("ice_transport_loopback", "dtls_transport_loopback", "sctp_transport_loopback"):
            result = run(name)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(sorted(result.stdout.splitlines()), ["A received: hello from B", "B received: hello from A"])
            self.assertEqual("DTLS: connected" in result.stderr, name != "ice_transport_loopback")
            self.assertEqual("SCTP: connected" in result.stderr, name == "sctp_transport_loopback")
        told = run("ice_transport_loopback", "--parameters").stdout.splitlines()[:2]
        for line, side in zip(told, "BA"):
            parameters = json.loads(line.removeprefix(f"parameters of {side}: "))
            self.assertEqual(set(parameters), {"iceParameters", "iceCandidates", "iceCandidatesComplete", "dtlsParameters",
                                               "sctpParameters"})

    def test_echo(self):
        with Program("data_channel_sctp_echo", "offer") as offerer, Program("data_channel_sctp_echo", "answer") as answerer:
            ours, theirs = offerer.hear(), answerer.hear()
            answerer.say("{}")  # is refused, and asked for again
            answerer.say(ours)
            offerer.say(theirs)
            self.assertEqual((offerer.hear(), answerer.hear()), ("open", "open"))
            lines = ["hello", "", "ein Gruß, 你好", "x" * 10000]
            for line in lines:
                offerer.say(line)
            offerer.end()
            self.assertEqual([offerer.hear() for _ in lines], lines)
            self.assertEqual((offerer.status(), answerer.status()), (0, 0))

    def test_throughput(self):
        for options in (["--mib", "16"], ["--mib", "1", "--size", "1000"]):
            result = run("data_channel_sctp_throughput", *options)
            self.assertEqual(result.returncode, 0, result.stderr)
            figures = re.fullmatch(r"(\d+) bytes in ([0-9.]+) s: ([0-9.]+) Gbit/s\n", result.stdout)
            self.assertIsNotNone(figures, result.stdout)
            self.assertEqual(int(figures[1]), int(options[1]) << 20)
            print(options, result.stdout, end="")

    def test_streamed(self):
        result = run("data_channel_sctp_streamed", "--mib", "32", "--part", "100000")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, rf"^one message of {32 << 20} bytes in \d+ parts: intact\n$")

    def test_redirect(self):
        """Our packet reaches the SCTP of the other program, which answers: INIT, and INIT ACK with our tag."""
        with (
            Program("sctp_redirect_transport", "answer", "--port", "0") as redirect,
            Program("data_channel_sctp_echo", "offer") as echo,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stack,
        ):
            port = int(redirect.hear().removeprefix("port "))
            echo.say(redirect.hear())
            redirect.say(echo.hear())
            self.assertEqual(redirect.hear(), "connected")
            stack.settimeout(PATIENCE)
            stack.connect(("127.0.0.1", port))
            stack.send(init_packet())
            for _ in range(20):
                packet = stack.recv(2048)
                self.assertEqual(struct.unpack(">HH", packet[:4]), (5000, 5000))
                self.assertEqual(struct.unpack("<I", packet[8:12])[0], crc32c(packet[:8] + bytes(4) + packet[12:]))
                if packet[12] == 2:  # INIT ACK
                    break
            else:
                self.fail("no INIT ACK came")
            self.assertEqual(packet[4:8], b"\x12\x34\x56\x78")
            redirect.end()
            self.assertEqual(redirect.status(), 0)

    def test_peer_connection(self):
        with Program("peer_connection", "offer") as offerer, Program("peer_connection", "answer") as answerer:
            offer = offerer.hear()
            self.assertEqual(json.loads(offer)["type"], "offer")
            answerer.say(offer)
            answer = answerer.hear()
            self.assertEqual(json.loads(answer)["type"], "answer")
            offerer.say(answer)
            self.assertEqual((offerer.hear(), answerer.hear()), ("open", "open"))
            offerer.say("to the other side")
            self.assertEqual(answerer.hear(), "to the other side")
            answerer.say("and back")
            self.assertEqual(offerer.hear(), "and back")
            offerer.say("the last")
            offerer.end()
            self.assertEqual(answerer.hear(), "the last")
            self.assertEqual((offerer.status(), answerer.status()), (0, 0))

    def test_the_end_of_the_input(self):
        for name in ("peer_connection", "data_channel_sctp_echo", "sctp_redirect_transport"):
            options = ["--port", "0"] if name == "sctp_redirect_transport" else []
            with Program(name, "offer", *options) as program:
                program.hear()
                program.end()
                self.assertEqual(program.status(), 1, name)  # it has not met anybody


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
