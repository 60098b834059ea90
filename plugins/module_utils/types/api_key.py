# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API keys (C1)."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import generation
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

HEADER, QUERY = "header", "query"


class ApiKey(CredentialType):
    """A key that a service issues, and how it is sent. `header` and `query` can be read as fields; they are computed from the others."""

    name = "api_key"
    description = "a key that a service accepts in a header or parameter"
    primary = "api_key"
    generated_kind = generation.URLSAFE
    fields = (
        Field("api_key", secret=True, required=True, description="The key."),
        Field("param_name", description="The header or parameter that carries it, for example C(X-API-Key)."),
        Field("prefix", description="The word before the key in the header, for example C(Bearer)."),
        Field("endpoint", identifies=True, description="The address of the service."),
    )

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, the header that carries the key, or the parameter of a query that does.

        Raises:
            NoToken: there is no such value.
            InvalidToken: the key, its name or its prefix cannot be written in a header.
        """
        if field not in (HEADER, QUERY):
            return super().read(fields, state, field)
        # Imported here: most processes read neither.
        from ansible_collections.nebula.credential.plugins.module_utils.types import http_forms

        key = super().read(fields, state, self.primary)
        known = {name: value.expose().decode("utf-8") for name, value in find_values(fields).items() if name in ("param_name", "prefix")}
        if field == QUERY:
            return http_forms.build_query(known.get("param_name", self.primary), key)
        default = "" if "param_name" in known else "Bearer"
        return http_forms.build_header(known.get("param_name", "Authorization"), known.get("prefix", default), key)
