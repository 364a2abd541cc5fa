"""Packs the Go module: a folder that serves as a module proxy (GOPROXY=file://…), with the module of this version in it.

SPDX-License-Identifier: BSD-3-Clause
"""

import json
import os
import re
import sys

sys.path.insert(0, "bindings")

from packing import Package, inside, read, write_zip  # noqa: E402

# as Go says GOARCH
CPUS = {"aarch64": "arm64", "x86_64": "amd64"}
NATIVE = "internal/native"


def archive(platform: str) -> str:
    """The name by which internal/native/cgo.go asks for it."""
    system, _, cpu = platform.removesuffix("_musl").partition("_")
    return f"libpolyrtc_{system}_{CPUS[cpu]}" + ("_musl.a" if platform.endswith("_musl") else ".a")


def main() -> None:
    package = Package()
    contents = {"LICENSE": package.license, "THIRD-PARTY-NOTICES.txt": package.notices}
    for path in package.files:
        contents[inside(path, "go")] = read(path)
    for platform, natives in package.native.items():
        for path in natives:
            name = os.path.basename(path)
            contents[f"{NATIVE}/{archive(platform) if name.endswith('.a') else name}"] = read(path)

    module = re.search(r"^module (\S+)$", contents["go.mod"].decode(), re.MULTILINE).group(1)  # type: ignore[union-attr]
    version = f"v{package.version}"
    served = os.path.join(package.out, module, "@v")
    os.makedirs(served)
    write_zip(os.path.join(served, f"{version}.zip"), {f"{module}@{version}/{name}": data for name, data in contents.items()})
    for name, data in {
        "list": f"{version}\n".encode(),
        f"{version}.info": json.dumps({"Version": version}).encode(),
        f"{version}.mod": contents["go.mod"],
    }.items():
        with open(os.path.join(served, name), "wb") as file:
            file.write(data)


if __name__ == "__main__":
    main()
