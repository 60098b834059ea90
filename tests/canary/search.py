# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looking for canaries in bytes, files and trees, inside archives and payloads too."""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import os
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, List, Mapping, Tuple

from tests.canary import canaries

DEEPEST = 4
# A module's payload is a zip, written in base64 into a Python file; 64 characters tell it from words.
_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{64,}(?:\\n|\n)?)+[A-Za-z0-9+/]*={0,2}")
Blobs = Iterable[Tuple[str, bytes]]


@dataclass(frozen=True)
class Hit:
    """A canary found. Shows where and in which form, never the bytes around it."""

    canary: str
    form: str
    place: str

    def __repr__(self) -> str:
        return "{0} as {1} in {2}".format(self.canary, self.form, self.place)


class Searcher:
    """Looks for a set of named canaries."""

    def __init__(self, named: Mapping[str, str]) -> None:
        """Take canaries by the name under which a hit is reported."""
        self._wanted = {name: canaries.forms(value) for name, value in named.items()}

    def hits(self, blobs: Blobs) -> List[Hit]:
        """Every canary and form in the blobs, at most one a place."""
        return [hit for place, content in blobs for hit in self._in(place, content)]

    def _in(self, place: str, content: bytes) -> Iterator[Hit]:
        for inner, layer in unpacked(place, content):
            for name, wanted in self._wanted.items():
                form = next((form for form, needles in wanted.items() if any(needle in layer for needle in needles)), None)
                if form:
                    yield Hit(name, form, inner)


def unpacked(place: str, content: bytes, depth: int = 0) -> Iterator[Tuple[str, bytes]]:
    """The content, and what is packed in it, at any depth up to DEEPEST."""
    yield place, content
    if depth < DEEPEST:
        for inner, layer in _packed(place, content):
            yield from unpacked(inner, layer, depth + 1)


def _packed(place: str, content: bytes) -> Iterator[Tuple[str, bytes]]:
    if content[:2] == b"PK":
        yield from _members(place, content)
    if content[:2] == b"\x1f\x8b":
        try:
            yield place + " (gunzipped)", gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            pass  # Not a whole gzip file: its bytes were searched as they are.
    for found in _BASE64.finditer(content):
        packed = found.group().replace(b"\\n", b"").replace(b"\n", b"")
        try:
            yield place + " (base64)", base64.b64decode(packed[: len(packed) // 4 * 4])
        except binascii.Error:
            continue


def _members(place: str, content: bytes) -> Iterator[Tuple[str, bytes]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile:
        return
    with archive:
        for name in archive.namelist():
            yield "{0}!{1}".format(place, name), archive.read(name)


def tree(root: Path, leave_out: Iterable[Path] = ()) -> Iterator[Tuple[str, bytes]]:
    """Every regular file below a directory, and every name: a file may be called by a secret too."""
    left_out = {str(path) for path in leave_out}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in left_out]
        yield folder + " (names)", "\n".join(names).encode("utf-8", "surrogateescape")
        for name in names:
            path = Path(folder, name)
            if str(path) not in left_out and stat.S_ISREG(path.lstat().st_mode):
                yield str(path), path.read_bytes()
