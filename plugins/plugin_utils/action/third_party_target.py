# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rotation target of another collection: loaded on the controller, in the task's own process, if the configuration names it.

The target `acme.vaulty.appliance` is `TARGET` in `plugins/plugin_utils/rotation_targets/appliance.py` of the collection
`acme.vaulty`, a subclass of our `Target`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.nebula.credential.plugins.module_utils.errors import suggest
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Target
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.registry import add_target
from ansible_collections.nebula.credential.plugins.plugin_utils.config.configuration_path import EXTENSIONS, FILE_NAME
from ansible_collections.nebula.credential.plugins.plugin_utils.config.third_party import import_extension, refusal_error

FOLDER = "rotation_targets"


def load_target(kind: str, allowed: Iterable[str]) -> type[Target]:
    """Load a third party's target, register it in this process and return it.

    Args:
        kind: its full name: namespace.collection.target.
        allowed: the full names that the configuration lists.

    Raises:
        InvalidConfiguration: the configuration does not list it, or it cannot be imported, or is no target.
    """
    listed = tuple(allowed)
    if kind not in listed:
        remedy = "{0}Add it to '{1}' in {2}.".format(suggest(kind, listed), EXTENSIONS, FILE_NAME)
        raise refusal_error("the configuration does not list the target '{0}'".format(kind), remedy, "target")
    target = getattr(import_extension(kind, FOLDER, "target"), "TARGET", None)
    if not (isinstance(target, type) and issubclass(target, Target)):
        raise refusal_error("'{0}' is no target".format(kind), "Its file sets TARGET to a subclass of Target.", "target")
    add_target(kind, target)
    return target
