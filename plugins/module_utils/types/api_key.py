# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""API keys (C1)."""

from __future__ import annotations

from ansible_collections.nebula.credential.plugins.module_utils.types import generation
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field


class ApiKey(CredentialType):
    """A key that a service issues, and how it is sent."""

    name = "api_key"
    description = "a key that a service accepts in a header or parameter"
    primary = "api_key"
    generated_kind = generation.URLSAFE
    fields = (
        Field("api_key", secret=True, required=True, description="The key."),
        Field("param_name", description="The header or parameter that carries it, for example C(X-API-Key)."),
        Field("endpoint", description="The address of the service."),
    )
