# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What backends that only read have in common: every write is refused before anything is sent, and values have no stages."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timezone
from typing import NoReturn, Optional

from ansible_collections.nebula.credential.plugins.module_utils.backends.base import Backend
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT, Etag, Record

UNKNOWN = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""The time of a value that states none."""


class Reader(Backend):
    """A backend that only reads. A subclass says why."""

    @abstractmethod
    def refuse_write(self, name: Optional[str]) -> NoReturn:
        """Raise the error for a write. `name` is the credential's; None if it is the store's document."""

    def last_serial(self, name: str, stage: str = CURRENT) -> int:
        return 0

    def read_store_document(self) -> Optional[bytes]:
        return None

    def put(self, record: Record, expected: Optional[Etag] = None, *, create: bool = False) -> Record:
        self.refuse_write(record.name)

    def patch_metadata(self, record: Record, expected_revision: int) -> Record:
        self.refuse_write(record.name)

    def delete(self, name: str, *, stage: str = CURRENT, expected: Optional[Etag] = None, recoverable: bool = False) -> None:
        self.refuse_write(name)

    def write_store_document(self, content: bytes, replaces: Optional[bytes]) -> None:
        self.refuse_write(None)
