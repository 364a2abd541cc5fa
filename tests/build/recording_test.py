#!/usr/bin/env python3
"""recording_test FILE…: a recording misses no input. Each function of the public headers that can change an endpoint is in the table of
operations (core/base/recording.h), is recorded in the core exactly once, and is made again by the replay; or it is known here, with
the reason, to change nothing that a replay could notice.

SPDX-License-Identifier: BSD-3-Clause
"""

import re
import sys

CHANGES_NOTHING = {
    "prtc_endpoint_new": "its configuration is the recording's first entry",
    "prtc_endpoint_free": "there is nothing after it",
    "prtc_endpoint_peer": "a look-up",
    "prtc_endpoint_log": "takes what was said, which nothing depends on",
    "prtc_endpoint_set_log_level": "the same",
    "prtc_endpoint_output": "the same, and the recording itself",
}


def text_of(path):
    with open(path) as file:
        return re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)


files = {path: text_of(path) for path in sys.argv[1:]}
headers = "\n".join(text for path, text in files.items() if path.endswith(("polyrtc/endpoint.h", "polyrtc/peer.h")))
table = dict(re.findall(r'^\s*X\((\w+), (\d+),', next(t for p, t in files.items() if p.endswith("base/recording.h")), re.M))
replay = next(text for path, text in files.items() if path.endswith("endpoint/replay.c"))
sources = "\n".join(text for path, text in files.items() if path.endswith(".c"))

complaints = []
changing = set()
for name, arguments in re.findall(r"PRTC_API[^;(]*?\b(prtc_\w+)\(([^;]*)\);", headers):
    first = arguments.split(",")[0].strip()
    reads = re.match(r"const prtc_(endpoint|peer) \*", first)
    if not reads and re.match(r"prtc_(endpoint|peer) \*|const prtc_endpoint_config", first):
        changing.add(name)
if len(changing) < 20:
    complaints.append("only %d functions were found in the headers: this test does not see them" % len(changing))
for name in sorted(changing - set(CHANGES_NOTHING)):
    operation = name.removeprefix("prtc_")
    recorded = len(re.findall(r"PRTC_RECORD(?:_BARE)?\([^,]+, %s," % operation, sources))
    if operation not in table:
        complaints.append("%s can change an endpoint, and is no operation in core/base/recording.h" % name)
    elif recorded != 1:
        complaints.append("%s is recorded in %d places of the core instead of one" % (name, recorded))
    elif "PRTC_OP_%s" % operation not in replay:
        complaints.append("%s is not made again by core/endpoint/replay.c" % name)
for name in sorted(set(CHANGES_NOTHING) - changing):
    complaints.append("%s is excused, but is no function that could change anything" % name)
if len(set(table.values())) != len(table):
    complaints.append("two operations have one number")

print("\n".join(complaints) or "%d functions" % len(changing))
sys.exit(1 if complaints else 0)
