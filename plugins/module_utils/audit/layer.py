# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Record every read, write and violation in the audit trail (E5). This layer is outside all others, so cache hits count too."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, TypeVar

from ansible_collections.nebula.credential.plugins.module_utils.audit.entry import BEGUN, OK, STALE
from ansible_collections.nebula.credential.plugins.module_utils.audit.trail import LIST, READ, VERSIONS, Trail
from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Filter
from ansible_collections.nebula.credential.plugins.module_utils.backends.protocols import (
    KeyAdmin,
    PathRequests,
    Recoverable,
    VersionRemover,
    require_protocol,
)
from ansible_collections.nebula.credential.plugins.module_utils.context.caller import REFRESH, current_caller
from ansible_collections.nebula.credential.plugins.module_utils.errors import AuditFailed, CredentialError
from ansible_collections.nebula.credential.plugins.module_utils.layers.base import Layer
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record, VersionInfo

if TYPE_CHECKING:
    from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import EnsuredKey, Rotated
    from ansible_collections.nebula.credential.plugins.module_utils.model.path_request import PathRequest

KEYS = "keys"
"""The action of an entry about the store's keys."""

REQUEST = "request_"
"""The beginning of the action of an entry about a path of the service; what it does there follows, and `name` is the path."""

Answer = TypeVar("Answer")


class Audit(Layer, KeyAdmin, Recoverable, VersionRemover, PathRequests):
    """Record every operation. If a strict trail cannot record a read, the value is not returned."""

    def __init__(self, inner: Backend, trail: Trail) -> None:
        """Wrap `inner`; write to `trail`."""
        super().__init__(inner)
        self.trail = trail

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        return self._read(name, version, stage, partial(self.inner.get, name, version, stage))

    def _read(self, name: str, version: Optional[str], stage: str, read: Callable[[], Record]) -> Record:
        try:
            record = read()
        except Exception as error:
            self.trail.record(READ, _code(error), name, version, stage)
            raise
        self._record_answer(name, record, stage)
        return record

    def _record_answer(self, name: str, record: Record, stage: Optional[str] = None) -> None:
        if record.copied_at is not None and self.trail.strict and self.trail.key is None:
            # Without the key, which is in the store that does not respond, the trail cannot be continued.
            what = "the backend does not respond, and without the store's key the use of a copy cannot be recorded"
            raise AuditFailed(what, name=name, remedy="Repeat when the backend responds.")
        self.trail.record(READ, OK if record.copied_at is None else STALE, name, record.version, stage)

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        asked = list(names)
        try:
            found = self.inner.get_many(asked)
        except Exception as error:
            # If the error concerns one name, the caller got nothing of the others; it reads them again if it needs them.
            blamed = getattr(error, "name", None)
            for name in [blamed] if blamed in asked else asked:
                self.trail.record(READ, _code(error), name)
            raise
        for name in asked:
            if name in found:
                self._record_answer(name, found[name])
            else:
                self.trail.record(READ, "not_found", name)
        return found

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        action = REFRESH if current_caller().operation == REFRESH else "write"
        return self._record_write(action, record, lambda: self.inner.put(record, expected, create=create))

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        return self._record_write("patch", record, lambda: self.inner.patch_metadata(record, expected_revision))

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        def restore() -> Record:
            return require_protocol(self.inner, Recoverable, name).restore(name, stage, version=version, check=check)

        if check:
            return self._read(name, version, stage, restore)
        return self._record_write("restore", Record(name, stage=stage), restore)

    def remove_version(self, name: str, version: str, *, recoverable: bool = False, check: bool = False) -> None:
        def remove() -> None:
            require_protocol(self.inner, VersionRemover, name).remove_version(name, version, recoverable=recoverable, check=check)

        return remove() if check else self._record("delete", Record(name, version=version), remove, lambda _answer: version)

    def restore_version(self, name: str, version: str, *, check: bool = False) -> Record:
        def restore() -> Record:
            return require_protocol(self.inner, VersionRemover, name).restore_version(name, version, check=check)

        return self._read(name, version, CURRENT, restore) if check else self._record_write("restore", Record(name), restore)

    def ensure_key(self, *, check: bool = False) -> EnsuredKey:
        return self._record_key_operation(check, lambda: require_protocol(self.inner, KeyAdmin).ensure_key(check=check))

    def rotate_master_key(
        self,
        *,
        compromised: bool = False,
        drop_sources: Iterable[str] = (),
        keep_until: Optional[datetime] = None,
        check: bool = False,
    ) -> Rotated:
        def rotate() -> Rotated:
            admin = require_protocol(self.inner, KeyAdmin)
            return admin.rotate_master_key(compromised=compromised, drop_sources=drop_sources, keep_until=keep_until, check=check)

        return self._record_key_operation(check, rotate)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        self._record(
            "delete",
            Record(name, stage=stage),
            lambda: self.inner.delete(name, stage=stage, expected=expected, recoverable=recoverable),
        )

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        rows = self.inner.list(wanted)
        self.trail.record(LIST, OK, wanted.prefix or None, None, wanted.stage)
        return rows

    def versions(self, name: str) -> List[VersionInfo]:
        try:
            found = self.inner.versions(name)
        except Exception as error:
            self.trail.record(VERSIONS, _code(error), name)
            raise
        self.trail.record(VERSIONS, OK, name)
        return found

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self._record(KEYS, Record(""), lambda: self.inner.write_store_document(content, replaces))

    def request_path(self, request: PathRequest) -> Mapping[str, Any]:
        requests = require_protocol(self.inner, PathRequests)
        return self._record(REQUEST + request.kind, Record(request.path), lambda: requests.request_path(request))

    def close(self) -> None:
        self.trail.flush()
        self.inner.close()

    def _record_key_operation(self, check: bool, work: Callable[[], Answer]) -> Answer:
        """Run an operation on the keys. Check mode changes nothing, so it leaves no entry that looks like a change."""
        return work() if check else self._record(KEYS, Record(""), work)

    def _record_write(self, action: str, record: Record, write: Callable[[], Record]) -> Record:
        return self._record(action, record, write, lambda stored: stored.version)

    def _record(
        self,
        action: str,
        record: Record,
        write: Callable[[], Answer],
        version_of: Callable[[Answer], Optional[str]] = lambda _answer: None,
    ) -> Answer:
        """Run a write. A strict trail is written before it too, so that no write happens that cannot be recorded."""
        name = record.name or None
        if self.trail.strict:
            self.trail.record(action, BEGUN, name, record.version, record.stage)
        try:
            answer = write()
        except Exception as error:
            self.trail.record(action, _code(error), name, record.version, record.stage)
            raise
        self.trail.record(action, OK, name, version_of(answer), record.stage)
        return answer


def _code(error: Exception) -> str:
    return error.code if isinstance(error, CredentialError) else "internal"
