# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The users of a MongoDB, in this process: no MongoDB can be installed from a package registry.

It speaks MongoDB's wire protocol (OP_QUERY for the first hello, then OP_MSG), verifies SCRAM-SHA-256 (RFC 5802, RFC 7677) on each
connection, and answers hello, ping, connectionStatus, usersInfo and updateUser as MongoDB's manual says. It has one standalone server, no
TLS, no replica set, no SCRAM-SHA-1, no collections, no roles beyond a list of privileges, no cache of users. A command that it does not
model is answered with code 59 (CommandNotFound).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import secrets
import socketserver
import struct
import threading
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from tests.servers.processes import LOOPBACK

SUPERUSER = "tester"
ITERATIONS = 4096
_HEADER = struct.Struct("<iiii")
_QUERY, _REPLY, _MESSAGE = 2004, 1, 2013
EVERYTHING = [{"resource": {"anyResource": True}, "actions": ["anyAction"]}]
PASSWORDS = [{"resource": {"db": "", "collection": ""}, "actions": ["viewUser", "changePassword"]}]


@dataclass
class User:
    """A user of a database, and the SCRAM-SHA-256 verifier of its password."""

    privileges: List[Mapping[str, Any]]
    salt: bytes = b""
    stored: bytes = b""
    server: bytes = b""

    def set_password(self, password: str) -> None:
        """Replace the password."""
        self.salt = os.urandom(28)
        salted = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8"), self.salt, ITERATIONS)
        self.stored = hashlib.sha256(_sign(salted, b"Client Key")).digest()
        self.server = _sign(salted, b"Server Key")


@dataclass
class Conversation:
    """What a connection has said to log in."""

    name: Tuple[str, str] = ("", "")
    first: str = ""
    challenge: str = ""


class Failure(Exception):
    """An error that the server answers with a code."""

    def __init__(self, code: int, name: str, text: str) -> None:
        super().__init__(name)
        self.answer = {"ok": 0.0, "code": code, "codeName": name, "errmsg": text}


@dataclass
class Server:
    """A running one. `users` by database and name; `fails_with` is a code with which updateUser fails; `changes` counts what it did."""

    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    users: Dict[Tuple[str, str], User] = field(default_factory=dict)
    fails_with: int = 0
    changes: int = 0
    user: str = SUPERUSER
    host: str = LOOPBACK
    port: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return "mongodb://{0}:{1}".format(self.host, self.port)

    def put(self, name: str, password: str, privileges: Optional[List[Mapping[str, Any]]] = None, database: str = "admin") -> None:
        """Make a user, or replace its password; its privileges stay unless some are given."""
        found = self.users.setdefault((database, name), User([]))
        found.privileges = found.privileges if privileges is None else privileges
        found.set_password(password)

    def accepts(self, name: str, password: str, database: str = "admin") -> bool:
        """Whether a login is let in, by the verifier."""
        found = self.users.get((database, name))
        if found is None:
            return False
        salted = hashlib.pbkdf2_hmac("sha256", password.encode("utf-8"), found.salt, ITERATIONS)
        return hmac.compare_digest(hashlib.sha256(_sign(salted, b"Client Key")).digest(), found.stored)


class _Handler(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self) -> None:
        import bson

        self.login: Optional[Tuple[str, str]] = None
        self.conversation = Conversation()
        with contextlib.suppress(OSError, EOFError):
            while True:
                length, number, _answered, code = _HEADER.unpack(self._read(_HEADER.size))
                content = self._read(length - _HEADER.size)
                if code == _QUERY:
                    start = content.index(b"\0", 4) + 9
                    reply = struct.pack("<iqii", 8, 0, 0, 1) + bson.encode(self._answer(bson.decode(content[start:])))
                    self._write(number, _REPLY, reply)
                elif code == _MESSAGE:
                    self._write(number, _MESSAGE, struct.pack("<IB", 0, 0) + bson.encode(self._answer(bson.decode(content[5:]))))
                else:
                    return

    def _read(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            chunk = self.request.recv(size - len(content))
            if not chunk:
                raise EOFError
            content += chunk
        return content

    def _write(self, number: int, code: int, content: bytes) -> None:
        self.request.sendall(_HEADER.pack(_HEADER.size + len(content), 0, number, code) + content)

    @property
    def _owner(self) -> Server:
        owner: Server = self.server.owner  # type: ignore[attr-defined]
        return owner

    def _answer(self, command: Dict[str, Any]) -> Dict[str, Any]:
        name = next(iter(command))
        method = getattr(self, "_do_{0}".format(name.lower()), None)
        try:
            if method is None:
                raise Failure(59, "CommandNotFound", "no such command")
            return {**method(command), "ok": 1.0}
        except Failure as failure:
            return failure.answer

    def _do_hello(self, command: Dict[str, Any]) -> Dict[str, Any]:
        limits = {"maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000}
        kind = {"helloOk": True, "isWritablePrimary": True, "ismaster": True, "minWireVersion": 0, "maxWireVersion": 21}
        mechanisms = {"saslSupportedMechs": ["SCRAM-SHA-256"]} if "saslSupportedMechs" in command else {}
        return {**kind, **limits, **mechanisms}

    _do_ismaster = _do_hello

    def _do_saslstart(self, command: Dict[str, Any]) -> Dict[str, Any]:
        if command["mechanism"] != "SCRAM-SHA-256":
            raise Failure(334, "MechanismUnavailable", "mechanism is not supported")
        self.skips = bool((command.get("options") or {}).get("skipEmptyExchange"))
        first = bytes(command["payload"]).decode("utf-8")[3:]
        parts = dict(part.split("=", 1) for part in first.split(","))
        name = parts["n"].replace("=2C", ",").replace("=3D", "=")
        # To an unknown user the server shows a salt, too, and refuses it in the end.
        found = self._owner.users.get((command["$db"], name)) or User([], os.urandom(28), os.urandom(32), os.urandom(32))
        challenge = "r={0}{1},s={2},i={3}".format(parts["r"], secrets.token_urlsafe(18), base64.b64encode(found.salt).decode(), ITERATIONS)
        self.conversation, self.found = Conversation((command["$db"], name), first, challenge), found
        return {"conversationId": 1, "done": False, "payload": challenge.encode("utf-8")}

    def _do_saslcontinue(self, command: Dict[str, Any]) -> Dict[str, Any]:
        payload = bytes(command["payload"]).decode("utf-8")
        if not payload:
            return {"conversationId": 1, "done": True, "payload": b""}
        without_proof, _comma, proof = payload.rpartition(",p=")
        message = ",".join((self.conversation.first, self.conversation.challenge, without_proof)).encode("utf-8")
        key = bytes(one ^ other for one, other in zip(base64.b64decode(proof), _sign(self.found.stored, message)))
        is_same_nonce = without_proof.partition("r=")[2] == self.conversation.challenge[2:].partition(",")[0]
        if not is_same_nonce or not hmac.compare_digest(hashlib.sha256(key).digest(), self.found.stored):
            raise Failure(18, "AuthenticationFailed", "Authentication failed.")
        self.login = self.conversation.name
        final = "v=" + base64.b64encode(_sign(self.found.server, message)).decode("ascii")
        return {"conversationId": 1, "done": self.skips, "payload": final.encode("ascii")}

    def _do_ping(self, command: Dict[str, Any]) -> Dict[str, Any]:
        return {}

    def _do_endsessions(self, command: Dict[str, Any]) -> Dict[str, Any]:
        return {}

    def _do_connectionstatus(self, command: Dict[str, Any]) -> Dict[str, Any]:
        return {"authInfo": {"authenticatedUsers": [], "authenticatedUserPrivileges": self._privileges()}}

    def _do_usersinfo(self, command: Dict[str, Any]) -> Dict[str, Any]:
        wanted = (command["usersInfo"]["db"], command["usersInfo"]["user"])
        if wanted != self.login:
            self._check_right("viewUser", wanted[0])
        return {"users": [{"user": wanted[1], "db": wanted[0], "roles": []}] if wanted in self._owner.users else []}

    def _do_updateuser(self, command: Dict[str, Any]) -> Dict[str, Any]:
        name = (command["$db"], command["updateUser"])
        self._check_right("changeOwnPassword" if name == self.login else "changePassword", name[0])
        if self._owner.fails_with:
            raise Failure(self._owner.fails_with, "Planted", "a code of the test")
        if name not in self._owner.users:
            raise Failure(11, "UserNotFound", "User not found")
        self._owner.users[name].set_password(command["pwd"])
        self._owner.changes += 1
        return {}

    def _privileges(self) -> List[Mapping[str, Any]]:
        return self._owner.users[self.login].privileges if self.login in self._owner.users else []

    def _check_right(self, action: str, database: str) -> None:
        for each in self._privileges():
            resource = each["resource"]
            if (resource.get("anyResource") or resource.get("db") in ("", database)) and {action, "anyAction"} & set(each["actions"]):
                return
        raise Failure(13, "Unauthorized", "not authorized")


def _sign(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, "sha256").digest()


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Start one, and end it."""
    owner = Server()
    owner.put(owner.user, owner.password, EVERYTHING)
    with _Listener((LOOPBACK, 0), _Handler) as listener:
        listener.owner = owner  # type: ignore[attr-defined]
        owner.port = listener.server_address[1]
        serving = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        try:
            yield owner
        finally:
            listener.shutdown()
            serving.join()
