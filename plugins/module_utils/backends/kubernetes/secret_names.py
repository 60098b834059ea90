# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of Secrets (RFC 1123 subdomains: lower case, digits, '-', '.', at most 253) for names of credentials, and back.

A Secret that another tool made keeps its own name: `nebula-example.com` is `example.com` (`own_name`).

`db-pass` is `nebula-db-pass`. A character that a Secret's name cannot hold is written as '.' and a code: `db_pass` is `nebula-db.1pass`.
Every label between dots begins and ends with a letter or digit, so '-' next to a dot or an end is written `.0`.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.name_codes import read_codes, write_codes
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import DELETED, ObjectKey
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidConfiguration
from ansible_collections.nebula.credential.plugins.module_utils.model.names import read_name
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES

MAX_SECRET_NAME = 253
MAX_PREFIX = 100
_KIND = ".9"
"""Begins the suffix after a name: the stage, version or tombstone, as `.9pending` or `.9v12`. No character of a name has this code."""
_HASHED = ".8"
"""Ends the digest that replaces a name which is too long; an annotation then holds the name itself."""
_ROOM = 24
"""Characters that are reserved for the kind."""
_MARK = "."
"""Begins the code of a character."""
_ZERO = ".4"
"""A leading '0' that a code follows: a '0' alone marks a name that begins with a code."""
_DOCUMENT = "0.9store"
_KINDS = re.compile(r"(?:{0}|v[0-9]+|{1}(?:-[a-z]+)?|store)\Z".format("|".join(stage for stage in STAGES if stage != CURRENT), DELETED))
"""The kinds of Secrets that only this collection makes."""
_PREFIX = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*)?)?\Z")
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_SUBDOMAIN = re.compile(r"{0}(?:\.{0})*\Z".format(_LABEL))
_PLAIN_DASHES = re.compile(r"(?<=.)-+(?=[a-z0-9])", re.DOTALL)
"""Dashes between two characters of one label."""


def check_prefix(prefix: str) -> str:
    """Return the prefix of a store's Secrets if a Secret's name can begin with it. It may be empty.

    Raises:
        InvalidConfiguration: it cannot, or it is too long.
    """
    if len(prefix) > MAX_PREFIX or not _PREFIX.match(prefix) or not _SUBDOMAIN.match(prefix + "0"):
        raise InvalidConfiguration(
            "{0} cannot begin a Secret's name".format(ascii(prefix[:120])),
            option="prefix",
            remedy="Use lower case letters, digits, '-' and '.', {0} characters at most, '.' only after a letter or digit.".format(
                MAX_PREFIX
            ),
        )
    return prefix


def escape(name: str) -> str:
    """Return a credential's name in the form of a Secret's name."""
    kept = {position for run in _PLAIN_DASHES.finditer(name) for position in range(*run.span())}
    written = write_codes(name, _MARK, kept)
    if written.startswith("0."):
        written = _ZERO + written[1:]
    return "0" + written if written.startswith(".") else written


def unescape(written: str) -> Optional[str]:
    """Return the name that `escape` writes like this, or None if there is none."""
    rest = written[1:] if written.startswith("0.") else written
    if rest.startswith(_ZERO + "."):
        rest = "0" + rest[2:]
    name = read_codes(rest, _MARK)
    return name if name is not None and escape(name) == written else None


def is_hashed(prefix: str, name: str) -> bool:
    """Return True if the name is too long to be part of a Secret's name."""
    return len(prefix) + len(escape(name)) > MAX_SECRET_NAME - _ROOM


def secret_name(prefix: str, place: ObjectKey) -> str:
    """Return the name of the Secret that keeps `place`."""
    if is_hashed(prefix, place.name):
        stem = sha256(place.name.encode("ascii")).hexdigest() + _HASHED
    else:
        stem = escape(place.name)
    return prefix + stem + ("" if place.kind == CURRENT else _KIND + place.kind)


def own_name(prefix: str, place: ObjectKey) -> Optional[str]:
    """Return the name of a Secret that another tool made for this credential; None if it is as `secret_name`, or there can be none."""
    name = prefix + place.name
    if place.kind != CURRENT or len(name) > MAX_SECRET_NAME or not _SUBDOMAIN.match(name) or name == secret_name(prefix, place):
        return None
    return None if _is_reserved(place.name) else name


def _is_reserved(written: str) -> bool:
    """Return True if a name, without the prefix, has the form of a Secret that only this collection makes."""
    return bool(_KINDS.match(_split(written)[1]))


def place_of(prefix: str, secret: str, noted: Optional[str] = None, *, foreign: bool = False) -> Optional[ObjectKey]:
    """Return the place that a Secret of that name keeps, or None if it is not a Secret of this store.

    Args:
        prefix: the store's prefix.
        secret: the Secret's name.
        noted: the credential's name in the Secret's annotation, if it has one.
        foreign: another tool made the Secret, so its name is its own.
    """
    if not secret.startswith(prefix):
        return None
    written = secret[len(prefix) :]
    if (foreign or noted == written) and not _is_reserved(written):
        found = read_name(written)
        return None if found is None else ObjectKey(found)
    stem, kind = _split(written)
    name = noted if stem.endswith(_HASHED) else unescape(stem)
    if name is None:
        return None
    place = ObjectKey(name, kind)
    return place if secret_name(prefix, place) == secret else None


def _split(written: str) -> Tuple[str, str]:
    stem, mark, kind = written.partition(_KIND)
    return (stem, kind) if mark else (stem, CURRENT)


def document_name(prefix: str) -> str:
    """Return the name of the Secret that keeps the store's document. No credential has it: there is no kind `store`."""
    return prefix + _DOCUMENT
