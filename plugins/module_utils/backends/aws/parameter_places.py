# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects as parameters, one each. The token is the number of the parameter's version.

PutParameter compares nothing. So a store holds a lock, the parameter is read again before it is replaced, and the number of the new version
shows afterwards whether another writer came between all the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, Iterator, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.parameter_names import ParameterNames
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.parameter_requests import (
    MOST_IN_A_BATCH,
    SECURE,
    Answer,
    ParameterRequests,
    build_race_error,
    build_type_error,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_text import read_stored, read_time, write_text
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.version_ids import is_native
from ansible_collections.nebula.credential.plugins.module_utils.backends.concurrency import document_conflict
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import bytes_of, text_of
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import (
    KeptVersion,
    ObjectKey,
    ObjectStore,
    StoredObject,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged, StorageError, TooLarge
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Record

_BEGIN = "nebula.document:"
"""What the store's document begins with, so that no other text is taken for it."""


class ParameterPlaces(ObjectStore):
    """The primitives. Older values of a store without envelopes are the versions that AWS keeps."""

    def __init__(self, requests: ParameterRequests, names: ParameterNames, *, encrypted: bool, tenant: str, most: int) -> None:
        """Take the parts.

        Args:
            requests: the requests.
            names: the names of parameters.
            encrypted: whether the store keeps envelopes.
            tenant: the tenant of values that other tools wrote.
            most: the most bytes of a parameter.
        """
        self._requests = requests
        self._names = names
        self._encrypted = encrypted
        self._tenant = tenant
        self._most = most
        # The envelope of an older value is replaced in place when the master key changes. No version of AWS can be.
        self.keeps_replaced = not encrypted

    def find_parameter(self, place: ObjectKey) -> str:
        """Return the name of the parameter of a place."""
        return self._names.find_parameter(place)

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        answer = self._requests.get(self.find_parameter(place))
        return None if answer is None else self._build_object(place, answer)

    def read_kept(self, name: str, kept: KeptVersion) -> Optional[StoredObject]:
        if not self.keeps_replaced:
            return super().read_kept(name, kept)
        return self.read_version(name, _number_of(kept.token))

    def read_version(self, name: str, which: str) -> Optional[StoredObject]:
        """Return the current value as it was in a version of the parameter, or in the one with a label; None if there is none."""
        place = ObjectKey(name)
        answer = self._requests.get(self.find_parameter(place), which)
        return None if answer is None else self._build_object(place, answer)

    def read_many(self, names: Iterable[str]) -> Iterator[StoredObject]:
        """Yield the current values of those of the names that have one, ten with each request."""
        places = {self.find_parameter(ObjectKey(name)): ObjectKey(name) for name in names}
        wanted = list(places)
        for start in range(0, len(wanted), MOST_IN_A_BATCH):
            for answer in self._requests.get_batch(wanted[start : start + MOST_IN_A_BATCH]):
                place = places.get(str(answer.get("Name")))
                found = None if place is None else self._build_object(place, answer)
                if found is not None:
                    yield found

    def _build_object(self, place: ObjectKey, answer: Answer) -> Optional[StoredObject]:
        changed, version = read_time(answer.get("LastModifiedDate")), str(answer["Version"])
        known = {"SecretString": answer["Value"], "VersionId": version, "CreatedDate": changed}
        found = read_stored(place, known, encrypted=self._encrypted, tenant=self._tenant)
        if found is None or not found.foreign_token:
            return found
        # A parameter that was deleted and made again begins with version 1 again.
        token = "{0}@{1}".format(version, changed.isoformat() if changed else "")
        return replace(found, token=token, foreign_token=token)

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        written, text = self._write(content, "1")
        self._requests.create(self.find_parameter(place), text, _choose_tags(place, content))
        return replace(written, token="1")

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        parameter, expected = self.find_parameter(place), int(_number_of(found.token)) + 1
        written, text = self._write(content, str(expected))
        there = self._compare(place, parameter, found)
        if there is None:
            raise build_race_error(place.name)
        if there.get("Type", SECURE) != SECURE:
            raise build_type_error(parameter, str(there["Type"]))
        self._requests.change_tags(parameter, _choose_tags(place, found), _choose_tags(place, content))
        _check_version(self._requests.replace(parameter, text), expected, parameter)
        return replace(written, token=str(expected))

    def _write(self, content: StoredObject, version: str) -> Tuple[StoredObject, str]:
        """Return an object, and it as a text. If it is too long, it lists fewer older values; AWS keeps them all the same."""
        while True:
            text = write_text(content, version)
            size = len(text.encode("utf-8"))
            if size <= self._most:
                return content, text
            if not (self.keeps_replaced and content.older):
                what = "the value has {0} bytes with what is kept about it, and a parameter holds {1}".format(size, self._most)
                raise TooLarge(what, remedy="Divide it, lower 'keep_versions', or write 'tier: advanced' for 8192 bytes.")
            content = replace(content, older=content.older[:-1])

    def _compare(self, place: ObjectKey, parameter: str, found: StoredObject) -> Optional[Answer]:
        """Return the parameter as it is, which is still what was found; None if there is none.

        Raises:
            Conflict: it is something else.
        """
        answer = self._requests.get(parameter)
        there = None if answer is None else self._build_object(place, answer)
        if there is not None and _identify(there) != _identify(found):
            raise build_race_error(place.name)
        return None if there is None else answer

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        parameter = self.find_parameter(place)
        if found is None or self._compare(place, parameter, found) is not None:
            self._requests.delete(parameter)

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        folder = self._names.find_folder(stage)
        # A name of too many levels is one level, so only its first part begins like that of its parameter.
        rows = self._requests.list_names(folder + prefix.partition("/")[0]) if names_only else self._requests.list_values(folder)
        for row in rows:
            name = self._names.read_name(str(row.get("Name")), stage)
            if name is None or not name.startswith(prefix):
                continue
            found = StoredObject(Record(name, stage=stage)) if names_only else self._build_object(ObjectKey(name, stage), row)
            if found is not None:
                yield replace(found, record=replace(found.record, fields={}, state={}))

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        answer = self._requests.get(self._names.document)
        if answer is None:
            return None
        before, found, text = str(answer["Value"]).partition(_BEGIN)
        content = bytes_of(text) if found and not before else None
        if content is None:
            raise Damaged("the store's document is not what was written", remedy="Restore it from the history of its parameter.")
        return content, str(answer["Version"])

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        text = _BEGIN + text_of(content)
        if found is None:
            self._requests.create(self._names.document, text, {})
            return
        if self.read_document() != found:
            raise document_conflict()
        _check_version(self._requests.replace(self._names.document, text), int(found[1] or "0") + 1, self._names.document)


def _number_of(token: Optional[str]) -> str:
    return (token or "0").partition("@")[0]


def _identify(found: StoredObject) -> Tuple[Optional[str], Optional[int], Optional[bytes]]:
    """Return what differs between any two values of a name, also if it was deleted and made again."""
    return found.token, found.record.serial, found.record.record_id


def _check_version(version: int, expected: int, parameter: str) -> None:
    """Check that no other writer came between the comparison and the write.

    Raises:
        StorageError: one did. Its value is in the parameter's history.
    """
    if version == expected:
        return
    problem = StorageError(
        "another writer wrote {0} at the same moment, without the lock of the store; its value is version {1} of the parameter".format(
            parameter, version - 1
        ),
        remedy="Compare both (aws ssm get-parameter-history), and write the right value. Then let every writer use the lock.",
    )
    raise problem.annotate(outcome_unknown=True)


def _choose_tags(place: ObjectKey, content: StoredObject) -> Mapping[str, str]:
    """Return the tags of a credential that AWS accepts as tags of its parameter. The value holds all of them."""
    metadata = content.record.metadata
    if place.kind != CURRENT or metadata is None or content.record.envelope is not None or content.foreign_token:
        return {}
    chosen: Dict[str, str] = {key: value or "" for key, value in metadata.tags.items() if is_native(key, value or "")}
    return chosen
