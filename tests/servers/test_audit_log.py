# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a test server's audit log while it is written."""

from __future__ import annotations

from tests.servers.audit_log import entries_of


def test_a_line_that_a_server_has_not_finished_is_left_for_later(tmp_path):
    log = tmp_path / "audit.log"
    log.write_text('{"request": 1}\n{"request": 2, "path": "half', encoding="utf-8")
    assert list(entries_of(log)) == [{"request": 1}]


def test_only_lines_that_are_asked_for_are_looked_at(tmp_path):
    log = tmp_path / "audit.log"
    log.write_text('{"path":"a/b"}\nno JSON\n{"path":"a/c"}\n{"path":"b"}\n', encoding="utf-8")
    assert list(entries_of(log, '"path":"a/')) == [{"path": "a/b"}, {"path": "a/c"}]
