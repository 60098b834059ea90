# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores that a session holds open, by all of their configuration: one login never serves another's."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache import Cache, CacheTerms
from ansible_collections.nebula.credential.plugins.module_utils.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.providers.base import Provider
from ansible_collections.nebula.credential.plugins.module_utils.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store import open_store

_HEARING: ContextVar[list[str] | None] = ContextVar("nebula_credential_hearing", default=None)


class NeedsVaultPassword(BaseException):
    """The store is opened by the run's vault password, which only the run has. Nothing on the way takes it for an Exception."""

    def __init__(self, vault_id: str | None) -> None:
        """Name the vault id."""
        super().__init__()
        self.vault_id = vault_id


class HeldStores:
    """Opens each store once, however many ask for it at the same time."""

    def __init__(self, terms: CacheTerms, background: Callable[[Callable[[], None]], object]) -> None:
        """Take how long and how much each store may keep of what was read."""
        self._terms = terms
        self._background = background
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._opened: dict[str, Future[CredentialManager]] = {}

    def manager(self, name: str, config: Mapping[str, Any], vault_passwords: Mapping[str, str]) -> CredentialManager:
        """The manager of a store, opened where it is not yet.

        Raises:
            CredentialError: it cannot be opened. The next one to ask tries again.
            NeedsVaultPassword: it needs a password that the caller has not sent.
        """
        fingerprint = self._fingerprint(name, config)
        with self._lock:
            opening = self._opened.get(fingerprint)
            mine = opening is None
            if opening is None:
                opening = self._opened[fingerprint] = Future()
        if mine:
            self._open(opening, fingerprint, name, config, vault_passwords)
        return opening.result()

    def _open(
        self, opening: Future[CredentialManager], fingerprint: str, name: str, config: Mapping[str, Any], passwords: Mapping[str, str]
    ) -> None:
        def password(vault_id: str | None) -> Secret | None:
            known = passwords.get(vault_id or "")
            if known is None:
                raise NeedsVaultPassword(vault_id)
            return Secret(known) if known else None

        try:
            opening.set_result(open_store(config, name=name, warn=_warn, vault_password=password, cache=self._cache))
        except BaseException as error:  # noqa: BLE001  # everybody who waits for this opening gets it
            with self._lock:
                self._opened.pop(fingerprint, None)
            opening.set_exception(error)

    def _cache(self, provider: Provider, looked_up: Callable[[bool], None]) -> Cache:
        return Cache(provider, self._terms, self._background, looked_up)

    def _fingerprint(self, name: str, config: Mapping[str, Any]) -> str:
        content = json.dumps([name, config], sort_keys=True, default=str)
        return hmac.new(self._key, content.encode("utf-8"), "sha256").hexdigest()

    @contextmanager
    def hearing(self) -> Iterator[list[str]]:
        """Inside the `with` block, what this thread's operations warn of is collected, for the one who asked."""
        heard: list[str] = []
        token = _HEARING.set(heard)
        try:
            yield heard
        finally:
            _HEARING.reset(token)

    def managers(self) -> list[CredentialManager]:
        """Those that are open."""
        with self._lock:
            opened = list(self._opened.values())
        return [one.result() for one in opened if one.done() and one.exception() is None]

    def look_after(self) -> None:
        """Write the audit entries that wait."""
        for manager in self.managers():
            with suppress(CredentialError):
                manager.flush()

    def close(self) -> None:
        """Close every store."""
        for manager in self.managers():
            with suppress(CredentialError):
                manager.close()


def _warn(message: str) -> None:
    heard = _HEARING.get()
    if heard is not None:
        heard.append(message)
