# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every operation on credentials, on any store (B1, B2)."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    flush_backend,
)
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import asked_by
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache
from ansible_collections.nebula.credential.plugins.module_utils.metrics.store_metrics import Metering
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT, AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.administration import StoreAdministration
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import Wanted
from ansible_collections.nebula.credential.plugins.module_utils.store.ensure import Ensured, Ensurer
from ansible_collections.nebula.credential.plugins.module_utils.store.health import described, examined, judged
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock, Reader, utc_now
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import Writer, retry_conflicts

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.store.importer import Plan
    from ansible_collections.nebula.credential.plugins.module_utils.store.portability import Portability
    from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Portable
    from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.refresher import Refresher

NOBODY = AccessContext()
"""A caller that asserts nothing: reads only what has no scope."""


class CredentialManager(StoreAdministration):
    """The operations of one store. `context` says who asks; its tenant is always replaced by the store's.

    Every method raises errors of the neutral tree, with the store's name set: besides those named at a method, NotFound,
    AccessDenied, StorageError and EncryptionError.

    Attributes:
        store: the name the user gave the store.
        tenant: the tenant of its configuration.
        backend: the backend within its layers; whoever uses it directly does so within `acting`.
        clock: tells the time by which expiry is judged.
        trail: the audit trail, None where it is off.
        metering: the numbers of what was asked of the backend; None where nothing counts.
        refreshing: what has refreshed values; None before the first one of a type that can be refreshed (`refresher`).
        cache: what was read and is kept; None where nothing is, which is so in every process but a session.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        store: str = "local",
        tenant: str = DEFAULT_TENANT,
        clock: Clock = utc_now,
        trail: Optional[Trail] = None,
        metering: Optional[Metering] = None,
        cache: Optional[Cache] = None,
    ) -> None:
        """Take a connected backend, and what its layers write to, feed and keep: the audit trail, the metrics, the cache."""
        self.store = store
        self.tenant = tenant
        self.backend = backend
        self.clock = clock
        self.trail = trail
        self.metering = metering
        self.cache = cache
        self._reader = Reader(backend, clock, self.refresher)
        self.refreshing: Optional[Refresher] = None
        self._lock = threading.Lock()
        self._writer = Writer(backend, tenant, clock)
        self._told = False
        self._ensurer = Ensurer(self._reader, self._writer, clock)

    @contextmanager
    def acting(self, context: AccessContext = NOBODY, operation: Optional[str] = None, *, cacheable: bool = True) -> Iterator[None]:
        """Inside the `with` block, `context` uses the store: for those that use `backend` directly.

        Args:
            context: the caller.
            operation: of a lookup or module, for the audit trail.
            cacheable: that operation may be given what was read before.
        """
        try:
            with self._asked_by(context, operation, cacheable):
                yield
        except CredentialError as error:
            raise error.within(store=self.store) from None

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT, context: AccessContext = NOBODY) -> Credential:
        """Read a credential, its fields wrapped in `Secret`. A current value that is due is refreshed first, where its type can.

        Raises:
            Revoked, Expired, Unusable: its value may not be used now; and what `Refresher.refresh_if_due` raises.
        """
        # Not `acting`: this is the path that has to be fast, and a generator costs more than all of it.
        try:
            with self._asked_by(context):
                return self._reader.get(name, version, stage)
        except CredentialError as error:
            raise error.within(name=name, store=self.store) from None

    def token(self, name: str, field: Optional[str] = None, context: AccessContext = NOBODY) -> Secret:
        """The current value of a field; of the primary one unless told.

        Raises:
            NoToken: there is no value in that field; and what `get` raises.
        """
        with self.acting(context):
            return self._reader.get(name).token(field)

    def refresh(self, name: str, context: AccessContext = NOBODY) -> Credential:
        """Refresh the current value now, whether or not it is due (B3). Raises what `Refresher.refresh` raises."""
        with self.acting(context):
            return self.refresher().refresh(self._reader.inspect(name))

    def refresher(self) -> Refresher:
        """What refreshes the values of this store. Loaded with the first value that can be refreshed."""
        from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.refresher import Refresher

        with self._lock:
            self.refreshing = self.refreshing or Refresher(self.backend, self.clock)
            return self.refreshing

    def inspect(self, name: str, version: Optional[str] = None, stage: str = CURRENT, context: AccessContext = NOBODY) -> Credential:
        """Read a credential whose value may be used or not."""
        with self.acting(context):
            return self._reader.inspect(name, version, stage)

    def describe(self, name: str, version: Optional[str] = None, stage: str = CURRENT, context: AccessContext = NOBODY) -> Dict[str, Any]:
        """What may be shown of a credential (`Credential.describe`), in whatever state it is."""
        return self.inspect(name, version, stage, context).describe()

    def exists(self, name: str, context: AccessContext = NOBODY) -> bool:
        """Whether there is a credential of that name, in whatever state."""
        with self.acting(context):
            return self._reader.find(name) is not None

    def list(self, wanted: Filter = Filter(), context: AccessContext = NOBODY) -> Iterator[Credential]:
        """Yield credentials without their fields, out of scope left out, in no order. `verified` may be False."""
        with self.acting(context):
            return self._reader.list(wanted)

    def versions(self, name: str, context: AccessContext = NOBODY) -> List[VersionInfo]:
        """The versions that can be read, newest first."""
        with self.acting(context):
            return self.backend.versions(check_name(name))

    def create(self, wanted: Wanted, context: AccessContext = NOBODY) -> Credential:
        """Store a credential that is not there yet; with an idempotency key, answer what the same key created.

        Raises:
            Duplicate: it is there already.
            InvalidInput, UnsupportedType: it cannot be stored so.
        """
        with self.acting(context):
            return self._writer.create(wanted)

    def update(self, name: str, context: AccessContext = NOBODY, **changes: Any) -> Credential:
        """Change metadata; the value and its version stay.

        Args:
            name: the credential.
            context: who asks.
            changes: any of description, tags, policy, expires_at, as in `Wanted`.
        """

        def attempt() -> Credential:
            credential = self._reader.inspect(name)
            differing = Wanted(name, **changes).apply(credential.metadata)
            return self._writer.patch(credential, differing) if differing else credential

        with self.acting(context):
            return retry_conflicts(attempt)

    def revoke(self, name: str, context: AccessContext = NOBODY) -> Credential:
        """Revoke for good."""
        with self.acting(context):
            return self._writer.revoke(name)[0]

    def restore(self, name: str, version: Optional[str] = None, context: AccessContext = NOBODY) -> Credential:
        """Store the fields of a kept version as the newest one; without `version`, accept what was put back (`Ensurer.restored`)."""
        with self.acting(context):
            return _there(self._ensurer.restored(name, version), name)

    def delete(
        self,
        name: str,
        context: AccessContext = NOBODY,
        *,
        expected_version: Optional[str] = None,
        force: bool = False,
        recoverable: bool = False,
    ) -> None:
        """Remove a credential with every version; with `recoverable` so that `restore` brings it back. Its audit trail stays.

        Raises:
            InvalidInput: `recoverable`, and the backend cannot bring back anything.
            RotationInProgress: it is rotating or in its grace period, and `force` was not given.
            Conflict: it is not the version expected.
        """
        with self.acting(context):
            self._writer.delete(name, expected_version, force, recoverable)

    def ensure(
        self, wanted: Wanted, context: AccessContext = NOBODY, *, check: bool = False, expected_version: Optional[str] = None
    ) -> Ensured:
        """Make a credential be as wanted (`Ensurer.present`)."""
        with self.acting(context):
            return self._ensurer.present(wanted, check, expected_version)

    def export(self, name: str, context: AccessContext = NOBODY) -> Portable:
        """Read a credential as it is, with every readable version and `previous` (`Portability.export`)."""
        return self._portability(context).export(name)

    def plan_import(self, portable: Portable, key: bytes, context: AccessContext = NOBODY) -> Plan:
        """Say what `import_` would do (`Portability.plan_import`)."""
        return self._portability(context).plan_import(portable, key)

    def import_(
        self, portable: Portable, context: AccessContext = NOBODY, *, other_tenant: bool = False, lossy: bool = False
    ) -> Dict[str, str]:
        """Store an exported credential as it is, or continue an import that was cut off (`Portability.import_`)."""
        return self._portability(context).import_(portable, other_tenant=other_tenant, lossy=lossy)

    def _portability(self, context: AccessContext) -> Portability:
        """Imported here: a run that only reads loads none of it."""
        from ansible_collections.nebula.credential.plugins.module_utils.store.portability import Portability

        return Portability(self.backend, self.store, self.tenant, partial(self.acting, context))

    def ensurer(self) -> Ensurer:
        """The other states of `ensure`; used within `acting`."""
        return self._ensurer

    def batch_get(self, names: Iterable[str], context: AccessContext = NOBODY) -> List[Result[Credential]]:
        """`get` of the current value for each, with a result each; in one request where the backend has one for several (A14)."""
        wanted = list(names)
        try:
            with self.acting(context):
                found = self._reader.many(wanted) if len(wanted) > 1 else None
                return each(
                    wanted, str, lambda name: self.get(name, context=context) if found is None else self._reader.usable(name, found)
                )
        except CredentialError as error:
            return [Result(name, error=copy(error)) for name in wanted]  # each will carry its own name

    def batch_create(self, wanted: Iterable[Wanted], context: AccessContext = NOBODY) -> List[Result[Credential]]:
        """`create` for each, with a result each."""
        return each(wanted, lambda one: one.name, lambda one: self.create(one, context))

    def batch_delete(self, names: Iterable[str], context: AccessContext = NOBODY) -> List[Result[None]]:
        """`delete` for each, with a result each."""
        return each(names, lambda name: name, lambda name: self.delete(name, context))

    def health(self) -> Dict[str, Any]:
        """Ask the backend, and look at what it came to of late. Raises nothing: a backend that is down is an answer.

        Returns:
            `{store, status, reasons, code, checked_in_ms}`: `status` is healthy, degraded or unhealthy, `reasons` are for people and say
            what to do, `code` is that of the error that is the reason, or None.
        """
        begun = time.monotonic()
        health = examined(self.backend)
        took = time.monotonic() - begun
        if self.metering is not None:
            health = judged(health, self.metering.totals(), self.metering.clock())
        return dict(described(health), store=self.store, checked_in_ms=round(took * 1000, 3))

    def flush(self) -> None:
        """Write what refreshes, the backend, the metrics and the audit trail still hold in memory.

        Raises:
            StorageError: the backend cannot write it; a Conflict where another process has written there meanwhile.
            AuditFailed: the trail is strict and cannot be written.
        """
        if self.refreshing is not None:
            self.refreshing.unwritten.write()
        try:
            flush_backend(self.backend)
        except CredentialError as error:
            raise error.within(store=self.store) from None
        finally:
            if self.metering is not None:
                self.metering.flush()
            if self.trail is not None:
                self.trail.flush()

    def tell_what_ends(self) -> None:
        """Warn, once, that what a play writes here ends with the process that holds it, where that is so."""
        if self._told or self.backend.capabilities.persistent:
            return
        self._told = True
        when = (
            "ends with the task's process, for Ansible starts one for each task"
            if self.cache is None
            else "ends with the run, whose session holds it"
        )
        remedy = "Use backend 'local', or 'persist_on_shutdown' of backend 'memory'."
        self.backend.context.warn("store '{0}': what is written to it {1}. {2}".format(self.store, when, remedy))

    def close(self) -> None:
        """Write what is held in memory and release everything. May be called twice."""
        try:
            self.flush()
        finally:
            self.backend.close()

    def _asked_by(self, context: AccessContext, operation: Optional[str] = None, cacheable: bool = True) -> asked_by:
        if context.tenant != self.tenant:
            context = replace(context, tenant=self.tenant)
        return asked_by(context, operation, cacheable=cacheable)


def _there(ensured: Ensured, name: str) -> Credential:
    if ensured.credential is None:
        raise NotFound("there is none", name=name)
    return ensured.credential
