# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The store that a play uses if nothing names another one, opened in the process of the test: a play takes a second for each value."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Mapping, Optional, Sequence

from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store


@contextlib.contextmanager
def opened() -> Iterator[CredentialManager]:
    """The store in this test's home."""
    with contextlib.closing(open_store({"backend": "local"})) as manager:
        yield manager


def create_all(credentials: Sequence[Mapping[str, Any]]) -> None:
    """Store what a task with this option `credentials` would."""
    with opened() as manager:
        perform(manager, "credential", {"credentials": credentials}, AccessContext())


def create_login(name: str, username: str, password: str) -> None:
    """Store a credential of type `basic`."""
    create_all([{"name": name, "type": "basic", "fields": {"username": username, "password": password}}])


def read_field(name: str, field: str = "password", stage: str = "current") -> str:
    """Return a field's text, as a lookup does."""
    with opened() as manager:
        found = manager.get(name, stage=stage)
        value: Secret = found.kind.read(found.fields, {}, field)
        return value.expose().decode()


def read_phase(name: str) -> Optional[str]:
    """Return the phase of the credential's rotation, None if there is none."""
    with opened() as manager:
        outcome: Any = perform(manager, "credential_rotate", {"name": name, "phase": "status"}, AccessContext())
        phase: Optional[str] = outcome.result["rotation"]["phase"]
        return phase
