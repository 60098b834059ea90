# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every layer is: a backend around a backend, which changes what it has to and passes on the rest."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend, Capabilities, Filter, Health
from ansible_collections.nebula.credential.plugins.module_utils.model.key_status import EnsuredKey, Rotated
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Fields, Record, VersionInfo
from ansible_collections.nebula.credential.plugins.module_utils.model.schema_status import EnsuredSchema


class Layer(Backend):
    """Passes every call on to `inner`. A layer overrides the calls it is there for."""

    def __init__(self, inner: Backend) -> None:
        """Wrap `inner`, whose options and context stay the ones that count."""
        super().__init__(inner.settings, inner.context)
        self.inner = inner

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override]  # a class attribute in a backend, derived in a layer
        """What the wrapped backend can do."""
        return self.inner.capabilities

    def connect(self) -> None:
        self.inner.connect()

    def close(self) -> None:
        self.inner.close()

    def flush(self) -> None:
        self.inner.flush()

    def renew_due(self) -> Optional[float]:
        return self.inner.renew_due()

    def put(self, record: Record, expected_version: Optional[str] = None, *, create: bool = False) -> Record:
        return self.inner.put(record, expected_version, create=create)

    def get(self, name: str, version: Optional[str] = None, stage: str = CURRENT) -> Record:
        return self.inner.get(name, version, stage)

    def get_many(self, names: Iterable[str]) -> Dict[str, Record]:
        return self.inner.get_many(names)

    def update_state(self, name: str, state: Fields, expected_version: str) -> Record:
        return self.inner.update_state(name, state, expected_version)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        return self.inner.patch_metadata(record, expected_revision)

    def rewrite_envelope(self, record: Record, replaces: bytes) -> None:
        self.inner.rewrite_envelope(record, replaces)

    def restore(self, name: str, stage: str = CURRENT, *, version: Optional[str] = None, check: bool = False) -> Record:
        return self.inner.restore(name, stage, version=version, check=check)

    def ensure_key(self, *, check: bool = False) -> EnsuredKey:
        return self.inner.ensure_key(check=check)

    def rotate_master_key(
        self,
        *,
        compromised: bool = False,
        drop_sources: Iterable[str] = (),
        keep_until: Optional[datetime] = None,
        check: bool = False,
    ) -> Rotated:
        return self.inner.rotate_master_key(compromised=compromised, drop_sources=drop_sources, keep_until=keep_until, check=check)

    def ensure_schema(self, *, check: bool = False) -> EnsuredSchema:
        return self.inner.ensure_schema(check=check)

    def append_audit(self, entries: Iterable[Mapping[str, Any]]) -> None:
        self.inner.append_audit(entries)

    def delete(self, name: str, *, stage: str = CURRENT, expected_version: Optional[str] = None, recoverable: bool = False) -> None:
        self.inner.delete(name, stage=stage, expected_version=expected_version, recoverable=recoverable)

    def list(self, wanted: Filter = Filter()) -> Iterator[Record]:
        return self.inner.list(wanted)

    def versions(self, name: str) -> List[VersionInfo]:
        return self.inner.versions(name)

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        return self.inner.last_serial(name, stage)

    def read_store_document(self) -> Optional[bytes]:
        return self.inner.read_store_document()

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self.inner.write_store_document(content, replaces)

    def location(self) -> Optional[str]:
        return self.inner.location()

    def kept_versions(self) -> Optional[int]:
        return self.inner.kept_versions()

    def health(self) -> Health:
        return self.inner.health()
