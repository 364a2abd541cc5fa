#!/usr/bin/env python3
"""The test of purity_test: an object that reads the clock and keeps a static variable must be refused.

SPDX-License-Identifier: BSD-3-Clause
"""

import sys

import purity


def main():
    link_map = next(path for path in sys.argv[1:] if path.endswith(".map"))
    archives = [path for path in sys.argv[1:] if path != link_map]
    with open(link_map) as file:
        findings = purity.find(archives, file.read())

    planted = "tests/build/purity_planted"
    expected = {
        (planted, "time", "refers to"),
        (planted, "getenv", "refers to"),
        (planted, "stderr", "refers to"),
        (planted, "fputs", "refers to"),
        (planted, "calls", "can write"),
        (planted, "last", "can write"),
        (planted, "at_loading", "can write"),
        (planted, ".init_array", "runs when it is loaded"),
    }
    found = {tuple(finding) for finding in findings}
    # gcc turns fputs of one string into fwrite, clang does not
    found = {(o, "fputs" if s == "fwrite" else s, k) for o, s, k in found}
    assert found == expected, "found %s, not %s" % (sorted(found), sorted(expected))

    # Each of them is complained about, until the list allows it.
    assert len(purity.complaints(findings, [])) == len(findings)
    everything = purity.read_allowed("# a comment\n%s * because it is planted\n" % planted)
    assert purity.complaints(findings, everything) == []

    # A line without use, and a line without a reason.
    stale = purity.read_allowed("core/none clock the clock that was there once\n")
    assert len(purity.complaints([], stale)) == 1
    try:
        purity.read_allowed("core/none clock\n")
    except ValueError:
        pass
    else:
        raise AssertionError("a line without a reason was taken")
    print("all of %d planted things were found" % len(expected))


if __name__ == "__main__":
    main()
