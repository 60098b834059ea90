# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that the requirements of a rotation target are installed on the controller."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.errors import MissingLibrary
from ansible_collections.nebula.credential.plugins.module_utils.rotation.targets.base import Requirement

_NAMES = {"collection": "the collection '{0}'", "python": "the Python library '{0}'"}


def check_requirements(requires: Iterable[Requirement], module_loader: Any) -> None:
    """Check that the controller has the requirements of a target, before anything is begun.

    Args:
        requires: the target's requirements. The target itself checks those of the host.
        module_loader: the module loader of ansible-core.

    Raises:
        MissingLibrary: something is missing; the message holds the line that installs it.
    """
    for requirement in requires:
        if requirement.where == "controller" and not _is_installed(requirement, module_loader):
            what = "{0} is missing on the controller".format(_NAMES[requirement.kind].format(requirement.name))
            raise MissingLibrary(what, remedy="Install it: {0}".format(requirement.install))


def _is_installed(requirement: Requirement, module_loader: Any) -> bool:
    if requirement.kind == "collection":
        return all(module_loader.find_plugin_with_context(module).resolved for module in requirement.parts)
    return any(importlib.util.find_spec(name) is not None for name in requirement.parts)
