# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file in which the numbers of all processes are added up (`metrics_path`).

Ansible starts a process for each task, and what it counted is lost when it ends. The file is JSON, 0600, with one entry for each
store and backend. A process that adds holds the lock file next to it. The file is replaced whole, but not synced: after a power cut
the last numbers may be missing.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Callable, Dict, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.encoding.json_text import read_json
from ansible_collections.nebula.credential.plugins.module_utils.errors import CredentialError, Damaged, UnknownFormat
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import Temporary
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.locks import FileLock
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.os_errors import translated
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.permissions import make_directory
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import MIB, read_file
from ansible_collections.nebula.credential.plugins.module_utils.metrics.documents import encode_totals, read
from ansible_collections.nebula.credential.plugins.module_utils.metrics.totals import WINDOW, Totals

FORMAT = 1
LOCK_TIMEOUT = 2.0
"""Seconds. Metrics are not worth a longer wait: the numbers stay in memory until the next flush."""
_ROLE = "the file of the metrics"


class TotalsFile:
    """The numbers of one store and backend, in a file that several stores may share."""

    def __init__(self, path: str, store: str, backend: str, clock: Callable[[], float] = time.time) -> None:
        """Take the path, and the store and backend of the numbers. Open nothing."""
        self.path = path
        self._place = {"store": store, "backend": backend}
        self._clock = clock

    def add(self, totals: Totals) -> None:
        """Add what this process has counted.

        Raises:
            StorageError: the file cannot be read or written, or its lock is held by others.
            Damaged, UnknownFormat: the file holds something else, and is left as it is.
        """
        with translated(_ROLE, self.path):
            make_directory(os.path.dirname(self.path))
        with FileLock(self.path + ".lock", LOCK_TIMEOUT, operation="adding to the metrics"):
            entries = self._entries()
            known = self._own(entries)
            if known is None:
                known = totals
            else:
                known.add(totals, self._clock())
            others = [entry for entry in entries if not self._is_own(entry)]
            self._write([*others, dict(self._place, **encode_totals(known))])

    def totals(self) -> Optional[Totals]:
        """Return what all processes have counted; None if none has written yet.

        Raises:
            As `add`.
        """
        return self._own(self._entries())

    def remove_unused(self, before: float, *, check: bool = False) -> List[Dict[str, str]]:
        """Remove the numbers of other stores that were last added to before a time. With `check`, remove nothing.

        Returns:
            The `store` and `backend` of each.

        Raises:
            As `add`.
        """
        if not os.path.exists(self.path):
            return []
        with FileLock(self.path + ".lock", LOCK_TIMEOUT, operation="removing old metrics"):
            entries = self._entries()
            unused = [entry for entry in entries if not self._is_own(entry) and self._read_last(entry) < before]
            if unused and not check:
                self._write([entry for entry in entries if entry not in unused])
        return [{key: str(entry.get(key)) for key in self._place} for entry in unused]

    def _read_last(self, entry: Dict[str, Any]) -> float:
        """Return when numbers were last added to an entry, to the quarter of an hour."""
        totals = self._parse(entry)
        return max((window + 1) * WINDOW for window in totals.windows) if totals.windows else totals.since

    def _own(self, entries: List[Dict[str, Any]]) -> Optional[Totals]:
        return next((self._parse(entry) for entry in entries if self._is_own(entry)), None)

    def _parse(self, entry: Dict[str, Any]) -> Totals:
        try:
            return read(entry)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._damage_error() from None

    def _is_own(self, entry: Dict[str, Any]) -> bool:
        return {key: entry.get(key) for key in self._place} == self._place

    def _entries(self) -> List[Dict[str, Any]]:
        with translated(_ROLE, self.path, writing=False):
            try:
                content = read_file(self.path, 16 * MIB)
            except FileNotFoundError:
                return []
        return self._read(content) if content else []  # a power cut may leave a file without content

    def _read(self, content: bytes) -> List[Dict[str, Any]]:
        try:
            document = read_json(content)
            number, entries = document["format"], document["stores"]
            whole = all(isinstance(entry, dict) for entry in entries)
        except (ValueError, TypeError, KeyError):
            raise self._damage_error() from None
        if number != FORMAT:
            what = "{0} {1} was written by a later release".format(_ROLE, self.path)
            raise UnknownFormat(what, option="metrics_path", remedy="Upgrade the collection, or name another file.")
        if not whole:
            raise self._damage_error()
        return list(entries)

    def _damage_error(self) -> CredentialError:
        what = "{0} {1} is not what was written".format(_ROLE, self.path)
        return Damaged(what, option="metrics_path", remedy="Delete the file to count from the beginning, or name another one.")

    def _write(self, entries: List[Dict[str, Any]]) -> None:
        content = json.dumps({"format": FORMAT, "stores": entries}, separators=(",", ":")).encode("ascii")
        with translated(_ROLE, self.path), Temporary(os.path.dirname(self.path)) as temporary:
            temporary.write(content + b"\n")
            temporary.become(self.path, synced=False)
