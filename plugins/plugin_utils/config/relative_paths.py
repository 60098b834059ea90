# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths of a store in a configuration file: a relative path starts at the file's directory, not at the current one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import change_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import find_traits
from ansible_collections.nebula.credential.plugins.module_utils.store.paths import change_undeclared_paths
from ansible_collections.nebula.credential.plugins.plugin_utils.config.option_traits import STORE_PATHS


def beside_file(config: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    """Return the configuration with each relative path resolved from the directory of `file`. The store checks what is no path."""
    place = partial(_resolve, os.path.dirname(os.path.abspath(file)))
    traits = find_traits(config.get("backend"))
    for option in (*STORE_PATHS, *(traits.paths if traits else ())):
        config = change_part(config, option, place)
    return change_undeclared_paths(config, traits, lambda _option, value: place(value))


def _resolve(directory: str, value: Any) -> Any:
    """Return a path of the file. The store resolves what begins with `~` or with an environment variable."""
    if not isinstance(value, str) or not value or os.path.expandvars(value).startswith((os.sep, "~", "$")):
        return value
    return os.path.normpath(os.path.join(directory, value))
