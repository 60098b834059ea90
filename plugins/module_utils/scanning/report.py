# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a scan has found, what it skipped and how much it has searched. No value and no text of a file is in it."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional

from ansible_collections.nebula.credential.plugins.module_utils.scanning.searcher import Hit, Searcher

VALUE, LOOK_ALIKE = "value", "look_alike"
NAME, CONTENT = "name", "content"


class Report:
    """Rows and counts. It keeps `limit` rows of each kind, and counts the others."""

    def __init__(self, searcher: Searcher, limit: int) -> None:
        """Start with nothing. `searcher` covers values in the names of files."""
        self._searcher = searcher
        self._limit = limit
        self._rows: Dict[str, List[Dict[str, Any]]] = {VALUE: [], LOOK_ALIKE: []}
        self.not_searched: List[Dict[str, str]] = []
        self.counts = {VALUE: 0, LOOK_ALIKE: 0}
        self.scanned = {"files": 0, "objects": 0, "bytes": 0, "links": 0, "excluded": 0, "skipped": 0}

    def show(self, path: str) -> str:
        """Return a path for people: without values, and as text that can be written as UTF-8."""
        return self._searcher.cover(os.fsencode(path).decode("utf-8", "backslashreplace"))

    def add_hit(self, path: str, object_id: Optional[str], hit: Hit, *, is_binary: bool) -> None:
        """Add a row for each credential that has the value."""
        line = None if is_binary else hit.line
        for origin in hit.origins:
            found = {"place": CONTENT, "line": line, "offset": hit.offset, "form": hit.form, "looks_like": None}
            self._add(VALUE, path, object_id, dict(found, **origin.describe()))

    def add_name(self, path: str, object_id: Optional[str]) -> None:
        """Add a row for each value in the name of a file."""
        for hit in self._searcher.search([os.fsencode(path)]):
            for origin in hit.origins:
                found = {"place": NAME, "line": None, "offset": None, "form": hit.form, "looks_like": None}
                self._add(VALUE, path, object_id, dict(found, **origin.describe()))

    def add_look_alike(self, path: str, object_id: Optional[str], line: int, kind: str) -> None:
        """Add a row for a line that looks as if it held a secret."""
        unknown: Dict[str, Any] = dict.fromkeys(("offset", "form", "name", "field", "version", "stage"))
        self._add(LOOK_ALIKE, path, object_id, dict(unknown, place=CONTENT, line=line, looks_like=kind))

    def _add(self, kind: str, path: str, object_id: Optional[str], found: Dict[str, Any]) -> None:
        self.counts[kind] += 1
        if len(self._rows[kind]) < self._limit:
            self._rows[kind].append(dict(found, kind=kind, path=self.show(path), object=object_id))

    def skip(self, path: str, reason: str) -> None:
        """Add what was not searched, or not all of it."""
        self.scanned["skipped"] += 1
        if len(self.not_searched) < self._limit:
            self.not_searched.append({"path": self.show(path), "reason": reason})

    def describe(self) -> Dict[str, Any]:
        """Return `{findings, total, truncated, counts, scanned, not_searched}`; stored values come first."""
        total = sum(self.counts.values())
        findings = [*self._rows[VALUE], *self._rows[LOOK_ALIKE]][: self._limit]
        return {
            "findings": findings,
            "total": total,
            "truncated": total > len(findings),
            "counts": dict(self.counts),
            "scanned": dict(self.scanned),
            "not_searched": self.not_searched,
        }
