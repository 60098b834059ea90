# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Searching one file, or one object of git, for values and for what looks like one."""

from __future__ import annotations

from typing import Iterator, Optional

from ansible_collections.nebula.credential.plugins.module_utils.scanning.content import Lines, Read, Unfinished, expand, read_chunks
from ansible_collections.nebula.credential.plugins.module_utils.scanning.look_alikes import LookAlikes
from ansible_collections.nebula.credential.plugins.module_utils.scanning.report import Report
from ansible_collections.nebula.credential.plugins.module_utils.scanning.searcher import Searcher


class Scan:
    """One scan: what it searches for, and its report."""

    def __init__(self, searcher: Searcher, look_alikes: Optional[LookAlikes], report: Report) -> None:
        """Search by `searcher`, and by `look_alikes` unless that is None."""
        self._searcher = searcher
        self._look_alikes = look_alikes
        self.report = report

    def search(self, path: str, read: Read, object_id: Optional[str] = None) -> None:
        """Search the name of a file, and all that `read` returns. A failure to read it is a row of `not_searched`."""
        self.report.add_name(path, object_id)
        try:
            is_binary, chunks = expand(self._count(read_chunks(read)))
            if not is_binary and self._look_alikes is not None and self._look_alikes.takes(path):
                chunks = self._look(path, object_id, chunks, self._look_alikes)
            for hit in self._searcher.search(chunks):
                self.report.add_hit(path, object_id, hit, is_binary=is_binary)
        except Unfinished as problem:
            self.report.skip(path, problem.what)
        except OSError as error:
            self.report.skip(path, describe_os_error(error))

    def _count(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.report.scanned["bytes"] += len(chunk)
            yield chunk

    def _look(self, path: str, object_id: Optional[str], chunks: Iterator[bytes], look_alikes: LookAlikes) -> Iterator[bytes]:
        """Yield the chunks, and add what their lines look like."""
        lines = Lines()
        for chunk in chunks:
            yield chunk
            for number, line in lines.feed(chunk):
                self._look_at(path, object_id, number, line, look_alikes)
        for number, line in lines.finish():
            self._look_at(path, object_id, number, line, look_alikes)

    def _look_at(self, path: str, object_id: Optional[str], number: int, line: str, look_alikes: LookAlikes) -> None:
        for kind in look_alikes.list_kinds(path, number, line):
            self.report.add_look_alike(path, object_id, number, kind)


def describe_os_error(error: OSError) -> str:
    """Return why the system does not let a file be read."""
    return "it cannot be read: {0}".format(error.strerror or "the system does not say why")
