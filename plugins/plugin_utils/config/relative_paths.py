# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths of a store that a configuration file defines: relative ones start beside the file, whoever reads it from wherever."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.config.option_traits import (
    AUTH,
    KEY_SOURCES,
    OF_A_KEY_SOURCE,
    OF_A_LOGIN,
    OF_A_SHARED_CACHE,
    OF_EVERY_STORE,
    SHARED_CACHE,
    of_backend,
)


def beside_file(config: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    """The configuration with each relative path taken from the directory of `file`; what is no path is left for the store's checks."""
    directory = os.path.dirname(os.path.abspath(file))
    paths = (*OF_EVERY_STORE.paths, *of_backend(config.get("backend")).paths)
    placed = {name: _placed_option(value, directory) if name in paths else value for name, value in config.items()}
    placed = _with_placed_login(placed, directory)
    placed = _with_placed_sources(placed, directory)
    together = placed.get(SHARED_CACHE)
    if isinstance(together, Mapping):
        at_place = {
            name: _placed_option(value, directory) if name in OF_A_SHARED_CACHE.paths else value for name, value in together.items()
        }
        placed[SHARED_CACHE] = _with_placed_sources(at_place, directory)
    return placed


def _with_placed_sources(placed: dict[str, Any], directory: str) -> dict[str, Any]:
    sources = placed.get(KEY_SOURCES)
    if not isinstance(sources, list):
        return placed
    return {**placed, KEY_SOURCES: [_placed_source(source, directory) for source in sources]}


def _placed_option(value: Any, directory: str) -> Any:
    """A path as ansible-core reads it, which resolves a variable of the environment in it."""
    is_whole = isinstance(value, str) and os.path.isabs(os.path.expandvars(value))
    return value if is_whole else _placed(value, directory)


def _placed_source(source: Any, directory: str) -> Any:
    if not isinstance(source, Mapping):
        return source
    placed = {key: _placed(value, directory) if key in OF_A_KEY_SOURCE.paths else value for key, value in source.items()}
    return _with_placed_login(placed, directory)


def _with_placed_login(placed: dict[str, Any], directory: str) -> dict[str, Any]:
    """Files that hold a login are named within the option `auth`."""
    login = placed.get(AUTH)
    if not isinstance(login, Mapping):
        return placed
    return {**placed, AUTH: {key: _placed(value, directory) if key in OF_A_LOGIN.paths else value for key, value in login.items()}}


def _placed(value: Any, directory: str) -> Any:
    if not isinstance(value, str) or not value or value.startswith("~"):
        return value
    return os.path.normpath(os.path.join(directory, value))
