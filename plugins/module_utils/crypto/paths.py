# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where keys and marks lie: outside the store, so that a copy of the store opens nothing."""

from __future__ import annotations

import os


def keys_directory() -> str:
    """`$XDG_CONFIG_HOME/nebula/keys`, or `~/.config/nebula/keys`. A relative XDG_CONFIG_HOME is not looked at (XDG Base Directory)."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    base = configured if os.path.isabs(configured) else os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(base, "nebula", "keys")


def default_key_path(store_id: bytes) -> str:
    """The key file of a store whose configuration names none."""
    return os.path.join(keys_directory(), store_id.hex() + ".key")


def marks_directory(store_id: bytes) -> str:
    """The high-water marks of a store, as this user has seen it."""
    return os.path.join(keys_directory(), store_id.hex() + ".marks")
