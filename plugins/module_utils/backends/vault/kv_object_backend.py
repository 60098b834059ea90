# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part that both object backends of KV share: their own connection."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.backend import ObjectBackend
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connected_backend import Connected
from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.connection import Connection


class KvObjectBackend(Connected, ObjectBackend):
    """Objects as secrets of KV. A subclass makes the places."""

    def __init__(self, options: Mapping[str, Any], context: BackendContext, connection: Connection) -> None:
        """Take the store's options, and the connection, which this backend closes. Sends nothing.

        Raises:
            InvalidConfiguration: `mount` or `prefix` is not a path, or `keep_versions` is negative.
        """
        self._connection = connection
        super().__init__(options, context)
