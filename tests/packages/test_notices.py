# SPDX-License-Identifier: BSD-3-Clause
"""Every library that is linked into an artefact has its licence in the notices of that artefact."""

from __future__ import annotations

import os
import subprocess
import tarfile
import zipfile

import pytest

from .clean import MODULE, NPM, PROXY, TOP, VERSION, wheel

# a sentence of its licence each
LIBRARIES = {
    "BoringSSL": "Apache License",
    "c-ares": "Massachusetts Institute of Technology",
    "libnice": "MOZILLA PUBLIC LICENSE",
    "usrsctp": "Michael Tuexen",
    "libc++": "LLVM Exceptions to the Apache 2.0 License",
    "zig": "The MIT License (Expat)",
}
NODE = {"node-addon-api": "Node.js API collaborators"}
TEXT = "THIRD-PARTY-NOTICES.txt"


def notices(artefact: str) -> tuple[str, str]:
    """(the licence, the notices) in it."""
    if artefact == "wheel":
        archive = zipfile.ZipFile(wheel("linux_x86_64"))
        folder = f"polyrtc-{VERSION}.dist-info/licenses/"
    elif artefact == "go":
        archive = zipfile.ZipFile(PROXY / MODULE / f"@v/v{VERSION}.zip")
        folder = f"{MODULE}@v{VERSION}/"
    else:
        with tarfile.open(NPM) as packed:
            return tuple(packed.extractfile(f"package/{name}").read().decode() for name in ("LICENSE", TEXT))
    return tuple(archive.read(folder + name).decode() for name in ("LICENSE", TEXT))


@pytest.mark.parametrize("artefact", ["wheel", "npm", "go"])
def test_each_library_has_its_licence(artefact: str) -> None:
    license, text = notices(artefact)
    assert license == (TOP / "LICENSE").read_text()
    for name, sentence in (LIBRARIES | (NODE if artefact == "npm" else {})).items():
        assert name in text and sentence in text, name
    assert "Source: " in text


def test_a_library_without_licence_stops_the_build() -> None:
    command = [*os.environ.get("BAZEL", "bazel").split(), "build", "//tests/packages:unknown"]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True)
    assert done.returncode != 0
    assert "//tests/packages:unknown links @somebody, whose licence is not in third_party/notices.bzl" in done.stderr
