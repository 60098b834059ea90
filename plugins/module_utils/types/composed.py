# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types whose values are those of other credentials of the store: all of them together (C13), or the first valid one (S4)."""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import datetime
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, NoToken
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, Record, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field, TypeCapabilities

ANSWERED_BY = "answered_by"
CREDENTIALS = "credentials"
MOST_PARTS = 64
MOST_MEMBERS = 16
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")

Origin = Tuple[str, Optional[str]]
"""The credential that a value is read from, and the field of it; None for the one that it has if none is named."""


class ComposedType(CredentialType):
    """A type without a value of its own. The reader reads the credentials that it names, each with its own checks."""

    capabilities = TypeCapabilities(rotation=False, generation=False, composed=True)
    takes_first_valid: bool = False
    """Whether one of the credentials is enough, the first that is there and has not expired; else all of them are read."""

    @abstractmethod
    def list_names(self, fields: Fields) -> Tuple[str, ...]:
        """Return the credentials that it names, in order, each once.

        Raises:
            InvalidInput: another tool has written a field that names none.
        """

    @abstractmethod
    def find_origin(self, fields: Fields, field: Optional[str], read: Sequence[str]) -> Optional[Origin]:
        """Return where the value of a field is read from; None if it is a field of the credential itself, or if there is none.

        Args:
            fields: the stored fields.
            field: the field that the caller names, or None.
            read: the names of the credentials that were read.
        """

    def complete(self, name: str, fields: Fields, read: Callable[[str], Record], now: datetime) -> Dict[str, Secret]:
        """Check that it does not name itself. The others may be written later.

        Raises:
            InvalidInput: it does.
        """
        if name in self.list_names(fields):
            what = "'{0}' names itself".format(name)
            raise InvalidInput(what, option="fields", remedy="Name other credentials.")
        return dict(fields)

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        """Refuse: its values are those of other credentials.

        Raises:
            InvalidInput: always.
        """
        self.refuse(self.primary, "cannot be generated", "Name the credentials that it is made of.")

    def explain_no_refresh(self, fields: Fields) -> str:
        """Return that the named credentials are refreshed."""
        return "Refresh the credentials that it names; a read does so when they are due."

    def explain_no_rotation(self) -> str:
        """Return that the named credentials are rotated."""
        return "Rotate the credentials that it names."

    def _read_name(self, text: str, field: str) -> str:
        try:
            return check_name(text)
        except InvalidInput:
            self.refuse_name(field)

    def refuse_name(self, field: str) -> NoReturn:
        """Raise InvalidInput about a field that names no credential; what it holds is not shown."""
        self.refuse(field, "names no credential", "Write the name of a credential of the same store.")


class Composite(ComposedType):
    """Several credentials as one. Each field names a credential, and may name one of its fields: `db_pass`, `db_pass:username`."""

    name = "composite"
    description = "several credentials as one"
    primary = "value"

    def is_secret(self, field: str) -> bool:
        """Return False: what is stored is a name. Its value is masked as the named credential's type says."""
        return False

    def lacks_value(self, fields: Fields) -> bool:
        """Return True if it names no credential."""
        return not find_values(fields)

    def choose_field(self, fields: Fields) -> str:
        """Return the only field, or `value`.

        Raises:
            InvalidInput: there are several others.
        """
        there = find_values(fields)
        if self.primary in there or not there:
            return self.primary
        if len(there) > 1:
            raise InvalidInput("no field is named, and it has several", option="field", remedy=self._has(fields) + " Name one of them.")
        return next(iter(there))

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check that each field names a credential.

        Raises:
            InvalidInput: one does not, or there are none, or too many.
        """
        there = find_values(fields)
        if not 1 <= len(there) <= MOST_PARTS:
            remedy = "Give 1 to {0} fields, each with the name of a credential.".format(MOST_PARTS)
            raise InvalidInput("there are {0} fields".format(len(there)), option="fields", remedy=remedy)
        for field in there:
            if not _PART.match(field):
                self.refuse(ascii(field)[1:-1], "has no proper name", "Use letters, digits, '_', '-' and '.', 64 at most.")
            self._read_origin(there, field)
        return dict(there)

    def list_names(self, fields: Fields) -> Tuple[str, ...]:
        there = find_values(fields)
        return tuple(dict.fromkeys(self._read_origin(there, field)[0] for field in there))

    def find_origin(self, fields: Fields, field: Optional[str], read: Sequence[str]) -> Optional[Origin]:
        there = find_values(fields)
        return self._read_origin(there, field) if field in there else None

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        """Refuse: what is stored is the name of a credential, and no value.

        Raises:
            NoToken: always.
        """
        raise NoToken("there is no value in field '{0}' itself".format(field), remedy=self._has(fields))

    def _read_origin(self, fields: Mapping[str, Secret], field: str) -> Origin:
        try:
            name, colon, its_field = fields[field].expose().decode("utf-8").partition(":")
        except UnicodeDecodeError:
            self.refuse(field, "is not UTF-8 text", "Write the name of a credential of the same store.")
        if colon and not its_field:
            self.refuse(field, "ends with a colon", "Write 'credential:field', or the credential alone.")
        return self._read_name(name, field), its_field or None


class Chain(ComposedType):
    """The first credential of a list that is there and has not expired."""

    name = "chain"
    description = "the first valid one of several credentials"
    primary = CREDENTIALS
    takes_first_valid = True
    fields = (Field(CREDENTIALS, required=True, description="The names of the credentials in order, with commas in between."),)

    def choose_field(self, fields: Fields) -> str:
        """Refuse: only the credential that answers has a value.

        Raises:
            NoToken: always.
        """
        raise NoToken("it has no value of its own", remedy="Read it by the lookup 'get'.")

    def is_secret(self, field: str) -> bool:
        """Return False for the name of the credential that answered, too."""
        return field != ANSWERED_BY and super().is_secret(field)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        """Check the list, and store it without blanks.

        Raises:
            InvalidInput: as `CredentialType.validate`; also a part that is no name, a name that is there twice, or too many.
        """
        complete = super().validate(fields)
        names = [self._read_name(name, CREDENTIALS) for name in _split(complete)]
        if len(names) > MOST_MEMBERS or len(set(names)) != len(names):
            self.refuse(CREDENTIALS, "names more than {0} credentials, or one twice".format(MOST_MEMBERS), "Leave some out.")
        complete[CREDENTIALS] = Secret(",".join(names))
        return complete

    def list_names(self, fields: Fields) -> Tuple[str, ...]:
        return tuple(self._read_name(name, CREDENTIALS) for name in _split(fields))

    def find_origin(self, fields: Fields, field: Optional[str], read: Sequence[str]) -> Optional[Origin]:
        return None if field == ANSWERED_BY or field in fields else (read[0], field)


def _split(fields: Fields) -> Tuple[str, ...]:
    written = find_values(fields).get(CREDENTIALS)
    return () if written is None else tuple(name.strip() for name in written.expose().decode("utf-8", "replace").split(","))
