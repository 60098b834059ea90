# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of credentials as names of Key Vault, which hold letters without case, digits and '-'.

`db-pass` is `nebula-db-pass`. Any other character is written as `--` and a code: `db_pass` is `nebula-db--1pass`. So is a '-' that
has no lower case letter or digit on both sides.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.name_codes import read_codes, write_codes
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration, InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.names import check_name, read_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES

MAX_SECRET_NAME = 127
MAX_PREFIX = 30
_KIND = "--9"
"""Begins the suffix after a name: the stage, version or tombstone, as `--9pending` or `--9v12`. No character of a name has this code."""
_HASHED = "--8"
"""Ends the digest that replaces a name which is too long; a tag then holds the name itself."""
_MORE = "--9more"
"""Ends the name of the secret that holds the metadata of another one, if these are too long for its tags."""
_ROOM = 30
"""Characters that are reserved for the kind and for `_MORE`."""
_MARK = "--"
"""Begins the code of a character."""
_DOCUMENT = "--9store"
_KINDS = re.compile(r"(?:{0}|v[0-9]+|{1}(?:-[a-z]+)?)\Z".format("|".join(stage for stage in STAGES if stage != CURRENT), DELETED))
_PREFIX = re.compile(r"(?:[a-z0-9]+-)*\Z")
_PLAIN_DASH = re.compile(r"(?<=[a-z0-9])-(?=[a-z0-9])")
_SECRET = re.compile(r"[0-9a-zA-Z-]{1,127}\Z")


def check_prefix(prefix: str) -> str:
    """Return the prefix of a store's secrets if the name of one can begin with it. It may be empty.

    Raises:
        InvalidConfiguration: it cannot, or it is too long.
    """
    if len(prefix) > MAX_PREFIX or not _PREFIX.match(prefix):
        raise InvalidConfiguration(
            "{0} cannot begin the name of a secret".format(ascii(prefix[:120])),
            option="prefix",
            remedy="Use lower case letters and digits, with a '-' after each word, {0} characters at most: 'team-app-'.".format(MAX_PREFIX),
        )
    return prefix


def escape(name: str) -> str:
    """Return a credential's name in the alphabet of Key Vault."""
    kept = {found.start() for found in _PLAIN_DASH.finditer(name)}
    return write_codes(name, _MARK, kept)


def unescape(written: str) -> Optional[str]:
    """Return the name that `escape` writes like this, or None if there is none."""
    name = read_codes(written, _MARK)
    return name if name is not None and escape(name) == written else None


def is_hashed(prefix: str, name: str) -> bool:
    """Return True if the name is too long to be part of a secret's name."""
    return len(prefix) + len(escape(name)) > MAX_SECRET_NAME - _ROOM


def secret_name(prefix: str, place: ObjectKey) -> str:
    """Return the name of the secret that keeps `place`."""
    if is_hashed(prefix, place.name):
        stem = sha256(place.name.encode("ascii")).hexdigest() + _HASHED
    else:
        stem = escape(place.name)
    return prefix + stem + ("" if place.kind == CURRENT else _KIND + place.kind)


def own_name(prefix: str, place: ObjectKey) -> Optional[str]:
    """Return the name of a secret that another tool made for this credential; None if it is as `secret_name`, or there can be none."""
    name = prefix + place.name
    if place.kind != CURRENT or not _SECRET.match(name) or name == secret_name(prefix, place) or _KIND in place.name:
        return None
    return name


def more_name(secret: str) -> str:
    """Return the name of the secret for the metadata of another one."""
    return secret + _MORE


def document_name(prefix: str) -> str:
    """Return the name of the secret that keeps the store's document. No credential has it: there is no kind `store`."""
    return prefix + _DOCUMENT


def place_of(prefix: str, secret: str, noted: Optional[str] = None, *, foreign: bool = False) -> Optional[ObjectKey]:
    """Return the place that a secret of that name keeps, or None if it is not a secret of this store.

    Args:
        prefix: the store's prefix.
        secret: the secret's name.
        noted: the credential's name in the secret's tags, if it is there.
        foreign: another tool made the secret, so its name is its own.
    """
    if not secret.lower().startswith(prefix):
        return None
    written = secret[len(prefix) :]
    stem, mark, kind = written.partition(_KIND)
    kind = kind.lower()
    if mark and not _KINDS.match(kind):
        return None
    if not mark and (foreign or noted == written):
        found = read_name(written)
        return None if found is None else ObjectKey(found)
    name = noted if stem.endswith(_HASHED) else unescape(stem.lower())
    if name is None or not _is_name(name):
        return None
    place = ObjectKey(name, kind or CURRENT)
    return place if secret_name(prefix, place) == secret.lower() else None


def _is_name(text: str) -> bool:
    try:
        return bool(check_name(text))
    except InvalidInput:
        return False
