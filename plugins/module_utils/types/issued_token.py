# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What types have in common that store a key and return short-lived tokens made with it."""

from __future__ import annotations

from datetime import datetime
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import DUE_AT_ONCE, CredentialType, TypeCapabilities

TOKEN = "token"


class IssuedTokenType(CredentialType):
    """A key that is stored as it was given, and a token in the state of the last refresh. `refresh` makes the token."""

    capabilities = TypeCapabilities(refresh=True, generation=False)
    refresh_is_single_use = False
    without_token = "there is no token yet"
    """What is said if a token is read before the first refresh."""
    ended_by = ""
    """A sentence for that message: what sets the end of a token."""

    def choose_field(self, fields: Fields) -> str:
        """Return `token`."""
        return TOKEN

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        """Return a time in the past: the first read makes a token."""
        return DUE_AT_ONCE

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, or the token.

        Raises:
            NoToken: there is no such value, or no token yet.
        """
        if field == TOKEN and TOKEN not in state:
            raise NoToken(self.without_token, remedy="Leave out 'ttl' and 'expires_at': {0}".format(self.ended_by))
        return super().read(fields, state, field)
