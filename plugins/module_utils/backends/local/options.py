# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store in a local directory. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits

ENCRYPTED, JSON, YAML, BINARY = "encrypted", "json", "yaml", "binary"


TRAITS = BackendTraits(
    spec={
        "path": {"type": "path", "default": "~/.nebula/credentials"},
        "format": {"type": "str", "default": ENCRYPTED, "choices": [ENCRYPTED, JSON, YAML, BINARY]},
        "keep_versions": {"type": "int", "default": 10},
        "secure_delete": {"type": "bool", "default": True},
        "backup": {"type": "bool", "default": False},
        "backup_path": {"type": "path"},
        "backup_retention": {"type": "int", "default": 30},
        "lock_timeout": {"type": "float", "default": 10.0},
        "allow_plaintext": {"type": "bool", "default": False},
    },
    directory="path",
)
