"""Packs nothing: each platform's files go into a folder of its name.

SPDX-License-Identifier: BSD-3-Clause
"""

import os
import shutil
import sys

sys.path.insert(0, "bindings")

from packing import Package  # noqa: E402

if __name__ == "__main__":
    package = Package()
    for platform, natives in package.native.items():
        os.makedirs(os.path.join(package.out, platform))
        for path in natives:
            shutil.copy(path, os.path.join(package.out, platform))
