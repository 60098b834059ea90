# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values of vaulted files as entries, and where each of them was: so a lookup can be written there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption import nesting
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found
from ansible_collections.nebula.credential.plugins.module_utils.argument_specs.adopt import BY_PLACE
from ansible_collections.nebula.credential.plugins.plugin_utils.action.vaulted_files import Leaf, VaultedFile, describe_origin, name_place

OPTIONS = nesting.OPTIONS


class Placed(NamedTuple):
    """One value.

    Attributes:
        file: the file that it is in.
        leaf: its place there.
        key: the key of its entry.
        field: its field in the entry; None if the entry has one value.
    """

    file: VaultedFile
    leaf: Leaf
    key: str
    field: str | None


def place_values(files: Sequence[VaultedFile], options: Mapping[str, Any], name_from: str) -> Iterator[Placed]:
    """Yield each value of the files with its key.

    Args:
        files: the files.
        options: `nested` and `separator`.
        name_from: `key` or `place`.
    """
    separator, nested = options["separator"], options["nested"]
    for file in files:
        before = name_place(file.path) + separator if name_from == BY_PLACE else ""
        for leaf in file.leaves:
            if not leaf.keys:
                yield Placed(file, leaf, before + os.path.basename(file.path), None)
            elif nested == nesting.FIELDS and len(leaf.keys) > 1:
                yield Placed(file, leaf, before + leaf.keys[0], separator.join(leaf.keys[1:]))
            else:
                yield Placed(file, leaf, before + separator.join(leaf.keys), None)


def build_found(placed: Sequence[Placed]) -> list[Found]:
    """Return one entry for each value, or for the values of one key of one file that are fields.

    Raises:
        InvalidInput: two different values would be one field.
    """
    found: list[Found] = []
    groups: dict[tuple[str, str], dict[str, bytes]] = {}
    for one in placed:
        origin = describe_origin(one.file, one.leaf)
        if one.field is None:
            found.append(Found(one.key, one.leaf.value, {}, origin))
            continue
        fields = groups.get((one.file.path, one.key))
        if fields is None:
            fields = groups[one.file.path, one.key] = {}
            found.append(Found(one.key, None, fields, origin))
        nesting.add_distinct(fields, one.field, one.leaf.value, origin)
    return found
