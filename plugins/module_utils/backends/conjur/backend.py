# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as variables of Conjur: each has one field, `value`. The layout is in docs/integrations/backends."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.conjur.options import PREFIX, TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_reader import Entry, ServiceReader

VERSION = "current"
"""The version of every value: Conjur states none with a value."""
BATCH = 100
"""The most variables that one request names: addresses have a length at which proxies refuse them."""


class Conjur(ServiceReader):
    """The variables of one account whose ids begin with `prefix`."""

    options = TRAITS.spec
    default_retries = 3
    service = "Conjur"

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Check the options. Sends nothing.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        super().__init__(options, context)
        self._connection: Connection = Connection(options, context.warn)
        self._prefix = str(self.setting(PREFIX))

    def read_entry(self, name: str) -> Optional[Entry]:
        value = self._connection.read(self._prefix + name)
        return None if value is None else _build_entry(value)

    def read_entries(self, names: Iterable[str]) -> Dict[str, Entry]:
        """Return entries by name, by one request for many of them. If that is refused, those that there are, and at last one by one."""
        wanted = list(names)
        found: Dict[str, Entry] = {}
        for start in range(0, len(wanted), BATCH):
            found.update(self._read_batch(wanted[start : start + BATCH]))
        return found

    def _read_batch(self, names: List[str]) -> Dict[str, Entry]:
        values = self._connection.read_many([self._prefix + name for name in names])
        if values is None:
            # One that is missing or denied has Conjur refuse them all.
            listed = {name for name, _entry in self.list_entries()}
            names = [name for name in names if name in listed]
            values = self._connection.read_many([self._prefix + name for name in names])
        if values is not None:
            return {name: _build_entry(values[self._prefix + name]) for name in names if self._prefix + name in values}
        return super().read_entries(names)

    def list_entries(self) -> Iterator[Tuple[str, Entry]]:
        for variable in self._connection.list_variables():
            if variable.startswith(self._prefix):
                yield variable[len(self._prefix) :], Entry(VERSION)

    def check_health(self) -> None:
        self._connection.check_login()

    def location(self) -> str:
        return "conjur {0} {1} {2}".format(self._connection.address, self._connection.account, self._prefix)

    def locate(self, name: str) -> Dict[str, str]:
        return {"account": self._connection.account, "variable": self._prefix + name}


def _build_entry(value: bytes) -> Entry:
    return Entry(VERSION, {"value": value})
