# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation targets that a run describes: `targets` in nebula.yml, and the variable `nebula_credential_targets`.

The metadata of a credential only names one of them. What is described here chooses hosts, commands and who gets a password.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, suggest
from ansible_collections.nebula.credential.plugins.module_utils.model.assignment import is_target_name
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import KINDS, option_of
from ansible_collections.nebula.credential.plugins.plugin_utils.config.configuration_path import FILE_NAME
from ansible_collections.nebula.credential.plugins.plugin_utils.config.native_values import to_native
from ansible_collections.nebula.credential.plugins.plugin_utils.config.store_resolution import (
    TARGETS,
    RunConfig,
    read_file_targets,
    template_variable,
)
from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party_target import is_kind

TARGETS_VARIABLE = "nebula_credential_targets"
KIND, CONSUMERS, CREDENTIALS = "kind", "consumers", "credentials"
OF_THE_ROTATION = ("consumer_ttl", "serve_stale", "generate", "current_unverified")
"""Options of `credential_rotate` that a description may set. Every other one is the target's own."""


@dataclass(frozen=True)
class DescribedTarget:
    """A target as the run describes it.

    Attributes:
        name: its name.
        kind: its kind.
        options: its own options.
        rotation: those of `credential_rotate`.
        consumers: its consumers as written.
        credentials: patterns (`*`, `?`) of the names of the credentials that it takes; None for all.
    """

    name: str
    kind: str
    options: Mapping[str, Any]
    rotation: Mapping[str, Any]
    consumers: Any = None
    credentials: tuple[str, ...] | None = None

    def check_takes(self, credential: str) -> None:
        """Check that the target is one for this credential: its own metadata says so, which others may be able to change.

        Raises:
            InvalidConfiguration: no pattern matches its name.
        """
        if self.credentials is None or any(fnmatchcase(credential, pattern) for pattern in self.credentials):
            return
        option = "{0}.{1}.{2}".format(TARGETS, self.name, CREDENTIALS)
        remedy = "Nothing was sent. Add its name, or a pattern, if it belongs there; else correct its 'rotation'."
        raise InvalidConfiguration("the target does not take this credential", option=option, remedy=remedy)

    def build_arguments(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments of `credential_rotate` with this target, and `more` options of the target, which win."""
        own = {**self.options, **more}
        return {"target": self.kind, **({option_of(self.kind): own} if own or self.kind != NO_TARGET else {}), **self.rotation}


class DescribedTargets:
    """The targets of a run, by name. Those of the variable win over those of the file."""

    def __init__(self, around: RunConfig) -> None:
        """Read where targets are described.

        Raises:
            InvalidConfiguration: a place is not a mapping of names to descriptions.
        """
        self._file, of_file = read_file_targets(around)
        of_variable = template_variable(TARGETS_VARIABLE, around) or {}
        self._written = {**_check_names(of_file, TARGETS), **_check_names(of_variable, TARGETS_VARIABLE)}

    def list_names(self) -> list[str]:
        """Return the names of the described targets."""
        return sorted(self._written)

    def find(self, name: str) -> DescribedTarget:
        """Return a target.

        Raises:
            InvalidConfiguration: none of that name is described, or its description has no kind, or a kind that does not exist.
        """
        if name == NO_TARGET:
            return DescribedTarget(name, NO_TARGET, {}, {})
        if name not in self._written:
            known = sorted(self._written)
            place = self._file or FILE_NAME
            remedy = "{0}Describe it under '{1}' in {2}, or in the variable '{3}'. Described: {4}.".format(
                suggest(name, known), TARGETS, place, TARGETS_VARIABLE, ", ".join(known) or "none"
            )
            raise InvalidConfiguration("there is no target '{0}'".format(name), option="rotation.target", remedy=remedy)
        return _read(name, self._written[name])


def _check_names(written: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(written, Mapping):
        raise InvalidConfiguration("targets are a mapping of names to descriptions", option=place, remedy="Write 'name: {kind: …}'.")
    for name in written:
        if not is_target_name(name) or name == NO_TARGET:
            remedy = "A target's name is 1 to 64 letters, digits, '.', '_' and '-', and not '{0}'.".format(NO_TARGET)
            raise InvalidConfiguration("{0} is not the name of a target".format(ascii(name)), option=place, remedy=remedy)
    return written


def _read(name: str, written: Any) -> DescribedTarget:
    option = "{0}.{1}".format(TARGETS, name)
    if not isinstance(written, Mapping):
        raise InvalidConfiguration("the description is not a mapping", option=option, remedy="Write at least '{0}:'.".format(KIND))
    try:
        parts = dict(to_native(written))
    except Exception as error:  # noqa: BLE001  # decrypting a vaulted value can raise anything
        what = "a vaulted value cannot be read ({0})".format(type(error).__name__)
        raise InvalidConfiguration(what, option=option, remedy="Give the run its vault password.") from None
    kind = parts.pop(KIND, None)
    if not isinstance(kind, str) or not is_kind(kind):
        what = "there is no kind {0}".format(ascii(kind)) if kind is not None else "it is missing"
        remedy = "{0}Write one of: {1}.".format("" if kind is None else suggest(str(kind), KINDS), ", ".join(KINDS))
        raise InvalidConfiguration(what, option="{0}.{1}".format(option, KIND), remedy=remedy)
    rotation = {part: parts.pop(part) for part in OF_THE_ROTATION if part in parts}
    consumers = parts.pop(CONSUMERS, None)
    credentials = _read_patterns(parts.pop(CREDENTIALS, None), "{0}.{1}".format(option, CREDENTIALS))
    if kind == NO_TARGET and parts:
        what = "kind '{0}' has no option {1}".format(NO_TARGET, ", ".join(ascii(part) for part in parts))
        raise InvalidConfiguration(what, option=option, remedy="Leave it out, or write another 'kind'.")
    return DescribedTarget(name, kind, parts, rotation, consumers, credentials)


def _read_patterns(written: Any, option: str) -> tuple[str, ...] | None:
    if written is None:
        return None
    if not isinstance(written, list) or not written or not all(isinstance(each, str) and each for each in written):
        raise InvalidConfiguration("it is no list of names", option=option, remedy="Write names or patterns: ['shop/*'].")
    return tuple(written)
