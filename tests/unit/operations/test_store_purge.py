# Copyright (c) 2026, the nebula.credential authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store collects is removed when a task says for how long it is kept, and nothing else is."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.nebula.credential.plugins.module_utils.audit import log_file
from ansible_collections.nebula.credential.plugins.module_utils.audit.log_file import list_turned
from ansible_collections.nebula.credential.plugins.module_utils.errors import InvalidInput
from ansible_collections.nebula.credential.plugins.module_utils.model.scope import AccessContext
from ansible_collections.nebula.credential.plugins.module_utils.model.secret import Secret
from ansible_collections.nebula.credential.plugins.module_utils.operations.dispatch import perform
from ansible_collections.nebula.credential.plugins.module_utils.store.desired import DesiredCredential
from ansible_collections.nebula.credential.plugins.module_utils.store.open import open_store

PLAY = AccessContext(uid=1000, user="ada", host="web1")
STORES = ("local", "memory", "database")


def config_of(kind, directory):
    return {
        "local": {"backend": "local", "path": str(directory / "store")},
        "memory": {"backend": "memory"},
        "database": {"backend": "database", "url": "sqlite:///{0}".format(directory / "store.db")},
    }[kind]


def open_in(directory, kind="local", days=0, name="prod", **options):
    """Open a store in which it is so many days later than now."""
    config = dict(config_of(kind, directory), audit_path=str(directory / "audit.jsonl"), metrics_path=str(directory / "metrics.json"))
    manager = open_store({**config, **options}, name=name)
    manager.clock = lambda: datetime.now(timezone.utc) + timedelta(days=days)
    return manager


def purge(manager, check=False, **parameters):
    return perform(manager, "store_purge", parameters, PLAY, check).result


@pytest.fixture(params=STORES)
def used(request, tmp_path, monkeypatch):
    """A store of each kind with a trail of several files."""
    monkeypatch.setattr(log_file, "TURN_AT", 2000)
    manager = open_in(tmp_path, request.param, days=500)
    manager.create(DesiredCredential("db", value=Secret("x")))
    for _each in range(30):
        perform(manager, "get", {"name": "db"}, PLAY)
    manager.flush()
    yield manager
    manager.close()


def test_what_is_older_goes_and_check_mode_says_the_same(used):
    files = len(list_turned(used.trail.path))
    planned = purge(used, True, keep_audit="400d")
    assert len(list_turned(used.trail.path)) == files > 2
    done = purge(used, keep_audit="400d")
    assert (planned["changed"], done["changed"]) == (True, True)
    assert done["audit"]["files"] == planned["audit"]["files"]
    assert used.trail.verify() == []
    with_rows = used.backend.capabilities.audit_log
    assert (done["audit"]["rows"] is not None) == with_rows
    if with_rows:
        assert planned["audit"]["rows"] >= 31
    counted = {"audit_files": done["audit"]["files"], **({"audit_rows": done["audit"]["rows"]} if with_rows else {})}
    assert done["diff"] == {"before": counted, "after": dict.fromkeys(counted, 0)}


@pytest.mark.parametrize("counted_before", [True, False])
def test_the_uses_in_removed_files_stay_counted(used, counted_before):
    def count_uses():
        report = perform(used, "credential_info", {"names": ["db"], "usage": True}, PLAY).result
        return report["credentials"][0]["usage"]["uses"], report["usage"]["complete"]

    if counted_before:
        assert count_uses() == (30, True)
    perform(used, "get", {"name": "db"}, PLAY)
    used.flush()
    assert purge(used, keep_audit="400d")["audit"]["files"] > 2
    assert count_uses() == (31, True)
    assert purge(used, keep_audit="400d")["audit"]["files"] > 0
    assert count_uses() == (31, True)


def test_what_is_not_older_stays(used):
    before = list_turned(used.trail.path)
    result = purge(used, keep_audit="600d")
    assert (result["changed"], result["audit"]["files"]) == (False, 0)
    assert list_turned(used.trail.path) == before


def test_a_value_that_was_deleted_does_not_come_back_after_a_purge(tmp_path):
    manager = open_in(tmp_path, days=500)
    manager.create(DesiredCredential("db", value=Secret("old")))
    record = (tmp_path / "store" / "db.enc").read_bytes()
    manager.delete("db")
    purge(manager, keep_audit="1d", keep_metrics="1d")
    (tmp_path / "store" / "db.enc").write_bytes(record)
    with pytest.raises(Exception, match="was deleted, and is there again"):
        manager.get("db")


def test_the_metrics_of_other_stores_go_when_they_are_old(tmp_path):
    for name in ("former", "prod", "other"):
        manager = open_in(tmp_path, name=name)
        manager.create(DesiredCredential(name, value=Secret("x")))
        manager.close()
    path = tmp_path / "metrics.json"
    document = json.loads(path.read_text())
    for entry in document["stores"]:
        if entry["store"] != "other":
            entry["windows"] = {str(int(window) - 96 * 100): counts for window, counts in entry["windows"].items()}
            entry["since"] -= 100 * 86400
    path.write_text(json.dumps(document))
    manager = open_in(tmp_path)
    expected = [{"store": "former", "backend": "local"}]
    assert purge(manager, True, keep_metrics="90d")["metrics"] == {"path": str(path), "stores": expected}
    assert {entry["store"] for entry in json.loads(path.read_text())["stores"]} == {"former", "prod", "other"}
    assert purge(manager, keep_metrics="90d")["metrics"]["stores"] == expected
    assert {entry["store"] for entry in json.loads(path.read_text())["stores"]} == {"prod", "other"}
    again = purge(manager, keep_metrics="90d")
    assert (again["changed"], again["diff"]) == (False, {"before": {"metrics_of_stores": 0}, "after": {"metrics_of_stores": 0}})


@pytest.mark.parametrize(
    ("options", "parameters", "option"),
    [
        ({}, {}, "keep_audit"),
        ({}, {"keep_audit": "long"}, "keep_audit"),
        ({}, {"keep_audit": "0"}, "keep_audit"),
        ({}, {"keep_audit": "400"}, "keep_audit"),
        ({}, {"keep_metrics": " 90 "}, "keep_metrics"),
        ({}, {"keep_metrics": "0d"}, "keep_metrics"),
        ({"audit": "off"}, {"keep_audit": "1d"}, "keep_audit"),
        ({"metrics_path": None}, {"keep_metrics": "1d"}, "keep_metrics"),
    ],
)
def test_what_means_nothing_is_refused_by_name(tmp_path, options, parameters, option):
    with pytest.raises(InvalidInput) as caught:
        purge(open_in(tmp_path, **options), **parameters)
    assert caught.value.option == option


def test_nothing_is_removed_if_a_part_cannot_be(tmp_path):
    """The task is refused before its first part."""
    former = open_in(tmp_path, name="former")
    former.create(DesiredCredential("db", value=Secret("x")))
    former.close()
    before = (tmp_path / "metrics.json").read_bytes()
    with pytest.raises(InvalidInput):
        purge(open_in(tmp_path, days=500, audit="off"), keep_audit="1d", keep_metrics="1d")
    assert (tmp_path / "metrics.json").read_bytes() == before


def test_a_store_without_a_trail_yet_has_nothing_to_remove(tmp_path):
    result = purge(open_in(tmp_path), keep_audit="1d", keep_metrics="1d")
    assert result["changed"] is False
    assert result["audit"] == {"path": str(tmp_path / "audit.jsonl"), "files": 0, "bytes": 0, "last": None, "since": None, "rows": None}
    assert list(tmp_path.iterdir()) == [] or {each.name for each in tmp_path.iterdir()} <= {"store", "metrics.json", "metrics.json.lock"}
