# SPDX-License-Identifier: BSD-3-Clause
"""A real TURN server, coturn, on the server's machine of a World. docs/connectivity.md shows how to run one in life."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import Any

from .world import SERVER, SERVER6, World

USER, PASSWORD = "user", "secret"

#: What it says when it serves.
READY = "IO method (admin thread)"


def make_certificate(folder: Path) -> None:
    names = f"subjectAltName=DNS:turn.example.org,IP:{SERVER},IP:{SERVER6}"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
         "/CN=turn.example.org", "-addext", names, "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True, capture_output=True,
    )


class Coturn:
    def __init__(self, world: World, folder: Path, *options: str) -> None:
        make_certificate(folder)
        self.certificate = (folder / "certificate.pem").read_text()
        addresses = [f"--{what}-ip={ip}" for what in ("listening", "relay") for ip in (SERVER, SERVER6)]
        command = [
            "turnserver", "-n", "--no-cli", "--log-file=stdout", "--simple-log", "--verbose", *addresses,
            "--listening-port=3478", "--tls-listening-port=5349", f"--cert={folder / 'certificate.pem'}",
            f"--pkey={folder / 'key.pem'}", "--lt-cred-mech", f"--user={USER}:{PASSWORD}", "--realm=example.org",
            f"--userdb={folder / 'db'}", f"--pidfile={folder / 'pid'}", *options,
        ]
        self._process = subprocess.Popen([*world.inside("server"), *command], stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True)
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.says(READY)

    def __enter__(self) -> Coturn:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def says(self, what: str, seconds: float = 20) -> str:
        """Waits for a line that has this in it."""
        with self._changed:
            self._changed.wait_for(lambda: any(what in line for line in self._lines) or self._process.poll() is not None, seconds)
            found = next((line for line in self._lines if what in line), None)
        assert found is not None, f"coturn has not said {what!r}:\n{self.log()}"
        return found

    def log(self) -> str:
        return "".join(self._lines)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line)
                self._changed.notify_all()


def server(*urls: str) -> dict[str, Any]:
    """An RTCIceServer."""
    return {"urls": list(urls), "username": USER, "credential": PASSWORD}
