# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report replaces an earlier one, and no other file: that one may be the very file whose secrets it is about."""

from __future__ import annotations

import os

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.operations.migration_report import check_report, write_report


@pytest.fixture
def report(tmp_path):
    return tmp_path / "report.json"


def test_an_earlier_report_and_an_empty_file_are_replaced(report):
    report.touch()
    for _again in range(2):
        check_report(str(report))
        write_report(str(report), {"changed": False}, [])


@pytest.mark.parametrize("content", ["PASSWORD=mine\n", '{"changed": true}', '{\n  "version": 4\n}'])
def test_another_file_is_refused_and_stays(content, report):
    report.write_text(content)
    with pytest.raises(InvalidInput, match="is no earlier report"):
        check_report(str(report))
    assert report.read_text() == content


def test_a_fifo_is_not_waited_for(report):
    os.mkfifo(report)
    with pytest.raises(InvalidInput, match="is no earlier report"):
        check_report(str(report))
