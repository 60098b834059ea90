# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One server of Redis or Valkey and its ACL users, by the library `redis`. Passwords are added and dropped by their SHA-256."""

from __future__ import annotations

import hashlib
import ssl
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.locks.redis_server import Address, closing_after, open_client
from ansible_collections.nebula.credential.plugins.module_utils.network.exception_chain import (
    chain_contains,
    exception_chain,
    why_unreachable,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import steps

RESPONSE = 5.0
"""The most seconds for connecting, and for each response."""

ACL_FILE, CONFIG, NOWHERE = "acl_file", "config", "nowhere"
_SAVE: Mapping[str, Tuple[str, ...]] = {ACL_FILE: ("ACL", "SAVE"), CONFIG: ("CONFIG", "REWRITE"), NOWHERE: ()}

REFUSED_LOGIN, UNREACHABLE, NO_RIGHT, LATE, REFUSED = "refused_login", "unreachable", "no_right", "late", "refused"


class NodeProblem(Exception):
    """A request that failed: what kind of failure it is, and in words of ours why."""

    def __init__(self, kind: str, why: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.why = why


class User(NamedTuple):
    """An ACL user: whether it may log in, whether it takes any password, and the SHA-256 of each password that it takes."""

    is_on: bool
    takes_anything: bool
    hashes: Tuple[str, ...]


class Node:
    """One connection to one server. Every method raises `NodeProblem`, and no other error of the library or of the system."""

    def __init__(self, address: Address, needed_by: str, seconds: float) -> None:
        """Set the server and the login, and the most seconds that all requests together may take. Open no connection.

        Raises:
            MissingLibrary: the package `redis` is not installed.
        """
        self._client = open_client(address, max(0.1, min(RESPONSE, seconds)), needed_by)
        self._seconds = max(0.1, seconds)

    @contextmanager
    def open(self) -> Iterator[Node]:
        """Close the connection at the end of the block, and when the time is over."""
        with closing_after(self._seconds, self._client):
            try:
                yield self
            finally:
                self._client.close()

    def log_in(self) -> None:
        """Log in. A user that may do nothing else is logged in, too."""
        try:
            self._request("PING")
        except NodeProblem as problem:
            if problem.kind != NO_RIGHT:
                raise

    def find_user(self, name: str) -> Optional[User]:
        """Return a user, or None if there is none."""
        found = self._request("ACL", "GETUSER", name)
        if not found:
            return None
        parts = found if isinstance(found, dict) else dict(zip(found[::2], found[1::2]))
        flags = {bytes(flag) for flag in parts[b"flags"]}
        return User(b"on" in flags, b"nopass" in flags, tuple(each.decode("ascii") for each in parts[b"passwords"]))

    def add(self, user: str, password: bytes) -> None:
        """Make the server accept a password as well as those that it accepts."""
        self._request("ACL", "SETUSER", user, "#" + build_hash(password))

    def drop(self, user: str, password: bytes) -> None:
        """Make the server refuse a password that it accepts."""
        self._request("ACL", "SETUSER", user, "!" + build_hash(password))

    def save(self, where: str) -> None:
        """Write the users where the server reads them when it starts."""
        if _SAVE[where]:
            self._request(*_SAVE[where])

    def may_run(self, login: str, command: Sequence[str]) -> bool:
        """Whether a login may run a command. True if the server cannot say so."""
        try:
            return bool(self._request("ACL", "DRYRUN", login, *command) == b"OK")
        except NodeProblem as problem:
            if problem.kind in (NO_RIGHT, REFUSED):
                return True
            raise

    def find_missing_right(self, login: str, user: str, where: str) -> str:
        """Return the command that a login needs and may not run. Empty if there is none, or if the server cannot say so."""
        needed = (("ACL", "SETUSER", user, "on"), _SAVE[where])
        return next((" ".join(command[:2]) for command in needed if command and not self.may_run(login, command)), "")

    def has_acl_file(self) -> bool:
        """Whether the server reads its users from a file. True if it does not say so."""
        try:
            found = self._request("CONFIG", "GET", "aclfile")
        except NodeProblem as problem:
            if problem.kind in (NO_RIGHT, REFUSED):
                return True
            raise
        values = list(found.values()) if isinstance(found, dict) else list(found[1::2])
        return values != [b""]

    def _request(self, *command: str) -> Any:
        from redis.exceptions import RedisError

        try:
            return self._client.execute_command(*command)
        except (RedisError, OSError, ValueError, AttributeError) as error:  # a connection that is closed during a receipt raises anything
            raise _describe(error) from None


def build_hash(password: bytes) -> str:
    """Return the SHA-256 of a password, in hexadecimal digits, as the server keeps it."""
    return hashlib.sha256(password).hexdigest()


def _describe(error: Exception) -> NodeProblem:
    """Return what an error of the library means. Its text is read here and is not passed on."""
    from redis import exceptions

    text = str(error)
    if isinstance(error, exceptions.AuthenticationError):
        is_wrong = "invalid username-password" in text or "invalid password" in text
        return NodeProblem(REFUSED_LOGIN if is_wrong else UNREACHABLE, "the server refuses the login")
    if isinstance(error, exceptions.NoPermissionError):
        return NodeProblem(NO_RIGHT, "the login may not run that command")
    if isinstance(error, exceptions.ResponseError):
        return NodeProblem(REFUSED, "the server refused the command")
    if chain_contains(exception_chain(error), ssl.SSLCertVerificationError):
        return NodeProblem(UNREACHABLE, "its certificate cannot be verified; name the CA that signed it in 'ca_cert'")
    if isinstance(error, exceptions.TimeoutError):
        return NodeProblem(LATE, "the server did not respond in time")
    return NodeProblem(UNREACHABLE, why_unreachable(exception_chain(error)))


def outcome_of_login(problem: NodeProblem) -> str:
    """Return the outcome of a probe that failed; unavailable if it is not certain."""
    return steps.REFUSED if problem.kind == REFUSED_LOGIN else steps.UNAVAILABLE


def outcome_of_change(problem: NodeProblem) -> str:
    """Return the outcome of a change that failed; unknown if it is not certain."""
    return steps.REFUSED if problem.kind in (NO_RIGHT, REFUSED) else steps.UNKNOWN
