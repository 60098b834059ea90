# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`ensure`: bring a credential into the wanted state; change nothing if it is in that state already."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import (
    CredentialError,
    EncryptionError,
    InvalidInput,
    NotFound,
    RolledBack,
    Unusable,
)
from ansible_collections.nebula.credential.plugins.module_utils.model import lifecycle
from ansible_collections.nebula.credential.plugins.module_utils.model.copies import refuse_copy
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import REDACTED, Secret
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential, describe_scope, format_time
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential, read_free_metadata
from ansible_collections.nebula.credential.plugins.module_utils.store.reader import Clock, Reader, utc_now
from ansible_collections.nebula.credential.plugins.module_utils.store.refusals import (
    check_expected,
    check_expiry_ahead,
    check_policy_has_expiry,
    check_type,
    choose_recoverable,
    is_kept,
    refuse_deleted_since,
    refuse_missing,
    refuse_other,
    refuse_revoked,
    refuse_while_rotating,
    with_way_out,
)
from ansible_collections.nebula.credential.plugins.module_utils.store.writer import Writer, retry_conflicts

CHANGED = REDACTED + " (changed)"


@dataclass(frozen=True)
class EnsureResult:
    """The result of `ensure`; in check mode, the result it would have.

    Attributes:
        credential: the credential now (in check mode: as it would be, with the old version); None if it is absent.
        generated: whether this call generated the value.
        recoverable: whether what was deleted can be brought back; None if nothing was to be deleted.
        before, after: metadata and field names for a diff; no value of any field. Empty if there is no credential.
    """

    changed: bool
    credential: Optional[Credential] = None
    generated: bool = False
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    recoverable: Optional[bool] = None


class StateEnforcer:
    """The four states of the module `credential`."""

    def __init__(self, reader: Reader, writer: Writer, clock: Clock = utc_now) -> None:
        """Use the manager's reader, writer and clock."""
        self._reader = reader
        self._writer = writer
        self._clock = clock

    def ensure_present(self, wanted: DesiredCredential, check: bool = False, expected_version: Optional[str] = None) -> EnsureResult:
        """Create the credential, or change it where it differs from `wanted`. Generate a value only if there is none yet.

        With `keep`, and with an idempotency key, it is only created: one that exists (that the same key has created) stays as it is.

        Raises:
            Duplicate: there is an idempotency key, and the credential was not created with it.
            TypeMismatch: it is stored as another type.
            Revoked, RotationInProgress: its state accepts no new value.
            Conflict: its version is not the expected one, or other writers keep changing it.
            InvalidInput, UnsupportedType: `wanted` is not valid.
        """
        seen: List[Credential] = []

        def attempt() -> EnsureResult:
            stored = self._reader.find(wanted.name)
            if stored is None:
                refuse_missing(wanted.name, expected_version)
                refuse_deleted_since(seen, wanted.name)
                return self._create(wanted, check)
            seen.append(stored)
            check_expected(stored, expected_version)
            if is_kept(stored, wanted):
                wanted.try_login(stored.kind, stored.fields, generated=False)
                return EnsureResult(False, stored, before=describe_diff_side(stored), after=describe_diff_side(stored))
            return self._change(stored, wanted, check)

        return attempt() if expected_version else retry_conflicts(attempt)

    def ensure_absent(
        self,
        name: str,
        check: bool = False,
        expected_version: Optional[str] = None,
        force: bool = False,
        recoverable: Optional[bool] = None,
    ) -> EnsureResult:
        """Delete the credential with every version, recoverably if the backend can: then `ensure_restored` can bring it back.

        With `recoverable` False it is removed for good; so is a credential that was deleted recoverably before.

        Raises:
            InvalidInput: `recoverable` is True, and the backend cannot restore, or `force` is given too.
            RotationInProgress: it is rotating or in its grace period, and `force` was not given.
            Conflict: its version is not the expected one.
        """
        recoverable = choose_recoverable(name, recoverable, self._writer.undeletes, force)
        try:
            stored = self._reader.find(name)
        except (EncryptionError, Unusable) as error:
            if not force:
                raise with_way_out(error, expected_version) from None
            return self._remove(name, {"name": name}, check, expected_version, force)
        deleted = self._writer.find_deleted(name) if stored is None and not recoverable else None
        there = stored or deleted
        if there is None:
            return EnsureResult(False, recoverable=recoverable and self._writer.find_deleted(name) is not None)
        check_expected(there, expected_version)
        refuse_copy(there.record)
        if not force:
            refuse_while_rotating(there)
        if deleted is not None:
            # It cannot be read any more, so no later check is possible: remove exactly the version that was examined.
            return self._remove(name, describe_diff_side(deleted), check, deleted.version, True)
        return self._remove(name, describe_diff_side(there), check, expected_version, force, recoverable, there)

    def ensure_version_absent(
        self, name: str, version: str, check: bool, expected_version: Optional[str], force: bool, recoverable: Optional[bool]
    ) -> EnsureResult:
        """Remove one older version, as `ensure_absent` removes all; also of a credential that was deleted recoverably.

        Raises:
            InvalidInput: it is the current version, or `recoverable` is True and the backend cannot restore.
            Conflict: the current version is not the expected one.
        """
        recoverable = choose_recoverable(name, recoverable, self._writer.undeletes, force)
        there = self._reader.find(name) or self._writer.find_deleted(name)
        if there is not None:
            check_expected(there, expected_version)
        if there is not None and version == there.version:
            remedy = "Write a new value first; or leave 'version' out, to delete the credential with all its versions."
            raise InvalidInput("version {0} is the current one".format(version), name=name, option="version", remedy=remedy)
        side = dict({"name": name} if there is None else describe_diff_side(there), version=version)
        removed = self._writer.remove_version(name, version, recoverable, check)
        return EnsureResult(removed, before=side if removed else {}, recoverable=recoverable)

    def ensure_revoked(self, name: str, check: bool = False, expected_version: Optional[str] = None) -> EnsureResult:
        """Revoke the credential for good, unless it is revoked already.

        Raises:
            NotFound: there is no such credential.
            Conflict: its version is not the expected one.
        """
        stored = self._reader.inspect(name)
        check_expected(stored, expected_version)
        refuse_copy(stored.record)
        if check or stored.metadata.lifecycle == lifecycle.REVOKED:
            changed = stored.metadata.lifecycle != lifecycle.REVOKED
            after = Credential(stored.record.with_metadata(lifecycle=lifecycle.REVOKED), stored.at)
            return EnsureResult(changed, after, before=describe_diff_side(stored), after=describe_diff_side(after))
        revoked, changed = self._writer.revoke(name, expected_version, stored)
        return EnsureResult(changed, revoked, before=describe_diff_side(stored), after=describe_diff_side(revoked))

    def ensure_restored(
        self, name: str, version: Optional[str] = None, check: bool = False, expected_version: Optional[str] = None
    ) -> EnsureResult:
        """Store the fields of an older version as the newest one. Keep the metadata of the current value if that can be read.

        If the stored current value is refused as rolled back or as deleted, accept it: without `version` any value, with
        `version` only that one. The same holds for a value that the backend can undelete.

        Raises:
            NotFound: there is no such version.
            TypeMismatch: that version has another type.
            Revoked, RotationInProgress, Conflict: as `present`.
        """
        refused = (RolledBack, NotFound) if self._writer.undeletes else RolledBack
        seen: List[Credential] = []

        def attempt() -> EnsureResult:
            try:
                kept = self._reader.inspect(name, version)
            except refused as problem:
                current = self._reader.find(name) if isinstance(problem, NotFound) and version else None
                if current is not None and version is not None:
                    return self._restore_removed(current, version, check, expected_version, problem)
                refuse_deleted_since(seen, name)
                return self._accept(name, version, None, check, expected_version)
            try:
                stored = self._reader.inspect(name) if version else kept
            except refused:
                refuse_deleted_since(seen, name)
                return self._accept(name, None, kept, check, expected_version)
            except EncryptionError:
                now = kept if check else self._writer.replace_unreadable(kept)
                return EnsureResult(True, now, after=describe_diff_side(now, kept.fields))
            seen.append(stored)
            check_expected(stored, expected_version)
            refuse_revoked(stored)
            wanted = DesiredCredential(name, type=kept.record.type)
            check_type(stored, wanted)
            if differing(stored.fields, kept.fields):
                return self._write(stored, kept.fields, wanted, check, False)
            return EnsureResult(False, stored, before=describe_diff_side(stored), after=describe_diff_side(stored))

        return attempt() if expected_version else retry_conflicts(attempt)

    def _restore_removed(
        self, stored: Credential, version: str, check: bool, expected_version: Optional[str], missing: CredentialError
    ) -> EnsureResult:
        """Store a version that was removed recoverably as the newest one. Raises `missing` if there is none."""
        check_expected(stored, expected_version)
        refuse_revoked(stored)
        try:
            kept = self._writer.restore_version(stored.name, version, check)
        except NotFound:
            raise missing from None
        if check:
            return EnsureResult(True, kept, before=describe_diff_side(stored), after=describe_diff_side(kept))
        wanted = DesiredCredential(stored.name, type=kept.record.type)
        check_type(stored, wanted)
        if differing(stored.fields, kept.fields):
            return self._write(stored, kept.fields, wanted, check, False)
        return EnsureResult(True, stored, before=describe_diff_side(stored), after=describe_diff_side(stored))

    def _accept(
        self, name: str, version: Optional[str], kept: Optional[Credential], check: bool, expected_version: Optional[str]
    ) -> EnsureResult:
        """Accept the stored value although newer ones were seen, or it was deleted; then write the value of `kept` over it."""
        there = self._writer.accept(name, check=True)
        refuse_other(there, version)
        check_expected(there, expected_version)
        if check:
            return EnsureResult(True, kept or there, after=describe_diff_side(kept or there))
        accepted = self._writer.accept(name, there.version)
        if kept is not None and differing(accepted.fields, kept.fields):
            return self._write(accepted, kept.fields, DesiredCredential(name), False, False)
        return EnsureResult(True, accepted, after=describe_diff_side(accepted))

    def _create(self, wanted: DesiredCredential, check: bool) -> EnsureResult:
        record, generated = self._writer.new_record(wanted)
        check_expiry_ahead(wanted, self._clock())
        check_policy_has_expiry(wanted, record)
        created = Credential(record, self._clock()) if check else self._writer.put(record, None, wanted)
        return EnsureResult(True, created, generated, after=describe_diff_side(created, record.fields))

    def _change(self, stored: Credential, wanted: DesiredCredential, check: bool) -> EnsureResult:
        check_type(stored, wanted)
        refuse_revoked(stored)
        kind = wanted.kind(stored.record.type, stored.metadata.attributes)
        fields, generated = self._writer.resolve(wanted, kind, stored.fields)
        rescoped = self._writer.scope(wanted, stored.metadata.scope) != stored.metadata.scope
        if differing(stored.fields, fields) or rescoped or _takes_over(stored, wanted):
            return self._write(stored, fields, wanted, check, generated)
        changes = wanted.apply(stored.metadata)
        attributes = wanted.attributes(kind, stored.metadata.attributes)
        if attributes != stored.metadata.attributes:
            restated = {} if wanted.expires_at is not None else stored.restate_expiry(kind)
            changes = {**restated, **changes, "attributes": attributes}
        check_policy_has_expiry(wanted, stored.record.with_metadata(**changes))
        return self._patch(stored, changes, check)

    def _write(self, stored: Credential, fields: Fields, wanted: DesiredCredential, check: bool, generated: bool) -> EnsureResult:
        record = self._writer.next_record(stored, fields, wanted)
        check_policy_has_expiry(wanted, record)
        if check:
            now = Credential(replace(record, version=stored.version, serial=stored.record.serial), self._clock())
        else:
            now = self._writer.put(record, stored, wanted)
        return EnsureResult(True, now, generated, describe_diff_side(stored), describe_diff_side(now, differing(stored.fields, fields)))

    def _patch(self, stored: Credential, changes: Dict[str, Any], check: bool) -> EnsureResult:
        now = stored
        if changes:
            refuse_copy(stored.record)
            predicted = Credential(stored.record.with_metadata(**changes), stored.at)
            now = predicted if check else self._writer.patch(stored, changes)
        return EnsureResult(bool(changes), now, before=describe_diff_side(stored), after=describe_diff_side(now))

    def _remove(
        self,
        name: str,
        before: Mapping[str, Any],
        check: bool,
        expected_version: Optional[str],
        force: bool,
        recoverable: bool = False,
        seen: Optional[Credential] = None,
    ) -> EnsureResult:
        if not check:
            self._writer.delete(name, expected_version, force, recoverable, seen)
        return EnsureResult(True, before=before, recoverable=recoverable)


def differing(before: Fields, after: Fields) -> FrozenSet[str]:
    """Return the names of the fields that differ, also if only their form does: the number 5432 is not the text "5432"."""
    return frozenset(name for name in set(before) | set(after) if _look(before, name) != _look(after, name))


def _look(fields: Fields, name: str) -> Tuple[Optional[Secret], bool]:
    value = fields.get(name)
    return value, value is not None and value.is_text


def describe_diff_side(credential: Credential, changed: Iterable[str] = ()) -> Dict[str, Any]:
    """Return one side of a diff: the metadata, and for each field its name and whether it changed."""
    known = credential.metadata
    marked = frozenset(changed)
    return {
        "name": credential.name,
        "type": credential.record.type,
        "state": credential.state,
        "description": known.description,
        "tags": dict(known.tags),
        "metadata": read_free_metadata(known.attributes),
        "scope": describe_scope(known.scope),
        "policy": dict(known.policy),
        "rotation": credential.rotation,
        "expires_at": format_time(credential.expires_at),
        "fields": {name: CHANGED if name in marked else REDACTED for name in sorted(credential.fields)},
    }


def _takes_over(stored: Credential, wanted: DesiredCredential) -> bool:
    """Whether a value that another tool wrote must be written again, because type and `ttl` can only be stored with a value.

    The same holds for a value of ours whose writer was killed before it stored them.
    """
    retyped = wanted.type not in (None, stored.record.type)
    return stored.record.serial is None and (retyped or wanted.ttl is not None)
