# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our metadata in the `custom_metadata` of KV version 2, which belongs to all versions of a secret and not to one.

So every key of ours carries the version that it describes: a writer that is late never describes another one's value. Its
limits (64 keys of 128 bytes, values of 512 bytes, printable, not empty) are the engine's own.

    nebula-4-0, nebula-4-1, …   version 4, as JSON cut into pieces
    nebula-version              the version that the plain keys describe
    nebula-type, nebula-expires-at, and every tag under its own key: for people and other tools
    nebula-deleted              this version and all before it were deleted
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.vault.kv_fields import (
    Description,
    damaged,
    read_description,
    write_description,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import TooLarge

OURS = "nebula-"
VERSION, TYPE, EXPIRES_AT, DELETED = OURS + "version", OURS + "type", OURS + "expires-at", OURS + "deleted"
MAX_KEYS, MAX_KEY, MAX_VALUE = 64, 128, 512
MAX_TAGS = 24
"""More tags than these are not mirrored under keys of their own."""
MAX_PIECES = MAX_KEYS - MAX_TAGS - len((VERSION, TYPE, EXPIRES_AT, DELETED))
_PIECE = re.compile(r"nebula-([1-9][0-9]{0,17})-(0|[1-9][0-9]?)\Z")
_LETTERS = "\u0530"
"""Below it lie Latin, Greek and Cyrillic. Which later characters are printable, servers of different age say differently."""

Custom = Mapping[str, str]


class Known(NamedTuple):
    """What custom metadata says of a version.

    Attributes:
        description: of this version, or of the nearest other one; None where we have described none.
        own: whether it is of this version.
        ours: whether its writer described it, as far as that can be told: what one of ours came after is described no longer.
    """

    description: Optional[Description]
    own: bool
    ours: bool


def check_room(description: Description, name: str) -> None:
    """See that a description will fit.

    Raises:
        TooLarge: it will not.
    """
    most = MAX_PIECES * MAX_VALUE
    size = len(_written(description))
    if size > most:
        what = "its metadata takes {0} bytes, and custom metadata of a secret holds {1}".format(size, most)
        raise TooLarge(what, name=name, remedy="Shorten its description, tags or policy.")


def _written(description: Description) -> str:
    # JSON writes every control character but this one in printable ones.
    return json.dumps(write_description(description), separators=(",", ":")).replace("\x7f", "\\u007f")


def described(custom: Custom, version: int, description: Description) -> Dict[str, Optional[str]]:
    """The change (RFC 7396: None removes a key) that describes `version`, which `custom` does not or does otherwise.

    The description of the version before stays, for whoever reads this one before the change is made, where there is room.
    """
    wanted = _own_keys(version, description)
    pieces = _pieces(custom)
    older = max((each for each in pieces if each < version), default=None)
    kept = {key for each, keys in pieces.items() if each > version or each == older for key in keys}
    if DELETED in custom:
        kept.add(DELETED)
    if len(kept | set(wanted)) > MAX_KEYS:
        kept = {key for key in kept if key == DELETED}
    change: Dict[str, Optional[str]] = {key: None for key in custom if key not in kept}
    change.update(wanted)
    return change


def buried(custom: Custom, version: int) -> Dict[str, Optional[str]]:
    """The change that says: `version` and all before it were deleted."""
    change: Dict[str, Optional[str]] = dict.fromkeys(custom)
    change.update(with_deleted({}, version))
    return change


def with_deleted(custom: Custom, version: int) -> Dict[str, str]:
    """Custom metadata that says the same as `buried`."""
    return dict(custom, **{DELETED: str(version)})


def _own_keys(version: int, description: Description) -> Dict[str, str]:
    whole = _written(description)
    pieces = [whole[start : start + MAX_VALUE] for start in range(0, len(whole), MAX_VALUE)]
    keys = {"{0}{1}-{2}".format(OURS, version, number): piece for number, piece in enumerate(pieces)}
    keys.update({VERSION: str(version), TYPE: description.type}, **mirrored(description.metadata.tags))
    if description.metadata.expires_at is not None:
        keys[EXPIRES_AT] = description.metadata.expires_at.isoformat()
    return keys


def mirrored(tags: Mapping[str, str]) -> Dict[str, str]:
    """The tags that other tools see under their own keys: all that the engine takes, or none where they are too many."""
    fitting = {key: value for key, value in tags.items() if _fits(key, MAX_KEY) and _fits(value, MAX_VALUE) and not key.startswith(OURS)}
    return fitting if len(fitting) <= MAX_TAGS else {}


def _fits(text: str, most: int) -> bool:
    return 0 < len(text.encode("utf-8", "replace")) <= most and text.isprintable() and max(text) < _LETTERS


def plain(custom: Custom) -> Dict[str, str]:
    """What is not ours: tags, whoever wrote them."""
    return {key: value for key, value in custom.items() if not key.startswith(OURS)}


def deleted_to(custom: Custom) -> int:
    """The newest version that was deleted with all before it; 0 where none was."""
    return _number(custom.get(DELETED))


def known(custom: Custom, version: int, name: str) -> Known:
    """What is known of a version: its own description, else the nearest older one's, else the nearest newer one's.

    Tags that somebody changed by hand since are as they are now.

    Raises:
        Damaged: the description is not what was written.
    """
    pieces = _pieces(custom)
    older = [each for each in pieces if each <= version]
    nearest = max(older) if older else min(pieces, default=None)
    if nearest is None:
        return Known(None, False, False)
    description = _read(custom, pieces[nearest], name)
    if _number(custom.get(VERSION)) == version:
        description = _with_tags(description, custom)
    return Known(description, nearest == version, version <= max(pieces))


def _with_tags(description: Description, custom: Custom) -> Description:
    tags = description.metadata.tags
    hidden = {key: value for key, value in tags.items() if key not in mirrored(tags)}
    return description._replace(metadata=replace(description.metadata, tags=dict(hidden, **plain(custom))))


def _read(custom: Custom, keys: List[str], name: str) -> Description:
    try:
        written: Any = json.loads("".join(custom[key] for key in keys))
    except ValueError:
        raise damaged(name, keys[0]) from None
    return read_description(written, name, keys[0])


def _pieces(custom: Custom) -> Dict[int, List[str]]:
    """The keys of each version that is described and was not deleted, in order."""
    found = sorted((int(match.group(1)), int(match.group(2)), match.group()) for match in map(_PIECE.match, custom) if match)
    pieces: Dict[int, List[str]] = {}
    for version, _number_of_piece, key in found:
        if version > deleted_to(custom):
            pieces.setdefault(version, []).append(key)
    return pieces


def _number(text: Optional[str]) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else 0
