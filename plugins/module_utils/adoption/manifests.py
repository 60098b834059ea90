# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML of several documents as texts, lists and mappings: no tag builds anything, no key is repeated, and it is nested within a bound."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import refuse, show
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import MAX_DEPTH, RepeatedKey, read_distinct_json

_TAG = "tag:yaml.org,2002:"
_REMEDY = "If it is a template, render it first. If it is not YAML, name another file."


class Unquoted(NamedTuple):
    """A number, a date or a truth value: what stands in a file without quotes and is no text.

    Attributes:
        line: where it is.
    """

    line: int


def read_documents(path: str, text: str) -> List[Any]:
    """Return the documents of a file in YAML or JSON. Empty ones are left out.

    JSON is read as such: YAML does not know how JSON escapes a character beyond the first 65,536.

    Raises:
        InvalidInput: it is not YAML, is nested too deep, has a key twice or a tag of its own. The message names the line.
    """
    import yaml

    if text.lstrip().startswith("{"):
        with suppress(ValueError):
            return [_read_json(path, text)]
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_depth(path, yaml.parse(text, loader))
        return [_Document(path).build(root) for root in yaml.compose_all(text, loader) if not _is_empty(root)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return refuse(path, "line {0}".format(mark.line + 1) if mark else "", "it is not valid YAML", _REMEDY)


def _read_json(path: str, text: str) -> Any:
    try:
        return read_distinct_json(text)
    except RepeatedKey as error:
        return refuse(path, show(error.key), "this key is in one object twice", "Keep one of them.")


def _check_depth(path: str, events: Iterator[Any]) -> None:
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name in ("MappingStartEvent", "SequenceStartEvent")
        depth -= name in ("MappingEndEvent", "SequenceEndEvent")
        if depth > MAX_DEPTH:
            refuse(path, "line {0}".format(event.start_mark.line + 1), "it is nested more than {0} deep".format(MAX_DEPTH), _REMEDY)


def _is_empty(root: Any) -> bool:
    return root is None or root.tag == _TAG + "null"


class _Document:
    """The data of one document. A part to which aliases lead is built once."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._built: Dict[int, Any] = {}

    def build(self, node: Any, around: FrozenSet[int] = frozenset()) -> Any:
        if id(node) in around:
            self._refuse(node, "an alias that leads to what it is in", _REMEDY)
        if id(node) not in self._built:
            self._built[id(node)] = self._build_new(node, around | {id(node)})
        return self._built[id(node)]

    def _build_new(self, node: Any, around: FrozenSet[int]) -> Any:
        if node.tag == _TAG + "seq":
            return [self.build(each, around) for each in node.value]
        if node.tag == _TAG + "map":
            return self._build_mapping(node, around)
        if node.tag == _TAG + "str":
            return node.value
        if node.tag == _TAG + "null":
            return None
        if node.tag not in (_TAG + name for name in ("int", "float", "bool", "timestamp", "value")):
            self._refuse(node, "it has the tag {0}".format(show(node.tag)), "Write it without a tag.")
        return Unquoted(node.start_mark.line + 1)

    def _build_mapping(self, node: Any, around: FrozenSet[int]) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                self._refuse(key, "the merge key '<<'", "Write out what it merges.")
            if not isinstance(key.value, str):
                self._refuse(key, "a key that is no text", _REMEDY)
            if key.value in found:
                self._refuse(key, "the key '{0}' is there twice".format(show(key.value)), "Keep one of them.")
            found[key.value] = self.build(value, around)
        return found

    def _refuse(self, node: Any, what: str, remedy: str) -> None:
        refuse(self._path, "line {0}".format(node.start_mark.line + 1), what, remedy)
