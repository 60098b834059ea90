# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Protocol `nebula`, version 1, for a command in Python: needs nothing but the standard library.

A command is a file next to this one: a subclass of `Place`, and `serve(ItsClass)` at the end. The page docs/how-to/custom-backends.md of
the collection nebula.credential describes the protocol.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional

VERSION = 1
OWN = ".nebula/"
Parts = Dict[str, Any]
"""An object: `fields`, `private` and `public`. What another tool wrote has `fields` alone."""


class Refused(Exception):
    """The request was not carried out. `code` is one of the protocol's; the message may not hold a secret."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Place(ABC):
    """Where objects are kept, each under a path like `app/db_pass` or `.nebula/pending/app/db_pass`.

    Every method runs under a lock of this machine, so that no two commands write at the same time. `write` must leave the former object
    or the new one, whole, if it is killed.
    """

    writes = True
    max_bytes: Optional[int] = None

    def __init__(self, options: Dict[str, Any], secret: Optional[str]) -> None:
        """Take `options` and `secret` of the store. Raises Refused."""
        self.options = options
        self.secret = secret

    def need(self, option: str) -> str:
        """Return an option that must be given. Raises Refused."""
        value = self.options.get(option)
        if not isinstance(value, str) or not value:
            raise Refused("invalid_configuration", "'options' of the store needs '{0}'".format(option))
        return os.path.expanduser(value)

    @property
    @abstractmethod
    def location(self) -> str:
        """A text that is equal for all configurations of one place. Its lock is named after it, unless `lock_path` is overridden."""

    @property
    def lock_path(self) -> str:
        """The file whose lock excludes other commands."""
        directory = os.environ.get("XDG_RUNTIME_DIR") or os.path.expanduser("~/.cache")
        os.makedirs(directory, mode=0o700, exist_ok=True)
        return os.path.join(directory, "nebula-{0}.lock".format(hashlib.sha256(self.location.encode()).hexdigest()[:16]))

    @abstractmethod
    def read(self, path: str) -> Optional[Parts]:
        """Return the object of a path, or None."""

    @abstractmethod
    def write(self, path: str, parts: Parts) -> None:
        """Store an object."""

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove an object, which is there."""

    @abstractmethod
    def paths(self) -> List[str]:
        """Return the path of every object."""

    def read_public(self, path: str) -> Any:
        """Return the part `public` of an object, for a listing."""
        return (self.read(path) or {}).get("public")


def serve(kind: Callable[[Dict[str, Any], Optional[str]], Place]) -> None:
    """Answer the request on standard input."""
    try:
        answer = _answer(json.loads(sys.stdin.buffer.read()), kind)
    except Refused as refused:
        answer = {"error": {"code": refused.code, "message": str(refused)}}
    sys.stdout.write(json.dumps({"protocol": VERSION, **answer}))
    sys.stdout.flush()


def _answer(request: Dict[str, Any], kind: Callable[[Dict[str, Any], Optional[str]], Place]) -> Dict[str, Any]:
    if request["protocol"] != VERSION:
        return {}  # the answer says which version this is
    place = kind(request["options"], request.get("secret"))
    if request["call"] == "capabilities":
        return {"writes": place.writes, "max_bytes": place.max_bytes, "location": place.location}
    calls: Dict[str, Callable[[Place, Dict[str, Any]], Dict[str, Any]]] = {"read": _read, "write": _write, "remove": _remove, "list": _list}
    with _locked(place.lock_path, exclusive=request["call"] in ("write", "remove")):
        return calls[request["call"]](place, request)


def _read(place: Place, request: Dict[str, Any]) -> Dict[str, Any]:
    found = {path: place.read(path) for path in request["paths"]}
    return {"objects": [{"path": path, "token": make_token(parts), **parts} for path, parts in found.items() if parts is not None]}


def _write(place: Place, request: Dict[str, Any]) -> Dict[str, Any]:
    _compare(place.read(request["path"]), request["expected"])
    parts = {name: request[name] for name in ("fields", "private", "public")}
    place.write(request["path"], parts)
    return {"token": make_token(parts)}


def _remove(place: Place, request: Dict[str, Any]) -> Dict[str, Any]:
    found = place.read(request["path"])
    if found is not None:
        if request["expected"] is not None:
            _compare(found, request["expected"])
        place.remove(request["path"])
    return {}


def _list(place: Place, request: Dict[str, Any]) -> Dict[str, Any]:
    prefix = request["prefix"]
    chosen = [path for path in place.paths() if path.startswith(prefix) and path.startswith(OWN) == prefix.startswith(OWN)]
    if request["names_only"]:
        return {"objects": [{"path": path} for path in chosen]}
    return {"objects": [{"path": path, "public": place.read_public(path)} for path in chosen]}


def _compare(found: Optional[Parts], expected: Optional[str]) -> None:
    if (None if found is None else make_token(found)) != expected:
        raise Refused("conflict", "another run changed it")


def make_token(parts: Parts) -> str:
    """Return the token of an object. Each write has a serial or revision of its own in `public`, so no two states have one token."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@contextmanager
def _locked(path: str, exclusive: bool) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def write_file(path: str, content: bytes) -> None:
    """Write a private file durably: the former content or the new one is there, whole, whatever happens."""
    directory = os.path.dirname(path)
    os.makedirs(directory, mode=0o700, exist_ok=True)
    temporary = os.path.join(directory, ".nebula-{0}".format(os.getpid()))
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    entries = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(entries)
    finally:
        os.close(entries)


def find_files(directory: str, ending: str) -> List[str]:
    """Return the paths of the objects below a directory, in which each is a file with this ending."""
    found = []
    for place, _folders, files in os.walk(directory):
        start = os.path.relpath(place, directory)
        found += [os.path.normpath(os.path.join(start, name[: -len(ending)])) for name in files if name.endswith(ending)]
    return sorted(path for path in found if not os.path.basename(path).startswith(".nebula-"))
