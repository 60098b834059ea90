# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export holds every entry as it was, in little memory, and no cell of it is a formula."""

from __future__ import annotations

import csv
import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from ansible_collections.nebula.credential.plugins.module_utils.audit import pdf
from ansible_collections.nebula.credential.plugins.module_utils.audit.entry_writers import (
    _CONTROLS,
    COLUMNS,
    OTHER,
    CsvWriter,
    Heading,
    JsonWriter,
    _escape,
    write_cell,
)
from ansible_collections.nebula.credential.plugins.module_utils.audit.export import check_destination, find_format
from ansible_collections.nebula.credential.plugins.module_utils.audit.pdf import PdfWriter, write_text
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput, MissingLibrary

HEADING = Heading("prod", {"names": "app/*"}, "verified, 12 entries, with the store's key")
ENTRY = {
    "sequence": 3,
    "key": "6ae24257762f2fa4",
    "time": "2026-11-22T04:03:23.735651Z",
    "action": "read",
    "result": "ok",
    "store": "prod",
    "uid": 0,
    "name": "app/db_pass",
    "version": "1",
    "stage": "current",
    "operation": "get",
    "username": "deploy",
    "host": "web1",
    "run": "30118",
    "chain": "5e" * 32,
}
MEMBERS = st.dictionaries(
    st.sampled_from([*COLUMNS, "new_member"]), st.one_of(st.text(), st.integers(), st.booleans(), st.dictionaries(st.text(), st.text()))
)


def write(kind, entries, *rest):
    out = io.BytesIO()
    writer = kind(out.write, *rest)
    for entry in entries:
        writer.add(entry)
    writer.finish()
    return out.getvalue()


def read_table(content):
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"), newline="")))


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.dictionaries(st.text(), st.text())))
def test_no_cell_begins_like_a_formula(value):
    cell = write_cell(value)
    assert cell[:1] not in set("=+-@\t\r\n＝＋－＠")
    assert cell.lstrip()[:1] not in set("=+-@＝＋－＠")


@given(st.text(alphabet=st.sampled_from("=+-@\t\r'\" ,;\na1")))
def test_a_text_is_its_cell_without_one_apostrophe(text):
    cell = write_cell(text)
    assert (cell[1:] if cell.startswith("'") else cell) == text


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", " =", "'"])
def test_a_formula_in_an_asserted_host_is_text_to_a_spreadsheet(begin):
    formula = begin + "cmd|' /C calc'!A0"
    (row,) = read_table(write(CsvWriter, [dict(ENTRY, host=formula)]))
    assert row["host"] == "'" + formula


@pytest.mark.parametrize("text", ["\x1b]0;title\x07", "a\x9b31m", "a\0", "\u202etxt.exe", "\u2067a\x7f"])
def test_what_controls_a_terminal_is_escaped(text):
    content = write(CsvWriter, [dict(ENTRY, host=text, new_member={text: text})]).decode()
    assert content.replace("\r\n", "").isprintable()
    assert read_table(content.encode())[0]["host"] == ascii(text)[1:-1]


@given(st.lists(MEMBERS, max_size=5))
def test_csv_has_every_entry_in_a_row_of_its_own_with_the_same_columns(entries):
    rows = read_table(write(CsvWriter, entries))
    assert len(rows) == len(entries)
    for row, entry in zip(rows, entries):
        assert tuple(row) == (*COLUMNS, OTHER)
        known = {
            name: _CONTROLS.sub(_escape, value).encode("utf-8", "backslashreplace").decode()
            for name, value in entry.items()
            if isinstance(value, str)
        }
        for name, value in known.items():
            if name in row:
                assert row[name].removeprefix("'") == value.removeprefix("'")


@given(st.lists(MEMBERS, max_size=5))
def test_lines_of_json_give_the_entries_back(entries):
    content = write(JsonWriter, entries)
    assert content.isascii()
    assert [json.loads(line) for line in content.splitlines()] == entries


def test_a_member_that_is_not_known_is_kept():
    (row,) = read_table(write(CsvWriter, [dict(ENTRY, new=1)]))
    assert json.loads(row[OTHER]) == {"new": 1}


@pytest.mark.parametrize(
    ("path", "named", "form"),
    [("a.json", None, "json"), ("a.JSONL", None, "json"), ("a.csv", None, "csv"), ("a.pdf", None, "pdf"), ("a.txt", "csv", "csv")],
)
def test_the_ending_says_the_format_unless_it_is_named(path, named, form):
    assert find_format(path, named) == form


@pytest.mark.parametrize(
    ("name", "content"), [("a.json", json.dumps(ENTRY)), ("a.json", "[]"), ("a.csv", "time,action\n"), ("a.pdf", "%PDF")]
)
def test_a_file_that_only_looks_like_an_export_is_kept(name, content, tmp_path):
    (tmp_path / name).write_text(content, encoding="ascii")
    with pytest.raises(InvalidInput, match="is not an export"):
        check_destination(str(tmp_path / name), name[2:], [], overwrite=False)


def test_the_pdf_says_what_each_entry_is_and_where_it_is_from():
    entries = [dict(ENTRY, host="web{0}".format(number)) for number in range(120)]
    entries.append(dict(ENTRY, result="tampered", violation=True, user="Zoë", task="x"))
    reader = PdfReader(io.BytesIO(write(PdfWriter, entries, HEADING)))
    pages = [page.extract_text() for page in reader.pages]
    assert "Audit trail of store 'prod'" in pages[0]
    assert "names: app/*" in pages[0]
    assert "verified, 12 entries" in pages[0]
    whole = "\n".join(pages)
    assert all("web{0}".format(number) in whole for number in range(120))
    assert whole.count("2026-11-22 04:03:23.735651") == 121
    assert {"tampered", "Zoë (deploy)", "121 entries."} <= set(whole.splitlines())
    assert all("Page {0}".format(number) in page for number, page in enumerate(pages, 1))


def test_a_long_text_is_whole_in_the_pdf():
    name = "group/" + "x" * 100 + "/" + "WM" * 20
    text = PdfReader(io.BytesIO(write(PdfWriter, [dict(ENTRY, name=name)], HEADING))).pages[0].extract_text()
    assert name in text.replace("\n", "")


@given(st.text())
def test_any_text_can_be_written_to_a_pdf_and_none_is_lost(text):
    shown = write_text(text)
    assert shown.isprintable()
    assert shown.encode("cp1252").decode("cp1252") == shown
    if text.isascii() and text.isprintable():
        assert shown == text


def test_a_pdf_of_too_many_entries_is_refused_with_what_to_do(monkeypatch):
    assert pdf.MOST_ENTRIES == 50_000
    monkeypatch.setattr(pdf, "MOST_ENTRIES", 3)
    write(PdfWriter, [ENTRY] * 3, HEADING)
    with pytest.raises(InvalidInput, match=r"Narrow the time .* or export CSV or JSON"):
        write(PdfWriter, [ENTRY] * 4, HEADING)


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "reportlab.pdfgen.canvas", None)
    with pytest.raises(MissingLibrary, match="pip install 'reportlab"):
        PdfWriter(io.BytesIO().write, HEADING)


@pytest.mark.parametrize("name", ["a\0.csv", "x" * 300 + ".csv"])
def test_what_is_no_name_of_a_file_is_refused(tmp_path, name):
    with pytest.raises(InvalidInput, match="is no name of a file"):
        check_destination(str(tmp_path / name), "csv", (), overwrite=True)
