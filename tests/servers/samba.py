# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real domain controller of Active Directory: Samba, on a loopback address of its own, because its ports are fixed. It needs root.

No playbook starts it, and one can run at a time on a machine: it is for the long profile.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping

from tests.servers import processes
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

ADDRESS = "127.77.0.1"
REALM, DOMAIN = "AD.EXAMPLE.TEST", "ADEX"
BASE = "DC=ad,DC=example,DC=test"
SETTINGS = """[global]
 netbios name = DC1
 realm = {realm}
 workgroup = {domain}
 server role = active directory domain controller
 server services = ldap, cldap, kdc, rpc
 dcerpc endpoint servers = epmapper, samr, lsarpc, netlogon, drsuapi
 interfaces = {address}/8
 bind interfaces only = yes
 private dir = {directory}/private
 state directory = {directory}/state
 cache directory = {directory}/cache
 lock directory = {directory}
 pid directory = {directory}/run
 ncalrpc dir = {directory}/run/ncalrpc
 binddns dir = {directory}/bind-dns
 log file = {directory}/server.log
 ntp signd socket directory = {directory}/run/ntp
 winbindd socket directory = {directory}/run/winbindd
 posix:eadb = {directory}/private/eadb.tdb
 old password allowed period = {old_minutes}
 tls enabled = yes
 tls keyfile = {directory}/dc.key
 tls certfile = {directory}/dc.pem
 tls cafile = {directory}/ca.pem
 load printers = no
 disable spoolss = yes
"""
CLIENT = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 rdns = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = {address}
 }}
"""


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running domain controller. The password is the administrator's."""

    user: str = "Administrator@" + REALM.lower()

    @property
    def ca_cert(self) -> str:
        """The authority of its certificate, as PEM text."""
        return self.log.with_name("ca.pem").read_text(encoding="ascii")

    @property
    def ldaps_url(self) -> str:
        """The address for LDAPS."""
        return "ldaps://" + self.host

    def environment(self) -> Mapping[str, str]:
        """What programs of krb5 need to reach it."""
        return {"KRB5_CONFIG": str(self.log.with_name("krb5.conf"))}

    def run(self, *arguments: str) -> None:
        """Run samba-tool on the database itself."""
        command = [str(find_program("samba-tool")), *arguments, "-s", str(self.log.with_name("run.conf"))]
        subprocess.run(command, check=True, capture_output=True, env=dict(processes.bare_environment()), timeout=600)

    def add_user(self, name: str, password: str) -> str:
        """Add a user, and return its distinguished name."""
        self.run("user", "create", name, password, "--use-username-as-cn")
        return "CN={0},CN=Users,{1}".format(name, BASE)

    def set_password(self, name: str, password: str) -> None:
        """Set a password as the administrator."""
        self.run("user", "setpassword", name, "--newpassword=" + password)

    def accepts(self, name: str, password: str) -> bool:
        """Whether Kerberos accepts the password: it knows the newest alone, where a login by LDAP may have an older one."""
        environment = {**processes.bare_environment(), **self.environment(), "KRB5CCNAME": "MEMORY:"}
        command = [str(find_program("kinit")), "{0}@{1}".format(name, REALM)]
        done = subprocess.run(command, input=password + "\n", text=True, check=False, capture_output=True, env=environment, timeout=120)
        return done.returncode == 0


def find_program(name: str) -> Path:
    """One of the programs: on PATH, or where Debian keeps it.

    Raises:
        ServerUnavailable: there is none.
    """
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/bin", "/usr/sbin")))
    if found is None:
        raise ServerUnavailable("no {0} on this machine. Install it with: apt-get install samba-ad-dc krb5-user".format(name))
    return Path(found)


@contextlib.contextmanager
def running(old_minutes: int = 0) -> Iterator[Server]:
    """Provision a domain and start its controller, hand it out, and end it.

    Args:
        old_minutes: for how long an old password logs in by LDAP and NTLM. A domain has 60; but a test that moves its own clock does not
            move that of the controller.

    Raises:
        ServerUnavailable: there is none, this is not root, or it did not start; its log is kept and named.
    """
    find_program("samba")
    if os.geteuid() != 0:
        raise ServerUnavailable("a domain controller of Samba needs root, because its ports are fixed")
    with processes.private_directory("samba", Account()) as directory:
        log = directory / "server.log"
        began, password = time.monotonic(), secrets.token_urlsafe(16) + "aA1"
        try:
            _provision(directory, password, old_minutes)
            process = _start(directory, log)
        except ServerUnavailable as error:
            raise ServerUnavailable("Samba did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            server = Server(636, password, log, _read_version(), time.monotonic() - began, process.pid, host=ADDRESS)
            server.run("domain", "passwordsettings", "set", "--min-pwd-age=0", "--account-lockout-threshold=0")
            yield server


def _provision(directory: Path, password: str, old_minutes: int) -> None:
    names = {"realm": REALM, "domain": DOMAIN, "address": ADDRESS, "directory": directory, "old_minutes": old_minutes}
    for name in ("etc", "private", "state", "cache", "lock", "run", "log"):
        (directory / name).mkdir()
    command = [str(find_program("samba-tool")), "domain", "provision", "--realm=" + REALM, "--domain=" + DOMAIN, "--server-role=dc"]
    command += ["--dns-backend=NONE", "--adminpass=" + password, "--host-name=dc1", "--host-ip=127.0.0.1", "--use-rfc2307"]
    options = ("posix:eadb={0}/private/eadb.tdb".format(directory), "interfaces=lo", "bind interfaces only=yes")
    command += ["--targetdir=" + str(directory), *("--option=" + option for option in options)]
    done = subprocess.run(command, check=False, capture_output=True, env=dict(processes.bare_environment()), timeout=600)
    if done.returncode != 0:
        raise ServerUnavailable("samba-tool ended with status {0}".format(done.returncode))
    Authority(directory).issue("dc", (ADDRESS, LOOPBACK, "dc1." + REALM.lower()))
    (directory / "run.conf").write_text(SETTINGS.format(**names), encoding="ascii")
    (directory / "krb5.conf").write_text(CLIENT.format(**names), encoding="ascii")


def _start(directory: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [str(find_program("samba")), "-F", "--no-process-group", "-s", str(directory / "run.conf")]
    process = processes.start(command, account=Account(), log=log, directory=directory)
    try:
        processes.wait_until(_listens, process=process)
    except BaseException:
        processes.stop(process)
        raise
    return process


def _listens() -> bool:
    import socket

    for port in (636, 88):
        with socket.socket() as probe:
            if probe.connect_ex((ADDRESS, port)) != 0:
                return False
    return True


def _read_version() -> str:
    printed = subprocess.run([str(find_program("samba")), "-V"], check=False, capture_output=True, text=True).stdout
    found = re.search(r"Version ([\d.]+)", printed)
    return found.group(1) if found else "?"
