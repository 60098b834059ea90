# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The requests of KV version 2, each with the capability it needs, and their responses as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Tuple, Union
from urllib.parse import quote

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.conflict_retry import attempts
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection, Reply
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.mount import Engine
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    AccessDenied,
    Conflict,
    CredentialError,
    InvalidConfiguration,
    StorageError,
    Timeout,
    TooLarge,
    Unavailable,
)

VERSION = 2
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+/?\Z")
_PAGE = 200
_LOST_RACE = ("check-and-set parameter did not match", "metadata check-and-set parameter does not match")
_METADATA_CAS = "metadata check-and-set parameter required"
_UPGRADING = "Upgrading from non-versioned"
"""The engine's error in the moments after it was mounted."""
_TOO_LARGE = ("too large", "exceeds maximum", "max_entry_size")


class LostRace(Conflict):
    """Compare-and-swap failed on the server. The caller reports what is stored instead."""


class Malformed(StorageError):
    """The server's facts about one secret cannot be read."""


class NeedsCas(StorageError):
    """The server requires the revision of the metadata to be replaced."""


class Version(NamedTuple):
    """The facts about one version, without its value.

    Attributes:
        number: counts the values of a secret from 1.
        written_at: when it was written.
        ends_at: when it was deleted, or when the server will delete it by itself; None if it stays.
        deleted: it has no value any more, which `undelete` brings back unless it is `destroyed`.
        destroyed: its value was removed for good.
    """

    number: int
    written_at: datetime
    ends_at: Optional[datetime]
    deleted: bool
    destroyed: bool


@dataclass(frozen=True)
class Value:
    """The result of a read: the keys (None once deleted), the version, and the secret's custom metadata."""

    data: Optional[Dict[str, Any]] = field(repr=False)
    version: Version
    custom: Dict[str, str]


@dataclass(frozen=True)
class SecretMetadata:
    """The metadata of a secret: its newest version, all kept versions, newest first, its custom metadata.

    `revision` counts the changes of the metadata, if the server supports that (OpenBao 2.4), for compare-and-swap.
    """

    current: int
    versions: Tuple[Version, ...]
    custom: Dict[str, str]
    revision: Optional[int]

    @property
    def newest(self) -> Optional[Version]:
        """The current version, or None if there never was one, or it was pruned."""
        return self.versions[0] if self.versions and self.versions[0].number == self.current else None

    def find(self, number: int) -> Optional[Version]:
        """Return a version, or None if it is not kept."""
        return next((version for version in self.versions if version.number == number), None)

    def is_replaced_after_delete(self, number: int) -> bool:
        """Return True if a version was deleted before the next one was written over it, which KV does not refuse.

        Both times are the server's.
        """
        before, after = self.find(number), self.find(number + 1)
        if before is None or after is None or before.ends_at is None:
            return False
        return before.deleted and before.ends_at <= after.written_at


Listed = Union[SecretMetadata, AccessDenied, Malformed, None]
"""The metadata of a listed key; None if it is gone by then, an error if this login may not read it, or it cannot be read."""
_INVALID = "the server's response has an invalid {0}"
_CHECK_URL = "Check that 'url' leads to a Vault or OpenBao."


class Kv2Requests:
    """Requests to one KV engine. `place` is a path in the mount."""

    def __init__(self, connection: Connection, mount: str) -> None:
        """Take the connection and the mount."""
        self._connection = connection
        self._mount = mount
        self.engine = Engine(connection, mount, VERSION)
        self._lists_details = True

    def read(self, place: str, version: Optional[int] = None) -> Optional[Value]:
        """Return a version, or the newest one; None if there is none. A deleted version has no data."""
        query = "" if version is None else "?version={0}".format(version)
        reply = self._request("GET", "data", place + query, capability="read")
        told = _mapping(reply.body.get("data"))
        if not told:
            self.engine.check(reply)
            return None
        self.engine.confirm()
        metadata = _mapping(told.get("metadata"))
        data = told.get("data")
        read = _version(_count(metadata.get("version") or 0), metadata)
        return Value(data if isinstance(data, dict) else None, read, _custom(metadata))

    def write(self, place: str, data: Mapping[str, Any], cas: int) -> Value:
        """Write a version over version `cas` (0: there never was one), by compare-and-swap.

        Raises:
            LostRace: another version is stored.
        """
        self.engine.check()
        body = {"data": data, "options": {"cas": cas}}
        reply = self._request("POST", "data", place, body, writing=True, capability="update" if cas else "create")
        told = _mapping(reply.body.get("data"))
        if reply.status != 200 or not told:
            self._raise_for_path(reply)
        return Value(None, _version(_count(told.get("version") or 0), told), _custom(told))

    def _raise_for_path(self, reply: Reply) -> NoReturn:
        self.engine.check(reply)
        raise InvalidConfiguration(
            "the engine at the mount is not version 2 of KV", option="mount", remedy="Check 'mount' and 'kv_version'."
        )

    def sheet(self, place: str) -> Optional[SecretMetadata]:
        """Return a secret's metadata, without a value."""
        reply = self._request("GET", "metadata", place, capability="read")
        told = _mapping(reply.body.get("data"))
        if not told:
            self.engine.check(reply)
            return None
        self.engine.confirm()
        return _sheet(told)

    def describe(self, place: str, custom: Mapping[str, Optional[str]], most: Optional[int], revision: Optional[int] = None) -> None:
        """Change custom metadata (None removes a key), and the number of kept versions if `most` is given.

        Raises:
            LostRace: the metadata is no longer `revision`.
        """
        body: Dict[str, Any] = {"custom_metadata": dict(custom)}
        if most is not None:
            body["max_versions"] = most
        if revision is not None:
            body["metadata_cas"] = revision
        for _each in attempts(place):
            try:
                self._request("PATCH", "metadata", place, body, writing=True, capability="patch")
                return
            except NeedsCas:
                sheet = self.sheet(place)
                body["metadata_cas"] = sheet.revision if sheet else 0
            except LostRace:
                if revision is not None:
                    raise
                body.pop("metadata_cas")

    def keep(self, place: str, most: int, *, new: bool) -> None:
        """Set the number of kept versions, also before the first one (`new`). The next write removes surplus versions."""
        self._request("POST", "metadata", place, {"max_versions": most}, writing=True, capability="create" if new else "update")

    def forget(self, place: str) -> None:
        """Remove a secret with all its versions and their count. Does nothing if it is already gone."""
        self._request("DELETE", "metadata", place, writing=True, capability="delete")

    def delete(self, place: str, versions: Sequence[int]) -> None:
        """Delete exactly these versions; they can be undeleted."""
        self._request("POST", "delete", place, {"versions": list(versions)}, writing=True, capability="update")

    def undelete(self, place: str, versions: Sequence[int]) -> None:
        """Undelete exactly these versions."""
        self._request("POST", "undelete", place, {"versions": list(versions)}, writing=True, capability="update")

    def destroy(self, place: str, versions: Sequence[int]) -> None:
        """Remove the values of exactly these versions permanently."""
        self._request("PUT", "destroy", place, {"versions": list(versions)}, writing=True, capability="update")

    def folder(self, folder: str) -> Iterator[Tuple[str, Listed]]:
        """Yield the keys of a folder (those that end with '/' are folders), page by page, with their metadata.

        OpenBao lists both in one request. On other servers the metadata is read key by key; it is None for a key that is gone by then, and
        an error for one that this login may not read.
        Keys that are not part of a credential's name may be left out.
        """
        if self._lists_details:
            found = False
            for key, sheet in self._list_with_metadata(folder):
                found = True
                yield key, sheet
            if found:
                return
        for key in self.keys(folder):
            # There are keys, but the server listed none in detail.
            self._lists_details = False
            if _PLAIN.match(key):
                yield key, None if key.endswith("/") else self._read_listed(folder + key)

    def _read_listed(self, place: str) -> Listed:
        try:
            return self.sheet(place)
        except (AccessDenied, Malformed) as problem:
            return problem

    def keys(self, folder: str) -> List[str]:
        """Return the keys of a folder; those that end with '/' are folders."""
        reply = self._request("LIST", "metadata", folder, capability="list")
        if reply.status == 404:
            self.engine.check(reply)
        return _keys(_mapping(reply.body.get("data")))

    def _list_with_metadata(self, folder: str) -> Iterator[Tuple[str, Listed]]:
        after = ""
        while True:
            query = "?limit={0}&after={1}".format(_PAGE, quote(after, safe=""))
            try:
                reply = self._request("LIST", "detailed-metadata", folder + query, capability="list")
            except (Unavailable, Timeout):
                raise
            except (AccessDenied, StorageError):
                self._lists_details = False
                return
            told = _mapping(reply.body.get("data"))
            keys, details = _keys(told), _mapping(told.get("key_info"))
            yield from ((key, _read_detail(details[key]) if key in details else None) for key in keys)
            if len(keys) < _PAGE:
                return
            after = keys[-1]

    def _request(
        self, method: str, endpoint: str, place: str, body: Optional[Mapping[str, Any]] = None, *, writing: bool = False, capability: str
    ) -> Reply:
        self.engine.check_root()
        path = "{0}/{1}/{2}".format(self._mount, endpoint, place)
        return self._connection.request(method, path, body, writing=writing, capability=capability, refused=_refusal_error)


def _keys(told: Mapping[str, Any]) -> List[str]:
    keys = told.get("keys")
    return [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []


def _read_detail(told: Any) -> Union[SecretMetadata, Malformed]:
    """Return the metadata of a listed key, or why it cannot be read: one secret does not end a listing."""
    try:
        return _sheet(told)
    except Malformed as problem:
        return problem


def _refusal_error(reply: Reply) -> Optional[CredentialError]:
    said = " ".join(str(text) for text in reply.body.get("errors") or ())
    if any(words in said for words in _LOST_RACE):
        return LostRace("another version is stored", remedy="Read it again and repeat.")
    if _UPGRADING in said:
        return Unavailable("the engine has just been mounted and is not ready", remedy="Retry.")
    if _METADATA_CAS in said:
        return NeedsCas("the mount requires compare-and-swap of metadata")
    if any(words in said for words in _TOO_LARGE):
        return TooLarge("the value is too large for the server", remedy="Store less, or raise the server's limit.")
    return None


def _mapping(value: Any) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _custom(metadata: Mapping[str, Any]) -> Dict[str, str]:
    return {key: value for key, value in _mapping(metadata.get("custom_metadata")).items() if isinstance(value, str)}


def _sheet(told: Any) -> SecretMetadata:
    if not isinstance(told, dict):
        raise Malformed(_INVALID.format("description of a secret"), remedy=_CHECK_URL)
    kept = [_version(_count(number), _mapping(each)) for number, each in _mapping(told.get("versions")).items()]
    revision = told.get("current_metadata_version")
    newest_first = tuple(sorted(kept, key=lambda version: -version.number))
    return SecretMetadata(
        _count(told.get("current_version") or 0), newest_first, _custom(told), revision if isinstance(revision, int) else None
    )


def _version(number: int, told: Mapping[str, Any]) -> Version:
    ends, destroyed = told.get("deletion_time"), bool(told.get("destroyed"))
    ends_at = _time(ends) if ends else None
    deleted = destroyed or (ends_at is not None and ends_at <= datetime.now(timezone.utc))
    return Version(number, _time(told.get("created_time")), ends_at, deleted, destroyed)


def _count(value: Any) -> int:
    """Return the number of a version, which is text where it is the key of a mapping."""
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Malformed(_INVALID.format("number of a version"), remedy=_CHECK_URL)
    return int(text)


def _time(text: Any) -> datetime:
    """Return a time in Go's format (RFC 3339, up to nanoseconds), to the microsecond."""
    try:
        whole, _point, rest = str(text).rstrip("Z").partition(".")
        return datetime.fromisoformat("{0}.{1:0<6.6}+00:00".format(whole, rest))
    except ValueError:
        raise Malformed(_INVALID.format("time"), remedy=_CHECK_URL) from None
