# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entries of an audit trail as a PDF to read and to print, by `reportlab`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Callable, Iterator, List, Mapping, NamedTuple

from ansible_collections.nebula.credential.plugins.module_utils.audit.entry_writers import PDF_END, Heading, Writer
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, MissingLibrary, Package, pip_install
from ansible_collections.nebula.credential.plugins.module_utils.model.record import CURRENT

REPORTLAB = Package("reportlab>=4.2", "reportlab")
MOST_ENTRIES = 50_000
"""A PDF is built in memory, and a longer one is read by no person."""

_FONT, _BOLD = "Helvetica", "Helvetica-Bold"
_SIZE, _LINE = 7, 8.6
_MARGIN = 36
_TOP, _BOTTOM = 34, 42
_GAP = 5
_GREY, _LIGHT, _RED, _BLACK = 0.4, 0.94, (0.7, 0.05, 0.05), (0, 0, 0)


class _Column(NamedTuple):
    """A column of the table: its heading, its width in points, and how the text of an entry is read."""

    heading: str
    width: float
    read: Callable[[Mapping[str, Any]], str]


class PdfWriter(Writer):
    """Writes a PDF of at most `MOST_ENTRIES` entries."""

    def __init__(self, write: Callable[[bytes], object], heading: Heading) -> None:
        """Begin the first page.

        Raises:
            MissingLibrary: reportlab is not installed.
        """
        super().__init__(write)
        try:
            from reportlab.lib.pagesizes import A4, landscape
            from reportlab.pdfbase.pdfmetrics import stringWidth
            from reportlab.pdfgen.canvas import Canvas
        except ImportError:
            remedy = "Run: {0}. Or export CSV or JSON.".format(pip_install(REPORTLAB))
            raise MissingLibrary("reportlab, which makes the PDF, is not installed", option="format", remedy=remedy) from None
        self._width_of = lru_cache(maxsize=4096)(stringWidth)  # most texts are in many entries
        self._size = landscape(A4)
        # Invariant: the same entries make the same bytes, so that a second run changes nothing.
        self._canvas = Canvas(_Sink(write), pagesize=self._size, pageCompression=1, invariant=1)
        self._entries = 0
        self._page = 0
        self._y = 0.0
        self._set_properties(heading)
        self._begin_page()
        self._write_heading(heading)
        self._write_column_heads()

    def _set_properties(self, heading: Heading) -> None:
        self._canvas.setTitle("Audit trail of store '{0}'".format(write_text(heading.store)))
        self._canvas.setAuthor("nebula.credential")
        self._canvas.setCreator("nebula.credential")

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write an entry as a row; what is too long for its column continues on the next line.

        Raises:
            InvalidInput: there are more entries than a PDF may have.
        """
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            what = "more than {0:,} entries match, too many for a PDF".format(MOST_ENTRIES)
            remedy = "Narrow the time ('last', 'since', 'until'), or export CSV or JSON, which have no limit."
            raise InvalidInput(what, option="format", remedy=remedy)
        cells = [self._wrap(write_text(column.read(entry)), column.width - _GAP) for column in _COLUMNS]
        height = max(map(len, cells)) * _LINE
        if self._y - height < _BOTTOM:
            self._end_page()
            self._begin_page()
            self._write_column_heads()
        self._write_row(cells, height, bool(entry.get("violation")))

    def finish(self) -> None:
        """Write how many entries there are, and the file."""
        if self._y - 3 * _LINE < _BOTTOM:
            self._end_page()
            self._begin_page()
        self._y -= _LINE
        self._write_line(_MARGIN, _BOLD, "{0:,} {1}.".format(self._entries, "entry" if self._entries == 1 else "entries"))
        self._end_page()
        self._canvas.save()
        self.write(PDF_END)

    def _begin_page(self) -> None:
        self._page += 1
        self._y = self._size[1] - _TOP

    def _end_page(self) -> None:
        self._canvas.setFont(_FONT, _SIZE)
        self._canvas.setFillGray(_GREY)
        self._canvas.drawRightString(self._size[0] - _MARGIN, _BOTTOM - 2 * _LINE, "Page {0}".format(self._page))
        self._canvas.drawString(_MARGIN, _BOTTOM - 2 * _LINE, "Times are UTC. Violations are bold and red.")
        self._canvas.showPage()

    def _write_heading(self, heading: Heading) -> None:
        self._canvas.setFont(_BOLD, 14)
        self._y -= 8
        self._canvas.drawString(_MARGIN, self._y, "Audit trail of store '{0}'".format(write_text(heading.store)))
        self._y -= 2 * _LINE
        filters = "; ".join("{0}: {1}".format(name, text) for name, text in heading.filters.items()) or "none"
        for title, text in (("Filters", filters), ("Chain", heading.verification)):
            for line in self._wrap(write_text("{0}: {1}".format(title, text)), self._size[0] - 2 * _MARGIN):
                self._write_line(_MARGIN, _FONT, line)
                self._y -= _LINE
        self._y -= _LINE

    def _write_line(self, x: float, font: str, text: str) -> None:
        self._canvas.setFont(font, _SIZE + 1)
        self._canvas.setFillColorRGB(*_BLACK)
        self._canvas.drawString(x, self._y, text)

    def _write_column_heads(self) -> None:
        self._canvas.setFont(_BOLD, _SIZE)
        self._canvas.setFillColorRGB(*_BLACK)
        for x, column in _place_columns():
            self._canvas.drawString(x, self._y, column.heading)
        self._canvas.line(_MARGIN, self._y - 3, self._size[0] - _MARGIN, self._y - 3)
        self._y -= 5

    def _write_row(self, cells: List[List[str]], height: float, is_violation: bool) -> None:
        if self._entries % 2 == 0:
            self._canvas.setFillGray(_LIGHT)
            self._canvas.rect(_MARGIN - 2, self._y - height - 1.2, self._size[0] - 2 * _MARGIN + 4, height, stroke=0, fill=1)
        self._canvas.setFont(_BOLD if is_violation else _FONT, _SIZE)
        self._canvas.setFillColorRGB(*(_RED if is_violation else _BLACK))
        for (x, _column), lines in zip(_place_columns(), cells):
            for number, line in enumerate(lines, 1):
                self._canvas.drawString(x, self._y - number * _LINE + 1.4, line)
        self._y -= height

    def _wrap(self, text: str, width: float) -> List[str]:
        """Return the lines of a text, broken at spaces, and within a word that is wider than a line. The bold font is the wider one."""
        if self._width_of(text, _BOLD, _SIZE + (1 if width > 400 else 0)) <= width:
            return [text]
        size = _SIZE + (1 if width > 400 else 0)
        lines = [""]
        for word in text.split(" "):
            joined = lines[-1] + " " + word if lines[-1] else word
            if self._width_of(joined, _BOLD, size) <= width:
                lines[-1] = joined
                continue
            parts = list(self._break(word, width, size))
            lines = lines + parts if lines[-1] else lines[:-1] + parts
        return lines

    def _break(self, word: str, width: float, size: int) -> Iterator[str]:
        part = ""
        for character in word:
            if part and self._width_of(part + character, _BOLD, size) > width:
                yield part
                part = ""
            part += character
        yield part


class _Sink:
    """What reportlab writes the file to."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.write = write


def write_text(text: str) -> str:
    """Return a text in the characters that the fonts of every PDF reader have; others are escaped, so that none is lost."""
    shown = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return shown.encode("cp1252", "backslashreplace").decode("cp1252")


def _place_columns() -> Iterator[tuple[float, _Column]]:
    x = float(_MARGIN)
    for column in _COLUMNS:
        yield x, column
        x += column.width


def _read_action(entry: Mapping[str, Any]) -> str:
    outcome = entry.get("outcome")
    return str(entry.get("action", "")) + ("" if outcome is None else ": {0}".format(outcome))


def _read_result(entry: Mapping[str, Any]) -> str:
    missed = entry.get("missed")
    return str(entry.get("result", "")) + ("" if missed is None else ", {0} missed".format(missed))


def _read_credential(entry: Mapping[str, Any]) -> str:
    parts = [str(entry.get("name", ""))]
    if "version" in entry:
        parts.append("version {0}".format(entry["version"]))
    if entry.get("stage", CURRENT) != CURRENT:
        parts.append(str(entry["stage"]))
    return ", ".join(part for part in parts if part)


def _read_caller(entry: Mapping[str, Any]) -> str:
    account = str(entry.get("username") or "uid {0}".format(entry.get("uid", "?")))
    return "{0} ({1})".format(entry["user"], account) if entry.get("user") else account


_COLUMNS = (
    _Column("Time", 98, lambda entry: str(entry.get("time", "")).replace("T", " ").rstrip("Z")),
    _Column("Action", 62, _read_action),
    _Column("Result", 72, _read_result),
    _Column("Credential", 180, _read_credential),
    _Column("By", 110, _read_caller),
    _Column("Operation", 88, lambda entry: str(entry.get("operation", ""))),
    _Column("Host", 90, lambda entry: str(entry.get("host", ""))),
    _Column("Run", 69.8, lambda entry: str(entry.get("run", ""))),
)
