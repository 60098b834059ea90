# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real KDC of MIT krb5 with its kadmind, on 127.0.0.1 and random ports. Its realm is EXAMPLE.TEST.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.krb5 start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence

from tests.servers import keeper, processes
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

REALM = "EXAMPLE.TEST"
ADMIN = "admin/admin@" + REALM
CLIENT = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 rdns = false
 dns_canonicalize_hostname = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = {host}:{port}
  admin_server = {host}:{admin_port}
  kpasswd_server = {host}:{password_port}
 }}
"""
SERVER = """[kdcdefaults]
 kdc_listen = {host}:{port}
 kdc_tcp_listen = {host}:{port}
[realms]
 {realm} = {{
  database_name = {directory}/principals
  key_stash_file = {directory}/stash
  acl_file = {directory}/kadm5.acl
  kadmind_listen = {host}:{admin_port}
  kpasswd_listen = {host}:{password_port}
  max_life = 10h
  max_renewable_life = 7d
  supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
 }}
[logging]
 kdc = FILE:{directory}/server.log
 admin_server = FILE:{directory}/kadmind.log
"""


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running KDC. The password is the administrator's. `log` has a line for each ticket that was requested."""

    user: str = ADMIN
    admin_port: int = 0
    password_port: int = 0

    @property
    def kdc(self) -> str:
        """Its address."""
        return "{0}:{1}".format(self.host, self.port)

    @property
    def configuration(self) -> Path:
        """The configuration for clients."""
        return self.log.with_name("krb5.conf")

    def described(self) -> Dict[str, Any]:
        """As JSON takes it."""
        return {**super().described(), "kdc": self.kdc, "realm": REALM}

    def environment(self) -> Mapping[str, str]:
        """What programs of krb5 need to reach it."""
        return {"KRB5_CONFIG": str(self.configuration), "KRB5_KDC_PROFILE": str(self.log.with_name("kdc.conf"))}

    def run_local(self, *commands: str) -> str:
        """What commands of kadmin print, run on the database itself. They come by standard input."""
        command = [str(find_program("kadmin.local"))]
        account = processes.unprivileged_account()
        environment = {**processes.bare_environment(), **self.environment()}
        text = "\n".join((*commands, "quit")) + "\n"
        done = subprocess.run(
            command, input=text, text=True, check=True, capture_output=True, env=environment, cwd=self.log.parent, **account.arguments()
        )
        return done.stdout + done.stderr

    def add_principal(self, name: str, password: Optional[str] = None) -> str:
        """Add a principal, with a random key if no password is given, and return its whole name."""
        self.run_local("addprinc {0} {1}".format("-randkey" if password is None else '-pw "{0}"'.format(password), name))
        return "{0}@{1}".format(name, REALM)

    def write_keytab(self, name: str, *, keep: bool = True) -> bytes:
        """Return a keytab with the keys of a principal: its present ones, or with `keep` False new ones."""
        path = self.log.with_name("given-{0}.keytab".format(secrets.token_hex(4)))
        self.run_local("ktadd -k {0} {1} {2}".format(path, "-norandkey" if keep else "", name))
        content = path.read_bytes()
        path.unlink()
        return content

    def count(self, word: str) -> int:
        """How often a word is in the log of the KDC."""
        return self.log.read_text(encoding="utf-8", errors="replace").count(word)


def find_program(name: str) -> Path:
    """One of its programs: on PATH, where Debian keeps it, or in the cache directory.

    Raises:
        ServerUnavailable: there is none.
    """
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", os.environ.get("NEBULA_TEST_SERVERS", "")))
    found = shutil.which(name, path=places)
    if found is None:
        raise ServerUnavailable("no {0} on this machine. Install it with: apt-get install krb5-kdc krb5-admin-server".format(name))
    return Path(found)


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start a KDC and its kadmind, hand them out, and end them.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    account = processes.unprivileged_account()
    with processes.private_directory("krb5", account) as directory, contextlib.ExitStack() as stack:
        log = directory / "server.log"
        began = time.monotonic()
        server = Server(
            processes.free_port(),
            secrets.token_hex(16),
            log,
            _read_version(),
            0.0,
            0,
            admin_port=processes.free_port(),
            password_port=processes.free_port(),
        )
        try:
            _initialise(server, account)
            kdc, server = start_kdc(server, began)
            stack.enter_context(processes.ended_with(kdc, log))
            stack.enter_context(processes.ended_with(_start_admin(server, account), log))
        except ServerUnavailable as error:
            raise ServerUnavailable("krb5 did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        yield replace(server, started_in=time.monotonic() - began)


def start_kdc(server: Server, began: float) -> tuple[subprocess.Popen[bytes], Server]:
    """Start the KDC alone, with its data and on its port."""
    command = [str(find_program("krb5kdc")), "-n"]
    account, directory = processes.unprivileged_account(), server.log.parent
    process = _start(command, account, directory / "kdc.out", server, server.log, "commencing operation")
    return process, replace(server, started_in=time.monotonic() - began, pid=process.pid)


def _start_admin(server: Server, account: Account) -> subprocess.Popen[bytes]:
    directory = server.log.parent
    command = [str(find_program("kadmind")), "-nofork"]
    return _start(command, account, directory / "kadmind.out", server, directory / "kadmind.log", "starting")


def _start(command: Sequence[str], account: Account, output: Path, server: Server, log: Path, word: str) -> subprocess.Popen[bytes]:
    """Start a program, and wait until its log has the word once more."""

    def count() -> int:
        return log.read_text(encoding="utf-8").count(word) if log.exists() else 0

    before = count()
    process = processes.start(command, account=account, log=output, directory=output.parent, environment=server.environment())
    try:
        processes.wait_until(lambda: count() > before, process=process)
    except BaseException:
        processes.stop(process)
        raise
    return process


def _initialise(server: Server, account: Account) -> None:
    directory = server.log.parent
    names = {"realm": REALM, "host": LOOPBACK, "directory": directory, "port": server.port}
    names.update(admin_port=server.admin_port, password_port=server.password_port)
    processes.private_file(directory / "krb5.conf", CLIENT.format(**names), account)
    server.configuration.chmod(0o644)
    processes.private_file(directory / "kdc.conf", SERVER.format(**names), account)
    processes.private_file(directory / "kadm5.acl", "{0} *e\n".format(ADMIN), account)
    environment = {**processes.bare_environment(), **server.environment()}
    master = secrets.token_hex(16)
    made = subprocess.run(
        [str(find_program("kdb5_util")), "create", "-s", "-r", REALM],
        input="{0}\n{0}\n".format(master),
        text=True,
        check=False,
        capture_output=True,
        env=environment,
        cwd=directory,
        **account.arguments(),
    )
    if made.returncode != 0:
        raise ServerUnavailable("kdb5_util ended with status {0}".format(made.returncode))
    server.add_principal("admin/admin", server.password)


def _read_version() -> str:
    printed = subprocess.run([str(find_program("klist")), "-V"], check=False, capture_output=True, text=True).stdout
    found = re.search(r"version ([\d.]+)", printed)
    return found.group(1) if found else "?"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.krb5", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
