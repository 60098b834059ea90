# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What we write on a secret next to its versions: an annotation, labels, aliases of versions. None of it is secret.

All of it changes in one request, together with the version that is current. Labels, annotations and aliases of others stay.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp import payload
from ansible_collections.nebula.credential.plugins.module_utils.backends.gcp.connection import Secret
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import ObjectKey, StoredObject
from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Metadata, Record

ALIAS = "nebula-current"
"""The alias of the version that is read."""
_KEPT = "nebula-v"
ANNOTATION = "nebula-credential"
STAGE, TYPE = "nebula-stage", "nebula-type"
MAX_ANNOTATIONS = 16 * 1024
"""The most bytes of all keys and values of a secret's annotations together."""
MAX_LABELS = 64
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}\Z")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}\Z")


@dataclass(frozen=True)
class GoogleObject(StoredObject):
    """A stored object with the state of its secret, if that is known."""

    secret: Optional[Secret] = None


class Note(NamedTuple):
    """Our annotation, read: what `payload.describe` wrote, the number of its version, and the versions to destroy."""

    ours: Mapping[str, Any]
    number: Optional[int]
    gone: Tuple[int, ...]


def name_alias(place: ObjectKey) -> str:
    """Return the alias of the version that keeps a place."""
    return ALIAS if place.is_stage else "nebula-" + place.kind


def is_version(place: ObjectKey) -> bool:
    """Return True if the place is an older value, which is a version of the current value's secret."""
    return not place.is_stage and not payload.is_tombstone(place)


def read_note(secret: Secret) -> Optional[Note]:
    """Return our annotation of a secret; None if it has none.

    Raises:
        Damaged: it is not what was written.
    """
    written = secret.annotations.get(ANNOTATION)
    if written is None:
        return None
    try:
        found = read_json(written)
        number, gone = found["number"], tuple(found["gone"])
        if not all(each.__class__ is int for each in (*gone, *(() if number is None else (number,)))):
            raise ValueError
        return Note(found, number, gone)
    except (ValueError, KeyError, TypeError):
        raise payload.damage_error() from None


def find_note(secret: Secret) -> Optional[Note]:
    """Return our annotation of a secret; None if it has none, or none that can be read."""
    try:
        return read_note(secret)
    except CredentialError:
        return None


def read_listed(place: ObjectKey, secret: Secret, tenant: str) -> GoogleObject:
    """Return the object of a secret as its annotation or, without one, its labels describe it: without a value."""
    found = GoogleObject(Record(place.name, stage=place.kind if place.is_stage else CURRENT), secret=secret)
    try:
        note = read_note(secret)
        if note is None:
            known = payload.build_foreign_metadata(tenant, secret.created_at, secret.labels)
            return replace(found, record=replace(found.record, metadata=known), token="")
        found = apply_note(found, note)
        number = secret.aliases.get(ALIAS)
        moved = number is not None and number != note.number
        return replace(found, token=str(number), foreign_token=str(number) if moved else found.foreign_token)
    except CredentialError as problem:
        return replace(found, problem=problem)


def apply_note(found: GoogleObject, note: Note) -> GoogleObject:
    """Return an object with what our annotation says of it."""
    described = payload.read_description(found, note.ours)
    return replace(
        found,
        record=described.record,
        older=described.older,
        foreign_token=described.foreign_token,
        written_at=described.written_at,
    )


def write_secret(secret: Secret, content: StoredObject, aliases: Mapping[str, int], number: Optional[int], gone: Iterable[int]) -> Secret:
    """Return the state of a secret that an update sends.

    Args:
        secret: the present state.
        content: the object that it then keeps.
        aliases: all aliases.
        number: the version of the object.
        gone: the versions that are to be destroyed then.

    Raises:
        TooLarge: the annotations would be larger than Secret Manager takes.
    """
    note = {**payload.describe(content), "number": number, "gone": sorted(set(gone))}
    annotations = {**secret.annotations, ANNOTATION: payload.write_json(note).decode("utf-8", "replace")}
    _check_annotations(annotations, content.record.name)
    return secret._replace(aliases=aliases, labels=_merge_labels(secret, content), annotations=annotations)


def build_first_labels(place: ObjectKey) -> Dict[str, str]:
    """Return the labels of a secret that has no version yet: a listing leaves it out."""
    return {STAGE: place.kind}


def _check_annotations(annotations: Mapping[str, str], name: str) -> None:
    size = sum(len(key.encode("utf-8")) + len(value.encode("utf-8")) for key, value in annotations.items())
    if size > MAX_ANNOTATIONS:
        raise TooLarge(
            "the metadata has {0} bytes, and the annotations of a secret hold {1} at most".format(size, MAX_ANNOTATIONS),
            name=name,
            remedy="Shorten the description, tags or attributes, or write 'encrypt: true', which keeps them in the envelope.",
        )


def _merge_labels(secret: Secret, content: StoredObject) -> Dict[str, str]:
    """Return our labels and those of others. Tags that can be labels are labels too, as far as there is room."""
    record = content.record
    before = _read_tags(secret)
    others = {key: value for key, value in secret.labels.items() if key not in (STAGE, TYPE) and before.get(key) != value}
    ours = {STAGE: record.stage}
    if record.metadata is not None and _LABEL_VALUE.match(record.type):
        ours[TYPE] = record.type
    tags = _find_labels(record.metadata) if record.stage == CURRENT else {}
    free = MAX_LABELS - len(others) - len(ours)
    fitting: List[Tuple[str, str]] = [(key, value) for key, value in tags.items() if key not in others][: max(0, free)]
    return {**dict(fitting), **others, **ours}


def _read_tags(secret: Secret) -> Mapping[str, str]:
    """Return the tags that were written before; none if our annotation cannot be read."""
    note = find_note(secret)
    return payload.read_tags(note.ours) if note else {}


def _find_labels(metadata: Optional[Metadata]) -> Dict[str, str]:
    tags = metadata.tags if metadata is not None else {}
    return {
        key: value
        for key, value in sorted(tags.items())
        if _LABEL_KEY.match(key) and _LABEL_VALUE.match(value) and key not in (STAGE, TYPE)
    }


def split_aliases(secret: Secret, place: ObjectKey, content: StoredObject, replaced: Optional[int]) -> Tuple[Dict[str, int], List[int]]:
    """Return the aliases of a secret whose object `content` replaces the version `replaced`, without its own, and the versions to destroy.

    An older value keeps its alias; the newest one gets its own. Aliases of others stay.
    """
    kept = {_KEPT + str(each.serial) for each in content.older}
    aliases = {alias: number for alias, number in secret.aliases.items() if alias != name_alias(place)}
    gone = []
    if place.kind == CURRENT:
        gone = [aliases.pop(alias) for alias in list(aliases) if _is_kept(alias) and alias not in kept]
        aliases.update({alias: replaced for alias in kept if replaced is not None and alias not in aliases})
    if replaced is not None and replaced not in aliases.values():
        gone.append(replaced)
    return aliases, gone


def _is_kept(alias: str) -> bool:
    return alias.startswith(_KEPT) and alias[len(_KEPT) :].isdigit()
