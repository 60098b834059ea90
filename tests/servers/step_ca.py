# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real step-ca as an ACME service, on 127.0.0.1 and random ports. It verifies names by HTTP at a web server of this module.

Its program is built in the long profile alone, so only tests of that profile use it: `with running() as server: …`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.servers import processes
from tests.servers.pebble import CACHE, DIRECT, serve_challenges
from tests.servers.processes import LOOPBACK, ServerUnavailable

PROGRAM = "step-ca"
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Server:
    """A running service.

    Attributes:
        url: its directory.
        ca_cert: the certificate of the root that signs, and that its own is verified with, as PEM text.
        challenges: the directory whose files the web server shows to it.
    """

    url: str
    ca_cert: str
    challenges: Path
    log: Path


def find_program() -> Path:
    """The program: on PATH, or in one of the two cache directories.

    Raises:
        ServerUnavailable: there is none.
    """
    cache = os.environ.get("NEBULA_TEST_SERVERS", "/nonexistent")
    for place in (shutil.which(PROGRAM), os.path.join(cache, PROGRAM), CACHE / PROGRAM):
        if place and os.access(place, os.X_OK):
            return Path(place)
    raise ServerUnavailable("no step-ca on this machine. Run: NEBULA_TEST_PROFILE=long bash tests/servers/prepare.sh")


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start it, hand it out, and end it.

    Raises:
        ServerUnavailable: there is none, or it did not start.
    """
    account, program = processes.unprivileged_account(), find_program()
    with processes.private_directory("step-ca", account) as directory:
        log, challenges = directory / "server.log", directory / "challenges"
        challenges.mkdir()
        port, http = processes.free_port(), processes.free_port()
        files = {name: processes.private_file(directory / name, text, account) for name, text in _make_authority().items()}
        configuration = processes.private_file(directory / "ca.json", json.dumps(_describe(directory, port)), account)
        settings = ["env", "STEPPATH={0}".format(directory), str(processes.usable_program(program, directory, account))]
        command = [*settings, str(configuration), "--insecure", "--acme-http-port={0}".format(http)]
        with serve_challenges(http, challenges):
            process = processes.start(command, account=account, log=log, directory=directory)
            address = "https://{0}:{1}".format(LOOPBACK, port)
            try:
                processes.wait_until(lambda: _responds(address, files["root.crt"]), process=process)
            except ServerUnavailable as error:
                raise ServerUnavailable("step-ca did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
            with processes.ended_with(process, log):
                root = files["root.crt"].read_text(encoding="ascii")
                yield Server(address + "/acme/acme/directory", root, challenges, log)


def _describe(directory: Path, port: int) -> dict[str, Any]:
    provisioner = {"type": "ACME", "name": "acme", "claims": {"defaultTLSCertDuration": "24h"}}
    return {
        **{name: str(directory / file) for name, file in (("root", "root.crt"), ("crt", "intermediate.crt"), ("key", "intermediate.key"))},
        "address": "{0}:{1}".format(LOOPBACK, port),
        "dnsNames": ["localhost", LOOPBACK],
        "logger": {"format": "text"},
        "db": {"type": "badgerv2", "dataSource": str(directory / "db")},
        "authority": {"provisioners": [provisioner]},
    }


def _make_authority() -> dict[str, str]:
    """A root, and an authority below it that signs: their certificates, and the key of the second, as PEM."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root, below = _name("root"), _name("intermediate")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "root.crt": _sign(root, root, root_key.public_key(), root_key, 1),
        "intermediate.crt": _sign(below, root, key.public_key(), root_key, 0),
        "intermediate.key": key.private_bytes(*form).decode("ascii"),
    }


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _sign(subject: x509.Name, issuer: x509.Name, public: Any, key: ec.EllipticCurvePrivateKey, path_length: int) -> str:
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), now - _DAY, now + 30 * _DAY)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # to sign certificates and their revocations
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode("ascii")


def _responds(address: str, root: Path) -> bool:
    try:
        return requests.get(address + "/health", verify=str(root), timeout=60, proxies=DIRECT).ok
    except requests.RequestException:
        return False
