# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LastPass's export as CSV: each row is an entry, with its folders before its name.

Rows of one name and folder are told apart by the user name.
"""

from __future__ import annotations

import csv
import io
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ansible_collections.nebula.credential.plugins.module_utils.adoption.contents import (
    NAMING,
    make_distinct,
    make_found,
    read_text,
    refuse,
)
from ansible_collections.nebula.credential.plugins.module_utils.adoption.found import Found

OPTIONS: Mapping[str, Mapping[str, Any]] = NAMING
_COLUMNS = {"url": "url", "username": "username", "password": "password", "totp": "totp", "extra": "notes"}
_NEEDED = frozenset(("url", "username", "password", "extra", "name", "grouping"))
_NOTE = "http://sn"
_REMEDY = "Export the vault again as a CSV file (UTF-8), and name that file as it is: an editor or a spreadsheet may have changed it."


def read(path: str, options: Mapping[str, Any]) -> Iterator[Found]:
    """Yield the rows of an export.

    Args:
        path: the file.
        options: `characters` (`NAMING`).

    Raises:
        InvalidInput: it is no such export, or two rows have one folder, name and user name. The message names the line.
        CredentialError: it cannot be read.
    """
    return make_distinct(path, (_read_row(path, row, place) for row, place in _read_rows(path)), options)


def _read_rows(path: str) -> Iterator[Tuple[Dict[str, str], str]]:
    """Yield each row by its columns, and the line at which it ends."""
    rows = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    columns: List[str] = []
    try:
        for row in rows:
            place = "line {0}".format(rows.line_num)
            if not columns:
                columns = _check_columns(path, row)
            elif row and len(row) != len(columns):
                refuse(path, place, "the row has {0} columns, not {1}".format(len(row), len(columns)), _REMEDY)
            elif row:
                yield dict(zip(columns, row)), place
    except csv.Error:
        refuse(path, "line {0}".format(rows.line_num), "it is not valid CSV, or ends too early", _REMEDY)
    if not columns:
        refuse(path, "", "it is empty", _REMEDY)


def _check_columns(path: str, row: List[str]) -> List[str]:
    if not set(row) >= _NEEDED or len(set(row)) != len(row):
        refuse(path, "line 1", "it has not the columns of LastPass: {0}".format(", ".join(sorted(_NEEDED))), _REMEDY)
    return row


def _read_row(path: str, row: Mapping[str, str], place: str) -> Tuple[Optional[Found], str]:
    if not row["name"]:
        refuse(path, place, "an entry without a name", "Give it one in the vault, and export it again.")
    folder = row["grouping"].replace("\\", "/")
    fields = {field: row.get(column, "") for column, field in _COLUMNS.items()}
    if fields["url"] in (_NOTE, "http://"):
        fields["url"] = ""
    name = "{0}/{1}".format(folder, row["name"]) if folder and folder != "(none)" else row["name"]
    return make_found(path, place, name, fields), row["username"]
