# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A secret of Key Vault as the REST interface shows it, and the requests about secrets."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure import errors as failures
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.errors import (
    DELETED,
    DELETING,
    DISABLED,
    RECOVERING,
    Answer,
    Asked,
)
from ansible_collections.nebula.credential.plugins.module_utils.context import deadline
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, StorageError

PAGE = 25
"""The most secrets that a page holds."""
_MOST_PAGES = 100000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


@dataclass(frozen=True)
class Bundle:
    """One version of a secret. Times are seconds since 1970; None if the secret has none.

    Attributes:
        name: the secret's name.
        version: Key Vault's own name of the version; empty in a listing of secrets.
        value: the value; None in a listing, and if the version is disabled.
        managed: Key Vault manages the secret itself: it belongs to a certificate.
    """

    name: str
    version: str
    value: Optional[str] = field(default=None, repr=False)
    content_type: Optional[str] = None
    tags: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    expires: Optional[int] = None
    not_before: Optional[int] = None
    created: Optional[int] = None
    updated: Optional[int] = None
    managed: bool = False


def read_bundle(body: Mapping[str, Any], vault: str) -> Bundle:
    """Return the secret of a response.

    Raises:
        StorageError: it is none.
    """
    try:
        parts = str(body["id"]).split("/")
        attributes = body.get("attributes") or {}
        tags = {str(key): str(value) for key, value in (body.get("tags") or {}).items()}
        value = body.get("value")
        if parts[3] not in ("secrets", "deletedsecrets") or not parts[4] or not isinstance(value, (str, type(None))):
            raise ValueError
        return Bundle(
            name=parts[4],
            version=parts[5] if len(parts) > 5 else "",
            value=value,
            content_type=body.get("contentType"),
            tags=tags,
            enabled=attributes.get("enabled", True) is not False,
            expires=_read_time(attributes, "exp"),
            not_before=_read_time(attributes, "nbf"),
            created=_read_time(attributes, "created"),
            updated=_read_time(attributes, "updated"),
            managed=body.get("managed") is True,
        )
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        raise failures.no_vault(vault) from None


def _read_time(attributes: Mapping[str, Any], key: str) -> Optional[int]:
    value = attributes.get(key)
    if value is not None and (value.__class__ is not int or not 0 <= value < 2**40):
        raise ValueError
    return value


class Secrets:
    """Requests about the secrets of one vault."""

    def __init__(self, connection: Connection) -> None:
        """Take the connection."""
        self._connection = connection

    @property
    def vault(self) -> str:
        """The vault's host and port."""
        return self._connection.address.host

    def get(self, name: str, version: str = "") -> Optional[Bundle]:
        """Return a version of a secret (the newest by default), or None if there is none. A disabled one has no value."""
        answer = self._connection.request("get", "GET", "/secrets/{0}/{1}".format(name, version), secret=name)
        if answer.has_code(DISABLED):
            return Bundle(name, version, enabled=False)
        return None if answer.status == 404 else self._read(answer)

    def set(self, name: str, body: Mapping[str, Any]) -> Optional[Bundle]:
        """Write a new version. Return it; None if a deleted secret has the name, and can be recovered.

        While a secret of that name is being deleted or recovered, it is waited for.

        Raises:
            Unavailable: that took longer than the operation may.
        """
        for _each in pauses():
            answer = self._connection.request("set", "PUT", "/secrets/" + name, body, secret=name)
            if answer.has_code(DELETED):
                return None
            if answer.status != 409:
                return self._read(answer)
        raise failures.busy(Asked("set", self.vault, name))

    def update(self, name: str, version: str, body: Mapping[str, Any]) -> Optional[Bundle]:
        """Change the attributes, tags and content type of a version. Return it without its value, or None if it is gone."""
        answer = self._connection.request("update", "PATCH", "/secrets/{0}/{1}".format(name, version), body, secret=name)
        return None if answer.status in (404, 409) else self._read(answer)

    def delete(self, name: str) -> bool:
        """Delete a secret with all versions, so that it can be recovered. Return False if there is none.

        Key Vault takes a while, so this waits until the secret can be recovered or purged, or the operation's time is over.
        """
        answer = self._connection.request("delete", "DELETE", "/secrets/" + name, secret=name)
        if answer.status == 409:
            raise failures.busy(Asked("delete", self.vault, name))
        if answer.status == 404:
            return False
        for _each in pauses():
            if self._is_deleted(name):
                break
        return True

    def _is_deleted(self, name: str) -> bool:
        """Return True if Key Vault has completed a delete, or will not say."""
        try:
            return self.get_deleted(name) is not None
        except CredentialError:
            return True

    def get_deleted(self, name: str) -> Optional[Bundle]:
        """Return a deleted secret that can be recovered, without its value, or None."""
        answer = self._connection.request("get", "GET", "/deletedsecrets/" + name, secret=name)
        return None if answer.status == 404 else self._read(answer)

    def recover(self, name: str) -> None:
        """Bring a deleted secret back. Key Vault takes a while: until then `set` raises Unavailable, and `get` finds nothing."""
        answer = self._connection.request("recover", "POST", "/deletedsecrets/{0}/recover".format(name), secret=name)
        if answer.status == 409 and not answer.has_code(RECOVERING):
            raise failures.busy(Asked("recover", self.vault, name))

    def purge(self, name: str) -> None:
        """Remove a deleted secret for good, once Key Vault has deleted it. Does nothing if there is none.

        Raises:
            AccessDenied: the vault has purge protection, or the login may not purge.
        """
        for _each in pauses():
            answer = self._connection.request("purge", "DELETE", "/deletedsecrets/" + name, secret=name)
            if not answer.has_code(DELETING):
                return
        raise failures.busy(Asked("purge", self.vault, name))

    def list(self) -> Iterator[Bundle]:
        """Yield the newest version of each secret, without values."""
        return self._pages("/secrets", "")

    def list_versions(self, name: str) -> Iterator[Bundle]:
        """Yield the versions of a secret, without values, in no order."""
        return self._pages("/secrets/{0}/versions".format(name), name)

    def _pages(self, path: str, name: str) -> Iterator[Bundle]:
        query: Optional[Dict[str, str]] = {"maxresults": str(PAGE)}
        for _each in range(_MOST_PAGES):
            answer = self._connection.request("list", "GET", path, secret=name, query=query)
            rows, further = answer.body.get("value"), answer.body.get("nextLink")
            if answer.status == 404 and name:
                return
            if not isinstance(rows, list) or not isinstance(further, (str, type(None))):
                raise failures.no_vault(self.vault)
            for row in rows:
                yield read_bundle(row if isinstance(row, dict) else {}, self.vault)
            if not further:
                return
            path, query = further, None
        raise StorageError("the list of secrets does not end ({0})".format(self.vault), remedy="Check what responds at 'vault_url'.")

    def _read(self, answer: Answer) -> Bundle:
        return read_bundle(answer.body, self.vault)


def pauses() -> Iterator[None]:
    """Yield until the operation's time is over, at once first, then after growing waits."""
    pause = _FIRST_PAUSE
    while True:
        yield
        if deadline.is_over(after=pause):
            return
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
