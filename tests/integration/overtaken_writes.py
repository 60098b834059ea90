# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another run changes a credential between the read and the write of an operation: its scope, its state, its value, or all of it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.scope_guard import ScopeGuard
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext, Scope
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential

DEPLOY, RELEASE = AccessContext(workflow="deploy"), AccessContext(workflow="release")


def ask(manager: Any, **task: Any) -> None:
    permanent = {"permanent": True} if task["state"] == "absent" and manager.backend.capabilities.soft_delete else {}
    perform(manager, "credential", {"name": "db", **task, **permanent}, DEPLOY)


WRITES: Dict[str, Callable[[Any], None]] = {
    "value": lambda manager: ask(manager, state="present", value="ours"),
    "tags": lambda manager: ask(manager, state="present", tags={"by": "us"}),
    "revoked": lambda manager: ask(manager, state="revoked"),
    "absent": lambda manager: ask(manager, state="absent"),
    "restored": lambda manager: ask(manager, state="restored", version="1"),
}

CHANGES: Dict[str, Callable[[Any], object]] = {
    "scope": lambda manager: manager.ensure(DesiredCredential("db", scope=Scope(workflow="release")), DEPLOY),
    "state": lambda manager: manager.revoke("db", DEPLOY),
    "value": lambda manager: manager.ensure(DesiredCredential("db", value=Secret("theirs")), DEPLOY),
    "deleted": lambda manager: manager.delete("db", DEPLOY, force=True),
}

Outcome = Tuple[Optional[str], Optional[str], Optional[str], Dict[str, str]]

OUTCOMES: Dict[str, Dict[str, Outcome]] = {
    # error, then what is stored: the value, its state, its tags
    "scope": {
        "value": ("access_denied", "two", "active", {}),
        "tags": ("access_denied", "two", "active", {}),
        "revoked": ("access_denied", "two", "active", {}),
        "absent": ("conflict", "two", "active", {}),
        "restored": ("access_denied", "two", "active", {}),
    },
    "state": {
        "value": ("revoked", "two", "revoked", {}),
        "tags": ("revoked", "two", "revoked", {}),
        "revoked": (None, "two", "revoked", {}),
        "absent": ("conflict", "two", "revoked", {}),
        "restored": ("revoked", "two", "revoked", {}),
    },
    "value": {
        "value": (None, "ours", "active", {}),
        "tags": (None, "theirs", "active", {"by": "us"}),
        "revoked": (None, "theirs", "revoked", {}),
        "absent": ("conflict", "theirs", "active", {}),
        "restored": (None, "one", "active", {}),
    },
    "deleted": dict.fromkeys(WRITES, ("gone", None, None, {})),
}


def after_reading_of_current(monkeypatch: Any, change: Callable[[], object]) -> None:
    """Make `change` once, after the current value was read and before anything else is requested."""
    read = ScopeGuard.get

    def overtaken(self: Any, name: str, version: Optional[str] = None, stage: str = "current") -> Any:
        record = read(self, name, version, stage)
        if version is None:
            monkeypatch.setattr(ScopeGuard, "get", read)
            change()
        return record

    monkeypatch.setattr(ScopeGuard, "get", overtaken)


def find_stored(manager: Any) -> List[Any]:
    try:
        found = manager.inspect("db", context=RELEASE)
    except CredentialError as error:
        if error.code == "not_found":
            return [None, None, {}]
        found = manager.inspect("db", context=DEPLOY)
    return [found.fields["value"].expose().decode(), found.metadata.lifecycle, dict(found.metadata.tags)]


def overtake(store: Any, monkeypatch: Any, change: str, write: str) -> Outcome:
    """Return the error's code, and what is stored in the end."""
    manager, other = store.manager(), store.manager()
    for value in ("one", "two"):
        manager.ensure(DesiredCredential("db", value=Secret(value), scope=Scope(workflow="deploy")), DEPLOY)
    after_reading_of_current(monkeypatch, lambda: CHANGES[change](other))
    code = None
    try:
        WRITES[write](manager)
    except CredentialError as error:
        code = error.code
    stored = find_stored(store.manager())
    if code in (None, "conflict", "not_found") and stored[0] is None:
        code = "gone"
    return code, stored[0], stored[1], stored[2]
