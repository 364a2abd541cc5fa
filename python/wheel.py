"""Packs the wheel: the Python files, the native module, type information, and the licences of all that is inside.

SPDX-License-Identifier: BSD-3-Clause

    wheel.py OUT FILE… --license=NAME=FILE…

OUT is a folder; the wheel's name follows from its contents. For the same inputs the bytes are the same. The platform tag is taken
from what the native module asks of the C library, so that it promises no more than is true.
"""

import argparse
import base64
import hashlib
import os
import platform
import re
import subprocess
import zipfile

NAME = "polyrtc"
METADATA = """Metadata-Version: 2.1
Name: polyrtc
Version: {version}
Summary: WebRTC data channels on asyncio, over a sans-IO engine in C
License: BSD-3-Clause
Classifier: Framework :: AsyncIO
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: Python :: 3
Classifier: Typing :: Typed
Requires-Python: >=3.11
Requires-Dist: pyee >=13.0.0
Description-Content-Type: text/markdown

{readme}"""


def platform_tag(module: str) -> str:
    """manylinux_2_X: X is the newest version of glibc that the module asks for (PEP 600)."""
    output = subprocess.run(["readelf", "--version-info", "--wide", module], check=True, capture_output=True, text=True).stdout
    versions = [int(minor) for minor in re.findall(r"Name: GLIBC_2\.(\d+)", output)]
    return f"manylinux_2_{max(versions)}_{platform.machine()}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--license", action="append", default=[])
    arguments = parser.parse_args()

    contents: dict[str, bytes] = {}
    readme = module = version = ""
    for path in arguments.files:
        with open(path, "rb") as file:
            data = file.read()
        folder, _, inside = path.rpartition(f"/{NAME}/")
        name = inside if folder else os.path.basename(path)
        if name == "README.md":
            readme = data.decode()
            continue
        if name == "__init__.py":
            version = re.search(r'__version__ = "(.*)"', data.decode()).group(1)  # type: ignore[union-attr]
        if name.endswith(".so"):
            module = path
        contents[f"{NAME}/{name}"] = data

    info = f"{NAME}-{version}.dist-info"
    tag = f"cp311-abi3-{platform_tag(module)}"
    contents[f"{info}/METADATA"] = METADATA.format(version=version, readme=readme).encode()
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: {NAME}\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    for entry in arguments.license:
        name, path = entry.split("=")
        with open(path, "rb") as file:
            contents[f"{info}/licenses/{name}"] = file.read()

    record = f"{info}/RECORD"
    lines = []
    for name, data in sorted(contents.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    contents[record] = ("".join(lines) + f"{record},,\n").encode()

    with zipfile.ZipFile(os.path.join(arguments.out, f"{NAME}-{version}-{tag}.whl"), "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in sorted(contents.items()):
            entry_info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry_info.external_attr = 0o100644 << 16
            entry_info.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry_info, data)


if __name__ == "__main__":
    main()
