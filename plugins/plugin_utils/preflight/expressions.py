# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find what templates read: calls of the collection's lookups in the syntax trees that Jinja makes of them. Nothing is evaluated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2
from jinja2 import nodes

from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.mention import Mentions, Place

COLLECTION = "nebula.credential."
_CALLS = ("lookup", "query", "q")
_FILTER = COLLECTION + "refetch"
_READING = (*(COLLECTION + each for each in ("get", "get_many", "file")), _FILTER)
_NO_NAMES = ("find", "vault")
_ANSWERS = ("default", "on_missing", "fallback")
_MARKS = ("{{", "{%")
_ENVIRONMENT = jinja2.Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"])  # noqa: S701  # nothing is rendered
COMPUTED = "the name is computed"
MOST_TEXTS = 10_000
"""The most texts that an expression may have to be told."""
Values = Mapping[str, Sequence[str]]
"""The texts that a variable can have: those of a literal loop."""


def search_template(text: str, place: Place, found: Mentions, values: Values) -> None:
    """Add what a text reads. One without a mark of a template reads nothing."""
    if any(mark in text for mark in _MARKS):
        _search(text, place, found, values)


def search_expression(text: str, place: Place, found: Mentions, values: Values) -> None:
    """Add what a condition reads: an expression without marks around it."""
    _search(text if any(mark in text for mark in _MARKS) else "{{ " + text + " }}", place, found, values)


def _search(text: str, place: Place, found: Mentions, values: Values) -> None:
    if COLLECTION not in text:
        return
    try:
        tree = _ENVIRONMENT.parse(text)
    except (jinja2.TemplateError, RecursionError):
        found.untold.append((place, "it is no template that can be read"))
        return
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _CALLS:
            _read_call(call, place._replace(line=place.line + call.lineno - 1), found, values)
    for used in tree.find_all(nodes.Filter):
        if used.name == _FILTER and used.node is not None:
            _read_arguments(_FILTER, used, [used.node], place._replace(line=place.line + used.lineno - 1), found, values)


def _read_call(call: nodes.Call, place: Place, found: Mentions, values: Values) -> None:
    lookup = _tell(call.args[0], values) if call.args else None
    if lookup is None or len(lookup) != 1:
        found.untold.append((place, "the lookup is computed"))
    elif lookup[0].startswith(COLLECTION) and lookup[0][len(COLLECTION) :] not in _NO_NAMES:
        _read_arguments(lookup[0], call, call.args[1:], place, found, values)


def _read_arguments(
    name: str, call: nodes.Call | nodes.Filter, arguments: Sequence[nodes.Expr], place: Place, found: Mentions, values: Values
) -> None:
    options = {str(each.key): each.value for each in call.kwargs}
    if name not in _READING or call.dyn_args is not None or call.dyn_kwargs is not None:
        found.untold.append((place, "the arguments of '{0}' are computed".format(name)))
        return
    store = _tell_store(options.get("store"), values)
    told = [_tell(argument, values) for argument in arguments]
    if store is _UNTOLD or not told or any(names is None for names in told):
        found.untold.append((place, COMPUTED if store is not _UNTOLD else "the store is computed"))
    if store is _UNTOLD:
        return
    names = [each for several in told for each in several or ()]
    found.add(names, store, place, is_optional=_has_answer(options))


_UNTOLD: Any = object()


def _tell_store(node: nodes.Expr | None, values: Values) -> Any:
    if node is None:
        return None
    told = _tell(node, values)
    return told[0] if told is not None and len(told) == 1 else _UNTOLD


def _tell(node: nodes.Expr, values: Values) -> Sequence[str] | None:
    """Return the texts that an expression can be; None if they cannot be told."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, nodes.Name):
        return values.get(node.name)
    if isinstance(node, (nodes.List, nodes.Tuple)):
        told = [_tell(element, values) for element in node.items]
        return None if any(each is None for each in told) else [text for each in told for text in each or ()]
    if isinstance(node, (nodes.Concat, nodes.Add)):
        return _join([node.left, node.right] if isinstance(node, nodes.Add) else node.nodes, values)
    return None


def _join(parts: Sequence[nodes.Expr], values: Values) -> Sequence[str] | None:
    """Return the texts of a concatenation, in every combination of its parts. A variable that is there twice has one value in each."""
    repeated = _find_repeated(parts, values)
    if repeated is not None:
        joined = [_join(parts, {**values, repeated: [text]}) for text in values[repeated]]
        return None if any(each is None for each in joined) else [text for each in joined for text in each or ()]
    texts = [""]
    for part in parts:
        told = _tell(part, values)
        if told is None or len(texts) * len(told) > MOST_TEXTS:
            return None
        texts = [before + after for before in texts for after in told]
    return texts


def _find_repeated(parts: Sequence[nodes.Expr], values: Values) -> str | None:
    """Return a variable with several texts that is there more than once; None if there is none."""
    names = [part.name for part in parts if isinstance(part, nodes.Name)]
    names += [name.name for part in parts for name in part.find_all(nodes.Name)]
    return next((name for name in names if names.count(name) > 1 and len(values.get(name, ())) > 1), None)


def _has_answer(options: Mapping[str, nodes.Expr]) -> bool:
    """Return True if the call has an answer for a missing credential."""
    on_missing = options.get("on_missing")
    if isinstance(on_missing, nodes.Const):
        return bool(on_missing.value != "error")
    return any(option in options for option in _ANSWERS)


def tell_names(text: str, values: Values) -> Sequence[str] | None:
    """Return the names that a text of a task stands for, templates in it resolved as far as that can be done; None if it cannot."""
    if not any(mark in text for mark in _MARKS):
        return [text]
    try:
        tree = _ENVIRONMENT.parse(text)
    except (jinja2.TemplateError, RecursionError):
        return None
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    return _join(list(_list_parts(tree.body[0])), values)


def _list_parts(output: nodes.Output) -> Iterator[nodes.Expr]:
    for part in output.nodes:
        yield nodes.Const(part.data) if isinstance(part, nodes.TemplateData) else part
