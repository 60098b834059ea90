# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service principals of Azure, and their tokens (C7)."""

from __future__ import annotations

import json
import re
from typing import Dict

from ansible_collections.nebula.credential.plugins.module_utils.errors import check_packages
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import entra_login
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    Field,
    RefreshAnswer,
    read_texts,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.issued_token import TOKEN, IssuedTokenType
from ansible_collections.nebula.credential.plugins.module_utils.types.service_address import CA_CERT, check_ca_cert

ENVIRONMENT = "environment"
SCOPE = "https://management.azure.com/.default"
_SCOPE = re.compile(r"[!-~]{1,512}\Z")
_VARIABLES = {
    "tenant_id": ("AZURE_TENANT_ID", "AZURE_TENANT"),
    "client_id": ("AZURE_CLIENT_ID",),
    "client_secret": ("AZURE_CLIENT_SECRET", "AZURE_SECRET"),
    "subscription_id": ("AZURE_SUBSCRIPTION_ID",),
}
"""The variables that Azure's tools read, and those of the collection azure.azcollection."""


class Azure(IssuedTokenType):
    """The secret or certificate of a service principal. `environment` can be read as a field: its login for tools of Azure."""

    name = "azure"
    description = "a service principal of Azure, and its tokens"
    primary = "client_secret"
    packages = entra_login.PACKAGES
    ended_by = "Microsoft Entra sets the end of a token."
    fields = (
        *entra_login.PRINCIPAL_FIELDS,
        Field("subscription_id", description="The subscription, for RV(environment)."),
        Field("scope", default=SCOPE, description="What the tokens are for: a resource with C(/.default) at its end."),
        CA_CERT,
    )

    def primary_of(self, fields: Fields) -> str:
        """Return `client_certificate` if there is one, else `client_secret`."""
        return entra_login.find_primary(find_values(fields))

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields.

        Raises:
            InvalidInput: as `CredentialType.validate`; or a part of the login is missing or does not fit.
            MissingLibrary: a package is not installed.
        """
        complete = super().validate(fields)
        texts = read_texts(complete)
        entra_login.check_principal(self, texts)
        if not _SCOPE.match(texts["scope"]):
            self.refuse("scope", "is no scope", "Write one resource: 'https://management.azure.com/.default'.")
        if "ca_cert" in texts:
            check_ca_cert(self, texts["ca_cert"])
        check_packages(self.packages)
        return complete

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, the token, or the variables of a login.

        Raises:
            NoToken: there is no such value, or no token yet.
        """
        if field == ENVIRONMENT:
            texts = read_texts(fields)
            return Secret(json.dumps({name: texts[part] for part in _VARIABLES if part in texts for name in _VARIABLES[part]}))
        return super().read(fields, state, field)

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Get a token.

        Raises:
            CredentialError: as `entra_login.request_token`.
        """
        texts = read_texts(fields)
        token = entra_login.request_token(texts, texts["scope"])
        return RefreshAnswer({TOKEN: Secret(token.text)}, token.ends_at)
