# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real nginx on 127.0.0.1 and a random port that presents a certificate: the one that a link in its directory leads to.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.nginx start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

from tests.servers import keeper, processes
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK, Account, ServerUnavailable

_SETTINGS = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen {host}:{port} ssl;
    ssl_certificate {directory}/tls/fullchain.pem;
    ssl_certificate_key {directory}/tls/privkey.pem;
    return 204;
  }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A running server. `directory` is the link to the certificate's files; `owner` may read them."""

    port: int
    directory: Path
    owner: str
    log: Path
    version: str
    started_in: float
    pid: int
    host: str = LOOPBACK
    first_key: str = field(default="", repr=False)

    def described(self) -> Dict[str, Any]:
        """What a playbook needs to know, as JSON takes it."""
        plain = {name: getattr(self, name) for name in ("host", "port", "owner", "version", "pid", "first_key")}
        return {**plain, "directory": str(self.directory), "log": str(self.log), "started_in": round(self.started_in, 2)}

    def reload(self) -> List[str]:
        """The command that has the server load its files: it fails if they do not fit."""
        here = self.log.parent
        check = "nginx -q -t -p {0} -c {0}/check.conf -e {0}/check.log".format(here)
        return ["/bin/sh", "-c", "PATH=$PATH:/usr/sbin; {0} && kill -HUP {1}".format(check, self.pid)]

    def fingerprint(self) -> str:
        """That of the certificate which the server presents now. A process that ends after a reload may drop a connection."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return hashlib.sha256(ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((self.host, self.port), timeout=10))).hexdigest()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def find_program() -> Path:
    """The server's program.

    Raises:
        ServerUnavailable: there is none.
    """
    found = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    if found is None:
        raise ServerUnavailable("no nginx on this machine. Install it as root: apt-get install -y nginx-light")
    return Path(found)


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    program = find_program()
    account = processes.unprivileged_account()
    with processes.private_directory("nginx", account) as directory:
        log = directory / "server.log"
        try:
            process, server = _start(program, directory, log, account)
        except ServerUnavailable as error:
            raise ServerUnavailable("nginx did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


def _start(program: Path, directory: Path, log: Path, account: Account) -> tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    port = processes.free_port()
    first = directory / "tls.first"
    first.mkdir()
    issued = Authority(directory).issue("localhost", ["localhost", LOOPBACK])
    shutil.move(issued.certificate, first / "fullchain.pem")
    shutil.move(issued.key, first / "privkey.pem")
    (directory / "tls").symlink_to(first.name)
    text = _SETTINGS.format(directory=directory, host=LOOPBACK, port=port)
    (directory / "nginx.conf").write_text(text, encoding="utf-8")
    (directory / "check.conf").write_text(text.replace("nginx.pid", "check.pid"), encoding="utf-8")
    for path in (first, *first.iterdir()):
        if account.uid is not None and account.gid is not None:
            os.chown(path, account.uid, account.gid)
    command = [str(program), "-p", str(directory), "-c", str(directory / "nginx.conf"), "-e", "stderr"]
    process = processes.start(command, account=account, log=log, directory=directory)
    owner = str(account.uid) if account.uid is not None else ""
    key = (first / "privkey.pem").read_text(encoding="ascii")
    server = Server(port, directory / "tls", owner, log, _version(program), 0.0, process.pid, first_key=key)
    try:
        processes.wait_until(lambda: _is_ready(port), process=process)
    except BaseException:
        processes.stop(process)
        raise
    return process, replace(server, started_in=time.monotonic() - began)


def _version(program: Path) -> str:
    told = subprocess.run([str(program), "-v"], check=True, capture_output=True).stderr.decode("utf-8", "replace")
    found = re.search(r"nginx/([\d.]+)", told)
    return found.group(1) if found else "?"


def _is_ready(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=10).close()
    except OSError:
        return False
    return True


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.nginx", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
