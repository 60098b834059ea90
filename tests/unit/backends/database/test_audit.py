# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trail in a table of the database: what is handed on, once, and what happens where it is not taken."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.errors import AuditFailed
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store
from tests.unit.backends.database.stores import ask, backend_in, url_in

ENTRY = {
    "id": "0" * 31 + "1",
    "time": "2026-11-22T12:00:00.000001Z",
    "action": "read",
    "result": "ok",
    "uid": 7,
    "name": "db_pass",
    "address": "192.0.2.7",
}
CONTEXT = AccessContext(user="ana", uid=7, address="192.0.2.7", run="r1")


def audited(directory, **options):
    warnings = []
    config = dict({"backend": "database", "url": url_in(directory), "audit_path": str(directory / "trail.jsonl")}, **options)
    return open_store(config, name="prod", warn=warnings.append), warnings


def test_an_entry_is_a_row_that_sql_can_ask(tmp_path):
    backend_in(tmp_path).append_audit([ENTRY])
    assert ask(tmp_path, "SELECT * FROM cred_audit_log") == [
        (ENTRY["id"], "db_pass", "read", "uid 7", "192.0.2.7", "2026-11-22 12:00:00.000001", '{"result": "ok", "uid": 7}')
    ]


def test_entries_that_come_a_second_time_change_nothing(tmp_path):
    """The answer to the first attempt may have been lost."""
    backend = backend_in(tmp_path)
    for _each in range(2):
        backend.append_audit([ENTRY, dict(ENTRY, id="2" * 32)])
    backend.append_audit([])
    assert ask(tmp_path, "SELECT count(*) FROM cred_audit_log") == [(2,)]


@pytest.mark.parametrize("name", ["ü", "a\0b", "x" * 500, "group/", ""])
def test_what_is_no_name_is_a_detail(tmp_path, name):
    """The prefix of a listing, for one, and what a refused request asked for."""
    backend_in(tmp_path).append_audit([dict(ENTRY, name=name, user="u" * 400)])
    ((credential, user, details),) = ask(tmp_path, "SELECT credential_id, user_id, details FROM cred_audit_log")
    assert (credential, user) == (None, "u" * 255)
    assert json.loads(details)["name"] == name.replace("\0", "")[:255]


def test_what_is_written_to_the_file_is_handed_on(tmp_path):
    store, warnings = audited(tmp_path)
    for parameters in ({"credentials": [{"name": "a", "value": "canary-value"}]},):
        perform(store, "credential", dict(parameters, state="present"), CONTEXT)
    perform(store, "get", {"name": "a"}, CONTEXT)
    store.close()
    lines = [json.loads(line) for line in (tmp_path / "trail.jsonl").read_text().splitlines()]
    rows = ask(tmp_path, "SELECT credential_id, action, user_id, ip_address, details FROM cred_audit_log ORDER BY timestamp, rowid")
    assert [(row[0], row[1]) for row in rows] == [(line.get("name"), line["action"]) for line in lines]
    assert {row[2:4] for row in rows} == {("ana", "192.0.2.7")}
    assert [json.loads(row[4])["result"] for row in rows] == [line["result"] for line in lines]
    assert "canary" not in str(rows)
    assert warnings == []


def test_a_table_that_does_not_take_it_is_warned_of_once_or_refused(tmp_path):
    audited(tmp_path)[0].backend.read_store_document()
    ask(tmp_path, "DROP TABLE cred_audit_log")
    store, warnings = audited(tmp_path)
    for _each in range(2):
        perform(store, "find", {}, CONTEXT)
        store.backend.trail.record("write", "ok", "a")
    assert len(warnings) <= 1
    strict, _warnings = audited(tmp_path, audit="strict", encrypt=False, allow_plaintext=True)
    with pytest.raises(AuditFailed) as caught:
        perform(strict, "credential", {"name": "a", "value": "x", "state": "present"}, CONTEXT)
    assert "the backend does not take the audit trail" in str(caught.value)


def test_the_table_can_be_left_out(tmp_path):
    store, _warnings = audited(tmp_path, audit_table=False, encrypt=False, allow_plaintext=True)
    perform(store, "credential", {"name": "a", "value": "x", "state": "present"}, CONTEXT)
    store.close()
    assert ask(tmp_path, "SELECT count(*) FROM cred_audit_log") == [(0,)]
    assert (tmp_path / "trail.jsonl").read_text()
