# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests about the secrets of one project (and location): every call of the backend uses `Connection`."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.crc32c import compute_crc32c
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.options import CLIENT
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.settings import Place, Settings
from ansible_collections.nebula.credential.plugins.module_utils.context.listing_requests import repeat_in_listings
from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    LoginFailed,
    MissingLibrary,
    Unavailable,
    pip_install,
)
from ansible_collections.nebula.credential.plugins.module_utils.network.process_client import ProcessClient

PAGE = 1000
_ENABLED = "state:ENABLED"


class Version(NamedTuple):
    """A version that was read: its number and its payload."""

    number: int
    payload: bytes


class Secret(NamedTuple):
    """The state of a secret, without a value."""

    id: str
    etag: str
    aliases: Mapping[str, int]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    created_at: Any = None


class _Client(NamedTuple):
    client: Any
    login: Any

    def close(self) -> None:
        self.client.close()
        self.login.close()


class Connection:
    """Requests of one store. Threads may share it. Opens nothing until the first request."""

    def __init__(self, options: Mapping[str, Any], *, store: str, warn: Callable[[str], object]) -> None:
        """Check the options. Uses no network.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        self.settings = Settings.of(options)
        self._options = options
        self._store = store
        self._warn = lambda message: warn("store '{0}': {1}".format(store, message))
        self._client = ProcessClient(self._log_in)

    @property
    def place(self) -> Place:
        """Where the secrets are."""
        return self.settings.place

    def access(self, secret: str, version: str) -> Any:
        """Read a version by its number, alias or `latest`.

        Returns:
            The `Version`; else the status: NOT_FOUND, or FAILED_PRECONDITION if it is disabled or destroyed.
        """
        name = self.place.version(secret, version)
        answer = self._call("access_secret_version", {"name": name}, name)
        if not answer.is_ok:
            return answer.status
        payload = bytes(answer.message.payload.data)
        if not answer.message.payload.data_crc32c or compute_crc32c(payload) != answer.message.payload.data_crc32c:
            what = "the value of {0} was damaged on its way: its checksum differs".format(name)
            raise Unavailable(what, remedy="Run it again.").within(store=self._store)
        return Version(_read_number(answer.message.name), payload)

    def add(self, secret: str, payload: bytes) -> Optional[int]:
        """Add a version. Return its number; None if there is no such secret."""
        name = self.place.secret(secret)
        data = {"data": payload, "data_crc32c": compute_crc32c(payload)}
        answer = self._call("add_secret_version", {"parent": name, "payload": data}, name)
        return _read_number(answer.message.name) if answer.is_ok else None

    def read(self, secret: str) -> Optional[Secret]:
        """Return the state of a secret, or None."""
        name = self.place.secret(secret)
        answer = self._call("get_secret", {"name": name}, name)
        return _read_secret(answer.message) if answer.is_ok else None

    def list_allowed(self, secret: str, permissions: Sequence[str]) -> Sequence[str]:
        """Return those of these permissions that this login has on a secret. None of them, if there is no such secret."""
        name = self.place.secret(secret)
        answer = self._call("test_iam_permissions", {"resource": name, "permissions": list(permissions)}, name)
        return list(answer.message.permissions) if answer.is_ok else []

    def create(self, secret: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Optional[Secret]:
        """Create a secret without a version. Return its state, or None if there is one."""
        created = {"labels": dict(labels), "annotations": dict(annotations), **self.settings.build_new_secret()}
        request = {"parent": self.place.parent, "secret_id": secret, "secret": created}
        answer = self._call("create_secret", request, self.place.secret(secret))
        return _read_secret(answer.message) if answer.is_ok else None

    def update(self, wanted: Secret) -> Optional[Secret]:
        """Replace aliases, labels and annotations of a secret. Return its state; None if its etag has changed or it is gone."""
        name = self.place.secret(wanted.id)
        updated = {
            "name": name,
            "etag": wanted.etag,
            "version_aliases": dict(wanted.aliases),
            "labels": dict(wanted.labels),
            "annotations": dict(wanted.annotations),
        }
        request = {"secret": updated, "update_mask": {"paths": ["version_aliases", "labels", "annotations"]}}
        answer = self._call("update_secret", request, name)
        return _read_secret(answer.message) if answer.is_ok else None

    def delete(self, secret: str, etag: str) -> bool:
        """Delete a secret with all its versions. Return False if its etag has changed. One that is gone is no error."""
        name = self.place.secret(secret)
        answer = self._call("delete_secret", {"name": name, "etag": etag}, name)
        return answer.status in ("OK", "NOT_FOUND")

    def destroy(self, secret: str, number: int) -> None:
        """Destroy a version. One that is destroyed or gone is no error."""
        name = self.place.version(secret, str(number))
        self._call("destroy_secret_version", {"name": name}, name)

    def list(self, prefix: str) -> Iterator[Secret]:
        """Yield the secrets whose names may begin with a prefix, page by page."""
        wanted = {"parent": self.place.parent, "page_size": PAGE, "filter": "name:{0}".format(prefix) if prefix else ""}
        for page in self._pages("list_secrets", wanted):
            for found in page.secrets:
                yield _read_secret(found)

    def list_enabled(self, secret: str) -> Iterator[int]:
        """Yield the numbers of the versions that can be read, newest first."""
        for page in self._pages("list_secret_versions", {"parent": self.place.secret(secret), "page_size": PAGE, "filter": _ENABLED}):
            for found in page.versions:
                yield _read_number(found.name)

    def _pages(self, method: str, wanted: Mapping[str, Any]) -> Iterator[Any]:
        request: Dict[str, Any] = dict(wanted)
        while True:
            answer = self._call(method, request, request["parent"])
            if not answer.is_ok:
                return
            yield answer.message
            if not answer.message.next_page_token:
                return
            request["page_token"] = answer.message.next_page_token

    @repeat_in_listings
    def _call(self, method: str, request: Mapping[str, Any], resource: str) -> Any:
        """Make a call. A token that has ended is made again, and the call repeated once: it was refused, so nothing has happened."""
        try:
            opened = self._client.get()
            token = opened.login.read_token()
            try:
                return opened.client.call(method, request, token, resource)
            except LoginFailed:
                return opened.client.call(method, request, opened.login.renew(token), resource)
        except CredentialError as problem:
            raise problem.within(store=self._store) from None

    def prepare(self) -> None:
        """Load the libraries that requests need. Sends nothing.

        Raises:
            MissingLibrary: one is not installed.
        """
        _load()

    def _log_in(self) -> _Client:
        client, login = _load()
        return _Client(client(self.settings.endpoint, self._options.get("ca_cert")), login(self._options, self._warn))

    def close(self) -> None:
        """Close the connections. May be called twice; another request opens new ones."""
        self._client.close()


def _load() -> List[Any]:
    """Return the classes of the client and the login. Imported here: gRPC takes a while to load, and has threads."""
    from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.client import IS_INSTALLED, Client
    from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.login import Login

    if not IS_INSTALLED:
        what = "the Python package google-cloud-secret-manager is not installed"
        raise MissingLibrary(what, remedy="Run: {0}".format(pip_install(CLIENT)))
    return [Client, Login]


def _read_secret(message: Any) -> Secret:
    short = message.name.rpartition("/")[2]
    return Secret(
        short,
        message.etag,
        dict(message.version_aliases),
        dict(message.labels),
        dict(message.annotations),
        message.create_time,
    )


def _read_number(name: str) -> int:
    return int(name.rpartition("/")[2])
