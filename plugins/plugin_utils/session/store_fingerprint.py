# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identify stores by all of their configuration."""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any


class Fingerprints:
    """Fingerprints of stores. They are keyed, since a configuration may hold logins, and cover all of it: stores never share a login."""

    def __init__(self) -> None:
        """Generate a key for this process alone."""
        self._key = secrets.token_bytes(32)

    def of(self, name: str, config: Mapping[str, Any]) -> str:
        """Return the fingerprint of a store of this name and configuration."""
        return self._digest([name, config])

    def of_logins(self, config: Mapping[str, Any]) -> str:
        """Return a text that changes with what the variables and files hold now that a configuration names for its logins and keys."""
        # Imported here: a session listens before it opens a store.
        from ansible_collections.nebula.credential.plugins.module_utils.backends.option_sources import list_logins

        return self._digest(list(list_logins(config)))

    def _digest(self, content: Any) -> str:
        text = json.dumps(content, sort_keys=True, default=str)
        return hmac.new(self._key, text.encode("utf-8"), "sha256").hexdigest()
