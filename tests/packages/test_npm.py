# SPDX-License-Identifier: BSD-3-Clause
"""The npm package: installed into an empty folder, without a compiler, and used from there."""

from __future__ import annotations

import json
import shutil
import tarfile
from functools import cache
from pathlib import Path

import pytest

from .clean import GREETING, HERE, NODES, NPM, VERSION, environment, run


@cache
def contents() -> dict[str, bytes]:
    with tarfile.open(NPM) as archive:
        return {member.name.removeprefix("package/"): archive.extractfile(member).read() for member in archive}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    home = tmp_path_factory.mktemp("node")
    clean = environment(home, ["node", "npm"])
    run(["npm", "install", "--no-audit", "--no-fund", NPM], home, clean)
    return home, clean


@pytest.mark.parametrize("version", [20, 22, 24])
def test_two_peers_connect(installed: tuple[Path, dict[str, str]], version: int) -> None:
    home, clean = installed
    (node,) = NODES.glob(f"{version}.*/node")
    shutil.copy(HERE / "hello.cjs", home)
    assert run([node, "hello.cjs"], home, clean) == GREETING


def test_it_can_be_imported(installed: tuple[Path, dict[str, str]]) -> None:
    home, clean = installed
    program = "import { RTCPeerConnection } from 'polyrtc'; new RTCPeerConnection().close(); console.log('yes');"
    (home / "import.mjs").write_text(program)
    (node,) = NODES.glob("20.*/node")
    assert run([node, "import.mjs"], home, clean) == "yes\n"


def test_nothing_is_run_on_installation() -> None:
    manifest = json.loads(contents()["package.json"])
    assert manifest["version"] == VERSION
    assert not manifest.get("scripts") and "gypfile" not in manifest and "binding.gyp" not in contents()


def test_there_is_an_add_on_for_each_platform() -> None:
    found = {name for name in contents() if name.startswith("prebuilds/")}
    assert found == {f"prebuilds/{name}/polyrtc.node" for name in ("linux-arm64", "linux-x64", "linux-x64-musl")}
    assert "polyrtc.node" not in contents()
    assert {"LICENSE", "THIRD-PARTY-NOTICES.txt", "README.md"} <= contents().keys()


@pytest.mark.parametrize(("header", "folder"), [("{}", "linux-x64-musl"), ("{glibcVersionRuntime: '2.28'}", "linux-x64")])
def test_it_knows_musl(installed: tuple[Path, dict[str, str]], header: str, folder: str) -> None:
    home, clean = installed
    program = f"""
        Object.defineProperty(process, 'arch', {{ value: 'x64' }});
        Object.defineProperty(process, 'report', {{ value: {{ getReport: () => ({{ header: {header} }}) }} }});
        const module = require('node:module');
        const load = module._extensions['.node'];
        module._extensions['.node'] = (it, path) => {{ console.log(path); it.exports = {{}}; }};
        require('./node_modules/polyrtc/lib/native.js');
    """
    told = run(["node", "-e", program], home, clean)
    assert told == f"{home}/node_modules/polyrtc/prebuilds/{folder}/polyrtc.node\n"
