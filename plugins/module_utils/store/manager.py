# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every operation on credentials, on any store (B1, B2)."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import Trail
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import flush_backend
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import acting_as
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.layers.cache.layer import Cache
from ansible_collections.nebula.credential.plugins.module_utils.metrics.store_metrics import StoreMetrics
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import DEFAULT_TENANT, NOBODY, AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.administration import StoreAdministration
from ansible_collections.nebula.credential.plugins.module_utils.store.batch import Result, each
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.ensure import EnsureResult, StateEnforcer
from ansible_collections.nebula.credential.plugins.module_utils.store.health import describe_health, examine, judge
from ansible_collections.nebula.credential.plugins.module_utils.store.location import locate, name_place
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock, Reader, utc_now
from ansible_collections.nebula.credential.plugins.module_utils.store.refusals import refuse_value
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import Writer, retry_conflicts

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.store.importer import Plan
    from ansible_collections.nebula.credential.plugins.module_utils.store.portability import Portability
    from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Portable
    from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.refresher import Refresher


class CredentialManager(StoreAdministration):
    """The operations of one store. `context` is the caller; its tenant is always replaced by the store's.

    Every method raises errors of the neutral tree, with the store's name set: NotFound, AccessDenied, StorageError and
    EncryptionError, as well as those named at a method.

    Attributes:
        store: the name the user gave the store.
        tenant: the tenant of its configuration.
        backend: the backend in its layers. Code that uses it directly must do so within `acting`.
        clock: returns the time that expiry is compared with.
        trail: the audit trail; None if it is off.
        metering: the metrics of the backend; None if nothing is counted.
        refreshing: the refresher; None until a value of a refreshable type is read (`refresher`).
        parallelism: how many operations of a batch are in flight, for `batch.each`; None: one.
        cache: the cache of values that were read; None if there is no cache, as in every process except a session.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        store: str = "local",
        tenant: str = DEFAULT_TENANT,
        clock: Clock = utc_now,
        trail: Optional[Trail] = None,
        metering: Optional[StoreMetrics] = None,
        cache: Optional[Cache] = None,
    ) -> None:
        """Take a connected backend, and the audit trail, metrics and cache that its layers use."""
        self.store = store
        self.tenant = tenant
        self.backend = backend
        self.clock = clock
        self.trail = trail
        self.metering = metering
        self.cache = cache
        self.parallelism = backend.context.parallelism
        self._reader = Reader(backend, clock, self.refresher)
        self.refreshing: Optional[Refresher] = None
        self._lock = threading.Lock()
        self._writer = Writer(backend, tenant, clock)
        self._told = False
        self._ensurer = StateEnforcer(self._reader, self._writer, clock)

    @contextmanager
    def acting(self, context: AccessContext = NOBODY, operation: Optional[str] = None, *, cacheable: bool = True) -> Iterator[None]:
        """Set the caller for the `with` block. Needed by code that uses `backend` directly.

        Args:
            context: the caller.
            operation: the name of the lookup or module, for the audit trail.
            cacheable: the operation may get values from the cache.
        """
        try:
            with self._acting(context, operation, cacheable):
                yield
        except CredentialError as error:
            raise name_place(error, self.backend, self.store) from None

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT, context: AccessContext = NOBODY) -> Credential:
        """Read a credential, its fields wrapped in `Secret`. Refresh a current value first if its type can be refreshed and it is due.

        Raises:
            Revoked, Expired, Unusable: its value may not be used now.
            CredentialError: as `Refresher.refresh_if_due`.
        """
        # Not `acting`: this path must be fast, and a generator costs more than the rest of it.
        try:
            with self._acting(context):
                return self._reader.get(name, version, stage)
        except CredentialError as error:
            raise name_place(error, self.backend, self.store, name) from None

    def token(self, name: str, field: Optional[str] = None, context: AccessContext = NOBODY) -> Secret:
        """Return the current value of a field, by default the primary one.

        Raises:
            NoToken, InvalidInput: as `Credential.token`.
            CredentialError: as `get`.
        """
        with self.acting(context):
            return self._reader.get(name).token(field)

    def refresh(self, name: str, context: AccessContext = NOBODY, *, check: bool = False) -> Credential:
        """Refresh the current value now, whether or not it is due (B3). Raises the errors of `Refresher.refresh`."""
        with self.acting(context):
            return self.refresher().refresh(self._reader.inspect(name), check)

    def refresher(self) -> Refresher:
        """Return the refresher of this store. It is imported when the first refreshable value is read."""
        from ansible_collections.nebula.credential.plugins.module_utils.store.refresh.refresher import Refresher

        with self._lock:
            self.refreshing = self.refreshing or Refresher(self.backend, self.clock)
            return self.refreshing

    def inspect(self, name: str, version: Optional[str] = None, stage: str = CURRENT, context: AccessContext = NOBODY) -> Credential:
        """Read a credential in any state, even if its value may not be used."""
        with self.acting(context):
            return self._reader.inspect(name, version, stage)

    def describe(self, name: str, version: Optional[str] = None, stage: str = CURRENT, context: AccessContext = NOBODY) -> Dict[str, Any]:
        """Return the metadata and field names of a credential (`Credential.describe`) in any state."""
        return self.inspect(name, version, stage, context).describe()

    def locate(self, name: str) -> Dict[str, str]:
        """Return where the current value of a credential is, in the words of the backend's users. Empty if the backend does not say."""
        return locate(self.backend, name)

    def exists(self, name: str, context: AccessContext = NOBODY) -> bool:
        """Whether there is a credential of that name, in any state."""
        with self.acting(context):
            return self._reader.find(name) is not None

    def list(self, wanted: Filter = Filter(), context: AccessContext = NOBODY) -> Iterator[Credential]:
        """Yield credentials without their fields, in no order. Leave out those out of the caller's scope. `verified` may be False."""
        with self.acting(context):
            return self._reader.list(wanted)

    def versions(self, name: str, context: AccessContext = NOBODY) -> List[VersionInfo]:
        """Return the versions that can be read, newest first."""
        with self.acting(context):
            return self.backend.versions(check_name(name))

    def create(self, wanted: DesiredCredential, context: AccessContext = NOBODY) -> Credential:
        """Store a new credential. With an idempotency key, return the credential that the same key created before.

        Raises:
            Duplicate: it exists already.
            InvalidInput, UnsupportedType: `wanted` is not valid.
        """
        with self.acting(context):
            return self._writer.create(wanted)

    def update(self, name: str, context: AccessContext = NOBODY, **changes: Any) -> Credential:
        """Change metadata; the value and its version stay.

        Args:
            name: the credential.
            context: the caller.
            changes: any of description, tags, policy, expires_at, as in `DesiredCredential`.

        Raises:
            InvalidInput: another part is given, such as a value: only `ensure` writes it.
        """
        refuse_value(name, changes)

        def attempt() -> Credential:
            credential = self._reader.inspect(name)
            differing = DesiredCredential(name, **changes).apply(credential.metadata)
            return self._writer.patch(credential, differing) if differing else credential

        with self.acting(context):
            return retry_conflicts(attempt)

    def revoke(self, name: str, context: AccessContext = NOBODY) -> Credential:
        """Revoke for good."""
        with self.acting(context):
            return self._writer.revoke(name)[0]

    def restore(self, name: str, version: Optional[str] = None, context: AccessContext = NOBODY) -> Credential:
        """Store the fields of an older version as the newest one; without `version`, accept one that was put back (see
        `StateEnforcer.ensure_restored`).
        """
        with self.acting(context):
            return _require_credential(self._ensurer.ensure_restored(name, version), name)

    def delete(
        self,
        name: str,
        context: AccessContext = NOBODY,
        *,
        expected_version: Optional[str] = None,
        force: bool = False,
        recoverable: bool = False,
    ) -> None:
        """Delete a credential with every version. With `recoverable`, `restore` can bring it back. Its audit trail stays.

        Raises:
            InvalidInput: `recoverable` is given, and the backend cannot restore.
            RotationInProgress: it is rotating or in its grace period, and `force` was not given.
            Conflict: its version is not the expected one.
        """
        with self.acting(context):
            self._writer.delete(name, expected_version, force, recoverable)

    def ensure(
        self, wanted: DesiredCredential, context: AccessContext = NOBODY, *, check: bool = False, expected_version: Optional[str] = None
    ) -> EnsureResult:
        """Create or change a credential so that it is as wanted (`StateEnforcer.present`)."""
        with self.acting(context):
            return self._ensurer.ensure_present(wanted, check, expected_version)

    def export(self, name: str, context: AccessContext = NOBODY) -> Portable:
        """Read a credential unchanged, with every readable version and `previous` (`Portability.export`)."""
        return self.portability(context).export(name)

    def plan_import(self, portable: Portable, key: bytes, context: AccessContext = NOBODY) -> Plan:
        """Return what `import_` would do (`Portability.plan_import`)."""
        return self.portability(context).plan_import(portable, key)

    def import_(
        self, portable: Portable, context: AccessContext = NOBODY, *, other_tenant: bool = False, lossy: bool = False
    ) -> Dict[str, str]:
        """Store an exported credential unchanged, or continue an interrupted import (`Portability.import_`)."""
        return self.portability(context).import_(portable, other_tenant=other_tenant, lossy=lossy)

    def portability(self, context: AccessContext) -> Portability:
        """Return the export and import of the store. Imported here, so that a run that only reads does not load it."""
        from ansible_collections.nebula.credential.plugins.module_utils.store.portability import Portability

        return Portability(self.backend, self.store, self.tenant, self.clock, partial(self.acting, context))

    def ensurer(self) -> StateEnforcer:
        """Return the ensurer, for the other states; use it within `acting`."""
        return self._ensurer

    @contextmanager
    def reading_together(self, names: Iterable[str], context: AccessContext = NOBODY) -> Iterator[None]:
        """Read for the operations of the `with` block in one request, if the backend has one (`Reader.reading_together`)."""
        with ExitStack() as held:
            with self.acting(context):
                held.enter_context(self._reader.reading_together(names))
            yield

    def batch_get(self, names: Iterable[str], context: AccessContext = NOBODY) -> List[Result[Credential]]:
        """Read the current value of each name as `get`, with one result each; in one request if the backend can (A14)."""
        wanted = list(names)
        try:
            with self.acting(context):
                found = self._reader.many(wanted) if len(wanted) > 1 else None
                if found is not None:
                    return each(wanted, str, lambda name: self._reader.usable(name, found))
                return each(wanted, str, lambda name: self.get(name, context=context), self.parallelism)
        except CredentialError as error:
            return [Result(name, error=copy(error)) for name in wanted]  # a copy each: the caller adds the credential's name to it

    def batch_create(self, wanted: Iterable[DesiredCredential], context: AccessContext = NOBODY) -> List[Result[Credential]]:
        """Call `create` for each, with one result each."""
        return each(wanted, lambda one: one.name, lambda one: self.create(one, context), self.parallelism)

    def batch_delete(self, names: Iterable[str], context: AccessContext = NOBODY) -> List[Result[None]]:
        """Call `delete` for each, with one result each."""
        return each(names, str, lambda name: self.delete(name, context), self.parallelism)

    def health(self) -> Dict[str, Any]:
        """Check the backend and its recent metrics. Raises nothing: a backend that is down is reported as unhealthy.

        Returns:
            `{store, status, reasons, code, checked_in_ms}`: `status` is healthy, degraded or unhealthy, `reasons` are for people and say
            what to do, `code` is the code of the error that is the reason, or None.
        """
        begun = time.monotonic()
        health = examine(self.backend)
        took = time.monotonic() - begun
        if self.metering is not None:
            health = judge(health, self.metering.totals(), self.metering.clock())
        return dict(describe_health(health), store=self.store, checked_in_ms=round(took * 1000, 3))

    def flush(self) -> None:
        """Write everything that refreshes, the backend, the metrics and the audit trail still hold in memory.

        Raises:
            StorageError: the backend cannot write it.
            Conflict: another process has written there meanwhile.
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

    def warn_if_not_persistent(self) -> None:
        """Warn once if the store is not persistent."""
        if self._told or self.backend.capabilities.persistent:
            return
        self._told = True
        when = (
            "is lost when the task's process ends (Ansible starts one for each task)"
            if self.cache is None
            else "is lost when the run ends, because only its session holds it"
        )
        remedy = "Use backend 'local', or 'persist_on_shutdown' of backend 'memory'."
        self.backend.context.warn("store '{0}': a value that is written to it {1}. {2}".format(self.store, when, remedy))

    def close(self) -> None:
        """Flush, and release everything. May be called twice."""
        try:
            self.write_deployments()
            self.flush()
        finally:
            self.backend.close()

    def _acting(self, context: AccessContext, operation: Optional[str] = None, cacheable: bool = True) -> acting_as:
        if context.tenant != self.tenant:
            context = replace(context, tenant=self.tenant)
        return acting_as(context, operation, cacheable=cacheable)


def _require_credential(ensured: EnsureResult, name: str) -> Credential:
    if ensured.credential is None:
        raise NotFound("there is none", name=name)
    return ensured.credential
