# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Linux host with local accounts of its own: this machine with another /etc, and a real sshd that asks for their passwords.

The other /etc is mounted in a mount namespace, so no account of this machine is seen or changed. It needs root. Programs run there
by `Server.enter`.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.linux_host start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, List, Optional, Sequence

from tests.servers import keeper, processes, sshd
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

_KEPT = ("group", "nsswitch.conf", "login.defs", "pam.d", "security", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")
"""What programs need of /etc besides the accounts. No file with a secret is copied."""
_ENTER = 'mount --bind "$1" /etc && shift && exec "$@"'
_SETTINGS = """
Port {port}
ListenAddress {host}
HostKey {directory}/host_key
PidFile none
PermitRootLogin prohibit-password
AuthorizedKeysFile {directory}/admin.pub
KbdInteractiveAuthentication no
PasswordAuthentication yes
StrictModes no
UsePAM no
UseDNS no
Subsystem sftp internal-sftp
"""
_ASKPASS = '#!/bin/sh\nprintf "%s\\n" "$NEBULA_TEST_PASSWORD"\n'


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running host. `user` and `password` are an account of it. Ansible reaches it as root by `admin_key`."""

    @property
    def admin_key(self) -> Path:
        """The file of the key that opens root's account."""
        return self.directory / "admin"

    def enter(self) -> List[str]:
        """The beginning of a command that runs a program there."""
        return ["nsenter", "--mount=/proc/{0}/ns/mnt".format(self.pid), "--"]

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return self.log.parent

    def add(self, user: str, password: str) -> None:
        """Add an account with that password."""
        add_account(self.directory / "etc", user)
        self.set_password(user, password)

    def set_password(self, user: str, password: str) -> None:
        """Change the password of an account, as its administrator does."""
        made = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password.encode(), capture_output=True, check=True)
        line = "{0}:{1}\n".format(user, made.stdout.decode("ascii").strip())
        subprocess.run([*self.enter(), "chpasswd", "-e"], input=line.encode("ascii"), check=True)

    def accepts(self, user: str, password: str) -> bool:
        """Whether a fresh login by SSH is let in."""
        options = ("PubkeyAuthentication=no", "NumberOfPasswordPrompts=1", "UserKnownHostsFile={0}/known_hosts".format(self.directory))
        command = ["ssh", "-F", "none", "-p", str(self.port), "-l", user, *(part for option in options for part in ("-o", option))]
        asking = {"SSH_ASKPASS": str(self.directory / "askpass"), "SSH_ASKPASS_REQUIRE": "force", "NEBULA_TEST_PASSWORD": password}
        environment = {**processes.bare_environment(), **asking}
        done = subprocess.run(
            [*command, "-s", LOOPBACK, "sftp"], env=environment, check=False, capture_output=True, stdin=subprocess.DEVNULL
        )
        return done.returncode == 0


def add_account(etc: Path, user: str) -> None:
    """Add an account without a password to the files of a directory like /etc."""
    number = 20000 + len((etc / "passwd").read_text(encoding="utf-8").splitlines())
    with (etc / "passwd").open("a", encoding="utf-8") as accounts:
        accounts.write("{0}:x:{1}:{1}::/:/bin/sh\n".format(user, number))
    with (etc / "shadow").open("a", encoding="utf-8") as passwords:
        passwords.write("{0}:*:20000:0:99999:7:::\n".format(user))


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a host, hand it out, and end it.

    Raises:
        ServerUnavailable: this user may not mount, there is no sshd, or it did not start; its log is kept and named.
    """
    program = sshd.find_program()
    _check_namespaces()
    sshd.prepare_separation()
    with processes.private_directory("linux-host", Account()) as directory:
        log = directory / "server.log"
        try:
            process, server = _start(program, directory, log)
        except ServerUnavailable as error:
            raise ServerUnavailable("the host did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


def _check_namespaces() -> None:
    tried = subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True) if os.geteuid() == 0 else None
    if tried is None or tried.returncode:
        raise ServerUnavailable("accounts of a host of its own need root, and the right to mount (unshare --mount)")


def _start(program: Path, directory: Path, log: Path) -> tuple[subprocess.Popen[bytes], Server]:
    began = time.monotonic()
    port, password = processes.free_port(), secrets.token_urlsafe(24)
    host_key = sshd.make_key(directory / "host_key")
    (directory / "known_hosts").write_text("* {0}\n".format(host_key), encoding="ascii")
    sshd.make_key(directory / "admin")
    (directory / "sshd_config").write_text(_SETTINGS.format(port=port, host=LOOPBACK, directory=directory), encoding="utf-8")
    (directory / "askpass").write_text(_ASKPASS, encoding="ascii")
    (directory / "askpass").chmod(0o700)
    _make_etc(directory / "etc")
    serve = [str(program), "-D", "-e", "-f", str(directory / "sshd_config")]
    command = ["unshare", "--mount", "/bin/sh", "-c", _ENTER, "sh", str(directory / "etc"), *serve]
    process = processes.start(command, account=Account(), log=log, directory=directory)
    server = Server(port, password, log, sshd.read_version(), 0.0, process.pid, user="person")
    try:
        processes.wait_until(lambda: sshd.is_ready(port), process=process)
        server.add(server.user, password)
    except BaseException:
        processes.stop(process)
        raise
    return process, replace(server, started_in=time.monotonic() - began)


def _make_etc(etc: Path) -> None:
    etc.mkdir(mode=0o755)
    for name in _KEPT:
        there = Path("/etc") / name
        if there.is_dir():
            shutil.copytree(there, etc / name, symlinks=True)
        elif there.exists():
            shutil.copy(there, etc / name)
    every = Path("/etc/passwd").read_text(encoding="utf-8").splitlines()
    accounts = ["root:x:0:0::{0}:/bin/sh".format(etc), *(line for line in every if line.startswith(("sshd:", "nobody:")))]
    (etc / "passwd").write_text("".join(line + "\n" for line in accounts), encoding="utf-8")
    shadow = etc / "shadow"
    shadow.touch(mode=0o600)
    shadow.write_text("root:*:20000:0:99999:7:::\n", encoding="ascii")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.linux_host", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
