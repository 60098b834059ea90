# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The primitives of `objects.store` on Secrets Manager (A5).

A value is replaced by two requests: it is added under a label of ours, then `AWSCURRENT` moves to it from the version that was read. AWS
refuses the move if another writer has moved it. AWS keeps the replaced version by itself, and the value lists it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterable, Iterator, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.claims import (
    FOR_A_WHILE,
    FOR_GOOD,
    build_bare_claim,
    build_claimed,
    is_live,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_deletes import SecretDeletes
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_names import SecretNames
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_requests import (
    EXISTS,
    INVALID_REQUEST,
    MOST_IN_A_BATCH,
    NOT_FOUND,
    SecretRequests,
    build_lost_race,
    check_value,
    find_version,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_rows import read_row
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_text import (
    build_data,
    build_value,
    read_data,
    read_mapping,
    read_stored,
    read_time,
    write_mapping,
    write_text,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.secret_writer import SecretWriter, Write
from ansible_collections.nebula.credential.plugins.module_utils.backends.aws.version_ids import (
    build_id,
    build_mirror,
    build_tags,
    choose_mirror,
    list_keys,
    read_id,
    select_native,
)
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.json_fields import bytes_of, text_of
from ansible_collections.nebula.credential.plugins.module_utils.backends.objects.store import (
    DELETED,
    KeptVersion,
    ObjectKey,
    ObjectStore,
    StoredObject,
)
from ansible_collections.nebula.credential.plugins.module_utils.errors import Damaged
from ansible_collections.nebula.credential.plugins.module_utils.logins.aws_errors import Call, Refused, translate_code
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, STAGES, Record

_DOCUMENT = "document"
_ABSENT = (NOT_FOUND, INVALID_REQUEST)
"""What a read or a batch says of a name without a value: there is no secret, no value in it, or it is to be deleted."""


class Mirror(NamedTuple):
    """The tags of the value that is replaced: the name of ours, what they hold, and the keys of the user's."""

    name: str
    content: str
    native: Sequence[str]


def _find_mirror(found: Optional[StoredObject]) -> Optional[Mirror]:
    """Return the tags that we wrote with a value; None if another tool wrote it."""
    known = None if found is None or found.foreign_token else read_id(found.token or "")
    if found is None or known is None or found.record.metadata is None:
        return None
    return Mirror(known.mirror, build_mirror(found.record, with_history=False), list(select_native(found.record.metadata.tags)))


class SecretPlaces(ObjectStore):
    """Objects as secrets, below one prefix. The token is the id of the current version."""

    def __init__(
        self, requests: SecretRequests, names: SecretNames, writer: SecretWriter, *, encrypted: bool, tenant: str, window: int
    ) -> None:
        """Take the requests, the names, the writer, and the days for which a deleted secret can be restored."""
        self._requests = requests
        self._writer = writer
        self._deletes = SecretDeletes(requests, writer)
        self._names = names
        self._encrypted = encrypted
        self._tenant = tenant
        self._window = window
        # The layer that encrypts has to reach every envelope, to put it under another key.
        self.keeps_replaced = not encrypted

    def find_secret(self, place: ObjectKey) -> str:
        """Return the name of the secret of a place."""
        return self._names.find_secret(place)

    def read(self, place: ObjectKey) -> Optional[StoredObject]:
        answer = self._requests.get(self.find_secret(place))
        if answer is None:
            return None
        if place.kind.startswith(DELETED):
            part = read_mapping(answer).get(place.kind)
            return read_data(place, part, answer, encrypted=False, tenant=self._tenant) if isinstance(part, dict) else None
        return self._read_answer(place, answer)

    def _read_answer(self, place: ObjectKey, answer: Mapping[str, Any]) -> Optional[StoredObject]:
        found = read_stored(place, answer, encrypted=self._encrypted, tenant=self._tenant)
        if found is None or not is_live(found.token, read_time(answer.get("CreatedDate"))):
            return found
        return replace(found, ending=build_claimed(self.find_secret(place)))

    def read_kept(self, name: str, kept: KeptVersion) -> Optional[StoredObject]:
        if not kept.token:
            return super().read_kept(name, kept)
        answer = self._requests.get(self.find_secret(ObjectKey(name)), kept.token)
        found = None if answer is None else self._read_answer(ObjectKey(name), answer)
        return found and replace(found, record=replace(found.record, serial=kept.serial), foreign_token="")

    def read_many(self, names: Iterable[str]) -> Iterator[StoredObject]:
        """Yield the current objects of these names, 20 with one request.

        Raises:
            AccessDenied: one of them may not be read.
            Unavailable: a response was cut, or one of them cannot be read now.
        """
        secrets = {self.find_secret(ObjectKey(name)): name for name in names}
        wanted = list(secrets)
        for start in range(0, len(wanted), MOST_IN_A_BATCH):
            for row in self._requests.get_batch(wanted[start : start + MOST_IN_A_BATCH]):
                if "ErrorCode" in row:
                    _check_absent(row)
                    continue
                name = secrets.get(str(row.get("Name")))
                found = None if name is None else self._read_answer(ObjectKey(name), check_value(row, name))
                if found is not None:
                    yield found

    def create(self, place: ObjectKey, content: StoredObject) -> StoredObject:
        if place.kind.startswith(DELETED):
            return self._write_part(place, content, None)
        write = self._plan(place, content, None)
        try:
            version_id = self._writer.create(self.find_secret(place), write, is_credential=place.kind == CURRENT)
        except Refused as refused:
            if refused.refusal not in (EXISTS, INVALID_REQUEST):
                raise
            version_id = self._writer.take_over(self.find_secret(place), write)
        return replace(content, token=version_id, foreign_token="")

    def replace(self, place: ObjectKey, content: StoredObject, found: StoredObject) -> StoredObject:
        if place.kind.startswith(DELETED):
            return self._write_part(place, content, found)
        write = self._plan(place, content, found)
        return replace(content, token=self._writer.swap(self.find_secret(place), write, found.token), foreign_token="")

    def _plan(self, place: ObjectKey, content: StoredObject, found: Optional[StoredObject]) -> Write:
        """Plan a write: a text, and tags only if the metadata in them changes."""
        record = content.record
        if self._encrypted or not place.is_stage or record.metadata is None:
            version_id = build_id(record, None)
            return Write(build_value(write_text(content, version_id)), version_id)
        before = _find_mirror(found)
        if before is not None and before.content == build_mirror(record, with_history=False):
            version_id = build_id(record, before.name)
            return Write(build_value(write_text(content, version_id)), version_id)
        mirror, native = choose_mirror(), select_native(record.metadata.tags)
        version_id, tags = build_id(record, mirror), {**native, **build_tags(mirror, build_mirror(record), place.name)}
        unused = [key for key in (before.native if before else ()) if key not in native]
        unused += list_keys(before.name) if before else ()
        return Write(build_value(write_text(content, version_id)), version_id, tags, unused)

    def _write_part(self, place: ObjectKey, content: StoredObject, found: Optional[StoredObject]) -> StoredObject:
        """Write what was deleted of one stage. All stages of a name share one secret, which costs what one costs."""
        name = self.find_secret(place)
        answer = self._requests.get(name)
        parts: Dict[str, Any] = {} if answer is None else read_mapping(answer)
        token = None if answer is None else str(answer["VersionId"])
        if (found.token if found is not None else None) != (token if place.kind in parts else None):
            raise build_lost_race(name)
        version_id = build_id(content.record, None)
        text = write_mapping({**parts, place.kind: build_data(content, version_id)})
        write = Write(build_value(text), version_id)
        if token is not None:
            return replace(content, token=self._writer.swap(name, write, token))
        try:
            return replace(content, token=self._writer.create(name, write))
        except Refused as refused:
            if refused.refusal in (EXISTS, INVALID_REQUEST):
                raise build_lost_race(name) from None
            raise

    def remove(self, place: ObjectKey, found: Optional[StoredObject]) -> None:
        name = self.find_secret(place)
        if found is None:
            self._deletes.remove_any(name)
            return
        copy = self._copy(place, found, FOR_GOOD)
        if copy is not None:
            self._deletes.remove(name, copy, found.token, others_write=place.kind == CURRENT)

    def hide(self, place: ObjectKey, found: StoredObject) -> None:
        copy = self._copy(place, found, FOR_A_WHILE)
        if copy is not None:
            self._deletes.hide(self.find_secret(place), copy, found.token, self._window)

    def _copy(self, place: ObjectKey, found: StoredObject, claim: str) -> Optional[Write]:
        """Return the copy of a value that claims its secret; None if it is gone."""
        known = read_id(found.token or "")
        if known is not None and found.problem is None and not found.foreign_token:
            version_id = build_id(found.record, known.mirror, claim)
            return Write(build_value(write_text(found, version_id)), version_id)
        answer = self._requests.get(self.find_secret(place), found.token)
        if answer is None:
            return None
        value = {key: answer[key] for key in ("SecretString", "SecretBinary") if answer.get(key) is not None}
        return Write(value, build_bare_claim(claim))

    def find_stages(self, name: str) -> Sequence[str]:
        secrets = {self.find_secret(ObjectKey(name, stage)): stage for stage in STAGES[1:]}
        return [secrets[str(entry["Name"])] for entry in self._requests.list(list(secrets)) if str(entry["Name"]) in secrets]

    def scan(self, prefix: str, stage: str, names_only: bool) -> Iterator[StoredObject]:
        for entry, name in self._list(prefix, stage):
            if names_only:
                yield StoredObject(Record(name, stage=stage))
            elif self._encrypted:
                found = self.read_listed(ObjectKey(name, stage))
                if found is not None:
                    yield replace(found, record=replace(found.record, fields={}, state={}))
            else:
                yield read_row(name, stage, entry, self._tenant)

    def _list(self, prefix: str, stage: str) -> Iterator[Tuple[Mapping[str, Any], str]]:
        for entry in self._requests.list([self._names.find_folder(stage) + prefix]):
            name = self._names.read_name(str(entry["Name"]), stage)
            if name is not None and find_version(entry) is not None:
                yield entry, name

    def find_deleted(self, name: str, stage: str) -> Optional[Mapping[str, Any]]:
        """Return the description of a secret that is to be deleted; None if there is none."""
        info = self._requests.describe(self.find_secret(ObjectKey(name, stage)))
        return info if info is not None and info.get("DeletedDate") is not None else None

    def restore(self, name: str, stage: str, info: Mapping[str, Any]) -> None:
        """Take back the delete of a secret with this description."""
        self._deletes.restore(self.find_secret(ObjectKey(name, stage)), info)

    def read_document(self) -> Optional[Tuple[bytes, Optional[str]]]:
        answer = self._requests.get(self._names.document)
        if answer is None:
            return None
        content = bytes_of(read_mapping(answer).get(_DOCUMENT))
        if content is None:
            what = "the store's document in the secret {0} is not what was written".format(self._names.document)
            raise Damaged(what, remedy="Move AWSCURRENT back to an earlier version of it.")
        return content, str(answer["VersionId"])

    def write_document(self, content: bytes, found: Optional[Tuple[bytes, Optional[str]]]) -> None:
        name, version_id = self._names.document, build_id(Record(_DOCUMENT), None)
        write = Write(build_value(write_mapping({_DOCUMENT: text_of(content)})), version_id)
        if found is not None:
            self._writer.swap(name, write, found[1])
            return
        try:
            self._writer.create(name, write)
        except Refused as refused:
            if refused.refusal not in (EXISTS, INVALID_REQUEST):
                raise
            self._writer.take_over(name, write)


def _check_absent(row: Mapping[str, Any]) -> None:
    """Check that a row of a batch says that there is no value.

    Raises:
        AccessDenied, Unavailable: it says something else.
    """
    if row["ErrorCode"] not in _ABSENT:
        raise translate_code(str(row["ErrorCode"]), Call("secretsmanager:GetSecretValue", str(row.get("SecretId") or "")))
