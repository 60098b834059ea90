# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue of errors is the one of the classes of now: each code is there once, with its meaning and what to do."""

from __future__ import annotations

from tests.house.write_errors_page import PAGE, build_page, find_classes, read_groups

ROWS = [(code, row) for group in read_groups() for code, row in group["codes"].items()]


def test_the_page_is_written_from_the_classes():
    assert PAGE.read_text(encoding="utf-8") == build_page(), "run python -m tests.house.write_errors_page"


def test_each_code_is_there_once():
    assert sorted(code for code, _row in ROWS) == sorted(find_classes())


def test_each_error_says_what_it_means_and_what_to_do():
    assert [code for code, row in ROWS if not row["meaning"]] == []
    assert [code for code, row in ROWS if not row.get("do")] == ["encryption"]  # the root of others, which is never raised itself
