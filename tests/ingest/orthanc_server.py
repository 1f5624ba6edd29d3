"""A real Orthanc, started in a folder of its own on free ports, with its DICOMweb plug-in."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

BINARY = shutil.which("Orthanc")
PLUGIN = next(
    (
        path
        for folder in ("/usr/share/orthanc/plugins", "/usr/lib/orthanc")
        for path in sorted(Path(folder).glob("libOrthancDicomWeb.so*"))
    ),
    None,
)
USER, PASSWORD = "reader", "s3cret"


@dataclass(frozen=True)
class Orthanc:
    """A running server."""

    http: int
    dicom: int
    process: subprocess.Popen[bytes]

    @property
    def web(self) -> str:
        return f"dicomweb+http://localhost:{self.http}/dicom-web"

    @property
    def dimse(self) -> str:
        return f"dimse://ORTHANC@localhost:{self.dicom}"

    def store(self, path: Path) -> bool:
        """Give it a file; whether it took it."""
        answer = requests.post(
            f"http://localhost:{self.http}/instances", data=path.read_bytes(), auth=(USER, PASSWORD), timeout=30
        )
        return answer.ok and answer.json().get("Status") == "Success"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, ports: tuple[int, int] | None = None, **more: object) -> Iterator[Orthanc]:
    """A server over what the folder holds, at its own ports (HTTP, DICOM) unless some are named, with more settings."""
    assert BINARY is not None
    ports = ports or (_free_port(), _free_port())
    settings = {
        "StorageDirectory": str(folder),
        "IndexDirectory": str(folder),
        "HttpPort": ports[0],
        "DicomPort": ports[1],
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "DicomAlwaysAllowFind": True,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {USER: PASSWORD},
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **more,
    }
    described = folder / "orthanc.json"
    described.write_text(json.dumps(settings), encoding="utf-8")
    process = subprocess.Popen([BINARY, str(described)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                if requests.get(f"http://localhost:{ports[0]}/system", auth=(USER, PASSWORD), timeout=5).ok:
                    break
            except requests.ConnectionError:
                pass
            assert process.poll() is None, "Orthanc ended"
            time.sleep(0.1)
        yield Orthanc(*ports, process)
    finally:
        process.terminate()
        process.wait(30)
