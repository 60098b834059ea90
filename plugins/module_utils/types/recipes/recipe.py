# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A recipe: how the values of a credential of type `custom` are renewed (C12). One subclass for each way.

A recipe may run a command, so only the configuration file of the run has recipes. A credential names one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, NamedTuple, NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import LoginFailed, RefreshFailed, StorageError
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import RECIPES
from ansible_collections.nebula.credential.plugins.module_utils.types.custom_rules import read_time

_LONGEST_LIFE = 10 * 366 * 86400.0
"""Seconds. A longer life than this is no statement about an expiry."""


class Renewed(NamedTuple):
    """New values of some fields, and when they expire (aware, UTC); None if that is not said."""

    fields: Mapping[str, Secret]
    expires_at: Optional[datetime]


class Recipe(ABC):
    """One way to renew values. Its constructor checks the settings and uses nothing.

    Attributes:
        name: its name in the store's option.
        is_repeatable: it may be carried out twice with the same fields: what it sends is not used up.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], lifetime: Optional[timedelta]) -> None:
        """Take the checked settings, and how long a value lives if the answer does not say it."""
        self.name = name
        self.is_repeatable = bool(settings["repeatable"])
        self._lifetime = lifetime

    @abstractmethod
    def send(self, fields: Mapping[str, Secret]) -> Mapping[str, Any]:
        """Carry it out once, within the deadline of the operation.

        Args:
            fields: the newest values that the credential holds, all of them texts.

        Returns:
            `fields`, new values by name, and `expires_in` or `expires_at`, if the answer has them; none of it is checked.

        Raises:
            CredentialError: as `CredentialType.refresh`.
        """

    def renew(self, fields: Mapping[str, Secret]) -> Renewed:
        """Carry it out once, and return what the answer means. Raises CredentialError as `send`, and StorageError for a wrong answer."""
        began = datetime.now(timezone.utc)
        answer = self.send(fields)
        found = answer.get("fields")
        if not isinstance(found, dict):
            self.refuse_answer("has no mapping 'fields'")
        return Renewed({str(name): self._read_value(str(name), value) for name, value in found.items()}, self._read_end(answer, began))

    def refuse_answer(self, what: str) -> NoReturn:
        """Raise the error for an answer that cannot be used. What was sent may be used up."""
        error = StorageError("the answer to the refresh '{0}' {1}".format(self.name, what), remedy=self._explain())
        raise error.annotate(outcome_unknown=not self.is_repeatable)

    def refuse(self, what: str, remedy: str = "") -> NoReturn:
        """Raise the error for a refusal: nothing is remembered of it if the same may be sent again."""
        kind = LoginFailed if self.is_repeatable else RefreshFailed
        raise kind("the refresh '{0}' {1}".format(self.name, what), remedy=" ".join(filter(None, (remedy, self._explain()))))

    def _explain(self) -> str:
        return "Correct '{0}.{1}' of the store in nebula.yml, or the fields of the credential.".format(RECIPES, self.name)

    def _read_value(self, name: str, value: Any) -> Secret:
        if isinstance(value, str):
            return Secret(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return Secret(str(value))
        return self.refuse_answer("has no text for the field {0}".format(ascii(name)))

    def _read_end(self, answer: Mapping[str, Any], began: datetime) -> Optional[datetime]:
        # Counted from before the request: the service may have counted from when it arrived.
        if answer.get("expires_in") is not None:
            return began + timedelta(seconds=self._read_seconds(answer["expires_in"]))
        if answer.get("expires_at") is not None:
            found = read_time(str(answer["expires_at"]))
            return self.refuse_answer("has an 'expires_at' that is no time") if found is None else found
        return None if self._lifetime is None else began + self._lifetime

    def _read_seconds(self, found: Any) -> float:
        if isinstance(found, str) and found.isascii() and found.isdigit():
            found = int(found[:12])
        if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 < found <= _LONGEST_LIFE:
            self.refuse_answer("has an 'expires_in' that is no number of seconds")
        return float(found)


def texts_of(fields: Mapping[str, Secret]) -> Dict[str, str]:
    """Return fields as text."""
    return {name: value.expose().decode("utf-8") for name, value in fields.items()}
