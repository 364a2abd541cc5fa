"""Packs the wheel: the Python files, the native module, type information, and the notices of all that is inside.

SPDX-License-Identifier: BSD-3-Clause

One wheel for each platform (see bindings/package.bzl). The tag of the platform is taken from what the native module asks of the C
library, so that it promises no more than is true.
"""

import base64
import hashlib
import os
import re
import subprocess
import sys

sys.path.insert(0, "bindings")

from packing import Package, inside, read, write_zip  # noqa: E402

NAME = "polyrtc"
METADATA = """Metadata-Version: 2.4
Name: polyrtc
Version: {version}
Summary: WebRTC data channels on asyncio, over a sans-IO engine in C
License-Expression: BSD-3-Clause
License-File: LICENSE
License-File: THIRD-PARTY-NOTICES.txt
Classifier: Framework :: AsyncIO
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Requires-Python: >=3.11
Requires-Dist: pyee >=13.0.0
Description-Content-Type: text/markdown

{readme}"""

# What glibc was when manylinux_2_28 was agreed upon, and musl when musllinux_1_2 was
OLDEST_GLIBC = 28
MUSL = "musllinux_1_2"


def platform_tag(platform: str, module: str) -> str:
    """manylinux_2_X: X is the newest version of glibc that the module asks for (PEP 600), but no older than pip knows by name."""
    cpu = platform.removeprefix("linux_").removesuffix("_musl")
    if platform.endswith("_musl"):
        return f"{MUSL}_{cpu}"
    command = ["readelf", "--version-info", "--wide", module]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    versions = [int(minor) for minor in re.findall(r"Name: GLIBC_2\.(\d+)", output)]
    return f"manylinux_2_{max([*versions, OLDEST_GLIBC])}_{cpu}"


def wheel(package: Package, platform: str, natives: list[str]) -> None:
    contents: dict[str, bytes] = {}
    readme = b""
    for path in package.files:
        if os.path.basename(path) == "README.md":
            readme = read(path)
        else:
            contents[f"{NAME}/{inside(path, NAME)}"] = read(path)
    for path in natives:
        contents[f"{NAME}/{os.path.basename(path)}"] = read(path)

    (module,) = [path for path in natives if path.endswith(".so")]
    info = f"{NAME}-{package.version}.dist-info"
    tag = f"cp311-abi3-{platform_tag(platform, module)}"
    contents[f"{info}/METADATA"] = METADATA.format(version=package.version, readme=readme.decode()).encode()
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    contents[f"{info}/licenses/LICENSE"] = package.license
    contents[f"{info}/licenses/THIRD-PARTY-NOTICES.txt"] = package.notices

    record = f"{info}/RECORD"
    lines = []
    for name, data in sorted(contents.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    contents[record] = ("".join(lines) + f"{record},,\n").encode()
    write_zip(os.path.join(package.out, f"{NAME}-{package.version}-{tag}.whl"), contents)


if __name__ == "__main__":
    package = Package()
    for platform, natives in package.native.items():
        wheel(package, platform, natives)
