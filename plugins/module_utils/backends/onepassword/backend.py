# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials as items of one vault of 1Password, read through a Connect server. The layout is in docs/integrations/backends."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import BackendContext
from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.items import Item, read_entry, read_summary
from ansible_collections.nebula.credential.plugins.module_utils.backends.onepassword.options import TRAITS
from ansible_collections.nebula.credential.plugins.module_utils.backends.service_reader import Entry, ServiceReader


class OnePassword(ServiceReader):
    """The items of one vault, by their titles."""

    options = TRAITS.spec
    default_retries = 3
    service = "1Password Connect"

    def __init__(self, options: Mapping[str, Any], context: BackendContext) -> None:
        """Check the options. Sends nothing.

        Raises:
            InvalidConfiguration: the error names the option, what is wrong and what is allowed.
        """
        super().__init__(options, context)
        self._connection: Connection = Connection(options, context.warn)
        self._ids: Dict[str, str] = {}
        """The ids of items that were found, by title. An item that was read shows whether it still has that title."""

    def read_entry(self, name: str) -> Optional[Entry]:
        known = self._ids.get(name)
        item = self._read_item(known, name) if known is not None else None
        if item is None:
            found = self._find_id(name)
            item = self._read_item(found, name) if found is not None else None
        return None if item is None else read_entry(item)

    def _find_id(self, name: str) -> Optional[str]:
        found = [str(item["id"]) for item in self._connection.list_items(title=name) if item["title"] == name]
        if len(found) > 1:
            raise self.ambiguous(name)
        return found[0] if found else None

    def _read_item(self, item_id: str, name: str) -> Optional[Item]:
        """Return an item with its values; None if it is gone or has another title by now."""
        item = self._connection.read_item(item_id)
        if item is None or item["title"] != name:
            self._ids.pop(name, None)
            return None
        self._ids[name] = item_id
        return item

    def read_entries(self, names: Iterable[str]) -> Dict[str, Entry]:
        """Return entries by name: one request finds the ids of all of them, if there are several."""
        wanted = list(names)
        if len(wanted) > 1 and any(name not in self._ids for name in wanted):
            self._note_ids(set(wanted))
        return super().read_entries(wanted)

    def _note_ids(self, wanted: Iterable[str]) -> None:
        ids: Dict[str, list[str]] = {}
        for item in self._connection.list_items():
            if item["title"] in wanted:
                ids.setdefault(item["title"], []).append(str(item["id"]))
        # A title that several items have is found to be ambiguous when it is read.
        self._ids.update({title: found[0] for title, found in ids.items() if len(found) == 1})

    def list_entries(self) -> Iterator[Tuple[str, Entry]]:
        for item in self._connection.list_items():
            yield item["title"], read_summary(item)

    def check_health(self) -> None:
        self._connection.look_up_vault()

    def location(self) -> str:
        return "1password {0} {1}".format(self._connection.address, self._connection.vault)

    def locate(self, name: str) -> Dict[str, str]:
        return {"vault": self._connection.vault, "item": name}
