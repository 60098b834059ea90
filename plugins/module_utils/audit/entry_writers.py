# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of an exported audit trail that need no library: lines of JSON, and CSV. Each entry is written by itself."""

from __future__ import annotations

import csv
import json
import re
from abc import ABC, abstractmethod
from typing import Any, Callable, Dict, Mapping, Match, NamedTuple

COLUMNS = (
    "time",
    "action",
    "result",
    "violation",
    "store",
    "tenant",
    "name",
    "version",
    "stage",
    "operation",
    "uid",
    "username",
    "user",
    "controller",
    "host",
    "address",
    "workflow",
    "run",
    "task",
    "execution_id",
    "process",
    "outcome",
    "target",
    "missed",
    "sequence",
    "key",
    "chain",
)
"""The members of an entry in the order of an export. The trail's own lines begin with another one, so none is mistaken for an export."""
OTHER = "other"
"""The last column of CSV: the members that this version does not know, as JSON."""

PDF_END = b"%% audit trail exported by nebula.credential\n"
"""A comment after the end of a PDF, by which an export is recognised."""

_FORMULA = frozenset("=+-@\t\r\n＝＋－＠'")
"""What a spreadsheet reads as the begin of a formula, and the apostrophe, so that a reader can remove the one that was put before it."""
_CONTROLS = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069]")
"""What controls a terminal, or turns the direction of the text around. Tabs and line breaks are text."""
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)


class Heading(NamedTuple):
    """What a PDF says above its entries: the store, the filters, and the result of the check of the chain."""

    store: str
    filters: Mapping[str, str]
    verification: str


class Writer(ABC):
    """Writes entries in one format."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Write bytes by `write`."""
        self.write = write

    @abstractmethod
    def add(self, entry: Mapping[str, Any]) -> None:
        """Write an entry."""

    def finish(self) -> None:
        """Write what follows the last entry."""


class JsonWriter(Writer):
    """Writes each entry as a line of JSON, in ASCII."""

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write an entry."""
        self.write(_ENCODER.encode(order_members(entry)).encode("ascii") + b"\n")


class CsvWriter(Writer):
    """Writes CSV (RFC 4180, UTF-8) with a heading. No cell is a formula to a spreadsheet."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """Write the heading."""
        super().__init__(write)
        self._rows = csv.writer(_Text(write), quoting=csv.QUOTE_ALL)
        self._rows.writerow((*COLUMNS, OTHER))

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write an entry."""
        other = {name: value for name, value in entry.items() if name not in COLUMNS}
        cells = [entry.get(name) for name in COLUMNS]
        self._rows.writerow([write_cell(cell) for cell in (*cells, other or None)])


class _Text:
    """What `csv` writes to."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write

    def write(self, text: str) -> None:
        """Write text. A surrogate alone, which UTF-8 does not have, is escaped."""
        self._write(text.encode("utf-8", "backslashreplace"))


def write_cell(value: Any) -> str:
    """Return a value as a cell of CSV that no spreadsheet takes for a formula: an apostrophe is put before one that begins like a formula.

    Spaces before it do not hide a formula. Remove one apostrophe at the begin of a cell to get the value. Characters that control a
    terminal are escaped: a user or host of that name would act on the screen of whoever reads the file.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else _ENCODER.encode(value)
    text = _CONTROLS.sub(_escape, text)
    return "'" + text if text[:1] in _FORMULA or text.lstrip()[:1] in _FORMULA else text


def _escape(found: Match[str]) -> str:
    return ascii(found.group())[1:-1]


def order_members(entry: Mapping[str, Any]) -> Dict[str, Any]:
    """Return an entry with its members in the order of `COLUMNS`, and those that this version does not know at the end."""
    ordered = {name: entry[name] for name in COLUMNS if name in entry}
    ordered.update(entry)
    return ordered
