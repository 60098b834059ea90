# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML files as trees of nodes with their lines. Nothing is constructed: a vaulted value stays closed, and an unsafe one no template."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.nebula.credential.plugins.plugin_utils.preflight.mention import Mentions, Place

MOST_BYTES = 16 * 1024 * 1024
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"
_VAULTED = b"$ANSIBLE_VAULT"
Node = Any
"""A node of PyYAML, which has no types."""


def read_document(path: Path, found: Mentions) -> Node | None:
    """Return the tree of a file; None if it is empty or cannot be read, which is added to what cannot be told."""
    text = read_text(path, found)
    if text is None:
        return None
    try:
        return yaml.compose(text, _LOADER)
    except (yaml.YAMLError, RecursionError):
        found.untold.append((Place(str(path), 1), "it is no YAML that can be read"))
        return None


def read_text(path: Path, found: Mentions) -> str | None:
    """Return the text of a file, once; None if it was read before, or cannot be read."""
    real = os.path.realpath(path)
    if real in found.files:
        return None
    found.files.add(real)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise OSError
        content = path.read_bytes()
        if content.startswith(_VAULTED):
            found.untold.append((Place(str(path), 1), "the file is vaulted"))
            return None
        return content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        found.untold.append((Place(str(path), 1), "the file cannot be read"))
        return None


def place_of(node: Node, path: Path) -> Place:
    """Return where a node begins: for a text of several lines, its first line."""
    is_block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return Place(str(path), node.start_mark.line + 1 + is_block)


def text_of(node: Node | None) -> str | None:
    """Return the text of a node; None if it is something else, or marked as no template."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) and node.tag == _TEXT else None


def pairs_of(node: Node | None) -> Iterator[tuple[str, Node]]:
    """Yield the keys and values of a mapping; nothing for another node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield str(key.value), value


def items_of(node: Node | None) -> list[Node]:
    """Return the elements of a list; the node itself for one that is no list, and nothing for none."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    return [] if node is None else [node]
