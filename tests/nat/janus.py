# SPDX-License-Identifier: BSD-3-Clause
"""Janus, a WebRTC gateway, on the server's machine of a World, and its HTTP API."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from .world import World

PATIENCE = 30

CONFIGURATION = """
general: {{
  configs_folder = "{folder}"
  plugins_folder = "{libraries}/plugins"
  transports_folder = "{libraries}/transports"
  events_folder = "{folder}/none"
  loggers_folder = "{folder}/none"
}}
nat: {{ ice_lite = {lite} }}
media: {{ ipv6 = true }}
transports: {{ disable = "{transports}" }}
plugins: {{ disable = "{plugins}" }}
"""
TRANSPORT = 'general: { json = "compact"\n base_path = "/janus"\n http = true\n port = 8088\n ip = "127.0.0.1"\n https = false }\n'

#: Asks from within its namespace: lines of [path, body or null] in, answers out.
ASK = """
import json, sys, urllib.request
for line in sys.stdin:
    path, body = json.loads(line)
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen("http://127.0.0.1:8088/janus" + path, data, timeout=60) as answer:
        print(json.dumps(json.load(answer)), flush=True)
"""


def others(folder: Path, wanted: str) -> str:
    return ",".join(sorted(library.name for library in folder.glob("*.so") if wanted not in library.name))


class Janus:
    def __init__(self, world: World, folder: Path, *, lite: bool) -> None:
        (libraries,) = Path("/usr/lib").glob("*/janus")
        (folder / "janus.jcfg").write_text(CONFIGURATION.format(
            folder=folder, libraries=libraries, lite=str(lite).lower(),
            transports=others(libraries / "transports", "http"), plugins=others(libraries / "plugins", "echotest"),
        ))
        (folder / "janus.transport.http.jcfg").write_text(TRANSPORT)
        self._process = subprocess.Popen([*world.inside("server"), "janus", "--configs-folder", folder, "--disable-colors"],
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        with self._changed:
            serves = self._changed.wait_for(lambda: "transport plugin initialized" in self.log(), PATIENCE)
        if not serves:
            self._process.kill()
        assert serves, self.log()
        self._asker = subprocess.Popen([*world.inside("server"), sys.executable, "-c", ASK],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._serial = itertools.count()

    def __enter__(self) -> Janus:
        return self

    def __exit__(self, *_: object) -> None:
        self._asker.communicate()
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def log(self) -> str:
        return "".join(self._lines)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()

    def ask(self, janus: str, path: str = "", **more: Any) -> dict[str, Any]:
        """A request of its API; its answer, at once."""
        return self._fetch(path, {"janus": janus, "transaction": str(next(self._serial)), **more})

    def event(self, path: str, janus: str = "event") -> dict[str, Any]:
        """The next thing of this kind that it tells a session."""
        while True:
            told = self._fetch(f"{path}?maxev=1", None)
            if told["janus"] == janus:
                return told

    def _fetch(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        assert self._asker.stdin is not None and self._asker.stdout is not None
        self._asker.stdin.write(json.dumps([path, body]) + "\n")
        self._asker.stdin.flush()
        answer: dict[str, Any] = json.loads(self._asker.stdout.readline())
        assert answer["janus"] != "error", answer
        return answer
