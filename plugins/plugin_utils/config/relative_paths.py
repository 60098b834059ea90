# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths of a store in a configuration file: a relative path starts at the file's directory, not at the current one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import change_part, read_part
from ansible_collections.nebula.credential.plugins.module_utils.backends.registry import find_traits
from ansible_collections.nebula.credential.plugins.plugin_utils.config.option_traits import KEY_SOURCES, STORE_PATHS


def beside_file(config: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    """Return the configuration with each relative path resolved from the directory of `file`. The store checks what is no path."""
    directory = os.path.dirname(os.path.abspath(file))
    traits = find_traits(config.get("backend"))
    placed: Mapping[str, Any] = dict(config)
    for option in (*STORE_PATHS, *(traits.paths if traits else ())):
        placed = change_part(placed, option, lambda value: _resolve_option(value, directory))
    for option in traits.parts_with_paths if traits else ():
        placed = change_part(placed, option, lambda value: _resolve(value, directory))
    for option in KEY_SOURCES:
        if isinstance(read_part(placed, option), list):
            placed = change_part(placed, option, lambda sources: [_resolve_source(source, directory) for source in sources])
    return placed


def _resolve_option(value: Any, directory: str) -> Any:
    """Return an option's path, resolved. A path that begins with an environment variable is left for ansible-core to resolve."""
    is_whole = isinstance(value, str) and os.path.isabs(os.path.expandvars(value))
    return value if is_whole else _resolve(value, directory)


def _resolve_source(source: Any, directory: str) -> Any:
    from ansible_collections.nebula.credential.plugins.module_utils.crypto.key_sources.options import PATHS

    for option in PATHS:
        source = change_part(source, option, lambda value: _resolve(value, directory))
    return source


def _resolve(value: Any, directory: str) -> Any:
    if not isinstance(value, str) or not value or value.startswith("~"):
        return value
    return os.path.normpath(os.path.join(directory, value))
