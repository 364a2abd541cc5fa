# SPDX-License-Identifier: BSD-3-Clause
"""The examples in Go: a file goes from one program to another, and through a swarm of ten peers."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "go"
PATIENCE = 60


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("go")
    subprocess.run(["go", "vet", "./..."], cwd=EXAMPLES, check=True, env=os.environ | {"GOTOOLCHAIN": "local"})
    subprocess.run(["go", "build", "-o", f"{folder}/", "./..."], cwd=EXAMPLES, check=True, env=os.environ | {"GOTOOLCHAIN": "local"})
    return folder


def test_swarm(built: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(random.Random(1).randbytes(5_000_001))
    svg = tmp_path / "progress.svg"
    done = subprocess.run([built / "swarm", "-piece", "32", "-svg", svg, file], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"10 peers have 153 pieces, 5000001 bytes\nsha256 {hashlib.sha256(file.read_bytes()).hexdigest()}\n"
    rows = done.stderr.splitlines()
    assert [row.split()[:2] for row in rows] == [["peer", str(number)] for number in range(1, 11)]
    assert all(row.endswith("█" * 60) for row in rows)
    lines = ElementTree.parse(svg).getroot().findall("{*}path[{*}title]")
    assert len(lines) == 10 and all(line.get("d", "").startswith("M") for line in lines)


def transfer(built: Path, file: Path, folder: Path) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Both ends, once they have each other's description."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    sender = subprocess.Popen([built / "filetransfer", "send", file], **pipes)  # type: ignore[call-overload]
    receiver = subprocess.Popen([built / "filetransfer", "receive", folder], **pipes)  # type: ignore[call-overload]
    for one, other in ((sender, receiver), (receiver, sender)):
        other.stdin.write(one.stdout.readline())
        other.stdin.flush()
    return sender, receiver


@pytest.mark.parametrize("size", [0, 1, 65_536, 20_000_003])
def test_filetransfer(built: Path, tmp_path: Path, size: int) -> None:
    file = tmp_path / "größe.bin"
    file.write_bytes(random.Random(size).randbytes(size))
    (tmp_path / "there").mkdir()
    sender, receiver = transfer(built, file, tmp_path / "there")
    sent, received = (end.communicate(timeout=PATIENCE) for end in (sender, receiver))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    arrived = tmp_path / "there" / "größe.bin"
    assert sent[0] == f"sent größe.bin, {size} bytes\nsha256 {digest}, the same at the other side\n", sent[1]
    assert received[0] == f"received {arrived}, {size} bytes\nsha256 {digest}\n", received[1]
    assert arrived.read_bytes() == file.read_bytes()
    assert "100 %" in sent[1] and "100 %" in received[1]
    assert sender.returncode == receiver.returncode == 0


def test_a_sender_that_leaves(built: Path, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(200_000_000))
    (tmp_path / "there").mkdir()
    sender, receiver = transfer(built, file, tmp_path / "there")
    while "░" not in receiver.stderr.read(1):  # type: ignore[union-attr]
        pass  # the first drawing of a transfer that is not done
    sender.send_signal(signal.SIGINT)
    sender.communicate()
    said = receiver.communicate(timeout=PATIENCE)[1]
    assert receiver.returncode == 1 and "filetransfer:" in said
    assert not list((tmp_path / "there").iterdir())
