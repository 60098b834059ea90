# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rotation target that a credential is assigned to: part `rotation` of its metadata.

It names a target. The target itself (its kind, its host, its programs, who gets a password) is described where the run is
configured, because on a store of another service whoever may change a tag could change metadata, too. Options of the target are
taken from metadata only where the key of an encrypted store authenticates it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, suggest
from ansible_collections.nebula.credential.plugins.module_utils.model.record import ROTATES

TARGET, OPTIONS = "target", "options"
_PARTS = (TARGET, OPTIONS)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


@dataclass(frozen=True)
class Assignment:
    """The name of a target, and options that win over those of its description."""

    target: str
    options: Mapping[str, Any] = field(default_factory=dict)


def is_target_name(name: object) -> bool:
    """Whether this can be the name of a described target."""
    return isinstance(name, str) and _NAME.match(name) is not None


def check_assignment(written: Mapping[str, Any], *, is_authenticated: bool, option: str = "rotation") -> Dict[str, Any]:
    """Return what a user or a store says of the target as JSON-like data; empty if nothing is assigned.

    Args:
        written: `{target, options}`.
        is_authenticated: whether a key of the collection authenticates the metadata that holds it.
        option: what it is called in messages.

    Raises:
        InvalidInput: there is another part, the target is no name, or there are options in metadata that no key authenticates.
    """
    given = {name: part for name, part in written.items() if part is not None}
    if not given:
        return {}
    for name in given:
        _check_part(str(name), is_authenticated, option)
    if not is_target_name(given.get(TARGET)):
        what = "it is not the name of a target" if given.get(TARGET) is not None else "it is missing"
        remedy = "Write the name under 'targets' in nebula.yml: 1 to 64 letters, digits, '.', '_' and '-'; or 'none'."
        raise InvalidInput(what, option="{0}.{1}".format(option, TARGET), remedy=remedy)
    if not isinstance(given.get(OPTIONS, {}), Mapping):
        raise InvalidInput("it is not a mapping", option="{0}.{1}".format(option, OPTIONS), remedy="Write options of the target.")
    return {TARGET: str(given[TARGET]), **({OPTIONS: dict(given[OPTIONS])} if given.get(OPTIONS) else {})}


def _check_part(name: str, is_authenticated: bool, option: str) -> None:
    if name not in _PARTS:
        remedy = "{0}It has: {1}. The target is described under 'targets' in nebula.yml.".format(suggest(name, _PARTS), ", ".join(_PARTS))
        raise InvalidInput("there is no part {0}".format(ascii(name)), option=option, remedy=remedy)
    if name == OPTIONS and not is_authenticated:
        what = "no key authenticates the metadata of this store, so whoever may change it could choose commands and hosts"
        remedy = "Leave it out, and write the options under 'targets' in nebula.yml; or keep the credential in an encrypted store."
        raise InvalidInput(what, option="{0}.{1}".format(option, name), remedy=remedy)


def read_assignment(attributes: Mapping[str, Any], *, is_authenticated: bool) -> Optional[Assignment]:
    """Return what the attributes of a stored credential say; None if it is assigned to no target.

    Raises:
        InvalidInput: they say something else than the name of a target, and no key authenticates it, or it cannot be read.
    """
    written = attributes.get(ROTATES)
    if not written:
        return None
    if not isinstance(written, Mapping):
        raise InvalidInput(
            "it is not a mapping", option="rotation", remedy="Write 'rotation: {target: NAME}' with the module 'credential'."
        )
    checked = check_assignment(written, is_authenticated=is_authenticated)
    return Assignment(checked[TARGET], checked.get(OPTIONS, {})) if checked else None
