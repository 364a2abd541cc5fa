#!/usr/bin/env python3
"""exports_test LIBPOLYRTC.SO LIBPOLYRTC.A: what the two files show to whoever links with them.

SPDX-License-Identifier: BSD-3-Clause
"""

import re
import subprocess
import sys

# The loader is named because of thread-local variables.
SYSTEM = re.compile(r"(libc|libm)\.so\.6|ld-linux-[\w-]+\.so\.\d+")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def check_shared(path):
    exported = [line.split()[2] for line in run("nm", "-D", "--defined-only", "--extern-only", path).splitlines()]
    assert exported, "nothing is exported"
    foreign = [name for name in exported if not re.match(r"prtc_[a-z]", name)]
    assert not foreign, "exported, but not ours: %s" % foreign

    dynamic = run("readelf", "--dynamic", "--wide", path)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    assert needed and all(SYSTEM.fullmatch(name) for name in needed), "needs %s" % needed
    assert "TEXTREL" not in dynamic, "code that the loader must write to"
    assert re.search(r"BIND_NOW|FLAGS_1.*NOW", dynamic), "not linked with -z now"

    segments = run("readelf", "--segments", "--wide", path)
    assert "GNU_RELRO" in segments, "not linked with -z relro"
    assert re.search(r"GNU_STACK.* RW ", segments), "the stack is executable"
    print("%s: %d functions, needs %s" % (path, len(exported), ", ".join(needed)))


def check_static(path):
    exported = re.findall(r"^[0-9a-f]+ \w (\S+)$", run("nm", "--defined-only", "--extern-only", path), re.M)
    assert exported, "nothing is global"
    foreign = [name for name in exported if not re.match(r"prtc_[a-z]", name)]
    assert not foreign, "global, but not ours: %s" % foreign


def main():
    for path in sys.argv[1:]:
        if path.endswith(".so"):
            check_shared(path)
        else:
            check_static(path)


if __name__ == "__main__":
    main()
