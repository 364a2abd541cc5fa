"""What the packers of the three languages share: arguments, the version, archives whose bytes follow from their contents.

SPDX-License-Identifier: BSD-3-Clause
"""

import argparse
import io
import re
import tarfile
import zipfile


class Package:
    """What prtc_package (package.bzl) hands to a packer."""

    def __init__(self) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("out", help="a folder, for what is made")
        parser.add_argument("--version", required=True, help="the header that says PRTC_VERSION")
        parser.add_argument("--license", required=True)
        parser.add_argument("--notices", required=True)
        parser.add_argument("--native", action="append", default=[], metavar="PLATFORM=FILE")
        parser.add_argument("--file", action="append", default=[])
        arguments = parser.parse_args()
        self.out: str = arguments.out
        self.license = read(arguments.license)
        self.notices = read(arguments.notices)
        self.files: list[str] = arguments.file
        self.native: dict[str, list[str]] = {}
        for entry in arguments.native:
            platform, _, path = entry.partition("=")
            self.native.setdefault(platform, []).append(path)
        self.version = version_of(read(arguments.version).decode())


def version_of(header: str) -> str:
    """The one place that says which version this is."""
    found = re.search(r'^#define PRTC_VERSION "(.*)"$', header, re.MULTILINE)
    assert found, "no PRTC_VERSION"
    return found.group(1)


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def inside(path: str, folder: str) -> str:
    """The path below `folder`, of a source (node/lib/x.js) and of what was built (bazel-out/…/bin/node/lib/x.js)."""
    before, found, after = ("/" + path).rpartition(f"/{folder}/")
    assert found, f"{path} is not in {folder}"
    return after


def write_zip(path: str, contents: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in sorted(contents.items()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)


def write_tgz(path: str, contents: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, compresslevel=9) as archive:
        for name, data in sorted(contents.items()):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mode = 0o644
            archive.addfile(info, io.BytesIO(data))
