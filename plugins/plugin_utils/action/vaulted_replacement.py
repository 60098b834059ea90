# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lookups in the place of vaulted values, in the text of a file: comments and order stay, and nothing else is touched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import yaml

from ansible_collections.nebula.credential.plugins.module_utils.errors import Internal, InvalidInput
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_entries import Placed
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_files import Leaf, VaultedFile, list_parts

_ANCHOR = re.compile(r"(?:!\S*\s+)?(&\S+)\s")
_HEADER_COMMENT = re.compile(r"(?:[!&]\S*[ \t]+)*[|>][-+0-9]*[ \t]+(#[^\r\n]*)")
_COMMENT = re.compile(r"[ \t]*#[^\r\n]*")
_PLAIN_FIELD = re.compile(r"[\w./-]+\Z", re.ASCII)
NO_MAPPING = "it is no mapping in YAML, so no lookup can be written into it"


class Target(NamedTuple):
    """Where a value is now: the credential, and the field that a lookup has to name; None for the main one."""

    name: str
    field: str | None


class Edit(NamedTuple):
    """Text that is written in the place of a part of a file."""

    start: int
    end: int
    text: str


def build_lookup(target: Target, store: str | None, *, is_native: bool) -> str:
    """Return the template that reads a value, as YAML text in double quotes."""
    call = "'nebula.credential.get', '{0}'".format(target.name)
    call += "" if target.field is None else ", field='{0}'".format(target.field)
    call += "" if store is None else ", store='{0}'".format(store)
    return '"{{{{ lookup({0}){1} }}}}"'.format(call, " | from_yaml" if is_native else "")


def replace_values(file: VaultedFile, lookups: Mapping[Leaf, str], *, keep_comments: bool) -> bytes:
    """Return the content of a file with lookups in the place of its values.

    Args:
        file: the file; it is a mapping in YAML, or has `!vault` variables.
        lookups: what `build_lookup` returns for each value.
        keep_comments: keep the comments of a file that was encrypted as a whole.

    Raises:
        Internal: what was written cannot be read as what it is to be.
    """
    text = file.text or ""
    edits = [_build_edit(text, file, leaf, lookup) for leaf, lookup in lookups.items()]
    if file.is_whole and not keep_comments:
        edits += _list_comments(text)
    written = _apply(text, edits)
    _check(file, written, lookups)
    return written.encode("utf-8")


def check_replaceable(values: Iterable[Placed]) -> None:
    """Check that each value is the same when a lookup returns it.

    Raises:
        InvalidInput: it is a template, or is no text; or its field cannot be named.
    """
    for one in values:
        what = "it is a template, and a lookup would return its text" if one.leaf.is_template else ""
        try:
            one.leaf.value.decode("utf-8")
        except UnicodeDecodeError:
            what = "it is no text, which a lookup in a variable has to be"
        if one.field is not None and not _PLAIN_FIELD.match(one.field):
            what = "its key cannot be written as a field in a lookup"
        if what:
            place = "'{0}', line {1}, key '{2}'".format(one.file.path, one.leaf.line, ".".join(one.leaf.keys))
            remedy = "No file was changed. Move this value out of the file first, or leave 'after' out."
            raise InvalidInput("{0}: {1}".format(place, what), option="after", remedy=remedy)


def _build_edit(text: str, file: VaultedFile, leaf: Leaf, lookup: str) -> Edit:
    piece = text[leaf.start : leaf.end]
    anchor, comment = _ANCHOR.match(piece), _HEADER_COMMENT.match(piece)
    before = anchor.group(1) + " " if anchor else ""
    after = "  " + comment.group(1).rstrip() if comment is not None and not file.is_whole else ""
    # A block ends with line breaks that stay; other blanks of Unicode are part of its value.
    return Edit(leaf.start, leaf.start + len(piece.rstrip(" \t\r\n")), before + lookup + after)


def _list_comments(text: str) -> list[Edit]:
    """Return edits that remove the comments: what begins with # between two tokens."""
    edits: list[Edit] = []
    end = 0
    for token in yaml.scan(text, yaml.SafeLoader):
        edits += [Edit(end + found.start(), end + found.end(), "") for found in _COMMENT.finditer(text[end : token.start_mark.index])]
        end = max(end, token.end_mark.index)
    return edits


def _apply(text: str, edits: Iterable[Edit]) -> str:
    pieces: list[str] = []
    end = 0
    for edit in sorted(edits):
        pieces += [text[end : edit.start], edit.text]
        end = edit.end
    return "".join([*pieces, text[end:]])


def _check(file: VaultedFile, written: str, lookups: Mapping[Leaf, str]) -> None:
    """Check that what is written is YAML with each lookup where the value was. Raises Internal."""
    found: dict[tuple[str, ...], list[str]] = {}
    try:
        for root in yaml.compose_all(written, yaml.SafeLoader):
            _collect(file.path, root, (), found, set())
        sound = all(lookup[1:-1] in found.get(leaf.keys, ()) for leaf, lookup in lookups.items())
    except yaml.YAMLError:
        sound = False
    if not sound:
        raise Internal("'{0}' could not be rewritten".format(file.path), remedy="No file was changed. Leave 'after' out, and report it.")


def _collect(path: str, node: yaml.Node, keys: tuple[str, ...], found: dict[tuple[str, ...], list[str]], seen: set[int]) -> None:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, (yaml.MappingNode, yaml.SequenceNode)):
        for around, part in list_parts(node, keys, path):
            _collect(path, part, around, found, seen)
    elif node.tag == "tag:yaml.org,2002:str":
        found.setdefault(keys, []).append(str(node.value))
