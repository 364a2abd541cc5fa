# SPDX-License-Identifier: BSD-3-Clause
"""The same two peers on other systems: in C, Python and Node under qemu for arm64; in C on musl. (Go: test_gomodule.py.)"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .clean import ARM64, GREETING, HERE, NPM, PROGRAMS, TOP, run, wheel, zig

MUSL = Path("/lib/ld-musl-x86_64.so.1")


def test_arm64_in_c(arm64: Callable[..., str], tmp_path: Path) -> None:
    assert arm64([PROGRAMS / "linux_aarch64/hello"], tmp_path) == GREETING


def test_arm64_in_python(arm64: Callable[..., str], tmp_path: Path) -> None:
    options = ["--platform", "manylinux_2_28_aarch64", "--python-version", "3.11", "--only-binary", ":all:"]
    options += ["--target", str(tmp_path)]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *options, wheel("linux_aarch64")], check=True)
    shutil.copy(TOP / "examples/python/hello.py", tmp_path)
    assert arm64([ARM64 / "usr/bin/python3.11", "hello.py"], tmp_path, PYTHONPATH=str(tmp_path)) == GREETING


def test_arm64_in_node(arm64: Callable[..., str], tmp_path: Path) -> None:
    with tarfile.open(NPM) as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "package").rename(tmp_path / "node_modules/polyrtc")
    shutil.copy(HERE / "hello.cjs", tmp_path)
    assert arm64([ARM64 / "usr/bin/node", "hello.cjs"], tmp_path) == GREETING


def test_musl_in_c(tmp_path: Path) -> None:
    assert run([PROGRAMS / "linux_x86_64_musl/hello"], tmp_path, {}) == GREETING


def test_musl_in_c_with_the_shared_library(tmp_path: Path) -> None:
    folder = PROGRAMS / "linux_x86_64_musl"
    headers = [f"-I{TOP / name}" for name in ("core/include", "drivers/include")]
    compiler = zig("linux_x86_64_musl")
    source = TOP / "examples/c/hello.c"
    library = [f"-L{folder}", "-lpolyrtc", f"-Wl,-rpath,{folder}"]
    run([compiler["CC"], "-dynamic", "-o", "hello", *headers, source, *library], tmp_path, compiler)
    assert run([MUSL, "./hello"], tmp_path, {}) == GREETING


def output(*command: object) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(module: Path) -> tuple[set[str], set[str]]:
    """(the libraries, the symbols) that it asks for, but for the symbols of its host."""
    dynamic = output("readelf", "--dynamic", "--wide", module)
    libraries = {line.split("[")[1].rstrip("]") for line in dynamic.splitlines() if "(NEEDED)" in line}
    symbols = output("nm", "--dynamic", "--undefined-only", module)
    names = {line.split()[-1] for line in symbols.splitlines() if " U " in line}
    return libraries, {name for name in names if not name.startswith(("Py", "_Py", "napi_", "node_api_", "uv_"))}


@pytest.mark.parametrize("kind", ["wheel", "npm"])
def test_musl_has_what_the_modules_ask_for(kind: str, tmp_path: Path) -> None:
    if kind == "wheel":
        zipfile.ZipFile(wheel("linux_x86_64_musl")).extractall(tmp_path)
        module = tmp_path / "polyrtc/_polyrtc.abi3.so"
    else:
        with tarfile.open(NPM) as archive:
            archive.extractall(tmp_path, filter="data")
        module = tmp_path / "package/prebuilds/linux-x64-musl/polyrtc.node"
    has = output("nm", "--dynamic", "--defined-only", MUSL)
    libraries, symbols = needed(module)
    assert libraries == {"libc.so"}
    assert symbols and symbols <= {line.split()[-1] for line in has.splitlines()}
