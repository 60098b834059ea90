# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write entries of an audit trail to a file, as lines of JSON, as CSV, or as PDF (B7).

The entries are written one by one, so any number of them fits in memory (of PDF see `pdf`). The file has mode 0600, and appears under its
name when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from typing import BinaryIO, Callable, Iterable, Mapping, Optional

from ansible_collections.nebula.credential.plugins.module_utils.audit.entry_writers import (
    COLUMNS,
    PDF_END,
    CsvWriter,
    Heading,
    JsonWriter,
    Writer,
)
from ansible_collections.nebula.credential.plugins.module_utils.audit.hash_chain import LONGEST_LINE
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.atomic import Temporary
from ansible_collections.nebula.credential.plugins.module_utils.filesystem.reading import KIB, open_regular

JSON, CSV, PDF = "json", "csv", "pdf"
FORMATS = (JSON, CSV, PDF)
ENDINGS: Mapping[str, str] = {".json": JSON, ".jsonl": JSON, ".csv": CSV, ".pdf": PDF}

_PIECE = 128 * KIB


def find_format(path: str, named: Optional[str]) -> str:
    """Return the format that was named, or that of the ending of the path.

    Raises:
        InvalidInput: neither is known.
    """
    found = named or ENDINGS.get(os.path.splitext(path)[1].lower())
    if found is None:
        remedy = "Write 'format', or a name that ends with {0}.".format(", ".join(ENDINGS))
        raise InvalidInput("the name of the file does not say its format", option="format", remedy=remedy)
    return found


def check_destination(path: str, form: str, kept: Iterable[str], *, overwrite: bool) -> None:
    """Check that a file can be written, and replaces nothing but an earlier export of the same format.

    Args:
        path: the path of the file.
        form: one of `FORMATS`.
        kept: paths of files that are never replaced: those of the trail.
        overwrite: whether another regular file may be replaced, too.

    Raises:
        InvalidInput: its directory does not exist or cannot be written to, or something else has the name.
    """
    directory = os.path.dirname(path) or "."
    if not os.path.isdir(directory) or not os.access(directory, os.W_OK | os.X_OK):
        what = "no file can be written at '{0}'".format(path)
        raise InvalidInput(what, option="dest", remedy="Name a file in a directory that exists and that you may write to.")
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except (OSError, ValueError):  # the name is too long, or holds a zero byte
        raise InvalidInput("'{0}' is no name of a file".format(path), option="dest", remedy="Name another file.") from None
    if not stat.S_ISREG(found.st_mode):
        raise InvalidInput("'{0}' is not a regular file".format(path), option="dest", remedy="Name another file.")
    if any(_is_same(path, each) for each in kept):
        raise InvalidInput("'{0}' is a file of the audit trail itself".format(path), option="dest", remedy="Name another file.")
    if not overwrite and not _is_export(path, form, found.st_size):
        what = "'{0}' exists, and is not an export of the audit trail as {1}".format(path, form)
        raise InvalidInput(what, option="dest", remedy="Name another file, or set 'overwrite: true' to replace this one.")


def _is_same(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def _is_export(path: str, form: str, size: int) -> bool:
    if size == 0:
        return True
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            return _HAS_MARK[form](file)
    except OSError:
        return False


def _has_json_mark(file: BinaryIO) -> bool:
    line = file.readline(LONGEST_LINE)
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return line.startswith(b'{"time":"') and isinstance(entry, dict) and {"action", "result", "store"} <= set(entry)


def _has_csv_mark(file: BinaryIO) -> bool:
    heading = ",".join('"{0}"'.format(name) for name in COLUMNS[:3]).encode("ascii")
    return file.read(len(heading)) == heading


def _has_pdf_mark(file: BinaryIO) -> bool:
    file.seek(max(0, os.fstat(file.fileno()).st_size - len(PDF_END)))
    return file.read() == PDF_END


_HAS_MARK: Mapping[str, Callable[[BinaryIO], bool]] = {JSON: _has_json_mark, CSV: _has_csv_mark, PDF: _has_pdf_mark}


class Output:
    """The bytes of an export: written to a new file, or only counted and hashed."""

    def __init__(self, temporary: Optional[Temporary] = None) -> None:
        """Write to `temporary`; with None to no file."""
        self.bytes = 0
        self._temporary = temporary
        self._hash = hashlib.sha256()
        self._held = bytearray()

    def write(self, content: bytes) -> None:
        """Take bytes."""
        self._held += content
        if len(self._held) >= _PIECE:
            self._flush()

    def _flush(self) -> None:
        content = bytes(self._held)
        self._held.clear()
        self.bytes += len(content)
        self._hash.update(content)
        if self._temporary is not None:
            self._temporary.write(content)

    def close_as(self, path: str) -> bool:
        """Give the file its name unless a file with the same content has it. Return whether the content differs.

        Raises:
            OSError: it cannot be written.
        """
        self._flush()
        differs = _hash_file(path) != self._hash.hexdigest()
        if self._temporary is not None and differs:
            self._temporary.sync()
            self._temporary.become(path)
        elif self._temporary is not None:
            os.chmod(path, 0o600)
        return differs


def _hash_file(path: str) -> Optional[str]:
    found = hashlib.sha256()
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            for piece in iter(lambda: file.read(_PIECE), b""):
                found.update(piece)
    except FileNotFoundError:
        return None
    return found.hexdigest()


def build_writer(form: str, write: Callable[[bytes], object], heading: Heading) -> Writer:
    """Return the writer of a format.

    Raises:
        MissingLibrary: what writes PDF is not installed.
    """
    if form == PDF:
        from ansible_collections.nebula.credential.plugins.module_utils.audit.pdf import PdfWriter

        return PdfWriter(write, heading)
    return CsvWriter(write) if form == CSV else JsonWriter(write)
