# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From credentials to secrets' names and back. Reversible and without collisions.

A secret's name has letters, digits, `-` and `_`, 255 at most. Names with no other characters and no `__` stay as they are.
`__` begins a code: `/` is `__s`, `.` is `__d`, and a `_` next to one of these or to another `_` is `__u`.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Dict, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES

MAX_ID = 255
MAX_PREFIX = 60
_MARK = "__"
_CODES: Dict[str, str] = {"/": _MARK + "s", ".": _MARK + "d", "_": _MARK + "u"}
_CHARACTERS = {code: character for character, code in _CODES.items()}
_WRITTEN = re.compile(r"[/.]|(?<=[_/.])_|_(?=[_/.])")
_READ = re.compile(r"__.?", re.DOTALL)
_HASHED = _MARK + "h"
_KIND = _MARK + "k"
_STORE = _MARK + "store"
_ROOM = len(_KIND + DELETED + "-previous")
_PREFIX = re.compile(r"[A-Za-z0-9_-]*\Z")
_KINDS = (*STAGES, DELETED, *("{0}-{1}".format(DELETED, stage) for stage in STAGES if stage != CURRENT))


def check_prefix(prefix: str) -> str:
    """Return the prefix of a store's secrets if a name can begin with it. It may be empty.

    Raises:
        InvalidConfiguration: it cannot.
    """
    if len(prefix) > MAX_PREFIX or not _PREFIX.match(prefix) or _MARK in prefix or prefix.endswith("_"):
        raise InvalidConfiguration(
            "{0} cannot begin a secret's name".format(ascii(prefix[:120])),
            option="prefix",
            remedy="Use letters, digits, '-' and single '_', {0} characters at most, no '_' at the end.".format(MAX_PREFIX),
        )
    return prefix


def escape(name: str) -> str:
    """Return a credential's name in the alphabet of secrets' names."""
    return _WRITTEN.sub(lambda found: _CODES[found[0]], name)


def unescape(written: str) -> Optional[str]:
    """Return the name that `escape` writes like this, or None if there is none."""
    try:
        name = check_name(_READ.sub(lambda found: _CHARACTERS[found[0]], written))
    except (KeyError, InvalidInput):
        return None
    return name if escape(name) == written else None


def is_hashed(prefix: str, name: str) -> bool:
    """Return True if the name is too long for a secret's name: then that has its digest."""
    return len(prefix) + len(escape(name)) > MAX_ID - _ROOM


def build_secret_id(prefix: str, place: ObjectKey) -> str:
    """Return the name of the secret that keeps `place`. Older values are versions of the current value's secret."""
    stem = _HASHED + sha256(place.name.encode("ascii")).hexdigest() if is_hashed(prefix, place.name) else escape(place.name)
    return prefix + stem + ("" if place.kind not in _KINDS or place.kind == CURRENT else _KIND + place.kind)


def build_document_id(prefix: str) -> str:
    """Return the name of the secret that keeps the store's document. No credential has it."""
    return prefix + _STORE


def find_place(prefix: str, secret_id: str, noted: Optional[str]) -> Optional[ObjectKey]:
    """Return the place that a secret keeps; None if it is none of this store.

    Args:
        prefix: the store's prefix.
        secret_id: the secret's name.
        noted: the credential's name in its annotation, if it has one.
    """
    if not secret_id.startswith(prefix):
        return None
    stem, kind = _split(secret_id[len(prefix) :])
    name = noted if stem.startswith(_HASHED) else unescape(stem)
    if name is None:
        return None
    place = ObjectKey(name, kind)
    return place if build_secret_id(prefix, place) == secret_id else None


def _split(written: str) -> Tuple[str, str]:
    stem, mark, kind = written.rpartition(_KIND)
    return (stem, kind) if mark and kind in _KINDS else (written, CURRENT)
