# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The targets that a rotation can be driven against. Static, because what is sent to a host is chosen by the imports in this file.

A third party's target has a name with dots (`acme.vaulty.appliance`). The controller adds it to its own process if the
configuration lists it; a host never has one.
"""

from __future__ import annotations

from typing import Dict, Mapping, Type

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, suggest
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import NO_TARGET, Target
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.certificate import Certificate
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.command import Command
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.linux_user import LinuxUser
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.postgresql import PostgreSQL
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.ssh_key import SshKey

TARGETS: Mapping[str, Type[Target]] = {target.kind: target for target in (PostgreSQL, SshKey, LinuxUser, Certificate, Command)}
"""By kind. `none` is no target: nothing is driven."""

KINDS = (NO_TARGET, *TARGETS)
"""The values of the option `target`, without third parties' targets."""

_added: Dict[str, Type[Target]] = {}


def add_target(kind: str, target: Type[Target]) -> None:
    """Register a third party's target in this process."""
    _added[kind] = target


def is_third_party(kind: str) -> bool:
    """Whether a kind is a third party's: it has dots."""
    return "." in kind


def option_of(kind: str) -> str:
    """Return the name of the option that holds a target's options."""
    return "target_options" if is_third_party(kind) else kind


def third_party_error(kind: str) -> InvalidInput:
    """Return the error for a third party's target that this process has not loaded, because it runs on a host."""
    what = "the target '{}' is a third party's, which is loaded on the controller only".format(kind)
    return InvalidInput(what, option="run_on", remedy="Leave 'run_on: target' out.")


def find_target(kind: str) -> Type[Target]:
    """Return the target of a kind.

    Raises:
        InvalidInput: there is none, or it is a third party's that this process has not loaded.
    """
    found = TARGETS.get(kind) or _added.get(kind)
    if found is not None:
        return found
    if is_third_party(kind):
        raise third_party_error(kind)
    raise InvalidInput(
        "there is no target {}".format(ascii(kind)),
        option="target",
        remedy="{}Allowed: {}, or the full name of a third party's (namespace.collection.name).".format(
            suggest(kind, KINDS), ", ".join(KINDS)
        ),
    )
