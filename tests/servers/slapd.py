# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real slapd (OpenLDAP) on 127.0.0.1 and random ports, with StartTLS, LDAPS and SASL.

As a library: `with running() as server: …`. By hand or from a playbook:
`python -m tests.servers.slapd start --state FILE` and `… stop --state FILE` (see keeper.py).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Sequence

from tests.servers import keeper, processes
from tests.servers.certificates import Authority
from tests.servers.processes import LOOPBACK, Account, PasswordServer, ServerUnavailable

SUFFIX = "dc=example,dc=test"
PEOPLE = "ou=people," + SUFFIX
ADMIN = "cn=admin," + SUFFIX
SCHEMAS, OVERLAYS = Path("/etc/ldap/schema"), Path("/usr/lib/ldap")
# Names of SASL are those of people. A password that SASL is to use is kept as it is, not hashed.
SETTINGS = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
modulepath {overlays}
moduleload back_mdb
moduleload ppolicy
pidfile {directory}/slapd.pid
argsfile {directory}/slapd.args
TLSCACertificateFile {directory}/ca.pem
TLSCertificateFile {directory}/slapd.pem
TLSCertificateKeyFile {directory}/slapd.key
TLSProtocolMin 3.3
security simple_bind={strength}
sasl-host localhost
sasl-secprops noanonymous
authz-regexp uid=([^,]+),cn=[^,]+,cn=auth uid=$1,{people}
authz-regexp uid=([^,]+),cn=[^,]+,cn=[^,]+,cn=auth uid=$1,{people}
database mdb
maxsize 16777216
dbnosync
suffix "{suffix}"
rootdn "{admin}"
rootpw {hashed}
directory {directory}/data
overlay ppolicy
ppolicy_default "cn=policy,{suffix}"
access to attrs=userPassword by self write by anonymous auth by * none
access to * by self write by users read by * auth
"""
SASL_SETTINGS = """pwcheck_method: auxprop
auxprop_plugin: slapd
"""
CONTENT = """dn: {suffix}
objectClass: dcObject
objectClass: organization
o: example
dc: example

dn: {people}
objectClass: organizationalUnit
ou: people

dn: cn=policy,{suffix}
objectClass: device
objectClass: pwdPolicy
cn: policy
pwdAttribute: userPassword
pwdMinLength: 8
pwdCheckQuality: 2
pwdSafeModify: FALSE
"""
_LISTENED = re.compile(rb"slapd starting")


@dataclass(frozen=True)
class Server(PasswordServer):
    """A running server. The password is the administrator's. `log` has a line for each connection, login and request."""

    user: str = ADMIN
    tls_port: int = 0

    @property
    def url(self) -> str:
        """The address for StartTLS, and for connections without it."""
        return "ldap://{0}:{1}".format(self.host, self.port)

    @property
    def ldaps_url(self) -> str:
        """The address for LDAPS."""
        return "ldaps://{0}:{1}".format(self.host, self.tls_port)

    @property
    def ca_cert(self) -> str:
        """The authority of its certificate, as PEM text."""
        return self.log.with_name("ca.pem").read_text(encoding="ascii")

    def described(self) -> Dict[str, Any]:
        """As JSON takes it."""
        return {**super().described(), "tls_port": self.tls_port, "ca_cert": self.ca_cert}

    def connect(self, user: str = ADMIN, password: Optional[str] = None) -> Any:
        """A connection of ldap3, a client that the collection does not use: as the administrator unless told otherwise."""
        import ssl

        import ldap3

        tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_data=self.ca_cert)
        there = ldap3.Server(self.host, port=self.tls_port, use_ssl=True, tls=tls, connect_timeout=60)
        connection = ldap3.Connection(there, user, password or self.password, receive_timeout=60)
        connection.bind()
        return connection

    def accepts(self, user: str, password: str) -> bool:
        """Whether a fresh connection with that password is let in."""
        connection = self.connect(user, password)
        try:
            return bool(connection.bound)
        finally:
            connection.unbind()

    def add_person(self, uid: str, password: str, *, plain: bool = False, **attributes: str) -> str:
        """Add a person and return its distinguished name. `plain` keeps the password as it is, for SASL."""
        from ldap3.utils.dn import escape_rdn

        dn = "uid={0},{1}".format(escape_rdn(uid), PEOPLE)
        stored = password.encode() if plain else hash_password(password).encode()
        connection = self.connect()
        try:
            values = {"cn": uid, "sn": uid, **attributes, "userPassword": stored}
            if not connection.add(dn, "inetOrgPerson", values):
                raise RuntimeError(connection.result["description"])
        finally:
            connection.unbind()
        return dn

    def set_attribute(self, dn: str, name: str, *values: str) -> None:
        """Replace an attribute's values as the administrator; without any, remove it."""
        import ldap3

        connection = self.connect()
        try:
            if not connection.modify(dn, {name: [(ldap3.MODIFY_REPLACE, list(values))]}):
                raise RuntimeError(connection.result["description"])
        finally:
            connection.unbind()

    def set_password(self, dn: str, password: str) -> None:
        """Set a password as the administrator."""
        self.set_attribute(dn, "userPassword", hash_password(password))

    def remove(self, dn: str) -> None:
        """Remove an entry."""
        connection = self.connect()
        connection.delete(dn)
        connection.unbind()

    def count(self, word: str) -> int:
        """How often a word is in the log."""
        return self.log.read_text(encoding="utf-8", errors="replace").count(word)


def hash_password(password: str) -> str:
    """The form in which a directory keeps a password: SSHA."""
    salt = secrets.token_bytes(8)
    return "{SSHA}" + base64.b64encode(hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest() + salt).decode("ascii")


def find_program(name: str = "slapd") -> Path:
    """The program: on PATH, where Debian keeps it, or in the cache directory.

    Raises:
        ServerUnavailable: there is none.
    """
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", os.environ.get("NEBULA_TEST_SERVERS", "")))
    found = shutil.which(name, path=places)
    if found is None or not SCHEMAS.is_dir():
        raise ServerUnavailable("no slapd on this machine. Install it with: apt-get install slapd")
    return Path(found)


@contextlib.contextmanager
def running(strength: int = 0) -> Iterator[Server]:
    """Start a server, hand it out, and end it.

    Args:
        strength: how many bits of encryption a simple login needs.

    Raises:
        ServerUnavailable: there is none, or it did not start; its log is kept and named.
    """
    account = processes.unprivileged_account()
    with processes.private_directory("slapd", account) as directory:
        log = directory / "server.log"
        began, password = time.monotonic(), secrets.token_urlsafe(24)
        try:
            _initialise(directory, log, account, password, strength)
            server = Server(processes.free_port(), password, log, _read_version(), 0.0, 0, tls_port=processes.free_port())
            process, server = _start(server, account, began)
        except ServerUnavailable as error:
            raise ServerUnavailable("slapd did not start: {0}. Its log: {1}".format(error, processes.keep_log(log))) from None
        with processes.ended_with(process, log):
            yield server


@contextlib.contextmanager
def again(server: Server) -> Iterator[Server]:
    """Start a server that was ended once more: with its data, on its ports."""
    process, started = _start(server, processes.unprivileged_account(), time.monotonic())
    try:
        yield started
    finally:
        processes.stop(process)


def _start(server: Server, account: Account, began: float) -> tuple[subprocess.Popen[bytes], Server]:
    directory = server.log.parent
    # 256 is a line for each connection and request. What is sent with them is not written.
    command = [
        str(find_program()),
        "-f",
        str(directory / "slapd.conf"),
        "-h",
        "{0}/ {1}/".format(server.url, server.ldaps_url),
        "-d",
        "256",
    ]
    environment = {"SASL_CONF_PATH": str(directory / "sasl")}
    process = processes.start(command, account=account, log=server.log, directory=directory, environment=environment)
    try:
        processes.wait_until(lambda: _is_ready(server), process=process)
    except BaseException:
        processes.stop(process)
        raise
    return process, replace(server, started_in=time.monotonic() - began, pid=process.pid)


def _is_ready(server: Server) -> bool:
    if not _LISTENED.search(server.log.read_bytes()):
        return False
    from ldap3.core.exceptions import LDAPException

    try:
        return server.accepts(server.user, server.password)
    except LDAPException:
        return False


def _initialise(directory: Path, log: Path, account: Account, password: str, strength: int) -> None:
    Authority(directory).issue("slapd", (LOOPBACK, "localhost"))
    for name in ("ca.pem", "slapd.pem", "slapd.key"):
        if account.uid is not None and account.gid is not None:
            os.chown(directory / name, account.uid, account.gid)
    for name in ("data", "sasl"):
        (directory / name).mkdir(mode=0o700)
        if account.uid is not None and account.gid is not None:
            os.chown(directory / name, account.uid, account.gid)
    processes.private_file(directory / "sasl" / "slapd.conf", SASL_SETTINGS, account)
    names = {"schemas": SCHEMAS, "overlays": OVERLAYS, "directory": directory, "suffix": SUFFIX, "people": PEOPLE, "admin": ADMIN}
    settings = SETTINGS.format(**names, hashed=hash_password(password), strength=strength)
    configuration = processes.private_file(directory / "slapd.conf", settings, account)
    content = processes.private_file(directory / "first.ldif", CONTENT.format(**names), account)
    # slapadd is slapd by another name.
    command = [str(find_program("slapadd")), "-q", "-f", str(configuration), "-l", str(content)]
    adding = processes.start(command, account=account, log=log, directory=directory)
    try:
        if adding.wait(300) != 0:
            raise ServerUnavailable("slapadd ended with status {0}".format(adding.returncode))
    finally:
        processes.stop(adding)


def _read_version() -> str:
    printed = subprocess.run([str(find_program()), "-VV"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr
    found = re.search(rb"slapd ([\d.]+)", printed)
    return found.group(1).decode("ascii") if found else "?"


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command line: start, stop."""
    return keeper.main("tests.servers.slapd", running, arguments)


if __name__ == "__main__":
    sys.exit(main())
