# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stores that a session keeps open, by all of their configuration: stores never share a login."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from copy import copy
from functools import partial
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Renewable, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import find_traits, is_third_party
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache, CacheTerms, Counts
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.lru import LruCache
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from ansible_collections.nebula.credential.plugins.module_utils.store.options import SECURITY, STRICT
from ansible_collections.nebula.credential.plugins.plugin_utils.session.store_fingerprint import Fingerprints

_HEARING: ContextVar[list[str] | None] = ContextVar("nebula_credential_hearing", default=None)
_PASSWORDS: ContextVar[Mapping[str, str]] = ContextVar("nebula_credential_vault_passwords", default={})  # noqa: B039  # it is never changed


class NeedsVaultPassword(BaseException):
    """The store needs a vault password, which only the run has. It is no `Exception`, so that no handler on the way catches it."""

    def __init__(self, vault_id: str | None) -> None:
        """Take the vault id."""
        super().__init__()
        self.vault_id = vault_id


class StorePool:
    """Open each store once, even if many callers need it at the same time."""

    def __init__(
        self,
        terms: CacheTerms,
        background: Callable[[str, Callable[[], None]], object],
        wake: Callable[[], object] = lambda: None,
        loosened: tuple[str, ...] = (),
    ) -> None:
        """Take the cache terms of each store, two functions, and what a strict store does not allow.

        Args:
            terms: of each store.
            background: runs a function in the background of a store, by its fingerprint.
            wake: has `maintain` called soon.
            loosened: the options of the session because of which it opens no strict store.
        """
        self._terms = terms
        self._loosened = loosened
        self._background = background
        self._wake = wake
        self._fingerprints = Fingerprints()
        self._lock = threading.Lock()
        self._opened: dict[str, Future[CredentialManager]] = {}
        self._due: dict[CredentialManager, float] = {}
        self._asked: set[CredentialManager] = set()
        self._untold: list[str] = []
        self._passwords: list[_Asked] = []
        self._logins: dict[str, tuple[str, Callable[[], str]]] = {}
        """Of each store a description of its logins as they were before it was opened, and what describes them as they are."""

    def serve_run(self, background: Callable[[str, Callable[[], None]], object], wake: Callable[[], object]) -> None:
        """Serve another run: `background` and `wake` take the place of those of the one before."""
        self._background = background
        self._wake = wake

    def manager(self, name: str, config: Mapping[str, Any]) -> CredentialManager:
        """Return the manager of a store; open the store if it is not open yet.

        Raises:
            CredentialError: the store cannot be opened. The next call tries again.
            NeedsVaultPassword: the store needs a password that the caller has not sent.
        """
        fingerprint = self.fingerprint(name, config)
        with self._lock:
            opening = self._opened.get(fingerprint)
            mine = opening is None
            if opening is None:
                opening = self._opened[fingerprint] = Future()
        if mine:
            self._open(opening, fingerprint, name, config)
        try:
            return opening.result()
        except CredentialError as error:
            raise copy(error) from None  # each of the callers that waited adds its own context to it

    def _open(self, opening: Future[CredentialManager], fingerprint: str, name: str, config: Mapping[str, Any]) -> None:
        try:
            self._check_security(name, config)
            _lock_imports()
            _load_third_parties(config)
            asked, describe = _Asked(), partial(self._fingerprints.of_logins, config)
            logins = describe(), describe
            manager = open_store(config, name=name, warn=self._warn, vault_password=asked, cache=partial(self._cache, fingerprint))
            self._passwords.append(asked)
            self._logins[fingerprint] = logins
        except BaseException as error:  # noqa: BLE001  # all callers that wait for this opening get it
            with self._lock:
                self._opened.pop(fingerprint, None)
            opening.set_exception(error)
            return
        if manager.trail is not None:
            manager.trail.leave_to_keeper(self._call_keeper)
        opening.set_result(manager)

    def _check_security(self, name: str, config: Mapping[str, Any]) -> None:
        if self._loosened and isinstance(config, Mapping) and config.get(SECURITY) == STRICT:
            what = "the store is strict, and the option lets the session keep more, or for longer, than its run needs"
            raise InvalidConfiguration(what, option=self._loosened[0], store=name, remedy="Leave it out, or run without a session.")

    def _call_keeper(self) -> None:
        self._wake()

    def _cache(self, fingerprint: str, backend: Backend, looked_up: Callable[[bool], None]) -> Cache:
        return Cache(backend, self._terms, lambda work: self._background(fingerprint, work), looked_up)

    def fingerprint(self, name: str, config: Any) -> str:
        """Return a text that identifies a store, open or not, by its name and all of its configuration."""
        return self._fingerprints.of(name, config)

    def was_asked(self, manager: CredentialManager) -> bool:
        """Return False for the first operation of a store, which writes its audit entries at once, so that a failure is reported."""
        before = manager in self._asked
        self._asked.add(manager)
        return before

    @contextmanager
    def hearing(self) -> Iterator[list[str]]:
        """Collect the warnings of this thread's operations inside the `with` block, for the response to the caller.

        They include the background's warnings since the last response.
        """
        heard, self._untold = self._untold, []
        token = _HEARING.set(heard)
        try:
            yield heard
        except BaseException:
            self._untold = heard + self._untold  # there is no response to carry them
            raise
        finally:
            _HEARING.reset(token)

    def _warn(self, message: str) -> None:
        heard = _HEARING.get()
        (self._untold if heard is None else heard).append(message)

    @contextmanager
    def on_behalf(self, vault_passwords: Mapping[str, str]) -> Iterator[None]:
        """Use these passwords (base64, by vault id; empty if the run has none) to open stores inside the `with` block."""
        token = _PASSWORDS.set(vault_passwords)
        try:
            yield
        finally:
            _PASSWORDS.reset(token)

    def managers(self) -> list[CredentialManager]:
        """Return the managers of the open stores."""
        return [manager for _fingerprint, manager in self._list_open()]

    def _list_open(self) -> list[tuple[str, CredentialManager]]:
        with self._lock:
            opened = list(self._opened.items())
        return [(fingerprint, manager) for fingerprint, one in opened for manager in _managers_of([one])]

    def find_managers(self, name: str, config: Mapping[str, Any]) -> list[CredentialManager]:
        """Return the manager of one store if it is open, in a list."""
        with self._lock:
            opened = self._opened.get(self.fingerprint(name, config))
        return _managers_of([] if opened is None else [opened])

    def forget(self, names: Iterable[str] | None) -> int:
        """Drop the cached values of these names in all stores; everything for None. Return the number of values."""
        shelves = [manager.cache.shelf for manager in self.managers() if manager.cache is not None]
        return sum(shelf.invalidate(name) for shelf in shelves for name in ([None] if names is None else names))

    def are_needed(self) -> bool:
        """Return True if the end of this process loses something: leases, values only in memory, refreshed values not yet stored."""
        return any(self._is_needed(manager) for manager in self.managers())

    def _is_needed(self, manager: CredentialManager) -> bool:
        """Return True if ending this store would lose something. A login is no loss: the next session makes another one."""
        can = manager.backend.capabilities
        return not can.persistent or (can.leased and manager in self._due) or _has_unwritten(manager)

    def maintain(self, run: Callable[[str, Callable[[], None]], object]) -> None:
        """Have `run`, which takes a store's fingerprint and work, write the audit entries that wait, and renew logins and leases."""
        for fingerprint, manager in self._list_open():
            run(fingerprint, partial(self._maintain, manager))

    def _maintain(self, manager: CredentialManager) -> None:
        _run_guarded(manager.flush)
        if manager.backend.capabilities.remote and time.monotonic() >= self._due.get(manager, 0.0):
            _run_guarded(partial(self._renew, manager))

    def _renew(self, manager: CredentialManager) -> None:
        renewable = find_protocol(manager.backend, Renewable)
        after = None if renewable is None else renewable.renew_due()
        if after is None:
            self._due.pop(manager, None)
        else:
            self._due[manager] = time.monotonic() + after

    def end_run(self, run: Callable[[str, Callable[[], None]], object]) -> None:
        """Have `run`, which takes a store's fingerprint and work, drop what this run has read. Only logins and keys stay.

        A store that would keep more is closed: one with leases or values in memory, and one whose audit entries cannot be written.
        No request may be under way.
        """
        for fingerprint, manager in self._list_open():
            run(fingerprint, partial(self._leave_run, fingerprint, manager))
        self._asked.clear()
        self._untold.clear()
        for asked in self._passwords:
            asked.forget()

    def drop_changed_logins(self, run: Callable[[str, Callable[[], None]], object]) -> None:
        """Have `run` close, as `close` does, the stores whose logins or keys come from variables or files that hold others now."""
        for fingerprint, manager in self._list_open():
            before, describe = self._logins[fingerprint]
            if describe() != before:
                self._drop(fingerprint, manager)
                _close(run, fingerprint, manager)

    def _drop(self, fingerprint: str, manager: CredentialManager) -> None:
        with self._lock:
            self._opened.pop(fingerprint, None)
        self._due.pop(manager, None)

    def _leave_run(self, fingerprint: str, manager: CredentialManager) -> None:
        is_left = False
        try:
            is_left = _forget_run(manager)
        finally:
            if not is_left:
                self._drop(fingerprint, manager)
                _run_guarded(manager.close)

    def close(self, run: Callable[[str, Callable[[], None]], object]) -> None:
        """Have `run`, which takes a store's fingerprint and work, close each store. Close it here if `run` can start no thread."""
        for fingerprint, manager in self._list_open():
            _close(run, fingerprint, manager)


def _close(run: Callable[[str, Callable[[], None]], object], fingerprint: str, manager: CredentialManager) -> None:
    close = partial(_run_guarded, manager.close)
    try:
        run(fingerprint, close)
    except RuntimeError:
        close()


def _lock_imports() -> None:
    """Have the threads of this process load packages one at a time. Imported here, because a session listens before it opens a store."""
    from ansible_collections.nebula.credential.plugins.module_utils.context.import_lock import lock_imports

    lock_imports()


def _load_third_parties(config: Mapping[str, Any]) -> None:
    """Load a third party's backend and types. The caller has checked that the configuration allows it."""
    if isinstance(config, Mapping) and find_traits(config.get("backend")) is None:
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party_backend import load_backend

        load_backend(config.get("backend"))
    if isinstance(config, Mapping) and config.get("types"):
        from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party_type import load_types

        load_types(config)


def _has_unwritten(manager: CredentialManager) -> bool:
    """Return True if the outcome of a refresh is not yet stored because the store was down."""
    return manager.refreshing is not None and bool(manager.refreshing.unwritten)


def _forget_run(manager: CredentialManager) -> bool:
    """Write what a run has left to write, and drop what it has read. Return False if something of the run remains."""
    can = manager.backend.capabilities
    if can.leased or not can.persistent or is_third_party(manager.backend.settings["backend"]):
        return False
    manager.flush()
    if _has_unwritten(manager) or not (manager.trail is None or manager.trail.is_empty):
        return False
    manager.refreshing = None
    if can.remote:
        _close_circuit(manager.backend)
    cache = manager.cache
    if cache is not None:
        cache.shelf, cache.counts = LruCache(cache.terms.max_entries, cache.terms.max_bytes), Counts()
    return True


def _close_circuit(backend: Backend) -> None:
    """Forget that a backend has failed: the next run may have been started because it was repaired."""
    from ansible_collections.nebula.credential.plugins.module_utils.layers.resilience.breaker import Breaker

    breaker = find_protocol(backend, Breaker)
    if breaker is not None:
        breaker.reset()


def _managers_of(opened: Iterable[Future[CredentialManager]]) -> list[CredentialManager]:
    return [one.result() for one in opened if one.done() and one.exception() is None]


class _Asked:
    """Return the passwords that callers have sent. Opening, or reading the keys later, always serves the request of a caller."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def __call__(self, vault_id: str | None) -> Secret | None:
        self._known.update(_PASSWORDS.get())
        known = self._known.get(vault_id or "")
        if known is None:
            raise NeedsVaultPassword(vault_id)
        return Secret(base64.b64decode(known)) if known else None

    def forget(self) -> None:
        """Forget every password."""
        self._known.clear()


def _run_guarded(work: Callable[[], object]) -> None:
    """Run `work` and ignore failures, so that one store cannot block the others. The next caller gets the error."""
    with suppress(Exception, NeedsVaultPassword):
        work()
