# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target of a rotation, as the options of `credential_rotate` and the credential's own fields describe it."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.rotation.slots import identity_of
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets import handover, steps
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import (
    MANUAL,
    MANUAL_TRAITS,
    NO_TARGET,
    NO_TARGET_TRAITS,
    Target,
    TargetTraits,
    Value,
)
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import find_target, option_of
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.steps import Step
from ansible_collections.nebula.credential.plugins.module_utils.store.credential import Credential
from ansible_collections.nebula.credential.plugins.module_utils.types.registry import type_named

_UNDRIVEN = {NO_TARGET: NO_TARGET_TRAITS, MANUAL: MANUAL_TRAITS}


class RotationTarget:
    """The target of the new value: `none`, a target that a driver reaches, or (without the option) a person's own work."""

    def __init__(self, read: Callable[[str], Credential], current: Record, parameters: Mapping[str, Any]) -> None:
        """Take how to read a usable credential (an administrator's), the current record, and the module's options.

        Raises:
            InvalidInput: there is no such target.
        """
        self.read = read
        """Reads a usable credential of the store."""
        self._type = type_named(current.type, current.full_metadata.attributes)
        self._current = self._value(current)
        self._options: Mapping[str, Any] = {}
        named = parameters.get("target")
        self.kind: str = named or MANUAL
        self.manual: bool = not named
        """Whether a person drives the phases."""
        self.driven: bool = bool(named) and named != NO_TARGET
        """Whether a driver reaches the target."""
        if self.driven:
            self._class = find_target(self.kind)
            self._options = self._complete(parameters.get(option_of(self.kind)) or {})

    @property
    def traits(self) -> TargetTraits:
        """How the target behaves."""
        return self._target().traits if self.driven else _UNDRIVEN[self.kind]

    def describe(self) -> Dict[str, Any]:
        """Return the target's address for the journal and the report, without any secret."""
        return self._target().describe() if self.driven else {}

    def next_fields(self, base: Record) -> Fields:
        """Return the fields that the target prescribes for the value after `base`."""
        return self._target().next_fields(self._value(base)) if self.driven else {}

    def find_flaw(self, fields: Fields) -> str:
        """Return why the target can never accept these fields, in words without a value. Empty if it can."""
        return self._target().find_flaw(Value(fields, primary=self._type.primary_of(fields))) if self.driven else ""

    @property
    def places(self) -> Tuple[str, ...]:
        """The places that each take the value."""
        return self._target().places() if self.driven else steps.ONE_PLACE

    def build_access(self) -> Tuple[Dict[str, Any], Tuple[Secret, ...]]:
        """Return what a driver needs to reach the target, and the secrets in it.

        Raises:
            InvalidInput: an option is missing or does not fit.
        """
        credentials = {name: self.read(self._options[name]) for name in self._credential_options()}
        fields = {name: found.fields for name, found in credentials.items()}
        self._class({**self._options, **fields}, self._current).check()
        secrets: List[Secret] = [Secret(str(self._options[name])) for name, option in self._class.options.items() if self._hides(name)]
        for found in credentials.values():
            secrets += [field for name, field in found.fields.items() if found.kind.is_hidden(name, found.fields)]
        access = {
            "options": self._plain_options(),
            "credentials": {name: handover.encode_fields(each) for name, each in fields.items()},
            "current": handover.encode_value(self._current),
        }
        return access, (*secrets, *self._secrets(self._current))

    def build_instructions(self, step: Step) -> Tuple[Dict[str, Any], Tuple[Secret, ...]]:
        """Return a step for a driver, with the value and the access to the target; and the secrets in it.

        Raises:
            InvalidInput: an option is missing or does not fit.
        """
        access, secrets = self.build_access()
        value = Value(step.fields, step.identity, self._current.primary)
        step_alone = {name: getattr(step, name) for name in ("kind", "ticket", "stage", "mark", "wait", "limit")}
        return dict(access, **step_alone, places=list(step.places), value=handover.encode_value(value)), (*secrets, *self._secrets(value))

    def _target(self) -> Target:
        """Return the target without the administrator's credentials, for its pure methods."""
        return self._class(self._plain_options(), self._current)

    def _value(self, record: Record) -> Value:
        return Value(record.fields, identity_of(record), self._type.primary_of(record.fields))

    def _complete(self, given: Mapping[str, Any]) -> Dict[str, Any]:
        defaults = {name: option.default for name, option in self._class.options.items() if option.default is not None}
        return {**defaults, **given}

    def _credential_options(self) -> List[str]:
        return [name for name, option in self._class.options.items() if option.credential and self._options.get(name)]

    def _plain_options(self) -> Dict[str, Any]:
        return {name: value for name, value in self._options.items() if name not in self._credential_options()}

    def _hides(self, name: str) -> bool:
        return bool(self._class.options[name].no_log) and self._options.get(name) is not None

    def _secrets(self, value: Value) -> List[Secret]:
        return [field for name, field in value.fields.items() if self._type.is_hidden(name, value.fields)]
