# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""User name and password (C2)."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

HEADER, HTPASSWD = "header", "htpasswd"


class Basic(CredentialType):
    """A password and its user name. `header` and `htpasswd` can be read as fields; they are computed from the two."""

    name = "basic"
    description = "a user name and a password"
    primary = "password"
    fields = (
        Field("password", secret=True, required=True, description="The password."),
        Field("username", identifies=True, description="The user of the password."),
    )

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, the header of HTTP's basic authentication, or the line of an htpasswd file.

        Raises:
            NoToken: there is no such value, or no user name for the header or line.
            InvalidToken: the user name or password cannot be written in that form.
            MissingLibrary: bcrypt, which makes the line, is not installed.
        """
        if field not in (HEADER, HTPASSWD):
            return super().read(fields, state, field)
        # Imported here: most processes read neither.
        from ansible_collections.nebula.credential.plugins.module_utils.types import http_forms

        username, password = (super(Basic, self).read(fields, state, name) for name in ("username", "password"))
        return http_forms.build_basic_header(username, password) if field == HEADER else http_forms.build_htpasswd(username, password)
