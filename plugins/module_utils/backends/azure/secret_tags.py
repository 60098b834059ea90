# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tags of a secret: what is not secret of a credential, and what other tools have set.

`nebula` holds what is needed to read the value, `nebula-1` and so on the metadata as JSON, in pieces. Tags of the credential that fit are
tags of the secret too, for its other readers. Tags that other tools set stay.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.azure.bundles import Bundle
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, TooLarge, UnknownFormat
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Record

MAX_VALUE = 25 * 1024
"""The most bytes of a value."""
MAX_TAGS, MAX_TAG = 15, 256
"""The most tags of a secret, and the most characters of the name or the value of one."""
OURS = "nebula"
"""Tags whose names begin so are the collection's own."""
NAME, MORE = OURS + "-name", OURS + "-more"
"""The credential's name, if that of the secret does not contain it; the version of the secret that holds metadata which does not fit."""
FORMAT = 1


def fit_tags(
    tags: Dict[str, str], details: str, others: Mapping[str, str], copies: Mapping[str, str]
) -> Tuple[Dict[str, str], Optional[str]]:
    """Return the tags, and the details if they do not fit.

    Raises:
        TooLarge: even without the details there are too many tags.
    """
    pieces = [details[start : start + MAX_TAG] for start in range(0, len(details), MAX_TAG)]
    shown = {**copies, **others}
    room = MAX_TAGS - len(tags) - len(shown)
    if len(pieces) <= room:
        return {**shown, **tags, **{"{0}-{1}".format(OURS, number): piece for number, piece in enumerate(pieces, 1)}}, None
    if room < 1:
        raise TooLarge(
            "the secret would have {0} tags, and Key Vault holds {1}".format(len(tags) + len(shown) + 1, MAX_TAGS),
            option="tags",
            remedy="Remove some; the collection needs {0} for itself.".format(len(tags) + 1),
        )
    if len(details) > MAX_VALUE:
        raise TooLarge(
            "the metadata has {0} bytes, and a secret holds {1}".format(len(details), MAX_VALUE),
            remedy="Shorten the description, tags or attributes.",
        )
    return {**shown, **tags}, details


def copy_tags(record: Record) -> Dict[str, str]:
    """Return the tags of the credential that can be tags of the secret."""
    if record.metadata is None or record.envelope is not None:
        return {}
    return {
        key: value
        for key, value in record.metadata.tags.items()
        if key and len(key) <= MAX_TAG and len(value) <= MAX_TAG and not key.lower().startswith(OURS)
    }


def find_other_tags(before: Bundle, found: Optional[StoredObject]) -> Dict[str, str]:
    """Return the tags that other tools have set: neither ours by name, nor copies of what we wrote before."""
    copied = copy_tags(found.record) if found is not None and is_ours(before.tags) else {}
    return {key: value for key, value in before.tags.items() if not key.startswith(OURS) and copied.get(key) != value}


def is_ours(tags: Mapping[str, str]) -> bool:
    """Return True if this collection has written the secret."""
    return OURS in tags


def read_info(tags: Mapping[str, str]) -> Dict[str, Any]:
    """Return what we wrote into the tag `nebula`; empty if another tool wrote the secret.

    Raises:
        UnknownFormat: a later release wrote it.
        Damaged: it is not what was written.
    """
    if not is_ours(tags):
        return {}
    try:
        info = read_json(tags[OURS])
    except ValueError:
        raise damage_error() from None
    if not isinstance(info, dict) or info.get("format").__class__ is not int:
        raise damage_error()
    if info["format"] != FORMAT:
        raise UnknownFormat("a later release of the collection wrote the secret", remedy="Upgrade the collection on this controller.")
    return info


def read_serial(bundle: Bundle) -> Optional[int]:
    """Return the serial of a version; None if it has none that can be read."""
    try:
        return read_count(read_info(bundle.tags).get("serial"))
    except (CredentialError, ValueError):
        return None


def is_gone(bundle: Bundle) -> bool:
    """Return True if the secret is marked as removed."""
    try:
        return read_info(bundle.tags).get("gone") is True
    except CredentialError:
        return False


def damage_error() -> Damaged:
    """Return the error for our tags that were changed by hand."""
    return Damaged(
        "the tags of the secret are not what was written",
        remedy="Restore them ('az keyvault secret set-attributes'), or delete the credential and put it again.",
    )


def read_details(tags: Mapping[str, str]) -> str:
    """Return the metadata's text from its pieces."""
    pieces: List[str] = []
    while "{0}-{1}".format(OURS, len(pieces) + 1) in tags:
        pieces.append(tags["{0}-{1}".format(OURS, len(pieces) + 1)])
    return "".join(pieces)


def write_gone(bundle: Bundle) -> Dict[str, Any]:
    """Return the version that marks a secret as removed: it stays, since a deleted secret blocks its name for a while."""
    tags = {OURS: write_json({"format": FORMAT, "gone": True})}
    if NAME in bundle.tags:
        tags[NAME] = bundle.tags[NAME]
    return {"value": "-", "contentType": "text/plain", "tags": tags, "attributes": {"enabled": True}}


def read_count(value: Any) -> Optional[int]:
    """Return a serial or revision, or None if there is none. Raises ValueError if it is something else."""
    if value is not None and (value.__class__ is not int or not 0 <= value < 2**63):
        raise ValueError("not a count")
    return value


def write_json(value: Any, *, ascii_only: bool = True) -> str:
    """Return JSON without blanks; with `ascii_only` in one spelling."""
    return json.dumps(value, separators=(",", ":"), sort_keys=ascii_only, ensure_ascii=ascii_only)


def read_time(text: Optional[str]) -> Optional[datetime]:
    """Return a time as we write it, or None if there is none. Raises ValueError if it is something else."""
    return datetime.fromisoformat(text) if text else None
