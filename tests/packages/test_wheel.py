# SPDX-License-Identifier: BSD-3-Clause
"""The wheels: what they say of themselves, and that they work in environments in which there is nothing else."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest

from .clean import GREETING, MACHINE, PLATFORMS, TOP, VERSION, environment, run, wheel

HERE = f"linux_{MACHINE}"


@cache
def interpreter(version: str) -> str | None:
    """A CPython of that version: in PATH, where Debian has it, or where pyenv keeps it."""
    kept = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    name = f"python{version}"
    places = [shutil.which(name), f"/usr/bin/{name}", *map(str, kept.glob(f"{version}.*/bin/python"))]
    for place in filter(None, places):
        if not os.path.exists(place):
            continue
        program = "import venv, ensurepip, sys; print(*sys.version_info[:2], sep='.'); print(sys._base_executable)"
        works = subprocess.run([place, "-c", program], capture_output=True, text=True)
        if works.returncode == 0 and works.stdout.splitlines()[0] == version:
            return works.stdout.splitlines()[1]  # it may be a script of pyenv that has been asked
    return None


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> object:
    """Makes a fresh virtual environment with the wheel in it, once for each version of Python."""

    @cache
    def make(version: str) -> tuple[Path, dict[str, str]]:
        python = interpreter(version)
        if python is None:
            assert version != "3.11", "Python 3.11 must be there"
            pytest.skip(f"there is no Python {version} on this machine")
        home = tmp_path_factory.mktemp(f"python{version}")
        clean = environment(home, [])
        run([python, "-m", "venv", home / "venv"], home, clean)
        run([home / "venv/bin/python", "-m", "pip", "install", "--no-compile", wheel(HERE)], home, clean)
        return home, clean

    return make


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_two_peers_connect(installed, version: str) -> None:
    home, clean = installed(version)
    shutil.copy(TOP / "examples/python/hello.py", home / "hello.py")
    assert run([home / "venv/bin/python", "-I", "hello.py"], home, clean) == GREETING
    program = "import polyrtc; print(polyrtc.__version__, polyrtc.__file__)"
    told = run([home / "venv/bin/python", "-I", "-c", program], home, clean)
    assert told.split() == [VERSION, str(home / f"venv/lib/python{version}/site-packages/polyrtc/__init__.py")]


def test_pip_builds_it_from_the_sources(tmp_path: Path) -> None:
    python = tmp_path / "venv/bin/python"
    caller = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run([interpreter("3.11"), "-m", "venv", tmp_path / "venv"], tmp_path, caller)
    run([python, "-m", "pip", "install", TOP / "python"], tmp_path, caller, patience=1800)
    shutil.copy(TOP / "examples/python/hello.py", tmp_path / "hello.py")
    assert run([python, "-I", "hello.py"], tmp_path, caller) == GREETING


@pytest.mark.parametrize("name", ["asyncio", "logging", "pyee", "ssl", "typing", "polyrtc.native"])
def test_importing_it_imports_next_to_nothing(installed, name: str) -> None:
    home, clean = installed("3.11")
    program = "import sys; before = set(sys.modules); import polyrtc; print(*sorted(set(sys.modules) - before))"
    modules = run([home / "venv/bin/python", "-I", "-c", program], home, clean).split()
    assert "polyrtc" in modules and name not in modules
    assert len(modules) <= 2


@pytest.mark.parametrize("platform", PLATFORMS)
def test_its_record_is_true(platform: str) -> None:
    archive = zipfile.ZipFile(wheel(platform))
    info = f"polyrtc-{VERSION}.dist-info"
    names = set(archive.namelist())
    assert {
        "polyrtc/__init__.py",
        "polyrtc/_polyrtc.abi3.so",
        "polyrtc/contrib/signaling.py",
        "polyrtc/native.py",
        "polyrtc/py.typed",
        "polyrtc/sansio.py",
        f"{info}/licenses/LICENSE",
        f"{info}/licenses/THIRD-PARTY-NOTICES.txt",
    } <= names
    recorded = set()
    for line in archive.read(f"{info}/RECORD").decode().splitlines():
        entry, digest, size = line.split(",")
        recorded.add(entry)
        if digest:
            data = archive.read(entry)
            wanted = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert digest == f"sha256={wanted}", entry
            assert int(size) == len(data)
    assert recorded == names
    assert re.search(rf"^Version: {re.escape(VERSION)}$", archive.read(f"{info}/METADATA").decode(), re.MULTILINE)


@pytest.mark.parametrize("platform", [platform for platform in PLATFORMS if not platform.endswith("_musl")])
def test_auditwheel_agrees_with_its_tag(platform: str) -> None:
    path = wheel(platform)
    tag = path.stem.rsplit("-", 1)[1]
    assert tag == f"manylinux_2_28_{platform.removeprefix('linux_')}"
    words = auditwheel(path)
    found = re.search(r'tag: "manylinux_2_(\d+)_', words)
    assert found and int(found[1]) <= 28, words  # what it asks for may be older still


def test_auditwheel_finds_nothing_but_the_c_library_on_musl() -> None:
    """The module calls it libc.so, which musl's loader takes for itself; auditwheel knows it by Alpine's name alone."""
    path = wheel("linux_x86_64_musl")
    assert path.stem.endswith("-musllinux_1_2_x86_64")
    words = auditwheel(path, "--ldpaths", "/lib/x86_64-linux-musl")
    assert "no external versioned symbols" in words
    assert re.search(r'libraries are required by the wheel: { "libc.so": "\S+" }', words), words


def auditwheel(path: Path, *options: str) -> str:
    command = [sys.executable, "-m", "auditwheel", "show", *options, path]
    return " ".join(run(command, path.parent, dict(os.environ)).split())


@pytest.mark.parametrize("platform", PLATFORMS)
def test_it_keeps_to_the_stable_interface_of_python(platform: str) -> None:
    path = wheel(platform)
    command = [sys.executable, "-m", "abi3audit", "--strict", "--verbose", path]
    done = subprocess.run(command, capture_output=True, text=True)
    words = " ".join(done.stderr.split())
    assert done.returncode == 0 and "0 ABI version mismatches and 0 ABI violations found" in words, words
