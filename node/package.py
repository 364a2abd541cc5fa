"""Packs the npm package: what package.json's "files" name, an add-on for each platform, and the notices of all that is inside.

SPDX-License-Identifier: BSD-3-Clause
"""

import json
import os
import sys

sys.path.insert(0, "bindings")

from packing import Package, inside, read, write_tgz  # noqa: E402

# as Node says process.platform and process.arch; native.js puts the same together
CPUS = {"aarch64": "arm64", "x86_64": "x64"}


def folder(platform: str) -> str:
    system, _, cpu = platform.removesuffix("_musl").partition("_")
    return f"prebuilds/{system}-{CPUS[cpu]}" + ("-musl" if platform.endswith("_musl") else "")


def main() -> None:
    package = Package()
    sources = {inside(path, "node"): path for path in package.files}
    manifest = json.loads(read(sources["package.json"]))
    manifest["version"] = package.version
    assert not {"preinstall", "install", "postinstall"} & manifest.get("scripts", {}).keys(), "nothing is to run on installation"
    manifest.pop("scripts", None)
    manifest.pop("devDependencies", None)
    manifest["files"] = ["**"]

    contents = {"package.json": (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()}
    contents["LICENSE"] = package.license
    contents["THIRD-PARTY-NOTICES.txt"] = package.notices
    for name, path in sources.items():
        if name != "package.json":
            contents[name] = read(path)
    for platform, natives in package.native.items():
        (path,) = natives
        contents[f"{folder(platform)}/polyrtc.node"] = read(path)
    archive = os.path.join(package.out, f"{manifest['name']}-{package.version}.tgz")
    write_tgz(archive, {f"package/{name}": data for name, data in contents.items()})


if __name__ == "__main__":
    main()
