# SPDX-License-Identifier: BSD-3-Clause
"""A real TURN server, coturn, on the server's machine of a World: by the configuration that docs/connectivity.md shows."""

from __future__ import annotations

import re
import subprocess
import threading
from pathlib import Path
from typing import Any

from .world import SERVER, SERVER6, World

DOCUMENT = Path(__file__).parents[2] / "docs/connectivity.md"

#: As in the document.
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


def block(language: str) -> str:
    """What the document has in this language: there is one."""
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    return str(text)


class Coturn:
    def __init__(self, world: World, folder: Path, *options: str) -> None:
        make_certificate(folder)
        self.certificate = (folder / "certificate.pem").read_text()
        configuration = folder / "turnserver.conf"
        configuration.write_text(
            block("conf") + f"cert={folder / 'certificate.pem'}\npkey={folder / 'key.pem'}\n"
            + "".join(f"{option}\n" for option in options)
        )
        command = ["turnserver", "-c", str(configuration), "--log-file=stdout", "--simple-log", "--verbose",
                   f"--userdb={folder / 'db'}", f"--pidfile={folder / 'pid'}"]
        self._process = subprocess.Popen([*world.inside("server"), *command], stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True)
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.says(READY)
        except BaseException:
            self._process.kill()
            raise

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
