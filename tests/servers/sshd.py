# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real OpenSSH server on 127.0.0.1 and a random port, which lets in the user who started it, by keys alone.

The server is that user's, because an unprivileged sshd can log nobody else in. Ansible reaches the host by the key of `admin_key`;
`authorized_keys` is the file for keys of tests. Several servers are several hosts.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.sshd start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Sequence

from tests.servers import keeper, processes
from tests.servers.processes import LOOPBACK, Account, ServerUnavailable

_PRIVILEGE_SEPARATION = Path("/run/sshd")
"""The directory without which a server of root's does not start; Debian's service makes it too."""
DIRECTORY_VARIABLE = "NEBULA_SSHD"
"""The variable that names a server's directory to what runs on it: several hosts are one machine."""
_SETTINGS = """
Port {port}
ListenAddress {host}
HostKey {directory}/host_key
PidFile none
AuthorizedKeysFile {directory}/authorized_keys {directory}/admin_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UsePAM no
UseDNS no
LogLevel VERBOSE
Subsystem sftp internal-sftp
SetEnv HOME={directory} {variable}={directory}
"""


@dataclass(frozen=True)
class Server:
    """A running server. `known_hosts` has its host key, for every address: a proxy may be in front of it."""

    port: int
    user: str
    authorized_keys: Path
    admin_key: Path
    known_hosts: Path
    log: Path
    version: str
    started_in: float
    pid: int
    host: str = LOOPBACK
    admin_content: str = field(default="", repr=False)

    def described(self) -> Dict[str, Any]:
        """What a playbook needs to know, as JSON takes it."""
        paths = {name: str(getattr(self, name)) for name in ("authorized_keys", "admin_key", "known_hosts", "log")}
        plain = {name: getattr(self, name) for name in ("host", "port", "user", "version", "pid")}
        return {**paths, **plain, "started_in": round(self.started_in, 2), "admin_key_content": self.admin_content}

    def accepts(self, key_file: Path) -> bool:
        """Whether a fresh login with that key alone is let in."""
        options = ("IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", "UserKnownHostsFile={0}".format(self.known_hosts))
        command = ["ssh", "-F", "none", "-i", str(key_file), "-p", str(self.port), "-l", self.user]
        command += [part for option in options for part in ("-o", option)]
        # A subsystem inside the server: no shell starts.
        command += ["-s", self.host, "sftp"]
        return subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0

    def inventory_line(self, name: str, port: int) -> str:
        """The line of an inventory with which Ansible reaches the server, or a proxy in front of it, as the host of that name."""
        options = "-o UserKnownHostsFile={0} -o IdentityAgent=none -F none".format(self.known_hosts)
        return "{0} ansible_connection=ssh ansible_host={1} ansible_port={2} ansible_user={3} ansible_ssh_private_key_file={4} {5}".format(
            name, self.host, port, self.user, self.admin_key, "ansible_ssh_common_args='{0}'".format(options)
        )


def find_program() -> Path:
    """The server's program, by its absolute path: it starts itself again for each login.

    Raises:
        ServerUnavailable: there is none.
    """
    found = shutil.which("sshd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]))
    if found is None:
        raise ServerUnavailable("no sshd on this machine. Install it as root: apt-get install -y openssh-server")
    return Path(found).resolve()


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    program = find_program()
    prepare_separation()
    with processes.private_directory("sshd", Account()) as directory:
        log = directory / "server.log"
        try:
            process, server = _start(program, directory, log)
        except ServerUnavailable as error:
            raise ServerUnavailable("sshd did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


def prepare_separation() -> None:
    """Make the directory that a server of root's needs."""
    if os.geteuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)


def make_key(path: Path) -> str:
    """Write a new key pair, and return the line of its public key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text(encoding="ascii").strip()


def _start(program: Path, directory: Path, log: Path) -> tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    port = processes.free_port()
    host_key = make_key(directory / "host_key")
    (directory / "admin_keys").write_text(make_key(directory / "admin") + "\n", encoding="ascii")
    (directory / "known_hosts").write_text("* {0}\n".format(host_key), encoding="ascii")
    settings = directory / "sshd_config"
    settings.write_text(_SETTINGS.format(port=port, host=LOOPBACK, directory=directory, variable=DIRECTORY_VARIABLE), encoding="utf-8")
    process = processes.start([str(program), "-D", "-e", "-f", str(settings)], account=Account(), log=log, directory=directory)
    server = Server(
        port,
        pwd.getpwuid(os.geteuid()).pw_name,
        directory / "authorized_keys",
        directory / "admin",
        directory / "known_hosts",
        log,
        read_version(),
        0.0,
        process.pid,
        admin_content=(directory / "admin").read_text(encoding="ascii"),
    )
    try:
        processes.wait_until(lambda: is_ready(port), process=process)
        if not server.accepts(server.admin_key):  # an account that is locked, for example
            raise ServerUnavailable("it does not let {0} in by a key".format(server.user))
    except BaseException:
        processes.stop(process)
        raise
    return process, replace(server, started_in=time.monotonic() - began)


def read_version() -> str:
    """The version of OpenSSH."""
    told = subprocess.run(["ssh", "-V"], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode("utf-8", "replace")
    found = re.search(r"OpenSSH_([\w.]+)", told)
    return found.group(1) if found else "?"


def is_ready(port: int) -> bool:
    """Whether a server answers there."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=10) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.sshd", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
