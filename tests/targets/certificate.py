# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificate of a real nginx, for the suite of targets. Python's own client says which one it presents."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any, Mapping

from tests.servers import nginx, once, proxy
from tests.servers.certificates import Authority
from tests.target_suite.local_runner import LocalRunner
from tests.targets.harness import Plain, TargetService


class NginxCertificate(TargetService):
    """The certificate that the server presents, through a proxy for the target."""

    kind = "certificate"
    plays_every_fault = False
    credential_type = "certificate"

    def start(self) -> None:
        self._server: nginx.Server = once.nginx()
        self._clean_up = contextlib.ExitStack()
        self._between = self._clean_up.enter_context(proxy.running(self._server.host, self._server.port))
        self._host = LocalRunner(connection={"host": self._server.host})
        self._first = issue(self.directory)
        self.set_by_hand(self._first)

    def stop(self) -> None:
        self._clean_up.close()

    def options(self) -> Mapping[str, Any]:
        where = {"host": "localhost", "directory": str(self._server.directory), "owner": self._server.owner}
        return {**where, "address": self._between.host, "port": self._between.port, "reload": self._server.reload()}

    def runner(self) -> LocalRunner:
        return LocalRunner({"localhost": self._host})

    def fields(self) -> Plain:
        return self._first

    def parameters(self) -> Mapping[str, Any]:
        # Another issuer signs: a rotation brings key and certificate.
        return {"fields": issue(self.directory)}

    def opens(self, fields: Plain) -> bool:
        # While nginx reloads, the process that ends may still answer.
        wanted = read_fingerprint(str(fields["certificate"]))
        for _each in range(10):
            if self._server.fingerprint() == wanted:
                return True
            time.sleep(0.1)
        return False

    def shut(self) -> None:
        self._host.is_down = True
        self._between.mode = proxy.REFUSE

    def reopen(self) -> None:
        self._host.is_down = False
        self._between.mode = proxy.PASS

    def change_elsewhere(self) -> None:
        self.set_by_hand(issue(self.directory))

    def set_by_hand(self, fields: Plain) -> None:
        fingerprint = read_fingerprint(str(fields["certificate"]))
        link = self._server.directory
        place = link.with_name("{0}.{1}".format(link.name, fingerprint))
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / "privkey.pem").write_text(str(fields["private_key"]), encoding="ascii")
        (place / "fullchain.pem").write_text(str(fields["certificate"]), encoding="ascii")
        for path in (place, *place.iterdir()):
            if self._server.owner:
                os.chown(path, int(self._server.owner), -1)
        link.unlink()
        link.symlink_to(place.name)
        subprocess.run(self._server.reload(), check=True)
        wait_for(self._server, fingerprint)


def issue(directory: Path) -> Plain:
    """A new key with a certificate that an authority of its own has signed."""
    issued = Authority(directory).issue("localhost", ["localhost"])
    return {"private_key": issued.key.read_text(encoding="ascii"), "certificate": issued.certificate.read_text(encoding="ascii")}


def read_fingerprint(certificate: str) -> str:
    """The SHA-256 fingerprint of a certificate."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.strip())).hexdigest()


def wait_for(server: nginx.Server, fingerprint: str) -> None:
    """Wait until a server presents a certificate, several times in a row: the old process answers for a moment."""
    deadline, matches = time.monotonic() + 60, 0
    while matches < 3:
        matches = matches + 1 if server.fingerprint() == fingerprint else 0
        assert time.monotonic() < deadline, "the server does not present it"
        time.sleep(0.1)
