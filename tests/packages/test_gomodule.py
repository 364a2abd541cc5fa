# SPDX-License-Identifier: BSD-3-Clause
"""The Go module: fetched from a folder that serves as module proxy, then built and run; nothing else."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .clean import GREETING, HERE, MODULE, PROXY, VERSION, environment, run, zig

App = tuple[Path, dict[str, str]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Go has built of its own library, once for these tests."""
    return tmp_path_factory.mktemp("gocache")


@pytest.fixture
def app(tmp_path: Path, kept: Path) -> App:
    """A module of its own that has just asked for ours."""
    clean = environment(tmp_path, ["ar", "as", "gcc", "go", "ld"])
    clean |= {
        "CGO_ENABLED": "1",
        "GOCACHE": str(kept),
        "GOFLAGS": "-mod=mod -modcacherw",
        "GOPROXY": PROXY.as_uri(),
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "local",
    }
    folder = tmp_path / "app"
    folder.mkdir()
    shutil.copy(HERE / "hello.go", folder / "main.go")
    run(["go", "mod", "init", "example.test/app"], folder, clean)
    run(["go", "get", MODULE], folder, clean)
    return folder, clean


def test_go_get_and_go_build(app: App) -> None:
    folder, clean = app
    run(["go", "build", "-o", "program", "."], folder, clean)
    assert run(["./program"], folder, clean) == GREETING


def test_go_mod_vendor_takes_all_that_is_needed(app: App) -> None:
    folder, clean = app
    run(["go", "mod", "vendor"], folder, clean)
    clean |= {"GOFLAGS": "-mod=vendor", "GOPROXY": "off", "GOMODCACHE": str(folder / "empty")}
    run(["go", "build", "-o", "program", "."], folder, clean)
    assert run(["./program"], folder, clean) == GREETING


def test_on_musl(app: App) -> None:
    folder, clean = app
    clean |= zig("linux_x86_64_musl")
    static = ["-ldflags", "-linkmode external -extldflags -static"]
    run(["go", "build", "-tags", "musl", *static, "-o", "program", "."], folder, clean)
    assert run(["./program"], folder, clean) == GREETING


def test_on_arm64(app: App, arm64: Callable[..., str]) -> None:
    folder, clean = app
    clean |= zig("linux_aarch64") | {"GOARCH": "arm64"}
    run(["go", "build", "-o", "program", "."], folder, clean)
    assert arm64([folder / "program"], folder) == GREETING


def test_it_holds_the_notices_and_an_archive_for_each_platform() -> None:
    names = zipfile.ZipFile(PROXY / MODULE / f"@v/v{VERSION}.zip").namelist()
    prefix = f"{MODULE}@v{VERSION}/"
    assert all(name.startswith(prefix) for name in names)
    assert {f"{prefix}LICENSE", f"{prefix}THIRD-PARTY-NOTICES.txt", f"{prefix}go.mod"} <= set(names)
    archives = [f"libpolyrtc_linux_{name}.a" for name in ("amd64", "amd64_musl", "arm64")]
    assert sorted(name.rsplit("/", 1)[1] for name in names if name.endswith(".a")) == archives
