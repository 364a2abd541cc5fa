# SPDX-License-Identifier: BSD-3-Clause
"""The fenced Python, C and Go blocks of the READMEs are whole programs, or said not to be: each is run.

A block that shows a part only is fenced as ```python (part)``` and is compiled alone: one of C as what stands in a
function.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import polyrtc

TOP = Path(__file__).parents[2]
DOCUMENTS = ["README.md", "python/README.md", "docs/python.md", "docs/connectivity.md", "docs/embedding.md", "docs/one-port.md", "go/README.md", "docs/go.md", "tests/sim/README.md"]
PATIENCE = 60

#: What the README's programs print.
OUTPUT = "bob received: hello\n"


def blocks(language: str) -> list[tuple[str, int, str, bool]]:
    """(document, line, text, whether it is a part only) of each block."""
    found = []
    for document in DOCUMENTS:
        text = (TOP / document).read_text()
        for match in re.finditer(rf"^```{language}( \(part\))?\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
            found.append((document, text[: match.start()].count("\n") + 1, match[2], bool(match[1])))
    return found


def name(block: object) -> str | None:
    return f"{block[0]}:{block[1]}" if isinstance(block, tuple) else None


@pytest.mark.parametrize("block", blocks("python"), ids=name)
def test_python(block: tuple[str, int, str, bool], tmp_path: Path) -> None:
    document, line, text, part = block
    compile(text, f"{document}:{line}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if part else 0)
    if part:
        return
    program = tmp_path / "program.py"
    program.write_text(text)
    package = Path(polyrtc.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(package), str(TOP)])}
    run = subprocess.run(
        [sys.executable, "-W", "error", str(program)], env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert run.returncode == 0, run.stderr
    if document == "README.md":
        assert run.stdout == OUTPUT


@cache
def library() -> Path:
    """The folder of libpolyrtc.so."""
    bazel = os.environ.get("BAZEL", "bazel").split()
    subprocess.run([*bazel, "build", "//:libpolyrtc.so"], cwd=TOP, check=True, capture_output=True)
    where = subprocess.run([*bazel, "info", "bazel-bin"], cwd=TOP, check=True, capture_output=True, text=True)
    return Path(where.stdout.strip())


#: What a part of C may name.
PART = """
#include <string.h>
#include <polyrtc/driver.h>
#include <polyrtc/polyrtc.h>
void handle(const prtc_event *event);
void part(prtc_endpoint *endpoint, prtc_time now, const prtc_event *event, prtc_driver *%s);
void part(prtc_endpoint *endpoint, prtc_time now, const prtc_event *event, prtc_driver *%s) {
  (void)endpoint, (void)now, (void)event;
%s}
"""


@pytest.mark.parametrize("block", blocks("c"), ids=name)
def test_c(block: tuple[str, int, str, bool], tmp_path: Path) -> None:
    document, _, text, part = block
    source, program = tmp_path / "program.c", tmp_path / "program"
    driver = "unused" if "*driver =" in text else "driver"
    source.write_text(PART % (driver, driver, text) if part else text)
    gcc = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror"]
    gcc += ["-I", str(TOP / "core/include"), "-I", str(TOP / "drivers/include"), str(source)]
    if part:
        unused = ["-Wno-unused-parameter", "-Wno-unused-variable", "-Wno-unused-but-set-variable"]
        subprocess.run([*gcc, *unused, "-fsyntax-only"], check=True)
        return
    folder = library()
    subprocess.run([*gcc, "-o", str(program), "-L", str(folder), "-lpolyrtc", f"-Wl,-rpath,{folder}"], check=True)
    run = subprocess.run([str(program)], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 0 and run.stdout, run.stderr
    if document == "README.md":
        assert run.stdout == OUTPUT


@pytest.mark.parametrize("block", blocks("go"), ids=name)
def test_go(block: tuple[str, int, str, bool], tmp_path: Path) -> None:
    (tmp_path / "main.go").write_text(block[2])
    (tmp_path / "go.mod").write_text(
        "module example.com/program\n\ngo 1.19\n\nrequire polyrtc.dev/polyrtc v0.0.0\n\n"
        f"replace polyrtc.dev/polyrtc => {TOP / 'go'}\n"
    )
    assert subprocess.run(["gofmt", "-l", "main.go"], cwd=tmp_path, check=True, capture_output=True).stdout == b""
    subprocess.run(["go", "build", "-o", "program", "."], cwd=tmp_path, check=True, env=os.environ | {"GOTOOLCHAIN": "local"})
    run = subprocess.run([str(tmp_path / "program")], capture_output=True, text=True, timeout=PATIENCE)
    assert (run.returncode, run.stdout) in ((0, OUTPUT), (0, "received: 52428800\n")), run.stderr


def test_there_are_programs_to_run() -> None:
    assert [b[0] for b in blocks("c") if not b[3]] == ["README.md", "docs/embedding.md", "docs/embedding.md"]
    assert [b[0] for b in blocks("go")] == ["go/README.md", "docs/go.md"]
    assert sum(not b[3] for b in blocks("python")) >= 3


@pytest.mark.parametrize(("language", "example"), [("python", "python/hello.py"), ("c", "c/hello.c")])
def test_the_readme_shows_the_example(language: str, example: str) -> None:
    """The examples folder has the same programs, so that they can be copied from either."""
    shown = next(text for document, _, text, _ in blocks(language) if document == "README.md")
    assert (TOP / "examples" / example).read_text().endswith(shown)
