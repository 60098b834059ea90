# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The paths of keys and marks: outside the store, so that a copy of the store opens nothing."""

from __future__ import annotations

import os
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.home import expand_home


def keys_directory() -> str:
    """Return `$XDG_CONFIG_HOME/nebula/keys`, or `~/.config/nebula/keys`. Ignores a relative XDG_CONFIG_HOME (XDG Base Directory)."""
    return os.path.join(_find_base(), "keys")


def find_indices_directory() -> Optional[str]:
    """Return the directory of this user's indices of local stores, next to that of the keys: what is in it can be lost.

    None if the user has no home directory.
    """
    try:
        return os.path.join(_find_base(), "indices")
    except InvalidConfiguration:
        return None


def _find_base() -> str:
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    base = configured if os.path.isabs(configured) else expand_home("~/.config")
    return os.path.join(base, "nebula")


def default_key_path(store_id: bytes) -> str:
    """Return the path of the key file of a store whose configuration names none."""
    return os.path.join(keys_directory(), store_id.hex() + ".key")


def marks_directory(store_id: bytes) -> str:
    """Return the directory of this user's high-water marks of a store."""
    return os.path.join(keys_directory(), store_id.hex() + ".marks")
