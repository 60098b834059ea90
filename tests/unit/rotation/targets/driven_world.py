# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A credential that is rotated against a target, whole: the operation, the driver, and whatever service the target reaches.

At the end store and service agree, and a stored value opens the service at every instant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils import errors
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.operations.rotate import STEP
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import find_target
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.manager import CredentialManager
from ansible_collections.nebula.credential.plugins.plugin_utils.action.rotation_driver import RotationDriver
from tests.unit.crypto.sealed_stores import a_memory_store
from tests.unit.rotation.targets.recorded_modules import Recorded

LONG = timedelta(hours=1)
STAGES = ("current", "pending", "previous")
NAME = "rotated"


class Crash(BaseException):
    """The controller died. Not an Exception, so nothing catches it on the way."""


class World:
    """A credential in a store whose clock is moved by the test, and its target. `crash_at` counts calls of the operation, from 1."""

    def __init__(
        self, kind: str, of_type: str, fields: Mapping[str, str], options: Mapping[str, Any], opens: Callable[[Any], bool]
    ) -> None:
        self.kind, self.options, self.opens = kind, dict(options), opens
        self.elapsed, self.moved = 0.0, timedelta(0)
        self.crash_at, self.calls = 0, 0
        backend = a_memory_store()
        backend.connect()
        self.manager = CredentialManager(backend, clock=lambda: datetime.now(timezone.utc) + self.moved)
        self.add(NAME, of_type, fields)

    def add(self, name: str, of_type: str, fields: Mapping[str, str]) -> None:
        """Store a credential."""
        self.manager.create(DesiredCredential(name, type=of_type, fields={field: Secret(value) for field, value in fields.items()}))

    def rotate(self, phase: str = "auto", **further: Any) -> dict[str, Any]:
        """A whole run; its result."""
        parameters = {"name": NAME, "phase": phase, "target": self.kind, self.kind: self.options, **further}

        def perform_step(step: dict[str, Any]) -> Any:
            self.calls += 1
            if self.calls == self.crash_at:
                raise Crash
            outcome = perform(self.manager, "credential_rotate", {**parameters, STEP: step}, AccessContext())
            self.check()
            return outcome

        return RotationDriver(perform_step, find_target(self.kind), Recorded(None), lambda: self.elapsed, self.wait).drive().result

    def wait(self, seconds: float) -> None:
        self.elapsed += seconds

    def fields(self, stage: str = "current") -> dict[str, str] | None:
        """The fields of a stage, as text; None if there is no such value."""
        try:
            found = self.manager.inspect(NAME, stage=stage).fields
        except errors.NotFound:
            return None
        return {name: field.expose().decode() for name, field in found.items()}

    def check(self) -> None:
        """A stored value opens the service."""
        stored = [self.fields(stage) for stage in STAGES]
        assert any(self.opens(fields) for fields in stored if fields is not None)

    def settle(self) -> None:
        """Let other runs finish what is open, long after."""
        self.crash_at = 0
        for _each in range(6):
            self.moved += LONG
            if self.rotate(phase="settle")["rotation"]["phase"] is None:
                break
        assert [stage for stage in STAGES if self.fields(stage) is not None] == ["current"]
        assert self.opens(self.fields())

    def crash_everywhere(self, again: Callable[[], World]) -> int:
        """Have the controller die at every call of the operation, each in a new world; the number of those calls."""
        number = 0
        while True:
            number += 1
            each = again()
            each.crash_at = number
            try:
                each.rotate()
            except Crash:
                each.check()
                each.settle()
                each.moved += LONG
                assert each.rotate()["outcome"] == "promoted"
                each.settle()
            else:
                return number - 1
