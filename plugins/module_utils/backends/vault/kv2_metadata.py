# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our metadata in the `custom_metadata` of KV version 2, which belongs to a secret, not to one of its versions.

So every key of ours names the version that it describes: a late writer never describes the value of another one. Its
limits (64 keys of 128 bytes, values of 512 bytes, printable, not empty) are the engine's own.

    nebula-4-0, nebula-4-1, …   version 4, as JSON cut into pieces
    nebula-version              the version that the plain keys describe
    nebula-type, nebula-expires-at, and every tag under its own key: for people and other tools
    nebula-deleted              this version and all before it were deleted
    nebula-revoked              this version and all before it are of a revoked credential, and were deleted recoverably
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import (
    Description,
    damage_error,
    read_description,
    write_description,
)
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.lifecycle import REVOKED as REVOKED_STATE

OURS = "nebula-"
VERSION, TYPE, EXPIRES_AT = OURS + "version", OURS + "type", OURS + "expires-at"
DELETED, REVOKED = OURS + "deleted", OURS + "revoked"
MAX_KEYS, MAX_KEY, MAX_VALUE = 64, 128, 512
MAX_TAGS = 24
"""If a record has more tags than this, its tags are not mirrored under their own keys."""
MAX_PIECES = MAX_KEYS - MAX_TAGS - len((VERSION, TYPE, EXPIRES_AT, DELETED, REVOKED))
_PIECE = re.compile(r"nebula-([1-9][0-9]{0,17})-(0|[1-9][0-9]?)\Z")
_LETTERS = "\u0530"
"""Latin, Greek and Cyrillic come before it. Servers of different age disagree on which later characters are printable."""

Custom = Mapping[str, str]


class Known(NamedTuple):
    """The custom metadata of a version.

    Attributes:
        description: that of this version, or of the nearest other one; None if no version is described.
        own: whether it is the description of this version.
        ours: whether our writer wrote this version, as far as known: False if it is newer than every described version.
    """

    description: Optional[Description]
    own: bool
    ours: bool


def check_room(description: Description, name: str) -> None:
    """Check that a description fits.

    Raises:
        TooLarge: it does not.
    """
    most = MAX_PIECES * MAX_VALUE
    size = len(_write_description(description))
    if size > most:
        what = "its metadata takes {0} bytes, and custom metadata of a secret holds {1}".format(size, most)
        raise TooLarge(what, name=name, remedy="Shorten its description, tags or policy.")


def _write_description(description: Description) -> str:
    # JSON escapes every control character except this one.
    return json.dumps(write_description(description), separators=(",", ":")).replace("\x7f", "\\u007f")


def describe_version(custom: Custom, version: int, description: Description) -> Dict[str, Optional[str]]:
    """Return the change (RFC 7396: None removes a key) that adds or replaces the description of `version`.

    The description of the version before stays if there is room, for readers that come before the change is made.
    """
    wanted = _own_keys(version, description)
    pieces = _pieces(custom)
    older = max((each for each in pieces if each < version), default=None)
    kept = {key for each, keys in pieces.items() if each > version or each == older for key in keys}
    marks = {DELETED, REVOKED}.intersection(custom)
    kept |= marks
    if len(kept | set(wanted)) > MAX_KEYS:
        kept = marks
    change: Dict[str, Optional[str]] = {key: None for key in custom if key not in kept}
    change.update(wanted)
    return change


def mark_deleted(custom: Custom, version: int) -> Dict[str, Optional[str]]:
    """Return the change that marks `version` and all before it as deleted."""
    change: Dict[str, Optional[str]] = dict.fromkeys(custom)
    change.update(with_deleted({}, version))
    return change


def with_deleted(custom: Custom, version: int) -> Dict[str, str]:
    """Return custom metadata with the same mark as `mark_deleted`."""
    return dict(custom, **{DELETED: str(version)})


def mark_recreated(custom: Custom, version: int, name: str) -> Dict[str, str]:
    """Return the marks of a new credential under the name of one that was deleted up to `version`.

    If that one was revoked, they say so: its own metadata is not kept, and its values may still be there.
    """
    marks = with_deleted({}, version)
    try:
        description = find_description(custom, version, name).description
    except Damaged:
        description = None
    if description is not None and description.metadata.lifecycle == REVOKED_STATE:
        marks[REVOKED] = str(version)
    return marks


def _own_keys(version: int, description: Description) -> Dict[str, str]:
    whole = _write_description(description)
    pieces = [whole[start : start + MAX_VALUE] for start in range(0, len(whole), MAX_VALUE)]
    keys = {"{0}{1}-{2}".format(OURS, version, number): piece for number, piece in enumerate(pieces)}
    keys.update({VERSION: str(version), TYPE: description.type}, **visible_tags(description.metadata.tags))
    if description.metadata.expires_at is not None:
        keys[EXPIRES_AT] = description.metadata.expires_at.isoformat()
    return keys


def visible_tags(tags: Mapping[str, str]) -> Dict[str, str]:
    """Return the tags that other tools see under their own keys: all that the engine accepts, or none if there are too many."""
    fitting = {key: value for key, value in tags.items() if _fits(key, MAX_KEY) and _fits(value, MAX_VALUE) and not key.startswith(OURS)}
    return fitting if len(fitting) <= MAX_TAGS else {}


def _fits(text: str, most: int) -> bool:
    return 0 < len(text.encode("utf-8", "replace")) <= most and text.isprintable() and max(text) < _LETTERS


def foreign_tags(custom: Custom) -> Dict[str, str]:
    """Return the keys that are not ours: tags, from any tool."""
    return {key: value for key, value in custom.items() if not key.startswith(OURS)}


def newest_deleted_version(custom: Custom) -> int:
    """Return the newest version that was deleted together with all before it; 0 if there is none."""
    return _number(custom.get(DELETED))


def newest_revoked_version(custom: Custom) -> int:
    """Return the newest version of the last revoked credential that was deleted before the name was used again; 0 if there is none."""
    return _number(custom.get(REVOKED))


def find_description(custom: Custom, version: int, name: str) -> Known:
    """Return what is known of a version: its own description, else the nearest older one, else the nearest newer one.

    Tags that were changed by hand since then have their current values.

    Raises:
        Damaged: the description does not hold what was written.
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


def has_description(custom: Custom, version: int) -> bool:
    """Return True if the version has a description of its own, readable or not."""
    return version in _pieces(custom)


def _with_tags(description: Description, custom: Custom) -> Description:
    tags = description.metadata.tags
    hidden = {key: value for key, value in tags.items() if key not in visible_tags(tags)}
    return description._replace(metadata=replace(description.metadata, tags=dict(hidden, **foreign_tags(custom))))


def _read(custom: Custom, keys: List[str], name: str) -> Description:
    try:
        written: Any = read_json("".join(custom[key] for key in keys))
    except ValueError:
        raise damage_error(name, keys[0]) from None
    return read_description(written, name, keys[0])


def _pieces(custom: Custom) -> Dict[int, List[str]]:
    """Return the keys of each version that is described and not deleted, in order."""
    found = sorted((int(match.group(1)), int(match.group(2)), match.group()) for match in map(_PIECE.match, custom) if match)
    pieces: Dict[int, List[str]] = {}
    for version, _number_of_piece, key in found:
        if version > newest_deleted_version(custom):
            pieces.setdefault(version, []).append(key)
    return pieces


def _number(text: Optional[str]) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else 0
