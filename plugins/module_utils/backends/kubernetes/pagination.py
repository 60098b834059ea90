# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists Secrets page by page, and without their values.

The form `Table` has the metadata of each Secret and a few columns: its type is one of them, its values are not.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, Iterator, List, Mapping, Set

from ansible_collections.nebula.credential.plugins.module_utils.backends.kubernetes.connection import Connection
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, StorageError

PAGE = 500
PAGE_WITH_VALUES = 100
"""Fewer, because each may have a mebibyte."""
_TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
_JSON = "application/json"
_RESTARTS = 10


class Listing:
    """The Secrets that match a label selector, each once."""

    def __init__(self, connection: Connection, selector: str, *, values: bool) -> None:
        """Take the connection, the selector ("" for all), and whether to read envelopes."""
        self._connection = connection
        self._selector = selector
        self._values = values
        self.seen: Set[str] = set()
        """The names of the Secrets so far."""

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Yield Secrets. If the server's list expires during the listing, start again and skip the Secrets that were already yielded.

        Raises:
            As `Connection.request`.
            StorageError: the response is no list of Secrets, or the server returns the same page again and again.
        """
        begin = ""
        for _each in range(_RESTARTS):
            expired, begun = False, {begin}
            while not expired:
                answer = self._connection.request("list", query=self._query(begin), accept=_JSON if self._values else _TABLE)
                expired = answer.status == 410
                if expired:
                    break
                for secret in _read_items(answer.body):
                    name = secret["metadata"]["name"]
                    if name not in self.seen:
                        self.seen.add(name)
                        yield secret
                begin = str((answer.body.get("metadata") or {}).get("continue") or "")
                if not begin:
                    if not self.seen:
                        self._connection.check_namespace()
                    return
                if begin in begun:
                    raise _not_a_list("that continues with a page which was listed before")
                begun.add(begin)
            begin = ""
        raise StorageError("the listing expired 10 times on the API server", remedy="Narrow it with 'prefix'.")

    def _query(self, begin: str) -> Dict[str, str]:
        query = {"limit": str(PAGE_WITH_VALUES if self._values else PAGE)}
        if self._selector:
            query["labelSelector"] = self._selector
        if begin:
            query["continue"] = begin
        return query


def check_selector(selector: str) -> str:
    """Return a label selector if it may be valid, as far as that can be checked without the server.

    Raises:
        InvalidConfiguration: it is not valid.
    """
    if not selector.isprintable() or len(selector) > 1000:
        raise InvalidConfiguration("it is not a label selector", option="label_selector", remedy="Write it as 'app=web,tier in (a,b)'.")
    return selector


def _read_items(body: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    """Return the items of a list, which all have names.

    Raises:
        StorageError: one has none.
    """
    with suppress(AttributeError, IndexError, KeyError, TypeError, ValueError):
        items = list(_secrets(body))
        if all(isinstance(item["metadata"]["name"], str) for item in items):
            return items
    raise _not_a_list("with an entry that is no Secret")


def _not_a_list(reason: str) -> StorageError:
    return StorageError(
        "the API server returned a list {0}".format(reason),
        remedy="Check that nothing between this machine and the API server changes responses.",
    )


def _secrets(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the items of a list, or the rows of a table as Secrets without data."""
    if body.get("kind") != "Table":
        yield from body.get("items") or ()
        return
    columns = [column.get("name") for column in body.get("columnDefinitions") or ()]
    position = columns.index("Type") if "Type" in columns else None
    for row in body.get("rows") or ():
        yield {"metadata": row["object"]["metadata"], "type": "" if position is None else row["cells"][position]}
