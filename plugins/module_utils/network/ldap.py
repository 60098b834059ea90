# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to an LDAP server by bonsai, each connection in a process of its own, which ends within the time that is left.

libldap waits for the handshake of TLS, and for a name server, without a limit that bonsai can set; a process can be ended. Neither
ldap.conf nor variables of the environment count there (LDAPNOINIT): they could turn off the check of certificates.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.context.process import TooSlow, run_python
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, Package, check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret

BONSAI = Package("bonsai >= 1.5.3", "bonsai", when="the connections of LDAP")
SIMPLE = "simple"
ADD, DELETE, REPLACE = 0, 1, 2
"""What a change does with the values of an attribute."""
AT_LOGIN = -1

INVALID_CREDENTIALS, INSUFFICIENT_ACCESS, NO_SUCH_OBJECT = 0x31, 0x32, 0x20
CONSTRAINT_VIOLATION, UNWILLING, NO_SUCH_ATTRIBUTE = 0x13, 0x35, 0x10
REFERRAL = 0x0A
NO_SUCH_MECHANISM = (0x07, -6)
NEEDS_TLS = (0x08, 0x0D)
BUSY = (0x33, 0x34)
UNREACHED = (-1, -11)
TIMED_OUT = -5
"""Codes of a result: of RFC 4511 section 4.1.9, and below zero those of libldap."""

_AUTHORITIES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")
# Data of Active Directory is in its message: "AcceptSecurityContext error, data 52e". Only such codes leave the process.
_MEMORY = 512 * 1024 * 1024
"""Bytes that the process of a connection may have."""
_PROGRAM = r"""
import base64, json, re, resource, signal, sys, tempfile

given = json.load(sys.stdin)
# What a server sends as one message is kept whole, and who started this may be killed while a server is silent.
resource.setrlimit(resource.RLIMIT_AS, (given["memory"], given["memory"]))
signal.alarm(int(given["seconds"]) + 2)
sys.path[:] = given["path"]
import bonsai

def open_connection():
    client = bonsai.LDAPClient(given["url"], given["start_tls"])
    client.set_cert_policy("demand")
    client.set_ignore_referrals(True)
    client.set_auto_page_acquire(False)
    authorities = given["ca_file"]
    if given["ca_data"]:
        file = tempfile.TemporaryFile("wb", buffering=0)
        file.write(given["ca_data"].encode())
        authorities = "/dev/fd/{}".format(file.fileno())
    if authorities:
        client.set_ca_cert(authorities)
    login = given["login"]
    if login:
        client.set_credentials(login["mechanism"], login["user"], login["password"], login["realm"], None)
    return client.connect(timeout=given["seconds"])

def decode(value):
    return base64.b64decode(value) if isinstance(value, str) else value

def encode(value):
    return base64.b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()

def search(connection, act):
    scope = bonsai.LDAPSearchScope.SUB if act["subtree"] else bonsai.LDAPSearchScope.BASE
    limits = dict(timeout=given["seconds"], sizelimit=act["most"])
    found = connection.search(act["base"], scope, act["filter"], act["attributes"], **limits)
    return [[str(entry.dn), {name: [encode(each) for each in entry[name]] for name in entry if name != "dn"}] for entry in found]

def modify(connection, act):
    entry = bonsai.LDAPEntry(act["dn"], connection)
    for name, kind, values in act["changes"]:
        entry.change_attribute(name, kind, *map(decode, values))
    entry.modify(given["seconds"])

def set_password(connection, act):
    connection.modify_password(act["dn"], act["new"], act["old"], given["seconds"])

at = -1
done, problem = [], None
try:
    connection = open_connection()
    for at, act in enumerate(given["acts"]):
        done.append({"search": search, "modify": modify, "set_password": set_password}[act["do"]](connection, act))
except bonsai.LDAPError as error:
    data = re.search(r"data ([0-9a-f]{3,4})\b", str(error))
    reason = re.search(r"(?:^|[ (])(0000[0-9A-Fa-f]{4})\b", str(error))
    problem = {"code": error.code, "data": data.group(1) if data else "", "reason": reason.group(1).upper() if reason else ""}
json.dump({"done": done, "at": at, "problem": problem}, sys.stdout)
"""


class Server(NamedTuple):
    """An LDAP server.

    Attributes:
        url: `ldaps://host[:port]` or `ldap://host[:port]`.
        start_tls: whether the connection is encrypted by StartTLS before anything else is sent. False for `ldaps`.
        ca_data: the authorities of its certificate as PEM text; None for those of the system.
    """

    url: str
    start_tls: bool
    ca_data: Optional[str] = None


class Login(NamedTuple):
    """Who logs in.

    Attributes:
        user: a distinguished name, or for SASL and Active Directory another name.
        password: never empty.
        mechanism: `simple`, or the name of a mechanism of SASL.
        realm: of DIGEST-MD5.
    """

    user: str
    password: Secret
    mechanism: str = SIMPLE
    realm: Optional[str] = None


class Problem(NamedTuple):
    """Why the requests ended early.

    Attributes:
        code: one of this module's codes, or another one of RFC 4511.
        at: the number of the request that failed, from 0; `AT_LOGIN` if it is the connection or the login.
        data: what Active Directory says of a login, as hexadecimal digits: `52e` is a wrong password. Else empty.
        reason: what Active Directory says of a change, a number of Windows with eight digits. Else empty.
    """

    code: int
    at: int = AT_LOGIN
    data: str = ""
    reason: str = ""


class Answer(NamedTuple):
    """The results of the requests, in order, and why there are no more of them; None if all were made."""

    done: List[Any]
    problem: Optional[Problem] = None


Entry = Tuple[str, Dict[str, List[bytes]]]
Request = Mapping[str, Any]


def build_search(base: str, *, attributes: Sequence[str], filter_text: str = "(objectClass=*)", subtree: bool = False) -> Request:
    """Return a search for at most two entries. Its result is a list that `read_entries` reads."""
    return {"do": "search", "base": base, "filter": filter_text, "attributes": list(attributes), "subtree": subtree, "most": 2}


def build_change(dn: str, changes: Sequence[Tuple[str, int, bytes]]) -> Request:
    """Return a change of attributes: the name, `ADD`, `DELETE` or `REPLACE`, and the value of each."""
    return {"do": "modify", "dn": dn, "changes": [[name, kind, [_encode(value)]] for name, kind, value in changes]}


def build_removal(dn: str, name: str) -> Request:
    """Return a change that removes an attribute with all its values. Without the attribute, nothing changes."""
    return {"do": "modify", "dn": dn, "changes": [[name, REPLACE, []]]}


def build_new_password(dn: str, new: Secret, old: Optional[Secret] = None) -> Request:
    """Return the operation by which a directory sets a password (RFC 3062); the server hashes it. An empty one is refused."""
    _check_password(new)
    return {"do": "set_password", "dn": dn, "new": _text(new), "old": None if old is None else _text(old)}


def read_entries(result: Any) -> List[Entry]:
    """Return the entries of a search: their distinguished names, and the values of their attributes."""
    return [(dn, {name: [base64.b64decode(value) for value in values] for name, values in found.items()}) for dn, found in result]


def send(server: Server, login: Optional[Login], requests: Sequence[Request], seconds: float) -> Answer:
    """Open a connection, log in, send requests one after the other, and close it. No error says what the server wrote.

    Args:
        server: where they are sent.
        login: None for an anonymous connection.
        requests: the first that fails is the last.
        seconds: how long all of it may take. After that the connection is cut, and what was sent may have been carried out.

    Raises:
        InvalidInput: the password is empty. It would be an anonymous login (RFC 4513 section 5.1.2), and is never sent.
        MissingLibrary: bonsai is not installed.
        Unavailable: the system cannot start another process.
    """
    if login is not None:
        _check_password(login.password)
    check_packages((BONSAI,))
    given = {
        "path": sys.path,
        "url": server.url,
        "start_tls": server.start_tls,
        "ca_data": server.ca_data,
        "ca_file": next(filter(os.path.isfile, _AUTHORITIES), None),
        "login": login and {**login._asdict(), "password": _text(login.password), "mechanism": login.mechanism.upper()},
        "acts": list(requests),
        "seconds": seconds,
        "memory": _MEMORY,
    }
    try:
        finished = run_python(_PROGRAM, given, {"LDAPNOINIT": "1"}, seconds, "-S")
    except TooSlow:
        return Answer([], Problem(TIMED_OUT, len(requests) - 1))
    return _read_answer(finished.output, len(requests))


def _read_answer(output: bytes, requests: int) -> Answer:
    try:
        found = json.loads(output)
    except ValueError:
        # The library ended the process. It may have sent everything before that.
        return Answer([], Problem(TIMED_OUT, requests - 1))
    problem = found["problem"]
    return Answer(found["done"], None if problem is None else Problem(problem["code"], found["at"], problem["data"], problem["reason"]))


def _check_password(password: Secret) -> None:
    if not password.expose():
        what = "the password is empty: a directory takes that for an anonymous login"
        raise InvalidInput(what, option="password", remedy="Give the password of the account.")


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _text(value: Secret) -> str:
    return value.expose().decode("utf-8")
