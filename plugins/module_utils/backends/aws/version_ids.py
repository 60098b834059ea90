# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the id of a version and the tags of a secret say of a value, so that a listing reads none.

The id of a version is ours to choose. It holds what each write changes: serial, revision, time. The rest of the metadata is in tags,
whose keys the id names: `nebula:<mirror>:<number>`. They are written before the version becomes current, so they are complete whenever
it is; and a write that leaves that rest as it is needs no request for them. What `get` returns is in the value itself, with the same id.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import zlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import (
    Description,
    damage_error,
    read_description,
    write_description,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.dates import DATES
from ansible_collections.nebula.credential.plugins.module_utils.model.record import Metadata, Record

OURS = "nebula:"
MOST_TAGS, LONGEST_KEY, LONGEST_VALUE = 50, 128, 256
MOST_OF_THE_USERS = 30
"""How many tags of a credential also become tags of AWS. The others of the fifty are for the rest of the metadata."""
_LONGEST_ID = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ID = re.compile(r"nebula-(\d{1,12})-(\d{1,9})-([0-9a-f]{8})-([0-9a-f]{1,16})([vr]*)-[0-9a-f]{6,}[hg]?\Z", re.ASCII)
_DATED = (("v", "version"), ("r", "rotated"))
"""The dates of a value that are mostly the time of its last write, by the letter that says so."""
_NO_MIRROR = "0" * 8
_ALLOWED = re.compile(r"[\w\s.:/=+@-]*\Z")
_MOST_BYTES = 65536
"""The most bytes that the tags of one secret unfold to. They cannot hold more."""


class VersionId(NamedTuple):
    """The facts in the id of a version that we wrote. `dated` are the letters of the dates that are `updated_at`."""

    serial: int
    revision: int
    mirror: str
    updated_at: datetime
    dated: str


def build_id(record: Record, mirror: Optional[str], claim: str = "") -> str:
    """Return a new id for a version with this record, whose other metadata is in the tags of `mirror`, if it is in any.

    `claim` is the kind of a claim, if it is one.
    """
    when, dated = _EPOCH, ""
    if record.metadata is not None:
        when, dated = record.metadata.updated_at, _split_dates(record.metadata)[1]
    micros = (when - _EPOCH) // timedelta(microseconds=1)
    facts = "nebula-{0}-{1}-{2}-{3:x}{4}-".format(record.serial or 0, record.revision, mirror or _NO_MIRROR, max(micros, 0), dated)
    return facts + secrets.token_hex(16)[: _LONGEST_ID - len(facts) - len(claim)] + claim


def read_id(text: str) -> Optional[VersionId]:
    """Return the facts of an id that we wrote; None for another tool's."""
    found = _ID.match(text)
    if found is None:
        return None
    serial, revision, mirror, micros, dated = found.groups()
    try:
        return VersionId(int(serial), int(revision), mirror, _EPOCH + timedelta(microseconds=int(micros, 16)), dated)
    except OverflowError:
        return None


def choose_mirror() -> str:
    """Return a name for tags that no other write uses."""
    return secrets.token_hex(4)


def build_mirror(record: Record, *, with_history: bool = True) -> str:
    """Return the text of a record's type, identity and metadata, without what the id of its version holds.

    Each write adds a step to the history, so a listing shows the history as it was when the rest changed last.
    """
    bare = _split_dates(record.full_metadata)[0]
    bare = bare if with_history else replace(bare, history=())
    written = write_description(Description(record.type, bare, record.record_id))
    packed = zlib.compress(json.dumps(written, sort_keys=True, separators=(",", ":")).encode("utf-8"), 9)
    return base64.b64encode(packed).decode("ascii")


def build_tags(mirror: str, text: str, name: str) -> Dict[str, str]:
    """Return the tags that hold such a text.

    Raises:
        TooLarge: a secret cannot have so many.
    """
    pieces = [text[start : start + LONGEST_VALUE] for start in range(0, len(text), LONGEST_VALUE)]
    if len(pieces) > MOST_TAGS - MOST_OF_THE_USERS:
        raise TooLarge(
            "its metadata needs {0} tags of AWS, and {1} are left for it".format(len(pieces), MOST_TAGS - MOST_OF_THE_USERS),
            name=name,
            remedy="Shorten its description, metadata or policy.",
        )
    return {"{0}{1}:{2}".format(OURS, mirror, number): piece for number, piece in enumerate(pieces)}


def list_keys(mirror: str) -> List[str]:
    """Return the keys of all tags that a mirror may have."""
    return ["{0}{1}:{2}".format(OURS, mirror, number) for number in range(MOST_TAGS - MOST_OF_THE_USERS)]


def read_record(name: str, stage: str, version_id: VersionId, tags: Mapping[str, str]) -> Record:
    """Return the record of a listing: no fields, and all else that is stored.

    Raises:
        Damaged: the tags are not what was written.
    """
    prefix = "{0}{1}:".format(OURS, version_id.mirror)
    pieces = [tags[key] for key in list_keys(version_id.mirror) if key in tags]
    try:
        packed = base64.b64decode("".join(pieces), validate=True)
        written = json.loads(zlib.decompressobj().decompress(packed, _MOST_BYTES))
    except (ValueError, zlib.error, RecursionError):
        raise damage_error(name, prefix + "*") from None
    known = read_description(written, name, prefix + "*")
    return Record(
        name,
        type=known.type,
        metadata=_join_dates(known.metadata, version_id),
        stage=stage,
        serial=version_id.serial,
        record_id=known.record_id,
        revision=version_id.revision,
    )


def _split_dates(metadata: Metadata) -> Tuple[Metadata, str]:
    """Return metadata without its dates that are `updated_at`, and their letters."""
    dates, dated = _read_dates(metadata), ""
    for letter, key in _DATED:
        if dates.get(key) == metadata.updated_at.isoformat():
            del dates[key]
            dated += letter
    return _with_dates(metadata, metadata.created_at, dates), dated


def _join_dates(metadata: Metadata, version_id: VersionId) -> Metadata:
    added = {key: version_id.updated_at.isoformat() for letter, key in _DATED if letter in version_id.dated}
    return _with_dates(metadata, version_id.updated_at, {**_read_dates(metadata), **added})


def _read_dates(metadata: Metadata) -> Dict[str, Any]:
    found = metadata.attributes.get(DATES)
    return dict(found) if isinstance(found, Mapping) else {}


def _with_dates(metadata: Metadata, updated_at: datetime, dates: Mapping[str, Any]) -> Metadata:
    others = {key: value for key, value in metadata.attributes.items() if key != DATES}
    return replace(metadata, updated_at=updated_at, attributes={**others, **({DATES: dict(dates)} if dates else {})})


def select_native(tags: Mapping[str, str]) -> Dict[str, str]:
    """Return the tags of a credential that AWS accepts as tags of a secret; the others are in our own only."""
    fitting = {key: value for key, value in tags.items() if is_native(key, value)}
    return dict(sorted(fitting.items())[:MOST_OF_THE_USERS])


def is_native(key: str, value: str) -> bool:
    """Return True if AWS accepts a tag."""
    fits = 0 < len(key) <= LONGEST_KEY and len(value) <= LONGEST_VALUE
    return fits and bool(_ALLOWED.match(key) and _ALLOWED.match(value)) and not key.lower().startswith(("aws:", OURS))
