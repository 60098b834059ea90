# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands to a MongoDB with one login, by the library `pymongo`, bounded in time and never repeated."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary, Package, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps

PACKAGE = Package("pymongo>=4.9", "pymongo")
CONNECT, LIMIT = 10.0, 25.0
"""The most seconds until a login is done, and for all commands of a step together."""

WRONG_LOGIN, UNREACHABLE, REFUSED, UNKNOWN = "wrong_login", "unreachable", "refused", "unknown"
_NO_USER, _NOT_ALLOWED, _AUTHENTICATION_FAILED = 11, 13, 18
_UNANSWERED = frozenset((50, 64, 89, 91, 189, 10107, 11600, 11602, 13435, 13436))
"""The server stopped, lost its place as primary, or ended the command in time: it may have made the change. Others are its answer."""
_REASONS: Mapping[int, str] = {
    _NO_USER: "the server has no such user",
    _NOT_ALLOWED: "the login lacks a right",
    _AUTHENTICATION_FAILED: "the server refuses the login",
}


class MongoProblem(Exception):
    """A command that failed: what kind of failure it is, the server's code (0 without one), and in words of ours why."""

    def __init__(self, kind: str, why: str, code: int = 0) -> None:
        super().__init__(kind)
        self.kind = kind
        self.why = why
        self.code = code


class MongoLogin(NamedTuple):
    """A server and a login there."""

    url: str
    username: str
    password: str
    database: str
    tls: bool
    ca_cert: Optional[str]
    client_cert: Optional[str]


class Mongo:
    """A connection. Every method raises `MongoProblem`, and no other error of the library."""

    def __init__(self, client: Any, seconds: float) -> None:
        """Set the library's client, and the most seconds for all commands together."""
        self._client = client
        self._ends_at = time.monotonic() + seconds

    def log_in(self) -> None:
        """Log in. Nothing has been sent to change anything if this fails."""
        self._run("admin", {"ping": 1}, CONNECT)

    def find_user(self, user: str, database: str) -> Optional[Dict[str, Any]]:
        """Return a user, or None if there is none."""
        found: List[Dict[str, Any]] = self._run(database, {"usersInfo": {"user": user, "db": database}}).get("users") or []
        return found[0] if found else None

    def may_change(self, database: str, *, own: bool) -> bool:
        """Whether the login may change passwords of a database. True if the server does not say what it may."""
        status = self._run("admin", {"connectionStatus": 1, "showPrivileges": True})
        granted = (status.get("authInfo") or {}).get("authenticatedUserPrivileges")
        wanted = {"changePassword", "anyAction"} | ({"changeOwnPassword"} if own else set())
        return granted is None or any(_covers(each["resource"], database) and wanted & set(each["actions"]) for each in granted)

    def change_password(self, user: str, database: str, password: str) -> None:
        """Replace a user's password, on most members of a replica set before the server responds."""
        self._run(database, {"updateUser": user, "pwd": password, "writeConcern": {"w": "majority", "wtimeout": 15000}})

    def _run(self, database: str, command: Dict[str, Any], seconds: float = LIMIT) -> Dict[str, Any]:
        from pymongo import timeout
        from pymongo.errors import PyMongoError

        left = min(seconds, self._ends_at - time.monotonic())
        try:
            with timeout(max(0.1, left)):
                return dict(self._client[database].command(command))
        except (PyMongoError, OSError, ValueError) as error:
            raise _describe(error) from None


@contextmanager
def connect(login: MongoLogin, seconds: float) -> Iterator[Mongo]:
    """Yield a connection with one login, which is closed at the end.

    Args:
        login: the server and the login.
        seconds: the most seconds for all commands together, and `LIMIT` at most.

    Raises:
        MissingLibrary: the package `pymongo` is not installed.
        MongoProblem: the address or the certificates cannot be used.
    """
    try:
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError
    except ImportError:
        what = "the Python package 'pymongo' is needed for the target"
        raise MissingLibrary(what, remedy="Run: {0}".format(pip_install(PACKAGE))) from None
    bound = max(0.1, min(LIMIT, seconds))
    options: Dict[str, Any] = {
        "username": login.username,
        "password": login.password,
        "authSource": login.database,
        "retryReads": False,
        "retryWrites": False,
        "maxPoolSize": 1,
    }
    if login.tls:
        options.update({"tls": True, "tlsCAFile": login.ca_cert, "tlsCertificateKeyFile": login.client_cert})
    try:
        client: Any = MongoClient(login.url, **{name: value for name, value in options.items() if value is not None})
    except (PyMongoError, OSError, ValueError):
        raise MongoProblem(UNREACHABLE, "the address or a certificate cannot be used") from None
    try:
        yield Mongo(client, bound)
    finally:
        client.close()


def _covers(resource: Mapping[str, Any], database: str) -> bool:
    return bool(resource.get("anyResource")) or (resource.get("collection") == "" and resource.get("db") in ("", database))


def _describe(error: Exception) -> MongoProblem:
    """Return what an error of the library means. Its text is not read."""
    from pymongo import errors

    if isinstance(error, errors.OperationFailure):
        code = error.code or 0
        why = _REASONS.get(code, "the server refused the command (code {0})".format(code))
        if code == _AUTHENTICATION_FAILED:
            return MongoProblem(WRONG_LOGIN, why, code)
        return MongoProblem(UNKNOWN if code in _UNANSWERED or not code else REFUSED, why, code)
    if isinstance(error, errors.ServerSelectionTimeoutError):
        return MongoProblem(UNREACHABLE, "no server that takes changes can be reached")
    return MongoProblem(UNKNOWN, "the connection ended before the server responded")


def outcome_of_login(problem: MongoProblem) -> str:
    """Return the outcome of a probe that failed; unavailable if it is not certain."""
    return steps.REFUSED if problem.kind == WRONG_LOGIN else steps.UNAVAILABLE


def outcome_of_change(problem: MongoProblem) -> str:
    """Return the outcome of a change that failed; unknown if it is not certain."""
    return {REFUSED: steps.REFUSED, UNREACHABLE: steps.UNAVAILABLE}.get(problem.kind, steps.UNKNOWN)
