# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a store in a local directory. Loads no backend."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.backends.traits import BackendTraits

ENCRYPTED, JSON, YAML, BINARY = "encrypted", "json", "yaml", "binary"


TRAITS = BackendTraits(
    spec={
        "path": {
            "description": "The directory. It is created with mode 0700, with missing parents.",
            "type": "path",
            "default": "~/.nebula/credentials",
        },
        "format": {
            "description": "How values are written. All but `encrypted` are plain.",
            "type": "str",
            "default": ENCRYPTED,
            "choices": [ENCRYPTED, JSON, YAML, BINARY],
        },
        "permissions": {
            "description": "The mode of the files with values: `0600`, or `0400` against careless edits. Others can never read them.",
            "type": "raw",
            "default": "0600",
        },
        "keep_versions": {"description": "How many older values of a credential can still be read.", "type": "int", "default": 10},
        "secure_delete": {"description": "Overwrite deleted values before their space is freed.", "type": "bool", "default": True},
        "backup": {"description": "Copy every value before it is overwritten or deleted.", "type": "bool", "default": False},
        "backup_path": {"description": "The directory of the copies. Without it: `<path>/.nebula/backups`.", "type": "path"},
        "backup_retention": {"description": "For how many days copies are kept.", "type": "int", "default": 30},
        "lock_timeout": {
            "description": "Seconds that a write waits for another one of the same credential.",
            "type": "float",
            "default": 10.0,
        },
        "allow_plaintext": {"description": "Must be true for a plain format.", "type": "bool", "default": False},
    },
    directory="path",
)
