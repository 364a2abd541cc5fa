#!/usr/bin/env python3
"""The wheel holds what it must, RECORD says so truly, and its native module loads by itself.

SPDX-License-Identifier: BSD-3-Clause

    wheel_test.py FOLDER   with one wheel in it
"""

import base64
import hashlib
import importlib.machinery
import importlib.util
import os
import re
import sys
import tempfile
import zipfile


def main(folder: str) -> None:
    (name,) = os.listdir(folder)
    assert re.fullmatch(r"polyrtc-\d+\.\d+\.\d+-cp311-abi3-manylinux_2_\d+_\w+\.whl", name), name
    wheel = zipfile.ZipFile(os.path.join(folder, name))
    names = wheel.namelist()
    info = "-".join(name.split("-")[:2]) + ".dist-info"

    for wanted in ("__init__.py", "contrib/signaling.py", "sansio.py", "native.py", "_polyrtc.abi3.so", "py.typed"):
        assert f"polyrtc/{wanted}" in names, wanted
    for wanted in ("polyrtc", "boringssl", "usrsctp", "libnice", "c-ares"):
        assert any(entry.startswith(f"{info}/licenses/{wanted}") for entry in names), wanted

    recorded = set()
    for line in wheel.read(f"{info}/RECORD").decode().splitlines():
        entry, digest, size = line.split(",")
        recorded.add(entry)
        if digest:
            data = wheel.read(entry)
            assert digest == "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode(), entry
            assert int(size) == len(data)
    assert recorded == set(names)

    # the package itself needs pyee; the native module needs nothing
    with tempfile.TemporaryDirectory() as place:
        path = wheel.extract("polyrtc/_polyrtc.abi3.so", place)
        loader = importlib.machinery.ExtensionFileLoader("_polyrtc", path)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("_polyrtc", loader))
        loader.exec_module(module)
        assert name.split("-")[1] == module.version()


if __name__ == "__main__":
    main(sys.argv[1])
