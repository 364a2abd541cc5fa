"""What pip calls to build polyrtc from its sources (PEP 517): Bazel makes the wheel. It needs what tests/README.md says.

SPDX-License-Identifier: BSD-3-Clause

BAZEL="bazel --output_base=/tmp/mine" for a Bazel of one's own.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
TARGET = "//python:wheel"


def _environment() -> dict[str, str]:
    """The caller's own: the build needs nothing of the place that pip has made for it, which is another each time."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_BUILD_TRACKER"))}
    path = [folder for folder in environment.get("PATH", "").split(os.pathsep) if "pip-build-env-" not in folder]
    return environment | {"PATH": os.pathsep.join(path)}


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: str | None = None) -> str:
    bazel = os.environ.get("BAZEL", "bazel").split()
    if shutil.which(bazel[0]) is None:
        sys.exit("polyrtc: there is no bazel. On Debian 12: apt-get install bazel-bootstrap, and what tests/README.md names")
    environment = _environment()
    subprocess.run([*bazel, "build", "--noshow_progress", TARGET], cwd=TOP, env=environment, check=True)
    info = [*bazel, "info", "bazel-bin"]
    binaries = subprocess.run(info, cwd=TOP, env=environment, check=True, capture_output=True, text=True).stdout.strip()
    (wheel,) = Path(binaries, "python/wheel").glob("*.whl")
    shutil.copyfile(wheel, Path(wheel_directory, wheel.name))
    return wheel.name


def build_sdist(sdist_directory: str, config_settings: object = None) -> str:
    raise NotImplementedError("the sources of polyrtc are its repository: an archive of the folder python alone builds nothing")
