# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys of service accounts of Google Cloud, and their tokens (C7)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, List, Mapping

from ansible_collections.nebula.credential.plugins.module_utils.errors import NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types import google_key
from ansible_collections.nebula.credential.plugins.module_utils.types.base import (
    Field,
    RefreshAnswer,
    read_texts,
)
from ansible_collections.nebula.credential.plugins.module_utils.types.issued_token import TOKEN, IssuedTokenType
from ansible_collections.nebula.credential.plugins.module_utils.types.service_address import CA_CERT, check_ca_cert

OF_THE_KEY = ("client_email", "project_id")
"""The parts of the key that can be read as fields. They are not secret."""
_SCOPE = re.compile(r"https://[!-~]{1,200}\Z")


class Gcp(IssuedTokenType):
    """The key of a service account. `client_email` and `project_id` can be read as fields: they are parts of it."""

    name = "gcp"
    description = "a service account of Google Cloud, and its tokens"
    primary = google_key.KEY.name
    packages = google_key.PACKAGES
    ended_by = "Google sets the end of a token."
    fields = (
        replace(google_key.KEY, required=True),
        Field("scopes", default=google_key.PLATFORM, description="What the tokens are for: scopes with commas in between."),
        CA_CERT,
    )

    def is_secret(self, field: str) -> bool:
        """Return False for the public parts of the key too."""
        return field not in OF_THE_KEY and super().is_secret(field)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the fields.

        Raises:
            InvalidInput: as `CredentialType.validate`; or the key is none of a service account, or a scope is none.
            MissingLibrary: a package is not installed.
        """
        complete = super().validate(fields)
        texts = read_texts(complete)
        google_key.check_key(self, texts[self.primary])
        self._read_scopes(texts)
        if "ca_cert" in texts:
            check_ca_cert(self, texts["ca_cert"])
        return complete

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Return a field, the token, or a public part of the key.

        Raises:
            NoToken: there is no such value, or no token yet.
        """
        if field in OF_THE_KEY:
            part = google_key.read_key(self, read_texts(fields)[self.primary]).get(field)
            if not isinstance(part, str):
                raise NoToken("the key has no '{0}'".format(field), remedy="Give the key as Google wrote it.")
            return Secret(part)
        return super().read(fields, state, field)

    def refresh(self, fields: Fields, state: Fields) -> RefreshAnswer:
        """Get a token. One request.

        Raises:
            CredentialError: as `google_key.request_token`.
        """
        texts = read_texts(fields)
        token = google_key.request_token(self, texts, self._read_scopes(texts))
        return RefreshAnswer({TOKEN: Secret(token.text)}, token.ends_at)

    def _read_scopes(self, texts: Mapping[str, str]) -> List[str]:
        scopes = [scope.strip() for scope in texts["scopes"].split(",")]
        if not all(_SCOPE.match(scope) for scope in scopes):
            self.refuse("scopes", "has something that is no scope", "Write addresses such as '{0}'.".format(google_key.PLATFORM))
        return scopes
