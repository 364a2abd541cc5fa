#!/usr/bin/env python3
"""purity_test ALLOW-LIST MAP ARCHIVE…: fails when the core touches the world. See purity.py.

SPDX-License-Identifier: BSD-3-Clause
"""

import sys

import purity


def main():
    allow_list = sys.argv[1]
    link_map = next(path for path in sys.argv[2:] if path.endswith(".map"))
    archives = [path for path in sys.argv[2:] if path != link_map]
    with open(allow_list) as file:
        allowed = purity.read_allowed(file.read())
    with open(link_map) as file:
        findings = purity.find(archives, file.read())
    lines = purity.complaints(findings, allowed)
    if lines:
        print("\n".join(lines))
        print(
            "\n%d complaints. The core takes time, randomness and memory from its caller; what cannot be avoided needs a line"
            "\nwith a reason in %s." % (len(lines), allow_list)
        )
        sys.exit(1)
    print("%d archives, %d exceptions, each with its reason" % (len(archives), len(findings)))


if __name__ == "__main__":
    main()
