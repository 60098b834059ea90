# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets of one Key Vault, by Microsoft's published description of the REST interface: states, limits, error codes.

What comes in is checked strictly: an unknown field, parameter or version of the interface is refused, also where Azure would ignore it.
Not modelled: keys, certificates (except that a secret can belong to one), storage accounts, `outContentType`, replication between regions,
the end of a retention period, the rate limits themselves (a test orders 429 and 503), and times that Azure takes: a delete or a recovery
takes as many requests as `settle` says.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

VERSIONS = ("7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01")
MAX_VALUE, MAX_TAGS, MAX_TAG, MAX_TYPE, PAGE = 25600, 15, 256, 255, 25
RETENTION_DAYS = 90
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")
_VERSION = re.compile(r"[0-9a-f]{32}\Z")
_ATTRIBUTES = {"enabled": bool, "nbf": int, "exp": int}
_PARAMETERS = {"api-version", "maxresults", "$skiptoken"}


class Reply(NamedTuple):
    """A response."""

    status: int
    body: Optional[Mapping[str, Any]] = None


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, code: str, message: str, inner: Optional[str] = None) -> None:
        """Take the status, the code, a text, and the code of the inner error."""
        super().__init__(message)
        error: Dict[str, Any] = {"code": code, "message": message}
        if inner is not None:
            error["innererror"] = {"code": inner}
        self.reply = Reply(status, {"error": error})


def bad(message: str) -> Refused:
    """What Key Vault says to a request that it does not understand."""
    return Refused(400, "BadParameter", message)


@dataclass
class Version:
    """One version of a secret."""

    id: str
    value: str
    content_type: Optional[str]
    tags: Optional[Dict[str, str]]
    attributes: Dict[str, Any]


@dataclass
class Secret:
    """A secret: its name as it was first written, its versions in their order, and how it stands."""

    name: str
    versions: List[Version] = field(default_factory=list)
    managed: bool = False
    deleted_at: Optional[int] = None
    busy: int = 0
    """So many more requests find the secret being deleted, or being recovered."""


class Vault:
    """The secrets, and what a request does to them. The caller lets one request in at a time."""

    def __init__(self, url: str) -> None:
        """Make an empty vault."""
        self.url = url
        self.settle = 1
        self.purge_protection = False
        self._secrets: Dict[str, Secret] = {}

    def permission(self, method: str, path: str) -> str:
        """The permission of an access policy that a request needs."""
        parts = path.strip("/").split("/")
        if method == "POST":
            return parts[-1]
        if parts[0] == "deletedsecrets":
            return {"DELETE": "purge"}.get(method, "get" if len(parts) > 1 else "list")
        if method == "GET":
            return "list" if len(parts) == 1 or parts[-1] == "versions" else "get"
        return {"PUT": "set", "PATCH": "set", "DELETE": "delete"}.get(method, "?")

    def handle(self, method: str, path: str, query: Mapping[str, str], body: Optional[Any]) -> Reply:
        """Carry out a request."""
        _check_query(query)
        parts = [part for part in path.split("/") if part]
        if parts[0] == "deletedsecrets":
            return self._handle_deleted(method, parts[1:], query)
        if parts[1:] == ["restore"] and method == "POST":
            return self._restore(body)
        if len(parts) == 1 and method == "GET":
            return self._page("/secrets", query, [(each, each.versions[-1], False) for each in self._live()])
        if len(parts) < 2 or len(parts) > 3:
            raise Refused(404, "NotFound", "no such resource")
        name, rest = _check_name(parts[1]), parts[2] if len(parts) == 3 else ""
        if method == "GET":
            return self._read_versions(name, query) if rest == "versions" else self._get(name, rest)
        if method == "POST" and rest == "backup":
            return self._back_up(name)
        if method == "PATCH" and rest:
            return self._update(name, rest, body)
        if rest or method not in ("PUT", "DELETE"):
            raise Refused(405, "MethodNotAllowed", "the method is not allowed here")
        return self._set(name, body) if method == "PUT" else self._delete(name)

    def _live(self) -> List[Secret]:
        return [each for each in self._secrets.values() if each.deleted_at is None and not each.busy]

    def _find(self, name: str) -> Secret:
        found = self._secrets.get(name.lower())
        if found is None or found.deleted_at is not None or self._is_busy(found):
            raise Refused(404, "SecretNotFound", "A secret with (name/id) {0} was not found in this key vault.".format(name))
        return found

    def _is_busy(self, found: Secret) -> bool:
        found.busy = max(0, found.busy - 1)
        return found.busy > 0

    def _set(self, name: str, body: Any) -> Reply:
        given = _check_body(body, {"value", "tags", "contentType", "attributes"})
        if not isinstance(given.get("value"), str):
            raise bad("Property value is required")
        if len(given["value"].encode()) > MAX_VALUE:
            raise bad("The secret value exceeds the maximum size of {0}".format(MAX_VALUE))
        attributes = _given_attributes(given)
        self._check_free(name)
        found = self._secrets.setdefault(name.lower(), Secret(name))
        if found.managed:
            raise Refused(403, "Forbidden", "the secret is managed")
        now = int(time.time())
        version = Version(secrets.token_hex(16), given["value"], given.get("contentType"), given.get("tags"), {"enabled": True})
        version.attributes.update(attributes, created=now, updated=now)
        found.versions.append(version)
        return Reply(200, self._bundle(found, version, value=True))

    def _check_free(self, name: str) -> None:
        there = self._secrets.get(name.lower())
        if there is None:
            return
        if there.deleted_at is None:
            if self._is_busy(there):
                raise Refused(409, "Conflict", "Secret is currently being recovered; retry later.", "ObjectIsBeingRecovered")
            return
        if self._is_busy(there):
            raise Refused(409, "Conflict", "Secret is currently being deleted; retry later.", "ObjectIsBeingDeleted")
        raise Refused(409, "Conflict", "Secret is currently in a deleted but recoverable state.", "ObjectIsDeletedButRecoverable")

    def _update(self, name: str, version: str, body: Any) -> Reply:
        given = _check_body(body, {"tags", "contentType", "attributes"})
        found = self._find(name)
        if found.managed:
            raise Refused(403, "Forbidden", "the secret is managed")
        chosen = self._version(found, version)
        if given.get("tags") is not None:
            chosen.tags = given["tags"]
        if given.get("contentType") is not None:
            chosen.content_type = given["contentType"]
        # A null leaves an attribute as it is.
        chosen.attributes.update(_given_attributes(given), updated=int(time.time()))
        return Reply(200, self._bundle(found, chosen, value=False))

    def _version(self, found: Secret, version: str) -> Version:
        if not _VERSION.match(version):
            raise bad("the version is not one")
        for each in found.versions:
            if each.id == version:
                return each
        raise Refused(404, "SecretNotFound", "A secret with (name/id) {0}/{1} was not found.".format(found.name, version))

    def _get(self, name: str, version: str) -> Reply:
        found = self._find(name)
        chosen = self._version(found, version) if version else found.versions[-1]
        if not chosen.attributes["enabled"]:
            raise Refused(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return Reply(200, self._bundle(found, chosen, value=True))

    def _read_versions(self, name: str, query: Mapping[str, str]) -> Reply:
        found = self._secrets.get(name.lower())
        versions = [] if found is None or found.deleted_at is not None else found.versions
        rows = [(found, each, True) for each in versions]
        return self._page("/secrets/{0}/versions".format(name), query, rows)

    def _delete(self, name: str) -> Reply:
        found = self._find(name)
        if found.managed:
            raise Refused(403, "Forbidden", "the secret is managed")
        found.deleted_at, found.busy = int(time.time()), self.settle + 1
        return Reply(200, self._deleted(found))

    def _handle_deleted(self, method: str, rest: List[str], query: Mapping[str, str]) -> Reply:
        if not rest and method == "GET":
            gone = [each for each in self._secrets.values() if each.deleted_at is not None]
            return self._page("/deletedsecrets", query, [(each, each.versions[-1], False) for each in gone], deleted=True)
        name = _check_name(rest[0]) if rest else ""
        found = self._secrets.get(name.lower())
        if found is None or found.deleted_at is None:
            raise Refused(404, "SecretNotFound", "Deleted Secret not found: {0}".format(name))
        if self._is_busy(found):
            if method == "GET":
                raise Refused(404, "SecretNotFound", "Deleted Secret not found: {0}".format(name))
            raise Refused(409, "Conflict", "Secret is currently being deleted.", "ObjectIsBeingDeleted")
        if method == "GET" and len(rest) == 1:
            return Reply(200, self._deleted(found))
        if method == "DELETE" and len(rest) == 1:
            if self.purge_protection:
                message = 'Operation "purge" is not allowed because purge protection is enabled for this vault.'
                raise Refused(403, "Forbidden", message, "ForbiddenByPolicy")
            del self._secrets[name.lower()]
            return Reply(204)
        if method == "POST" and rest[1:] == ["recover"]:
            found.deleted_at, found.busy = None, self.settle + 1
            return Reply(200, self._bundle(found, found.versions[-1], value=False))
        raise Refused(405, "MethodNotAllowed", "the method is not allowed here")

    def _back_up(self, name: str) -> Reply:
        found = self._find(name)
        content = [found.name, [vars(each) for each in found.versions]]
        return Reply(200, {"value": base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")})

    def _restore(self, body: Any) -> Reply:
        given = _check_body(body, {"value"})
        try:
            padded = str(given["value"]) + "=" * (-len(str(given["value"])) % 4)
            name, versions = json.loads(base64.urlsafe_b64decode(padded))
        except (KeyError, ValueError):
            raise bad("the backup is not one") from None
        if name.lower() in self._secrets:
            raise Refused(409, "Conflict", "Secret already exists.")
        found = Secret(name, [Version(**each) for each in versions])
        self._secrets[name.lower()] = found
        return Reply(200, self._bundle(found, found.versions[-1], value=False))

    def manage(self, name: str) -> None:
        """Let a secret belong to a certificate."""
        self._secrets[name.lower()].managed = True

    def _page(self, path: str, query: Mapping[str, str], rows: List[Tuple[Any, Version, bool]], *, deleted: bool = False) -> Reply:
        most = _check_most(query.get("maxresults", str(PAGE)))
        # What is written between two pages moves none of the others.
        after = sorted(((_key(row), row) for row in rows if _key(row) > query.get("$skiptoken", "")), key=lambda each: each[0])
        page, further = after[:most], None
        if len(after) > most:
            parts = (self.url, path, query["api-version"], page[-1][0], most)
            further = "{0}{1}?api-version={2}&$skiptoken={3}&maxresults={4}".format(*parts)
        return Reply(200, {"value": [self._item(*row, deleted=deleted) for _place, row in page], "nextLink": further})

    def _item(self, found: Secret, version: Version, with_version: bool, *, deleted: bool) -> Dict[str, Any]:
        row = self._deleted(found) if deleted else self._bundle(found, version, value=False)
        if not with_version:
            row["id"] = row["id"].rpartition("/")[0]
        return row

    def _bundle(self, found: Secret, version: Version, *, value: bool) -> Dict[str, Any]:
        attributes = {**version.attributes, "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": RETENTION_DAYS}
        row: Dict[str, Any] = {"id": "{0}/secrets/{1}/{2}".format(self.url, found.name, version.id), "attributes": attributes}
        if value:
            row["value"] = version.value
        if version.content_type is not None:
            row["contentType"] = version.content_type
        if version.tags is not None:
            row["tags"] = version.tags
        if found.managed:
            row.update(managed=True, kid="{0}/keys/{1}/{2}".format(self.url, found.name, version.id))
        return row

    def _deleted(self, found: Secret) -> Dict[str, Any]:
        row = self._bundle(found, found.versions[-1], value=False)
        when = found.deleted_at or 0
        recovery = "{0}/deletedsecrets/{1}".format(self.url, found.name)
        return {**row, "recoveryId": recovery, "deletedDate": when, "scheduledPurgeDate": when + RETENTION_DAYS * 86400}


def _key(row: Tuple[Any, Version, bool]) -> str:
    """The place of a row: by the name, and of versions by their random ids, so in no order that a client could rely on."""
    return row[1].id if row[2] else str(row[0].name).lower()


def _check_query(query: Mapping[str, str]) -> None:
    if set(query) - _PARAMETERS:
        raise bad("unknown parameters")
    if query.get("api-version") not in VERSIONS:
        raise bad(
            "The specified version ({0}) is not recognized. Consider using api-version={1}.".format(query.get("api-version"), VERSIONS[-1])
        )


def _check_name(name: str) -> str:
    if not _NAME.match(name):
        raise bad("The request URI contains an invalid name: {0}".format(name))
    return name


def _check_most(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= PAGE:
        raise bad("maxresults must be between 1 and {0}".format(PAGE))
    return int(text)


def _check_body(body: Any, allowed: set[str]) -> Dict[str, Any]:
    if not isinstance(body, dict) or set(body) - allowed:
        raise bad("unknown fields, or no JSON object")
    tags, kind = body.get("tags"), body.get("contentType")
    if tags is not None:
        _check_tags(tags)
    if kind is not None and (not isinstance(kind, str) or len(kind) > MAX_TYPE):
        raise bad("the content type is too long, or no text")
    return body


def _check_tags(tags: Any) -> None:
    is_text = isinstance(tags, dict) and all(isinstance(each, str) for pair in tags.items() for each in pair)
    if not is_text or len(tags) > MAX_TAGS:
        raise bad("too many tags, or no texts")
    if any(len(each) > MAX_TAG for pair in tags.items() for each in pair) or "" in tags:
        raise bad("a tag's name or value is too long, or empty")


def _given_attributes(given: Mapping[str, Any]) -> Dict[str, Any]:
    attributes = given.get("attributes") or {}
    if not isinstance(attributes, dict) or set(attributes) - set(_ATTRIBUTES):
        raise bad("unknown attributes")
    known = {key: value for key, value in attributes.items() if value is not None}
    if any(not isinstance(value, _ATTRIBUTES[key]) or isinstance(value, bool) != (key == "enabled") for key, value in known.items()):
        raise bad("an attribute is of another kind")
    if "nbf" in known and "exp" in known and known["nbf"] >= known["exp"]:
        raise bad("nbf must be before exp")
    return known
