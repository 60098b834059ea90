# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A random key of this user and machine, next to the stores' keys. It authenticates derived data, such as indices, that can be lost."""

from __future__ import annotations

import os
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.crypto import primitives
from ansible_collections.nebula.credential.plugins.module_utils.crypto.paths import keys_directory
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import create_exclusively
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import check_private_file, make_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import read_file

_NAME = "indices.mac"


def read_user_key() -> Optional[bytes]:
    """Return 32 bytes that only this user has; make them at first use. None if they cannot be kept, or others can reach them."""
    try:
        directory = keys_directory()
        path = os.path.join(directory, _NAME)
        make_directory(directory)
        if not os.path.exists(path):
            create_exclusively(path, os.urandom(primitives.KEY_SIZE))
        check_private_file(path, "the key of the indices", lambda _message: None)
        content = read_file(path, primitives.KEY_SIZE)
    except (OSError, CredentialError):
        return None
    return content if len(content) == primitives.KEY_SIZE else None
