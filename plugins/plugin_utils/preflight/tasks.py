# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks with the collection's modules read and make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.documents import Node, items_of, pairs_of, text_of
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.expressions import COMPUTED, Values, tell_names
from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.mention import Mentions, Place

WRITING = "credential"
NEEDING = ("credential_rotate", "credential_refresh", "credential_flow")
_MAKING = (None, "present", "absent")
_CREDENTIAL = "credential"
_DESCRIBING = (
    "audit_info",
    "cache",
    "credential_info",
    "credential_rotate_due",
    "preflight",
    "store_info",
    "store_key",
    "store_purge",
    "store_schema",
)
"""Modules that need no credential to be there."""


def read_module(module: str, node: Node, place: Place, found: Mentions, values: Values) -> None:
    """Add what a task of a module reads or makes."""
    if module in _DESCRIBING:
        return
    arguments = dict(pairs_of(node))
    if not arguments:
        found.untold.append((place, "the arguments are no mapping"))
        return
    store = _tell_store(arguments.get("store"))
    if store is _UNTOLD:
        found.untold.append((place, "the store is computed"))
    elif module == WRITING:
        for element in items_of(arguments["credentials"]) if "credentials" in arguments else [node]:
            _read_writing(dict(pairs_of(element)), store, place, found, values)
    else:
        named = [arguments[key] for key in ("name", "names") if key in arguments] if module in NEEDING else list(_find_named(node))
        for each in (inner for outer in named for inner in items_of(outer)):
            _add(each, store, place, found, values)


def _read_writing(element: dict[str, Node], store: str | None, place: Place, found: Mentions, values: Values) -> None:
    name, state = element.get("name"), element.get("state")
    told = None if name is None else _tell(name, values)
    if told is None:
        found.untold.append((place, COMPUTED))
    elif (None if state is None else text_of(state)) in _MAKING:
        found.made.update((each, store) for each in told)
    else:
        found.add(told, store, place)


def _add(node: Node, store: str | None, place: Place, found: Mentions, values: Values) -> None:
    told = _tell(node, values)
    if told is None:
        found.untold.append((place, COMPUTED))
    else:
        found.add(told, store, place)


def _tell(node: Node, values: Values) -> Any:
    text = text_of(node)
    return None if text is None else tell_names(text, values)


def _find_named(node: Node) -> Iterator[Node]:
    """Yield the values of every `credential`, at any depth."""
    for key, value in pairs_of(node):
        if key == _CREDENTIAL and not list(pairs_of(value)):
            yield value
        else:
            yield from _find_named(value)
    if items_of(node) != [node]:
        for element in items_of(node):
            yield from _find_named(element)


_UNTOLD: Any = object()


def _tell_store(node: Node | None) -> Any:
    if node is None:
        return None
    text = text_of(node)
    return _UNTOLD if text is None or "{{" in text else text
