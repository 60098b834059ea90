# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests for any path of the server, by the login of a store: what is refused, what may be kept, what is given back at the end."""

from __future__ import annotations

import re
import threading
import time
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, NamedTuple, NoReturn, Optional, Tuple
from urllib.parse import quote, urlencode

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection, Reply
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.errors import NO_ROUTE, Answer
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.lease import read_life
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import Location
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.options import DYNAMIC_ENGINE
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import DELETE, LIST, READ, WRITE, PathRequest

CLOSING = 3.0
"""Seconds for which leases and tokens are given back when the store is closed. What is left ends by itself."""
KEPT_AT_MOST = 256
"""Responses that are kept at once; the oldest is dropped first."""
GIVEN_BACK_AT_MOST = 4096
"""Leases and tokens of a configured login that are remembered; the server ends what is beyond."""
_METHODS: Mapping[str, Tuple[str, str]] = {
    READ: ("GET", "read"),
    LIST: ("LIST", "list"),
    WRITE: ("POST", "update"),
    DELETE: ("DELETE", "delete"),
}
"""The HTTP method of each kind of request, and the capability that a policy must allow."""
_WRONG = re.compile(r"[%?#\\]|(?:\A|/)\.\.?(?:/|\Z)|//")
_VERB_IN_QUERY = ("list", "scan")
_OF_OTHERS = re.compile(r"(?:\A|/)(?:auth/token/renew|sys/(?:leases/)?renew|sys/wrapping/unwrap)")
"""Where the response names a lease or a token that the request did not get: it is prolonged, or another one wrapped it."""
UNWRAPPING = "sys/wrapping/unwrap"
_WRAP = "X-Vault-Wrap-TTL"
now = time.monotonic


class _Kept(NamedTuple):
    body: Mapping[str, Any]
    since: float
    ends: float
    login: int


class PathRequester:
    """Makes the requests of one store. Threads may share it."""

    def __init__(self, connection: Connection, settings: Mapping[str, Any], context: BackendContext) -> None:
        """Take the connection of the store, its options and its surroundings. Sends nothing."""
        self._connection = connection
        self._context = context
        self._credentials = None if settings.get("engine") == DYNAMIC_ENGINE else Location.of(settings)
        self._kv_version = settings.get("kv_version")
        self._revokes = settings.get("revoke_on_close") is not False
        self._lock = threading.Lock()
        self._flying: Dict[Tuple[Any, ...], threading.Lock] = {}
        self._kept: Dict[Tuple[Any, ...], _Kept] = {}
        self._given: List[Tuple[str, str, str]] = []
        self._writes = 0

    def send(self, request: PathRequest) -> Mapping[str, Any]:
        """Make a request (`PathRequests.request_path`)."""
        path = self._check_path(request)
        if request.writing:
            return self._write(request, path)
        if not request.keep_for:
            return self._send(request, path)
        key = (request.kind, path, tuple(sorted(request.query.items())))
        with self._lock:
            if len(self._flying) > 2 * KEPT_AT_MOST:
                self._flying = {}  # Of requests that failed. At worst the same one is made twice.
            flying = self._flying.setdefault(key, threading.Lock())
        with deadline.hold(flying):  # Callers that want the same at the same time wait for one request.
            found = self._find_kept(key, request.keep_for)
            # A response counts from its request on: the server may have made it at once.
            since, writes = now(), self._writes
            return found if found is not None else self._keep(key, self._send(request, path), since, writes)

    def _write(self, request: PathRequest, path: str) -> Mapping[str, Any]:
        """Make a request that may change what was read: nothing that is kept, or on its way, may be used after it."""
        try:
            return self._send(request, path)
        finally:
            with self._lock:
                self._writes += 1
                self._kept.clear()

    def close(self) -> None:
        """Give back the leases and tokens that do not end with the login: those of a configured token. Failures become warnings."""
        given, self._given = self._given, []
        self._kept.clear()
        if not self._revokes or self._connection.ends_its_login:
            return
        with deadline.within(CLOSING, "revoking what was requested"):
            left = sum(not self._give_back(path, option, value) for path, option, value in given)
        if left:
            what = "store '{0}': {1} leases or tokens of requests were not revoked; the server ends them when their time is over"
            self._context.warn(what.format(self._context.store, left))

    def _give_back(self, path: str, option: str, value: str) -> bool:
        try:
            self._connection.request("POST", path, {option: value}, writing=True, capability="update")
        except CredentialError:
            return False
        return True

    def _send(self, request: PathRequest, path: str) -> Mapping[str, Any]:
        method, capability = _METHODS[request.kind]
        address = quote(path, safe="/@:+,=~") + ("?" + urlencode(sorted(request.query.items())) if request.query else "")
        headers = {} if request.wrap_ttl is None else {_WRAP: str(request.wrap_ttl)}
        reply = self._connection.request(
            method,
            address,
            request.body,
            writing=request.writing,
            capability=capability,
            headers=headers,
            refused=_build_used_error if path == UNWRAPPING else None,
        )
        if reply.status == 404:
            return self._read_absence(request, path, reply)
        if not _OF_OTHERS.search(path):
            self._remember(reply.body)
        return reply.body

    def _read_absence(self, request: PathRequest, path: str, reply: Reply) -> Mapping[str, Any]:
        """Return what a response of status 404 means: for a list an empty one, for a deletion nothing."""
        if Answer(reply.status, reply.body).says(NO_ROUTE):
            raise NotFound("nothing is mounted at {0} ({1})".format(path, self._connection.place), remedy="Correct the path.")
        if request.kind == LIST:
            return {"data": {"keys": []}}
        if request.kind == DELETE:
            return {}
        what = "there is nothing at {0} ({1})".format(path, self._connection.place)
        raise NotFound(what, remedy="Correct the path, or write it first. In an engine of KV version 2, secrets are at MOUNT/data/NAME.")

    def _remember(self, body: Mapping[str, Any]) -> None:
        """Note what has to be given back at the end."""
        block = body.get("auth")
        accessor = block.get("accessor") if isinstance(block, Mapping) and not block.get("orphan") else None
        with self._lock:
            if len(self._given) < GIVEN_BACK_AT_MOST and body.get("lease_id"):
                self._given.append(("sys/leases/revoke", "lease_id", str(body["lease_id"])))
            if len(self._given) < GIVEN_BACK_AT_MOST and accessor:
                self._given.append(("auth/token/revoke-accessor", "accessor", str(accessor)))

    def _find_kept(self, key: Tuple[Any, ...], longest: int) -> Optional[Mapping[str, Any]]:
        """Return a kept response that may be used: not past its end, not of an earlier login, not older than the caller allows."""
        kept = self._kept.get(key)
        if kept is None or now() >= min(kept.ends, kept.since + longest) or kept.login != self._connection.attend():
            return None
        return kept.body

    def _keep(self, key: Tuple[Any, ...], body: Mapping[str, Any], since: float, writes: int) -> Mapping[str, Any]:
        life = read_life(body, datetime.now(timezone.utc))
        login = self._connection.attend()
        with self._lock:
            if writes != self._writes:
                return body
            self._kept.pop(key, None)
            while len(self._kept) >= KEPT_AT_MOST:
                oldest = next(iter(self._kept))
                del self._kept[oldest]
                self._flying.pop(oldest, None)
            self._kept[key] = _Kept(body, since, since + life if life else float("inf"), login)
        return body

    def _check_path(self, request: PathRequest) -> str:
        """Return the path without slashes at its ends; a list keeps its last one.

        Raises:
            InvalidInput: it is no path, or leads to a credential of this store.
        """
        path = request.path.strip("/")
        if not path or _WRONG.search(path) or not path.isprintable():
            _refuse("it is no path", "Write segments divided by '/', without '%', '?', '#', '.' and '..'. Parameters belong in 'query'.")
        if path.split("/", 1)[0] == "v1":
            _refuse("it begins with the address of the API", "Leave out 'v1/'.")
        for verb in _VERB_IN_QUERY:
            if verb in request.query:
                raise InvalidInput("it makes a list of a read", option="query", remedy="Write 'request: list' without it.")
        if self._credentials is not None and self._leads_to(self._credentials, path.split("/")):
            _refuse(
                "credentials of the store are there, whose scope such a request would not check",
                "Read them with the lookup 'get', write them with the module 'credential'.",
            )
        return path + "/" if request.kind == LIST else path

    def _leads_to(self, credentials: Location, segments: List[str]) -> bool:
        """Return True if a path is in the store's own folder, by any of the engine's addresses of it (`data`, `metadata`, …)."""
        mount = credentials.mount.split("/")
        prefix = credentials.prefix.split("/") if credentials.prefix else []
        rest = segments[len(mount) :]
        if segments[: len(mount)] != mount or not rest:
            return False
        inside = rest if self._kv_version == 1 else rest[1:]
        return inside[: len(prefix)] == prefix


def _build_used_error(_reply: Reply) -> InvalidInput:
    return InvalidInput(
        "the wrapping token is wrong, has expired, or was used before",
        option="token",
        remedy="It works once. If none of your tasks has used it, someone else has read what it wraps: replace that.",
    )


def _refuse(what: str, remedy: str) -> NoReturn:
    raise InvalidInput(what, option="path", remedy=remedy)
