# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation target of a third party: of another collection, or of a Python package.

It is loaded on the controller, in the task's own process, if the configuration lists it. The target `acme.vaulty.appliance` is the module
`plugins/plugin_utils/rotation_targets/appliance.py` of the collection `acme.vaulty`. A name without dots is that of an entry point of the
group `nebula_credential.targets`, which names a module. Such a module has `TARGET`, a subclass of our `Target`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from ansible_collections.nebula.credential.plugins.module_utils.errors import suggest
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Target
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import KINDS, add_target, unknown_error
from ansible_collections.nebula.credential.plugins.plugin_utils.config.configuration_path import EXTENSIONS, FILE_NAME
from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party import (
    find_entry_points,
    import_extension,
    load_entry_point,
    refusal_error,
)

GROUP = "nebula_credential.targets"
FOLDER = "rotation_targets"
OPTION = "target"


def is_kind(kind: str) -> bool:
    """Whether a kind is one of ours, the name of an entry point, or may be the full name of another collection's."""
    return kind in KINDS or "." in kind or bool(find_entry_points(GROUP, kind))


def load_target(kind: str, allowed: Iterable[str]) -> type[Target]:
    """Load a third party's target, register it in this process and return it.

    Args:
        kind: its full name (namespace.collection.target), or the name of an entry point.
        allowed: the names that the configuration lists.

    Raises:
        InvalidInput: there is none of that name.
        InvalidConfiguration: the configuration does not list it, or it cannot be imported, or is no target.
    """
    if not is_kind(kind):
        raise unknown_error(kind)
    listed = tuple(allowed)
    if kind not in listed:
        remedy = "{0}Add it to '{1}' in {2}.".format(suggest(kind, listed), EXTENSIONS, FILE_NAME)
        raise refusal_error("the configuration does not list the target '{0}'".format(kind), remedy, OPTION)
    target = getattr(_load_module(kind), "TARGET", None)
    if not (isinstance(target, type) and issubclass(target, Target) and not inspect.isabstract(target)):
        remedy = "Its module sets TARGET to a subclass of Target with every method."
        raise refusal_error("'{0}' is no target".format(kind), remedy, OPTION)
    add_target(kind, target)
    return target


def _load_module(kind: str) -> object:
    if "." in kind:
        return import_extension(kind, FOLDER, OPTION)
    return load_entry_point(kind, find_entry_points(GROUP, kind), "target", OPTION)
