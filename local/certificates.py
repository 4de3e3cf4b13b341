"""A certificate authority for the loopback, made anew for each local cloud."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

from local.ports import LOOPBACK


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files: the authority's certificate; a server's certificate and key for 127.0.0.1 and localhost."""

    ca: Path
    certificate: Path
    key: Path


def issue(folder: Path) -> Certificates:
    """Write all three into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    issued = authority.issue_cert(LOOPBACK, "localhost")
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority.cert_pem.write_to_path(files.ca)
    files.certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    files.key.touch(mode=0o600)
    issued.private_key_pem.write_to_path(files.key)
    return files
