# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bytes in chunks: from a file or a blob of git, expanded if they are gzip, and lines of text out of them."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Callable, Iterator, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.errors import Unusable

Read = Callable[[int], bytes]
"""Returns as many bytes at most; none at the end."""

CHUNK = 256 * 1024
"""Bytes. The search of a chunk takes about 10 ms, in which no other thread of the session's process runs."""
MOST_EXPANDED = 4 * 1024**3
"""Bytes that one file of gzip may become: a small one can be made to expand for days."""
LONGEST_LINE = 8192
"""Bytes of a line in which look-alikes are searched for."""
_GZIP = b"\x1f\x8b\x08"
_SAMPLE = 8192


class Unfinished(Unusable):
    """Only the beginning of it could be searched. The text is the reason, for the list of what was skipped."""


def read_chunks(read: Read, size: int = CHUNK) -> Iterator[bytes]:
    """Yield all that there is.

    Raises:
        OSError: as `read`.
    """
    while True:
        chunk = read(size)
        if not chunk:
            return
        yield chunk


def expand(chunks: Iterator[bytes]) -> Tuple[bool, Iterator[bytes]]:
    """Return whether it is binary, and the chunks: those of the content if they are gzip, else themselves.

    The chunks raise `Unfinished` if the gzip data are damaged, or become too much.
    """
    first = next(chunks, b"")
    expanded = _chain(first, chunks)
    if first.startswith(_GZIP):
        expanded = _expand_gzip(expanded)
        try:
            first = next(expanded, b"")
        except Unfinished as problem:
            return True, _chain(b"", iter(()), problem)
        expanded = _chain(first, expanded)
    return b"\0" in first[:_SAMPLE], expanded


def _chain(first: bytes, others: Iterator[bytes], problem: Optional[Unfinished] = None) -> Iterator[bytes]:
    if first:
        yield first
    yield from others
    if problem is not None:
        raise problem


class _ChunkFile(io.RawIOBase):
    """Chunks as a file that can be read once."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        into = memoryview(buffer)  # type: ignore[arg-type]
        if not self._left:
            self._left = memoryview(next(self._chunks, b""))
        size = min(len(into), len(self._left))
        into[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _expand_gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    expanded = 0
    with gzip.GzipFile(fileobj=io.BufferedReader(_ChunkFile(chunks), CHUNK)) as file:
        while True:
            try:
                chunk = file.read1(CHUNK)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                raise Unfinished("its gzip data are damaged; they were searched up to there") from None
            if not chunk:
                return
            expanded += len(chunk)
            if expanded > MOST_EXPANDED:
                raise Unfinished("its gzip data expand to more than {0} MiB; these were searched".format(MOST_EXPANDED >> 20))
            yield chunk


class Lines:
    """Takes chunks, and gives lines: of a long one the beginning."""

    def __init__(self) -> None:
        """Start before the first line."""
        self._number = 0
        self._left = b""
        self._is_cut = False

    def feed(self, chunk: bytes) -> Iterator[Tuple[int, str]]:
        """Yield the lines that end in a chunk, with their numbers from 1."""
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            yield self._end(part)
        if len(self._left) < LONGEST_LINE:
            self._left += rest[: LONGEST_LINE - len(self._left)]

    def finish(self) -> Iterator[Tuple[int, str]]:
        """Yield the last line, if it does not end with a line break."""
        if self._left:
            yield self._end(b"")

    def _end(self, part: bytes) -> Tuple[int, str]:
        line = (self._left + part[: max(0, LONGEST_LINE - len(self._left))]).decode("utf-8", "replace")
        self._left = b""
        self._number += 1
        return self._number, line.rstrip("\r")
