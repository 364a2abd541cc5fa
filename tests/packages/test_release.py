# SPDX-License-Identifier: BSD-3-Clause
"""The checklist says what is not ready, and why."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from .clean import TOP, VERSION


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One in which all is ready, as far as files go."""
    for name in ("core/include/polyrtc/types.h", "docs/CHANGELOG.md", "node/package.json", "tests/release"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / name, tmp_path / name)
    (tmp_path / "docs/CHANGELOG.md").write_text(f"# Changes\n\n## {VERSION} — 2030-01-31\n")
    for command in (["init", "--initial-branch=main"], ["add", "."], ["commit", "--message=all"]):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.test", *command], cwd=tmp_path, check=True)
    return tmp_path


def checklist(checkout: Path) -> tuple[int, str]:
    done = subprocess.run([checkout / "tests/release", "tree", "number", "changes"], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_ready(checkout: Path) -> None:
    code, said = checklist(checkout)
    assert code == 0 and said.count("[ ok ]") == 3, said


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("new.txt", "", "tree: 1 files are changed or unknown, new.txt for one"),
        ("docs/CHANGELOG.md", f"## {VERSION} — not released", "changes: it says “not released”"),
        ("docs/CHANGELOG.md", "## 0.0.1 — 2030-01-31", "changes: its first heading is not"),
        ("node/package.json", '{"version": "9.9.9"}', "number: node/package.json is to say 0.0.0"),
        ("core/include/polyrtc/types.h", '#define PRTC_VERSION "1.2"\n', "number: 1.2 is not of the form"),
    ],
)
def test_not_ready(checkout: Path, file: str, content: str, reason: str) -> None:
    (checkout / file).write_text(content)
    code, said = checklist(checkout)
    assert code == 1 and f"[ NO ] {reason}" in said, said


def test_a_version_is_released_once(checkout: Path) -> None:
    subprocess.run(["git", "tag", f"v{VERSION}"], cwd=checkout, check=True)
    code, said = checklist(checkout)
    assert code == 1 and f"[ NO ] number: v{VERSION} is tagged already" in said, said
