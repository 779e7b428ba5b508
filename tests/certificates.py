"""Makes certificates for servers of the tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def certificate_of(folder: Path, *names: str) -> tuple[Path, Path]:
    """(certificate, key) for some names, such as `DNS:voices.example`, signed by nobody else."""
    paths = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=tests",
         "-addext", f"subjectAltName={','.join(names)}",
         "-out", str(paths[0]), "-keyout", str(paths[1])],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths
