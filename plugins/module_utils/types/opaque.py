# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any content: what other tools wrote, files, values without a type."""

from __future__ import annotations

from typing import Dict

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import OPAQUE, Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType

CONVENTIONS = (
    ("value",),
    ("tls.key", "tls.crt"),
    ("ssh-privatekey",),
    ("token", "ca.crt", "namespace"),
    ("token-secret", "token-id"),
    ("password",),
)
"""The fields by which other tools' values are known, the strongest first; the first of each is the one that `get` returns."""


class Opaque(CredentialType):
    """Any fields with any bytes. All of them count as secret."""

    name = OPAQUE
    description = "any fields with any bytes, all of them secret"
    primary = "value"

    def primary_of(self, fields: Fields) -> str:
        """Return the field that holds the secret by convention (`CONVENTIONS`), else the only one that has a value, else `value`."""
        there = find_values(fields)
        by_convention = [names[0] for names in CONVENTIONS if all(name in there for name in names)]
        return (by_convention or (list(there) if len(there) == 1 else [self.primary]))[0]

    def lacks_value(self, fields: Fields) -> bool:
        """Return True if there is no field at all: one with fields of its own needs no `value` as well."""
        return not fields

    def choose_field(self, fields: Fields) -> str:
        """Return the primary field.

        Raises:
            InvalidInput: there are several fields with a value, and none of them is the primary one.
        """
        primary, there = self.primary_of(fields), find_values(fields)
        if there and primary not in there:
            raise InvalidInput("no field is named, and it has several", option="field", remedy=self._has(fields) + " Name one of them.")
        return primary

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Accept any fields, but at least one.

        Raises:
            InvalidInput: there is no field.
        """
        if not fields:
            raise InvalidInput("there is no field", option="fields", remedy="Give 'value', or at least one field.")
        return dict(fields)
