#!/usr/bin/env python3
"""programs_test LOOPBACK ECHO THROUGHPUT: runs the programs as a user does.

SPDX-License-Identifier: BSD-3-Clause
"""

import json
import re
import subprocess
import sys
import unittest

PATIENCE = 30
LOOPBACK, ECHO, THROUGHPUT = sys.argv[1:4]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)


class Program:
    """A program that is talked with."""

    def __init__(self, *command):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, bufsize=1)

    def say(self, line):
        self.process.stdin.write(line)

    def hear(self):
        return self.process.stdout.readline()

    def end(self):
        self.process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Programs(unittest.TestCase):
    def test_help(self):
        for program in (LOOPBACK, ECHO, THROUGHPUT):
            result = run(program, "--help")
            self.assertEqual((result.returncode, result.stderr), (0, ""), program)
            self.assertTrue(result.stdout.startswith("usage: "), program)
            self.assertEqual(run(program, "--nonsense").returncode, 2, program)

    def test_echo(self):
        with Program(ECHO, "offer") as offerer, Program(ECHO, "answer") as answerer:
            offer = offerer.hear()
            self.assertEqual(json.loads(offer)["type"], "offer")
            answerer.say("something else\n")  # is refused, and asked for again
            answerer.say(offer)
            answer = answerer.hear()
            self.assertEqual(json.loads(answer)["type"], "answer")
            offerer.say(answer)
            lines = ["hello\n", "\n", "ein Gruß, 你好\n", "x" * 10000 + "\n"]
            for line in lines:
                offerer.say(line)
                self.assertEqual(offerer.hear(), line)
            for line in lines:  # several under way when the input ends
                offerer.say(line)
            offerer.end()
            self.assertEqual([offerer.hear() for _ in lines], lines)
            self.assertEqual(offerer.hear(), "")
            for program in (offerer, answerer):  # the end of one is the end of both
                self.assertEqual(program.process.wait(PATIENCE), 0)
            answerer.end()

    def test_echo_ends_without_the_other_side(self):
        with Program(ECHO, "offer") as offerer:
            offerer.hear()
            offerer.end()
            self.assertEqual(offerer.process.wait(PATIENCE), 0)

    def test_throughput(self):
        for options in ([], ["--portable"], ["--size", "1000", "--unordered"]):
            result = run(THROUGHPUT, "--seconds", "1", *options)
            self.assertEqual(result.returncode, 0, result.stderr)
            figures = re.fullmatch(r"([0-9.]+) s  ([0-9.]+) GiB  ([0-9.]+) Gbit/s  ([0-9.]+) s of CPU per GiB\n", result.stdout)
            self.assertIsNotNone(figures, result.stdout)
            self.assertTrue(all(float(figure) > 0 for figure in figures.groups()), result.stdout)
            self.assertGreater(result.stderr.count("Gbit/s"), 1)  # progress
            print(options, result.stdout, end="")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
