# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Badges of doors: a number with a check digit, and who holds it. Copy it, and replace what is about badges."""

from __future__ import annotations

import secrets
from datetime import date, datetime, time, timezone
from typing import Any, Dict, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Fields, find_values
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.types.base import CredentialType, Field

DIGITS = 15
LABEL = "label"


class Badge(CredentialType):
    """The number of a badge. `label`, what is printed on it, can be read as a field."""

    name = "badge"
    description = "a badge that opens doors"
    primary = "number"
    fields = (
        Field("number", secret=True, required=True, description="Digits, the last of which checks the others."),
        Field("holder", identifies=True, description="Who holds it."),
        Field("last_day", description="The day after which it opens no door: 2027-01-31."),
    )

    def is_secret(self, field: str) -> bool:
        return field != LABEL and super().is_secret(field)

    def validate(self, fields: Fields) -> Dict[str, Secret]:
        complete = super().validate(fields)
        number = complete["number"].expose().decode("utf-8")
        if not (number.isascii() and number.isdigit()) or check_digit(number[:-1]) != number[-1]:
            self.refuse("number", "has no correct check digit", "Copy it from the badge.")
        if "last_day" in find_values(complete):
            try:
                read_day(complete["last_day"])
            except ValueError:
                self.refuse("last_day", "is no day", "Write it as 2027-01-31.")
        return complete

    def read(self, fields: Fields, state: Fields, field: str) -> Secret:
        if field != LABEL:
            return super().read(fields, state, field)
        holder = find_values(fields).get("holder", Secret("nobody"))
        return Secret(b"Badge of " + holder.expose())

    def expires_at(self, fields: Fields) -> Optional[datetime]:
        last_day = find_values(fields).get("last_day")
        return None if last_day is None else read_day(last_day)

    def generate(self, options: Mapping[str, Any], fields: Fields) -> Dict[str, Secret]:
        given = sorted(name for name, value in options.items() if value is not None)
        if given:
            raise InvalidInput("a badge has no option {0}".format(", ".join(given)), option="generate", remedy="Leave it out.")
        number = "".join(secrets.choice("0123456789") for _digit in range(DIGITS))
        return dict(fields, number=Secret(number + check_digit(number)))


def check_digit(digits: str) -> str:
    """Return the digit that the algorithm of Luhn adds."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def read_day(value: Secret) -> datetime:
    """Return the end of a day, in UTC. Raises ValueError if it is none."""
    day = date.fromisoformat(value.expose().decode("utf-8"))
    return datetime.combine(day, time(23, 59, 59), timezone.utc)


TYPE = Badge
