#!/usr/bin/env python3
"""loops_test OFFERER PROGRAM…: each program serves two processes at once, and ends when they have gone.

SPDX-License-Identifier: BSD-3-Clause
"""

import json
import os
import subprocess
import sys
import unittest

PATIENCE = 30
OFFERER, *PROGRAMS = sys.argv[1:]


class Program:
    """A program that is talked with."""

    def __init__(self, *command):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, bufsize=1)

    def say(self, line):
        self.process.stdin.write(line)

    def hear(self):
        return self.process.stdout.readline()

    def end(self):
        """Ends its input, and waits for its end: what it has said on standard error."""
        _, error = self.process.communicate(timeout=PATIENCE)
        return error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


class Loops(unittest.TestCase):
    def test_each(self):
        for program in PROGRAMS:
            with self.subTest(os.path.basename(program)):
                self.serves_two(program)

    def serves_two(self, program):
        with Program(program) as server, Program(OFFERER, "offer") as one, Program(OFFERER, "offer") as other:
            server.say("hello\n")  # is refused, and harmless
            for client in (one, other):
                server.say(client.hear())
                answer = server.hear()
                self.assertEqual(json.loads(answer)["type"], "answer")
                client.say(answer)
            for line in ("hello\n", "\n", "ein Gruß, 你好\n", "x" * 10000 + "\n"):
                for client in (one, other):
                    client.say(line)
                for client in (other, one):
                    self.assertEqual(client.hear(), line)
            one.end()
            other.say("still there\n")
            self.assertEqual(other.hear(), "still there\n")
            server.process.stdin.close()  # it goes on for whom it serves
            other.say("and now\n")
            self.assertEqual(other.hear(), "and now\n")
            other.end()
            self.assertEqual(server.process.wait(PATIENCE), 0)
            self.assertEqual(server.process.stderr.read(), "this is no description of the other side: the text is not well formed\n")
            for client in (one, other):
                self.assertEqual(client.process.returncode, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
