# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run that rotates all that is due has to do: the listing of the module `credential_rotate_due`. It changes nothing.

The controller rotates each credential by the operation `credential_rotate`.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import Authenticating, find_protocol
from ansible_collections.nebula.credential.plugins.module_utils.context.many_objects import building_many
from ansible_collections.nebula.credential.plugins.module_utils.context.progress import count_each
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, NotEncrypted
from ansible_collections.nebula.credential.plugins.module_utils.model.assignment import read_assignment
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import value_since
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import REVOKED
from ansible_collections.nebula.credential.plugins.module_utils.model.record import JOURNAL, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.rotation_policy import RotationPolicy
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.deployments import files_error
from ansible_collections.nebula.credential.plugins.module_utils.operations.info import warn_of_unreadable
from ansible_collections.nebula.credential.plugins.module_utils.operations.inform import find_uninformed
from ansible_collections.nebula.credential.plugins.module_utils.operations.outcome import Outcome
from ansible_collections.nebula.credential.plugins.module_utils.operations.read import asserting, describe_failure
from ansible_collections.nebula.credential.plugins.module_utils.operations.tags import read_wanted_tags
from ansible_collections.nebula.credential.plugins.module_utils.rotation.journal import GRACE, SKEW_STAMP, Journal, read_journal, stamp
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential, format_time
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import check_type

ANNOUNCED = 10
"""The greatest number of credentials that are named as due next."""


def credential_rotate_due(manager: CredentialManager, parameters: Mapping[str, Any], context: AccessContext, _check_mode: bool) -> Outcome:
    """List the credentials that are due, and those whose rotation is open.

    Args:
        manager: the manager of the store.
        parameters: `prefix`, `type`, `tags` (all of them), `target` (the name that is assigned), `scope`; `consumers`: by the name of
            a target, the names of its consumers; `of_files`: the targets that have one of files that `deploy` has recorded.
        context: the caller; credentials out of its scope are not listed.

    Returns:
        `{changed, credentials, next, total, uninformed}`. Each of `credentials` has `name`, `due_at`, `open` (a rotation was begun and is
        not over), `target`, `options` (both None without a target) and `problem`: `{code, message}` if what is assigned may not be
        used, or the credential or its policy cannot be read, else None. `next` are the next that become due,
        `total` is the number of credentials that the filters select, and `uninformed` has `name`, `target`, `of` and `left` for each
        credential with consumers that do not know of its value.
    """
    caller = asserting(context, parameters.get("scope"))
    if parameters.get("type") is not None:
        check_type(parameters["type"])
    wanted = Filter(
        prefix=parameters.get("prefix") or "",
        type=parameters.get("type"),
        tags=tuple(read_wanted_tags(parameters.get("tags")).items()),
    )
    standing = _read_standing(manager, wanted.prefix, caller)
    with building_many():
        return Outcome(_Listing(manager, parameters, standing).read(wanted, caller))


def _read_standing(manager: CredentialManager, prefix: str, caller: AccessContext) -> Dict[str, bool]:
    """Return the credentials with an open rotation, and whether there is nothing to do for a run now."""
    if not manager.backend.capabilities.stages:
        return {}
    now = stamp(manager.clock())
    with manager.acting(caller):
        return {row.name: _waits(row, now) for row in manager.backend.list(Filter(prefix=prefix, stage=JOURNAL))}


def _waits(row: Record, now: int) -> bool:
    try:
        return row.problem is None and _is_left_alone(read_journal(row), now)
    except CredentialError:
        return False  # The rotation itself says what is wrong with its journal.


def _is_left_alone(journal: Journal, now: int) -> bool:
    """Whether a person runs the phases, or its grace period lasts and no host lacks the value."""
    lasts = journal.retire_after is not None and now - SKEW_STAMP < journal.retire_after
    return journal.manual or (journal.phase == GRACE and lasts and not journal.behind)


class _Listing:
    """One pass over the credentials of a store."""

    def __init__(self, manager: CredentialManager, parameters: Mapping[str, Any], standing: Mapping[str, bool]) -> None:
        self._manager = manager
        self._target = parameters.get("target")
        self._chooses = any(parameters.get(part) for part in ("target", "type", "tags"))
        self._consumers: Mapping[str, Any] = parameters.get("consumers") or {}
        self._of_files = parameters.get("of_files") or ()
        self._uninformed: List[Dict[str, Any]] = []
        self._standing = standing
        self._is_authenticated = find_protocol(manager.backend, Authenticating) is not None
        self._due: List[Dict[str, Any]] = []
        self._later: List[Dict[str, Any]] = []
        self._unreadable: List[str] = []
        self._total = 0

    def read(self, wanted: Filter, caller: AccessContext) -> Dict[str, Any]:
        """Return the result of the operation."""
        for found in count_each(self._manager.list(wanted, caller)):
            if not wanted.matches(found.record):
                continue
            if found.record.problem is not None:
                self._add_unreadable(found)
            else:
                self._add(found)
        reason = "They were left out. The module 'credential_info' says why."
        warn_of_unreadable(self._manager, sorted(self._unreadable), reason)
        return {
            "changed": False,
            "credentials": sorted(self._due, key=lambda row: str(row["name"])),
            "next": sorted(self._later, key=lambda row: str(row["due_at"]))[:ANNOUNCED],
            "total": self._total,
            "uninformed": sorted(self._uninformed, key=lambda row: str(row["name"])),
        }

    def _add_unreadable(self, found: Credential) -> None:
        """Add a credential that may be due: a run that left it out would never say so.

        A value of another tool is none of ours, and where a filter chooses, it may not be chosen.
        """
        if self._chooses or not self._is_authenticated or isinstance(found.record.problem, NotEncrypted):
            self._unreadable.append(found.name)
            return
        self._total += 1
        problem = describe_failure(found.record.problem, self._manager.store)
        self._due.append({"name": found.name, "due_at": None, "open": False, "target": None, "options": None, "problem": problem})

    def _add(self, found: Credential) -> None:
        row = self._describe(found)
        if self._target not in (None, row["target"]):
            return
        self._total += 1
        left = find_uninformed(found.metadata, self._consumers.get(row["target"]) or ())
        if left:
            of = value_since(found.metadata).isoformat()
            self._uninformed.append({"name": found.name, "target": row["target"], "of": of, "left": left})
        due_at = found.schedule.due_at
        waits = self._standing.get(found.name, False)
        is_due = found.schedule.is_due(found.at)
        broken = self._find_broken_policy(found) if due_at is None and not row["open"] else None
        if broken is not None:
            self._due.append(dict(row, problem=broken))
        elif (is_due or row["open"]) and not waits:
            self._due.append(row)
        elif due_at is not None and not is_due:
            self._later.append({"name": found.name, "due_at": row["due_at"]})

    def _find_broken_policy(self, found: Credential) -> Optional[Dict[str, str]]:
        """Return why this controller cannot read the policy, by which the credential would otherwise never be due; else None."""
        if found.metadata.lifecycle == REVOKED:
            return None
        try:
            RotationPolicy.read(found.metadata.policy)
        except CredentialError as error:
            return describe_failure(error.within(name=found.name), self._manager.store)
        return None

    def _describe(self, found: Credential) -> Dict[str, Any]:
        row = {"name": found.name, "due_at": format_time(found.schedule.due_at), "open": found.name in self._standing}
        try:
            authenticated = self._is_authenticated and found.record.verified
            assigned = read_assignment(found.metadata.attributes, is_authenticated=authenticated)
        except CredentialError as error:
            return dict(row, target=None, options=None, problem=describe_failure(error.within(name=found.name), self._manager.store))
        if assigned is None:
            return dict(row, target=None, options=None, problem=None)
        if assigned.target in self._of_files and not self._is_authenticated:
            problem = describe_failure(
                files_error(self._manager.store, "targets.{0}.consumers".format(assigned.target)), self._manager.store
            )
            return dict(row, target=assigned.target, options=None, problem=problem)
        return dict(row, target=assigned.target, options=dict(assigned.options), problem=None)
