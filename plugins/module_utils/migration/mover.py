# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copying one credential from one store to another, and deleting it in the first.

Each store acts for its own tenant: no `acting` block of one store's manager contains calls of the other's. The destination is read
again and compared. The source is deleted in the very state that was copied: a refresh or a change of its metadata keeps its version,
and raises its revision.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Callable, Mapping, NamedTuple, Optional, Tuple, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.errors import Conflict, InvalidInput, NotFound
from ansible_collections.nebula.credential.plugins.module_utils.migration.item import Item, transform
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Etag
from ansible_collections.nebula.credential.plugins.module_utils.store.importer import NOTHING, Plan
from ansible_collections.nebula.credential.plugins.module_utils.store.portability import Portability
from ansible_collections.nebula.credential.plugins.module_utils.store.portable import Portable

MOVED = "moved"
"""The action for a credential that is in the destination alone: an earlier run has moved it."""
ATTEMPTS = 5
"""How often a credential is copied if another run changes it each time."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Options:
    """How to migrate.

    Attributes:
        delete: delete the source once the destination holds the same.
        other_tenant: migrate also if the stores have different tenants.
        lossy: migrate also if the destination cannot keep all of it.
        check: report what would be done, and do nothing.
    """

    delete: bool = False
    other_tenant: bool = False
    lossy: bool = False
    check: bool = False


class Transfer(NamedTuple):
    """What was done with one credential.

    Attributes:
        item: the credential.
        action: create, resume, update, nothing or moved.
        lost: what the destination does not keep of it, as in `Plan`.
        versions: the destination's version for each of the source's that is called otherwise there.
        source, destination: the states that were compared; None in check mode, and if it was moved before.
        record: the id of the source's record in hexadecimal; empty if it has none.
        again: how often it was copied anew because it had changed meanwhile.
        deleted: whether the source was deleted, or would be.
    """

    item: Item
    action: str
    lost: Tuple[str, ...] = ()
    versions: Mapping[str, str] = {}
    source: Optional[Etag] = None
    destination: Optional[Etag] = None
    record: str = ""
    again: int = 0
    deleted: bool = False

    @property
    def has_effect(self) -> bool:
        """Whether anything was, or would be, written or deleted."""
        return self.action not in (NOTHING, MOVED) or self.deleted


class Mover:
    """Copies and deletes single credentials. Threads may share it."""

    def __init__(self, source: Portability, destination: Portability, options: Options) -> None:
        """Take both stores on behalf of the caller. The key of the digests is drawn here, for this run only."""
        self._source = source
        self._destination = destination
        self._options = options
        self._key = secrets.token_bytes(32)

    def copy(self, item: Item, earlier: Optional[Transfer] = None) -> Transfer:
        """Copy a credential as it is, and compare. Return what was done.

        Args:
            item: the credential.
            earlier: what this run has done with it before. What it has written then may be brought up to date.

        Raises:
            InvalidInput: both are one record, or the source is to be deleted and they may be one, or something would be lost.
            TooLarge: the destination cannot hold a version.
            AccessDenied: the scope does not match, or the tenant differs.
            Duplicate: the destination has another credential of that name.
            RotationInProgress, Unusable: the source is not at rest.
            Conflict: another run changes it faster than it can be copied, or has changed the destination.
        """
        check_name(item.to)
        try:
            exported = _repeat(lambda: self._source.export(item.name))
        except NotFound:
            if self._options.delete and item.name == item.to and self._destination.has(item.to):
                return Transfer(item, MOVED)
            raise
        return self._bring(item, exported, earlier)

    def _bring(self, item: Item, exported: Portable, earlier: Optional[Transfer]) -> Transfer:
        portable = transform(exported, item)
        if self._options.check:
            plan = self._destination.plan_import(portable, self._key)
            plan.check(other_tenant=self._options.other_tenant, lossy=self._options.lossy)
            self._refuse_same_record(plan, item)
            self._check_writes(plan, item)
            return Transfer(item, plan.action, plan.lost, deleted=self._options.delete)
        plan, versions, destination = self._destination.bring(
            portable,
            self._key,
            earlier and earlier.destination,
            other_tenant=self._options.other_tenant,
            lossy=self._options.lossy,
        )
        # A record that this run has written is no longer one that may be the source.
        if earlier is None:
            self._refuse_same_record(plan, item)
        renumbered = {old: new for old, new in versions.items() if old != new}
        source = replace(exported.current.etag, source=None)
        done = Transfer(item, plan.action, plan.lost, renumbered, source, destination, exported.record_id)
        return done if earlier is None else _add(earlier, done)

    def _check_writes(self, plan: Plan, item: Item) -> None:
        """Check that the stores take the writes of a plan."""
        if plan.action != NOTHING:
            self._destination.check_takes_writes(item.to)
        if self._options.delete:
            self._source.check_takes_writes(item.name)

    def is_unchanged(self, done: Transfer) -> bool:
        """Whether the source is still in the state that was copied."""
        try:
            self._source.check_unchanged(done.item.name, _require(done.source))
        except (Conflict, NotFound):
            return False
        return True

    def delete(self, done: Transfer) -> Transfer:
        """Delete the source if both stores are as they were compared. Copy it again first if the source has changed since.

        The copy is marked before. Of a move there and a move back, at once, each deletes only the state that it has compared, and each
        has changed the other one's before: so no two of them delete both, wherever they are killed.

        Raises:
            Conflict: the destination has changed since, or the source changes faster than it can be copied.
            CredentialError: as `copy`.
        """
        for attempt in range(ATTEMPTS):
            held = self._destination.hold(done.item.to, _require(done.destination), done.record)
            done = done._replace(destination=held)
            try:
                self._source.delete(done.item.name, _require(done.source))
            except Conflict:
                if attempt == ATTEMPTS - 1:
                    raise
                done = self.copy(done.item, done)
                if done.action == MOVED:
                    return done
            else:
                self._destination.release(done.item.to, held)
                return done._replace(deleted=True)
        raise AssertionError("the last round returns or raises")

    def _refuse_same_record(self, plan: Plan, item: Item) -> None:
        """Refuse a move that could delete the only copy: two addresses of one server show the same record."""
        if self._options.delete and plan.may_be_source:
            what = "another tool wrote it, so it has no id, and the stores '{0}' and '{1}' may be one place under two names"
            remedy = "Nothing was deleted. Give it a tag in store '{0}', which also gives it an id, and run it again."
            stores = self._source.store, self._destination.store
            raise InvalidInput(what.format(*stores), name=item.name, remedy=remedy.format(*stores))


def _add(earlier: Transfer, done: Transfer) -> Transfer:
    """Return what both copies of one credential did together."""
    action = done.action if earlier.action == NOTHING else earlier.action
    return done._replace(action=action, again=earlier.again + (done.source != earlier.source))


def _repeat(work: Callable[[], Answer]) -> Answer:
    """Do `work` again while another run comes first."""
    for _attempt in range(ATTEMPTS - 1):
        try:
            return work()
        except Conflict:
            continue
    return work()


def _require(state: Optional[Etag]) -> Etag:
    if state is None:
        raise ValueError("nothing was compared")
    return state
